//! A kind of store that the configuration may name but this version does not have.

use super::{Vault, VaultError};
use crate::{kind::StoreKind, secret::Secret};

pub(super) struct Unsupported(pub(super) StoreKind);

impl Vault for Unsupported {
    fn get(&self, _: &str) -> Result<Option<Secret<String>>, VaultError> {
        Err(VaultError::Unsupported(self.0))
    }

    fn set(&self, _: &str, _: &Secret<String>) -> Result<(), VaultError> {
        Err(VaultError::Unsupported(self.0))
    }

    fn delete(&self, _: &str) -> Result<bool, VaultError> {
        Err(VaultError::Unsupported(self.0))
    }

    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        Err(VaultError::Unsupported(self.0))
    }

    fn kind(&self) -> StoreKind {
        self.0
    }
}
