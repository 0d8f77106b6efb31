//! Secrets in a file: readable by every program of this user, and said so to whoever chooses it.
//!
//! `secrets.json` in the data folder, 0600, replaced whole, under a kernel lock. It protects
//! against other users and careless backups, not against programs that run as you.

use super::{Vault, VaultError, is_account};
use crate::{
    disk::{atomic, lock::FileLock},
    kind::StoreKind,
    secret::Secret,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Shorter than [`super::DEADLINE`], so that the error can name the lock.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX: u64 = 64 << 20;
const VERSION: u32 = 1;

#[derive(Debug)]
pub struct FileVault {
    path: PathBuf,
}

/// No `Debug`: it is made of secrets.
#[derive(Default, Serialize, Deserialize)]
struct Contents {
    version: u32,
    items: BTreeMap<String, String>,
    /// What a newer version keeps beside them.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl FileVault {
    /// The store in the data folder `dir`; nothing is read or made before it is used.
    pub fn new(dir: &Path) -> Self {
        Self { path: dir.join("secrets.json") }
    }

    fn read(&self) -> Result<Contents, VaultError> {
        let fresh = || Contents { version: VERSION, ..Contents::default() };
        match std::fs::symlink_metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(fresh()),
            Err(e) => return Err(self.failed(&e)),
            Ok(meta) if !meta.is_file() => {
                let detail = format!("{} is not a plain file", self.path.display());
                return Err(VaultError::Other { detail });
            }
            Ok(meta) => self.warn_if_open(&meta),
        }
        let bytes = match atomic::read(&self.path, MAX) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(fresh()),
            Err(e) => return Err(self.failed(&e)),
            Ok(bytes) => bytes,
        };
        let contents: Contents = serde_json::from_slice(&bytes).map_err(|e| {
            // The parser's own text may quote what it stumbled over.
            self.corrupt(format!("line {}, column {}", e.line(), e.column()))
        })?;
        if contents.version > VERSION {
            let detail = format!(
                "{} was written by a newer allmcp (version {}): update this one",
                self.path.display(),
                contents.version
            );
            return Err(VaultError::Other { detail });
        }
        Ok(contents)
    }

    /// Reads, changes and writes under the lock; `change` says whether there is anything to write.
    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) -> Result<bool, VaultError> {
        let _lock = FileLock::acquire(&atomic::beside(&self.path, ".lock"), PATIENCE)
            .map_err(|e| VaultError::Other { detail: with_cause(&e) })?;
        let mut contents = self.read()?;
        if !change(&mut contents) {
            return Ok(false);
        }
        if contents.items.is_empty() && contents.rest.is_empty() {
            // The last secret is gone, so is the file; a probe leaves nothing behind.
            match std::fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(self.failed(&e)),
                _ => return Ok(true),
            }
        }
        let mut text = serde_json::to_vec_pretty(&contents).map_err(|e| self.failed(&e.into()))?;
        text.push(b'\n');
        atomic::write(&self.path, &text).map_err(|e| self.failed(&e))?;
        Ok(true)
    }

    #[cfg_attr(not(unix), expect(unused_variables, clippy::unused_self))]
    fn warn_if_open(&self, meta: &std::fs::Metadata) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if meta.permissions().mode() & 0o077 != 0 {
                let path = self.path.display();
                tracing::warn!(%path, "other users may read the secrets: run chmod 600 on it");
            }
        }
    }

    fn corrupt(&self, detail: String) -> VaultError {
        VaultError::Corrupt { path: self.path.display().to_string(), detail }
    }

    fn failed(&self, error: &io::Error) -> VaultError {
        VaultError::Other { detail: format!("{}: {error}", self.path.display()) }
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl Vault for FileVault {
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        // No lock: a reader finds the old file or the new one.
        Ok(self.read()?.items.remove(account).map(Secret::new))
    }

    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        self.change(|contents| {
            let old = contents.items.insert(account.to_owned(), value.expose().clone());
            old.as_ref() != Some(value.expose())
        })?;
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<bool, VaultError> {
        // Nothing there means nothing to lock, also in a home that cannot be written.
        if !self.read()?.items.contains_key(account) {
            return Ok(false);
        }
        self.change(|contents| contents.items.remove(account).is_some())
    }

    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        Ok(Some(self.read()?.items.into_keys().filter(|item| is_account(item)).collect()))
    }

    fn kind(&self) -> StoreKind {
        StoreKind::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn secrets_are_kept_and_removed_and_an_empty_store_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let vault = FileVault::new(&dir.path().join("data"));
        assert_eq!(vault.get("a").unwrap(), None);
        assert!(!vault.delete("a").unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a read makes nothing");
        vault.probe().unwrap();
        assert!(!vault.path.exists());
        vault.set("a", &secret("1")).unwrap();
        vault.set("b", &secret(&"x".repeat(64 << 10))).unwrap();
        assert_eq!(vault.get("a").unwrap(), Some(secret("1")));
        assert_eq!(vault.accounts().unwrap(), Some(vec!["a".into(), "b".into()]));
        assert!(vault.delete("a").unwrap() && vault.delete("b").unwrap());
        assert!(!vault.path.exists());
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let vault = FileVault::new(dir.path());
                scope.spawn(move || {
                    for n in 0..5 {
                        vault.set(&format!("{writer}-{n}"), &secret("x")).unwrap();
                    }
                });
            }
        });
        let accounts = FileVault::new(dir.path()).accounts().unwrap();
        assert_eq!(accounts.map(|list| list.len()), Some(20));
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_that_quotes_nothing_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let vault = FileVault::new(dir.path());
        for bad in
            ["", "canary", "{\"version\":1,\"items\":{\"a\":canary", "{\"items\":[\"canary\"]}"]
        {
            std::fs::write(&vault.path, bad).unwrap();
            for error in [vault.get("a").unwrap_err(), vault.set("a", &secret("1")).unwrap_err()] {
                assert!(matches!(error, VaultError::Corrupt { .. }), "{error}");
                assert!(!error.to_string().contains("canary"), "{error}");
            }
            assert_eq!(std::fs::read_to_string(&vault.path).unwrap(), bad);
        }
    }

    #[test]
    fn a_newer_file_is_refused_and_unknown_keys_of_this_version_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let vault = FileVault::new(dir.path());
        std::fs::write(&vault.path, "{\"version\":2,\"items\":{\"a\":\"1\"}}").unwrap();
        assert!(vault.get("a").unwrap_err().to_string().contains("newer allmcp"));
        std::fs::write(&vault.path, "{\"version\":1,\"items\":{\"a\":\"1\"},\"more\":[1]}")
            .unwrap();
        assert!(vault.delete("a").unwrap());
        let text = std::fs::read_to_string(&vault.path).unwrap();
        assert!(text.contains("\"more\"") && !text.contains("\"a\""), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_a_link_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let vault = FileVault::new(dir.path());
        vault.set("a", &secret("1")).unwrap();
        let mode = std::fs::metadata(&vault.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let moved = dir.path().join("moved");
        std::fs::rename(&vault.path, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &vault.path).unwrap();
        assert!(vault.get("a").is_err());
        assert!(vault.set("a", &secret("2")).is_err());
    }
}
