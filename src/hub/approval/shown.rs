//! Arguments as the user reads them: every member in its place, long texts cut, nothing hidden.

use crate::{text, wire::splice};
use std::{fmt::Write as _, ops::Range};

/// Longest text of one value, in bytes: what follows a long one must be seen too.
const VALUE: usize = 600;
/// Longest text in all, in bytes.
const WHOLE: usize = 4096;

/// `json` over several lines. What was left out is counted, and code points that hide or forge
/// what a reader sees are written as escapes.
pub(super) fn json(json: &[u8]) -> String {
    let mut writer = Writer { json, out: String::new() };
    if let Err(Full { at }) = writer.value(0..json.len(), 0) {
        let left = json.len() - at;
        let _ = write!(writer.out, "\n… {left} more bytes");
    }
    writer.out
}

/// There is no room for what begins at this byte.
struct Full {
    at: usize,
}

struct Writer<'a> {
    json: &'a [u8],
    out: String,
}

impl Writer<'_> {
    fn value(&mut self, at: Range<usize>, depth: usize) -> Result<(), Full> {
        if self.out.len() >= WHOLE {
            return Err(Full { at: at.start });
        }
        let whole = self.json;
        let value = &whole[at.clone()];
        match value.first() {
            Some(b'{') => {
                let members: Vec<_> = splice::members(value).collect();
                self.between('{', '}', members.len(), depth, |this, i| {
                    let (key, value) = (&members[i].key, &members[i].value);
                    this.token(&whole[at.start + key.start..at.start + key.end]);
                    this.out.push_str(": ");
                    at.start + value.start..at.start + value.end
                })
            }
            Some(b'[') => {
                let elements: Vec<_> = splice::elements(value).collect();
                self.between('[', ']', elements.len(), depth, |_, i| {
                    at.start + elements[i].start..at.start + elements[i].end
                })
            }
            _ => {
                self.token(value);
                Ok(())
            }
        }
    }

    fn between(
        &mut self,
        open: char,
        close: char,
        count: usize,
        depth: usize,
        mut begin: impl FnMut(&mut Self, usize) -> Range<usize>,
    ) -> Result<(), Full> {
        self.out.push(open);
        for i in 0..count {
            self.out.push_str(if i == 0 { "\n" } else { ",\n" });
            self.indent(depth + 1);
            let value = begin(self, i);
            self.value(value, depth + 1)?;
        }
        if count > 0 {
            self.out.push('\n');
            self.indent(depth);
        }
        self.out.push(close);
        Ok(())
    }

    /// Deep nesting does not push what matters out of sight.
    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n(' ', 2 * depth.min(12)));
    }

    /// A text, a number or a word, as it is written.
    fn token(&mut self, token: &[u8]) {
        let token = String::from_utf8_lossy(token);
        let shown = token.floor_char_boundary(VALUE);
        for c in token[..shown].chars() {
            if text::forbidden(c) || c.is_control() {
                let _ = write!(self.out, "\\u{{{:x}}}", u32::from(c));
            } else {
                self.out.push(c);
            }
        }
        if shown < token.len() {
            let _ = write!(self.out, "… {} more bytes", token.len() - shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_seen_as_it_was_written() {
        let shown = json(br#"{"a":1.0,"b":[true,null],"c":{},"d":[],"e":"x\ny"}"#);
        let want = "{\n  \"a\": 1.0,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": \"x\\ny\"\n}";
        assert_eq!(shown, want);
        assert_eq!(json(b"7"), "7");
    }

    #[test]
    fn a_long_text_does_not_push_out_what_follows_it() {
        let long = format!(r#"{{"body":"{}","to":"x@y.example"}}"#, "ж".repeat(50_000));
        let shown = json(long.as_bytes());
        assert!(shown.contains("more bytes") && shown.contains("x@y.example"), "{shown}");
        assert!(shown.len() < 2 * VALUE);
    }

    #[test]
    fn there_is_an_end_and_it_says_how_much_is_left() {
        let many: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let text = format!("{{{}}}", many.join(","));
        let shown = json(text.as_bytes());
        assert!(shown.len() < WHOLE + 200, "{}", shown.len());
        let left: usize =
            shown.rsplit("… ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(left > 40_000 && left < text.len(), "{left}");
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(json(deep.as_bytes()).len() < 2 * WHOLE);
    }

    #[test]
    fn what_hides_is_made_visible() {
        let shown = json("{\"a\u{202e}\":\"b\u{200b}\\u202ec\"}".as_bytes());
        assert_eq!(shown, "{\n  \"a\\u{202e}\": \"b\\u{200b}\\u202ec\"\n}");
    }
}
