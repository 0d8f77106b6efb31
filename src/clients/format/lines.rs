//! Edits of text by lines and byte positions.

use std::ops::Range;

/// Where the line of `at` begins.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after that of `at` begins, or the end.
pub(super) fn after(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// Line, then column in characters, both from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before[start(before, before.len())..].chars().count() + 1)
}

/// `text` with `lines` (each ended by `\n`) put in before the line at `at`, with the line breaks
/// that are usual there.
pub(super) fn insert(text: &str, at: usize, lines: &str) -> String {
    let newline = match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    };
    let lines = lines.replace('\n', newline);
    let (before, behind) = text.split_at(at);
    if before.is_empty() || before.ends_with('\n') {
        return format!("{before}{lines}{behind}");
    }
    // The last line is not ended, and so will ours not be.
    format!("{before}{newline}{}", lines.strip_suffix(newline).unwrap_or(&lines))
}

/// `text` with `range` replaced.
pub(super) fn replace(text: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

/// What must go when one of the items between commas goes.
pub(super) fn cut(items: &[Range<usize>], index: usize) -> Range<usize> {
    match (items.get(index + 1), index.checked_sub(1).and_then(|before| items.get(before))) {
        (Some(next), _) => items[index].start..next.start,
        (None, Some(before)) => before.end..items[index].end,
        (None, None) => items[index].clone(),
    }
}

/// Every range replaced by `mask`; they do not overlap and come in order.
pub(super) fn mask(text: &str, ranges: &[Range<usize>], mask: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for range in ranges {
        out.push_str(&text[at..range.start]);
        out.push_str(mask);
        at = range.end;
    }
    out + &text[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_and_put_in_as_the_file_ends_its_own() {
        let text = "a\r\nbc\r\n";
        assert_eq!((start(text, 4), after(text, 4), after(text, 0)), (3, 7, 3));
        assert_eq!(position("é\nxyz", 4), (2, 2));
        assert_eq!(insert(text, 3, "n\n"), "a\r\nn\r\nbc\r\n");
        assert_eq!(insert("a\nb", 3, "n\nm\n"), "a\nb\nn\nm");
        assert_eq!(insert("", 0, "n\n"), "n\n");
    }

    #[test]
    fn an_item_goes_with_one_comma() {
        let text = "a, b, c";
        let items = [0..1, 3..4, 6..7];
        let without = |index| replace(text, cut(&items, index), "");
        assert_eq!(
            (without(0), without(1), without(2)),
            ("b, c".into(), "a, c".into(), "a, b".into())
        );
        assert_eq!(cut(&items[1..2], 0), 3..4);
        assert_eq!(mask(text, &[0..1, 3..4], "*"), "*, *, c");
    }
}
