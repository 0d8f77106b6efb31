//! Server-sent events, as the Streamable HTTP transport uses them (HTML standard, 9.2.6).

use bytes::{Bytes, BytesMut};
use std::time::Duration;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// `None` stands for `message`.
    pub name: Option<Box<str>>,
    pub data: Bytes,
    /// The id to resume after (`Last-Event-ID`).
    pub id: Option<Box<str>>,
}

/// The stream cannot be read on: one event is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {0} bytes")]
pub struct TooLarge(pub usize);

/// Bytes in, events out. An event of one `data` line shares the buffer it came in.
#[derive(Debug)]
pub struct Decoder {
    /// What came last, as long as nothing stands before it: the common event is one chunk, and
    /// not copied.
    chunk: Bytes,
    /// The beginning of a line, and what came after it. Empty while there is a `chunk`.
    buffer: BytesMut,
    scanned: usize,
    max: usize,
    started: bool,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    event: Event,
    has_data: bool,
    /// The server's wish for the pause before a reconnect.
    pub retry: Option<Duration>,
    /// The last id seen, which outlives its event.
    pub last_id: Option<Box<str>>,
}

impl Decoder {
    /// A decoder that takes events of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            buffer: BytesMut::new(),
            scanned: 0,
            max,
            started: false,
            after_cr: false,
            event: Event::default(),
            has_data: false,
            retry: None,
            last_id: None,
        }
    }

    pub fn push(&mut self, chunk: Bytes) {
        if self.is_drained() {
            self.chunk = chunk;
        } else {
            self.keep_rest();
            self.buffer.extend_from_slice(&chunk);
        }
    }

    fn is_drained(&self) -> bool {
        self.chunk.is_empty() && self.buffer.is_empty()
    }

    fn keep_rest(&mut self) {
        let rest = std::mem::take(&mut self.chunk);
        self.buffer.extend_from_slice(&rest);
    }

    /// True while part of an event is held: the peer owes us the rest.
    pub fn is_mid_event(&self) -> bool {
        !self.is_drained() || self.has_data
    }

    /// The next whole event. Events without data only carry ids and are not returned.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLarge> {
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if std::mem::take(&mut self.has_data) {
                    return Ok(Some(Event { id: self.last_id.clone(), ..event }));
                }
            } else {
                self.field(&line);
            }
            if self.event.data.len() > self.max {
                return Err(TooLarge(self.max));
            }
        }
        // Without a whole line everything is in the buffer.
        if self.buffer.len() + self.event.data.len() > self.max {
            return Err(TooLarge(self.max));
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Option<Bytes> {
        if self.after_cr {
            if self.chunk.first().or(self.buffer.first()) == Some(&b'\n') {
                let _lf = self.take(1);
            }
            self.after_cr = self.is_drained();
        }
        let held = if self.chunk.is_empty() { &self.buffer[..] } else { &self.chunk[..] };
        let Some(at) = memchr::memchr2(b'\n', b'\r', &held[self.scanned..]) else {
            self.keep_rest();
            self.scanned = self.buffer.len();
            return None;
        };
        let end = self.scanned + at;
        let mut line = self.take(end + 1);
        self.scanned = 0;
        self.after_cr = line[end] == b'\r';
        line.truncate(end);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xef\xbb\xbf") {
            line = line.slice(3..);
        }
        Some(line)
    }

    fn take(&mut self, len: usize) -> Bytes {
        if self.chunk.is_empty() {
            self.buffer.split_to(len).freeze()
        } else {
            self.chunk.split_to(len)
        }
    }

    fn field(&mut self, line: &Bytes) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let after = (colon + 1).min(line.len());
        let start = after + usize::from(line.get(after) == Some(&b' '));
        let value = line.slice(start.min(line.len())..);
        match &line[..colon] {
            b"data" if self.has_data => {
                let mut joined = Vec::with_capacity(self.event.data.len() + 1 + value.len());
                joined.extend_from_slice(&self.event.data);
                joined.push(b'\n');
                joined.extend_from_slice(&value);
                self.event.data = joined.into();
            }
            b"data" => {
                self.event.data = value;
                self.has_data = true;
            }
            b"event" => self.event.name = text(&value).filter(|name| &**name != "message"),
            b"id" if !value.contains(&0) => self.last_id = text(&value).filter(|id| !id.is_empty()),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                self.retry = text(&value).and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
            }
            // An empty name is a comment; others are unknown and passed over, as the standard says.
            _ => {}
        }
    }
}

fn text(value: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(value).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(chunks: &[&[u8]]) -> Vec<(Option<String>, String, Option<String>)> {
        let mut decoder = Decoder::new(1000);
        let mut out = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Some(e) = decoder.next_event().unwrap() {
                let data = String::from_utf8(e.data.to_vec()).unwrap();
                out.push((e.name.map(Into::into), data, e.id.map(Into::into)));
            }
        }
        out
    }

    const STREAM: &[u8] = b"\xef\xbb\xbf: hi\r\nid: 1\r\ndata:\r\n\r\nevent: x\ndata: a\ndata:b\n\nid\rdata:  c\r\rretry: 5\nretry: x\n\ndata: lost";

    #[test]
    fn events_follow_the_standard() {
        let want = [
            (None, String::new(), Some("1".to_owned())),
            (Some("x".to_owned()), "a\nb".to_owned(), Some("1".to_owned())),
            (None, " c".to_owned(), None),
        ];
        assert_eq!(all(&[STREAM]), want);
        let mut decoder = Decoder::new(1000);
        decoder.push(Bytes::from_static(STREAM));
        while decoder.next_event().unwrap().is_some() {}
        assert_eq!(decoder.retry, Some(Duration::from_millis(5)));
        assert!(decoder.is_mid_event());
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut at = 0;
            for cut in cuts {
                chunks.push(&STREAM[at..cut]);
                at = cut;
            }
            chunks.push(&STREAM[at..]);
            prop_assert_eq!(all(&chunks), all(&[STREAM]));
        }
    }

    #[test]
    fn an_event_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"event: message\ndata: {}\n\ndata: [");
        let mut decoder = Decoder::new(1000);
        decoder.push(chunk.clone());
        let event = decoder.next_event().unwrap().unwrap();
        assert!(chunk.as_ptr_range().contains(&event.data.as_ptr()));
        assert_eq!(decoder.next_event(), Ok(None));
        decoder.push(Bytes::from_static(b"1]\n"));
        decoder.push(Bytes::from_static(b"\n"));
        assert_eq!(decoder.next_event().unwrap().unwrap().data, "[1]");
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut decoder = Decoder::new(10);
        decoder.push(Bytes::from_static(b"data: 12345678901"));
        assert_eq!(decoder.next_event(), Err(TooLarge(10)));
        let mut decoder = Decoder::new(10);
        decoder.push(Bytes::from_static(b"data: 123456\ndata: 7890\n"));
        assert_eq!(decoder.next_event(), Err(TooLarge(10)));
    }
}
