//! Giving a connection up: its credential revoked where the server offers that, then deleted.

use super::{AddError, Deps, Entered, provider};
use crate::{
    auth::{self, OAuthHttp, PRIVATE_KEY, Revoked},
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    store::GrantStore,
    task,
    upstream::{self, Api},
    vault::VaultError,
};
use std::{collections::BTreeSet, sync::Arc};
use url::Url;

/// What became of a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// There was one.
    pub deleted: bool,
    /// What the authorization server said, where there were tokens.
    pub revoked: Option<Revoked>,
}

/// What is given up, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leaving {
    /// There was an entry.
    pub removed: bool,
    pub left: Left,
}

impl Leaving {
    /// What the server said of the tokens that are given up, where there were any.
    pub fn revoked(self) -> Option<&'static str> {
        match self.left.revoked? {
            Revoked::Done => Some("its tokens were revoked at the server"),
            Revoked::Failed => Some(
                "the server could not be told that the tokens are given up; they end by themselves",
            ),
            Revoked::NotOffered => None,
        }
    }
}

/// Why it is still there.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    #[error("could not lock the configuration: {0}")]
    Lock(String),
    #[error(transparent)]
    Store(#[from] VaultError),
    #[error("the entry could not be removed: {0}")]
    Entry(#[from] AddError),
}

/// Removes a connection, its credentials for every user, and what was remembered of it. With no
/// entry of that name, what is stored for it goes all the same.
///
/// # Errors
/// The configuration or the store cannot be changed; what was not reached yet is still there.
pub async fn disconnect(
    deps: &Deps,
    name: &ConnectionName,
    tenant: &Tenant,
) -> Result<Leaving, LeaveError> {
    let connections = Arc::clone(&deps.connections);
    let locked = task::blocking(move || connections.lock()).await;
    let _lock = match locked {
        Ok(lock) => lock.map_err(|error| LeaveError::Lock(error.to_string()))?,
        Err(error) => return Err(LeaveError::Lock(error.to_string())),
    };
    let known = deps.connections.connections();
    let entered = known.iter().find(|there| there.name == *name);
    let mut accounts = BTreeSet::from([tenant.account(name)]);
    let mut leaving = Leaving::default();
    if entered.is_none_or(|there| there.auth != AuthKind::None) {
        // The credentials go first: an entry without one can be disconnected again, a credential
        // without an entry is an orphan.
        let kept = deps.vault.accounts().await?.unwrap_or_default();
        accounts.extend(kept.into_iter().filter(|account| is_of(account, name)));
        for account in &accounts {
            let one = leave(deps, account, entered).await?;
            leaving.left.deleted |= one.deleted;
            leaving.left.revoked = one.revoked.or(leaving.left.revoked);
        }
    }
    if entered.is_some() {
        leaving.removed = deps.connections.remove(name)?;
    }
    accounts.extend(deps.remembered(name));
    for account in &accounts {
        deps.forget(account, true, true);
        deps.forget_sign_in(account).await;
    }
    Ok(leaving)
}

/// Whether anything is kept for `name`, which has no entry: a secret that an interrupted run
/// left, or what was remembered of a connection whose entry somebody deleted.
///
/// A store that cannot be asked now has nothing, as far as this goes.
pub async fn is_anything_kept(deps: &Deps, name: &ConnectionName) -> bool {
    if !deps.remembered(name).is_empty() {
        return true;
    }
    let kept = deps.vault.accounts().await.ok().flatten().unwrap_or_default();
    kept.iter().any(|account| is_of(account, name))
}

/// Whether `account` is one of that connection, whoever's.
fn is_of(account: &str, name: &ConnectionName) -> bool {
    account.rsplit('/').next() == Some(name.as_str())
}

impl Deps {
    /// The accounts of that connection of which anything is remembered.
    fn remembered(&self, name: &ConnectionName) -> BTreeSet<String> {
        let all = [self.cache.accounts(), self.health.accounts(), self.pins.accounts()];
        let all = all.into_iter().chain([self.grants.accounts()]).flatten();
        all.filter(|account| is_of(account, name)).collect()
    }

    async fn forget_sign_in(&self, account: &str) {
        let (grants, name) = (self.grants.clone(), account.to_owned());
        let forgotten = task::blocking(move || GrantStore::remove(&grants, &name)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(account, "what was known of a sign-in could not be removed: {error}");
        }
    }
}

/// Revokes and deletes what is stored under `account`, wherever it was for.
///
/// Revoking is a courtesy: a server that is away leaves tokens that end by themselves. What cannot
/// be read is deleted all the same.
pub async fn leave(
    deps: &Deps,
    account: &str,
    entered: Option<&Entered>,
) -> Result<Left, VaultError> {
    let revoked = match auth::read_record(&deps.vault, account).await {
        Ok(Some(record)) => match log_out(deps, &record, entered).await {
            None => revoke(deps, &record).await,
            told => told,
        },
        Err(error @ (VaultError::Locked { .. } | VaultError::Absent { .. })) => return Err(error),
        _ => None,
    };
    let deleted = deps.vault.delete(account).await?;
    deps.forget_sign_in(account).await;
    Ok(Left { deleted, revoked })
}

/// Takes back a key that a login made.
async fn log_out(deps: &Deps, record: &auth::Record, entered: Option<&Entered>) -> Option<Revoked> {
    let entered = entered?;
    let provider = entered.provider.as_ref().filter(|provider| provider.is_api())?;
    let resolved = provider.resolve(&entered.params, &Tenant::default()).ok()?;
    let base = Url::parse(&provider::public_url(&resolved).ok()?).ok()?;
    let api = Api { manifest: Arc::clone(&provider.manifest), way: provider.way.clone() };
    let (params, secrets) = (resolved.params, record.secrets.clone());
    let out = upstream::log_out(&deps.net, &entered.name, &api, &base, params, secrets).await?;
    Some(if out.is_ok() { Revoked::Done } else { Revoked::Failed })
}

async fn revoke(deps: &Deps, record: &auth::Record) -> Option<Revoked> {
    let signed_in = record.signed_in().ok()?;
    let (client, grant) = (signed_in.client?, signed_in.grant?);
    let server = Url::parse(&record.bound).ok()?;
    let http = OAuthHttp::new(deps.net.clone(), &server);
    let key = record.secrets.get(PRIVATE_KEY);
    Some(auth::revoke(&http, &client, &grant, key).await)
}
