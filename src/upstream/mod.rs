//! One connection to one remote MCP server.
//!
//! Owns the session with an upstream: opening it in the era that the server speaks, keeping it,
//! calls with their deadlines and retries, the breaker, notifications. May name `auth`, `store`,
//! `net` and leaves. Called by `connect` and `hub`.

pub mod error;

pub use error::{ErrorKind, UpstreamError};

use crate::{
    auth::Credentials,
    kind::{BreakerState, Era, Status},
    name::ConnectionName,
    task::Shutdown,
    wire::{ClientLink, Outcome},
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
    /// What we know of the server's era from last time.
    pub known_era: Option<Era>,
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
    pub shutdown: Shutdown,
    pub events: mpsc::Sender<(ConnectionName, Event)>,
}

/// Something happened outside of any call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The upstream says that its tools changed; already coalesced to one a second.
    ToolsChanged,
    /// The state in [`Upstream::snapshot`] changed.
    State,
}

/// One call.
pub struct Call {
    pub method: &'static str,
    /// The text of `params`, with the upstream's own name inside; `_meta` as the client sent it.
    pub params: Bytes,
    /// The upstream's own name of the tool.
    pub name: String,
    /// The tool is annotated read-only or idempotent: it may be sent twice.
    pub replay_safe: bool,
    /// The text of the tool's `inputSchema`, for `x-mcp-header` (SEP-2243).
    pub input_schema: Option<Bytes>,
    /// Where progress goes; `None` when the client sent no progress token.
    pub link: Option<Arc<dyn ClientLink>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub outcome: Outcome,
    pub era: Era,
}

/// All tools of an upstream and what it said of itself.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The exact text of each tool object.
    pub tools: Vec<Bytes>,
    pub era: Era,
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

/// Handle of one connection; clones share the session.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    config: UpstreamConfig,
    deps: Deps,
}

impl Upstream {
    /// Makes the handle; nothing is sent before the first call.
    pub fn new(config: UpstreamConfig, deps: Deps) -> Self {
        Self(Arc::new(Inner { config, deps }))
    }

    pub fn name(&self) -> &ConnectionName {
        &self.0.config.name
    }

    pub fn snapshot(&self) -> Snapshot {
        let _ = &self.0.deps;
        unimplemented!()
    }

    /// Runs one call to its end. Dropping the future cancels the call upstream.
    pub async fn call(&self, _call: Call) -> Result<Reply, UpstreamError> {
        unimplemented!()
    }

    /// Fetches all pages of `tools/list`, opening the session when needed.
    pub async fn list_tools(&self) -> Result<Listing, UpstreamError> {
        unimplemented!()
    }

    /// Ends the session (DELETE where there is one), within a second.
    pub async fn close(&self) {}
}
