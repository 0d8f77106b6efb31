//! A number as a bar, for eyes that compare.

use super::style::{CYAN, Ink, RED};

/// What is drawn in one of eight widths of the last column.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// So many of something, and how many of them are bad, beside others of which one has the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    pub all: u64,
    /// Drawn at the end in another way, so that it shows without colours too.
    pub bad: u64,
    pub most: u64,
}

impl Bar {
    /// In at most `room` columns, and how many it took. What is not nothing is seen.
    pub(super) fn shown(self, room: usize, ascii: bool, ink: Ink) -> (String, usize) {
        let room = room as u64;
        let most = self.most.max(1);
        // In eighths of a column.
        let of = |count: u64| (count.min(most) * room * 8).div_ceil(most);
        let bad = if self.bad == 0 { 0 } else { of(self.bad).div_ceil(8).max(1) }.min(room);
        let good = of(self.all.saturating_sub(self.bad)).min((room - bad) * 8);
        let mut full = good / 8;
        let mut rest = String::new();
        if ascii {
            full = good.div_ceil(8);
        } else if let Some(eighth) = (good % 8).checked_sub(1) {
            rest = EIGHTHS
                .get(usize::try_from(eighth).unwrap_or(0))
                .map(char::to_string)
                .unwrap_or_default();
        }
        let times = |sign: &str, count: u64| sign.repeat(usize::try_from(count).unwrap_or(0));
        let good = times(if ascii { "#" } else { "█" }, full) + &rest;
        let taken = good.chars().count() + usize::try_from(bad).unwrap_or(0);
        let bad = times(if ascii { "x" } else { "░" }, bad);
        let paint = |style, text: &str| match text {
            "" => String::new(),
            text => ink.paint(style, text),
        };
        (paint(CYAN, &good) + &paint(RED, &bad), taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bar(all: u64, bad: u64, most: u64, room: usize, ascii: bool) -> String {
        Bar { all, bad, most }.shown(room, ascii, Ink::default()).0
    }

    #[test]
    fn it_is_as_long_as_its_share_in_eighths() {
        assert_eq!(bar(100, 0, 100, 4, false), "████");
        assert_eq!(bar(50, 0, 100, 3, false), "█▌");
        assert_eq!(bar(1, 0, 1000, 10, false), "▏");
        assert_eq!(bar(0, 0, 100, 10, false), "");
        assert_eq!(bar(50, 0, 100, 3, true), "##");
    }

    #[test]
    fn what_is_bad_is_seen_without_colours() {
        assert_eq!(bar(100, 50, 100, 4, false), "██░░");
        assert_eq!(bar(100, 1, 100, 4, false), "███░");
        assert_eq!(bar(3, 3, 100, 4, true), "x");
        let painted = Bar { all: 2, bad: 1, most: 2 }.shown(2, false, Ink { on: true });
        assert_eq!(painted, ("\u{1b}[36m█\u{1b}[0m\u{1b}[31m░\u{1b}[0m".to_owned(), 2));
    }

    proptest! {
        #[test]
        fn it_never_takes_more_than_there_is(all in 0u64..5000, bad in 0u64..5000, most in 0u64..5000, room in 0usize..60) {
            for ascii in [false, true] {
                let (text, taken) = Bar { all, bad, most }.shown(room, ascii, Ink::default());
                prop_assert!(taken <= room);
                prop_assert_eq!(text.chars().count(), taken);
            }
        }
    }
}
