//! Reading an answer by places such as `_embedded.leads`.
//!
//! All of it works on the text: a number or a string that is given back is the one that came, byte
//! for byte.

use crate::wire::splice;
use bytes::Bytes;
use serde_json::value::RawValue;

/// Deepest nesting that is taken, as for MCP messages.
const MAX_DEPTH: usize = 128;

/// The answer without a byte order mark and the blanks around it, if it is valid JSON that is
/// not too deep.
pub(super) fn valid(body: &Bytes) -> Option<Bytes> {
    // Not valid in JSON, and written all the same (RFC 8259, 8.1).
    let start = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let raw: &RawValue = serde_json::from_slice(&body[start..]).ok()?;
    let text = raw.get().as_bytes();
    (depth(text) <= MAX_DEPTH).then(|| body.slice_ref(text))
}

/// How deep the text nests; `RawValue` takes any depth.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut most, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !inside => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// The value at a place: names and numbers of elements with dots between them. A name that has
/// dots of its own is found too.
pub(super) fn at(json: &Bytes, place: &str) -> Option<Bytes> {
    if json.first() == Some(&b'{')
        && let Some(found) = splice::get(json, place)
    {
        return Some(found);
    }
    let (first, rest) = place.split_once('.').map_or((place, None), |(a, b)| (a, Some(b)));
    let found = match json.first() {
        Some(b'{') => splice::get(json, first)?,
        Some(b'[') => {
            let range = splice::elements(json).nth(first.parse().ok()?)?;
            json.slice(range)
        }
        _ => return None,
    };
    match rest {
        Some(rest) => at(&found, rest),
        None => Some(found),
    }
}

/// True for what means that there is something: not null, not false, not an empty text.
pub(super) fn is_something(json: &[u8]) -> bool {
    !matches!(json, b"null" | b"false" | b"\"\"" | b"")
}

/// A string as it is meant, anything else as it is written.
pub(super) fn plain(json: &[u8]) -> String {
    match splice::string(json) {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(json).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_names_and_numbers() {
        let json = Bytes::from_static(br#"{"a":{"b":[{"c":1}]},"a.d":2}"#);
        assert_eq!(at(&json, "a.b.0.c").as_deref(), Some(&b"1"[..]));
        assert_eq!(at(&json, "a.d").as_deref(), Some(&b"2"[..]));
        assert_eq!(at(&json, "a.b.1"), None);
    }

    #[test]
    fn only_whole_json_of_bearable_depth_is_read() {
        let read = |text: &str| valid(&Bytes::from(text.to_owned()));
        assert_eq!(read("\u{feff} {\"a\":1} ").as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!(read("<html>"), None);
        assert_eq!(read("{\"a\":1} x"), None);
        assert!(read(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_some());
        assert!(read(&format!("{}{}", "[".repeat(129), "]".repeat(129))).is_none());
    }
}
