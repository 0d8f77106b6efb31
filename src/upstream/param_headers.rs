//! Arguments that travel as headers too: `x-mcp-header` in a tool's `inputSchema` (SEP-2243).

use super::modern::header_text;
use crate::wire::splice;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{borrow::Cow, collections::HashSet};

const KEY: &str = "x-mcp-header";
const PREFIX: &str = "mcp-param-";
/// Most that these headers of one call may have together, in bytes: more would not pass any
/// server, and say nothing of why.
const MAX_BYTES: usize = 16 * 1024;
/// A whole number that every implementation holds exactly ends here (2^53 - 1).
const SAFE: f64 = 9_007_199_254_740_991.0;

/// Where a value stands from which a schema can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// Reached from the root through `properties` alone.
    Property,
    /// Anywhere else, where no annotation may be.
    Off,
}

/// Why a tool with this `inputSchema` must not be offered: an annotation of it breaks the rules
/// of SEP-2243. Only modern servers mean anything by one.
pub fn fault(input_schema: &[u8]) -> Option<&'static str> {
    if !may_have(input_schema) {
        return None;
    }
    check(input_schema, Place::Root, &mut HashSet::new())
}

/// Puts the arguments that `input_schema` marks into `headers`. `params` is the text of the
/// call's `params`.
pub(super) fn set(headers: &mut HeaderMap, input_schema: &[u8], params: &[u8]) {
    if !may_have(input_schema) {
        return;
    }
    let Some(arguments) = splice::find(params, "arguments") else { return };
    let mut room = MAX_BYTES;
    mirror(headers, input_schema, &params[arguments], &mut room);
}

/// Nearly no schema has an annotation, and to look for the word is quicker than to read it.
fn may_have(schema: &[u8]) -> bool {
    memchr::memmem::find(schema, KEY.as_bytes()).is_some()
        // The key may be written with escapes.
        || memchr::memmem::find(schema, b"\\u").is_some()
}

fn check(schema: &[u8], place: Place, seen: &mut HashSet<String>) -> Option<&'static str> {
    if schema.first() == Some(&b'[') {
        return splice::elements(schema).find_map(|one| check(&schema[one], Place::Off, seen));
    }
    for member in splice::members(schema) {
        let value = &schema[member.value.clone()];
        let below = if place == Place::Off { Place::Off } else { Place::Property };
        let Some(key) = key(schema, &member) else { continue };
        let why = match &*key {
            KEY if place == Place::Property => annotation(schema, value, seen),
            KEY => Some("its x-mcp-header does not stand at a property of the tool's arguments"),
            "properties" => each(value, below, seen),
            "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => {
                each(value, Place::Off, seen)
            }
            // Data, not schemas.
            "default" | "const" | "enum" | "examples" => None,
            _ => check(value, Place::Off, seen),
        };
        if why.is_some() {
            return why;
        }
    }
    None
}

/// The values of a map whose keys are names.
fn each(map: &[u8], place: Place, seen: &mut HashSet<String>) -> Option<&'static str> {
    splice::members(map).find_map(|one| check(&map[one.value], place, seen))
}

fn key<'a>(object: &'a [u8], member: &splice::Member) -> Option<Cow<'a, str>> {
    splice::string(&object[member.key.clone()])
}

fn annotation(schema: &[u8], name: &[u8], seen: &mut HashSet<String>) -> Option<&'static str> {
    let Some(name) = splice::string(name) else { return Some("its x-mcp-header is no string") };
    if name.is_empty() {
        return Some("its x-mcp-header is empty");
    }
    // RFC 9110, 5.6.2.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.bytes().all(token) {
        return Some("its x-mcp-header is no name of a header");
    }
    if !seen.insert(name.to_ascii_lowercase()) {
        return Some("two of its x-mcp-header are the same");
    }
    match splice::get_str(schema, "type").as_deref() {
        Some("string" | "integer" | "boolean") => None,
        _ => Some("its x-mcp-header stands at what is no string, integer or boolean"),
    }
}

fn mirror(headers: &mut HeaderMap, schema: &[u8], arguments: &[u8], room: &mut usize) {
    let Some(properties) = splice::find(schema, "properties") else { return };
    let properties = &schema[properties];
    for property in splice::members(properties) {
        let Some(name) = key(properties, &property) else { continue };
        let Some(argument) = splice::find(arguments, &name) else { continue };
        let (property, argument) = (&properties[property.value], &arguments[argument]);
        if argument.first() == Some(&b'{') {
            mirror(headers, property, argument, room);
            continue;
        }
        let Some(header) = splice::get_str(property, KEY) else { continue };
        let Some(value) = text(argument) else { continue };
        let header = HeaderName::from_bytes([PREFIX, &header].concat().as_bytes());
        let value = HeaderValue::from_str(&header_text(&value));
        if let (Ok(header), Ok(value)) = (header, value) {
            let size = header.as_str().len() + value.len();
            if size > *room {
                return;
            }
            *room -= size;
            headers.insert(header, value);
        }
    }
}

/// A value as the text of its header; `null` has none, nor has what is not primitive.
fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    match json.first()? {
        b'"' => splice::string(json),
        b'{' | b'[' | b'n' => None,
        b't' | b'f' => std::str::from_utf8(json).ok().map(Cow::Borrowed),
        _ => number(std::str::from_utf8(json).ok()?),
    }
}

/// A whole number in its decimal digits, however it is written.
fn number(text: &str) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit()) && text != "-0" {
        return Some(Cow::Borrowed(text));
    }
    let value: f64 = text.parse().ok()?;
    if value.fract() == 0.0 && value.abs() <= SAFE {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole, and no larger than 2^53"
        )]
        return Some(Cow::Owned((value as i64).to_string()));
    }
    // No whole number: the server is the one to say so.
    Some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(properties: &str) -> String {
        format!(r#"{{"type":"object","properties":{properties}}}"#)
    }

    fn sent(properties: &str, arguments: &str) -> Vec<(String, String)> {
        let params = format!(r#"{{"name":"t","arguments":{arguments}}}"#);
        let mut headers = HeaderMap::new();
        set(&mut headers, schema(properties).as_bytes(), params.as_bytes());
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        };
        let mut all: Vec<_> = headers.iter().map(pair).collect();
        all.sort();
        all
    }

    #[test]
    fn values_have_the_form_of_the_specification() {
        let marked = |kind: &str| format!(r#"{{"v":{{"type":"{kind}","x-mcp-header":"Val"}}}}"#);
        for (kind, json, want) in [
            ("string", r#""us-west1""#, "us-west1"),
            ("string", r#""""#, ""),
            ("string", r#""a b""#, "a b"),
            ("string", r#""Hello, \u4e16\u754c""#, "=?base64?SGVsbG8sIOS4lueVjA==?="),
            ("string", r#"" padded ""#, "=?base64?IHBhZGRlZCA=?="),
            ("string", r#""line1\nline2""#, "=?base64?bGluZTEKbGluZTI=?="),
            ("string", r#""=?base64?literal?=""#, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("integer", "42", "42"),
            ("integer", "-7", "-7"),
            ("integer", "42.0", "42"),
            ("integer", "1e3", "1000"),
            ("integer", "-0", "0"),
            ("integer", "9007199254740993", "9007199254740993"),
            ("boolean", "true", "true"),
        ] {
            let got = sent(&marked(kind), &format!("{{\"v\":{json}}}"));
            assert_eq!(got, [("mcp-param-val".to_owned(), want.to_owned())], "{json}");
        }
        for none in ["{}", r#"{"v":null}"#, r#"{"v":[1]}"#, r#"{"w":1}"#, "null"] {
            assert!(sent(&marked("string"), none).is_empty(), "{none}");
        }
        assert!(sent(r#"{"v":{"type":"string"}}"#, r#"{"v":"x"}"#).is_empty());
    }

    #[test]
    fn nested_properties_are_reached() {
        let nested = r#"{"o":{"type":"object","properties":{"i":{"type":"integer","x-mcp-header":"I"}}},"t":{"type":"string","x\u002dmcp-header":"T"}}"#;
        let got = sent(nested, r#"{"t":"x","o":{"i":5}}"#);
        let want = [("mcp-param-i", "5"), ("mcp-param-t", "x")];
        assert_eq!(got, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(fault(schema(nested).as_bytes()), None);
    }

    #[test]
    fn what_breaks_the_rules_is_found() {
        let one = |kind: &str, name: &str| {
            schema(&format!(r#"{{"v":{{"type":"{kind}","x-mcp-header":"{name}"}}}}"#))
        };
        for kind in ["string", "integer", "boolean"] {
            assert_eq!(fault(one(kind, "Region").as_bytes()), None);
        }
        for bad in [
            one("string", ""),
            one("string", "My Region"),
            one("string", "Region:Primary"),
            one("string", "R\u{e9}gion"),
            one("string", "Region\\t1"),
            one("number", "N"),
            one("object", "N"),
            one("array", "N"),
            one("null", "N"),
            schema(r#"{"v":{"x-mcp-header":"N"}}"#),
            schema(r#"{"v":{"type":"string","x-mcp-header":7}}"#),
            schema(
                r#"{"a":{"type":"string","x-mcp-header":"My"},"b":{"type":"string","x-mcp-header":"my"}}"#,
            ),
            schema(r#"{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}"#),
            r#"{"type":"object","x-mcp-header":"A"}"#.to_owned(),
            r#"{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}"#.to_owned(),
            r#"{"$defs":{"a":{"type":"string","x-mcp-header":"A"}}}"#.to_owned(),
        ] {
            assert!(fault(bad.as_bytes()).is_some(), "{bad}");
        }
        for fine in [
            schema(r#"{"x-mcp-header":{"type":"string"}}"#),
            schema(r#"{"a":{"type":"object","default":{"x-mcp-header":7}}}"#),
        ] {
            assert_eq!(fault(fine.as_bytes()), None, "{fine}");
        }
    }
}
