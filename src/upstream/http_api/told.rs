//! What the room is told of a call that did not become a result.

use super::{Sending, answer::Refusal, request::Wrong};
use crate::{
    catalog::manifest::Meaning,
    upstream::{failure::Failure, said::said},
    wire::{RpcError, error::INVALID_PARAMS},
};
use std::time::Duration;

pub(super) fn no_tool(name: &str) -> Failure {
    let text = format!("there is no tool {:?}", said(name, 80));
    let error = Some(RpcError::new(INVALID_PARAMS, &text));
    Failure::Status { status: 404, detail: text, error }
}

pub(super) fn unfit(wrong: Wrong) -> Failure {
    match wrong {
        Wrong::Argument(detail) => Failure::Status { status: 400, detail, error: None },
        Wrong::Manifest(detail) => {
            let detail = format!("its manifest cannot be used: {}", said(&detail, 200));
            Failure::Status { status: 400, detail, error: None }
        }
        Wrong::Auth(error) => Failure::Auth(error),
    }
}

/// A refusal before there is a credential.
pub(super) fn failed_in_words(refusal: Refusal) -> Failure {
    let Refusal { status, mut detail, hint, .. } = refusal;
    if let Some(hint) = hint {
        detail = format!("{detail}; {hint}");
    }
    let status = if status < 400 { 400 } else { status };
    Failure::Status { status, detail, error: None }
}

pub(super) fn failed(refusal: Refusal, sending: &Sending<'_>, wait: Duration) -> Failure {
    let Refusal { status, meaning, mut detail, hint } = refusal;
    if let Some(hint) = hint {
        detail = format!("{detail}; {hint}");
    }
    // An error may come with a success, as some APIs have it.
    let status = |default| if status < 400 { default } else { status };
    match meaning {
        Meaning::NeedsAuth => {
            let generation = sending.prepared.generation;
            Failure::Unauthorized { generation, detail, challenge: None }
        }
        Meaning::RateLimited => Failure::Busy { status: 429, retry_after: Some(wait), detail },
        Meaning::Unavailable if wait.is_zero() => {
            Failure::Status { status: status(503).max(500), detail, error: None }
        }
        Meaning::Unavailable => Failure::Busy { status: 503, retry_after: Some(wait), detail },
        _ => Failure::Status { status: status(400), detail, error: None },
    }
}
