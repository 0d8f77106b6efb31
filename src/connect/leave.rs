//! Giving a credential up: revoked where the server offers that, then deleted.

use super::{Deps, Entered, provider};
use crate::{
    auth::{self, OAuthHttp, PRIVATE_KEY, Revoked},
    name::Tenant,
    store::GrantStore,
    task,
    upstream::{self, Api},
    vault::VaultError,
};
use std::sync::Arc;
use url::Url;

/// What became of a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// There was one.
    pub deleted: bool,
    /// What the authorization server said, where there were tokens.
    pub revoked: Option<Revoked>,
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
    let (grants, name) = (deps.grants.clone(), account.to_owned());
    let forgotten = task::blocking(move || GrantStore::remove(&grants, &name)).await;
    if let Ok(Err(error)) = forgotten {
        tracing::warn!(account, "what was known of a sign-in could not be removed: {error}");
    }
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
