//! Why a secret could not be read or kept.

use crate::kind::StoreKind;

/// Each text says what to do; none holds a value. All of them are worth another try later but
/// [`VaultError::Unsupported`] and [`VaultError::TooLong`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no keychain to ask.
    #[error(
        "no keychain answers here ({detail}): start one (gnome-keyring, KWallet), or keep secrets in a file with \"--store file\""
    )]
    Absent { detail: String },
    /// There is one, and it does not open.
    #[error("the keychain is locked ({detail}): unlock it, then try again")]
    Locked { detail: String },
    /// It did not answer within [`super::DEADLINE`]: most often a prompt that nobody sees.
    #[error(
        "the secret store did not answer in time, it may be locked and waiting for its prompt: unlock it, then try again"
    )]
    TimedOut,
    /// What is stored cannot be understood. It is never reset.
    #[error("{path} is damaged ({detail}); it was left as it is: mend it or remove it")]
    Corrupt { path: String, detail: String },
    #[error("the name or the value is too long for this store ({detail})")]
    TooLong { detail: String },
    #[error("the {0} store is not in this version: use keychain or file")]
    Unsupported(StoreKind),
    #[error("the secret store failed: {detail}")]
    Other { detail: String },
}
