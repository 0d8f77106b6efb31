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

/// The sign before a word, for eyes that run down a column. The word says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Waits for the user, or wants a look.
    Wanted,
    Bad,
    /// For a while.
    Paused,
    /// On purpose.
    Off,
    Unknown,
}

impl Mark {
    /// One column wide.
    pub(super) const fn glyph(self, ascii: bool) -> char {
        match self {
            Self::Good if ascii => '+',
            Self::Good => '✓',
            Self::Wanted => '!',
            Self::Bad if ascii => 'x',
            Self::Bad => '✗',
            Self::Paused => '~',
            Self::Off => '-',
            Self::Unknown => '?',
        }
    }

    pub(super) const fn style(self) -> Style {
        match self {
            Self::Good => GREEN,
            Self::Bad => RED,
            Self::Wanted | Self::Paused => YELLOW,
            Self::Off | Self::Unknown => DIM,
        }
    }
}

impl From<Status> for Mark {
    fn from(status: Status) -> Self {
        match status {
            Status::Connected => Self::Good,
            Status::NeedsAuth => Self::Wanted,
            Status::Error => Self::Bad,
            Status::Paused => Self::Paused,
            Status::Disabled => Self::Off,
            Status::Unknown => Self::Unknown,
        }
    }
}

impl Ink {
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(super) fn mark(self, mark: Mark, ascii: bool) -> String {
        self.paint(mark.style(), mark.glyph(ascii).encode_utf8(&mut [0; 4]))
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
