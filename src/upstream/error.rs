//! Why a call to an upstream did not come back with a result.

use crate::{auth::Challenge, name::ConnectionName, wire::RpcError};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// A failed exchange, told so that a person, a script and a model can act on it.
#[derive(Debug, Clone)]
pub struct UpstreamError {
    pub connection: ConnectionName,
    pub kind: ErrorKind,
    /// A lower-case fragment without secrets, sanitized.
    pub detail: String,
    /// True when the request may have reached the upstream and been carried out.
    pub may_have_run: bool,
    /// Since when the connection has been failing.
    pub since: Option<SystemTime>,
    /// How long to wait before it makes sense to try again.
    pub retry_in: Option<Duration>,
    /// What the server said it wants, where it wants a sign-in.
    pub challenge: Option<Box<Challenge>>,
}

/// What kind of failure, and with it whose side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody has signed in, or the upstream refused the credential (authorization server's side).
    NeedsAuth,
    /// The credential is good and not enough (403 `insufficient_scope`).
    NeedsScope { scope: Option<String> },
    /// Refused, DNS, TLS, reset, 5xx (upstream's side).
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// The breaker is open: nothing was sent.
    Paused,
    /// The answer is not MCP: HTML, invalid JSON, a wrong content type.
    Protocol,
    /// The answer is larger than the limit.
    TooLarge,
    /// A JSON-RPC error, passed on as it came.
    Rpc(RpcError),
    /// The secret store cannot be used (our side).
    Store,
    /// The configuration of this connection cannot be used (our side).
    Config,
    /// The upstream said with a 4xx that it does not take the request.
    Refused { status: u16 },
    /// We are going down.
    Closing,
}

impl UpstreamError {
    pub fn new(connection: &ConnectionName, kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            connection: connection.clone(),
            kind,
            detail: detail.into(),
            may_have_run: false,
            since: None,
            retry_in: None,
            challenge: None,
        }
    }

    #[must_use]
    pub fn may_have_run(mut self, may: bool) -> Self {
        self.may_have_run = may;
        self
    }

    #[must_use]
    pub fn retry_in(mut self, wait: Option<Duration>) -> Self {
        self.retry_in = wait.or(self.retry_in);
        self
    }

    pub(super) fn challenge(mut self, challenge: Option<Box<Challenge>>) -> Self {
        self.challenge = challenge.or(self.challenge);
        self
    }

    /// True when the breaker counts it: transport, 5xx and time-outs, not the upstream's verdicts.
    pub fn counts_against(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Timeout)
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.connection;
        match &self.kind {
            ErrorKind::NeedsAuth => write!(f, "{name} needs sign-in: {}", self.detail),
            ErrorKind::NeedsScope { scope: Some(scope) } => {
                write!(f, "{name} needs more scope, {scope:?}: {}", self.detail)
            }
            ErrorKind::NeedsScope { scope: None } => {
                write!(f, "{name} needs more scope: {}", self.detail)
            }
            ErrorKind::Unreachable => write!(f, "could not reach {name}: {}", self.detail),
            ErrorKind::Timeout => write!(f, "{name} did not answer in time: {}", self.detail),
            ErrorKind::Paused => write!(f, "{name} is paused after failures: {}", self.detail),
            ErrorKind::Rpc(error) => {
                write!(f, "{name} answered with error {}: {}", error.code, self.detail)
            }
            ErrorKind::Store => {
                write!(f, "the credential of {name} is not available: {}", self.detail)
            }
            _ => write!(f, "{name}: {}", self.detail),
        }
    }
}

impl std::error::Error for UpstreamError {}
