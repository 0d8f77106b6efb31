//! JSON-RPC errors: the codes we speak, and errors of others passed on as they came.

use super::{Id, splice};
use bytes::Bytes;
use std::borrow::Cow;

/// JSON is not valid (JSON-RPC 2.0).
pub const PARSE: i64 = -32700;
/// JSON is valid and not a request.
pub const INVALID_REQUEST: i64 = -32600;
/// No such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// Wrong parameters; also an unknown tool, prompt or resource.
pub const INVALID_PARAMS: i64 = -32602;
/// Our own failure.
pub const INTERNAL: i64 = -32603;
/// The headers of a request do not match its body (SEP-2243); per hop, never relayed.
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that the client did not declare (SEP-2575).
pub const MISSING_CAPABILITY: i64 = -32021;
/// The protocol version is not supported (SEP-2575); per hop, never relayed.
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// A JSON-RPC error object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    pub code: i64,
    /// The object as JSON text.
    json: Bytes,
}

impl RpcError {
    pub fn new(code: i64, message: &str) -> Self {
        let json = format!("{{\"code\":{code},\"message\":{}}}", splice::quote(message));
        Self { code, json: json.into() }
    }

    /// `data` is JSON text.
    pub fn with_data(code: i64, message: &str, data: &str) -> Self {
        let message = splice::quote(message);
        let json = format!("{{\"code\":{code},\"message\":{message},\"data\":{data}}}");
        Self { code, json: json.into() }
    }

    /// An error object from elsewhere, kept byte for byte.
    pub fn from_json(json: Bytes) -> Self {
        let code = splice::find(&json, "code")
            .and_then(|range| std::str::from_utf8(&json[range]).ok()?.parse().ok())
            .unwrap_or(INTERNAL);
        Self { code, json }
    }

    pub fn json(&self) -> &Bytes {
        &self.json
    }

    pub fn message(&self) -> Cow<'_, str> {
        splice::get_str(&self.json, "message").unwrap_or(Cow::Borrowed("error without a message"))
    }

    pub fn data(&self) -> Option<Bytes> {
        splice::get(&self.json, "data")
    }
}

/// A whole response line (without the line break) that carries `error`; `None` is the id of a
/// request that could not be read.
pub fn response(id: Option<&Id>, error: &RpcError) -> Bytes {
    let id = id.map_or(&b"null"[..], |id| id.json());
    let mut out = Vec::with_capacity(error.json.len() + id.len() + 40);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"error\":");
    out.extend_from_slice(&splice::one_line(error.json.clone()));
    out.push(b'}');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_others_keep_their_bytes() {
        let json =
            Bytes::from_static(b"{\"x\":1.0,\"code\":-32042 ,\"message\":\"m\",\"data\":[ ]}");
        let error = RpcError::from_json(json.clone());
        assert_eq!((error.code, &*error.message(), error.json()), (-32042, "m", &json));
        assert_eq!(error.data().unwrap(), "[ ]");
        let odd = RpcError::from_json(Bytes::from_static(b"{\"code\":99999999999}"));
        assert_eq!(odd.code, 99_999_999_999);
        let line = response(Some(&Id::number(7)), &RpcError::new(PARSE, "no \"JSON\""));
        assert_eq!(
            line,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32700,"message":"no \"JSON\""}}"#
        );
    }
}
