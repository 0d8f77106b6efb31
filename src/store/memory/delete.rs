//! Deleting: all memories that were named, or none.

use super::{
    MemoryError, MemoryStore, Scope, limits,
    row::{VISIBLE, reader, too_long},
    save::forget_expired,
};
use crate::name::Tenant;
use rusqlite::{OptionalExtension as _, params_from_iter};
use serde::Serialize;
use std::collections::HashSet;

/// What became of the ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    pub deleted: Vec<String>,
    /// Of no memory that the user sees.
    pub not_found: Vec<String>,
}

impl MemoryStore {
    /// Deletes the memories of these ids that are the tenant's own or shared with it for writing.
    /// Blocks: call it on a blocking thread.
    pub fn delete(&self, tenant: &Tenant, ids: &[String]) -> Result<Deleted, MemoryError> {
        let scope = Scope::of(tenant)?;
        if ids.is_empty() {
            return Err(MemoryError::Invalid("there is no id to delete".to_owned()));
        }
        if ids.len() > limits::BATCH {
            return Err(too_long("the list of ids", ids.len(), limits::BATCH, "entries"));
        }
        let mut seen = HashSet::new();
        let ids: Vec<&String> = ids.iter().filter(|id| seen.insert(*id)).collect();
        if self.is_unused() {
            let not_found = ids.into_iter().cloned().collect();
            return Ok(Deleted { deleted: Vec::new(), not_found });
        }
        let now = self.now();
        let sql = format!(
            "SELECT m.n, m.owner = ?2 OR EXISTS (SELECT 1 FROM shares s \
             WHERE s.memory = m.n AND s.user = ?2 AND s.may_write) \
             FROM memories m WHERE m.id = ?4 AND {VISIBLE}"
        );
        self.writing(|db| {
            let mut done = Deleted::default();
            for id in ids {
                let mut parameters = reader(&scope, now);
                parameters.push(id.clone().into());
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                let found: Option<(i64, bool)> =
                    db.query_row(&sql, params_from_iter(parameters), row).optional()?;
                match found {
                    None => done.not_found.push(id.clone()),
                    Some((_, false)) => {
                        let why = format!(
                            "{id} is shared with you for reading only; nothing was deleted"
                        );
                        return Err(MemoryError::Denied(why).into());
                    }
                    Some((n, true)) => {
                        db.execute("DELETE FROM memories WHERE n = ?1", [n])?;
                        done.deleted.push(id.clone());
                    }
                }
            }
            forget_expired(db, now)?;
            Ok(done)
        })
    }
}
