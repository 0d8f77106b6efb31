//! One client: its messages, what it is told, and what it must not hear twice.

use super::{
    Options,
    asks::Asks,
    batch::{Batch, Outlet},
    client::Client,
    flights::Flights,
    herald, legacy,
    listen::Listens,
    lists::Listed,
    modern,
    outbox::{Outbox, Outgoing},
    parking::Parking,
    standing::Standing,
};
use crate::{
    hub::{Hub, Offer},
    kind::Era,
    task::Shutdown,
    wire::{
        Frame, Id, Kind, LogLevel, Message, RpcError,
        era::Revision,
        error,
        frame::{self, FrameError},
        lines::Line,
        splice,
    },
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Handle of the conversation; clones share it.
#[derive(Clone)]
pub(super) struct Conversation(Arc<Shared>);

pub(super) struct Shared {
    pub(super) hub: Hub,
    pub(super) outbox: Outbox,
    pub(super) shutdown: Shutdown,
    pub(super) flights: Flights,
    /// The client is known from the configuration, whatever it says of itself.
    client_fixed: bool,
    pub(super) client: ArcSwap<Client>,
    settled: Mutex<Settled>,
    /// The client has said `notifications/initialized`.
    pub(super) initialized: AtomicBool,
    /// Our own requests to the client.
    pub(super) asks: Asks,
    /// Calls that wait for a client of 2026-07-28 to come back.
    pub(super) parking: Parking,
    pub(super) listens: Listens,
    pub(super) listed: Listed,
}

/// What a client of the revisions with `initialize` settled for all that comes after it.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) revision: Option<&'static Revision>,
    /// The text of its `capabilities` object; empty before `initialize`.
    pub(super) capabilities: Bytes,
    /// What it was told that there is.
    pub(super) offered: Offer,
    /// What it set by `logging/setLevel`.
    pub(super) level: Option<LogLevel>,
    /// What a client, of any revision, declared last.
    declared: Bytes,
    /// The resources that it subscribed to.
    pub(super) subscribed: HashSet<String>,
}

/// A result of so many bytes is not copied into its line; writing three parts costs more than
/// copying a short one.
const LONG: usize = 8 * 1024;

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
            shutdown: shutdown.clone(),
            client_fixed: options.client.is_some(),
            client: ArcSwap::from_pointee(Client::new(options.client.as_deref())),
            settled: Mutex::default(),
            initialized: AtomicBool::new(false),
            asks: Asks::default(),
            parking: Parking::default(),
            listens: Listens::default(),
            listed: Listed::default(),
            hub,
            outbox,
        }));
        herald::start(&this);
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
            (Kind::Response, id) => self.asks.answered(id.as_ref(), &frame),
            // A request has an id.
            (Kind::Request, None) => {}
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
            Some("notifications/initialized") => {
                self.initialized.store(true, Ordering::Relaxed);
                let shared = Arc::downgrade(&self.0);
                let way = Box::new(move || shared.upgrade().map(Self));
                self.hub.attend(Arc::new(Standing(way)));
            }
            Some("notifications/cancelled") => {
                let id = frame.param("requestId").and_then(Id::from_json);
                if let Some(id) = id
                    && !self.flights.cancel(&id).await
                {
                    self.listens.end(self, &id);
                }
            }
            // 2026-07-28 has no such notification: only who said `initialize` is heard.
            Some("notifications/roots/list_changed") if self.revision().is_some() => {
                self.hub.roots_changed();
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
        self.settled().revision
    }

    /// What `initialize` and the requests after it settled. Never held across an await.
    pub(super) fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client can do, the text of its capabilities: the hub hears of what is new. What
    /// comes back is a copy, which does not keep the whole message in memory.
    pub(super) fn declare(&self, capabilities: &Bytes) -> Bytes {
        let copy = {
            let mut settled = self.settled();
            if settled.declared == *capabilities {
                return settled.declared.clone();
            }
            settled.declared = Bytes::copy_from_slice(capabilities);
            settled.declared.clone()
        };
        self.hub.declare(copy.clone());
        copy
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

    /// The client has closed its end: whatever is asked of it from now on has no answer.
    pub(super) fn left(&self) {
        self.asks.close();
        self.parking.close();
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

pub(super) fn line(id: &Id, result: Result<Bytes, RpcError>) -> Outgoing {
    match result {
        Ok(result) if result.len() >= LONG => Outgoing::Parts(frame::response_parts(id, result)),
        Ok(result) => frame::response(id, result).into(),
        Err(error) => error::response(Some(id), &error).into(),
    }
}

fn invalid(wrong: &FrameError) -> RpcError {
    RpcError::new(wrong.code(), &wrong.to_string())
}
