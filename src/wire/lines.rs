//! stdio framing: one message a line.

use bytes::{Bytes, BytesMut};

/// Longest line that we take from a client, in bytes (as for upstream messages).
pub const MAX_LINE: usize = 16 * 1024 * 1024;

/// Bytes in, lines out.
#[derive(Debug)]
pub struct Lines {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line break.
    scanned: usize,
    max: usize,
    /// The rest of a line that was too long is still to come.
    skipping: bool,
}

/// What a line was.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Message(Bytes),
    /// Longer than the limit; its bytes are gone.
    TooLong,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(MAX_LINE)
    }
}

impl Lines {
    pub fn new(max: usize) -> Self {
        Self { buffer: BytesMut::new(), scanned: 0, max, skipping: false }
    }

    /// The buffer to read into.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole line without its line break; blank lines are passed over.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let Some(at) = memchr::memchr(b'\n', &self.buffer[self.scanned..]) else {
                self.scanned = self.buffer.len();
                if self.buffer.len() > self.max {
                    self.buffer.clear();
                    self.scanned = 0;
                    if !std::mem::replace(&mut self.skipping, true) {
                        return Some(Line::TooLong);
                    }
                }
                return None;
            };
            let line = self.buffer.split_to(self.scanned + at + 1).freeze();
            self.scanned = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > self.max {
                return Some(Line::TooLong);
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                return Some(Line::Message(line.slice_ref(text)));
            }
        }
    }

    /// What stands behind the last line break when the stream has ended.
    pub fn rest(&mut self) -> Option<Line> {
        let line = self.buffer.split().freeze();
        self.scanned = 0;
        let text = line.trim_ascii();
        (!self.skipping && !text.is_empty()).then(|| Line::Message(line.slice_ref(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &mut Lines, chunks: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        for chunk in chunks {
            lines.buffer().extend_from_slice(chunk.as_bytes());
            while let Some(line) = lines.next_line() {
                out.push(match line {
                    Line::Message(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                    Line::TooLong => "TOO LONG".into(),
                });
            }
        }
        out
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        assert_eq!(
            feed(&mut lines, &["{\"a\"", ":1}\r", "\n\n  \n{}", "\n7\n8"]),
            ["{\"a\":1}", "{}", "7"]
        );
        assert_eq!(lines.rest(), Some(Line::Message(Bytes::from_static(b"8"))));
    }

    #[test]
    fn a_line_too_long_is_told_once_and_the_next_is_read() {
        let mut lines = Lines::new(8);
        assert_eq!(feed(&mut lines, &["123456789", "0123456789", "012\nok\n"]), ["TOO LONG", "ok"]);
        assert_eq!(feed(&mut lines, &["123456789\nok\n"]), ["TOO LONG", "ok"]);
    }
}
