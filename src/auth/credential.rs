//! One connection's credential: read once, kept in memory, read again when a server refuses it.

use super::{
    AuthError, CredentialConfig, TOKEN,
    expand::Secrets,
    read_record,
    tokens::{Held, TokenDeps, Tokens},
};
use crate::{secret::Secret, template::Template, vault::VaultHandle};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use http::HeaderMap;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use url::Url;

/// A URL and headers, ready to be sent.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub url: Secret<Url>,
    /// Every value is marked sensitive.
    pub headers: HeaderMap,
    /// Another one for every other value, within one [`Credentials`].
    pub generation: u64,
    /// What fills other templates of the connection, where it has any.
    pub(super) secrets: Option<Arc<BTreeMap<String, Secret<String>>>>,
}

impl Prepared {
    /// A URL and headers, and nothing else to be filled.
    pub fn new(url: Secret<Url>, headers: HeaderMap, generation: u64) -> Self {
        Self { url, headers, generation, secrets: None }
    }
}

/// A cheap handle on one connection's credential; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<Inner>);

type Answer = Result<Arc<Prepared>, AuthError>;
type Filling = (BTreeMap<String, Secret<String>>, Option<Arc<Held>>);
type Flight = Shared<BoxFuture<'static, Answer>>;

struct Inner {
    config: CredentialConfig,
    vault: VaultHandle,
    /// For what a sign-in got; without it nothing is renewed.
    tokens: Option<Tokens>,
    state: Mutex<State>,
}

/// What is sent now.
#[derive(Clone)]
struct Current {
    prepared: Arc<Prepared>,
    /// The tokens that it was made of.
    held: Option<Arc<Held>>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    generation: u64,
    /// Counts [`Credentials::forget`]: what was read before it is not kept after it.
    epoch: u64,
    /// The read under way, and the generation in whose place it is to find another. Nobody waits
    /// for it any more when it cannot be upgraded.
    flight: Option<(Option<u64>, WeakShared<BoxFuture<'static, Answer>>)>,
}

impl Credentials {
    /// Reads nothing yet. What a sign-in got is sent as it is, and never renewed.
    pub fn new(config: CredentialConfig, vault: VaultHandle) -> Self {
        Self::of(config, vault, None)
    }

    /// The same, and what a sign-in got is renewed when it is time.
    pub fn with_tokens(config: CredentialConfig, vault: VaultHandle, deps: TokenDeps) -> Self {
        let tokens = config.uses_tokens().then(|| Tokens::new(&config, &vault, deps));
        Self::of(config, vault, tokens)
    }

    pub(super) fn of(config: CredentialConfig, vault: VaultHandle, tokens: Option<Tokens>) -> Self {
        config.token_override.iter().for_each(crate::log::redact);
        Self(Arc::new(Inner { config, vault, tokens, state: Mutex::default() }))
    }

    pub fn config(&self) -> &CredentialConfig {
        &self.0.config
    }

    /// What to send: from memory, else from the vault, which is asked once for all who wait. A
    /// failure is not remembered: the next call asks again.
    pub async fn prepare(&self) -> Answer {
        let flight = {
            let mut state = self.0.state();
            if let Some(current) = state.current.as_ref().filter(|now| !self.0.is_due(now)) {
                return Ok(Arc::clone(&current.prepared));
            }
            self.join(&mut state, None)
        };
        flight.await
    }

    /// Fills a template with what `prepared` was made of.
    ///
    /// # Errors
    /// Something that it names is not there.
    pub fn fill(
        &self,
        prepared: &Prepared,
        template: &Template,
    ) -> Result<Secret<String>, AuthError> {
        let none = BTreeMap::new();
        let known = prepared.secrets.as_deref().unwrap_or(&none);
        self.0.config.fill(template, &Secrets::Known(known))
    }

    /// What to send after a server answered 401 to `generation`.
    ///
    /// The vault is read once more, in case another process has stored a new credential; tokens
    /// that nobody has renewed yet are renewed. The same credential again is
    /// [`AuthError::NeedsAuth`]; it stays in memory, since a server may take it tomorrow.
    pub async fn rejected(&self, generation: u64) -> Answer {
        let flight = {
            let mut state = self.0.state();
            match &state.current {
                Some(current) if current.prepared.generation != generation => {
                    return Ok(Arc::clone(&current.prepared));
                }
                Some(current) => {
                    let old = current.clone();
                    self.join(&mut state, Some(old))
                }
                None => self.join(&mut state, None),
            }
        };
        flight.await
    }

    /// Drops what is in memory: the next call reads the vault.
    pub fn forget(&self) {
        let mut state = self.0.state();
        state.current = None;
        state.flight = None;
        state.epoch += 1;
        drop(state);
        if let Some(tokens) = &self.0.tokens {
            tokens.forget();
        }
    }

    /// Whether another sign-in has brought newer tokens than `generation` was made of; if so they
    /// are read at the next call.
    pub async fn newer(&self, generation: u64) -> bool {
        let held = {
            let state = self.0.state();
            match &state.current {
                Some(current) if current.prepared.generation != generation => return true,
                Some(current) => current.held.clone(),
                None => return true,
            }
        };
        let (Some(tokens), Some(held)) = (&self.0.tokens, held) else { return false };
        let newer = tokens.known_generation().await > held.grant.generation;
        if newer {
            self.forget();
        }
        newer
    }

    /// The newest tokens that anybody wrote down; 0 when nobody signed in.
    pub async fn known_generation(&self) -> u64 {
        match &self.0.tokens {
            Some(tokens) => tokens.known_generation().await,
            None => 0,
        }
    }

    /// Keeps in mind that `scopes`, which a server asked for (403 `insufficient_scope`), are to be
    /// asked for at the next sign-in, with all that were granted. Renewing would not help
    /// (claude-code#28258).
    pub async fn wants_scope(&self, scopes: Vec<String>) {
        if let Some(tokens) = &self.0.tokens {
            tokens.want(scopes).await;
        }
    }

    fn join(&self, state: &mut State, rejected: Option<Current>) -> Flight {
        let purpose = rejected.as_ref().map(|old| old.prepared.generation);
        if let Some((under_way, flight)) = &state.flight
            && *under_way == purpose
            && let Some(flight) = flight.upgrade()
        {
            return flight;
        }
        let (inner, epoch) = (Arc::clone(&self.0), state.epoch);
        let flight = async move {
            let answer = inner.load(epoch, rejected.as_ref()).await;
            let mut state = inner.state();
            if state.epoch == epoch {
                state.flight = None;
            }
            answer
        };
        let flight = flight.boxed().shared();
        state.flight = flight.downgrade().map(|weak| (purpose, weak));
        flight
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that change it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, epoch: u64, rejected: Option<&Current>) -> Answer {
        let (secrets, held) = self.secrets(rejected).await?;
        let mut fresh = self.config.prepare(&secrets)?;
        let same = |old: &Prepared| {
            old.url == fresh.url && old.headers == fresh.headers && old.secrets == fresh.secrets
        };
        if rejected.is_some_and(|old| same(&old.prepared)) {
            return Err(self.config.needs_auth(self.why_rejected(&fresh)));
        }
        let mut state = self.state();
        let known = state.current.as_ref().filter(|now| same(&now.prepared));
        let prepared = if let Some(known) = known {
            Arc::clone(&known.prepared)
        } else {
            state.generation += 1;
            fresh.generation = state.generation;
            Arc::new(fresh)
        };
        if state.epoch == epoch {
            state.current = Some(Current { prepared: Arc::clone(&prepared), held });
        }
        Ok(prepared)
    }

    /// What fills the templates, and the tokens behind it.
    async fn secrets(&self, rejected: Option<&Current>) -> Result<Filling, AuthError> {
        if !self.config.uses_vault() {
            return Ok((BTreeMap::new(), None));
        }
        if let Some(tokens) = &self.tokens {
            if self.config.sign_in_optional && tokens.known_generation().await == 0 {
                // Whether the server wants one is seen when it says so.
                return Ok((BTreeMap::new(), None));
            }
            let rejected = rejected.and_then(|old| old.held.as_ref()).map(|held| held.hash.clone());
            let held = tokens.ensure(rejected).await?;
            let mut secrets = held.secrets.clone();
            secrets.insert(TOKEN.to_owned(), held.grant.access_token.clone());
            return Ok((secrets, Some(held)));
        }
        let vault_error = |e| self.config.vault_error(e);
        let record = read_record(&self.vault, &self.config.account).await.map_err(vault_error)?;
        let signed_in = match &record {
            Some(record) if self.config.uses_tokens() => record.signed_in().map_err(vault_error)?,
            _ => super::SignedIn::default(),
        };
        let mut secrets = self.config.secrets_of(record)?;
        if let Some(grant) = signed_in.grant {
            secrets.insert(TOKEN.to_owned(), grant.access_token);
        }
        Ok((secrets, None))
    }

    /// Whether tokens are to be renewed before they are sent.
    fn is_due(&self, current: &Current) -> bool {
        match (&self.tokens, &current.held) {
            (Some(tokens), Some(held)) => held.is_due(tokens.now()),
            _ => false,
        }
    }

    fn why_rejected(&self, sent: &Prepared) -> &'static str {
        if self.config.uses_vault() {
            "the server did not accept the credential that is stored for it"
        } else if self.config.token_override.is_some() {
            "the server did not accept the token from the environment"
        } else if sent.headers.is_empty() {
            "the server wants a credential, and none is sent"
        } else {
            "the server did not accept the headers of its configuration"
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
