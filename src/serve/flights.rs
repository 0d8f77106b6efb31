//! The requests that are being worked on: each is answered once, or cancelled and never.

use super::{
    batch::Outlet,
    outbox::{Outbox, Outgoing},
};
use crate::{
    task::{self, Shutdown},
    wire::{Id, RpcError, error},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::AbortHandle};

/// How long the client may take to read that a request came to no end.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// All requests in flight of one client; clones share them.
#[derive(Clone)]
pub(super) struct Flights(Arc<Shared>);

struct Shared {
    shutdown: Shutdown,
    outbox: Outbox,
    open: Mutex<HashMap<Id, Open>>,
    /// Tasks that have not ended, those that are sending their answer included.
    tasks: watch::Sender<usize>,
    serials: AtomicU64,
}

/// A request without an answer.
struct Open {
    /// Tells a request from a later one under the same id.
    serial: u64,
    outlet: Outlet,
    task: Option<AbortHandle>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<Id, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request is answered with that comes to no end.
fn cut_short(id: &Id) -> Bytes {
    let why = "allmcp stopped before the answer came; the call may have been carried out";
    error::response(Some(id), &RpcError::new(error::INTERNAL, why))
}

impl Flights {
    pub(super) fn new(shutdown: Shutdown, outbox: Outbox) -> Self {
        let tasks = watch::Sender::new(0);
        let (open, serials) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Shared { shutdown, outbox, open, tasks, serials }))
    }

    /// True when a request with this id is being worked on.
    pub(super) fn has(&self, id: &Id) -> bool {
        self.0.open().contains_key(id)
    }

    /// Starts work on a request; the line that it comes to is its answer. The id must not be in
    /// flight.
    pub(super) fn start<F>(&self, name: &'static str, id: &Id, outlet: Outlet, work: F)
    where
        F: Future<Output = Outgoing> + Send + 'static,
    {
        let serial = self.0.serials.fetch_add(1, Ordering::Relaxed);
        let flight = Flight { shared: Arc::clone(&self.0), id: id.clone(), serial };
        self.0.tasks.send_modify(|n| *n += 1);
        self.0.open().insert(id.clone(), Open { serial, outlet, task: None });
        let task = self.0.shutdown.spawn(name, async move {
            let line = work.await;
            if let Some(open) = flight.close() {
                open.outlet.answer(&flight.shared.outbox, line).await;
            }
        });
        if let Some(open) = self.0.open().get_mut(id) {
            open.task = Some(task.abort_handle());
        }
    }

    /// Drops the work and never answers. False when there is no such request.
    pub(super) async fn cancel(&self, id: &Id) -> bool {
        let Some(open) = self.0.open().remove(id) else { return false };
        if let Some(task) = open.task {
            task.abort();
        }
        open.outlet.skip(&self.0.outbox).await;
        true
    }

    /// Gives up on every request that is left; each is told so, however many there are.
    pub(super) async fn abandon(&self) {
        let left: Vec<_> = self.0.open().drain().collect();
        for task in left.iter().filter_map(|(_, open)| open.task.as_ref()) {
            task.abort();
        }
        for (id, open) in left {
            open.outlet.answer(&self.0.outbox, cut_short(&id)).await;
        }
    }

    /// Ends when every request has been answered.
    pub(super) async fn landed(&self) {
        let mut tasks = self.0.tasks.subscribe();
        let _closed = tasks.wait_for(|n| *n == 0).await;
    }
}

/// One request, inside its task.
struct Flight {
    shared: Arc<Shared>,
    id: Id,
    serial: u64,
}

impl Flight {
    /// `None` when it was cancelled meanwhile; a client may have given its id to another request
    /// since then.
    fn close(&self) -> Option<Open> {
        let mut open = self.shared.open();
        let ours = open.get(&self.id).is_some_and(|open| open.serial == self.serial);
        ours.then(|| open.remove(&self.id)).flatten()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(open) = self.close() {
            // The client did not cancel it: we are going down, or the work panicked.
            let (outbox, line) = (self.shared.outbox.clone(), cut_short(&self.id));
            task::brief("last answer", LAST_ANSWER, async move {
                open.outlet.answer(&outbox, line).await;
            });
        }
        self.shared.tasks.send_modify(|n| *n -= 1);
    }
}
