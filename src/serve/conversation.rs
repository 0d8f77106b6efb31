//! One client: its messages, what it is told, and what it must not hear twice.

use super::{
    Options, answer,
    batch::{Batch, Outlet},
    client::Client,
    flights::Flights,
    legacy, modern,
    outbox::{Outbox, Outgoing},
};
use crate::{
    hub::{Hub, Request},
    kind::Era,
    task::Shutdown,
    wire::{
        Answering, Ask, ClientLink, Frame, Id, Kind, LogLevel, Message, RpcError,
        era::Revision,
        error,
        frame::{self, FrameError},
        lines::Line,
        meta,
        splice::{self, Edits},
    },
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Changes that come this close together are told as one.
const CALM: Duration = Duration::from_millis(50);

/// What an answer's line has besides the result and the id, and some room.
const ENVELOPE: u64 = 64;

/// Handle of the conversation; clones share it.
#[derive(Clone)]
pub(super) struct Conversation(Arc<Shared>);

pub(super) struct Shared {
    pub(super) hub: Hub,
    pub(super) outbox: Outbox,
    flights: Flights,
    /// The client is known from the configuration, whatever it says of itself.
    client_fixed: bool,
    client: ArcSwap<Client>,
    /// What `initialize` settled on.
    revision: Mutex<Option<&'static Revision>>,
    /// The client has said `notifications/initialized`.
    pub(super) initialized: AtomicBool,
    pub(super) listens: modern::Listens,
    /// The version of the last list that the client has; none yet.
    listed: AtomicU64,
    /// Lists that are about to be given.
    listing: AtomicUsize,
}

/// A result of so many bytes is not copied into its line; writing three parts costs more than
/// copying a short one.
const LONG: usize = 8 * 1024;

const NEVER: u64 = u64::MAX;

impl std::ops::Deref for Conversation {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Conversation {
    pub(super) fn new(hub: Hub, outbox: Outbox, shutdown: &Shutdown, options: &Options) -> Self {
        let this = Self(Arc::new(Shared {
            flights: Flights::new(shutdown.clone(), outbox.clone()),
            client_fixed: options.client.is_some(),
            client: ArcSwap::from_pointee(Client::new(options.client.as_deref())),
            revision: Mutex::new(None),
            initialized: AtomicBool::new(false),
            listens: modern::Listens::default(),
            listed: AtomicU64::new(NEVER),
            listing: AtomicUsize::new(0),
            hub,
            outbox,
        }));
        let herald = this.clone();
        shutdown.spawn("list_changed", async move { herald.announce().await });
        this
    }

    /// Takes one line; waits while the client does not read its answers.
    pub(super) async fn take(&self, line: Line) {
        match line {
            Line::TooLong => {
                let why = "the message is longer than 16 MiB";
                self.refuse(None, &RpcError::new(error::INVALID_REQUEST, why)).await;
            }
            Line::Message(bytes) => match Message::read(bytes).await {
                Ok(Message::Single(frame)) => self.frame(frame, Outlet::Line).await,
                Ok(Message::Batch(all)) => self.batch(all).await,
                Err(wrong) => self.refuse(wrong.id(), &invalid(&wrong)).await,
            },
        }
        self.hub.begin();
    }

    async fn frame(&self, frame: Frame, outlet: Outlet) {
        match (frame.kind(), frame.id.clone()) {
            (Kind::Request, Some(id)) => self.request(frame, id, outlet).await,
            (Kind::Notification, _) => self.notified(&frame).await,
            // We never ask the client anything.
            _ => tracing::debug!("the client answered a question that was not asked"),
        }
    }

    /// Only 2025-03-26 has batches.
    async fn batch(&self, all: Vec<Result<Frame, FrameError>>) {
        if !self.revision().is_some_and(|revision| revision.batches) {
            let why = "batches are not part of this protocol version";
            return self.refuse(None, &RpcError::new(error::INVALID_REQUEST, why)).await;
        }
        let asks = |one: &Result<Frame, FrameError>| {
            one.as_ref().map_or(true, |frame| frame.kind() == Kind::Request)
        };
        let batch = Batch::of(all.iter().filter(|one| asks(one)).count());
        for one in all {
            let outlet = if asks(&one) { Outlet::Batch(Arc::clone(&batch)) } else { Outlet::Line };
            match one {
                Ok(frame) => self.frame(frame, outlet).await,
                Err(wrong) => {
                    let line = error::response(wrong.id(), &invalid(&wrong));
                    outlet.answer(&self.outbox, line).await;
                }
            }
        }
    }

    async fn request(&self, frame: Frame, id: Id, outlet: Outlet) {
        if self.flights.has(&id) || self.listens.has(&id) {
            let why = "a request with this id is still being worked on";
            let error = RpcError::new(error::INVALID_REQUEST, why);
            return self.answer(&id, outlet, Err(error)).await;
        }
        match modern::speaks(&frame) {
            Ok(Era::Legacy) => legacy::request(self, frame, id, outlet).await,
            Ok(Era::Modern) => modern::request(self, frame, id, outlet).await,
            Err(error) => self.answer(&id, outlet, Err(error)).await,
        }
    }

    async fn notified(&self, frame: &Frame) {
        match frame.method.as_deref() {
            Some("notifications/initialized") => self.initialized.store(true, Ordering::Relaxed),
            Some("notifications/cancelled") => {
                let id = frame.param("requestId").and_then(Id::from_json);
                if let Some(id) = id
                    && !self.flights.cancel(&id).await
                {
                    self.listens.end(&id);
                }
            }
            _ => {}
        }
    }

    pub(super) async fn answer(&self, id: &Id, outlet: Outlet, result: Result<Bytes, RpcError>) {
        outlet.answer(&self.outbox, line(id, result)).await;
    }

    async fn refuse(&self, id: Option<&Id>, error: &RpcError) {
        self.outbox.send(error::response(id, error)).await;
    }

    pub(super) fn revision(&self) -> Option<&'static Revision> {
        *self.lock_revision()
    }

    pub(super) fn agree(&self, revision: &'static Revision) {
        *self.lock_revision() = Some(revision);
    }

    fn lock_revision(&self) -> MutexGuard<'_, Option<&'static Revision>> {
        self.revision.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client calls itself, the text of its `clientInfo`.
    pub(super) fn introduce(&self, info: Option<&Bytes>) {
        if self.client_fixed {
            return;
        }
        let name = info.and_then(|info| splice::get_str(info, "name"));
        if let Some(name) = name
            && self.client.load().name.as_deref() != Some(&*name)
        {
            self.client.store(Arc::new(Client::new(Some(&name))));
        }
    }

    /// Answers `tools/list`, once every connection has a list or the client's patience ends.
    pub(super) async fn list(&self, frame: &Frame, id: Id, outlet: Outlet, era: Era) {
        if frame.param("cursor").is_some_and(|cursor| cursor != "null") {
            let error = RpcError::new(error::INVALID_PARAMS, "there is only one page: no cursor");
            return self.answer(&id, outlet, Err(error)).await;
        }
        if self.hub.index().is_complete() {
            let result = self.rendered(era);
            return self.answer(&id, outlet, Ok(result)).await;
        }
        self.listing.fetch_add(1, Ordering::Relaxed);
        let waiting = Listing(self.clone());
        let signs_in = self.hub.plan().signs_in;
        let wait = self.client.load().list_wait(signs_in);
        self.flights.start("tools/list", &id.clone(), outlet, async move {
            waiting.0.hub.settled(wait).await;
            line(&id, Ok(waiting.0.rendered(era)))
        });
    }

    fn rendered(&self, era: Era) -> Bytes {
        // The version first: a change in between is then told once too often, not once too few.
        self.listed.store(self.hub.version().borrow().tools, Ordering::Relaxed);
        let index = self.hub.index();
        let list = if self.hub.wants_sign_in() {
            Bytes::from_static(answer::SIGN_IN_LIST.as_bytes())
        } else {
            index.rendered(era).clone()
        };
        match era {
            Era::Legacy => list,
            Era::Modern => modern::list(&self.hub, &list, index.is_complete()),
        }
    }

    /// Starts a `tools/call`.
    pub(super) fn call(&self, frame: Frame, id: Id, outlet: Outlet, era: Era) {
        let params = frame.params.unwrap_or_else(|| Bytes::from_static(b"{}"));
        let token = meta::get(&params, meta::PROGRESS_TOKEN);
        let token = token.filter(|token| matches!(token.first(), Some(b'"' | b'-' | b'0'..=b'9')));
        let progress = token.map(|token| Progress::open(self.outbox.clone(), token));
        let client = self.client.load();
        let plan = self.hub.plan();
        let limit = plan.max_result.unwrap_or_else(|| client.max_result());
        let request = Request {
            params,
            client: client.name.clone(),
            limit: limit.saturating_sub(id.json().len() as u64 + ENVELOPE),
            link: progress.as_ref().map(Progress::link),
        };
        let (call, is_plain) = (self.hub.call(request), plan.plain);
        self.flights.start("tools/call", &id.clone(), outlet, async move {
            let outcome = call.await;
            // Nothing is reported of a call that has ended.
            drop(progress);
            let result = outcome.or_else(|e| answer::failure(e, is_plain).map(answer::ours));
            let result = match era {
                Era::Legacy => result.map(legacy::result),
                Era::Modern => modern::outcome(result),
            };
            line(&id, result)
        });
    }

    /// Tells the client of every change of the list that it does not know of.
    async fn announce(&self) {
        let mut version = self.hub.version();
        while version.changed().await.is_ok() {
            tokio::time::sleep(CALM).await;
            let now = version.borrow_and_update().tools;
            let known = self.listed.load(Ordering::Relaxed) == now;
            if known || self.listing.load(Ordering::Relaxed) > 0 {
                continue;
            }
            if self.initialized.load(Ordering::Relaxed) {
                self.outbox.send(frame::notification(LIST_CHANGED, None)).await;
            }
            for line in self.listens.list_changed() {
                self.outbox.send(line).await;
            }
        }
    }

    /// Waits until every call is answered.
    pub(super) async fn landed(&self) {
        self.flights.landed().await;
    }

    /// Ends what is still open: no request is left without an answer.
    pub(super) async fn farewell(&self) {
        self.flights.abandon().await;
        for line in self.listens.farewell() {
            self.outbox.send(line).await;
        }
    }
}

pub(super) const LIST_CHANGED: &str = "notifications/tools/list_changed";

fn line(id: &Id, result: Result<Bytes, RpcError>) -> Outgoing {
    match result {
        Ok(result) if result.len() >= LONG => Outgoing::Parts(frame::response_parts(id, result)),
        Ok(result) => frame::response(id, result).into(),
        Err(error) => error::response(Some(id), &error).into(),
    }
}

fn invalid(wrong: &FrameError) -> RpcError {
    RpcError::new(wrong.code(), &wrong.to_string())
}

/// A list is about to be given.
struct Listing(Conversation);

impl Drop for Listing {
    fn drop(&mut self) {
        self.0.listing.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reports of progress, as long as the call runs.
struct Progress(Arc<Reporter>);

struct Reporter {
    outbox: Outbox,
    /// The client's own token, byte for byte.
    token: Bytes,
    open: AtomicBool,
}

impl Progress {
    fn open(outbox: Outbox, token: Bytes) -> Self {
        Self(Arc::new(Reporter { outbox, token, open: AtomicBool::new(true) }))
    }

    fn link(&self) -> Arc<dyn ClientLink> {
        Arc::<Reporter>::clone(&self.0)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.open.store(false, Ordering::Relaxed);
    }
}

impl ClientLink for Reporter {
    fn capabilities(&self) -> Bytes {
        Bytes::from_static(b"{}")
    }

    fn wants_progress(&self) -> bool {
        true
    }

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn log(&self, _params: Bytes) {}

    fn ask(&self, _ask: Ask) -> Answering {
        let message = "this client did not declare that capability";
        let error = RpcError::new(error::METHOD_NOT_FOUND, message);
        Box::pin(std::future::ready(Err(error)))
    }

    fn drives_rounds(&self) -> bool {
        false
    }

    fn progress(&self, params: Bytes) {
        if !self.open.load(Ordering::Relaxed) || params.first() != Some(&b'{') {
            return;
        }
        let mut edits = Edits::new();
        edits.set(&params, meta::PROGRESS_TOKEN, self.token.clone());
        let params = splice::one_line(edits.apply(&params));
        self.outbox.offer(frame::notification("notifications/progress", Some(&params)));
    }
}
