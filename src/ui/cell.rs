//! What stands in one place of a table.

use super::{
    Terminal,
    bar::Bar,
    style::{Ink, Mark},
    width::{Cut, fit, width},
};
use crate::{kind::Status, text};

/// Text from outside is made safe for a terminal here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    mark: Option<Mark>,
    bar: Option<Bar>,
}

/// Where in its columns a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// Cells on one line, two columns between them, and nothing behind the last.
pub(super) fn side_by_side(cells: &[(Cell, usize, Side)], terminal: Terminal, ink: Ink) -> String {
    let mut line = String::new();
    for (cell, room, side) in cells {
        let most = if terminal.stdout { *room } else { usize::MAX };
        let (text, taken) = cell.shown(most, Cut::Middle, terminal, ink);
        let pad = " ".repeat(room.saturating_sub(taken));
        match side {
            Side::Left => line.extend([text, pad]),
            Side::Right => line.extend([pad, text]),
        }
        line.push_str("  ");
    }
    format!("{}\n", line.trim_end())
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text::line(text, usize::MAX), ..Self::default() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self { text: number.to_string(), ..Self::default() }
    }
}

impl From<Status> for Cell {
    fn from(status: Status) -> Self {
        Self::marked(status.into(), status.word())
    }
}

impl From<Bar> for Cell {
    fn from(bar: Bar) -> Self {
        Self { bar: Some(bar), ..Self::default() }
    }
}

impl Cell {
    /// A word with its sign before it on a terminal; elsewhere just the word.
    pub fn marked(mark: Mark, word: &str) -> Self {
        Self { mark: Some(mark), ..Self::from(word) }
    }

    /// As [`Cell::from`], with `spaces` before it: a row that belongs to the one above.
    #[must_use]
    pub fn indented(mut self, spaces: usize) -> Self {
        self.text.insert_str(0, &" ".repeat(spaces));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.bar.is_none()
    }

    pub(super) fn is_marked(&self) -> bool {
        self.mark.is_some()
    }

    /// The columns it wants; a bar wants none, it takes what is there.
    pub(super) fn width(&self, terminal: Terminal) -> usize {
        let mark = if self.mark.is_some() && terminal.stdout { 2 } else { 0 };
        mark + width(&self.text)
    }

    /// In at most `room` columns, and how many it took.
    pub(super) fn shown(
        &self,
        room: usize,
        cut: Cut,
        terminal: Terminal,
        ink: Ink,
    ) -> (String, usize) {
        if let Some(bar) = self.bar {
            return bar.shown(room, terminal.ascii, ink);
        }
        match self.mark.filter(|_| terminal.stdout) {
            Some(mark) if room >= 3 => {
                let word = fit(&self.text, room - 2, cut, terminal.ascii);
                (format!("{} {word}", ink.mark(mark, terminal.ascii)), 2 + width(&word))
            }
            Some(mark) if room > 0 => (ink.mark(mark, terminal.ascii), 1),
            _ => {
                let text = fit(&self.text, room, cut, terminal.ascii);
                let wide = width(&text);
                (text, wide)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_stream_is_cut_on_a_terminal_only() {
        let cells = [
            (Cell::marked(Mark::Bad, "failed"), 12, Side::Left),
            ("kommo__leads_list".into(), 11, Side::Left),
            ("9 ms".into(), 6, Side::Right),
        ];
        let on = Terminal { stdout: true, ..Terminal::default() };
        let line = |terminal| side_by_side(&cells, terminal, Ink::default());
        assert_eq!(line(on), "✗ failed      kommo…_list    9 ms\n");
        assert_eq!(line(Terminal::default()), "failed        kommo__leads_list    9 ms\n");
    }
}
