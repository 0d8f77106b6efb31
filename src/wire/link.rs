//! The one form that calls take between the client edge and the upstream edge, in either era.

use bytes::Bytes;

/// How a call ended well: the text of its result object, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Complete(Bytes),
    /// The upstream wants something from the client first (SEP-2322).
    InputRequired(Bytes),
}

/// The way back to the client of one call, while the call runs.
pub trait ClientLink: Send + Sync {
    /// The upstream reports progress: the text of its `params`, under the upstream's token. The
    /// edge puts the client's own token in its place.
    fn progress(&self, params: Bytes);
}
