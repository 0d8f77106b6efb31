//! Where an answer goes: to a line of its own, or into the one answer of a batch (2025-03-26).

use super::outbox::Outbox;
use bytes::Bytes;
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
    answers: Vec<Bytes>,
}

impl Batch {
    /// A batch of so many requests.
    pub(super) fn of(requests: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { missing: requests, answers: Vec::new() })))
    }

    /// The whole line once the last one is in; `None` also when there is nothing to say.
    fn take(&self, answer: Option<Bytes>) -> Option<Bytes> {
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
            line.extend_from_slice(answer);
        }
        line.push(b']');
        Some(line.into())
    }
}

impl Outlet {
    /// The line that is to be sent now that this answer is in; `None`: it was cancelled.
    fn line(self, answer: Option<Bytes>) -> Option<Bytes> {
        match self {
            Self::Line => answer,
            Self::Batch(batch) => batch.take(answer),
        }
    }

    pub(super) async fn answer(self, outbox: &Outbox, answer: Bytes) {
        if let Some(line) = self.line(Some(answer)) {
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

    #[test]
    fn a_batch_is_told_once_it_is_whole() {
        let batch = Batch::of(3);
        assert_eq!(batch.take(Some(Bytes::from_static(b"1"))), None);
        assert_eq!(batch.take(None), None);
        assert_eq!(batch.take(Some(Bytes::from_static(b"{}"))).unwrap(), "[1,{}]");
        assert_eq!(Batch::of(1).take(None), None, "nothing but cancelled ones: no answer");
    }
}
