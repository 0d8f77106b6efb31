//! Reading an answer by places such as `_embedded.leads`, and making it smaller.
//!
//! All of it works on the text: a number or a string that is given back is the one that came, byte
//! for byte.

use crate::wire::splice;
use bytes::{BufMut as _, Bytes, BytesMut};
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

/// What is left out of an answer.
#[derive(Clone, Copy, Default)]
pub(super) struct Less<'a> {
    /// Members with these names, wherever they stand.
    pub(super) drop: &'a [String],
    /// Of an item only these; everything where it is empty.
    pub(super) keep: &'a [String],
}

/// `json` without blanks, and without what `less` leaves out.
pub(super) fn trimmed(json: &[u8], less: Less<'_>) -> Bytes {
    let mut out = BytesMut::with_capacity(json.len());
    put(json, less, "", &mut out);
    out.freeze()
}

/// Writes the value whose place inside of its item is `path`.
fn put(json: &[u8], less: Less<'_>, path: &str, out: &mut BytesMut) {
    match json.first() {
        Some(b'{') => {
            out.put_u8(b'{');
            let mut first = true;
            for member in splice::members(json) {
                let quoted = &json[member.key.clone()];
                let Some(key) = splice::string(quoted) else { continue };
                if less.drop.iter().any(|one| *one == key) {
                    continue;
                }
                let path = match path {
                    _ if less.keep.is_empty() => String::new(),
                    "" => key.into_owned(),
                    path => format!("{path}.{key}"),
                };
                let Some(less) = kept(less, &path) else { continue };
                if !first {
                    out.put_u8(b',');
                }
                first = false;
                out.put_slice(quoted);
                out.put_u8(b':');
                put(&json[member.value], less, &path, out);
            }
            out.put_u8(b'}');
        }
        Some(b'[') => {
            out.put_u8(b'[');
            for (i, range) in splice::elements(json).enumerate() {
                if i > 0 {
                    out.put_u8(b',');
                }
                // The items of a list are in its place.
                put(&json[range], less, path, out);
            }
            out.put_u8(b']');
        }
        _ => out.put_slice(json),
    }
}

/// What is left out below `path`; `None` when all of it is.
fn kept<'a>(less: Less<'a>, path: &str) -> Option<Less<'a>> {
    if less.keep.is_empty() || less.keep.iter().any(|one| one == path) {
        return Some(Less { keep: &[], ..less });
    }
    let is_above = |one: &String| one.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    less.keep.iter().any(is_above).then_some(less)
}

/// The part of a request's body: a tree whose leaves are texts.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Bytes),
    Object(Vec<(String, Node)>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Object(Vec::new())
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Object(members) if members.is_empty())
    }

    /// Puts `json` at a place, over what may be there.
    pub(super) fn put(&mut self, place: &str, json: Bytes) {
        let (first, rest) = place.split_once('.').map_or((place, None), |(a, b)| (a, Some(b)));
        if let Self::Leaf(_) = self {
            *self = Self::default();
        }
        let Self::Object(members) = self else { return };
        let at = members.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
            members.push((first.to_owned(), Self::default()));
            members.len() - 1
        });
        let node = &mut members[at].1;
        match rest {
            Some(rest) => node.put(rest, json),
            None => *node = Self::Leaf(json),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(json) => out.extend_from_slice(json),
            Self::Object(members) => {
                out.push(b'{');
                for (i, (key, node)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(splice::quote(key).as_bytes());
                    out.push(b':');
                    node.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// `key=value` pairs of a query or a form.
pub(super) type Pairs = Vec<(String, String)>;

/// One argument as pairs: lists as `style` says, objects by brackets.
pub(super) fn pairs(
    key: &str,
    json: &[u8],
    style: crate::catalog::manifest::ListStyle,
    out: &mut Pairs,
) {
    use crate::catalog::manifest::ListStyle;
    match json.first() {
        Some(b'{') => {
            for member in splice::members(json) {
                let name = splice::string(&json[member.key.clone()]).unwrap_or_default();
                pairs(&format!("{key}[{name}]"), &json[member.value], style, out);
            }
        }
        Some(b'[') => {
            let simple = |one: &[u8]| !matches!(one.first(), Some(b'{' | b'['));
            let all: Vec<&[u8]> = splice::elements(json).map(|range| &json[range]).collect();
            if style == ListStyle::Comma && all.iter().all(|one| simple(one)) {
                let joined: Vec<String> = all.iter().map(|one| plain(one)).collect();
                out.push((key.to_owned(), joined.join(",")));
                return;
            }
            for (i, one) in all.into_iter().enumerate() {
                match style {
                    // A part of a list needs its number, or its members fall apart.
                    _ if !simple(one) => pairs(&format!("{key}[{i}]"), one, style, out),
                    ListStyle::Repeat => out.push((key.to_owned(), plain(one))),
                    _ => out.push((format!("{key}[]"), plain(one))),
                }
            }
        }
        _ => out.push((key.to_owned(), plain(json))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::manifest::ListStyle;

    fn less(json: &str, drop: &[&str], keep: &[&str]) -> String {
        let own = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let (drop, keep) = (own(drop), own(keep));
        let out = trimmed(json.as_bytes(), Less { drop: &drop, keep: &keep });
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn an_answer_is_made_smaller_and_keeps_every_byte_of_its_values() {
        let json = r#"[ {"id" : 12345678901234567890123, "n":1.10, "_links":{"a":1},"x":[{"_links":2,"y":"\u0041"}]} ]"#;
        assert_eq!(
            less(json, &["_links"], &[]),
            r#"[{"id":12345678901234567890123,"n":1.10,"x":[{"y":"\u0041"}]}]"#
        );
        assert_eq!(
            less(json, &["_links"], &["id", "x.y"]),
            r#"[{"id":12345678901234567890123,"x":[{"y":"\u0041"}]}]"#
        );
    }

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

    #[test]
    fn lists_and_objects_go_into_a_query_in_every_style() {
        let said = |json: &str, style| {
            let mut out = Pairs::new();
            pairs("f[x]", json.as_bytes(), style, &mut out);
            let all: Vec<_> = out.iter().map(|(k, v)| format!("{k}={v}")).collect();
            all.join("&")
        };
        assert_eq!(said("[1,\"b\"]", ListStyle::Brackets), "f[x][]=1&f[x][]=b");
        assert_eq!(said("[1,\"b\"]", ListStyle::Repeat), "f[x]=1&f[x]=b");
        assert_eq!(said("[1,\"b\"]", ListStyle::Comma), "f[x]=1,b");
        assert_eq!(
            said(r#"[{"p":1,"s":[2,3]}]"#, ListStyle::Brackets),
            "f[x][0][p]=1&f[x][0][s][]=2&f[x][0][s][]=3"
        );
        assert_eq!(said(r#"{"from":5,"t":true}"#, ListStyle::Comma), "f[x][from]=5&f[x][t]=true");
    }

    #[test]
    fn a_body_is_built_by_places() {
        let mut node = Node::default();
        node.put("_embedded.tags", Bytes::from_static(b"[1]"));
        node.put("name", Bytes::from_static(b"\"n\""));
        node.put("_embedded.x", Bytes::from_static(b"2"));
        let mut out = Vec::new();
        node.write(&mut out);
        assert_eq!(out, br#"{"_embedded":{"tags":[1],"x":2},"name":"n"}"#);
    }
}
