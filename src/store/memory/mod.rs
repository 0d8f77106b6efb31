//! What users and their agents want remembered: one SQLite file, `<data>/memory.db`.
//!
//! A memory belongs to one user of one org (solo: to nobody in particular) and is seen by its
//! owner and by those of the same org with whom it is shared. Every operation opens the file,
//! runs one transaction and closes it again: many processes write at the same time, and a file
//! that was restored from a backup is taken up at once. Before the first save there is no file.

mod check;
mod database;
mod delete;
mod draft;
mod error;
mod row;
mod save;
mod search;
#[cfg(test)]
mod tests;
mod when;
mod words;

pub use delete::Deleted;
pub use draft::{Change, Draft};
pub use error::MemoryError;
pub use row::{Memory, Sharing};
pub use save::Saved;
pub use search::{Found, Hit, Search};
pub use when::{WhenError, moment, text as time_text};

use crate::name::Tenant;
use std::{path::PathBuf, time::SystemTime};

/// Limits of what is kept; whatever is beyond is an error and nothing is saved.
pub mod limits {
    /// Characters of a title.
    pub const TITLE: usize = 200;
    /// Bytes of a content.
    pub const CONTENT: usize = 64 << 10;
    /// Tags of one memory, and characters of one.
    pub const TAGS: usize = 32;
    pub const TAG: usize = 64;
    /// Characters of a source.
    pub const SOURCE: usize = 500;
    /// Users with whom one memory is shared, and characters of one.
    pub const SHARED: usize = 100;
    pub const USER: usize = 256;
    /// Memories in one batch of saves, or ids in one of deletions or searches.
    pub const BATCH: usize = 100;
    /// Memories of one user.
    pub const MEMORIES: usize = 10_000;
    /// Characters of a query, and words of it that count.
    pub const QUERY: usize = 1000;
    pub const WORDS: usize = 32;
    /// Memories in one answer.
    pub const ANSWER: usize = 1000;
}

/// Handle of the memory; it holds nothing open.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    path: PathBuf,
    now: fn() -> SystemTime,
}

impl MemoryStore {
    /// The memory in `path`; nothing is created before the first save.
    pub fn new(path: PathBuf) -> Self {
        Self { path, now: SystemTime::now }
    }

    /// True before anything was ever saved: whoever only reads can spare the way.
    pub fn is_unused(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.len() == 0)
            || matches!(self.path.try_exists(), Ok(false))
    }

    /// Milliseconds since 1970, as the file has times.
    fn now(&self) -> i64 {
        row::millis((self.now)())
    }
}

/// Whose memories an operation is about, as the file has it.
struct Scope<'a> {
    /// Empty: no org.
    org: &'a str,
    /// Empty: nobody in particular.
    user: &'a str,
}

impl<'a> Scope<'a> {
    fn of(tenant: &'a Tenant) -> Result<Self, MemoryError> {
        let part = |id: &'a Option<String>, what| match id.as_deref() {
            None => Ok(""),
            // It would be taken for none.
            Some("") => Err(MemoryError::Invalid(format!("the {what} is empty"))),
            Some(id) => Ok(id),
        };
        Ok(Self { org: part(&tenant.org, "org")?, user: part(&tenant.user, "user")? })
    }
}
