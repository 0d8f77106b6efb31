//! Messages that an upstream sends of its own accord: progress, changes, log messages, questions.

use super::{
    Event, Inner, Transport,
    asks::Talk,
    deadline::{Deadline, Pulse},
    failure::Failure,
    session::Session,
    streamable::{self, Incoming},
};
use crate::{
    kind::Era,
    wire::{
        ClientLink, Frame, Id, Kind, meta,
        splice::{self, Edits},
    },
};
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
pub(super) struct Router<'a> {
    pub(super) inner: &'a Arc<Inner>,
    pub(super) session: &'a Arc<Session>,
    /// The client of the call on whose stream the messages come.
    pub(super) link: Option<&'a Arc<dyn ClientLink>>,
    /// The same, where it can be asked (legacy).
    pub(super) talk: Option<&'a Arc<Talk>>,
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

    /// A list changed: the owner is told at most once a second, however often we hear it.
    pub(super) fn heard_change(self: &Arc<Self>) {
        if self.change_told.load(Ordering::SeqCst) {
            self.change_missed.store(true, Ordering::SeqCst);
        }
        self.lists_changed();
    }

    /// Tells the owner to look at the lists, unless it was told a moment ago.
    pub(super) fn lists_changed(self: &Arc<Self>) {
        if self.change_told.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = Arc::clone(self);
        self.deps.shutdown.spawn("lists changed", async move {
            let event = (inner.config.name.clone(), Event::ListsChanged);
            // The owner being gone means that nobody wants to know.
            let _gone = inner.deps.events.send(event).await;
            tokio::time::sleep(CHANGED_EVERY).await;
            inner.change_told.store(false, Ordering::SeqCst);
            if inner.change_missed.swap(false, Ordering::SeqCst) {
                inner.lists_changed();
            }
        });
    }

    /// Tells the owner of something that is lost when it does not keep up.
    pub(super) fn tell(&self, event: fn(Bytes) -> Event, params: Option<Bytes>) {
        let Some(params) = params else { return };
        // What one hop said to the next ends here.
        let mut edits = Edits::new();
        meta::hop(&mut edits, &params, &[]);
        let event = (self.config.name.clone(), event(edits.apply(&params)));
        if self.deps.events.try_send(event).is_err() {
            tracing::debug!(connection = %self.config.name, "a notification was dropped: too many at a time");
        }
    }

    /// POSTs a message that has no answer of its own: a notification or a response.
    pub(super) async fn tell_server(&self, session: &Session, body: Bytes) -> Result<(), Failure> {
        let deadline = Deadline::new(Duration::from_secs(5));
        let Transport { route, prepared } = self.transport(&deadline).await?;
        streamable::post(&route, &prepared, &session.headers, None, body, &deadline).await.map(drop)
    }
}

impl Incoming for Router<'_> {
    fn message(&self, frame: Frame) {
        match frame.kind() {
            Kind::Notification => self.notification(frame),
            Kind::Request if self.session.era == Era::Legacy => {
                self.inner.asked(self.session, self.talk, frame);
            }
            Kind::Response if self.session.era == Era::Legacy && self.link.is_none() => {
                self.session.strays.keep(frame);
            }
            // A modern server sends none (SEP-2322), and could not be answered.
            Kind::Request | Kind::Response => {}
        }
    }
}

impl Router<'_> {
    fn notification(&self, frame: Frame) {
        let (inner, params) = (self.inner, frame.params);
        match frame.method.as_deref().unwrap_or_default() {
            "notifications/progress" => inner.progress(params),
            "notifications/message" => match (self.link, params) {
                (Some(link), Some(params)) => link.log(params),
                (_, params) => inner.tell(Event::Log, params),
            },
            "notifications/tools/list_changed"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed" => inner.heard_change(),
            "notifications/resources/updated" => inner.tell(Event::ResourceUpdated, params),
            "notifications/elicitation/complete" => {
                inner.tell(Event::ElicitationComplete, params);
            }
            "notifications/tasks" => inner.tell(Event::Task, params),
            "notifications/cancelled" => {
                let id = params.and_then(|params| splice::get(&params, "requestId"));
                if let Some(id) = id.and_then(Id::from_json) {
                    self.session.take_back(&id);
                }
            }
            _ => {}
        }
    }
}
