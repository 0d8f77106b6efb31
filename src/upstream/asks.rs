//! Questions of a legacy server to our client: `elicitation/create`, `sampling/createMessage`
//! and `roots/list` (to 2025-11-25), put to the client of the call that they belong to.

use super::{
    Inner,
    caps::Said,
    deadline::{Hold, Pulse},
    session::Session,
};
use crate::wire::{Ask, ClientLink, Frame, Id, RpcError, error, frame};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Most questions of one call that are open at a time.
pub(super) const MAX_OPEN: usize = 32;

/// A call under way whose client can be asked.
pub(super) struct Talk {
    pub(super) link: Arc<dyn ClientLink>,
    said: Arc<Said>,
    pulse: Pulse,
    /// The open questions by the server's id, each with what takes it back.
    open: Mutex<HashMap<Id, CancellationToken>>,
    over: CancellationToken,
}

/// Keeps a [`Talk`] among those of its session; all questions of it end when it is dropped.
pub(super) struct TalkGuard {
    pub(super) talk: Arc<Talk>,
    session: Arc<Session>,
    id: u64,
}

impl Drop for TalkGuard {
    fn drop(&mut self) {
        self.talk.over.cancel();
        self.session.talks().remove(&self.id);
    }
}

impl Talk {
    /// Makes the client of call `id` one that `session` can ask.
    pub(super) fn begin(
        session: &Arc<Session>,
        id: u64,
        link: &Arc<dyn ClientLink>,
        said: &Arc<Said>,
        pulse: &Pulse,
    ) -> TalkGuard {
        let talk = Arc::new(Self {
            link: Arc::clone(link),
            said: Arc::clone(said),
            pulse: pulse.clone(),
            open: Mutex::default(),
            over: CancellationToken::new(),
        });
        session.talks().insert(id, Arc::clone(&talk));
        TalkGuard { talk, session: Arc::clone(session), id }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Id, CancellationToken>> {
        // Tokens only; a panic in between leaves them whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server takes its question back. True when it was one of this call.
    pub(super) fn take_back(&self, id: &Id) -> bool {
        let taken = self.open().remove(id);
        taken.is_some_and(|question| {
            question.cancel();
            true
        })
    }

    /// Room for one more question, and the clock stopped; `None` when there are too many, or this
    /// one is there already.
    fn one_more(&self, id: &Id) -> Option<(CancellationToken, Hold)> {
        let mut open = self.open();
        if open.len() >= MAX_OPEN || open.contains_key(id) {
            return None;
        }
        let question = self.over.child_token();
        open.insert(id.clone(), question.clone());
        Some((question, self.pulse.hold()))
    }
}

impl Inner {
    /// Answers a request of the server. `talk` is the call that it came with; what came with
    /// none belongs to the one call that is under way, if it is only one.
    pub(super) fn asked(
        self: &Arc<Self>,
        session: &Arc<Session>,
        talk: Option<&Arc<Talk>>,
        request: Frame,
    ) {
        let (Some(id), Some(method)) = (request.id, request.method) else { return };
        if &*method == "ping" {
            return self.reply(session, &id, Ok(Bytes::from_static(b"{}")));
        }
        let params = request.params.unwrap_or_else(|| Bytes::from_static(b"{}"));
        let talk = talk.map(Arc::clone).or_else(|| session.only_talk());
        if talk.is_none() && session.talks().is_empty() {
            return self.asked_at_rest(session, id, Ask { method, params });
        }
        let refused = match &talk {
            Some(talk) => talk.said.caps.refuses(&method, &params),
            None => Some("there is nobody to ask just now"),
        };
        let (Some(talk), None) = (talk, refused) else {
            let why = refused.unwrap_or_default();
            return self.reply(session, &id, Err(RpcError::new(error::METHOD_NOT_FOUND, why)));
        };
        let Some((question, hold)) = talk.one_more(&id) else {
            let error = RpcError::new(error::INTERNAL, "too many questions at a time");
            return self.reply(session, &id, Err(error));
        };
        let answering = talk.link.ask(Ask { method, params });
        let (inner, session) = (Arc::clone(self), Arc::clone(session));
        self.deps.shutdown.spawn("ask the client", async move {
            // Taken back, or the call is over: no answer is expected any more.
            let answer = question.run_until_cancelled(answering).await;
            talk.open().remove(&id);
            drop(hold);
            if let Some(answer) = answer {
                inner.answer(&session, &id, answer).await;
            }
        });
    }

    pub(super) fn reply(
        self: &Arc<Self>,
        session: &Arc<Session>,
        id: &Id,
        answer: Result<Bytes, RpcError>,
    ) {
        let (inner, session, id) = (Arc::clone(self), Arc::clone(session), id.clone());
        self.deps.shutdown.spawn("reply to upstream", async move {
            inner.answer(&session, &id, answer).await;
        });
    }

    pub(super) async fn answer(&self, session: &Session, id: &Id, answer: Result<Bytes, RpcError>) {
        let body = match answer {
            Ok(result) => frame::response(id, result),
            Err(error) => error::response(Some(id), &error),
        };
        if let Err(failure) = self.tell_server(session, body).await {
            tracing::debug!(connection = %self.config.name, ?failure, "a reply was not taken");
        }
    }
}
