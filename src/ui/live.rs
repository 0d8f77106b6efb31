//! The lines at the end of the screen that are drawn again and again, and wiped when it is over.

use super::{
    Out,
    board::{Board, Screen, TICK},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What is over by then needs no word.
const PATIENCE: Duration = Duration::from_millis(300);

pub(super) type Shared = Arc<Mutex<Board>>;

/// What is under way, and what of it stands on the screen.
#[derive(Debug, Default)]
pub(super) struct Live {
    board: Option<Shared>,
    /// Those that have ended are drawn too.
    all: bool,
    /// The columns of each line that stands there, the cursor behind the last of them.
    drawn: Vec<usize>,
    /// Somebody else writes to the terminal, or reads from it.
    paused: bool,
}

/// Takes the lines away when the work is over, done or not.
pub(super) struct Showing<'a>(&'a Out);

impl Drop for Showing<'_> {
    fn drop(&mut self) {
        let mut live = self.0.live();
        self.0.wipe(&mut live);
        live.board = None;
    }
}

pub(super) fn lock(board: &Shared) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Out {
    /// Runs `work`, and after 300 ms says on a terminal what it is that takes so long, and how
    /// long it has taken. [`Out::step`] says something else of it.
    pub async fn waiting<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut board = Board::new();
        board.add("", what);
        let shown = self.show(Arc::new(Mutex::new(board)), false);
        let mut work = Box::pin(work);
        match shown {
            Some(_showing) => self.ticking(&mut work, || ()).await,
            None => work.await,
        }
    }

    /// What [`Out::waiting`] waits for now; begins to show it again after [`Out::settle`].
    pub fn step(&self, what: &str) {
        let mut live = self.live();
        live.paused = false;
        if let Some(board) = &live.board {
            lock(board).step(0, what);
        }
    }

    /// Wipes what is under way, and shows nothing of it until the next [`Out::step`]: somebody
    /// else has the terminal.
    pub fn settle(&self) {
        let mut live = self.live();
        self.wipe(&mut live);
        live.paused = true;
    }

    /// Nothing where nobody sees it, and where something else is under way already.
    pub(super) fn show(&self, board: Shared, all: bool) -> Option<Showing<'_>> {
        let mut live = self.live();
        if !self.draws() || live.board.is_some() {
            return None;
        }
        *live = Live { board: Some(board), all, ..Live::default() };
        drop(live);
        Some(Showing(self))
    }

    /// Runs `work`; `each` comes before the lines are drawn.
    pub(super) async fn ticking<T>(
        &self,
        work: &mut (impl Future<Output = T> + Unpin),
        mut each: impl FnMut(),
    ) -> T {
        let mut next = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                biased;
                done = &mut *work => return done,
                () = tokio::time::sleep_until(next) => {
                    each();
                    self.draw();
                    next = Instant::now() + TICK;
                }
            }
        }
    }

    fn draw(&self) {
        let mut live = self.live();
        let Some(board) = live.board.clone().filter(|_| !live.paused) else { return };
        let screen = self.screen();
        let lines = lock(&board).lines(live.all, screen);
        // In one piece, so that nothing flickers.
        let mut text = wiped(&live.drawn, screen.columns);
        let texts: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
        text.push_str(&texts.join("\n"));
        live.drawn = lines.iter().map(|(_, wide)| *wide).collect();
        self.say(&text);
    }

    /// Takes away what stands there; it comes back with the next tick.
    pub(super) fn wipe(&self, live: &mut Live) {
        if !live.drawn.is_empty() {
            let drawn = std::mem::take(&mut live.drawn);
            self.say(&wiped(&drawn, self.screen().columns));
        }
    }

    pub(super) fn screen(&self) -> Screen {
        let (columns, rows) = self.size();
        let (ascii, ink) = (self.terminal().ascii, self.people_ink());
        Screen { columns: columns.into(), rows: rows.into(), ascii, ink }
    }
}

/// What wipes lines, the cursor behind the last. On a terminal that has become narrower each may
/// have become several.
fn wiped(drawn: &[usize], columns: usize) -> String {
    let rows: usize = drawn.iter().map(|wide| wide.div_ceil(columns.max(1)).max(1)).sum();
    match rows {
        0 => String::new(),
        // Line by line: what is cleared from the top of the screen on, all at once, some terminals
        // keep in their history.
        _ => format!("\r\u{1b}[K{}", "\u{1b}[1A\u{1b}[K".repeat(rows - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Look, Terminal, capture::Buffer, screen::seen};

    const TERMINAL: Terminal =
        Terminal { stdin: true, stdout: true, stderr: true, columns: Some(40), ascii: false };

    fn on(look: Look, terminal: Terminal) -> (Out, Buffer) {
        let both = Buffer::default();
        let out = Out::to(look, terminal, Box::new(both.clone()), Box::new(both.clone()));
        (out.with_screen(|| Some((40, 10))), both)
    }

    async fn passes(millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_told_after_a_while_and_wiped() {
        let (out, written) = on(Look::default(), TERMINAL);
        out.waiting("quick", passes(290)).await;
        assert_eq!(written.text(), "");
        let work = async {
            passes(1250).await;
            assert_eq!(seen(&written.text(), 40, 10), ["⠹ asking the server  1.2 s"]);
            out.note("a note");
            assert_eq!(seen(&written.text(), 40, 10), ["a note"]);
            out.step("signing in");
            passes(100).await;
            assert_eq!(seen(&written.text(), 40, 10), ["a note", "⠸ signing in  1.3 s"]);
        };
        out.waiting("asking the server", work).await;
        assert_eq!(seen(&written.text(), 40, 10), ["a note"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_has_the_terminal_alone() {
        let (out, written) = on(Look::default(), TERMINAL);
        let work = async {
            passes(500).await;
            out.settle();
            let before = written.text();
            passes(5000).await;
            assert_eq!(written.text(), before, "somebody types");
            out.step("trying the key");
            passes(200).await;
            assert_ne!(written.text(), before);
        };
        out.waiting("connecting", work).await;
        assert_eq!(seen(&written.text(), 40, 10), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_dropped_takes_its_line_along() {
        let (out, written) = on(Look::default(), TERMINAL);
        let cut =
            tokio::time::timeout(Duration::from_secs(1), out.waiting("calling", passes(9000)));
        assert!(cut.await.is_err() && written.text().contains("calling"));
        assert_eq!(seen(&written.text(), 40, 10), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_drawn_where_nobody_watches() {
        let look = Look::default;
        for (look, terminal) in [
            (look(), Terminal { stderr: false, ..TERMINAL }),
            (Look { calm: true, ..look() }, TERMINAL),
            (Look { quiet: true, ..look() }, TERMINAL),
            (Look { json: true, ..look() }, TERMINAL),
        ] {
            let (out, written) = on(look, terminal);
            out.waiting("slow", passes(2000)).await;
            assert_eq!(written.text(), "");
        }
    }

    #[test]
    fn a_line_that_a_narrower_terminal_broke_is_wiped_whole() {
        let line = "x".repeat(30);
        let text = format!("before\n{line}\n{line}{}after", wiped(&[30, 30], 20));
        assert_eq!(seen(&text, 20, 10), ["before", "after"]);
    }
}
