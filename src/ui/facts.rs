//! What is known of one thing: a label and a value a line, and texts that are folded.

use super::{
    Terminal,
    style::{DIM, Ink, Mark},
    width::{width, wrap},
};
use crate::text;
use std::fmt::Write as _;

/// A value with less room than this stands below its label.
const LEAST: usize = 20;
/// A label that is longer pushes only its own value to the right.
const WIDEST: usize = 24;

/// Labels and values; a value that is missing is no line.
#[derive(Debug, Clone)]
pub struct Facts {
    indent: usize,
    rows: Vec<(String, Option<Mark>, String)>,
}

impl Facts {
    /// So many columns from the left.
    pub fn at(indent: usize) -> Self {
        Self { indent, rows: Vec::new() }
    }

    pub fn add(&mut self, label: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.rows.push((text::line(label, 60), None, text::line(value, 2000)));
        }
        self
    }

    /// A value with its sign before it on a terminal.
    pub fn marked(&mut self, label: &str, mark: Mark, value: &str) -> &mut Self {
        self.rows.push((text::line(label, 60), Some(mark), text::line(value, 2000)));
        self
    }

    /// In a pipe each value is whole on its line.
    pub(super) fn render(&self, terminal: Terminal, ink: Ink) -> String {
        let widest =
            self.rows.iter().map(|(label, ..)| width(label)).max().unwrap_or(0).min(WIDEST);
        let start = " ".repeat(self.indent);
        let mut out = String::new();
        for (label, mark, value) in &self.rows {
            let mark = mark.filter(|_| terminal.stdout);
            let mark = mark.map(|mark| ink.mark(mark, terminal.ascii) + " ").unwrap_or_default();
            let wide = width(label).max(widest);
            let pad = " ".repeat(wide - width(label));
            let label = start.clone() + &ink.paint(DIM, label);
            let at = self.indent + wide + 2;
            let Some(columns) = terminal.columns.map(usize::from) else {
                let _ = writeln!(out, "{label}{pad}  {mark}{value}");
                continue;
            };
            let taken = if mark.is_empty() { 0 } else { 2 };
            let below = columns < at + taken + LEAST && width(value) + at + taken > columns;
            let (gap, at) = if below {
                (format!("\n{start}  "), self.indent + 2)
            } else {
                (format!("{pad}  "), at)
            };
            let lines = wrap(value, columns.saturating_sub(at + taken));
            let lines = lines.join(&format!("\n{}", " ".repeat(at + taken)));
            let _ = writeln!(out, "{label}{gap}{mark}{lines}");
        }
        out
    }
}

/// `text` on a terminal in lines of its width, each `indent` from the left and those after the
/// first `more` further; elsewhere on one line. Spaces before it stay.
pub(super) fn folded(text: &str, indent: usize, more: usize, terminal: Terminal) -> String {
    let text = text::clean(text);
    let inner = text.trim_start_matches(' ');
    let before = indent + text.len() - inner.len();
    let Some(columns) = terminal.columns.map(usize::from) else {
        return format!("{}{inner}\n", " ".repeat(before));
    };
    let start = " ".repeat(before.min(columns / 2));
    let lines = wrap(inner, columns.saturating_sub(start.len() + more));
    format!("{start}{}\n", lines.join(&format!("\n{start}{}", " ".repeat(more))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn on(columns: u16) -> Terminal {
        Terminal { stdout: true, columns: Some(columns), ..Terminal::default() }
    }

    fn facts() -> Facts {
        let mut facts = Facts::at(2);
        facts.marked("status", Mark::Bad, "error");
        facts.add("last error", Some("could not reach kommo: connection refused"));
        facts.add("nothing", None);
        facts
    }

    #[test]
    fn values_stand_below_each_other_and_are_folded() {
        assert_eq!(
            facts().render(on(40), Ink::default()),
            "  status      ✗ error\n  last error  could not reach kommo:\n              connection refused\n"
        );
        assert_eq!(
            facts().render(on(24), Ink::default()),
            "  status      ✗ error\n  last error\n    could not reach\n    kommo: connection\n    refused\n"
        );
        assert_eq!(
            facts().render(Terminal::default(), Ink::default()),
            "  status      error\n  last error  could not reach kommo: connection refused\n"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(text in "\\PC{0,200}", columns in 20u16..=200) {
            let mut facts = Facts::at(2);
            facts.add("last error", Some(&text)).marked("status", Mark::Good, &text);
            let all = facts.render(on(columns), Ink::default()) + &folded(&text, 2, 2, on(columns));
            for line in all.lines() {
                prop_assert!(width(line) <= usize::from(columns), "{line:?}");
            }
        }
    }
}
