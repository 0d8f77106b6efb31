//! The revision without `initialize`, 2026-07-28: every request says what it speaks.

use super::{
    answer,
    batch::Outlet,
    conversation::{Conversation, LIST_CHANGED},
    legacy::{self, CAPABILITIES},
};
use crate::{
    hub::{Answered, Hub},
    kind::Era,
    wire::{
        Frame, Id, Outcome, RpcError,
        era::{self, REMOVED_IN_MODERN},
        error, frame, meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a client may keep a list that nothing has changed since, in milliseconds; it hears of
/// changes where it listens.
const TTL: u32 = 60_000;

/// Most `subscriptions/listen` at a time; a client has use for one.
const MAX_LISTENS: usize = 32;

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
    let own = frame.param("_meta");
    talk.introduce(own.and_then(|own| splice::get(&own, meta::CLIENT_INFO)).as_ref());
    let method = frame.method.as_deref().unwrap_or_default();
    let result = match method {
        "server/discover" => Ok(discover(&talk.hub)),
        "tools/list" => return talk.list(&frame, id, outlet, Era::Modern).await,
        "tools/call" => return talk.call(frame, id, outlet, Era::Modern),
        "subscriptions/listen" if matches!(outlet, Outlet::Line) => {
            match talk.listens.open(&frame, &id) {
                Ok(acknowledged) => return talk.outbox.send(acknowledged).await,
                Err(error) => Err(error),
            }
        }
        removed if REMOVED_IN_MODERN.contains(&removed) => {
            let text = format!("2026-07-28 has no method {removed}");
            Err(RpcError::new(error::METHOD_NOT_FOUND, &text))
        }
        other => Err(legacy::method_not_found(other)),
    };
    talk.answer(&id, outlet, result).await;
}

fn discover(hub: &Hub) -> Bytes {
    let mut out =
        format!("{{\"supportedVersions\":{},\"capabilities\":{CAPABILITIES}", supported());
    legacy::push_instructions(&mut out, hub);
    let mut out = out.into_bytes();
    push_own_keys(&mut out, hub, hub.index().is_complete());
    out.into()
}

/// The result of `tools/list`.
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
        ",\"resultType\":\"complete\",\"ttlMs\":{},\"cacheScope\":\"private\",\"_meta\":{{{}:{}}}}}",
        if complete { TTL } else { 0 },
        splice::quote(meta::SERVER_INFO),
        legacy::server_info(hub),
    );
    out.extend_from_slice(tail.as_bytes());
}

/// What a call is answered with. A result keeps every byte; `resultType` is added where the
/// upstream does not know it.
pub(super) fn outcome(result: Result<Answered, RpcError>) -> Result<Bytes, RpcError> {
    match result {
        Ok(Answered { outcome: Outcome::InputRequired(bytes) | Outcome::Task(bytes), .. }) => {
            Ok(bytes)
        }
        Ok(Answered { outcome: Outcome::Complete(bytes), .. }) => Ok(complete(&bytes)),
        // Clients of this revision must not see it (SEP-2322).
        Err(error) if error.code == answer::URL_REQUIRED => {
            Ok(complete(&answer::url_required(&error)))
        }
        Err(error) => Err(error),
    }
}

fn complete(result: &Bytes) -> Bytes {
    let known = memchr::memmem::find(result, b"resultType").is_some()
        && splice::find(result, "resultType").is_some();
    if known {
        return result.clone();
    }
    let mut edits = Edits::new();
    edits.set(result, "resultType", &b"\"complete\""[..]);
    edits.apply(result)
}

/// The open `subscriptions/listen` requests.
#[derive(Default)]
pub(super) struct Listens(Mutex<Vec<Listen>>);

struct Listen {
    id: Id,
    tools: bool,
}

impl Listens {
    /// Takes a request; what comes back is the acknowledgement, the first message under its id.
    fn open(&self, frame: &Frame, id: &Id) -> Result<Bytes, RpcError> {
        let filter = frame.param("notifications").filter(|filter| filter.first() == Some(&b'{'));
        let Some(filter) = filter else {
            return Err(RpcError::new(error::INVALID_PARAMS, "\"notifications\" is not an object"));
        };
        let tools = splice::get(&filter, "toolsListChanged").is_some_and(|value| value == "true");
        let mut all = self.lock();
        if all.len() >= MAX_LISTENS {
            return Err(RpcError::new(error::INVALID_REQUEST, "too many subscriptions are open"));
        }
        all.push(Listen { id: id.clone(), tools });
        let honoured = if tools { "{\"toolsListChanged\":true}" } else { "{}" };
        let params = format!("{{\"_meta\":{},\"notifications\":{honoured}}}", tag(id));
        let method = "notifications/subscriptions/acknowledged";
        Ok(frame::notification(method, Some(params.as_bytes())))
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.lock().iter().any(|listen| &listen.id == id)
    }

    /// The client is no longer interested.
    pub(super) fn end(&self, id: &Id) {
        self.lock().retain(|listen| &listen.id != id);
    }

    /// One line for each who wants to know that the list changed.
    pub(super) fn list_changed(&self) -> Vec<Bytes> {
        let line = |listen: &Listen| {
            let params = format!("{{\"_meta\":{}}}", tag(&listen.id));
            frame::notification(LIST_CHANGED, Some(params.as_bytes()))
        };
        self.lock().iter().filter(|listen| listen.tools).map(line).collect()
    }

    /// The results that end them when we go.
    pub(super) fn farewell(&self) -> Vec<Bytes> {
        let line = |listen: Listen| {
            let result = format!("{{\"resultType\":\"complete\",\"_meta\":{}}}", tag(&listen.id));
            frame::response(&listen.id, result.into())
        };
        self.lock().drain(..).map(line).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `_meta` of every message under a subscription.
fn tag(id: &Id) -> String {
    let id = String::from_utf8_lossy(id.json());
    format!("{{{}:{id}}}", splice::quote(meta::SUBSCRIPTION_ID))
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
