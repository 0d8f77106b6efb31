//! TEMPORARY stub.
use crate::kind::{BreakerState, Era, Status};
use std::{io, path::PathBuf, time::SystemTime};
#[derive(Debug, Clone)]
pub struct Health {
    pub state: Status,
    pub since: SystemTime,
    pub last_error: Option<String>,
    pub breaker: BreakerState,
    pub latency_ms: Option<u64>,
    pub era: Option<Era>,
    pub last_sync: Option<SystemTime>,
}
#[derive(Debug, Clone)]
pub struct HealthStore {
    pub dir: PathBuf,
}
impl HealthStore {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }
    pub fn load(&self, _account: &str) -> Option<Health> {
        None
    }
    pub fn save(&self, _account: &str, _health: &Health) -> io::Result<bool> {
        Ok(true)
    }
}
