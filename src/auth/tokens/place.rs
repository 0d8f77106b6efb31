//! What a new sign-in leaves, written under the same lock as every renewal.

use super::PATIENCE;
use crate::{
    auth::{
        AuthError, Client, Grant, Record, SignedIn, key::write_record, read_record, save_secrets,
        tokens::Held,
    },
    disk::lock::FileLock,
    name::ConnectionName,
    secret::Secret,
    store::{GrantFacts, GrantStore},
    task,
    vault::{VaultError, VaultHandle},
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// Where the sign-in of one connection is kept.
#[derive(Clone)]
pub struct Place {
    pub name: ConnectionName,
    pub account: String,
    /// See [`crate::auth::CredentialConfig::bound`].
    pub bound: String,
    pub vault: VaultHandle,
    pub grants: GrantStore,
}

impl Place {
    /// What is stored for this place, and what is known of it.
    pub async fn read(&self) -> Result<(SignedIn, GrantFacts), AuthError> {
        let record = self.record().await?;
        let signed_in = record.map(|record| record.signed_in()).transpose();
        let facts = self.on_store(GrantStore::load).await?;
        let facts = if facts.bound == self.bound { facts } else { GrantFacts::default() };
        Ok((signed_in.map_err(|e| self.vault_error(e))?.unwrap_or_default(), facts))
    }

    /// The client that is stored for this place.
    pub async fn client_of(&self) -> Result<Option<Client>, AuthError> {
        Ok(self.read().await?.0.client)
    }

    /// Keeps a registration before anybody is asked for consent, so that a sign-in that is given
    /// up does not register once more. The tokens there are stay as they are: they are renewed as
    /// the client that they were given to, so they go with it.
    ///
    /// False, and nothing is kept, where the item is for another place: only a new sign-in
    /// replaces it.
    pub async fn save_client(&self, client: &Client) -> Result<bool, AuthError> {
        let _lock = self.lock().await?;
        let error = |e| self.vault_error(e);
        let stored = read_record(&self.vault, &self.account).await.map_err(error)?;
        if stored.as_ref().is_some_and(|stored| stored.bound != self.bound) {
            return Ok(false);
        }
        let mut record = stored.unwrap_or_else(|| self.empty());
        let mut signed_in = record.signed_in().map_err(error)?;
        if signed_in.grant.is_some() && signed_in.client.as_ref().is_some_and(|c| c.id != client.id)
        {
            return Ok(false);
        }
        signed_in.client = Some(client.clone());
        record.set_signed_in(&signed_in).map_err(error)?;
        write_record(&self.vault, &self.account, &record).await.map_err(error)?;
        Ok(true)
    }

    /// Keeps what the client shows of itself, beside the tokens, under the lock of those who renew
    /// them.
    pub async fn save_secrets(
        &self,
        secrets: BTreeMap<String, Secret<String>>,
    ) -> Result<(), AuthError> {
        let _lock = self.lock().await?;
        let saved = save_secrets(&self.vault, &self.account, &self.bound, secrets).await;
        saved.map_err(|error| self.vault_error(error))
    }

    /// Stores what a sign-in got: from now on every process uses it. `also` writes down what else
    /// was learned.
    ///
    /// Whatever was known of earlier tokens is over, the refusals of the authorization server
    /// first of all.
    pub async fn store_new(
        &self,
        client: Client,
        grant: Grant,
        also: impl FnOnce(&mut GrantFacts) + Send + 'static,
    ) -> Result<(), AuthError> {
        let _lock = self.lock().await?;
        let error = |e| self.vault_error(e);
        let facts = self.on_store(GrantStore::load).await?;
        let stored = read_record(&self.vault, &self.account).await.map_err(error)?;
        // What cannot be read was made by somebody else, and goes as a whole.
        let old =
            stored.as_ref().and_then(|r| r.signed_in().ok()?.grant).map_or(0, |g| g.generation);
        // Past everything that may be remembered of earlier ones, also by facts without tokens.
        let marked = facts.rejected.as_ref().map_or(0, |rejected| rejected.generation);
        let generation = old.max(facts.generation).max(marked) + 1;
        let mut record = stored.filter(|r| r.bound == self.bound).unwrap_or_else(|| self.empty());
        let grant = Grant { generation, ..grant };
        crate::log::redact(&grant.access_token);
        grant.refresh_token.iter().for_each(crate::log::redact);
        let new = SignedIn { client: Some(client), grant: Some(grant) };
        record.set_signed_in(&new).map_err(error)?;
        write_record(&self.vault, &self.account, &record).await.map_err(error)?;
        let held = Held::of(record).map_err(error)?;
        let bound = self.bound.clone();
        let told = self.on_store(move |grants, account| {
            grants.update(account, |facts| {
                let old = std::mem::take(facts.for_place(&bound));
                // The server's ways outlive a sign-in.
                (facts.callback_port, facts.no_resource) = (old.callback_port, old.no_resource);
                facts.bound = bound;
                facts.signed_in_at = Some(SystemTime::now());
                if let Some(held) = held {
                    held.tell(facts);
                }
                also(facts);
            })
        });
        if let Err(error) = told.await? {
            // The tokens are stored. Copies that were told to sign in look again in seconds.
            tracing::warn!(connection = %self.name, "a sign-in was not written down: {error}");
        }
        Ok(())
    }

    async fn record(&self) -> Result<Option<Record>, AuthError> {
        let record = read_record(&self.vault, &self.account).await;
        Ok(record.map_err(|e| self.vault_error(e))?.filter(|record| record.bound == self.bound))
    }

    fn empty(&self) -> Record {
        Record::new(self.bound.clone(), BTreeMap::new())
    }

    async fn lock(&self) -> Result<FileLock, AuthError> {
        let (grants, account) = (self.grants.clone(), self.account.clone());
        let room = PATIENCE + Duration::from_secs(1);
        let got = task::on_thread("token lock", room, move || grants.lock(&account, PATIENCE));
        let detail = match got.await {
            Ok(Ok(lock)) => return Ok(lock),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let detail = format!("its sign-in cannot be saved: {detail}");
        Err(AuthError::Transient { name: self.name.clone(), detail, retry_in: None })
    }

    async fn on_store<T: Send + 'static>(
        &self,
        job: impl FnOnce(&GrantStore, &str) -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let (grants, account) = (self.grants.clone(), self.account.clone());
        task::blocking(move || job(&grants, &account)).await.map_err(|error| {
            let (name, detail) = (self.name.clone(), error.to_string());
            AuthError::Transient { name, detail, retry_in: None }
        })
    }

    fn vault_error(&self, source: VaultError) -> AuthError {
        AuthError::Vault { name: self.name.clone(), source }
    }
}
