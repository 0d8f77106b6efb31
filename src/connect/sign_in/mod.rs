//! Signing in: one process at a time asks the user, everybody else takes what comes of it.
//!
//! store probe → lock → what does the server want → callback → client → consent → tokens in the
//! vault. The kernel frees the lock of a process that dies, and one of those that wait goes on.

mod attempt;
mod callback;
mod port;

use self::attempt::{Attempt, Failed};
use super::{ConnectError, Deps};
use crate::{
    auth::{Challenge, CredentialConfig, Place, SignInError},
    disk::lock::{FileLock, LockError},
    secret::Secret,
    store::GrantFacts,
    task,
};
use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How often one who waits for another's sign-in looks whether it came about.
const LOOK: Duration = Duration::from_millis(250);

/// How a person is brought to say yes.
pub trait Consent: Send + Sync {
    /// Shows the authorization server's URL, and opens it where that is wanted.
    fn ask(&self, url: &str, expires_at: SystemTime);

    /// Another process has asked already, with `url` where that is known. Called once.
    fn elsewhere(&self, url: Option<&str>, expires_at: SystemTime);

    /// The callback's URL or the code in it, as somebody typed it; pends for ever where nobody
    /// can type.
    fn pasted(&self) -> BoxFuture<'_, Secret<String>> {
        Box::pin(std::future::pending())
    }

    /// False where no browser can be opened and nothing can be pasted.
    fn has_browser(&self) -> bool {
        true
    }

    /// The code to be typed on another device (RFC 8628).
    fn type_code(&self, code: &TypeCode<'_>) {
        self.ask(code.complete.unwrap_or(code.url), code.expires_at);
    }

    /// What was pasted could not be used.
    fn not_that(&self, _why: &str) {}

    /// What is done now, for whoever waits: `asking mcp.example.com`.
    fn step(&self, _what: &str) {}
}

/// What is typed where.
#[derive(Debug)]
pub struct TypeCode<'a> {
    pub user_code: &'a str,
    pub url: &'a str,
    /// The URL with the code in it.
    pub complete: Option<&'a str>,
    pub expires_at: SystemTime,
}

/// What a sign-in is for.
pub struct Wanted<'a> {
    pub config: &'a CredentialConfig,
    /// What the server said when it refused, where it said anything.
    pub challenge: Option<Challenge>,
    /// The secret and the key of a client that was registered by hand, where they were given.
    pub client_secret: Option<Secret<String>>,
    pub private_key: Option<Secret<String>>,
    /// The generation of the tokens that are of no use any more; newer ones are taken as they
    /// are. 0: there are none.
    pub instead_of: u64,
    /// The user said that it is a sign-in; else a server that only might have one has none.
    pub sure: bool,
    pub within: Duration,
}

/// How it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Here.
    SignedIn,
    /// In another process, meanwhile.
    Adopted,
}

/// Signs in, and stores what came of it.
pub async fn sign_in(
    deps: &Deps,
    wanted: &Wanted<'_>,
    consent: &dyn Consent,
) -> Result<Done, ConnectError> {
    let kind = deps.vault.kind();
    // A token that cannot be kept is lost with the consent that it took.
    deps.vault.probe().await.map_err(|source| ConnectError::Store { kind, source })?;
    let place = deps.place(wanted.config)?;
    let deadline = Instant::now() + wanted.within;
    let Some(lock) = turn(&place, wanted.instead_of, consent, deadline).await? else {
        return Ok(Done::Adopted);
    };
    // What a process that was killed left there leads nowhere.
    note(&place, |facts| facts.pending = None).await;
    let done = at_most_twice(deps, wanted, &place, consent, deadline).await;
    note(&place, |facts| facts.pending = None).await;
    drop(lock);
    done.map(|()| Done::SignedIn).map_err(|failed| failed.told(&wanted.config.name))
}

/// Signs in with the client's own secret or key (RFC 6749, 4.4), and stores what came of it.
pub async fn as_machine(deps: &Deps, wanted: &Wanted<'_>) -> Result<(), ConnectError> {
    let place = deps.place(wanted.config)?;
    let deadline = Instant::now() + wanted.within;
    let attempt = Attempt { deps, wanted, place: &place, consent: &Nobody, deadline, fresh: false };
    attempt.as_machine().await.map_err(|failed| failed.told(&wanted.config.name))
}

/// Machines ask machines.
struct Nobody;

impl Consent for Nobody {
    fn ask(&self, _url: &str, _expires_at: SystemTime) {}
    fn elsewhere(&self, _url: Option<&str>, _expires_at: SystemTime) {}
}

/// A code that was lost on the way, or a client that the server has forgotten, costs the user one
/// more click, and no more than one (deviations 14 and 33).
async fn at_most_twice(
    deps: &Deps,
    wanted: &Wanted<'_>,
    place: &Place,
    consent: &dyn Consent,
    deadline: Instant,
) -> Result<(), Failed> {
    let facts = load(place).await;
    let mut fresh = facts.abandoned || facts.client_forgotten;
    for last in [false, true] {
        let attempt = Attempt { deps, wanted, place, consent, deadline, fresh };
        match Box::pin(attempt.run()).await {
            Err(Failed::SignIn(error) | Failed::Exchange(error))
                if !last && error.forgets_client() =>
            {
                fresh = true;
            }
            // Entra and others know no `resource` (deviation 20).
            Err(Failed::SignIn(error) | Failed::Exchange(error))
                if !last && error.refuses_resource() =>
            {
                let bound = place.bound.clone();
                note(place, |facts| {
                    facts.bound = bound;
                    facts.no_resource = true;
                })
                .await;
            }
            Err(Failed::Exchange(error)) if !last && error.starts_over() => {}
            Err(failed) => {
                if matches!(failed, Failed::SignIn(SignInError::Expired)) {
                    // Some servers answer a client that they forgot with a page and never come
                    // back (supabase/mcp#355).
                    note(place, |facts| facts.abandoned = true).await;
                }
                return Err(failed);
            }
            Ok(()) => return Ok(()),
        }
    }
    Err(Failed::SignIn(SignInError::Expired))
}

/// Waits until this process may ask. `None`: another one was asked meanwhile, and it went well.
async fn turn(
    place: &Place,
    instead_of: u64,
    consent: &dyn Consent,
    deadline: Instant,
) -> Result<Option<FileLock>, ConnectError> {
    let (mut told, mut asked) = (false, false);
    loop {
        let (grants, account) = (place.grants.clone(), place.account.clone());
        let got = task::blocking(move || grants.sign_in_lock(&account, Duration::ZERO)).await;
        let facts = load(place).await;
        let newer = facts.bound == place.bound
            && facts.generation > instead_of
            && !facts.has_refused(facts.generation);
        let lock = match got {
            Ok(Ok(lock)) => Some(lock),
            Ok(Err(LockError::Busy { .. })) => None,
            Ok(Err(error)) => return Err(ConnectError::Save(error.to_string())),
            Err(error) => return Err(ConnectError::Save(error.to_string())),
        };
        if newer {
            return Ok(None);
        }
        if lock.is_some() {
            if asked && facts.pending.is_none() {
                // It ended in good order there, unlike with one that was killed: who has just
                // said no is not asked once more for everybody that waits.
                let detail = "it was asked for in another process, and came to nothing there";
                let denied = SignInError::Denied { detail: detail.to_owned() };
                return Err(Failed::SignIn(denied).told(&place.name));
            }
            return Ok(lock);
        }
        asked |= facts.pending.is_some();
        if !told && (facts.pending.is_some() || deadline < Instant::now() + LOOK) {
            told = true;
            let left = deadline.saturating_duration_since(Instant::now());
            consent.elsewhere(facts.pending.as_deref(), SystemTime::now() + left);
        }
        if Instant::now() >= deadline {
            let failed = Failed::SignIn(SignInError::Expired);
            return Err(failed.told(&place.name));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn load(place: &Place) -> GrantFacts {
    let (grants, account) = (place.grants.clone(), place.account.clone());
    task::blocking(move || grants.load(&account)).await.unwrap_or_default()
}

/// Writes down what others may want to know. Without it everything works, only less smoothly.
async fn note(place: &Place, change: impl FnOnce(&mut GrantFacts) + Send + 'static) {
    let (grants, account) = (place.grants.clone(), place.account.clone());
    let noted = task::blocking(move || grants.update(&account, change)).await;
    if let Ok(Err(error)) = noted {
        tracing::warn!(connection = %place.name, "could not write down a sign-in: {error}");
    }
}
