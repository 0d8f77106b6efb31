//! The modern edge (2026-07-28, SEP-2575): no handshake, everything said with each request.

use super::{
    said::said,
    session::{About, Session},
    streamable::PROTOCOL_VERSION,
};
use crate::{
    kind::Era,
    text,
    wire::{
        RpcError, era,
        error::{HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION},
        meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The `_meta` members that every request carries.
pub(super) fn own_meta(version: &str, capabilities: &Bytes) -> Vec<(&'static str, Bytes)> {
    vec![
        (meta::PROTOCOL_VERSION, splice::quote(version).into()),
        (meta::CLIENT_INFO, super::client_info()),
        (meta::CLIENT_CAPABILITIES, capabilities.clone()),
    ]
}

/// `params` with the `_meta` of a request of our own.
pub(super) fn with_meta(params: &Bytes, version: &str, capabilities: &Bytes) -> Bytes {
    let mut edits = Edits::new();
    meta::hop(&mut edits, params, &own_meta(version, capabilities));
    edits.apply(params)
}

/// The headers that mirror a request's body (SEP-2243).
pub(super) fn headers(version: &'static str, method: &str, name: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version));
    if let Ok(method) = HeaderValue::from_str(method) {
        headers.insert(METHOD, method);
    }
    if let Some(value) = name.and_then(|name| HeaderValue::from_str(&header_text(name)).ok()) {
        headers.insert(NAME, value);
    }
    headers
}

/// A value as a header: as it is when it is plain ASCII without edge white space, else in the
/// Base64 form of SEP-2243.
pub(super) fn header_text(value: &str) -> String {
    let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    if plain { value.to_owned() } else { format!("=?base64?{}?=", base64(value.as_bytes())) }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, &b| bits << 8 | u32::from(b))
            << (8 * (3 - group.len()));
        for i in 0..4 {
            let index = (bits >> (18 - 6 * i)) & 63;
            out.push(if i <= group.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    out
}

/// What the answer to `server/discover` says of the server.
#[derive(Debug)]
pub(super) enum Verdict {
    Modern(Box<Session>),
    /// It speaks only revisions with `initialize`.
    Legacy,
    /// It is modern, and we have no revision in common.
    Strange(String),
}

/// Reads a result of `server/discover`.
pub(super) fn discovered(epoch: u64, result: &Bytes) -> Verdict {
    let versions = versions(splice::get(result, "supportedVersions"));
    match common(&versions) {
        Verdict::Modern(session) => Verdict::Modern(Box::new(Session {
            epoch,
            about: About {
                server_info: meta::get(result, meta::SERVER_INFO)
                    .or_else(|| splice::get(result, "serverInfo")),
                capabilities: splice::get(result, "capabilities"),
                instructions: splice::get_str(result, "instructions")
                    .map(|s| text::clean(&s).into_owned()),
            },
            ..*session
        })),
        other => other,
    }
}

/// Reads an error to `server/discover`: a modern one says so by its code; every other is an old
/// server's way to say that it knows no such method (SEP-2575, compatibility).
pub(super) fn refused(epoch: u64, error: &RpcError) -> Verdict {
    match error.code {
        UNSUPPORTED_VERSION => {
            let supported = error.data().and_then(|data| splice::get(&data, "supported"));
            match common(&versions(supported)) {
                Verdict::Modern(session) => {
                    Verdict::Modern(Box::new(Session { epoch, ..*session }))
                }
                other => other,
            }
        }
        HEADER_MISMATCH | MISSING_CAPABILITY => Verdict::Strange(said(&error.message(), 160)),
        _ => Verdict::Legacy,
    }
}

fn versions(list: Option<Bytes>) -> Vec<String> {
    let Some(list) = list else { return Vec::new() };
    splice::elements(&list).filter_map(|r| Some(splice::string(&list[r])?.into_owned())).collect()
}

fn common(versions: &[String]) -> Verdict {
    let spoken = |era| era::dates(era).find(|date| versions.iter().any(|v| v == date));
    if let Some(version) = spoken(Era::Modern) {
        return Verdict::Modern(Box::new(Session::new(Era::Modern, version)));
    }
    if versions.is_empty() || spoken(Era::Legacy).is_some() {
        return Verdict::Legacy;
    }
    let shown: Vec<String> = versions.iter().take(5).map(|v| said(v, 20)).collect();
    Verdict::Strange(format!("it speaks only {}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_as_headers() {
        assert_eq!(header_text("get_weather"), "get_weather");
        assert_eq!(header_text("é"), "=?base64?w6k=?=");
        assert_eq!(header_text(" a"), "=?base64?IGE=?=");
        assert_eq!(header_text("abc\n"), "=?base64?YWJjCg==?=");
        assert_eq!(header_text("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
    }

    #[test]
    fn verdicts_follow_the_codes() {
        let result = |text: &'static str| discovered(1, &Bytes::from_static(text.as_bytes()));
        assert!(matches!(result(r#"{"supportedVersions":["2026-07-28"]}"#), Verdict::Modern(_)));
        assert!(matches!(result(r#"{"supportedVersions":["2025-11-25"]}"#), Verdict::Legacy));
        assert!(matches!(result(r#"{"supportedVersions":["2033-01-01"]}"#), Verdict::Strange(_)));
        let error = |code, data: &str| refused(1, &RpcError::with_data(code, "m", data));
        assert!(matches!(error(-32601, "{}"), Verdict::Legacy));
        assert!(matches!(error(-32000, "null"), Verdict::Legacy));
        let supported = r#"{"supported":["2026-07-28"]}"#;
        assert!(matches!(error(UNSUPPORTED_VERSION, supported), Verdict::Modern(_)));
        assert!(matches!(error(HEADER_MISMATCH, "{}"), Verdict::Strange(_)));
    }
}
