//! The revisions with `initialize`, 2024-11-05 to 2025-11-25.

use super::{batch::Outlet, conversation::Conversation};
use crate::{
    hub::{Answered, Hub},
    kind::Era,
    wire::{
        Frame, Id, Outcome, RpcError,
        era::{self, Revision},
        error,
        splice::{self, Edits},
    },
};
use bytes::Bytes;

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
            talk.agree(revision);
            Ok(initialize(&talk.hub, revision))
        }
        "ping" => Ok(Bytes::from_static(b"{}")),
        _ if talk.revision().is_none() && !inline => {
            Err(RpcError::new(error::INVALID_PARAMS, "initialize comes first"))
        }
        "tools/list" => return talk.list(&frame, id, outlet, Era::Legacy).await,
        "tools/call" => return talk.call(frame, id, outlet, Era::Legacy),
        _ => Err(method_not_found(method)),
    };
    talk.answer(&id, outlet, result).await;
}

pub(super) fn method_not_found(method: &str) -> RpcError {
    let method = crate::text::line(method, 80);
    RpcError::new(error::METHOD_NOT_FOUND, &format!("method not found: {method}"))
}

fn agreed(frame: &Frame) -> &'static Revision {
    let asked = frame.param("protocolVersion");
    let asked = asked.as_deref().and_then(splice::string).unwrap_or_default();
    era::answer_initialize(&asked)
}

fn initialize(hub: &Hub, revision: &Revision) -> Bytes {
    let mut out = format!(
        "{{\"protocolVersion\":\"{}\",\"capabilities\":{CAPABILITIES},\"serverInfo\":{}",
        revision.date,
        server_info(hub)
    );
    push_instructions(&mut out, hub);
    out.push('}');
    out.into()
}

/// What both eras offer.
pub(super) const CAPABILITIES: &str = "{\"tools\":{\"listChanged\":true}}";

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

/// A result as these revisions have it.
pub(super) fn result(answered: Answered) -> Bytes {
    match (answered.outcome, answered.era) {
        (Outcome::Complete(bytes), Some(Era::Modern)) => older(&bytes),
        (Outcome::Complete(bytes), _) => bytes,
        (Outcome::InputRequired(_) | Outcome::Task(_), _) => super::answer::input_unsupported(),
    }
}

/// Without what only 2026-07-28 can carry: `resultType`, and structured content that is not an
/// object (SEP-2106).
fn older(result: &Bytes) -> Bytes {
    let not_an_object = |value: &[u8]| value.first() != Some(&b'{');
    let mut edits = Edits::new();
    edits.remove(result, |m| {
        splice::key_is(result, m, "resultType")
            || splice::key_is(result, m, "structuredContent")
                && not_an_object(&result[m.value.clone()])
    });
    edits.apply(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_new_eras_own_keys_go() {
        let older = |text: &'static str| older(&Bytes::from_static(text.as_bytes()));
        assert_eq!(
            older(r#"{"content":[ ], "resultType":"complete","structuredContent":{ } ,"x":1.0}"#),
            r#"{"content":[ ],"structuredContent":{ } ,"x":1.0}"#
        );
        assert_eq!(
            older(r#"{"resultType":"complete","content":[],"structuredContent":[1]}"#),
            r#"{"content":[]}"#
        );
    }
}
