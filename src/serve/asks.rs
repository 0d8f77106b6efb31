//! Questions to clients of the revisions in which a server may ask (2024-11-05 to 2025-11-25).

use super::{conversation::Conversation, outbox::Outbox};
use crate::{
    task,
    wire::{Answering, Ask, Frame, Id, RpcError, error, frame, splice},
};
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// Most questions at a time.
const MAX_OPEN: usize = 256;

/// Most links that the client was sent to and that may still be told as done.
const MAX_LINKS: usize = 64;

/// How long the client may take to read that a question was taken back.
const TAKE_BACK: Duration = Duration::from_secs(5);

pub(super) type Answer = Result<Bytes, RpcError>;

/// The questions that are open.
#[derive(Default)]
pub(super) struct Asks {
    open: Mutex<HashMap<Id, oneshot::Sender<Answer>>>,
    serials: AtomicU64,
    /// The client has left.
    closed: AtomicBool,
    /// The ids of the links that the client was sent to, oldest first.
    links: Mutex<VecDeque<Box<str>>>,
}

impl Asks {
    fn open(&self) -> MutexGuard<'_, HashMap<Id, oneshot::Sender<Answer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, VecDeque<Box<str>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a response of the client to whoever asked.
    pub(super) fn answered(&self, id: Option<&Id>, frame: &Frame) {
        let asked = id.and_then(|id| self.open().remove(id));
        let Some(asked) = asked else {
            return tracing::debug!("the client answered a question that was not asked");
        };
        let answer = match (&frame.result, &frame.error) {
            (Some(result), _) => Ok(result.clone()),
            (None, Some(error)) => Err(RpcError::from_json(error.clone())),
            (None, None) => Err(RpcError::new(error::INTERNAL, "the client gave no answer")),
        };
        let _taken_back = asked.send(answer);
    }

    /// Nobody is there any more who could answer.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Whoever asked hears of it by the end of the channel.
        let left = std::mem::take(&mut *self.open());
        drop(left);
    }

    /// The client is sent to a link: news of its completion is for it.
    pub(super) fn sent_to(&self, elicitation: &str) {
        let mut links = self.links();
        if links.len() >= MAX_LINKS {
            links.pop_front();
        }
        links.push_back(elicitation.into());
    }

    /// True, once, for a link that the client was sent to.
    pub(super) fn completed(&self, elicitation: &str) -> bool {
        let mut links = self.links();
        let at = links.iter().position(|id| **id == *elicitation);
        at.and_then(|at| links.remove(at)).is_some()
    }
}

/// Puts a question to the client; dropping what comes back takes it back.
pub(super) fn put(talk: &Conversation, ask: Ask) -> Answering {
    let asks = &talk.asks;
    if asks.closed.load(Ordering::Relaxed) {
        return Box::pin(std::future::ready(gone(&ask.method)));
    }
    // A text that no request of the client's has: its own ids and ours are never compared, but
    // people read both in one log.
    let id = format!("\"allmcp-ask-{}\"", asks.serials.fetch_add(1, Ordering::Relaxed));
    let Some(id) = Id::from_json(id.into()) else { return refused("an id could not be made") };
    let (send, receive) = oneshot::channel();
    {
        let mut open = asks.open();
        if open.len() >= MAX_OPEN {
            return refused("too many questions are open");
        }
        open.insert(id.clone(), send);
    }
    let params = splice::one_line(ask.params);
    let line = frame::request(&id, &ask.method, Some(&params));
    let asked = Asked { talk: talk.clone(), id, sent: false };
    Box::pin(async move {
        let mut asked = asked;
        asked.talk.outbox.send(line).await;
        asked.sent = true;
        let answer = receive.await.unwrap_or_else(|_| gone(&ask.method));
        drop(asked);
        answer
    })
}

fn refused(why: &str) -> Answering {
    Box::pin(std::future::ready(Err(RpcError::new(error::INTERNAL, why))))
}

/// What a question is answered with that the client did not declare.
pub(super) fn undeclared(ask: &Ask) -> Answer {
    let method = crate::text::line(&ask.method, 80);
    let why = format!("this client did not declare that it can do {method}");
    Err(RpcError::new(error::METHOD_NOT_FOUND, &why))
}

/// What a question is answered with when nobody is left to answer it.
pub(super) fn gone(method: &str) -> Answer {
    if method == "elicitation/create" {
        return Ok(Bytes::from_static(b"{\"action\":\"cancel\"}"));
    }
    Err(RpcError::new(error::INTERNAL, "the client is gone, or did not come back in time"))
}

/// A question that has no answer yet.
struct Asked {
    talk: Conversation,
    id: Id,
    sent: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let open = self.talk.asks.open().remove(&self.id).is_some();
        if open && self.sent {
            take_back(&self.talk.outbox, &self.id);
        }
    }
}

fn take_back(outbox: &Outbox, id: &Id) {
    let params = format!("{{\"requestId\":{}}}", String::from_utf8_lossy(id.json()));
    let line = frame::notification("notifications/cancelled", Some(params.as_bytes()));
    let outbox = outbox.clone();
    task::brief("take back", TAKE_BACK, async move { outbox.send(line).await });
}

/// The ids that we gave to links of a client's request, for upstreams whose revision has none
/// (2026-07-28): the client hears that they are done when the request has ended well.
#[derive(Clone, Default)]
pub(super) struct Minted(Arc<Mutex<Vec<String>>>);

impl Minted {
    /// The question with a new id.
    pub(super) fn named(ask: Ask) -> (Ask, String) {
        let id = format!("allmcp-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let mut edits = splice::Edits::new();
        edits.set(&ask.params, "elicitationId", splice::quote(&id).into_bytes());
        let params = edits.apply(&ask.params);
        (Ask { params, ..ask }, id)
    }

    /// The user agreed to open the link.
    pub(super) fn agreed(&self, id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    /// The lines that say that they are done.
    pub(super) fn done(&self) -> Vec<Bytes> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let line = |id: &String| {
            let params = format!("{{\"elicitationId\":{}}}", splice::quote(id));
            let method = "notifications/elicitation/complete";
            frame::notification(method, Some(params.as_bytes()))
        };
        all.iter().map(line).collect()
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_are_for_links_that_the_client_was_sent_to() {
        let asks = Asks::default();
        asks.sent_to("e1");
        assert!(!asks.completed("e2"));
        assert!(asks.completed("e1") && !asks.completed("e1"));
        for i in 0..=MAX_LINKS {
            asks.sent_to(&i.to_string());
        }
        assert!(!asks.completed("0") && asks.completed("64"));
    }
}
