//! One question that a client is asked in the answer to its request (SEP-2322).

use crate::{
    serve::asks::Answer,
    wire::{
        Ask, meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use tokio::sync::oneshot;

pub(super) struct Question {
    /// Its name in `inputRequests`.
    pub(super) key: String,
    pub(super) ask: Ask,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
}

impl Question {
    pub(super) fn new(key: String, ask: Ask, answer: Option<oneshot::Sender<Answer>>) -> Self {
        Self { key, ask: bare(ask), answer }
    }

    /// True for a result of that request.
    pub(super) fn is_answered_by(&self, result: &Bytes) -> bool {
        let first = |key| splice::get(result, key).and_then(|value| value.first().copied());
        if result.first() != Some(&b'{') {
            return false;
        }
        match &*self.ask.method {
            "elicitation/create" => {
                let action = splice::get_str(result, "action");
                matches!(action.as_deref(), Some("accept" | "decline" | "cancel"))
                    && matches!(first("content"), None | Some(b'{' | b'n'))
            }
            "roots/list" => first("roots") == Some(b'['),
            _ => {
                first("role") == Some(b'"')
                    && first("model") == Some(b'"')
                    && matches!(first("content"), Some(b'{' | b'['))
            }
        }
    }
}

/// Without what only the hop to the upstream knows. 2026-07-28 has no `elicitationId`: a client
/// comes back by itself.
fn bare(ask: Ask) -> Ask {
    let mut edits = Edits::new();
    edits.remove(&ask.params, |m| splice::key_is(&ask.params, m, "elicitationId"));
    let params = edits.apply(&ask.params);
    let mut edits = Edits::new();
    meta::hop(&mut edits, &params, &[]);
    Ask { params: splice::one_line(edits.apply(&params)), ..ask }
}
