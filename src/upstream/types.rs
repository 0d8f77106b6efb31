//! What goes into an upstream and comes out of it, as plain values.

use super::Limits;
use crate::{
    auth::Credentials,
    catalog::Manifest,
    kind::{BreakerState, Era, Status},
    name::ConnectionName,
    net::Net,
    store::OtherLists,
    task::Shutdown,
    wire::Declared,
};
use bytes::Bytes;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;
/// Everything about one connection, as plain values.
#[derive(Clone)]
pub struct UpstreamConfig {
    pub name: ConnectionName,
    /// The URL as the configuration has it, for messages.
    pub shown_url: String,
    pub credentials: Credentials,
    /// The whole of one call: session set-up, refresh and retries included.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub breaker: BreakerTimes,
    /// Keep a stream open for `list_changed` and the like.
    pub listen: bool,
    /// What we know of the server's era from last time, and when it showed it.
    pub known_era: Option<(Era, SystemTime)>,
    /// Cleartext http is taken off loopback too (`bridge --allow-http`).
    pub allow_http: bool,
    /// It speaks no MCP: a REST API that a manifest describes.
    pub api: Option<Api>,
}

/// A REST API of the catalog, signed in to in one way.
#[derive(Clone)]
pub struct Api {
    pub manifest: Arc<Manifest>,
    /// The id of the way.
    pub way: String,
}

/// How long an open breaker waits: first, then doubling up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerTimes {
    pub first: Duration,
    pub max: Duration,
}

/// What every upstream of a process shares.
#[derive(Clone)]
pub struct Deps {
    pub net: Net,
    pub shutdown: Shutdown,
    pub events: mpsc::Sender<(ConnectionName, Event)>,
    /// What the client of this process declared.
    pub declared: Declared,
    /// What REST APIs let through, counted for all connections together.
    pub limits: Limits,
}

/// Something happened outside of any call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The upstream says that one of its lists changed; already coalesced to one a second.
    ListsChanged,
    /// A resource that we subscribed to changed: the text of the notification's `params`.
    ResourceUpdated(Bytes),
    /// A log message that came with no call: the text of its `params`.
    Log(Bytes),
    /// What a client was asked to do at a URL is done (2025-11-25): the text of the `params`.
    ElicitationComplete(Bytes),
    /// A task has news (SEP-2663): the text of the notification's `params`.
    Task(Bytes),
    /// The state in [`Upstream::snapshot`] changed.
    State,
}

/// All lists of an upstream and what it said of itself.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The exact text of each tool object.
    pub tools: Vec<Bytes>,
    /// The other lists, of which those are empty that the server does not offer.
    pub others: OtherLists,
    pub era: Era,
    /// When the server last showed by its own words that it is of `era`; never by a time-out, a
    /// 401 or a 5xx.
    pub era_at: Option<SystemTime>,
    pub protocol: String,
    pub server_info: Option<Bytes>,
    pub capabilities: Option<Bytes>,
    pub instructions: Option<String>,
}

/// How a connection is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub state: Status,
    pub since: SystemTime,
    pub last_error: Option<String>,
    pub breaker: BreakerState,
    /// Of the last successful exchange.
    pub latency: Option<Duration>,
    pub era: Option<Era>,
}
