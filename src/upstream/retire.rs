//! Sessions that were replaced: calls that are under way on one go on, and it is ended when the
//! last of them is done.

use super::{Inner, Transport, asks::Talk, deadline::Deadline, session::Session, streamable};
use crate::wire::Id;
use http::HeaderMap;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// How long ending one may take.
const ENDING: Duration = Duration::from_secs(1);

/// The calls of a session whose clients can be asked, by our id.
#[derive(Default)]
pub(super) struct Talks(Mutex<HashMap<u64, Arc<Talk>>>);

impl fmt::Debug for Talks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Talks")
    }
}

/// Ends a replaced session at the server when it is dropped.
#[derive(Debug, Default)]
pub(super) struct End(Mutex<Option<(Weak<Inner>, HeaderMap)>>);

impl End {
    fn slot(&self) -> MutexGuard<'_, Option<(Weak<Inner>, HeaderMap)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let Some((inner, headers)) = self.slot().take() else { return };
        if let Some(inner) = inner.upgrade() {
            let shutdown = inner.deps.shutdown.clone();
            shutdown.spawn("end session", async move { inner.end(&headers).await });
        }
    }
}

impl Session {
    pub(super) fn talks(&self) -> MutexGuard<'_, HashMap<u64, Arc<Talk>>> {
        // Handles only; a panic in between leaves them whole.
        self.talks.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that a question without one must belong to.
    pub(super) fn only_talk(&self) -> Option<Arc<Talk>> {
        let talks = self.talks();
        let mut all = talks.values();
        all.next().filter(|_| all.next().is_none()).map(Arc::clone)
    }

    /// The server takes its question with this id back.
    pub(super) fn take_back(&self, id: &Id) {
        let all: Vec<_> = self.talks().values().map(Arc::clone).collect();
        let _found = all.iter().any(|talk| talk.take_back(id));
    }
}

impl Inner {
    fn retired(&self) -> MutexGuard<'_, Vec<Weak<Session>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `session` has been replaced: nothing new is sent on it.
    pub(super) fn retire(self: &Arc<Self>, session: &Arc<Session>) {
        session.over.cancel();
        if session.epoch_if_held().is_none() {
            return;
        }
        *session.end.slot() = Some((Arc::downgrade(self), session.headers.clone()));
        let mut retired = self.retired();
        retired.retain(|session| session.strong_count() > 0);
        retired.push(Arc::downgrade(session));
    }

    /// Ends everything that the server still keeps for us.
    pub(super) async fn end_all(&self) {
        let mut all: Vec<HeaderMap> = Vec::new();
        for session in std::mem::take(&mut *self.retired()).iter().filter_map(Weak::upgrade) {
            all.extend(session.end.slot().take().map(|(_, headers)| headers));
        }
        if let Some(session) = self.session.swap(None)
            && session.epoch_if_held().is_some()
        {
            all.push(session.headers.clone());
        }
        futures_util::future::join_all(all.iter().map(|headers| self.end(headers))).await;
    }

    async fn end(&self, headers: &HeaderMap) {
        let deadline = Deadline::new(ENDING);
        if let Ok(Transport { route, prepared }) = self.transport(&deadline).await {
            let _kept = streamable::delete(&route, &prepared, headers, &deadline).await;
        }
    }
}
