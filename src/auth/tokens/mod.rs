//! The only refresher: one renewal for all callers of all processes.
//!
//! The vault is the truth, memory is a copy of it. Whoever has to renew takes the kernel lock of
//! the connection, reads the vault again, and adopts what somebody else has put there. Else it
//! writes down that it is about to use the refresh token up, asks, stores the answer, and only then
//! uses it (the way of codex#30416; without the comparison of the refused token with the stored
//! one, N copies renew N times, and servers that detect reuse end the session). All of it is a task
//! of its own: a caller that goes away never cuts it between the answer and the store
//! (codex#26516).

mod endpoint;
mod held;
mod place;
mod renew;
mod save;

pub(super) use endpoint::{Endpoint, Refused, Renewed};
pub(super) use held::{Held, TokenHash};
pub use place::Place;

use super::{AuthError, CredentialConfig, read_record};
use crate::{
    disk::lock::FileLock,
    net::Net,
    store::{GrantFacts, GrantStore, Rejected, grants::Stamp},
    task::{self, Shutdown},
    vault::VaultHandle,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// How long one renewal may take at the authorization server.
const REQUEST: Duration = Duration::from_secs(20);
/// How long another process is waited for: as long as its request, and what is around it.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long a "no" is believed when nothing tells of a new sign-in.
const BELIEF: Duration = Duration::from_secs(5);

/// What renewing stands on.
#[derive(Clone)]
pub struct TokenDeps {
    pub net: Net,
    pub grants: GrantStore,
    pub shutdown: Shutdown,
}

/// Our clock, which tests turn.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What tests have their own of.
struct World {
    endpoint: Arc<dyn Endpoint>,
    now: Clock,
    patience: Duration,
}

/// A cheap handle on the tokens of one connection.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Shared>);

struct Shared {
    config: CredentialConfig,
    vault: VaultHandle,
    grants: GrantStore,
    shutdown: Shutdown,
    world: World,
    /// One at a time in this process: all others find its answer in memory. Held over the whole
    /// of a renewal, and by whoever saves late.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    /// `held` is newer than the vault, and its only copy.
    unsaved: bool,
    /// Kept while something is unsaved: nobody else may use up a token that has a successor.
    fence: Option<FileLock>,
    hold: Option<Hold>,
    /// The last word on the generation with this access token, also where it could not be written
    /// down. Not by its number: that begins anew after a disconnect.
    dead: Option<(TokenHash, Rejected)>,
    /// Renewals in a row that came to nothing.
    failures: u32,
}

/// The vault and the authorization server are not asked for a while.
#[derive(Clone)]
struct Hold {
    until: Instant,
    /// As long as nothing changed there, nobody signed in or renewed.
    stamp: Stamp,
    known: Known,
    /// For those who cannot go on with what is in memory; without one they ask.
    error: Option<AuthError>,
}

/// Generation and sign-in: every renewal and every new sign-in changes it.
type Known = (u64, Option<SystemTime>);

type Answer = Result<Arc<Held>, AuthError>;

impl Tokens {
    pub(super) fn new(config: &CredentialConfig, vault: &VaultHandle, deps: TokenDeps) -> Self {
        let endpoint = Arc::new(endpoint::Online { net: deps.net.clone() });
        let now: Clock = Arc::new(SystemTime::now);
        Self::with(config, vault, deps, World { endpoint, now, patience: PATIENCE })
    }

    fn with(config: &CredentialConfig, vault: &VaultHandle, deps: TokenDeps, world: World) -> Self {
        Self(Arc::new(Shared {
            config: config.clone(),
            vault: vault.clone(),
            grants: deps.grants,
            shutdown: deps.shutdown,
            world,
            turn: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }))
    }

    /// Tokens to send, renewed when it is time, and surely other ones than `rejected`, which a
    /// server has just refused.
    ///
    /// Goes on when the caller goes away, and shutdown waits for it.
    pub(super) async fn ensure(&self, rejected: Option<TokenHash>) -> Answer {
        let shared = Arc::clone(&self.0);
        let work = async move { shared.settle(rejected.as_ref()).await };
        let name = &self.0.config.name;
        self.0.shutdown.spawn_firm("tokens", work).await.unwrap_or_else(|error| {
            Err(AuthError::Transient {
                name: name.clone(),
                detail: format!("renewing its sign-in stopped: {error}"),
                retry_in: None,
            })
        })
    }

    pub(super) fn now(&self) -> SystemTime {
        self.0.now()
    }

    /// Drops what is in memory, but for what is nowhere else.
    pub(super) fn forget(&self) {
        let mut state = self.0.state();
        state.hold = None;
        if !state.unsaved {
            state.held = None;
        }
    }

    /// The newest tokens that anybody wrote down; 0 when nobody signed in.
    pub(super) async fn known_generation(&self) -> u64 {
        let bound = self.0.config.bound().unwrap_or_default();
        let facts = self.0.on_store(GrantStore::load).await;
        facts.ok().filter(|facts| facts.bound == bound).map_or(0, |facts| facts.generation)
    }

    /// Writes down that `scopes` are to be asked for at the next sign-in, with those that were
    /// granted: a step-up must not lose any (claude-code#44652).
    pub(super) async fn want(&self, scopes: Vec<String>) {
        let noted = self.0.note(move |facts| {
            let known = facts.scopes.iter().chain(&facts.wanted_scopes).cloned();
            let mut all: Vec<_> = known.collect();
            all.extend(scopes);
            facts.wanted_scopes.clear();
            for scope in all {
                if !facts.wanted_scopes.contains(&scope) {
                    facts.wanted_scopes.push(scope);
                }
            }
        });
        if let Err(error) = noted.await {
            tracing::warn!(connection = %self.0.config.name, "the wanted scopes were not kept: {error}");
        }
    }
}

impl Shared {
    fn now(&self) -> SystemTime {
        (self.world.now)()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that change it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn settle(self: &Arc<Self>, rejected: Option<&TokenHash>) -> Answer {
        let _turn = self.turn.lock().await;
        if let Some(answer) = self.remembered(rejected).await {
            return answer;
        }
        let answer = self.find(rejected).await;
        match &answer {
            Ok(held) => {
                self.state().held = Some(Arc::clone(held));
                // It cannot be renewed any more, and works for as long as it lasts.
                if held.is_due(self.now()) {
                    self.hold(BELIEF, None).await;
                }
            }
            Err(error @ AuthError::NeedsAuth { .. }) => {
                self.hold(BELIEF, Some(error.clone())).await;
            }
            Err(_) => {}
        }
        answer
    }

    /// What memory can answer.
    async fn remembered(&self, rejected: Option<&TokenHash>) -> Option<Answer> {
        let now = self.now();
        let (held, pause) = {
            let state = self.state();
            (state.held.clone(), state.hold.clone())
        };
        let held = held.filter(|held| Some(&held.hash) != rejected);
        if let Some(held) = held.as_ref().filter(|held| !held.is_due(now)) {
            return Some(Ok(Arc::clone(held)));
        }
        let pause = pause?;
        if Instant::now() >= pause.until || !self.still(&pause).await {
            self.state().hold = None;
            return None;
        }
        match held.filter(|held| !held.is_expired(now)) {
            Some(held) => Some(Ok(held)),
            None => pause.error.map(Err),
        }
    }

    /// Whether nobody signed in or renewed since.
    async fn still(&self, hold: &Hold) -> bool {
        let (stamp, before) = (hold.stamp, hold.known);
        let look = move |grants: &GrantStore, account: &str| {
            grants.stamp(account) == stamp || known(&grants.load(account)) == before
        };
        self.on_store(look).await.unwrap_or(false)
    }

    /// Keeps everybody from asking for `time`, or until something changed.
    async fn hold(&self, time: Duration, error: Option<AuthError>) {
        let look = |grants: &GrantStore, account: &str| {
            // In this order: a change in between costs one question too many, not one too few.
            let stamp = grants.stamp(account);
            (stamp, known(&grants.load(account)))
        };
        if let Ok((stamp, known)) = self.on_store(look).await {
            let until = Instant::now() + time;
            self.state().hold = Some(Hold { until, stamp, known, error });
        }
    }

    /// What is to be sent: what memory alone has, else what is in the vault.
    async fn read(&self) -> Answer {
        {
            let state = self.state();
            if let Some(held) = state.held.as_ref().filter(|_| state.unsaved) {
                return Ok(Arc::clone(held));
            }
        }
        let bound = self.config.bound()?;
        let vault_error = |e| self.config.vault_error(e);
        let record = read_record(&self.vault, &self.config.account).await.map_err(vault_error)?;
        let never = || self.config.needs_auth("nobody has signed in to it yet");
        let record = record.ok_or_else(never)?;
        if record.bound != bound {
            return Err(self.config.needs_auth(super::config::ELSEWHERE));
        }
        Held::of(record).map_err(vault_error)?.map(Arc::new).ok_or_else(never)
    }

    /// What is known of tokens for the same place.
    async fn facts(&self, held: &Held) -> GrantFacts {
        let facts = self.on_store(GrantStore::load).await.unwrap_or_default();
        if facts.bound == held.bound { facts } else { GrantFacts::default() }
    }

    async fn note<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut GrantFacts) -> T + Send + 'static,
    ) -> std::io::Result<T> {
        self.on_store(|grants, account| grants.update(account, change))
            .await
            .map_err(std::io::Error::other)?
    }

    async fn on_store<T: Send + 'static>(
        &self,
        job: impl FnOnce(&GrantStore, &str) -> T + Send + 'static,
    ) -> Result<T, task::BlockingError> {
        let (grants, account) = (self.grants.clone(), self.config.account.clone());
        task::blocking(move || job(&grants, &account)).await
    }

    fn transient(&self, detail: impl Into<String>, retry_in: Option<Duration>) -> AuthError {
        let (name, detail) = (self.config.name.clone(), detail.into());
        AuthError::Transient { name, detail, retry_in }
    }
}

fn known(facts: &GrantFacts) -> Known {
    (facts.generation, facts.signed_in_at)
}

#[cfg(test)]
mod tests;
