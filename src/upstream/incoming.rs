//! Messages that an upstream sends of its own accord: progress, changes, questions.

use super::{
    Event, Inner, Transport,
    deadline::{Deadline, Pulse},
    session::Session,
    streamable::{self, Incoming},
};
use crate::wire::{ClientLink, Frame, Id, Kind, RpcError, error, frame, splice};
use bytes::Bytes;
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

/// Shortest pause between two notices of a changed list.
const CHANGED_EVERY: Duration = Duration::from_secs(1);

/// Takes nothing: for exchanges before there is a session.
pub(super) struct Quiet;

impl Incoming for Quiet {
    fn message(&self, _frame: Frame) {}
}

/// Gives each message of a session to whom it is for.
pub(super) struct Router {
    pub(super) inner: Arc<Inner>,
    pub(super) session: Arc<Session>,
}

/// A call under way whose client wants to hear of progress.
pub(super) struct Pending {
    link: Arc<dyn ClientLink>,
    pulse: Pulse,
}

/// Keeps a call in the table of those that want progress.
pub(super) struct PendingGuard {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        self.inner.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Inner {
    /// Sends progress that comes under token `id` to `link`, until the guard is dropped.
    pub(super) fn expect_progress(
        self: &Arc<Self>,
        id: u64,
        link: &Arc<dyn ClientLink>,
        pulse: &Pulse,
    ) -> PendingGuard {
        let pending = Pending { link: Arc::clone(link), pulse: pulse.clone() };
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id, pending);
        PendingGuard { inner: Arc::clone(self), id }
    }

    fn progress(&self, params: Option<Bytes>) {
        let Some(params) = params else { return };
        let token = splice::get(&params, "progressToken").and_then(Id::from_json);
        let Some(id) = token.and_then(|token| token.as_number()) else { return };
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = pending.get(&id) {
            pending.pulse.beat();
            pending.link.progress(params);
        }
    }

    /// Tells the owner that the tools changed, at most once a second however often we hear it.
    pub(super) fn tools_changed(self: &Arc<Self>) {
        if self.change_told.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = Arc::clone(self);
        self.deps.shutdown.spawn("tools changed", async move {
            let event = (inner.config.name.clone(), Event::ListsChanged);
            // The owner being gone means that nobody wants to know.
            let _gone = inner.deps.events.send(event).await;
            tokio::time::sleep(CHANGED_EVERY).await;
            inner.change_told.store(false, Ordering::SeqCst);
            if inner.change_missed.swap(false, Ordering::SeqCst) {
                inner.tools_changed();
            }
        });
    }
}

impl Incoming for Router {
    fn message(&self, frame: Frame) {
        let Some(method) = frame.method.as_deref() else { return };
        match (frame.kind(), method) {
            (Kind::Notification, "notifications/progress") => self.inner.progress(frame.params),
            (Kind::Notification, "notifications/tools/list_changed") => {
                if self.inner.change_told.load(Ordering::SeqCst) {
                    self.inner.change_missed.store(true, Ordering::SeqCst);
                }
                self.inner.tools_changed();
            }
            (Kind::Request, "ping") => self.reply(&frame, Ok(Bytes::from_static(b"{}"))),
            (Kind::Request, _) => {
                let message = "this client did not declare that capability";
                self.reply(&frame, Err(RpcError::new(error::METHOD_NOT_FOUND, message)));
            }
            _ => {}
        }
    }
}

impl Router {
    /// Answers a request of the server with a POST of its own.
    fn reply(&self, request: &Frame, answer: Result<Bytes, RpcError>) {
        let Some(id) = &request.id else { return };
        let body = match answer {
            Ok(result) => frame::response(id, result),
            Err(error) => error::response(Some(id), &error),
        };
        let (inner, session) = (Arc::clone(&self.inner), Arc::clone(&self.session));
        let name = "reply to upstream";
        self.inner.deps.shutdown.spawn(name, async move {
            if let Err(failure) = inner.tell_server(&session, body).await {
                tracing::debug!(connection = %inner.config.name, ?failure, "a reply was not taken");
            }
        });
    }
}

impl Inner {
    /// POSTs a message that has no answer of its own: a notification or a response.
    pub(super) async fn tell_server(
        &self,
        session: &Session,
        body: Bytes,
    ) -> Result<(), super::failure::Failure> {
        let deadline = Deadline::new(Duration::from_secs(5));
        let Transport { route, prepared } = self.transport(&deadline).await?;
        streamable::post(&route, &prepared, &session.headers, None, body, &deadline).await.map(drop)
    }
}
