//! One pass over JSON text: is it valid (RFC 8259), is it too deep, and where are its outermost
//! members.
//!
//! This is the one place where every byte of every message is looked at, so it is looked at once:
//! a library's parser finds out the same, but not how deep the text nests, and not where its
//! members stand, which made three passes of one.

use super::splice::Member;
use std::ops::Range;

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanError {
    /// What stands at this byte cannot stand there.
    Syntax(usize),
    /// Objects and arrays nest deeper than the limit.
    Depth,
}

/// A valid text, with its outermost parts.
#[derive(Debug, PartialEq, Eq)]
pub enum Top {
    Object(Vec<Member>),
    Array(Vec<Range<usize>>),
    Scalar,
}

/// Checks all of `text`, which may nest `max_depth` levels.
pub fn scan(text: &[u8], max_depth: usize) -> Result<Top, ScanError> {
    // Most texts are ASCII, and to see that takes half the time.
    if !text.is_ascii()
        && let Err(error) = std::str::from_utf8(text)
    {
        return Err(ScanError::Syntax(error.valid_up_to()));
    }
    let scanner = Scanner { text, max_depth };
    let start = scanner.space(0);
    let (top, end) = match text.get(start) {
        Some(b'{') => {
            let mut members = Vec::with_capacity(6);
            let end = scanner.object(start, 1, |member| members.push(member))?;
            (Top::Object(members), end)
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            let end = scanner.array(start, 1, |element| elements.push(element))?;
            (Top::Array(elements), end)
        }
        _ => (Top::Scalar, scanner.value(start, 1)?),
    };
    let end = scanner.space(end);
    if end == text.len() { Ok(top) } else { Err(ScanError::Syntax(end)) }
}

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
}

/// What may stand behind a backslash, but for `u`.
static SHORT: [bool; 256] = table(b"\"\\/bfnrt");
static HEX: [bool; 256] = table(b"0123456789abcdefABCDEF");

#[derive(Clone, Copy)]
struct Scanner<'a> {
    text: &'a [u8],
    max_depth: usize,
}

impl Scanner<'_> {
    fn space(self, mut at: usize) -> usize {
        while matches!(self.text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        at
    }

    /// The end of the value that starts at `at`; `depth` is the level it would open. Recursion is
    /// as deep as the text, which `max_depth` bounds.
    fn value(self, at: usize, depth: usize) -> Result<usize, ScanError> {
        match self.text.get(at) {
            Some(b'"') => self.string(at),
            Some(b'{') => self.object(at, depth, |_| {}),
            Some(b'[') => self.array(at, depth, |_| {}),
            Some(b't') => self.word(at, b"true"),
            Some(b'f') => self.word(at, b"false"),
            Some(b'n') => self.word(at, b"null"),
            _ => self.number(at),
        }
    }

    fn object(
        self,
        at: usize,
        depth: usize,
        mut found: impl FnMut(Member),
    ) -> Result<usize, ScanError> {
        self.level(depth)?;
        let mut at = self.space(at + 1);
        if self.text.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        loop {
            self.expect(at, b'"')?;
            let key = at..self.string(at)?;
            at = self.space(key.end);
            self.expect(at, b':')?;
            let start = self.space(at + 1);
            let end = self.value(start, depth + 1)?;
            found(Member { key, value: start..end });
            at = self.space(end);
            match self.text.get(at) {
                Some(b',') => at = self.space(at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return Err(ScanError::Syntax(at)),
            }
        }
    }

    fn array(
        self,
        at: usize,
        depth: usize,
        mut found: impl FnMut(Range<usize>),
    ) -> Result<usize, ScanError> {
        self.level(depth)?;
        let mut at = self.space(at + 1);
        if self.text.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            let end = self.value(at, depth + 1)?;
            found(at..end);
            at = self.space(end);
            match self.text.get(at) {
                Some(b',') => at = self.space(at + 1),
                Some(b']') => return Ok(at + 1),
                _ => return Err(ScanError::Syntax(at)),
            }
        }
    }

    fn level(self, depth: usize) -> Result<(), ScanError> {
        if depth > self.max_depth { Err(ScanError::Depth) } else { Ok(()) }
    }

    fn expect(self, at: usize, byte: u8) -> Result<(), ScanError> {
        if self.text.get(at) == Some(&byte) { Ok(()) } else { Err(ScanError::Syntax(at)) }
    }

    fn word(self, at: usize, word: &[u8]) -> Result<usize, ScanError> {
        let end = at + word.len();
        if self.text.get(at..end) == Some(word) { Ok(end) } else { Err(ScanError::Syntax(at)) }
    }

    /// The end of the string whose opening quote is at `at`. Eight bytes at a time, and a text may
    /// be all escapes: so where the next mark stands does not hang on what the last one was, but
    /// for the byte behind its backslash, and the processor works on many of them at once.
    fn string(self, at: usize) -> Result<usize, ScanError> {
        let mut at = at + 1;
        // The mark that the first byte of the next word would have, when it is behind a backslash.
        let mut escaped = 0;
        while let Some(word) = self.text.get(at..).and_then(|rest| rest.first_chunk()) {
            let mut marks = marks(u64::from_le_bytes(*word)) & !escaped;
            escaped = 0;
            while marks != 0 {
                let found = at + marks.trailing_zeros() as usize / 8;
                match self.text[found] {
                    b'"' => return Ok(found + 1),
                    b'\\' => self.escape(found)?,
                    _ => return Err(ScanError::Syntax(found)),
                };
                let lowest = marks & marks.wrapping_neg();
                marks &= !(lowest | lowest << 8);
                escaped = lowest >> 56;
            }
            at += 8;
        }
        at += usize::from(escaped != 0);
        loop {
            match self.text.get(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at = self.escape(at)?,
                Some(0x20..) => at += 1,
                _ => return Err(ScanError::Syntax(at)),
            }
        }
    }

    #[inline]
    fn escape(self, at: usize) -> Result<usize, ScanError> {
        let end = match self.text.get(at + 1) {
            // A lone surrogate is valid text; what it means is for others to say.
            Some(b'u') => {
                let hex = self.text.get(at + 2..).and_then(|rest| rest.first_chunk::<4>());
                hex.filter(|hex| hex.iter().all(|b| HEX[usize::from(*b)])).map(|_| at + 6)
            }
            Some(kind) if SHORT[usize::from(*kind)] => Some(at + 2),
            _ => None,
        };
        end.ok_or(ScanError::Syntax(at))
    }

    fn number(self, at: usize) -> Result<usize, ScanError> {
        let digits = |mut at: usize| {
            let start = at;
            while self.text.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            if at > start { Ok(at) } else { Err(ScanError::Syntax(at)) }
        };
        let first = at + usize::from(self.text.get(at) == Some(&b'-'));
        // A leading zero stands alone.
        let mut at = if self.text.get(first) == Some(&b'0') { first + 1 } else { digits(first)? };
        if self.text.get(at) == Some(&b'.') {
            at = digits(at + 1)?;
        }
        if matches!(self.text.get(at), Some(b'e' | b'E')) {
            let sign = matches!(self.text.get(at + 1), Some(b'+' | b'-'));
            at = digits(at + 1 + usize::from(sign))?;
        }
        Ok(at)
    }
}

/// The high bit of each byte that is a quote, a backslash or a control character, and no other.
#[inline]
fn marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * ONES;
    // Of seven bits and an addend that never carries out of its byte: the high bit is clear only
    // where they were zero, and below 0x20 in the third.
    let low = word & LOW;
    let quote = (low ^ (ONES * u64::from(b'"'))) + LOW;
    let backslash = (low ^ (ONES * u64::from(b'\\'))) + LOW;
    let control = low + ONES * 0x60;
    !((quote & backslash & control) | word) & !LOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::splice;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn valid(text: &[u8]) -> bool {
        !matches!(scan(text, 128), Err(ScanError::Syntax(_)))
    }

    fn serde_says(text: &[u8]) -> bool {
        serde_json::from_slice::<&RawValue>(text).is_ok()
    }

    #[test]
    fn every_rule_of_the_grammar_is_kept() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "0",
            "-0",
            "-1.5e+7",
            "1E9",
            "0.10",
            "\"\"",
            "true",
            "null",
            "false",
            "\"\\ud800\"",
            "\"\\u00zz\"",
            "\"a\u{7f}b\"",
            "\"tab\there\"",
            "\"\u{0}\"",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "tru",
            "nul",
            "[1,]",
            "[,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "[1 2]",
            "",
            " ",
            "{} x",
            "[",
            "{",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\u{feff}{}",
            "{\"a\":{\"b\":[1,{\"c\":null}]}}",
            "\"é\"",
            "[1,2,3]]",
            "NaN",
            "Infinity",
        ] {
            assert_eq!(valid(text.as_bytes()), serde_says(text.as_bytes()), "{text:?}");
        }
        for bytes in [&b"\"\xff\""[..], b"\"\xc3", b"{\"\xed\xa0\x80\":1}"] {
            assert!(!valid(bytes), "not UTF-8");
        }
    }

    #[test]
    fn depth_is_bounded_however_deep_the_text_is() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(scan(nested(128).as_bytes(), 128).is_ok());
        assert_eq!(scan(nested(129).as_bytes(), 128), Err(ScanError::Depth));
        assert_eq!(scan(&vec![b'['; 10_000_000], 128), Err(ScanError::Depth));
        assert!(scan(b"[\"[[[[[[\"]", 1).is_ok());
    }

    #[test]
    fn every_byte_is_marked_for_itself_alone() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                for filler in [b'a', 0x80, 0xff, b' ', b'!', b'#', b'[', b']', b'"', 0] {
                    let mut word = [filler; 8];
                    word[place] = byte;
                    let marks = marks(u64::from_le_bytes(word)).to_le_bytes();
                    for (byte, mark) in word.iter().zip(marks) {
                        let special = matches!(byte, b'"' | b'\\' | 0..=0x1f);
                        assert_eq!(mark, if special { 0x80 } else { 0 }, "{byte} in {word:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn escapes_and_ends_are_found_at_every_place() {
        let shorts = [
            "\\\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u00e9", "\\\\\\\"", r"\\\\",
        ];
        let wrong =
            ["\\", r"\x", r"\u12", r"\u12g4", r"\u", "\u{1}", "\n", "\\\\\\", r"\U0041", "\""];
        for before in 0..20 {
            for after in 0..20 {
                let text =
                    |middle| format!("[\"{}{middle}{}\",1]", "a".repeat(before), "b".repeat(after));
                for middle in shorts {
                    let text = text(middle);
                    assert!(valid(text.as_bytes()) && serde_says(text.as_bytes()), "{text}");
                }
                for middle in wrong {
                    let text = text(middle);
                    assert_eq!(valid(text.as_bytes()), serde_says(text.as_bytes()), "{text}");
                }
            }
        }
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(","),
            Just(":"),
            Just(" "),
            Just("\n"),
            Just("\"a\""),
            Just("\"\""),
            Just("\"\\n\\u00e9\""),
            Just("\""),
            Just("\\"),
            Just("1"),
            Just("-0.5e3"),
            Just("0"),
            Just("true"),
            Just("null"),
            Just("é"),
            Just("\"k\":"),
            Just("\"long enough to be more than one word of eight bytes\""),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_scan_agrees_with_serde_on_what_is_valid(text in pieces()) {
            prop_assert_eq!(valid(text.as_bytes()), serde_says(text.as_bytes()));
        }

        #[test]
        fn bytes_of_any_kind_neither_panic_nor_pass(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(valid(&bytes), serde_says(&bytes));
        }

        #[test]
        fn members_and_elements_are_those_of_the_walk(text in pieces()) {
            match scan(text.as_bytes(), 128) {
                Ok(Top::Object(members)) => {
                    prop_assert_eq!(members, splice::members(text.as_bytes()).collect::<Vec<_>>());
                }
                Ok(Top::Array(elements)) => {
                    prop_assert_eq!(elements, splice::elements(text.as_bytes()).collect::<Vec<_>>());
                }
                _ => {}
            }
        }
    }
}
