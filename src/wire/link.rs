//! The one form that calls take between the client edge and the upstream edge, in either era.

use super::{LogLevel, RpcError};
use bytes::Bytes;
use std::{future::Future, pin::Pin};

/// How a call ended well: the text of its result object, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Complete(Bytes),
    /// The upstream wants something from the client first (SEP-2322).
    InputRequired(Bytes),
    /// The upstream goes on with it in the background (SEP-2663); only where the client of the
    /// call declared that it knows tasks.
    Task(Bytes),
}

impl Outcome {
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Complete(bytes) | Self::InputRequired(bytes) | Self::Task(bytes) => bytes,
        }
    }

    /// The same kind of outcome with another text.
    #[must_use]
    pub fn with(&self, bytes: Bytes) -> Self {
        match self {
            Self::Complete(_) => Self::Complete(bytes),
            Self::InputRequired(_) => Self::InputRequired(bytes),
            Self::Task(_) => Self::Task(bytes),
        }
    }
}

/// What an upstream wants from the client: `elicitation/create`, `sampling/createMessage` or
/// `roots/list`, in the words of the upstream's revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub method: Box<str>,
    /// The text of `params`; an empty object where there are none.
    pub params: Bytes,
}

/// The text of the client's result, or the error with which it (or we for it) refused.
/// Dropping it takes the question back.
pub type Answering = Pin<Box<dyn Future<Output = Result<Bytes, RpcError>> + Send>>;

/// The way back to the client of one request, while the request runs.
pub trait ClientLink: Send + Sync {
    /// What the client declared for this request: the text of its `capabilities` object.
    fn capabilities(&self) -> Bytes;

    /// The client sent a progress token.
    fn wants_progress(&self) -> bool;

    /// The upstream reports progress: the text of its `params`, under the upstream's token. The
    /// edge puts the client's own token in its place.
    fn progress(&self, params: Bytes);

    /// The least severe messages that the request wants to hear; `None`: none.
    fn log_level(&self) -> Option<LogLevel>;

    /// A log message that came with the request: the text of its `params`. The edge passes on
    /// what is severe enough.
    fn log(&self, params: Bytes);

    /// Puts a question of the upstream to the client. Only what the client declared is asked.
    fn ask(&self, ask: Ask) -> Answering;

    /// The client takes [`Outcome::InputRequired`] and comes back by itself (2026-07-28); for all
    /// others we go through the rounds, by [`ClientLink::ask`].
    fn drives_rounds(&self) -> bool;
}
