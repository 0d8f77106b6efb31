//! What can go wrong with an answer, and for which requests.

use super::record::Request;
use bytes::Bytes;
use std::{fmt::Write as _, time::Duration};

/// One thing that goes wrong, for the requests it names, so often or until it is cleared.
///
/// `Upstream::fault` puts it in force. Where several match a request, the first given counts.
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault {
    pub(super) what: What,
    pub(super) when: When,
    pub(super) left: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// Reads the request and says nothing.
    Hang,
    /// Closes the connection without an answer, before or after the work was done.
    NoAnswer { worked: bool, end: End },
    /// This response, and no work done.
    Response(Canned),
    /// The true answer, in another shape.
    Shape(Shape),
    /// The true answer under another content type.
    ContentType(String),
    /// An SSE stream of these messages; `$ANSWER` is the true one, `$LAST` the one before it.
    Events(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) struct Canned {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    /// `$ID` in it becomes the id of the request.
    Text(String),
    /// `head`, then `unit` so many times, then `tail`: made while it is sent.
    Repeat { head: Bytes, unit: Bytes, times: u64, tail: Bytes },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    HangAfter(usize),
    Trickle { bytes: usize, every: Duration },
    CutBytes(usize, End),
    CutEvents(usize, End),
}

/// How a connection or a body ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As if all had been said: the last chunk is sent.
    Clean,
    /// In the middle of the body, with FIN.
    Close,
    /// In the middle of the body, with RST.
    Reset,
}

#[derive(Debug, Clone)]
pub(super) enum When {
    Any,
    Http(String),
    Rpc(String),
    Tool(String),
    Path(String),
}

impl Fault {
    fn new(what: What) -> Self {
        Self { what, when: When::Any, left: None }
    }

    /// Takes the request and never answers.
    pub fn hang() -> Self {
        Self::new(What::Hang)
    }

    /// Sends the head and `bytes` of the body, then nothing more.
    pub fn hang_in_body(bytes: usize) -> Self {
        Self::new(What::Shape(Shape::HangAfter(bytes)))
    }

    /// Sends the body in pieces of `bytes`, one `every` so often.
    pub fn trickle(bytes: usize, every: Duration) -> Self {
        Self::new(What::Shape(Shape::Trickle { bytes, every }))
    }

    /// Closes the connection instead of an answer; the request has not been worked on.
    pub fn no_answer(end: End) -> Self {
        Self::new(What::NoAnswer { worked: false, end })
    }

    /// Does the work, then closes the connection without an answer.
    pub fn work_and_no_answer(end: End) -> Self {
        Self::new(What::NoAnswer { worked: true, end })
    }

    /// Breaks the body off after so many bytes.
    pub fn cut_after_bytes(bytes: usize, end: End) -> Self {
        Self::new(What::Shape(Shape::CutBytes(bytes, end)))
    }

    /// Breaks an SSE stream off after so many events (the opening one of `Script::retry` counts).
    pub fn cut_after_events(events: usize, end: End) -> Self {
        Self::new(What::Shape(Shape::CutEvents(events, end)))
    }

    /// A status with a plain text body.
    pub fn status(status: u16) -> Self {
        Self::response(status, "text/plain", &format!("status {status}"))
    }

    /// Any response; `$ID` in the body becomes the id of the request.
    pub fn response(status: u16, content_type: &str, body: &str) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self::new(What::Response(Canned { status, headers, body: Body::Text(body.into()) }))
    }

    pub fn html() -> Self {
        let page = "<!doctype html><html><body><h1>Welcome</h1></body></html>";
        Self::response(200, "text/html; charset=utf-8", page)
    }

    /// A 200 with this JSON-RPC message (or anything else) as JSON.
    pub fn json(body: &str) -> Self {
        Self::response(200, "application/json", body)
    }

    pub fn invalid_json() -> Self {
        Self::json(r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[}"#)
    }

    /// An answer whose result is nested this deep.
    pub fn deep_json(depth: usize) -> Self {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        Self::json(&format!(
            r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"content":[],"deep":{open}{close}}}}}"#
        ))
    }

    /// An answer of about this many bytes, without a Content-Length.
    pub fn huge(bytes: u64) -> Self {
        let unit = Bytes::from(vec![b'0'; 64 * 1024]);
        let times = bytes / 65_536;
        Self::repeat(Bytes::from_static(HEAD), unit, times, Bytes::from_static(TAIL), None)
    }

    /// An answer that is about a thousand times as large (this many MiB) once unpacked.
    pub fn gzip_bomb(mebibytes: u64) -> Self {
        let (head, unit, tail) = bomb(mebibytes);
        Self::repeat(head, unit, mebibytes, tail, Some("gzip"))
    }

    fn repeat(head: Bytes, unit: Bytes, times: u64, tail: Bytes, coding: Option<&str>) -> Self {
        let mut headers = vec![("content-type".into(), "application/json".into())];
        headers.extend(coding.map(|coding| ("content-encoding".into(), coding.into())));
        let body = Body::Repeat { head, unit, times, tail };
        Self::new(What::Response(Canned { status: 200, headers, body }))
    }

    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).with_header("location", to)
    }

    /// A 403 as RFC 6750 has it for a token with too little scope.
    pub fn insufficient_scope(scope: &str) -> Self {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        Self::response(403, "application/json", r#"{"error":"insufficient_scope"}"#)
            .with_header("www-authenticate", &challenge)
    }

    /// The true answer under another content type.
    pub fn content_type(content_type: &str) -> Self {
        Self::new(What::ContentType(content_type.into()))
    }

    /// An SSE stream of these messages: `$ID`, `$ANSWER` (the true one) and `$LAST` (the answer to
    /// the request before) are filled in.
    pub fn events(messages: &[&str]) -> Self {
        Self::new(What::Events(messages.iter().map(|one| (*one).to_owned()).collect()))
    }

    /// An answer to a request that nobody made, then the true one.
    pub fn unknown_id() -> Self {
        Self::events(&[r#"{"jsonrpc":"2.0","id":"nobody asked","result":{}}"#, "$ANSWER"])
    }

    pub fn duplicate_id() -> Self {
        Self::events(&["$ANSWER", "$ANSWER"])
    }

    /// The answer to the request before once more, then the true one.
    pub fn late_id() -> Self {
        Self::events(&["$LAST", "$ANSWER"])
    }

    /// An SSE stream that ends as it should, but without the answer.
    pub fn no_answer_in_stream() -> Self {
        Self::events(&[])
    }

    /// Adds a header to a response made up here.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match &mut self.what {
            What::Response(canned) => canned.headers.push((name.into(), value.into())),
            other => panic!("{other:?} has no headers of its own"),
        }
        self
    }

    /// Gives a response made up here another status.
    pub fn with_status(mut self, status: u16) -> Self {
        match &mut self.what {
            What::Response(canned) => canned.status = status,
            other => panic!("{other:?} has no status of its own"),
        }
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header("retry-after", &seconds.to_string())
    }

    /// Only for requests with this JSON-RPC method.
    pub fn on(mut self, rpc_method: &str) -> Self {
        self.when = When::Rpc(rpc_method.into());
        self
    }

    /// Only for requests with this HTTP method.
    pub fn on_http(mut self, method: &str) -> Self {
        self.when = When::Http(method.into());
        self
    }

    /// Only for calls of this tool.
    /// For requests to this path only, whatever their query.
    pub fn on_path(mut self, path: &str) -> Self {
        self.when = When::Path(path.into());
        self
    }

    pub fn on_tool(mut self, tool: &str) -> Self {
        self.when = When::Tool(tool.into());
        self
    }

    /// Only for the next `times` requests that match.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    pub fn once(self) -> Self {
        self.times(1)
    }

    pub(super) fn matches(&self, request: &Request) -> bool {
        self.left != Some(0)
            && match &self.when {
                When::Any => true,
                When::Http(method) => request.http_method == *method,
                When::Rpc(method) => request.rpc.method.as_deref() == Some(method),
                When::Path(path) => request.target.split('?').next() == Some(path),
                When::Tool(tool) => request.rpc.tool().as_deref() == Some(tool),
            }
    }
}

const HEAD: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""#;
const TAIL: &[u8] = br#""}]}}"#;
const MEBIBYTE: u32 = 1024 * 1024;

/// A sound gzip file in three parts, the middle one to be sent once for each MiB: a full flush
/// makes deflate blocks that stand for themselves.
fn bomb(mebibytes: u64) -> (Bytes, Bytes, Bytes) {
    use flate2::{Compress, Compression, Crc, FlushCompress};
    let zeros = vec![b'0'; MEBIBYTE as usize];
    let mut deflate = Compress::new(Compression::best(), false);
    let mut squeeze = |input: &[u8], flush| {
        let mut out = Vec::with_capacity(64 * 1024);
        deflate.compress_vec(input, &mut out, flush).expect("deflate takes any input");
        out
    };
    let mut head = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    head.extend(squeeze(HEAD, FlushCompress::Full));
    let unit = squeeze(&zeros, FlushCompress::Full);
    let mut tail = squeeze(TAIL, FlushCompress::Finish);

    let crc = |input: &[u8]| {
        let mut crc = Crc::new();
        crc.update(input);
        crc
    };
    let (mut all, zeros) = (crc(HEAD), crc(&zeros));
    (0..mebibytes).for_each(|_| all.combine(&zeros));
    all.combine(&crc(TAIL));
    tail.extend(all.sum().to_le_bytes());
    tail.extend(all.amount().to_le_bytes());
    (head.into(), unit.into(), tail.into())
}

/// `template` with the id of the request and the messages at hand filled in.
pub(super) fn fill(template: &str, id: Option<&str>, answer: &str, last: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        let (value, length) = [("$ID", id.unwrap_or("null")), ("$ANSWER", answer), ("$LAST", last)]
            .into_iter()
            .find(|(name, _)| from.starts_with(name))
            .map_or(("$", 1), |(name, value)| (value, name.len()));
        let _ = write!(out, "{before}{value}");
        rest = &from[length..];
    }
    out + rest
}
