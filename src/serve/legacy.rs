//! The revisions with `initialize`, 2024-11-05 to 2025-11-25.

use super::{
    answer,
    batch::Outlet,
    calls::{self, Go},
    capabilities,
    conversation::{Conversation, line},
};
use crate::{
    hub::{Answered, Forward, Hub},
    kind::Era,
    wire::{
        Frame, Id, Outcome, RpcError,
        era::{self, Revision},
        error,
        splice::{self, Edits},
    },
};
use bytes::Bytes;

/// Most resources that a client is subscribed to at a time.
const MAX_SUBSCRIBED: usize = 1024;

/// Answers one request, or starts to.
pub(super) async fn request(talk: &Conversation, frame: Frame, id: Id, outlet: Outlet) {
    let method = frame.method.as_deref().unwrap_or_default();
    let inline = super::modern::names_a_version(&frame);
    let result = match method {
        "initialize" if matches!(outlet, Outlet::Batch(_)) => {
            Err(RpcError::new(error::INVALID_REQUEST, "initialize cannot be part of a batch"))
        }
        "initialize" => {
            talk.introduce(frame.param("clientInfo").as_ref());
            let revision = agreed(&frame);
            Ok(initialize(talk, &frame, revision))
        }
        "ping" => Ok(Bytes::from_static(b"{}")),
        _ if talk.revision().is_none() && !inline => {
            Err(RpcError::new(error::INVALID_PARAMS, "initialize comes first"))
        }
        "logging/setLevel" => set_level(talk, &frame),
        "resources/subscribe" | "resources/unsubscribe" => {
            match frame.param("uri").as_deref().and_then(splice::string) {
                Some(uri) if method == "resources/subscribe" => {
                    return subscribe(talk, uri.into_owned(), id, outlet).await;
                }
                Some(uri) => return unsubscribe(talk, uri.into_owned(), id, outlet).await,
                None => Err(RpcError::new(error::INVALID_PARAMS, "\"uri\" is not a string")),
            }
        }
        _ => return calls::dispatch(talk, frame, id, outlet, Era::Legacy).await,
    };
    talk.answer(&id, outlet, result).await;
}

fn set_level(talk: &Conversation, frame: &Frame) -> Result<Bytes, RpcError> {
    let level = frame.param("level");
    let level = level.as_deref().and_then(splice::string).and_then(|word| word.parse().ok());
    let Some(level) = level else {
        return Err(RpcError::new(error::INVALID_PARAMS, "\"level\" is not a log level"));
    };
    talk.settled().level = Some(level);
    talk.hub.wants_logs(Some(level));
    Ok(Bytes::from_static(b"{}"))
}

/// The hub counts; this client counts once, however often it subscribes.
async fn subscribe(talk: &Conversation, uri: String, id: Id, outlet: Outlet) {
    let (known, full) = {
        let subscribed = &talk.settled().subscribed;
        (subscribed.contains(&uri), subscribed.len() >= MAX_SUBSCRIBED)
    };
    if known || full {
        let error = || RpcError::new(error::INVALID_REQUEST, "too many subscriptions are open");
        let result = if known { Ok(Bytes::from_static(b"{}")) } else { Err(error()) };
        return talk.answer(&id, outlet, result).await;
    }
    let this = talk.clone();
    talk.flights.start("subscribe", &id.clone(), outlet, async move {
        let result = match this.hub.subscribe(&uri).await {
            Ok(()) => {
                let new = this.settled().subscribed.insert(uri.clone());
                if !new {
                    this.hub.unsubscribe(&uri).await;
                }
                Ok(Bytes::from_static(b"{}"))
            }
            Err(failed) => {
                let plain = this.hub.plan().plain;
                Err(answer::refusal(failed, plain, Era::Legacy))
            }
        };
        line(&id, result)
    });
}

async fn unsubscribe(talk: &Conversation, uri: String, id: Id, outlet: Outlet) {
    if talk.settled().subscribed.remove(&uri) {
        let hub = talk.hub.clone();
        talk.shutdown.spawn("unsubscribe", async move { hub.unsubscribe(&uri).await });
    }
    talk.answer(&id, outlet, Ok(Bytes::from_static(b"{}"))).await;
}

fn agreed(frame: &Frame) -> &'static Revision {
    let asked = frame.param("protocolVersion");
    let asked = asked.as_deref().and_then(splice::string).unwrap_or_default();
    era::answer_initialize(&asked)
}

fn initialize(talk: &Conversation, frame: &Frame, revision: &'static Revision) -> Bytes {
    let hub = &talk.hub;
    let theirs = frame.param("capabilities").filter(|object| object.first() == Some(&b'{'));
    let theirs = theirs.unwrap_or_else(|| Bytes::from_static(b"{}"));
    // Before anything reaches an upstream: sessions mirror it.
    let theirs = talk.declare(&theirs);
    let offer = hub.offer();
    let mut out = format!(
        "{{\"protocolVersion\":\"{}\",\"capabilities\":{},\"serverInfo\":{}",
        revision.date,
        capabilities::ours(&offer, Some(revision)),
        server_info(hub)
    );
    push_instructions(&mut out, hub);
    out.push('}');
    let mut settled = talk.settled();
    settled.revision = Some(revision);
    settled.capabilities = theirs;
    settled.offered = offer;
    // Who introduces itself again starts anew.
    settled.level = None;
    let left = std::mem::take(&mut settled.subscribed);
    drop(settled);
    if !left.is_empty() {
        let hub = hub.clone();
        talk.shutdown.spawn("unsubscribe", async move {
            for uri in left {
                hub.unsubscribe(&uri).await;
            }
        });
    }
    out.into()
}

pub(super) fn push_instructions(out: &mut String, hub: &Hub) {
    if let Some(text) = hub.instructions() {
        out.push_str(",\"instructions\":");
        out.push_str(&splice::quote(&text));
    }
}

/// Who we are; a single plain connection stands for itself.
pub(super) fn server_info(hub: &Hub) -> String {
    hub.plain_server_info().unwrap_or_else(|| {
        format!("{{\"name\":\"allmcp\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"))
    })
}

/// A result as these revisions have it, or why there is none.
pub(super) fn result(answered: Answered, go: Go) -> Result<Bytes, &'static str> {
    let Answered { outcome, era } = answered;
    match outcome {
        Outcome::Complete(bytes) if era == Some(Era::Modern) => Ok(older(&bytes, go)),
        Outcome::Complete(bytes) => Ok(bytes),
        Outcome::InputRequired(_) => Err(answer::NEEDS_INPUT),
        Outcome::Task(_) => Err(answer::GOES_ON),
    }
}

/// Without what only 2026-07-28 can carry: `resultType`, structured content that is not an object
/// (SEP-2106), and how long a resource may be kept (SEP-2549).
fn older(result: &Bytes, go: Go) -> Bytes {
    let not_an_object = |value: &[u8]| value.first() != Some(&b'{');
    let mut edits = Edits::new();
    edits.remove(result, |m| {
        let is = |key| splice::key_is(result, m, key);
        is("resultType")
            || go == Go::Tool && is("structuredContent") && not_an_object(&result[m.value.clone()])
            || go == Go::Forward(Forward::Read) && (is("ttlMs") || is("cacheScope"))
    });
    edits.apply(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_new_eras_own_keys_go() {
        let older = |text: &'static str| older(&Bytes::from_static(text.as_bytes()), Go::Tool);
        assert_eq!(
            older(r#"{"content":[ ], "resultType":"complete","structuredContent":{ } ,"x":1.0}"#),
            r#"{"content":[ ],"structuredContent":{ } ,"x":1.0}"#
        );
        assert_eq!(
            older(r#"{"resultType":"complete","content":[],"structuredContent":[1]}"#),
            r#"{"content":[]}"#
        );
        let kept = r#"{"content":[],"ttlMs":1}"#;
        assert_eq!(older(kept), kept, "in the result of a tool it is the tool's own");
    }

    #[test]
    fn what_only_2026_07_28_knows_is_no_result() {
        let text = Bytes::from_static(b"{}");
        for outcome in [Outcome::Task(text.clone()), Outcome::InputRequired(text)] {
            let answered = Answered { outcome, era: Some(Era::Modern) };
            assert!(result(answered, Go::Tool).is_err());
        }
    }

    #[test]
    fn a_resource_loses_how_long_it_may_be_kept() {
        let text = br#"{"resultType":"complete","ttlMs":5,"contents":[ ],"cacheScope":"public"}"#;
        let read = older(&Bytes::from_static(text), Go::Forward(Forward::Read));
        assert_eq!(read, r#"{"contents":[ ]}"#);
    }
}
