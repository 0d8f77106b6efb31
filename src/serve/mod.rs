//! The client edge: MCP over stdio, in both eras, in front of the hub.
//!
//! Owns framing, ids, cancellation, batches, what each revision looks like, how a client is asked
//! on behalf of an upstream, what it hears outside of its requests and how a failure is told to
//! it. May name `hub`, `store` and leaves. Called by `app`. It is the only room
//! that writes to stdout while it serves, and nothing is written before the client has spoken.

mod answer;
mod asks;
mod batch;
mod calls;
mod capabilities;
mod client;
mod conversation;
#[cfg(test)]
mod desk;
mod flights;
mod herald;
mod input;
mod legacy;
mod link;
mod listen;
mod lists;
mod modern;
mod outbox;
mod parked;
mod parking;
mod standing;
mod state;
pub mod stdio;
mod streams;
#[cfg(test)]
mod tests;

pub use stdio::{Ended, run};

/// What the composition root knows of this server and its client.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The client's id as `install` wrote it; without it the client's own word counts.
    pub client: Option<String>,
}
