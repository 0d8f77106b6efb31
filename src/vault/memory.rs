//! A store that lasts as long as its process: for tests, and for homes that are thrown away.

use super::{
    Vault, VaultError,
    chunk::{self, Items},
    is_account,
};
use crate::{kind::StoreKind, secret::Secret};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Keeps secrets in memory. It passes for a keychain, down to a cap on the size of one item.
#[derive(Debug, Default)]
pub struct MemoryVault {
    items: Mutex<BTreeMap<String, Secret<String>>>,
    limit: Option<usize>,
}

impl MemoryVault {
    pub fn new() -> Self {
        Self::default()
    }

    /// A store whose items hold at most `limit` UTF-16 code units, as those of Windows do.
    pub fn capped(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    fn items(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Secret<String>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all items, pieces of long values included.
    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<String> {
        self.items().keys().cloned().collect()
    }
}

impl Items for MemoryVault {
    fn get_item(&self, item: &str) -> Result<Option<Secret<String>>, VaultError> {
        Ok(self.items().get(item).cloned())
    }

    fn set_item(&self, item: &str, value: &Secret<String>) -> Result<(), VaultError> {
        if self.limit.is_some_and(|limit| chunk::units(value.expose()) > limit) {
            return Err(VaultError::TooLong { detail: item.to_owned() });
        }
        self.items().insert(item.to_owned(), value.clone());
        Ok(())
    }

    fn delete_item(&self, item: &str) -> Result<bool, VaultError> {
        Ok(self.items().remove(item).is_some())
    }

    fn limit(&self) -> Option<usize> {
        self.limit
    }
}

impl Vault for MemoryVault {
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        chunk::get(self, account)
    }

    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        chunk::set(self, account, value)
    }

    fn delete(&self, account: &str) -> Result<bool, VaultError> {
        chunk::delete(self, account)
    }

    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        Ok(Some(self.items().keys().filter(|item| is_account(item)).cloned().collect()))
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Keychain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_pass_through_small_items_and_only_accounts_are_listed() {
        let vault = MemoryVault::capped(200);
        let value = Secret::new("ж".repeat(1000));
        vault.set("kommo", &value).unwrap();
        vault.set("acme/anna/kommo", &Secret::new("short".into())).unwrap();
        assert_eq!(vault.get("kommo").unwrap(), Some(value));
        assert_eq!(
            vault.accounts().unwrap(),
            Some(vec!["acme/anna/kommo".to_owned(), "kommo".to_owned()])
        );
        assert!(vault.delete("kommo").unwrap());
        assert!(!vault.delete("kommo").unwrap());
        assert_eq!(vault.names(), ["acme/anna/kommo"]);
        vault.probe().unwrap();
        assert_eq!(vault.names(), ["acme/anna/kommo"]);
    }
}
