//! Giving a credential up: revoked where the server offers that, then deleted.

use super::Deps;
use crate::{
    auth::{self, OAuthHttp, PRIVATE_KEY, Revoked},
    store::GrantStore,
    task,
    vault::VaultError,
};
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
pub async fn leave(deps: &Deps, account: &str) -> Result<Left, VaultError> {
    let revoked = match auth::read_record(&deps.vault, account).await {
        Ok(Some(record)) => revoke(deps, &record).await,
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

async fn revoke(deps: &Deps, record: &auth::Record) -> Option<Revoked> {
    let signed_in = record.signed_in().ok()?;
    let (client, grant) = (signed_in.client?, signed_in.grant?);
    let server = Url::parse(&record.bound).ok()?;
    let http = OAuthHttp::new(deps.net.clone(), &server);
    let key = record.secrets.get(PRIVATE_KEY);
    Some(auth::revoke(&http, &client, &grant, key).await)
}
