//! Keeps secrets: one text per account, in the system's keychain or in a file.
//!
//! Owns the trait [`Vault`], its implementations and the rule that no caller ever waits for a
//! store that hangs. May name leaves. Called by `auth` and `connect`; opened by `app`.
//!
//! Every call goes through [`VaultHandle`]: a thread of its own, three seconds, then an error that
//! says to unlock. A locked store is not a missing one, and neither is ever replaced by another
//! store in silence.

mod chunk;
mod error;
mod file;
mod handle;
mod keychain;
mod memory;
mod native;
mod unsupported;

pub use error::VaultError;
pub use file::FileVault;
pub use handle::{DEADLINE, VaultConfig, VaultHandle};
pub use keychain::Keychain;
pub use memory::MemoryVault;

use crate::{kind::StoreKind, secret::Secret};

/// The service under which every item of ours stands in a keychain.
pub const SERVICE: &str = "allmcp";

/// A store of secrets. Every method blocks, possibly for ever: only [`VaultHandle`] calls them.
pub trait Vault: Send + Sync {
    /// The secret of `account`; `None` when the store is readable and has none.
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError>;

    /// Stores `value`; whatever stops it leaves the old value or the new one.
    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError>;

    /// Removes the secret of `account`; false when there was none.
    fn delete(&self, account: &str) -> Result<bool, VaultError>;

    /// The accounts that have a secret, sorted; `None` when the store cannot list them.
    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError>;

    fn kind(&self) -> StoreKind;

    /// Finds out whether secrets can be kept, by keeping one.
    ///
    /// A read does not tell: a locked Secret Service answers "not found" to it.
    fn probe(&self) -> Result<(), VaultError> {
        // Copies of us may probe at the same time, so each has its own item.
        let account = format!("{INTERNAL}probe.{}", std::process::id());
        let canary = Secret::new("allmcp was here".to_owned());
        self.set(&account, &canary)?;
        let read = self.get(&account)?;
        self.delete(&account)?;
        if read == Some(canary) {
            Ok(())
        } else {
            Err(VaultError::Other { detail: "it did not give back what was stored".into() })
        }
    }
}

/// Stands in the name of every item that is not an account: probes and pieces of long values.
/// It cannot occur in an account, see [`crate::name::Tenant::account`].
const INTERNAL: char = '#';

fn is_account(item: &str) -> bool {
    !item.contains(INTERNAL)
}
