//! The revision without `initialize`, 2026-07-28: every request says what it speaks.

use super::{
    batch::Outlet,
    calls::{self, Go},
    capabilities,
    conversation::Conversation,
    legacy, listen, state,
};
use crate::{
    hub::{Answered, Forward, Hub},
    kind::Era,
    wire::{
        Frame, Id, LogLevel, Outcome, RpcError,
        era::{self, REMOVED_IN_MODERN},
        error, meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;

/// How long a client may keep a list that nothing has changed since, in milliseconds; it hears of
/// changes where it listens.
const TTL: u32 = 60_000;

/// In which era a request is to be answered, by what it says of itself.
pub(super) fn speaks(frame: &Frame) -> Result<Era, RpcError> {
    let own = frame.param("_meta");
    let own = own.as_ref();
    let version = own.and_then(|own| splice::get(own, meta::PROTOCOL_VERSION));
    let capabilities = own.and_then(|own| splice::get(own, meta::CLIENT_CAPABILITIES));
    let Some(version) = version else {
        return match capabilities {
            Some(_) => Err(missing(meta::PROTOCOL_VERSION)),
            // Who asks this does not know yet what to say.
            None if asks_what(frame) => Ok(Era::Modern),
            None => Ok(Era::Legacy),
        };
    };
    let Some(date) = splice::string(&version) else { return Err(missing(meta::PROTOCOL_VERSION)) };
    match era::revision(&date) {
        None => Err(unsupported(&date)),
        // It is a question about all of them.
        Some(revision) if revision.era == Era::Legacy && asks_what(frame) => Ok(Era::Modern),
        // Named in each request or once in `initialize`, it is the same revision.
        Some(revision) if revision.era == Era::Legacy => Ok(Era::Legacy),
        Some(_) if capabilities.is_some_and(|object| object.first() == Some(&b'{')) => {
            Ok(Era::Modern)
        }
        Some(_) => Err(missing(meta::CLIENT_CAPABILITIES)),
    }
}

fn asks_what(frame: &Frame) -> bool {
    frame.method.as_deref() == Some("server/discover")
}

/// True for a request that names its revision itself.
pub(super) fn names_a_version(frame: &Frame) -> bool {
    frame.params.as_ref().is_some_and(|params| meta::get(params, meta::PROTOCOL_VERSION).is_some())
}

fn missing(key: &str) -> RpcError {
    let text = format!("_meta has no valid {key}, which every request needs");
    RpcError::new(error::INVALID_PARAMS, &text)
}

fn unsupported(requested: &str) -> RpcError {
    let data =
        format!("{{\"supported\":{},\"requested\":{}}}", supported(), splice::quote(requested));
    RpcError::with_data(error::UNSUPPORTED_VERSION, "Unsupported protocol version", &data)
}

/// Every revision, newest first.
fn supported() -> String {
    let dates: Vec<String> =
        era::dates(Era::Modern).chain(era::dates(Era::Legacy)).map(splice::quote).collect();
    format!("[{}]", dates.join(","))
}

/// Answers one request, or starts to.
pub(super) async fn request(talk: &Conversation, frame: Frame, id: Id, outlet: Outlet) {
    if let Err(error) = attend(talk, &frame) {
        return talk.answer(&id, outlet, Err(error)).await;
    }
    let method = frame.method.as_deref().unwrap_or_default();
    let result = match method {
        "server/discover" => Ok(discover(&talk.hub)),
        "subscriptions/listen" if matches!(outlet, Outlet::Line) => {
            match listen::open(talk, &frame, &id).await {
                Ok(()) => return,
                Err(error) => Err(error),
            }
        }
        removed if REMOVED_IN_MODERN.contains(&removed) => {
            let text = format!("2026-07-28 has no method {removed}");
            Err(RpcError::new(error::METHOD_NOT_FOUND, &text))
        }
        _ => return calls::dispatch(talk, frame, id, outlet, Era::Modern).await,
    };
    talk.answer(&id, outlet, result).await;
}

/// Takes up what the request says of its client.
fn attend(talk: &Conversation, frame: &Frame) -> Result<(), RpcError> {
    let Some(own) = frame.param("_meta") else { return Ok(()) };
    if let Some(level) = splice::get(&own, meta::LOG_LEVEL)
        && splice::string(&level).is_none_or(|word| word.parse::<LogLevel>().is_err())
    {
        let text = format!("{} is not a log level", meta::LOG_LEVEL);
        return Err(RpcError::new(error::INVALID_PARAMS, &text));
    }
    talk.introduce(splice::get(&own, meta::CLIENT_INFO).as_ref());
    // Before anything reaches an upstream: sessions mirror it.
    if let Some(capabilities) = splice::get(&own, meta::CLIENT_CAPABILITIES) {
        talk.declare(&capabilities);
    }
    Ok(())
}

fn discover(hub: &Hub) -> Bytes {
    let capabilities = capabilities::ours(&hub.offer(), None);
    let mut out =
        format!("{{\"supportedVersions\":{},\"capabilities\":{capabilities}", supported());
    legacy::push_instructions(&mut out, hub);
    let mut out = out.into_bytes();
    push_own_keys(&mut out, hub, hub.index().is_complete());
    out.into()
}

/// The result of a list.
pub(super) fn list(hub: &Hub, body: &Bytes, complete: bool) -> Bytes {
    let mut out = Vec::with_capacity(body.len() + 256);
    // Without the closing brace.
    out.extend_from_slice(&body[..body.len() - 1]);
    push_own_keys(&mut out, hub, complete);
    out.into()
}

/// The keys of every result that may be kept, and the closing brace. What we know is the user's
/// own; it is old at once while a connection has not been listed.
fn push_own_keys(out: &mut Vec<u8>, hub: &Hub, complete: bool) {
    let tail = format!(
        ",\"resultType\":\"complete\",\"ttlMs\":{},\"cacheScope\":\"private\",{}}}",
        if complete { TTL } else { 0 },
        own_meta(hub),
    );
    out.extend_from_slice(tail.as_bytes());
}

/// The member `_meta` of a result of ours: every response SHOULD name its server (SEP-2575). Those
/// of upstreams stay as they came: they are their upstream's.
pub(super) fn own_meta(hub: &Hub) -> String {
    format!("\"_meta\":{{{}:{}}}", splice::quote(meta::SERVER_INFO), legacy::server_info(hub))
}

/// What a request is answered with. A result keeps every byte; `resultType` is added where the
/// upstream does not know it.
pub(super) fn result(answered: Answered, go: Go) -> Bytes {
    match answered.outcome {
        Outcome::InputRequired(bytes) => state::marked(&bytes),
        Outcome::Task(bytes) => bytes,
        Outcome::Complete(bytes) if go == Go::Forward(Forward::Read) => kept(&complete(&bytes)),
        Outcome::Complete(bytes) => complete(&bytes),
    }
}

/// How long a resource may be kept (SEP-2549): as long as its upstream says, else not at all, and
/// only by this user.
fn kept(result: &Bytes) -> Bytes {
    let mut edits = Edits::new();
    let ttl = splice::find(result, "ttlMs").map(|range| &result[range]);
    if !ttl.is_some_and(|ttl| ttl.first().is_some_and(u8::is_ascii_digit)) {
        edits.set(result, "ttlMs", &b"0"[..]);
    }
    if splice::get_str(result, "cacheScope").as_deref() != Some("private") {
        edits.set(result, "cacheScope", &b"\"private\""[..]);
    }
    edits.apply(result)
}

/// `resultType`, where it is missing.
pub(super) fn complete(result: &Bytes) -> Bytes {
    let known = memchr::memmem::find(result, b"resultType").is_some()
        && splice::find(result, "resultType").is_some();
    if known {
        return result.clone();
    }
    let mut edits = Edits::new();
    edits.set(result, "resultType", &b"\"complete\""[..]);
    edits.apply(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_gets_its_type_and_nothing_else() {
        let complete = |text: &'static str| complete(&Bytes::from_static(text.as_bytes()));
        assert_eq!(
            complete(r#"{ "content":[ 1.0]}"#),
            r#"{"resultType":"complete", "content":[ 1.0]}"#
        );
        assert_eq!(complete("{}"), r#"{"resultType":"complete"}"#);
        let known = r#"{"content":[],"resultType":"complete"}"#;
        assert_eq!(complete(known), known);
        let inside = r#"{"content":[{"resultType":1}]}"#;
        assert!(complete(inside).starts_with(br#"{"resultType":"complete","content""#));
    }

    #[test]
    fn a_resource_may_be_kept_by_this_user_only() {
        let kept = |text: &'static str| kept(&Bytes::from_static(text.as_bytes()));
        assert_eq!(
            kept(r#"{"contents":[]}"#),
            r#"{"ttlMs":0,"cacheScope":"private","contents":[]}"#
        );
        assert_eq!(
            kept(r#"{"ttlMs":-1,"cacheScope":"public","contents":[]}"#),
            r#"{"ttlMs":0,"cacheScope":"private","contents":[]}"#
        );
        let same = r#"{"ttlMs":5,"cacheScope":"private","contents":[ ]}"#;
        assert_eq!(kept(same), same);
    }

    #[test]
    fn requests_say_what_they_speak() {
        let speaks = |params: &str| {
            let text = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{params}}}"
            );
            speaks(&Frame::parse(&text.into()).unwrap()).map_err(|e| e.code)
        };
        let meta = |inside: &str| format!("{{\"_meta\":{{{inside}}}}}");
        let version = |v: &str| format!("\"{}\":{v}", meta::PROTOCOL_VERSION);
        let caps = format!("\"{}\":{{}}", meta::CLIENT_CAPABILITIES);
        assert_eq!(speaks("{}"), Ok(Era::Legacy));
        assert_eq!(speaks(&meta("\"x\":1")), Ok(Era::Legacy));
        assert_eq!(
            speaks(&meta(&format!("{},{caps}", version("\"2026-07-28\"")))),
            Ok(Era::Modern)
        );
        assert_eq!(speaks(&meta(&version("\"2025-06-18\""))), Ok(Era::Legacy));
        assert_eq!(speaks(&meta(&version("\"1900-01-01\""))), Err(-32022));
        assert_eq!(speaks(&meta(&version("\"2026-07-28\""))), Err(-32602));
        assert_eq!(speaks(&meta(&version("7"))), Err(-32602));
        assert_eq!(speaks(&meta(&caps)), Err(-32602));
    }
}
