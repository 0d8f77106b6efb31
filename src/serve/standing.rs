//! The way to a client with `initialize` while none of its requests is open: some servers ask for
//! the roots as soon as they hear that it is ready.

use super::{asks, capabilities, conversation::Conversation};
use crate::wire::{Answering, Ask, ClientLink, LogLevel};
use bytes::Bytes;

/// It keeps no conversation alive that is over.
pub(super) struct Standing(pub(super) Box<dyn Fn() -> Option<Conversation> + Send + Sync>);

impl ClientLink for Standing {
    fn capabilities(&self) -> Bytes {
        let known = (self.0)().map(|talk| talk.settled().capabilities.clone());
        known.filter(|known| !known.is_empty()).unwrap_or_else(|| Bytes::from_static(b"{}"))
    }

    fn wants_progress(&self) -> bool {
        false
    }

    fn progress(&self, _params: Bytes) {}

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn log(&self, _params: Bytes) {}

    fn ask(&self, ask: Ask) -> Answering {
        match (self.0)() {
            Some(talk) if capabilities::declared(&self.capabilities(), &ask) => {
                asks::put(&talk, ask)
            }
            Some(_) => Box::pin(std::future::ready(asks::undeclared(&ask))),
            None => Box::pin(std::future::ready(asks::gone(&ask.method))),
        }
    }

    fn drives_rounds(&self) -> bool {
        false
    }
}
