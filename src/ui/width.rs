//! How many columns of a terminal a text takes, and how it is made to take no more than there are.

use unicode_width::UnicodeWidthChar as _;

/// Where a text loses what is too much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cut {
    #[default]
    End,
    /// For names and addresses, whose ends tell them apart.
    Middle,
}

/// The columns that `text` takes, and never fewer.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(columns).sum() }
}

fn columns(c: char) -> usize {
    // U+FE0F makes an emoji, two columns wide, of a character that had one.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// `text` in at most `room` columns, with dots where something is missing.
pub(super) fn fit(text: &str, room: usize, cut: Cut, ascii: bool) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let dots = if ascii { "..." } else { "…" };
    let Some(left) = room.checked_sub(width(dots)).filter(|left| *left > 0) else {
        return head(text, room).to_owned();
    };
    match cut {
        Cut::End => format!("{}{dots}", head(text, left).trim_end()),
        Cut::Middle => {
            let tail = tail(text, left / 2);
            format!("{}{dots}{tail}", head(text, left - left / 2))
        }
    }
}

/// The longest beginning that takes no more than `room` columns.
fn head(text: &str, room: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += columns(c);
        if taken > room {
            return &text[..at];
        }
    }
    text
}

/// The longest end that takes no more than `room` columns.
fn tail(text: &str, room: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices().rev() {
        taken += columns(c);
        if taken > room {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// `text` in lines of at most `room` columns, broken between words, and inside of those that no
/// line can hold. At least one line.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(2);
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in text.split_whitespace() {
        let wide = width(word);
        if taken > 0 && taken + 1 + wide > room {
            lines.push(String::new());
            taken = 0;
        }
        let mut rest = word;
        // Nothing of it gets lost: it goes on in the next line.
        while taken == 0 && width(rest) > room {
            let part = head(rest, room);
            rest = &rest[part.len()..];
            if let Some(line) = lines.last_mut() {
                line.push_str(part);
            }
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if taken > 0 {
                line.push(' ');
                taken += 1;
            }
            line.push_str(rest);
            taken += width(rest);
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_characters_count_twice_and_are_never_cut_in_half() {
        assert_eq!(
            (width("abc"), width("日本"), width("⚠\u{fe0f}"), width("e\u{301}")),
            (3, 4, 2, 1)
        );
        let cut = |room| fit("日本語テスト", room, Cut::End, false);
        assert_eq!([cut(12), cut(6), cut(5), cut(2)], ["日本語テスト", "日本…", "日本…", "…"]);
        assert_eq!(fit("https://kommo.example/mcp", 12, Cut::Middle, false), "https:…e/mcp");
        assert_eq!(fit("https://kommo.example/mcp", 12, Cut::Middle, true), "https.../mcp");
        assert_eq!(fit("plain", 2, Cut::End, true), "pl");
    }

    #[test]
    fn a_text_is_broken_between_words_and_loses_nothing() {
        assert_eq!(wrap("could not reach kommo", 10), ["could not", "reach", "kommo"]);
        assert_eq!(wrap("see abcdefghijkl now", 5), ["see", "abcde", "fghij", "kl", "now"]);
        assert_eq!(wrap("", 9), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_its_room(text in "\\PC{0,80}", room in 2usize..60) {
            for cut in [Cut::End, Cut::Middle] {
                prop_assert!(width(&fit(&text, room, cut, false)) <= room);
                prop_assert!(width(&fit(&text, room, cut, true)) <= room);
            }
            let lines = wrap(&text, room);
            prop_assert!(lines.iter().all(|line| width(line) <= room), "{lines:?}");
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
