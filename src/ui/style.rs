//! Colours, by meaning; never a meaning by colour alone.

use crate::kind::Status;
use anstyle::{AnsiColor, Style};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Paints, or does not: decided once per stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ink {
    pub on: bool,
}

impl Ink {
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A unified diff with its lines coloured as everywhere.
    pub(super) fn diff(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (bare, end) = match line.strip_suffix('\n') {
                Some(bare) => (bare, "\n"),
                None => (line, ""),
            };
            let style = match bare.as_bytes().first() {
                _ if bare.starts_with("+++") || bare.starts_with("---") => BOLD,
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                Some(b'@') => CYAN,
                _ => Style::new(),
            };
            out.push_str(&self.paint(style, &crate::text::clean(bare)));
            out.push_str(end);
        }
        out
    }
}

/// The sign before a status word, for eyes that run down a column.
pub const fn status_glyph(status: Status) -> char {
    match status {
        Status::Connected => '✓',
        Status::NeedsAuth => '!',
        Status::Error => '✗',
        Status::Paused => '~',
        Status::Disabled => '-',
        Status::Unknown => '?',
    }
}

pub(super) const fn glyph_style(glyph: char) -> Style {
    match glyph {
        '✓' => GREEN,
        '✗' => RED,
        '!' | '~' => YELLOW,
        _ => DIM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ink_nothing_is_added() {
        let diff = "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z";
        assert_eq!(Ink { on: false }.diff(diff), diff);
        let painted = Ink { on: true }.diff(diff);
        assert!(painted.contains("\u{1b}[31m-x\u{1b}[0m\n"), "{painted:?}");
        assert!(painted.ends_with("\n z"), "{painted:?}");
    }

    #[test]
    fn an_escape_in_a_diffed_file_does_not_reach_the_terminal() {
        assert_eq!(Ink::default().diff("+\u{1b}[2Jx\r\n"), "+[2Jx\r\n");
    }
}
