//! Our own words in YAML.

use super::tree::plain;
use serde_json::{Map, Value};

/// `key: value` as lines, `indent` deep.
pub(super) fn field(out: &mut String, indent: usize, key: &str, value: &Value) {
    let (space, key) = (" ".repeat(indent), word(key));
    let (space, key) = (space.as_str(), key.as_str());
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push_str(&[space, key, ":\n"].concat());
            fields(out, indent + 2, map);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str(&[space, key, ":\n"].concat());
            for item in items {
                out.push_str(&[space, "  - ", &inline(item), "\n"].concat());
            }
        }
        other => out.push_str(&[space, key, ": ", &inline(other), "\n"].concat()),
    }
}

pub(super) fn fields(out: &mut String, indent: usize, map: &Map<String, Value>) {
    for (key, value) in map {
        field(out, indent, key, value);
    }
}

/// `- ` and fields, as an item of a list whose dashes are `indent` deep.
pub(super) fn item(out: &mut String, indent: usize, map: &Map<String, Value>) {
    let mut inner = String::new();
    fields(&mut inner, indent + 2, map);
    out.push_str(&" ".repeat(indent));
    out.push_str("- ");
    out.push_str(inner.trim_start());
}

/// On one line; collections are JSON, which is YAML too.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// Without quotes where every reader of YAML, old or new, sees this text and nothing else.
pub(super) fn word(text: &str) -> String {
    // Words that YAML 1.1 takes for truth values.
    let old = ["y", "n", "yes", "no", "on", "off"].iter().any(|w| text.eq_ignore_ascii_case(w));
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let safe = text.chars().all(|c| c.is_ascii_alphanumeric() || " /_-.\\:".contains(c));
    let apart = !text.contains(": ") && !text.ends_with([':', ' ']);
    if first && safe && apart && !old && plain(text).is_string() {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_could_be_something_else() {
        for bare in ["serve", "/opt/my apps/allmcp", r"C:\Users\me\allmcp.exe"] {
            assert_eq!(word(bare), bare);
        }
        for quoted in ["", "true", "No", "1", "- a", "a: b", "a #b", "*x", "a:", "https://x?y"] {
            assert_eq!(word(quoted), Value::from(quoted).to_string());
        }
    }
}
