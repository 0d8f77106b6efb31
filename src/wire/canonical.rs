//! One way of writing for JSON that means the same, to compare it by a digest.

use super::splice;
use bytes::Bytes;

/// Appends `json` with its members in the order of their keys and no space between tokens; numbers
/// stay as they are written. Depth is bounded by the frame's.
pub fn push(json: &Bytes, out: &mut Vec<u8>) {
    match json.first() {
        Some(b'{') => {
            let key = |range: std::ops::Range<usize>| {
                let quoted = &json[range];
                splice::string(quoted)
                    .map_or_else(|| quoted.to_vec(), |key| key.as_bytes().to_vec())
            };
            let mut members: Vec<_> =
                splice::members(json).map(|m| (key(m.key), json.slice(m.value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            out.push(b'{');
            for (key, value) in members {
                out.extend_from_slice(splice::quote(&String::from_utf8_lossy(&key)).as_bytes());
                out.push(b':');
                push(&value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for element in splice::elements(json) {
                push(&json.slice(element), out);
                out.push(b',');
            }
            out.push(b']');
        }
        Some(b'"') => match splice::string(json) {
            Some(text) => out.extend_from_slice(splice::quote(&text).as_bytes()),
            None => out.extend_from_slice(json),
        },
        _ => out.extend_from_slice(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        push(&Bytes::from_static(json.as_bytes()), &mut out);
        out
    }

    #[test]
    fn order_space_and_escapes_do_not_matter_and_numbers_do() {
        let one = of(r#"{"a":[1, {"c":"\u00e9","b":null}],"d":1.0}"#);
        assert_eq!(one, of(r#"{ "d":1.0,"a":[1,{"b":null,"c":"é"}]}"#));
        assert_ne!(one, of(r#"{"d":1,"a":[1,{"b":null,"c":"é"}]}"#));
        assert_ne!(of(r#"{"a":"b"}"#), of(r#"{"a":["b"]}"#));
        assert_ne!(of(r#"{"a":1,"a":2}"#), of(r#"{"a":2,"a":1}"#), "the last one counts for most");
    }
}
