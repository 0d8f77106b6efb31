//! How one HTTP exchange failed, told finely enough to decide whether it may be sent again.

use super::{ErrorKind, UpstreamError, deadline::Elapsed, said::said};
use crate::{
    auth::{AuthError, AuthErrorKind, Challenge},
    kind::Era,
    name::ConnectionName,
    net::NetError,
    wire::{
        RpcError,
        error::{
            HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED_VERSION,
        },
    },
};
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Failure {
    /// No byte left: refused, DNS, TLS, or no connection in time.
    NotSent {
        detail: String,
        timed_out: bool,
    },
    /// It broke after something may have been sent.
    Broken {
        detail: String,
    },
    /// No answer within the deadline; `sent` says whether the request had left.
    TimedOut {
        detail: String,
        sent: bool,
    },
    /// 401 for the credential of this generation.
    Unauthorized {
        generation: u64,
        detail: String,
        challenge: Option<Box<Challenge>>,
    },
    /// The credential is good and not enough (RFC 6750, 3.1).
    Forbidden {
        generation: u64,
        detail: String,
        challenge: Option<Box<Challenge>>,
    },
    /// The server does not know our session any more.
    SessionGone {
        epoch: u64,
    },
    /// A refusal that may only mean that the server speaks the other era by now.
    Misunderstood {
        epoch: u64,
        refusal: Box<Failure>,
    },
    /// 429 or 503.
    Busy {
        status: u16,
        retry_after: Option<Duration>,
        detail: String,
    },
    /// Another status that is not a success, with the JSON-RPC error of its body, if any.
    Status {
        status: u16,
        detail: String,
        error: Option<RpcError>,
    },
    /// A success that is not MCP.
    NotMcp {
        detail: String,
    },
    TooLarge {
        detail: String,
    },
    Auth(AuthError),
    Net(NetError),
}

impl Failure {
    /// True for what says nothing of the request's fate: it may have been carried out.
    fn may_have_run(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::TooLarge { .. } | Self::NotMcp { .. } => true,
            Self::TimedOut { sent, .. } => *sent,
            Self::Status { status, .. } | Self::Busy { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// True for a refusal as a server of the other era makes it; nothing was carried out then.
    pub(super) fn doubts(&self, era: Era) -> bool {
        let Self::Status { status, error, .. } = self else { return false };
        let code = error.as_ref().map(|error| error.code);
        if code == Some(UNSUPPORTED_VERSION) {
            return true;
        }
        if !matches!(status, 400 | 404 | 405 | 406 | 415) {
            return false;
        }
        match era {
            // Old SDKs say -32000 for everything that is wrong with a request; the Python one
            // says that a request without a session is invalid.
            Era::Modern => matches!(code, None | Some(-32_001..=-32_000 | INVALID_REQUEST)),
            Era::Legacy => {
                matches!(code, Some(HEADER_MISMATCH | INVALID_PARAMS | METHOD_NOT_FOUND))
            }
        }
    }

    /// The same without an error that speaks of our hop alone, which says nothing to others.
    pub(super) fn for_others(self) -> Self {
        match self {
            Self::Status { detail, error: Some(error), .. }
                if matches!(error.code, HEADER_MISMATCH | UNSUPPORTED_VERSION) =>
            {
                Self::Status { status: 400, detail, error: None }
            }
            other => other,
        }
    }

    /// True when not even a connection came to be.
    pub(super) fn is_connect(&self) -> bool {
        matches!(self, Self::NotSent { .. })
    }

    /// True for what can be over by itself, without the user.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Net(_) => false,
            Self::Auth(error) => error.kind() == AuthErrorKind::Transient,
            _ => true,
        }
    }

    /// What everybody else is told. `left`: the request could change something, and may have
    /// reached the server.
    pub(super) fn tell(self, name: &ConnectionName, left: bool) -> UpstreamError {
        let may_have_run = left && self.may_have_run();
        let new = |kind, detail: String| {
            UpstreamError::new(name, kind, detail).may_have_run(may_have_run)
        };
        match self {
            Self::NotSent { detail, timed_out: true } | Self::TimedOut { detail, .. } => {
                new(ErrorKind::Timeout, detail)
            }
            Self::NotSent { detail, .. } | Self::Broken { detail } => {
                new(ErrorKind::Unreachable, detail)
            }
            Self::Unauthorized { detail, challenge, .. } => {
                new(ErrorKind::NeedsAuth, detail).challenge(challenge)
            }
            Self::Forbidden { detail, challenge, .. } => {
                let scope = challenge.as_ref().and_then(|it| it.scope.as_deref());
                let scope = scope.map(|scope| said(scope, 200));
                new(ErrorKind::NeedsScope { scope }, detail).challenge(challenge)
            }
            Self::SessionGone { .. } => {
                new(ErrorKind::Unreachable, "the server ended two sessions in a row".to_owned())
            }
            Self::Misunderstood { refusal, .. } => refusal.tell(name, left),
            Self::Busy { status, retry_after, detail } => {
                let kind = if status >= 500 {
                    ErrorKind::Unreachable
                } else {
                    ErrorKind::Refused { status }
                };
                new(kind, detail).retry_in(retry_after)
            }
            Self::Status { status, detail, error } => match error {
                Some(error) => new(ErrorKind::Rpc(error), detail),
                None if status >= 500 => new(ErrorKind::Unreachable, detail),
                None => new(ErrorKind::Refused { status }, detail),
            },
            Self::NotMcp { detail } => new(ErrorKind::Protocol, detail),
            Self::TooLarge { detail } => new(ErrorKind::TooLarge, detail),
            Self::Auth(error) => {
                let kind = auth_kind(&error);
                let retry_in = match &error {
                    AuthError::Transient { retry_in, .. } => *retry_in,
                    _ => None,
                };
                UpstreamError::new(name, kind, error.detail()).retry_in(retry_in)
            }
            Self::Net(error) => UpstreamError::new(name, ErrorKind::Config, error.to_string()),
        }
    }
}

fn auth_kind(error: &AuthError) -> ErrorKind {
    match error {
        AuthError::NeedsAuth { .. } => ErrorKind::NeedsAuth,
        AuthError::Vault { .. } => ErrorKind::Store,
        // Nobody has to do anything: it is like a server that is away.
        AuthError::Transient { .. } => ErrorKind::Unreachable,
        _ => ErrorKind::Config,
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl Failure {
    /// A deadline that passed while `what` was awaited.
    pub(super) fn elapsed(what: &str, sent: bool) -> impl FnOnce(Elapsed) -> Self {
        move |Elapsed| Self::TimedOut { detail: format!("no {what} within the time"), sent }
    }
}
