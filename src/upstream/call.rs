//! One request to an upstream, and what comes back.

use crate::{
    kind::Era,
    wire::{ClientLink, Outcome},
};
use bytes::Bytes;
use std::sync::Arc;

/// One request of a client.
pub struct Call {
    pub method: &'static str,
    /// The text of `params`, with the upstream's own name or URI inside; `_meta` as the client
    /// sent it.
    pub params: Bytes,
    /// What the header `Mcp-Name` says (SEP-2243): the upstream's own name of a tool or a prompt,
    /// the URI of a resource, the id of a task; `None` for other methods.
    pub name: Option<String>,
    /// It may be sent twice: a read, or a tool annotated read-only or idempotent.
    pub replay_safe: bool,
    /// The way back to the client; `None`: there is nobody to ask or to tell.
    pub link: Option<Arc<dyn ClientLink>>,
    /// Of a `tools/call`.
    pub tool: Option<ToolFacts>,
    /// The client comes back with what it was asked for (SEP-2322): it is a new call to a server
    /// that did not ask.
    pub later_round: bool,
}

/// What the definition of a tool says of how it is called.
#[derive(Debug, Clone, Default)]
pub struct ToolFacts {
    /// The text of its `inputSchema`, for the arguments that travel as headers too (SEP-2243).
    pub input_schema: Option<Bytes>,
    /// It runs only as a task of the 2025-11-25 kind (`execution.taskSupport` "required").
    pub needs_task: bool,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub outcome: Outcome,
    pub era: Era,
}
