//! One memory as it stands in the file.

use super::{MemoryError, Scope};
use crate::store::time;
use rusqlite::{Row, types::Value};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A memory as one of its readers sees it. Times are kept to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Opaque; twelve hexadecimal digits.
    pub id: String,
    pub title: String,
    pub content: String,
    pub tags: Vec<String>,
    pub source: Option<String>,
    #[serde(with = "time::optional")]
    pub expires_at: Option<SystemTime>,
    /// Empty for all but the owner.
    pub shared_with: Sharing,
    /// The user who shared it with the reader (empty: somebody who acts for no user in
    /// particular); `None`: it is the reader's own.
    pub owner: Option<String>,
    /// The reader may change and delete it.
    pub writable: bool,
    #[serde(with = "time")]
    pub created_at: SystemTime,
    #[serde(with = "time")]
    pub updated_at: SystemTime,
}

/// Users of the same org who may read a memory, and who may change and delete it too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sharing {
    pub read: Vec<String>,
    /// They can read it as well.
    pub write: Vec<String>,
}

impl Sharing {
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.write.is_empty()
    }
}

/// Parts lists that SQLite hands over as one text; no tag and no user holds it.
const BETWEEN: char = '\n';

/// What [`Memory::read`] reads, of `memories AS m`; `?1` is the org and `?2` the reader.
pub(super) const COLUMNS: &str = "m.id, m.title, m.content, \
    (SELECT group_concat(t.tag, char(10) ORDER BY t.position) FROM tags t WHERE t.memory = m.n), \
    m.source, m.expires_at, m.owner, \
    (SELECT group_concat(s.user, char(10) ORDER BY s.user) FROM shares s WHERE s.memory = m.n AND NOT s.may_write), \
    (SELECT group_concat(s.user, char(10) ORDER BY s.user) FROM shares s WHERE s.memory = m.n AND s.may_write), \
    EXISTS (SELECT 1 FROM shares s WHERE s.memory = m.n AND s.user = ?2 AND s.may_write), \
    m.created_at, m.updated_at";

/// Which memories a reader sees at a time; `?1` is the org, `?2` the reader and `?3` the time.
pub(super) const VISIBLE: &str = "m.org = ?1 AND (m.expires_at IS NULL OR m.expires_at > ?3) \
    AND (m.owner = ?2 OR EXISTS (SELECT 1 FROM shares s WHERE s.memory = m.n AND s.user = ?2))";

impl Memory {
    /// Of a row of [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>, scope: &Scope<'_>) -> rusqlite::Result<Self> {
        let list = |at: usize| -> rusqlite::Result<Vec<String>> {
            let joined: Option<String> = row.get(at)?;
            Ok(joined.map_or_else(Vec::new, |all| all.split(BETWEEN).map(str::to_owned).collect()))
        };
        let owner: String = row.get(6)?;
        let own = owner == scope.user;
        let shared_with =
            if own { Sharing { read: list(7)?, write: list(8)? } } else { Sharing::default() };
        Ok(Self {
            id: row.get(0)?,
            title: row.get(1)?,
            content: row.get(2)?,
            tags: list(3)?,
            source: row.get(4)?,
            expires_at: row.get::<_, Option<i64>>(5)?.map(time_of),
            shared_with,
            owner: (!own).then_some(owner),
            writable: own || row.get(9)?,
            created_at: time_of(row.get(10)?),
            updated_at: time_of(row.get(11)?),
        })
    }
}

/// The parameters that [`VISIBLE`] and [`COLUMNS`] want.
pub(super) fn reader(scope: &Scope<'_>, now: i64) -> Vec<Value> {
    vec![scope.org.to_owned().into(), scope.user.to_owned().into(), now.into()]
}

/// What `count(*)` gives.
pub(super) fn count(row: &Row<'_>) -> rusqlite::Result<usize> {
    row.get::<_, u32>(0).map(|count| count as usize)
}

pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time_of(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    // Past what a clock can say; written by nobody.
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A text that other lists are parted by or that would break a line somewhere.
pub(super) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The error for something that is too long or too much.
pub(super) fn too_long(what: &str, is: usize, most: usize, unit: &str) -> MemoryError {
    MemoryError::Invalid(format!("{what} has {is} {unit}; {most} is the most"))
}
