//! One line for each of several things that run side by side.

use super::{
    Mark, Out,
    board::{Board, Screen},
    live::{Shared, lock},
};
use std::{
    io,
    sync::{Arc, Mutex},
};

/// What becomes of the lines when all is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// They are what the command has to say: on a terminal each goes to stdout once it is
    /// settled, and elsewhere all of them at the end, in order: `name: text` to stdout for what
    /// went well, a warning to stderr for what did not. Not with `--json`.
    Keep,
    /// The command says it all again in another way: they were only for waiting.
    Wipe,
}

/// A line each on stderr for what runs side by side: what it does now, and how long already; when
/// it has ended, how. On a terminal only, after 300 ms, folded where they are too many.
///
/// ```
/// # use allmcp::ui::{After, Out};
/// # async fn fetch(_name: &str) -> Result<usize, String> { Ok(1) }
/// # async fn run(out: &Out) -> std::io::Result<()> {
/// let progress = out.progress(After::Keep);
/// let all = ["kommo", "sheets"].map(|name| {
///     let line = progress.line(name, "asking the server");
///     async move {
///         match fetch(name).await {
///             Ok(tools) => line.good(&format!("{tools} tools")),
///             Err(error) => line.bad(&error),
///         }
///     }
/// });
/// progress.watch(futures_util::future::join_all(all)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Progress<'a> {
    out: &'a Out,
    board: Shared,
    after: After,
}

/// One of the lines; dropped unsettled it is gone at the end.
#[derive(Debug)]
pub struct Line {
    board: Shared,
    row: usize,
}

impl Out {
    /// Lines for what runs side by side; see [`Progress`].
    pub fn progress(&self, after: After) -> Progress<'_> {
        Progress { out: self, board: Arc::new(Mutex::new(Board::new())), after }
    }
}

impl Progress<'_> {
    /// A line for `name`, which does `step` now. Its time begins now.
    pub fn line(&self, name: &str, step: &str) -> Line {
        Line { board: Arc::clone(&self.board), row: lock(&self.board).add(name, step) }
    }

    /// Runs `work`, during which lines are settled, and shows them.
    ///
    /// # Errors
    /// The reader of stdout went away.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> io::Result<T> {
        let mut work = Box::pin(work);
        let done = match self.out.show(Arc::clone(&self.board), self.after == After::Wipe) {
            Some(_showing) => {
                // A terminal takes what is written, or is gone at the end too.
                let each = || drop(self.tell_settled());
                self.out.ticking(&mut work, each).await
            }
            None => work.await,
        };
        self.tell_settled()?;
        self.tell_plainly()?;
        Ok(done)
    }

    fn stays(&self) -> bool {
        self.after == After::Keep && !self.out.json()
    }

    /// What has ended since, above the lines of what has not.
    fn tell_settled(&self) -> io::Result<()> {
        if !self.stays() || !self.out.terminal().stdout {
            return Ok(());
        }
        let screen = Screen { ink: self.out.data_ink(), ..self.out.screen() };
        let mut board = lock(&self.board);
        let fresh = board.fresh();
        let told = fresh.iter().map(|(name, end)| board.settled(name, end, screen));
        let text: String = told.collect();
        drop(board);
        if text.is_empty() { Ok(()) } else { self.out.write(text.as_bytes()) }
    }

    fn tell_plainly(&self) -> io::Result<()> {
        if !self.stays() || self.out.terminal().stdout {
            return Ok(());
        }
        let fresh = lock(&self.board).fresh();
        for (name, end) in fresh {
            let told = format!("{name}: {}", end.text);
            if end.mark == Mark::Good { self.out.line(&told)? } else { self.out.warn(&told) }
        }
        Ok(())
    }
}

impl Line {
    /// What it does now.
    pub fn step(&self, what: &str) {
        lock(&self.board).step(self.row, what);
    }

    /// It went well.
    pub fn good(&self, told: &str) {
        lock(&self.board).settle(self.row, Mark::Good, told);
    }

    /// It did not. `told` says why; the name stands before it.
    pub fn bad(&self, told: &str) {
        self.settle(Mark::Bad, told);
    }

    /// It ended in some other way.
    pub fn settle(&self, mark: Mark, told: &str) {
        lock(&self.board).settle(self.row, mark, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Look, Terminal, capture::Buffer, screen::seen};
    use futures_util::future::join_all;
    use std::time::Duration;

    fn terminal() -> Terminal {
        Terminal { stdin: true, stdout: true, stderr: true, columns: Some(60), ascii: false }
    }

    fn on(terminal: Terminal) -> (Out, Buffer, Buffer) {
        let (data, people) = (Buffer::default(), Buffer::default());
        // A terminal shows both.
        let people = if terminal.stdout && terminal.stderr { data.clone() } else { people };
        let out =
            Out::to(Look::default(), terminal, Box::new(data.clone()), Box::new(people.clone()));
        (out.with_screen(|| Some((60, 24))), data, people)
    }

    /// Thirty, the last first; every tenth fails. `look` is called in the middle.
    async fn thirty(out: &Out, after: After, look: impl Fn()) {
        let progress = out.progress(after);
        let all = (0..30u64).map(|n| {
            let line = progress.line(&format!("c{n}"), "asking");
            async move {
                tokio::time::sleep(Duration::from_millis(100 * (30 - n))).await;
                match n % 10 {
                    0 => line.bad("connection refused"),
                    _ => line.good(&format!("{n} tools")),
                }
            }
        });
        let looking = async {
            tokio::time::sleep(Duration::from_millis(2050)).await;
            look();
        };
        let all = async { tokio::join!(join_all(all), looking) };
        progress.watch(all).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_thirty_is_settled_once_on_a_small_terminal() {
        let (out, screen, _) = on(terminal());
        thirty(&out, After::Keep, || {
            let lines = seen(&screen.text(), 60, 24);
            assert!(
                lines.iter().any(|line| line == "✗ c20  connection refused  1.0 s"),
                "{lines:?}"
            );
            assert_eq!(lines.last().unwrap(), "  20 of 30 done");
            assert!(lines.iter().filter(|line| line.ends_with("asking  2.0 s")).count() == 10);
        })
        .await;
        let lines = seen(&screen.text(), 60, 24);
        assert_eq!(lines.len(), 30, "{lines:#?}");
        for n in 0..30 {
            let name = format!(" c{n} ");
            let own: Vec<_> = lines.iter().filter(|line| line.contains(&name)).collect();
            assert_eq!(own.len(), 1, "{own:?}");
            assert!(own[0].starts_with(if n % 10 == 0 { '✗' } else { '✓' }), "{own:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_only_for_waiting_leaves_nothing() {
        let (out, screen, _) = on(terminal());
        thirty(&out, After::Wipe, || {
            let lines = seen(&screen.text(), 60, 24);
            assert_eq!(lines.len(), 11, "{lines:?}");
        })
        .await;
        assert_eq!(seen(&screen.text(), 60, 24), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn off_a_terminal_all_is_told_at_the_end_and_in_order() {
        for stderr in [false, true] {
            let (out, data, people) = on(Terminal { stderr, ..Terminal::default() });
            thirty(&out, After::Keep, || assert_eq!(data.text(), "")).await;
            let lines: Vec<String> = data.text().lines().map(str::to_owned).collect();
            assert_eq!(lines.len(), 27);
            assert_eq!((&*lines[0], &*lines[26]), ("c1: 1 tools", "c29: 29 tools"));
            let shown = seen(&people.text(), 60, 24);
            let warned = [0, 10, 20].map(|n| format!("warning: c{n}: connection refused"));
            assert_eq!(shown, warned);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_quick_is_told_in_order_and_never_drawn() {
        let (out, screen, _) = on(terminal());
        let progress = out.progress(After::Keep);
        let (first, second) = (progress.line("a", "asking"), progress.line("b", "asking"));
        let work = async {
            second.good("2 tools");
            first.good("1 tool");
        };
        progress.watch(work).await.unwrap();
        assert_eq!(screen.text(), "✓ a  1 tool  0 ms\n✓ b  2 tools  0 ms\n");
    }
}
