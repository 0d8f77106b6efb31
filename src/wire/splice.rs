//! Looking into JSON text and changing parts of it without touching the rest.
//!
//! Everything here works on text that a [`super::Frame`] has already found valid; on anything
//! else the answer is `None`, never a panic. Only the top level of an object or an array is
//! walked; nested values are skipped over.

use bytes::Bytes;
use std::{borrow::Cow, ops::Range};

/// One member of an object, as ranges of the object's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key with its quotes.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// Walks the members of an object, in their order.
pub fn members(object: &[u8]) -> Members<'_> {
    let at = skip_space(object, 0);
    let open = object.get(at) == Some(&b'{');
    Members { text: object, at: if open { at + 1 } else { object.len() } }
}

pub struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let start = skip_separators(self.text, self.at);
        if self.text.get(start) != Some(&b'"') {
            self.at = self.text.len();
            return None;
        }
        let key = start..skip_string(self.text, start)?;
        let colon = skip_space(self.text, key.end);
        if self.text.get(colon) != Some(&b':') {
            self.at = self.text.len();
            return None;
        }
        let value = skip_space(self.text, colon + 1);
        let end = skip_value(self.text, value)?;
        self.at = end;
        Some(Member { key, value: value..end })
    }
}

/// The range of each element of an array.
pub fn elements(array: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let at = skip_space(array, 0);
    let mut at = if array.get(at) == Some(&b'[') { at + 1 } else { array.len() };
    std::iter::from_fn(move || {
        let start = skip_separators(array, at);
        if matches!(array.get(start), None | Some(b']')) {
            at = array.len();
            return None;
        }
        at = skip_value(array, start)?;
        Some(start..at)
    })
}

/// The range of the value of `key`; the last one wins, as in every common parser.
pub fn find(object: &[u8], key: &str) -> Option<Range<usize>> {
    members(object).filter(|m| key_is(object, m, key)).last().map(|m| m.value)
}

/// The value of `key`, sharing the buffer of `object`.
pub fn get(object: &Bytes, key: &str) -> Option<Bytes> {
    find(object, key).map(|range| object.slice(range))
}

/// The value of `key` when it is a string.
pub fn get_str<'a>(object: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    string(&object[find(object, key)?])
}

/// True when the member's key means `key`, also when it is written with escapes.
pub fn key_is(object: &[u8], member: &Member, key: &str) -> bool {
    let quoted = &object[member.key.clone()];
    quoted.len() == key.len() + 2 && &quoted[1..=key.len()] == key.as_bytes()
        || quoted.contains(&b'\\') && string(quoted).is_some_and(|k| k == key)
}

/// What a JSON string means; `None` when `json` is not a string.
pub fn string(json: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(json).ok()?;
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        serde_json::from_str::<String>(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    // A string has no shape that serde_json could refuse.
    serde_json::to_string(text).unwrap_or_default()
}

/// Changes of one text, applied together.
#[derive(Debug, Default)]
pub struct Edits(Vec<(Range<usize>, Bytes)>);

impl Edits {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts `new` in the place of `range`; ranges must not overlap.
    pub fn replace(&mut self, range: Range<usize>, new: impl Into<Bytes>) {
        self.0.push((range, new.into()));
    }

    /// Gives `key` the value `json`, where it stands or, when missing, at the object's front.
    pub fn set(&mut self, object: &[u8], key: &str, json: impl Into<Bytes>) {
        let json = json.into();
        if let Some(range) = find(object, key) {
            self.replace(range, json);
        } else {
            let open = skip_space(object, 0) + 1;
            let comma = if members(object).next().is_some() { "," } else { "" };
            let mut member = quote(key).into_bytes();
            member.push(b':');
            member.extend_from_slice(&json);
            member.extend_from_slice(comma.as_bytes());
            self.replace(open..open, member);
        }
    }

    /// Removes every member of `object` for which `gone` says so, with its comma.
    pub fn remove(&mut self, object: &[u8], mut gone: impl FnMut(&Member) -> bool) {
        let all: Vec<Member> = members(object).collect();
        let gone: Vec<bool> = all.iter().map(&mut gone).collect();
        let kept_before = |i: usize| gone[..i].iter().any(|g| !g);
        for (i, member) in all.iter().enumerate().filter(|(i, _)| gone[*i]) {
            // With a kept member before it the comma in front goes, else the one behind.
            let range = if kept_before(i) {
                all[i - 1].value.end..member.value.end
            } else {
                member.key.start..all.get(i + 1).map_or(member.value.end, |next| next.key.start)
            };
            self.replace(range, Bytes::new());
        }
    }

    /// The changed text; the same buffer when there is nothing to change.
    pub fn apply(mut self, text: &Bytes) -> Bytes {
        if self.0.is_empty() {
            return text.clone();
        }
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let grown: usize = self.0.iter().map(|(_, new)| new.len()).sum();
        let mut out = Vec::with_capacity(text.len() + grown);
        let mut at = 0;
        for (range, new) in self.0 {
            out.extend_from_slice(&text[at..range.start.max(at)]);
            out.extend_from_slice(&new);
            at = range.end.max(at);
        }
        out.extend_from_slice(&text[at..]);
        out.into()
    }
}

/// Valid JSON on one line: line breaks can only stand between tokens, where a space means the
/// same. The same buffer when there is none.
pub fn one_line(json: Bytes) -> Bytes {
    if memchr::memchr2(b'\n', b'\r', &json).is_none() {
        return json;
    }
    let blank = |b: &u8| if matches!(b, b'\n' | b'\r') { b' ' } else { *b };
    json.iter().map(blank).collect::<Vec<u8>>().into()
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn skip_separators(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r' | b',')) {
        at += 1;
    }
    at
}

/// The end of the string that starts at `at`, behind its closing quote.
fn skip_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The end of the value that starts at `at`.
fn skip_value(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => skip_string(text, at),
        b'{' | b'[' => {
            let (mut at, mut depth) = (at, 0_usize);
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = skip_string(text, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let scalar = |b: &u8| !matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let len = text[at..].iter().take_while(|b| scalar(b)).count();
            (len > 0).then_some(at + len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ODD: &[u8] =
        b" {\"a\" : 1e400 ,\n\"b\\u0063\":[ {}, \"x\\\"]\" ] , \"d\":{\"a\":2},\"a\":null}";

    #[test]
    fn members_are_found_as_they_stand() {
        assert_eq!(members(ODD).count(), 4);
        let value = |key| find(ODD, key).map(|r| std::str::from_utf8(&ODD[r]).unwrap());
        assert_eq!(value("bc"), Some("[ {}, \"x\\\"]\" ]"));
        assert_eq!(value("a"), Some("null"), "the last of two equal keys wins");
        assert_eq!(value("zz"), None);
        let list = &ODD[find(ODD, "bc").unwrap()];
        assert_eq!(
            elements(list).map(|r| &list[r]).collect::<Vec<_>>(),
            [&b"{}"[..], b"\"x\\\"]\""]
        );
        assert_eq!(elements(b"[]").count() + elements(b"{}").count() + members(b"[]").count(), 0);
    }

    #[test]
    fn edits_touch_nothing_else() {
        let text = Bytes::from_static(b"{ \"x\" : 1.0,\"name\":\"a__b\" , \"y\":2}");
        let mut edits = Edits::new();
        edits.set(&text, "name", "\"b\"");
        edits.set(&text, "new", "[0]");
        edits.remove(&text, |m| key_is(&text, m, "y"));
        assert_eq!(edits.apply(&text), "{\"new\":[0], \"x\" : 1.0,\"name\":\"b\"}");
        let mut edits = Edits::new();
        edits.set(b"{}", "a", "1");
        assert_eq!(edits.apply(&Bytes::from_static(b"{}")), "{\"a\":1}");
    }

    #[test]
    fn every_subset_of_members_can_be_removed() {
        let text = Bytes::from_static(b"{\"a\":1, \"b\":2 ,\"c\":3}");
        for mask in 0_u8..8 {
            let mut i = 0;
            let mut edits = Edits::new();
            edits.remove(&text, |_| {
                i += 1;
                mask & (1 << (i - 1)) != 0
            });
            let left: serde_json::Value = serde_json::from_slice(&edits.apply(&text)).unwrap();
            assert_eq!(left.as_object().unwrap().len(), 3 - mask.count_ones() as usize);
        }
    }

    #[test]
    fn line_breaks_become_spaces() {
        assert_eq!(one_line(Bytes::from_static(b"{\r\n \"a\":1}")), "{   \"a\":1}");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_walk_agrees_with_serde(value in json(), pretty in any::<bool>()) {
            let text = if pretty {
                serde_json::to_string_pretty(&value)
            } else {
                serde_json::to_string(&value)
            }
            .unwrap();
            let text = text.as_bytes();
            match &value {
                serde_json::Value::Object(map) => {
                    prop_assert_eq!(members(text).count(), map.len());
                    for (key, want) in map {
                        let got = &text[find(text, key).unwrap()];
                        prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(got).unwrap(), want);
                    }
                }
                serde_json::Value::Array(list) => {
                    let got: Vec<serde_json::Value> =
                        elements(text).map(|r| serde_json::from_slice(&text[r]).unwrap()).collect();
                    prop_assert_eq!(&got, list);
                }
                _ => prop_assert_eq!(members(text).count(), 0),
            }
        }

        #[test]
        fn nothing_panics_on_garbage(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _counted = members(&bytes).count() + elements(&bytes).count();
            let _found = find(&bytes, "a");
        }
    }
}
