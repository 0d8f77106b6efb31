//! Facts that survive a process: last known lists, who called what, how connections fared,
//! what may be known of a sign-in.
//!
//! Owns the files under the cache and state folders and their formats, each with a version: a
//! field that a reader does not know is ignored, one that it misses has a default. Holds no
//! secret. May name only leaves. Called by `auth`, `upstream`, `connect`, `hub` and `serve`.
//! Everything here blocks for as long as a small file takes.

pub mod access_log;
mod account;
pub mod grants;
pub mod health;
pub mod log_reader;
pub mod pins;
mod time;
pub mod tool_cache;
pub mod usage;

pub use access_log::{AccessLog, Entry, Outcome};
pub use grants::{GrantFacts, GrantStore, Intent, Rejected};
pub use health::{Health, HealthStore};
pub use log_reader::{Filter, LogReader};
pub use pins::{PinError, PinStore};
pub use tool_cache::{CachedLists, ListCache, OtherLists};
pub use usage::Usage;
