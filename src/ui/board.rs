//! What is under way, as lines: which work runs, since when, and how it ended.

use super::{
    style::{DIM, Ink, Mark},
    width::{Cut, fit, width, wrap},
};
use crate::text;
use std::{fmt::Write as _, time::Duration};
use tokio::time::Instant;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ASCII_FRAMES: [&str; 4] = ["|", "/", "-", "\\"];
/// How long one of them is seen.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Behind a line stays room for the `^C` of a terminal: a line that it made longer than the
/// terminal would be two, and wiped as one.
const EDGE: usize = 3;
/// What is too long for its line stands so far from the left below it.
const BELOW: usize = 4;

/// Pieces of work that run side by side; one that has no name stands alone.
#[derive(Debug)]
pub(super) struct Board {
    rows: Vec<Row>,
    begun: Instant,
}

#[derive(Debug)]
struct Row {
    name: String,
    step: String,
    begun: Instant,
    end: Option<End>,
    /// It was printed where it stays.
    told: bool,
}

#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) mark: Mark,
    pub(super) text: String,
    took: Duration,
}

/// A line, and the columns that it takes.
pub(super) type Drawn = (String, usize);

/// Where lines are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) ascii: bool,
    pub(super) ink: Ink,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new(), begun: Instant::now() }
    }

    pub(super) fn add(&mut self, name: &str, step: &str) -> usize {
        let (name, step) = (text::line(name, 200), text::line(step, 200));
        self.rows.push(Row { name, step, begun: Instant::now(), end: None, told: false });
        self.rows.len() - 1
    }

    pub(super) fn step(&mut self, row: usize, step: &str) {
        if let Some(row) = self.rows.get_mut(row) {
            row.step = text::line(step, 200);
        }
    }

    pub(super) fn settle(&mut self, row: usize, mark: Mark, told: &str) {
        if let Some(row) = self.rows.get_mut(row) {
            let took = row.begun.elapsed();
            row.end = Some(End { mark, text: text::line(told, 2000), took });
        }
    }

    /// Those that have ended since this was asked last, with the name of each.
    pub(super) fn fresh(&mut self) -> Vec<(String, End)> {
        let mut fresh = Vec::new();
        for row in &mut self.rows {
            if let Some(end) = row.end.as_ref().filter(|_| !row.told) {
                fresh.push((row.name.clone(), end.clone()));
                row.told = true;
            }
        }
        fresh
    }

    fn names(&self, columns: usize) -> usize {
        let widest = self.rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
        // What is said of them is cut before their names are.
        widest.min(columns.saturating_sub(28).max(columns / 3))
    }

    /// What is seen of it now. Where there is no room for all, those that run, as far as they go,
    /// and a line that counts; with `all` also those that have ended.
    pub(super) fn lines(&self, all: bool, screen: Screen) -> Vec<Drawn> {
        let runs = |row: &&Row| row.end.is_none();
        let shown = self.rows.iter().filter(|row| all || row.end.is_none());
        // A line for whatever stands above.
        if self.rows.len() <= screen.rows.saturating_sub(2).max(1) {
            return shown.map(|row| self.line(row, screen)).collect();
        }
        // On a terminal that becomes half as wide each takes two, and what has left the screen
        // cannot be wiped.
        let room = (screen.rows / 2).saturating_sub(1).max(1);
        let running = self.rows.iter().filter(runs).count();
        let ended = self.rows.len() - running;
        let above = self.rows.iter().filter(runs).take(room - 1);
        let mut lines: Vec<Drawn> = above.map(|row| self.line(row, screen)).collect();
        let more = running - lines.len();
        let mut count = format!("{ended} of {} done", self.rows.len());
        if more > 0 {
            let _ = write!(count, ", {more} more under way");
        }
        let count =
            fit(&count, screen.columns.saturating_sub(EDGE + 2).max(1), Cut::End, screen.ascii);
        let wide = width(&count) + 2;
        lines.push((format!("  {}", screen.ink.paint(DIM, &count)), wide));
        lines
    }

    fn line(&self, row: &Row, screen: Screen) -> Drawn {
        let room = screen.columns.saturating_sub(EDGE).max(1);
        let (sign, told, took) = if let Some(end) = &row.end {
            (screen.ink.mark(end.mark, screen.ascii), &end.text, span(end.took))
        } else {
            let took = row.begun.elapsed();
            let took = if took.as_secs() > 0 { span(took) } else { String::new() };
            (self.frame(screen.ascii).to_owned(), &row.step, took)
        };
        let names = self.names(screen.columns);
        let name = fit(&row.name, names, Cut::Middle, screen.ascii);
        let mut wide = 2 + width(&name);
        let mut line = format!("{sign} {name}");
        let mut put = |part: &str, at: usize, dim: bool| {
            let gap = at.saturating_sub(wide).max(usize::from(wide > 2) * 2);
            let part = fit(part, room.saturating_sub(wide + gap), Cut::End, screen.ascii);
            if !part.is_empty() {
                let ink = Ink { on: screen.ink.on && dim };
                line.push_str(&" ".repeat(gap));
                line.push_str(&ink.paint(DIM, &part));
                wide += gap + width(&part);
            }
        };
        // The time is short, and what would be cut for it is longer; its room is always kept, so
        // that nothing jumps as it grows.
        let left = room.saturating_sub(4 + names + 2 + width(&took).max(6));
        let told = fit(told, left, Cut::End, screen.ascii);
        put(&told, if names == 0 { 2 } else { names + 4 }, false);
        put(&took, 0, true);
        (line, wide)
    }

    fn frame(&self, ascii: bool) -> &'static str {
        let at = self.begun.elapsed().as_millis() / TICK.as_millis();
        let of = |all: &[&'static str]| {
            usize::try_from(at % all.len() as u128).ok().and_then(|at| all.get(at).copied())
        };
        let frame = if ascii { of(&ASCII_FRAMES) } else { of(&FRAMES) };
        frame.unwrap_or("-")
    }

    /// How `name` ended, in full and as it stays on a terminal that is so wide.
    pub(super) fn settled(&self, name: &str, end: &End, screen: Screen) -> String {
        let names = self.names(screen.columns);
        let name = fit(name, names, Cut::Middle, screen.ascii);
        let pad = " ".repeat(names - width(&name));
        let sign = screen.ink.mark(end.mark, screen.ascii);
        let at = names + 4;
        let mut took = format!("  {}", span(end.took));
        if at + width(&took) > screen.columns {
            took.clear();
        }
        let room = screen.columns.saturating_sub(at + width(&took));
        let took = screen.ink.paint(DIM, &took);
        if width(&end.text) <= room {
            return format!("{sign} {name}{pad}  {}{took}\n", end.text);
        }
        // Too long to stand beside it.
        let mut out = format!("{sign} {name}{took}\n");
        for line in wrap(&end.text, screen.columns.saturating_sub(BELOW)) {
            let _ = writeln!(out, "{}{line}", " ".repeat(BELOW));
        }
        out
    }
}

/// How long something took, in three digits or so.
fn span(time: Duration) -> String {
    match (time.as_secs(), time.as_millis()) {
        (0, ms) => format!("{ms} ms"),
        (1..10, ms) => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        (s @ 10..60, _) => format!("{s} s"),
        (s, _) => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn screen(columns: usize, rows: usize) -> Screen {
        Screen { columns, rows, ascii: false, ink: Ink::default() }
    }

    fn texts(lines: &[Drawn]) -> Vec<&str> {
        lines.iter().map(|(line, _)| line.as_str()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_a_line_that_becomes_how_it_ended() {
        let mut board = Board::new();
        board.add("kommo", "asking");
        board.add("ads", "asking");
        tokio::time::advance(Duration::from_millis(230)).await;
        board.settle(0, Mark::Good, "41 tools");
        tokio::time::advance(Duration::from_secs(2)).await;
        board.step(1, "signing in");
        let lines = board.lines(true, screen(60, 24));
        assert_eq!(texts(&lines), ["✓ kommo  41 tools  230 ms", "⠹ ads    signing in  2.2 s"]);
        assert_eq!(texts(&board.lines(false, screen(60, 24))), ["⠹ ads    signing in  2.2 s"]);
        let fresh = board.fresh();
        assert_eq!((fresh.len(), &*fresh[0].0), (1, "kommo"));
        let settled = board.settled("kommo", &fresh[0].1, screen(60, 24));
        assert_eq!(settled, "✓ kommo  41 tools  230 ms\n");
        assert!(board.fresh().is_empty(), "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_folded_into_a_count() {
        let mut board = Board::new();
        for n in 0..30 {
            board.add(&format!("c{n}"), "asking");
        }
        for n in 0..12 {
            board.settle(n, Mark::Good, "1 tool");
        }
        let lines = board.lines(true, screen(80, 24));
        let last = "  12 of 30 done, 8 more under way";
        assert_eq!((lines.len(), &*lines[0].0, &*lines[10].0), (11, "⠋ c12  asking", last));
        for n in 12..25 {
            board.settle(n, Mark::Good, "1 tool");
        }
        let lines = board.lines(true, screen(80, 24));
        assert_eq!((lines.len(), &*lines[5].0), (6, "  25 of 30 done"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_in_full() {
        let mut board = Board::new();
        board.add("ads", "asking");
        board.settle(0, Mark::Bad, "could not reach it: connection refused");
        let fresh = board.fresh();
        assert_eq!(
            board.settled("ads", &fresh[0].1, screen(40, 24)),
            "✗ ads  0 ms\n    could not reach it: connection\n    refused\n"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_as_wide_as_the_screen(
            names in proptest::collection::vec("\\PC{0,40}", 1..40),
            step in "\\PC{0,80}",
            columns in 20usize..=200,
            rows in 1usize..60,
            ended in any::<u64>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _inside = runtime.enter();
            let mut board = Board::new();
            for (at, name) in names.iter().enumerate() {
                board.add(name, &step);
                if ended >> (at % 64) & 1 == 1 {
                    board.settle(at, Mark::Bad, &step);
                }
            }
            for all in [true, false] {
                let lines = board.lines(all, screen(columns, rows));
                prop_assert!(lines.len() < rows.max(2));
                for (line, wide) in lines {
                    prop_assert_eq!(width(&line), wide, "{}", line);
                    prop_assert!(wide < columns, "{line:?}");
                }
            }
            for (name, end) in board.fresh() {
                let settled = board.settled(&name, &end, screen(columns, rows));
                prop_assert!(settled.lines().all(|line| width(line) <= columns), "{settled}");
            }
        }
    }
}
