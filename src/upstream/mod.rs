//! One connection to one remote MCP server.
//!
//! Owns the session with an upstream: opening it in the era that the server speaks, keeping it,
//! calls with their deadlines and retries, the breaker, notifications. May name `auth`, `store`,
//! `net` and leaves. Called by `connect` and `hub`.

mod asks;
mod at_rest;
mod breaker;
mod call;
mod caps;
mod deadline;
pub mod error;
mod exchange;
mod failure;
mod http_api;
mod incoming;
mod legacy;
mod listen;
mod lists;
mod modern;
pub mod param_headers;
mod recover;
mod refusal;
mod rest;
mod retire;
mod said;
mod session;
mod strays;
mod streamable;
mod subscriptions;
mod task_2025;
mod types;

pub use call::{Call, Reply, ToolFacts};
pub use error::{ErrorKind, UpstreamError};
pub use http_api::Limits;
pub use rest::{LoggedIn, log_in, log_out};
pub use types::{Api, BreakerTimes, Deps, Event, Listing, Snapshot, UpstreamConfig};

use self::{
    breaker::{Breaker, Permit},
    caps::LastSaid,
    deadline::{Deadline, Pulse},
    exchange::Exchange,
    failure::Failure,
    http_api::HttpApi,
    incoming::Pending,
    rest::Rest,
    session::Session,
    subscriptions::Wanted,
};
use crate::{
    auth::Prepared,
    kind::{BreakerState, Era, Status},
    name::ConnectionName,
    net::Route,
    store::OtherLists,
    wire::splice::quote,
};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// Handle of one connection; clones share the session.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    config: UpstreamConfig,
    /// In the place of a session.
    rest: Option<Rest>,
    deps: Deps,
    route: OnceLock<Route>,
    session: ArcSwapOption<Session>,
    /// Those that were replaced, while calls are under way on them.
    retired: Mutex<Vec<Weak<Session>>>,
    said: LastSaid,
    wanted: Wanted,
    /// The last lists besides that of the tools, for when one does not come.
    known: Mutex<OtherLists>,
    /// Held while a session is being opened.
    opening: tokio::sync::Mutex<()>,
    breaker: Breaker,
    track: Mutex<Track>,
    /// Calls under way that want progress, by our token.
    pending: Mutex<HashMap<u64, Pending>>,
    ids: AtomicU64,
    change_told: AtomicBool,
    change_missed: AtomicBool,
    recovering: AtomicBool,
    /// Open questions that belong to no call.
    at_rest: AtomicUsize,
    closed: CancellationToken,
}

/// What [`Snapshot`] shows.
struct Track {
    state: Status,
    since: SystemTime,
    last_error: Option<String>,
    latency: Option<Duration>,
    era: Option<Era>,
    /// When the server last showed its era by its own words.
    era_at: Option<SystemTime>,
    /// When the server last stayed with a refusal that made us doubt its era.
    certain: Option<Instant>,
    /// The breaker when the owner was last told.
    breaker: BreakerState,
}

/// What one HTTP request needs.
struct Transport {
    route: Route,
    prepared: Arc<Prepared>,
}

/// How we introduce ourselves to upstreams, as JSON.
fn client_info() -> Bytes {
    static INFO: OnceLock<String> = OnceLock::new();
    let info = INFO.get_or_init(|| {
        let version = quote(env!("CARGO_PKG_VERSION"));
        format!("{{\"name\":\"allmcp\",\"version\":{version}}}")
    });
    Bytes::from_static(info.as_bytes())
}

impl Upstream {
    /// Makes the handle; nothing is sent before the first call.
    pub fn new(config: UpstreamConfig, deps: Deps) -> Self {
        let track = Track {
            state: Status::Unknown,
            since: SystemTime::now(),
            last_error: None,
            latency: None,
            era: config.known_era.map(|(era, _)| era),
            era_at: config.known_era.map(|(_, at)| at),
            certain: None,
            breaker: BreakerState::Closed,
        };
        let rest = config.api.as_ref().map(|api| {
            HttpApi::new(Arc::clone(&api.manifest), &api.way, deps.limits.clone())
                .map_err(|error| error.to_string())
        });
        Self(Arc::new(Inner {
            rest,
            breaker: Breaker::new(config.breaker),
            config,
            deps,
            route: OnceLock::new(),
            session: ArcSwapOption::empty(),
            retired: Mutex::default(),
            said: LastSaid::default(),
            wanted: Wanted::default(),
            known: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            track: Mutex::new(track),
            pending: Mutex::default(),
            ids: AtomicU64::new(1),
            change_told: AtomicBool::new(false),
            change_missed: AtomicBool::new(false),
            recovering: AtomicBool::new(false),
            at_rest: AtomicUsize::new(0),
            closed: CancellationToken::new(),
        }))
    }

    pub fn name(&self) -> &ConnectionName {
        &self.0.config.name
    }

    pub fn snapshot(&self) -> Snapshot {
        let breaker = self.0.breaker.phase();
        let track = self.0.track();
        let state = if breaker == BreakerState::Closed { track.state } else { Status::Paused };
        Snapshot {
            state,
            since: self.0.breaker.failing_since().unwrap_or(track.since),
            last_error: track.last_error.clone(),
            breaker,
            latency: track.latency,
            era: track.era,
        }
    }

    /// Runs one call to its end. Dropping the future cancels the call upstream.
    pub async fn call(&self, call: Call) -> Result<Reply, UpstreamError> {
        let inner = &self.0;
        let pulse = Pulse::default();
        let timeout = inner.config.timeout;
        // Only progress that was asked for, and questions to the client, move it.
        let deadline = match &call.link {
            Some(_) => Deadline::extended_by(timeout, pulse.clone()),
            None => Deadline::new(timeout),
        };
        if let Some(rest) = &inner.rest {
            let permit = inner.admit()?;
            let (start, left) = (Instant::now(), AtomicBool::new(false));
            let result = Box::pin(inner.rest_call(rest, &call, &deadline, &left)).await;
            return inner.settle(permit, result, start, left.load(Ordering::Relaxed));
        }
        let exchange = Exchange {
            method: call.method,
            params: &call.params,
            name: call.name.as_deref(),
            replay_safe: call.replay_safe,
            link: call.link.as_ref(),
            tool: call.tool.as_ref(),
            later_round: call.later_round,
            token: None,
            left: AtomicBool::new(false),
        };
        let permit = inner.admit()?;
        let start = Instant::now();
        let result = if call.tool.as_ref().is_some_and(|tool| tool.needs_task) {
            Box::pin(inner.task_call(&exchange, &deadline, &pulse)).await
        } else {
            inner.exchange(&exchange, &deadline, &pulse).await
        };
        inner.settle(permit, result, start, exchange.left.load(Ordering::Relaxed))
    }

    /// Fetches all pages of all lists, opening the session when needed.
    pub async fn list(&self) -> Result<Listing, UpstreamError> {
        let permit = self.0.admit()?;
        let start = Instant::now();
        let result = match &self.0.rest {
            Some(rest) => Box::pin(self.0.rest_list(rest)).await,
            None => self.0.all_lists().await,
        };
        self.0.settle(permit, result, start, false)
    }

    /// Ends the sessions (DELETE where there is one), within a second.
    pub async fn close(&self) {
        self.0.closed.cancel();
        self.0.end_all().await;
    }
}

impl Inner {
    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn track(&self) -> std::sync::MutexGuard<'_, Track> {
        // Plain values; a panic in between leaves them whole.
        self.track.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> Result<Permit<'_>, UpstreamError> {
        self.breaker.admit().map_err(|refused| {
            let last = self.track().last_error.clone();
            let detail = last.unwrap_or_else(|| "it kept failing".to_owned());
            let mut error = UpstreamError::new(&self.config.name, ErrorKind::Paused, detail)
                .retry_in(Some(refused.retry_in));
            error.since = refused.since;
            error
        })
    }

    /// Books how an exchange went, and turns its failure into what others are told. `left`: it
    /// was a call, and may have reached the server.
    fn settle<T>(
        self: &Arc<Self>,
        permit: Permit<'_>,
        result: Result<T, Failure>,
        start: Instant,
        left: bool,
    ) -> Result<T, UpstreamError> {
        let failure = match result {
            Ok(value) => {
                permit.success();
                self.note(Status::Connected, None, Some(start.elapsed()));
                return Ok(value);
            }
            Err(failure) => failure,
        };
        let connect = failure.is_connect();
        let mut error = failure.tell(&self.config.name, left);
        if error.counts_against() {
            permit.failure(connect);
            error.since = self.breaker.failing_since();
            error = error.retry_in(self.breaker.wait());
        } else if !matches!(error.kind, ErrorKind::Store | ErrorKind::Config | ErrorKind::Closing) {
            permit.success();
        }
        match error.kind {
            // The upstream answered, and meant what it said.
            ErrorKind::Rpc(_)
            | ErrorKind::Refused { .. }
            | ErrorKind::NeedsScope { .. }
            | ErrorKind::TooLarge => {
                self.note(Status::Connected, None, Some(start.elapsed()));
            }
            ErrorKind::NeedsAuth => self.note(Status::NeedsAuth, Some(error.to_string()), None),
            _ => self.note(Status::Error, Some(error.to_string()), None),
        }
        if error.counts_against() || error.kind == ErrorKind::Protocol {
            self.recover();
        }
        Err(error)
    }

    fn note(&self, state: Status, error: Option<String>, latency: Option<Duration>) {
        let breaker = self.breaker.phase();
        let mut track = self.track();
        track.latency = latency.or(track.latency);
        track.last_error = error;
        if track.state == state && track.breaker == breaker {
            return;
        }
        if track.state != state {
            track.state = state;
            track.since = SystemTime::now();
        }
        track.breaker = breaker;
        drop(track);
        // A full queue holds an event that makes the owner look at the state anyway.
        let _full = self.deps.events.try_send((self.config.name.clone(), Event::State));
    }
}
