//! Where an answer goes: to a line of its own, or into the one answer of a batch (2025-03-26).

use super::outbox::{Outbox, Outgoing};
use std::sync::{Arc, Mutex, PoisonError};

/// The place of one answer.
pub(super) enum Outlet {
    Line,
    Batch(Arc<Batch>),
}

/// The answers of a batch as they come in.
pub(super) struct Batch(Mutex<State>);

struct State {
    /// Requests that are neither answered nor cancelled.
    missing: usize,
    answers: Vec<Outgoing>,
}

impl Batch {
    /// A batch of so many requests.
    pub(super) fn of(requests: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { missing: requests, answers: Vec::new() })))
    }

    /// The whole line once the last one is in; `None` also when there is nothing to say.
    fn take(&self, answer: Option<Outgoing>) -> Option<Outgoing> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.answers.extend(answer);
        state.missing = state.missing.saturating_sub(1);
        if state.missing > 0 || state.answers.is_empty() {
            return None;
        }
        let size = state.answers.iter().map(|answer| answer.len() + 1).sum::<usize>();
        let mut line = Vec::with_capacity(size + 1);
        for (i, answer) in state.answers.iter().enumerate() {
            line.push(if i == 0 { b'[' } else { b',' });
            answer.parts().iter().for_each(|part| line.extend_from_slice(part));
        }
        line.push(b']');
        Some(Outgoing::Whole(line.into()))
    }
}

impl Outlet {
    /// The line that is to be sent now that this answer is in; `None`: it was cancelled.
    fn line(self, answer: Option<Outgoing>) -> Option<Outgoing> {
        match self {
            Self::Line => answer,
            Self::Batch(batch) => batch.take(answer),
        }
    }

    pub(super) async fn answer(self, outbox: &Outbox, answer: impl Into<Outgoing>) {
        if let Some(line) = self.line(Some(answer.into())) {
            outbox.send(line).await;
        }
    }

    /// There will be no answer.
    pub(super) async fn skip(self, outbox: &Outbox) {
        if let Some(line) = self.line(None) {
            outbox.send(line).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_batch_is_told_once_it_is_whole() {
        let batch = Batch::of(3);
        let text = Bytes::from_static;
        let parts = [b"{", b"2", b"}"].map(|part| text(part));
        assert!(batch.take(Some(text(b"1").into())).is_none());
        assert!(batch.take(None).is_none());
        let whole = batch.take(Some(Outgoing::Parts(parts))).unwrap();
        assert_eq!(whole.parts().concat(), b"[1,{2}]");
        assert!(Batch::of(1).take(None).is_none(), "nothing but cancelled ones: no answer");
    }
}
