//! Answers that come on the general stream of a legacy session instead of the stream of their
//! request: some servers give them to whichever GET comes first after they closed that stream
//! (SEP-1699), and ours for all messages may be the first.

use super::streamable::Answer;
use crate::wire::{Frame, RpcError};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Most answers that wait for somebody who takes up a broken stream, and most bytes of them.
const MAX_KEPT: usize = 16;
const MAX_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Strays {
    kept: Mutex<VecDeque<Kept>>,
    came: Notify,
}

#[derive(Debug)]
struct Kept {
    id: u64,
    len: usize,
    answer: Answer,
}

impl Strays {
    /// Keeps a response for whoever waits for it, or soon will.
    pub(super) fn keep(&self, frame: Frame) {
        let Some(id) = frame.id.as_ref().and_then(crate::wire::Id::as_number) else { return };
        let answer = match (frame.error, frame.result) {
            (Some(error), _) => Answer::Error(RpcError::from_json(error)),
            (None, Some(result)) => Answer::Result(result),
            (None, None) => return,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { id, len: frame.len, answer });
        while kept.len() > MAX_KEPT || kept.iter().map(|one| one.len).sum::<usize>() > MAX_BYTES {
            kept.pop_front();
        }
        drop(kept);
        self.came.notify_waiters();
    }

    /// Waits for the answer to request `id`.
    pub(super) async fn take(&self, id: u64) -> Answer {
        loop {
            let came = self.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                let at = kept.iter().position(|one| one.id == id);
                if let Some(one) = at.and_then(|at| kept.remove(at)) {
                    return one.answer;
                }
            }
            came.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frame(text: String) -> Frame {
        Frame::parse(&Bytes::from(text)).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_given_to_its_request_and_few_are_kept() {
        let strays = Strays::default();
        let result = |id: usize| frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        for id in 0..20 {
            strays.keep(result(id));
        }
        assert_eq!(strays.kept.lock().unwrap().len(), MAX_KEPT);
        assert!(matches!(strays.take(7).await, Answer::Result(_)));
        let waiting = strays.take(3);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "it was thrown away");
        let error = r#"{"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"m"}}"#;
        strays.keep(frame(error.to_owned()));
        assert!(matches!(waiting.await, Answer::Error(error) if error.code == -1));
    }
}
