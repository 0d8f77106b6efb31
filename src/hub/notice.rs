//! What upstreams tell outside of calls, with the names and URIs that clients know.

use super::{CallError, Hub};
use crate::wire::LogLevel;
use bytes::Bytes;
use tokio::sync::broadcast;

/// Something for whoever wants to hear of it; the `params` are those of the notification, without
/// the keys of any hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `notifications/resources/updated`.
    ResourceUpdated { uri: String, params: Bytes },
    /// `notifications/message`.
    Log { level: LogLevel, params: Bytes },
    /// `notifications/elicitation/complete` (2025-11-25).
    ElicitationComplete { params: Bytes },
    /// `notifications/tasks` (SEP-2663).
    Task { id: String, params: Bytes },
}

impl Hub {
    /// Everything that is told from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Wants to hear of changes of a resource, by its public URI. Each success is undone by one
    /// [`Hub::unsubscribe`].
    pub async fn subscribe(&self, _uri: &str) -> Result<(), CallError> {
        Ok(())
    }

    pub async fn unsubscribe(&self, _uri: &str) {}
}
