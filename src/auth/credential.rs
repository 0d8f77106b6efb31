//! One connection's credential: read once, kept in memory, read again when a server refuses it.

use super::{AuthError, CredentialConfig, read_record};
use crate::{secret::Secret, vault::VaultHandle};
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
}

/// A cheap handle on one connection's credential; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<Inner>);

type Answer = Result<Arc<Prepared>, AuthError>;
type Flight = Shared<BoxFuture<'static, Answer>>;

struct Inner {
    config: CredentialConfig,
    vault: VaultHandle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Prepared>>,
    generation: u64,
    /// Counts [`Credentials::forget`]: what was read before it is not kept after it.
    epoch: u64,
    /// The read under way, and the generation in whose place it is to find another. Nobody waits
    /// for it any more when it cannot be upgraded.
    flight: Option<(Option<u64>, WeakShared<BoxFuture<'static, Answer>>)>,
}

impl Credentials {
    /// Reads nothing yet.
    pub fn new(config: CredentialConfig, vault: VaultHandle) -> Self {
        config.token_override.iter().for_each(crate::log::redact);
        Self(Arc::new(Inner { config, vault, state: Mutex::default() }))
    }

    pub fn config(&self) -> &CredentialConfig {
        &self.0.config
    }

    /// What to send: from memory, else from the vault, which is asked once for all who wait. A
    /// failure is not remembered: the next call asks again.
    pub async fn prepare(&self) -> Answer {
        let flight = {
            let mut state = self.0.state();
            if let Some(current) = &state.current {
                return Ok(Arc::clone(current));
            }
            self.join(&mut state, None)
        };
        flight.await
    }

    /// What to send after a server answered 401 to `generation`.
    ///
    /// The vault is read once more, in case another process has stored a new credential. The same
    /// one again is [`AuthError::NeedsAuth`]; it stays in memory, since a server may take it
    /// tomorrow.
    pub async fn rejected(&self, generation: u64) -> Answer {
        let flight = {
            let mut state = self.0.state();
            match &state.current {
                Some(current) if current.generation != generation => {
                    return Ok(Arc::clone(current));
                }
                Some(current) => {
                    let old = Arc::clone(current);
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
    }

    fn join(&self, state: &mut State, rejected: Option<Arc<Prepared>>) -> Flight {
        let purpose = rejected.as_ref().map(|old| old.generation);
        if let Some((under_way, flight)) = &state.flight
            && *under_way == purpose
            && let Some(flight) = flight.upgrade()
        {
            return flight;
        }
        let (inner, epoch) = (Arc::clone(&self.0), state.epoch);
        let flight = async move {
            let answer = inner.load(epoch, rejected.as_deref()).await;
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

    async fn load(&self, epoch: u64, rejected: Option<&Prepared>) -> Answer {
        let secrets = if self.config.uses_vault() {
            let record = read_record(&self.vault, &self.config.account).await;
            self.config.secrets_of(record.map_err(|e| self.config.vault_error(e))?)?
        } else {
            BTreeMap::new()
        };
        let mut fresh = self.config.prepare(&secrets)?;
        if let Some(old) = rejected
            && old.url == fresh.url
            && old.headers == fresh.headers
        {
            return Err(self.config.needs_auth(self.why_rejected(&fresh)));
        }
        let mut state = self.state();
        state.generation += 1;
        fresh.generation = state.generation;
        let fresh = Arc::new(fresh);
        if state.epoch == epoch {
            state.current = Some(Arc::clone(&fresh));
        }
        Ok(fresh)
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
