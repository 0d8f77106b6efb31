//! How each connection fared last, in whatever process: what `status` shows without asking.

use super::{account, time};
use crate::{
    disk::atomic,
    kind::{BreakerState, Era, Status},
};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    time::SystemTime,
};

/// Raised only when an older reader would misread what a newer one writes.
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;
const MAX_ERROR: usize = 400;

/// What is known of a connection. Times are kept to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub state: Status,
    /// Since when it is in that state.
    #[serde(with = "time")]
    pub since: SystemTime,
    #[serde(default)]
    pub last_error: Option<String>,
    #[serde(default = "closed")]
    pub breaker: BreakerState,
    #[serde(default)]
    pub latency_ms: Option<u64>,
    #[serde(default)]
    pub era: Option<Era>,
    #[serde(default, with = "time::optional")]
    pub last_sync: Option<SystemTime>,
}

fn closed() -> BreakerState {
    BreakerState::Closed
}

#[derive(Serialize, Deserialize)]
struct Format {
    version: u32,
    #[serde(flatten)]
    health: Health,
}

/// The health of all connections, a file each; the last process to write is right.
#[derive(Debug, Clone)]
pub struct HealthStore {
    folder: PathBuf,
}

impl HealthStore {
    /// The store in `<state>/health`; nothing is created before the first save.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The last saved health; `None` when there is none that can be read.
    pub fn load(&self, account: &str) -> Option<Health> {
        let bytes = self.bytes(account)?;
        match serde_json::from_slice::<Format>(&bytes) {
            Ok(format) if format.version <= VERSION => Some(format.health),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!("the kept health of {account} is not used: {error}");
                None
            }
        }
    }

    /// Keeps `health`, the error cleaned, cut and without secrets; false when that changed
    /// nothing.
    pub fn save(&self, account: &str, health: &Health) -> io::Result<bool> {
        let mut health = health.clone();
        let error = health.last_error.as_deref();
        health.last_error = error.map(|e| crate::text::line(&crate::log::scrub(e), MAX_ERROR));
        let bytes = serde_json::to_vec(&Format { version: VERSION, health })?;
        if self.bytes(account).is_some_and(|old| old == bytes) {
            return Ok(false);
        }
        atomic::write(&account::file(&self.folder, account), &bytes).map(|()| true)
    }

    /// Everybody of whom health is kept, in no order.
    pub fn accounts(&self) -> Vec<String> {
        account::all(&self.folder)
    }

    /// Forgets the health of a connection; that there was none is no error.
    pub fn remove(&self, account: &str) -> io::Result<()> {
        match std::fs::remove_file(account::file(&self.folder, account)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn bytes(&self, account: &str) -> Option<Vec<u8>> {
        atomic::read(&account::file(&self.folder, account), MAX_BYTES).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn store() -> (tempfile::TempDir, HealthStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = HealthStore::new(dir.path().join("health"));
        (dir, store)
    }

    fn health() -> Health {
        Health {
            state: Status::Error,
            since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            last_error: Some("connection refused".to_owned()),
            breaker: BreakerState::HalfOpen,
            latency_ms: Some(12),
            era: Some(Era::Modern),
            last_sync: None,
        }
    }

    #[test]
    fn health_is_kept_and_written_only_when_it_changed() {
        let (_dir, store) = store();
        assert_eq!(store.load("a"), None);
        assert!(store.save("a", &health()).unwrap());
        assert_eq!(store.load("a"), Some(health()));
        assert!(!store.save("a", &health()).unwrap());
        let synced = Health { last_sync: Some(health().since), ..health() };
        assert!(store.save("a", &synced).unwrap());
        assert_eq!(store.load("a"), Some(synced));
        store.remove("a").unwrap();
        assert_eq!(store.load("a"), None);
    }

    #[test]
    fn an_error_is_one_clean_line_without_secrets() {
        let (_dir, store) = store();
        let error = format!("a\u{1b}\nb https://u:canary@h/ {}", "x".repeat(1000));
        store.save("a", &Health { last_error: Some(error), ..health() }).unwrap();
        let kept = store.load("a").and_then(|h| h.last_error).unwrap();
        assert!(kept.starts_with("a b https://***@h/ xx"), "{kept}");
        assert!(kept.chars().count() <= MAX_ERROR + 1);
    }

    #[test]
    fn other_versions_of_the_file() {
        let (dir, store) = store();
        let put = |text: &str| {
            atomic::write(&dir.path().join("health/a.json"), text.as_bytes()).unwrap();
        };
        let least = "{\"version\":1,\"state\":\"connected\",\"since\":\"2026-11-20T10:00:00Z\"";
        put(&format!("{least}}}"));
        assert_eq!(store.load("a").map(|h| h.breaker), Some(BreakerState::Closed));
        put(&format!("{least},\"novel\":{{\"x\":1}}}}"));
        assert_eq!(store.load("a").map(|h| h.state), Some(Status::Connected));
        put(&format!("{}}}", least.replace(":1,", ":2,")));
        assert_eq!(store.load("a"), None);
        put(least);
        assert_eq!(store.load("a"), None);
    }
}
