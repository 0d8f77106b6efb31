//! Gets credentials and hands them out, ready to be sent.
//!
//! Owns what a connection's stored credential looks like and what is made of it: a URL and
//! headers; and the protocol by which OAuth credentials are got: `discovery` (or `manual`) →
//! `registration` → `flow` (or `device`, `client_credentials`) → `token_endpoint`, later `revoke`.
//! May name `vault`, `store`, `net` and leaves. Called by `upstream` for every session, and by
//! `connect`, which is the only one that stores new ones.

mod assertion;
mod callback;
pub mod challenge;
pub mod client_credentials;
mod config;
mod credential;
pub mod deviations;
pub mod device;
pub mod discovery;
mod expand;
pub mod flow;
mod grant;
pub mod http;
mod http_reply;
mod key;
mod manual;
pub mod metadata;
mod oauth;
pub mod registration;
pub mod revoke;
mod sign_in_error;
pub mod token_endpoint;
pub mod token_reply;
mod tokens;

pub use self::http::OAuthHttp;
pub use callback::{CallbackError, Code, random_token};
pub use challenge::Challenge;
pub use config::{CredentialConfig, EnvLookup, TOKEN};
pub use credential::{Credentials, Prepared};
pub use device::Device;
pub use discovery::{Discovered, discover};
pub use flow::{Flow, Wanted};
pub use grant::{AuthMethod, Client, ClientSource, Grant, GrantKind, Management, SignedIn};
pub use key::{Record, read_record, save_secrets, update_signed_in};
pub use manual::{AccountRule, ManualProfile, TokenStyle, manual, registered_at};
pub use metadata::ServerMetadata;
pub use oauth::{CLIENT_SECRET, OAuthConfig, PRIVATE_KEY, ResourceRule};
pub use registration::client;
pub use revoke::{Revoked, revoke};
pub use sign_in_error::SignInError;
pub use token_endpoint::Learned;
pub use tokens::{Place, TokenDeps};

use crate::{name::ConnectionName, template::Hole, vault::VaultError};
use std::time::Duration;

/// Why a connection has no credential to send. The texts name the connection, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Only a new sign-in or a new key helps.
    #[error("connection {name} needs a sign-in: {}; run: allmcp reconnect {name}", self.detail())]
    NeedsAuth { name: ConnectionName, reason: String },
    /// The sign-in could not be renewed now. What is stored is as good as before.
    #[error("connection {name}: {}", self.detail())]
    Transient { name: ConnectionName, detail: String, retry_in: Option<Duration> },
    /// The configuration refers to something that has no value.
    #[error("connection {name}: {}", self.detail())]
    Unset { name: ConnectionName, hole: Hole },
    // `r#` keeps it out of `Error::source`: the text already has all of it.
    #[error("connection {name}: {}", self.detail())]
    Vault { name: ConnectionName, r#source: VaultError },
    #[error("connection {name}: {}", self.detail())]
    BadUrl { name: ConnectionName, detail: String },
    #[error("connection {name}: {}", self.detail())]
    BadHeader { name: ConnectionName, header: String, detail: String },
}

/// What kind of remedy an [`AuthError`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthErrorKind {
    /// A new sign-in or key.
    NeedsAuth,
    /// A change of the configuration or the environment.
    Config,
    /// The store must be unlocked, started or mended; then the same call works.
    Store,
    /// The same call may work later, without anybody doing anything.
    Transient,
}

impl AuthError {
    /// What it says of the connection, for a text that names it already.
    pub fn detail(&self) -> String {
        match self {
            Self::NeedsAuth { reason, .. } => reason.clone(),
            Self::Transient { detail, .. } => detail.clone(),
            Self::Unset { hole, .. } => format!("{hole} is not set"),
            Self::Vault { source, .. } => source.to_string(),
            Self::BadUrl { detail, .. } => format!("its URL cannot be used: {detail}"),
            Self::BadHeader { header, detail, .. } => {
                format!("header {header} cannot be sent: {detail}")
            }
        }
    }

    pub fn kind(&self) -> AuthErrorKind {
        match self {
            Self::NeedsAuth { .. } => AuthErrorKind::NeedsAuth,
            Self::Transient { .. } => AuthErrorKind::Transient,
            Self::Unset { .. } | Self::BadUrl { .. } | Self::BadHeader { .. } => {
                AuthErrorKind::Config
            }
            Self::Vault { .. } => AuthErrorKind::Store,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_store_is_named_with_its_remedy_and_told_once() {
        let name: ConnectionName = "kommo".parse().unwrap();
        let locked = VaultError::Locked { detail: "prompt dismissed".into() };
        let error = AuthError::Vault { name, source: locked };
        assert_eq!(
            error.to_string(),
            "connection kommo: the keychain is locked (prompt dismissed): unlock it, then try again"
        );
        assert!(std::error::Error::source(&error).is_none());
        assert_eq!(error.kind(), AuthErrorKind::Store);
    }
}
