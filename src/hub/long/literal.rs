//! Cutting the text of a JSON string where nothing is torn.

/// How far back a line's end is looked for, in bytes.
const LINE: usize = 2048;

/// The longest beginning of `literal` (the inside of a JSON string) of at most `max` bytes that
/// ends between two characters, and after a line where one ends near. Never empty for a `max` of
/// 12, the longest escape of one character.
pub(super) fn cut(literal: &[u8], max: usize) -> usize {
    if literal.len() <= max {
        return literal.len();
    }
    let mut at = 0;
    let mut line = None;
    while at < literal.len() {
        let next = at + width(&literal[at..]);
        if next > max {
            break;
        }
        if literal[at..].starts_with(br"\n") {
            line = Some(next);
        }
        at = next;
    }
    line.filter(|line| at - line <= LINE && *line > 0).unwrap_or(at)
}

/// Bytes of the character that `text` begins with, as it is written.
fn width(text: &[u8]) -> usize {
    let wide = match text {
        [b'\\', b'u', rest @ ..] => {
            let high = rest.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'd'))
                && rest
                    .get(1)
                    .is_some_and(|b| matches!(b, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'));
            let low = high && rest.get(4..6) == Some(br"\u");
            if low { 12 } else { 6 }
        }
        [b'\\', ..] => 2,
        [first, ..] if *first >= 0xf0 => 4,
        [first, ..] if *first >= 0xe0 => 3,
        [first, ..] if *first >= 0xc0 => 2,
        _ => 1,
    };
    wide.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_and_pairs_stay_whole() {
        let text = br"ab\ud83d\ude00c";
        for max in 2..14 {
            assert_eq!(cut(text, max), 2, "{max}");
        }
        assert_eq!(cut(text, 14), 14);
        assert_eq!(cut(br"a\nb", 2), 1);
        assert_eq!(cut(br"aaaa\nbbbb", 8), 6, "after the line");
        assert_eq!(cut("aé".as_bytes(), 2), 1);
    }

    proptest! {
        #[test]
        fn every_part_is_a_string_and_together_they_are_the_whole(text in ".{0,200}", max in 12usize..60) {
            let quoted = serde_json::to_string(&text).unwrap();
            let mut rest = &quoted.as_bytes()[1..quoted.len() - 1];
            let mut whole = String::new();
            while !rest.is_empty() {
                let at = cut(rest, max);
                prop_assert!(at > 0 && at <= max);
                let part = [b"\"", &rest[..at], b"\""].concat();
                whole += &serde_json::from_slice::<String>(&part).unwrap();
                rest = &rest[at..];
            }
            prop_assert_eq!(whole, text);
        }
    }
}
