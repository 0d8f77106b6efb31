//! Making an answer smaller, with every byte of what stays.

use crate::wire::splice;
use bytes::{BufMut as _, Bytes, BytesMut};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
