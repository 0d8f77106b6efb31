//! Whether the file is whole.

use super::{MemoryError, MemoryStore};

impl MemoryStore {
    /// Reads the file through, where there is one. Takes milliseconds for what a person writes.
    ///
    /// # Errors
    /// It cannot be read, or something in it is not as SQLite wrote it. Nothing is changed.
    pub fn check(&self) -> Result<(), MemoryError> {
        if self.is_unused() {
            return Ok(());
        }
        let said = self.reading(|db| {
            db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        })?;
        match said {
            Some(said) if said != "ok" => Err(MemoryError::corrupt(&self.path, said)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{name::Tenant, store::memory::Draft};
    use std::fs;

    #[test]
    fn a_whole_file_passes_and_a_torn_one_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.db");
        let store = MemoryStore::new(path.clone());
        store.check().unwrap();
        assert!(!path.exists());
        let drafts = (0..50).map(|n| Draft {
            title: Some(format!("t{n}")),
            content: Some("word ".repeat(500)),
            ..Draft::default()
        });
        store.save(&Tenant::default(), drafts.collect()).unwrap();
        store.check().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8192].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(store.check(), Err(MemoryError::Corrupt { .. })));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}
