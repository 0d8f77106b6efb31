//! The one sanitizer for remote strings that we print, log, show to a model or put into our own
//! words.
//!
//! Owns the set of forbidden code points. May name nothing. Called wherever a text from outside
//! meets a terminal, a log, an error message or a definition that a model reads. Tool results are
//! not touched: they are the user's data.

use std::borrow::Cow;

/// True for code points that can hide or forge what a reader sees: C0 and C1 controls (but tab
/// and line breaks), bidirectional controls, zero-width characters and Unicode tags.
pub fn forbidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` without forbidden code points; tabs and line breaks stay.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(forbidden) {
        Cow::Owned(text.chars().filter(|c| !forbidden(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// `text` for one line of a terminal or a message: clean, white space folded to single spaces,
/// and cut to `max` characters with `…` where it was longer.
pub fn line(text: &str, max: usize) -> String {
    // Nearly all there is: one short word.
    if text.len() <= max && text.bytes().all(|b| b.is_ascii_graphic()) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word = clean(word);
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= max {
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

/// `text` as one word of a command line: what a shell would take apart is quoted.
pub fn word(text: &str, max: usize) -> String {
    let text = line(text, max);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:%,@+=".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A number of things: `1 tool`, `2 tools`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Valid JSON text without forbidden code points, written raw or as `\u` escapes; every other
/// byte stays as it was. `None` when there was nothing to remove.
pub fn clean_json(json: &str) -> Option<String> {
    let raw = json.chars().any(forbidden);
    if !raw && !json.contains("\\u") && !json.contains("\\b") && !json.contains("\\f") {
        return None;
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        push_clean(&mut out, &rest[..at]);
        let (escape, code) = escape_at(&rest[at..]);
        if !code.is_some_and(forbidden) {
            out.push_str(&rest[at..at + escape]);
        }
        rest = &rest[at + escape..];
    }
    push_clean(&mut out, rest);
    (out.len() != json.len()).then_some(out)
}

fn push_clean(out: &mut String, part: &str) {
    // The white space between tokens is not forbidden, and no other control character but DEL
    // can stand in valid JSON.
    out.extend(part.chars().filter(|c| !forbidden(*c)));
}

/// The length of the escape sequence at the start of `text` and the code point that it means,
/// surrogate pairs taken together; no code point for a lone surrogate.
fn escape_at(text: &str) -> (usize, Option<char>) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(hex, 16).ok()
    };
    match text.as_bytes().get(1) {
        Some(b'u') => match (unit(0), unit(6)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                (12, char::from_u32(code))
            }
            (Some(code), _) => (6, char::from_u32(code)),
            (None, _) => (text.len().min(2), None),
        },
        Some(b'b') => (2, Some('\u{8}')),
        Some(b'f') => (2, Some('\u{c}')),
        // A backslash is followed by one ASCII character in valid JSON.
        Some(_) => (1 + text[1..].chars().next().map_or(0, char::len_utf8), None),
        None => (1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_clean_folded_and_cut() {
        assert_eq!(line("a\u{1b}[31m\n\tb\u{202e}c", 80), "a [31m bc");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("ж\u{200b}ж", 3), "жж");
    }

    #[test]
    fn json_loses_only_forbidden_code_points() {
        let dirty = "{\"d\": \"a\\u202eb\\u001b[0m\\uDB40\\uDC41 \\ud83d\\ude00 \u{200b}\u{7f}\\\\u200b\\n\\b\"}";
        let want = "{\"d\": \"ab[0m \\ud83d\\ude00 \\\\u200b\\n\"}";
        assert_eq!(clean_json(dirty).as_deref(), Some(want));
    }

    #[test]
    fn json_with_nothing_to_remove_is_left_alone() {
        for same in ["{\n \"a\": \"\\u00e9 \\\"x\\\" \\\\\"}", "[1e400, \"é\"]", "\"\\ud800 lone\""]
        {
            assert_eq!(clean_json(same), None, "{same}");
        }
    }
}
