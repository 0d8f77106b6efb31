//! Definitions of upstreams before a model sees them: the forbidden code points go, every other
//! byte stays.

use crate::{text, wire::splice};
use bytes::Bytes;

/// `raw` on one line and without forbidden code points; the same buffer for nearly every definition.
pub(super) fn cleaned(raw: &Bytes) -> Bytes {
    if suspicious(raw)
        && let Ok(text) = std::str::from_utf8(raw)
        && let Some(clean) = text::clean_json(text)
    {
        return splice::one_line(clean.into());
    }
    splice::one_line(raw.clone())
}

/// False when there is surely no forbidden code point in a text. Every definition goes through this on
/// the way to the first answer, so it looks only where one could begin.
fn suspicious(raw: &[u8]) -> bool {
    let at = |i: usize| raw.get(i).copied().unwrap_or(0);
    let escaped = |i: usize| match at(i + 1) {
        b'u' => {
            matches!(&raw[i + 2..raw.len().min(i + 4)], b"00" | b"06" | b"18" | b"20")
                || matches!(at(i + 2), b'f' | b'F' | b'd' | b'D')
        }
        b'b' | b'f' => true,
        _ => false,
    };
    // The first bytes of the forbidden ones in UTF-8, and what follows them.
    let common = |i: usize| match (at(i), at(i + 1)) {
        (0xc2, 0x80..=0x9f) | (0xef, 0xbb) => true,
        (0xe2, 0x80) => matches!(at(i + 2), 0x8b..=0x8f | 0xaa..=0xae),
        (0xe2, 0x81) => at(i + 2) >= 0xa0,
        _ => false,
    };
    let rare = |i: usize| matches!((at(i), at(i + 1)), (0xd8, 0x9c) | (0xe1 | 0xf3, 0xa0));
    memchr::memchr_iter(b'\\', raw).any(escaped)
        || !raw.is_ascii()
            && (memchr::memchr3_iter(0xc2, 0xe2, 0xef, raw).any(common)
                || memchr::memchr3_iter(0xd8, 0xe1, 0xf3, raw).any(rare))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_forbidden_code_point_is_suspicious() {
        for c in (0x20..=0x10_ffff).filter_map(char::from_u32).filter(|c| text::forbidden(*c)) {
            let mut units = [0; 2];
            let mut escapes = String::new();
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(escapes, "\\u{unit:04X}");
            }
            assert!(suspicious(escapes.as_bytes()), "{escapes}");
            // A raw DEL stays, as in the one sanitizer.
            assert!(c == '\u{7f}' || suspicious(format!("a{c}b").as_bytes()), "{escapes} raw");
        }
        for fine in ["Русский “текст” — здесь…", "\\u0431\\u044f \\n \\\"", "日本語", "é\u{a0}"]
        {
            assert!(!suspicious(fine.as_bytes()), "{fine}");
        }
    }
}
