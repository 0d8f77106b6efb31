//! One JSON-RPC message: the buffer it came in, and slices of its parts.

use super::{
    Id,
    scan::{self, ScanError, Top},
    splice::{self, Member},
};
use bytes::Bytes;

/// Deepest nesting that we take (promises: "JSON depth 128").
pub const MAX_DEPTH: usize = 128;

/// Longest message that is looked at on the thread that serves everybody, in bytes.
const SCAN_INLINE: usize = 256 * 1024;

/// A message whose parts share its buffer; a result is forwarded as the bytes it came in.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: Option<Id>,
    pub method: Option<Box<str>>,
    /// The text of `params`; always an object.
    pub params: Option<Bytes>,
    pub result: Option<Bytes>,
    pub error: Option<Bytes>,
    /// Length of the whole message, in bytes.
    pub len: usize,
}

/// What a frame is by its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Notification,
    Response,
}

/// One line or body: a message, or a batch of them (2025-03-26 only).
#[derive(Debug)]
pub enum Message {
    Single(Frame),
    Batch(Vec<Result<Frame, FrameError>>),
}

/// Why a text is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// What stands at this byte cannot stand there.
    #[error("not valid JSON: unexpected byte or end at position {0}")]
    Parse(usize),
    /// The work on it broke off.
    #[error("it could not be read: {0}")]
    Unread(crate::task::BlockingError),
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("not a JSON-RPC message: {reason}")]
    Invalid { id: Option<Id>, reason: &'static str },
}

const NOT_AN_OBJECT: FrameError = FrameError::Invalid { id: None, reason: "it is not one object" };

/// The members that we read; all others are passed over.
const KEYS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

impl From<ScanError> for FrameError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Syntax(at) => Self::Parse(at),
            ScanError::Depth => Self::Depth,
        }
    }
}

impl FrameError {
    /// The JSON-RPC code for it.
    pub fn code(&self) -> i64 {
        match self {
            Self::Parse(_) => super::error::PARSE,
            Self::Unread(_) => super::error::INTERNAL,
            Self::Depth | Self::Invalid { .. } => super::error::INVALID_REQUEST,
        }
    }

    /// The id to answer under, where one could be read.
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Invalid { id, .. } => id.as_ref(),
            _ => None,
        }
    }
}

impl Frame {
    /// Reads one message and checks that it is valid JSON to the end.
    pub fn parse(bytes: &Bytes) -> Result<Self, FrameError> {
        match scan::scan(bytes, MAX_DEPTH)? {
            Top::Object(members) => Self::envelope(bytes, &members),
            Top::Array(_) | Top::Scalar => Err(NOT_AN_OBJECT),
        }
    }

    fn envelope(bytes: &Bytes, members: &[Member]) -> Result<Self, FrameError> {
        let mut parts: [Option<Bytes>; KEYS.len()] = Default::default();
        for member in members {
            let known = KEYS.iter().position(|key| splice::key_is(bytes, member, key));
            if let Some(i) = known
                && parts[i].replace(bytes.slice(member.value.clone())).is_some()
            {
                let reason = "a member of it is there twice";
                return Err(FrameError::Invalid { id: None, reason });
            }
        }
        let [jsonrpc, id, method, params, result, error] = parts;
        let present = |part: Option<Bytes>| part.filter(|json| *json != "null");
        let id = present(id).map(Id::from_json);
        let invalid = |reason| FrameError::Invalid { id: id.clone().flatten(), reason };
        if id.as_ref().is_some_and(Option::is_none) {
            return Err(invalid("the id is neither a string nor a number"));
        }
        if present(jsonrpc).is_some_and(|version| version != "\"2.0\"") {
            return Err(invalid("\"jsonrpc\" is not \"2.0\""));
        }
        let method: Option<Box<str>> = match present(method) {
            None => None,
            Some(text) => match splice::string(&text) {
                Some(name) => Some(name.into()),
                None => return Err(invalid("the method is not a string")),
            },
        };
        let params = present(params);
        if params.as_ref().is_some_and(|p| p.first() != Some(&b'{')) {
            return Err(invalid("\"params\" is not an object"));
        }
        let error = present(error);
        // A result of `null` is a result, unless an error stands beside it.
        let result = result.filter(|_| error.is_none());
        if method.is_none() && result.is_none() && error.is_none() {
            return Err(invalid("it has no method, no result and no error"));
        }
        Ok(Self { id: id.flatten(), method, params, result, error, len: bytes.len() })
    }

    pub fn kind(&self) -> Kind {
        match (&self.method, &self.id) {
            (Some(_), Some(_)) => Kind::Request,
            (Some(_), None) => Kind::Notification,
            (None, _) => Kind::Response,
        }
    }

    /// The value of a member of `params`.
    pub fn param(&self, key: &str) -> Option<Bytes> {
        splice::get(self.params.as_ref()?, key)
    }
}

impl Message {
    /// Reads one message or batch.
    pub fn parse(bytes: &Bytes) -> Result<Self, FrameError> {
        let elements = match scan::scan(bytes, MAX_DEPTH)? {
            Top::Object(members) => return Frame::envelope(bytes, &members).map(Self::Single),
            Top::Array(elements) => elements,
            Top::Scalar => return Err(NOT_AN_OBJECT),
        };
        if elements.is_empty() {
            return Err(FrameError::Invalid { id: None, reason: "the batch is empty" });
        }
        let one = |range| Frame::parse(&bytes.slice(range));
        Ok(Self::Batch(elements.into_iter().map(one).collect()))
    }

    /// [`Message::parse`], on a blocking thread for messages so long that others would wait.
    pub async fn read(bytes: Bytes) -> Result<Self, FrameError> {
        if bytes.len() <= SCAN_INLINE {
            return Self::parse(&bytes);
        }
        crate::task::blocking(move || Self::parse(&bytes))
            .await
            .unwrap_or_else(|error| Err(FrameError::Unread(error)))
    }
}

/// A whole request line (without the line break) of our own.
pub fn request(id: &Id, method: &str, params: Option<&[u8]>) -> Bytes {
    line(Some(id), method, params)
}

/// A whole notification of our own.
pub fn notification(method: &str, params: Option<&[u8]>) -> Bytes {
    line(None, method, params)
}

fn line(id: Option<&Id>, method: &str, params: Option<&[u8]>) -> Bytes {
    let mut out = Vec::with_capacity(params.map_or(0, <[u8]>::len) + method.len() + 64);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",");
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        out.extend_from_slice(id.json());
        out.push(b',');
    }
    out.extend_from_slice(b"\"method\":");
    out.extend_from_slice(splice::quote(method).as_bytes());
    if let Some(params) = params {
        out.extend_from_slice(b",\"params\":");
        out.extend_from_slice(params);
    }
    out.push(b'}');
    out.into()
}

/// A whole response (without the line break) that carries `result`, on one line.
pub fn response(id: &Id, result: Bytes) -> Bytes {
    let result = splice::one_line(result);
    let mut out = before_result(id, result.len() + 1);
    out.extend_from_slice(&result);
    out.push(b'}');
    out.into()
}

/// The same in three parts, for a result that is too long to be copied.
pub fn response_parts(id: &Id, result: Bytes) -> [Bytes; 3] {
    let head = before_result(id, 0).into();
    [head, splice::one_line(result), Bytes::from_static(b"}")]
}

fn before_result(id: &Id, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(id.json().len() + 40 + room);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.json());
    out.extend_from_slice(b",\"result\":");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Result<Frame, FrameError> {
        Frame::parse(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn parts_are_slices_of_the_buffer() {
        let text = Bytes::from_static(
            b"{\"x\":{},\"result\" : { \"a\": 1.0 , \"b\":[]}, \"id\":\"q\",\"jsonrpc\":\"2.0\",\"error\":null}",
        );
        let frame = Frame::parse(&text).unwrap();
        assert_eq!(frame.kind(), Kind::Response);
        let result = frame.result.unwrap();
        assert_eq!(result, "{ \"a\": 1.0 , \"b\":[]}");
        assert!(text.as_ptr_range().contains(&result.as_ptr()), "no copy");
    }

    #[test]
    fn kinds_are_told_by_members() {
        let kind = |text| parse(text).unwrap().kind();
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#), Kind::Request);
        assert_eq!(
            kind(r#"{"jsonrpc":"2.0","method":"n\u002fx","params":{}}"#),
            Kind::Notification
        );
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#), Kind::Response);
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Kind::Response);
        let escaped = parse(r#"{"jsonrpc":"2.0","method":"n\u002fx"}"#).unwrap();
        assert_eq!(escaped.method.as_deref(), Some("n/x"));
    }

    #[test]
    fn wrong_messages_get_the_right_code_and_keep_their_id() {
        let code = |text| parse(text).map(|_| ()).map_err(|e| (e.code(), e.id().is_some()));
        assert_eq!(code("{"), Err((-32700, false)));
        assert_eq!(code("{} x"), Err((-32700, false)));
        assert_eq!(code("{\"a\":01}"), Err((-32700, false)));
        assert_eq!(code("[]"), Err((-32600, false)));
        assert_eq!(code("7"), Err((-32600, false)));
        assert_eq!(code(r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#), Err((-32600, true)));
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#), Err((-32600, false)));
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":7}"#), Err((-32600, true)));
        assert_eq!(
            code(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#),
            Err((-32600, true))
        );
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":1}"#), Err((-32600, true)));
        let bad_utf8 = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}");
        assert_eq!(Frame::parse(&bad_utf8).unwrap_err().code(), -32700);
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let deep = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}{}}}",
            "[".repeat(200),
            "]".repeat(200)
        );
        assert_eq!(Frame::parse(&deep.into()).unwrap_err(), FrameError::Depth);
        let fine = format!("{{\"id\":1,\"result\":{}{}}}", "[".repeat(120), "]".repeat(120));
        assert!(Frame::parse(&fine.into()).is_ok());
    }

    #[test]
    fn batches_hold_good_and_bad_side_by_side() {
        let text =
            Bytes::from_static(b" [ {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}, 1 ]");
        let Ok(Message::Batch(all)) = Message::parse(&text) else { panic!("a batch") };
        assert!(all[0].is_ok() && all[1].is_err() && all.len() == 2);
        assert!(Message::parse(&Bytes::from_static(b"[]")).is_err());
        assert_eq!(Message::parse(&Bytes::from_static(b"[1,")).unwrap_err().code(), -32700);
    }

    #[test]
    fn lines_of_our_own_are_whole() {
        let id = Id::number(3);
        assert_eq!(request(&id, "ping", None), r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#);
        assert_eq!(notification("a", Some(b"{}")), r#"{"jsonrpc":"2.0","method":"a","params":{}}"#);
        let result = Bytes::from_static(b"{\n}");
        let want = r#"{"jsonrpc":"2.0","id":3,"result":{ }}"#;
        assert_eq!(response(&id, result.clone()), want);
        assert_eq!(response_parts(&id, result).concat(), want.as_bytes());
    }
}
