//! What all connections can do together, and what the client can: the capabilities of both sides.

use super::Hub;
use crate::wire::LogLevel;
use bytes::Bytes;

/// What clients can be offered; tools are always there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Offer {
    pub prompts: bool,
    pub resources: bool,
    /// Resources can be subscribed to.
    pub subscribe: bool,
    pub completions: bool,
    pub logging: bool,
    /// Extensions (SEP-2133) that at least one connection offers and that we can pass on: id and
    /// the text of the settings. Tasks only fit clients of 2026-07-28.
    pub extensions: Vec<(String, Bytes)>,
}

impl Hub {
    /// What the connections offer, as far as is known; of one that nobody has listed yet,
    /// everything is expected.
    pub fn offer(&self) -> Offer {
        Offer::default()
    }

    /// The client declared these capabilities: sessions that are opened from now on mirror them.
    pub fn declare(&self, capabilities: Bytes) {
        self.0.deps.declared.set(capabilities);
    }

    /// The least severe messages that the client wants to hear outside of calls; `None`: none.
    pub fn wants_logs(&self, level: Option<LogLevel>) {
        for member in self.index().members() {
            member.session.route.log_level(level);
        }
    }

    /// The client's roots changed.
    pub fn roots_changed(&self) {
        for member in self.index().members() {
            member.session.route.roots_changed();
        }
    }
}
