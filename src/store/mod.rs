//! Facts that survive a process: last known lists, who called what, how connections fared,
//! what may be known of a sign-in, what users and agents want remembered.
//!
//! Owns the files under the cache and state folders, the memory in the data folder, and their
//! formats, each with a version: a field that a reader does not know is ignored, one that it
//! misses has a default. Holds no secret. May name only leaves. Called by `auth`, `upstream`,
//! `connect`, `hub`, `serve` and `cli`. Everything here blocks for as long as a small file takes.

pub mod access_log;
mod account;
pub mod grants;
pub mod health;
pub mod log_reader;
pub mod memory;
pub mod pins;
mod time;
pub mod tool_cache;
pub mod usage;

pub use access_log::{AccessLog, Entry, Outcome};
pub use grants::{GrantFacts, GrantStore, Intent, Rejected};
pub use health::{Health, HealthStore};
pub use log_reader::{Filter, LogReader};
pub use memory::{MemoryError, MemoryStore};
pub use pins::{PinError, PinStore};
pub use tool_cache::{CachedLists, ListCache, OtherLists};
pub use usage::Usage;
