//! The legacy edge (to 2025-11-25): `initialize`, session ids, cancelling by notification.

use super::{
    failure::Failure,
    said::said,
    session::{About, Session},
    streamable::{PROTOCOL_VERSION, SESSION_ID},
};
use crate::{
    kind::Era,
    text,
    wire::{
        era, meta,
        splice::{self, quote},
    },
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// The `params` of `initialize`. `capabilities` are those of our client, and never more.
pub(super) fn initialize_params(version: &str, capabilities: Bytes) -> Vec<u8> {
    meta::object(&[
        ("protocolVersion", quote(version).into()),
        ("capabilities", capabilities),
        ("clientInfo", super::client_info()),
    ])
}

/// The session that a result of `initialize` opens.
pub(super) fn opened(
    epoch: u64,
    result: &Bytes,
    session_id: Option<&HeaderValue>,
) -> Result<Session, Failure> {
    let not_mcp = |detail: String| Failure::NotMcp { detail };
    let version = splice::get_str(result, "protocolVersion")
        .ok_or_else(|| not_mcp("the answer to initialize names no protocol version".to_owned()))?;
    let revision = era::revision(&version).filter(|r| r.era == Era::Legacy).ok_or_else(|| {
        not_mcp(format!(
            "it wants protocol version {:?}, which we do not speak",
            said(&version, 40)
        ))
    })?;
    let mut headers = HeaderMap::new();
    if let Some(id) = session_id {
        let mut id = id.clone();
        id.set_sensitive(true);
        headers.insert(SESSION_ID, id);
    }
    if revision.version_header {
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(revision.date));
    }
    Ok(Session {
        epoch,
        headers,
        about: About {
            server_info: splice::get(result, "serverInfo"),
            capabilities: splice::get(result, "capabilities"),
            instructions: splice::get_str(result, "instructions")
                .map(|s| text::clean(&s).into_owned()),
        },
        ..Session::new(Era::Legacy, revision.date)
    })
}

/// The `params` of `notifications/cancelled` for one of our requests.
pub(super) fn cancelled_params(id: u64) -> Vec<u8> {
    format!("{{\"requestId\":{id},\"reason\":\"cancelled by the client\"}}").into_bytes()
}

/// True when a refusal of `initialize` can be about the version that was asked for, so that an
/// older one is worth a try (Slack answers 400 instead of negotiating: openwork#3569).
pub(super) fn is_about_version(failure: &Failure) -> bool {
    match failure {
        Failure::Status { status: 400, detail, .. } => detail.to_lowercase().contains("version"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_its_id_and_version() {
        let result = Bytes::from_static(
            br#"{"protocolVersion":"2025-06-18","serverInfo":{"name":"x"},"instructions":"a\u202eb"}"#,
        );
        let id = HeaderValue::from_static("s1");
        let session = opened(3, &result, Some(&id)).unwrap();
        assert_eq!(session.headers.get(PROTOCOL_VERSION).unwrap(), "2025-06-18");
        assert_eq!(session.headers.get(SESSION_ID).unwrap(), "s1");
        assert_eq!(session.about.instructions.as_deref(), Some("ab"));
        let old = Bytes::from_static(br#"{"protocolVersion":"2024-11-05"}"#);
        assert!(opened(1, &old, None).unwrap().headers.is_empty());
    }

    #[test]
    fn a_version_that_we_do_not_speak_is_named() {
        for odd in [
            &br#"{"protocolVersion":"2031-01-01"}"#[..],
            br#"{"protocolVersion":"2026-07-28"}"#,
            b"{}",
        ] {
            assert!(opened(1, &Bytes::from_static(odd), None).is_err());
        }
    }
}
