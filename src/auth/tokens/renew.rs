//! One renewal, from the first look into the vault to the last word.

use super::{Answer, Held, REQUEST, Refused, Renewed, Shared, TokenHash};
use crate::{
    auth::AuthError,
    disk::lock::{FileLock, LockError},
    store::{GrantFacts, Intent, Rejected, grants::At},
    task,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A request that failed faster than this is sent once more.
const QUICK: Duration = Duration::from_secs(2);
const BEFORE_ANOTHER: Duration = Duration::from_millis(300);
/// How long nobody asks after renewals that came to nothing: it doubles, and ends here.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While somebody else renews, what is still good is sent for so long before the next look.
const SOMEBODY_ELSE: Duration = Duration::from_millis(250);
/// A server may refuse so many fresh tokens within so much time: mcp-remote came to 20 renewals
/// in 30 s where nothing counted them.
const LOOP: (usize, Duration) = (3, Duration::from_secs(30));
/// The code of a renewal whose answer was lost twice.
const REPLY_LOST: &str = "reply_lost";

/// What is to be done with stored tokens.
enum Step {
    Use(Arc<Held>),
    /// `usable`: they could still be sent, and nothing is lost by not waiting.
    Renew {
        held: Arc<Held>,
        usable: bool,
    },
}

/// What is worth writing down of a renewal.
#[derive(Clone, Copy)]
pub(super) struct Why {
    /// A server refused a token that was not expired.
    reactive: bool,
    no_resource: bool,
}

impl Why {
    pub(super) fn tell(self, facts: &mut GrantFacts, now: SystemTime) {
        facts.no_resource |= self.no_resource;
        if self.reactive {
            // A clock that jumped back makes the later ones not matter any more.
            let recent = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age < LOOP.1);
            facts.renewed.retain(|at| recent(at.0));
            facts.renewed.push(At(now));
        }
    }
}

impl Shared {
    /// Tokens to send, from the vault or new ones.
    pub(super) async fn find(self: &Arc<Self>, rejected: Option<&TokenHash>) -> Answer {
        // Most often nothing has to be renewed, and so nobody has to be waited for: what is in
        // the vault is whole at any time.
        let (held, usable) = match self.look(rejected).await? {
            Step::Use(held) => return Ok(held),
            Step::Renew { held, usable } => (held, usable),
        };
        let lock = match self.lock(&held, usable).await {
            Ok(lock) => lock,
            Err(_) if usable => {
                self.hold(SOMEBODY_ELSE, None).await;
                return Ok(held);
            }
            Err(error) => return Err(error),
        };
        let answer = self.renew(rejected).await;
        let mut state = self.state();
        if state.unsaved {
            state.fence = Some(lock);
        }
        answer
    }

    async fn look(&self, rejected: Option<&TokenHash>) -> Result<Step, AuthError> {
        let held = match self.read().await {
            Ok(held) => held,
            Err(error) => {
                // A locked keychain ends nothing: what is in memory goes on.
                let held = self.state().held.clone().filter(|held| {
                    let good = Some(&held.hash) != rejected && !held.is_expired(self.now());
                    good && matches!(error, AuthError::Vault { .. })
                });
                return held.map(Step::Use).ok_or(error);
            }
        };
        let facts = self.facts(&held).await;
        self.judge(held, &facts, rejected)
    }

    fn judge(
        &self,
        held: Arc<Held>,
        facts: &GrantFacts,
        rejected: Option<&TokenHash>,
    ) -> Result<Step, AuthError> {
        let now = self.now();
        let refused = rejected == Some(&held.hash);
        if !refused && !held.is_due(now) {
            return Ok(Step::Use(held));
        }
        let usable = !refused && !held.is_expired(now);
        let own = self.state().dead.clone().filter(|(hash, _)| *hash == held.hash);
        let told = facts.rejected.as_ref().filter(|dead| dead.generation == held.grant.generation);
        if let Some(dead) = told.or(own.as_ref().map(|(_, dead)| dead)) {
            // Its renewal is over, and it works for as long as it lasts (hermes-agent#110720).
            return if usable { Ok(Step::Use(held)) } else { Err(self.no_longer(dead)) };
        }
        if !held.is_renewable() {
            // It is sent until a server refuses it, whatever our clock says.
            let why = "the server no longer accepts its sign-in, which cannot be renewed";
            return if refused { Err(self.config.needs_auth(why)) } else { Ok(Step::Use(held)) };
        }
        if refused && !held.is_expired(now) && recent(facts, now) >= LOOP.0 {
            let why = "the server refuses every token that is made for it; its sign-in was \
                       renewed several times within a minute";
            return Err(self.config.needs_auth(why));
        }
        Ok(Step::Renew { held, usable })
    }

    fn no_longer(&self, dead: &Rejected) -> AuthError {
        let (at, code) = (humantime::format_rfc3339_seconds(dead.at), &dead.code);
        let why = match code.as_str() {
            REPLY_LOST => format!("its sign-in was lost at {at}: twice no answer was saved"),
            "invalid_client" | "unauthorized_client" => format!(
                "the authorization server does not know this client any more since {at} ({code})"
            ),
            _ => format!("its sign-in is no longer accepted since {at} ({code})"),
        };
        self.config.needs_auth(&why)
    }

    /// The right to renew, for all processes. It ends with the process that has it, however that
    /// dies, and never because it is slow: a lease with an age once had two holders, and the
    /// session was gone (mcp-remote).
    async fn lock(&self, held: &Held, usable: bool) -> Result<FileLock, AuthError> {
        let fence = self.state().fence.take();
        if let Some(fence) = fence {
            return Ok(fence);
        }
        let unsaved = self.facts(held).await.unsaved;
        let patience = match (usable, unsaved) {
            (true, _) => Duration::ZERO,
            // Whoever has it keeps it until the store works again, or dies with it.
            (false, true) => Duration::from_secs(1).min(self.world.patience),
            (false, false) => self.world.patience,
        };
        let (grants, account) = (self.grants.clone(), self.config.account.clone());
        // Not on tokio's own threads: the process would wait for them at its end.
        let room = patience + Duration::from_secs(1);
        let wait = task::on_thread("token lock", room, move || grants.lock(&account, patience));
        let got = tokio::select! {
            got = wait => got,
            () = self.shutdown.begun() => return Err(self.transient("allmcp is going down", None)),
        };
        let failed = |detail: String| {
            self.transient(format!("its sign-in cannot be renewed: {detail}"), None)
        };
        match got {
            Ok(Ok(lock)) => Ok(lock),
            Ok(Err(LockError::Busy { .. })) if unsaved => Err(self.transient(
                "another process has renewed its sign-in and cannot save it; unlock the keychain \
                 or free some disk space",
                None,
            )),
            Ok(Err(LockError::Busy { .. })) => {
                Err(self.transient("another process is renewing its sign-in", None))
            }
            // Without the lock two could use one token up: that ends the session for all.
            Ok(Err(LockError::Io { path, source })) => {
                Err(failed(format!("{}: {source}", path.display())))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Under the lock.
    async fn renew(self: &Arc<Self>, rejected: Option<&TokenHash>) -> Answer {
        for _ in 0..2 {
            let (held, usable) = match self.look(rejected).await? {
                Step::Use(held) => return Ok(held),
                Step::Renew { held, usable } => (held, usable),
            };
            let Some(again) = self.declare(&held, usable).await? else { return Ok(held) };
            let sent = self.now();
            match self.ask(&held).await {
                Ok(renewed) => {
                    let reactive = rejected == Some(&held.hash) && !held.is_expired(sent);
                    let why = Why { reactive, no_resource: renewed.no_resource };
                    return self.keep(held.renewed(renewed, sent), why).await;
                }
                Err(Refused::Transient { detail, retry_after }) => {
                    let error = self.pause(&held, again, detail, retry_after).await;
                    return if usable { Ok(held) } else { Err(error) };
                }
                Err(Refused::Unclear { detail }) => {
                    // Nothing is given up for it, and it may well stay so: then only the user
                    // gets any further (deviation 36).
                    let name = &self.config.name;
                    let detail = format!("{detail}; if it stays so, run: allmcp reconnect {name}");
                    let error = self.pause(&held, again, detail, Some(LONGEST_PAUSE)).await;
                    return if usable { Ok(held) } else { Err(error) };
                }
                Err(Refused::Grant { .. }) if self.is_outdated(&held).await => {}
                Err(Refused::Grant { code }) => return self.bury(held, usable, code, false).await,
                Err(Refused::Client { code }) => return self.bury(held, usable, code, true).await,
            }
        }
        Err(self.transient("its sign-in changes faster than it can be renewed", None))
    }

    /// Writes down that the refresh token is about to be used up: whoever comes after a crash
    /// knows that its successor may exist. True when that happened before; `None` when it is
    /// better not to ask.
    async fn declare(&self, held: &Held, usable: bool) -> Result<Option<bool>, AuthError> {
        // What is unsaved has its fence, and the intent that stands is of the token in the vault.
        let unsaved = self.state().unsaved;
        let Some(token) = held.refresh_hash().filter(|_| !unsaved) else { return Ok(Some(false)) };
        let (generation, token_hash) = (held.grant.generation, token.text().to_owned());
        let facts = self.facts(held).await;
        let earlier = facts.intent.filter(|intent| intent.token_hash == token_hash);
        if earlier.as_ref().is_some_and(|intent| intent.again) {
            // Twice somebody died over it. Servers that detect reuse have ended the session by
            // now; those that forgive do so once.
            let at = self.now();
            let dead = Rejected { generation, code: REPLY_LOST.to_owned(), at };
            let error = self.no_longer(&dead);
            self.mark(held, dead, false).await;
            return if usable { Ok(None) } else { Err(error) };
        }
        let again = earlier.is_some();
        let intent = Intent { generation, token_hash, started: self.now(), again };
        let bound = held.bound.clone();
        let written = self.note(move |facts| {
            facts.for_place(&bound).intent = Some(intent);
            facts.unsaved = false;
        });
        let Err(error) = written.await else { return Ok(Some(again)) };
        if usable {
            return Ok(None);
        }
        // A full or read-only disk. The lock still keeps the others away for as long as we live,
        // so what the intent protects is a crash between the answer and the vault, and an answer
        // that cannot be saved. The first is a matter of milliseconds and costs no more than the
        // one try that the next holder would have anyway. The second is sure where the secrets
        // are on the same disk, and would lose the session with this process. So nothing is asked
        // whose answer cannot be kept: this call fails, the session stays.
        let probe = self.vault.probe().await;
        probe.map_err(|error| self.config.vault_error(error))?;
        let connection = &self.config.name;
        tracing::warn!(%connection, "a renewal of the sign-in could not be announced: {error}");
        Ok(Some(again))
    }

    async fn ask(&self, held: &Held) -> Result<Renewed, Refused> {
        let start = tokio::time::Instant::now();
        let work = async {
            match self.world.endpoint.renew(held).await {
                Err(Refused::Transient { retry_after: None, .. }) if start.elapsed() < QUICK => {
                    tokio::time::sleep(BEFORE_ANOTHER).await;
                    self.world.endpoint.renew(held).await
                }
                other => other,
            }
        };
        let late = || Refused::Transient {
            detail: "the authorization server did not answer in time".to_owned(),
            retry_after: None,
        };
        task::within(REQUEST, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// A failure that says nothing of the sign-in (hermes-agent#105372: 148 of 774 failures were
    /// a 5xx, and each cost a session): it stays, and is not tried for a while.
    async fn pause(
        &self,
        held: &Held,
        again: bool,
        detail: String,
        retry_after: Option<Duration>,
    ) -> AuthError {
        let (bound, unsaved) = (held.bound.clone(), self.state().unsaved);
        let undone = self.note(move |facts| {
            if unsaved {
                return;
            }
            // We saw how it ended, so it was no crash.
            let earlier = facts.for_place(&bound).intent.take();
            facts.intent = earlier.filter(|_| again).map(|i| Intent { again: false, ..i });
        });
        if let Err(error) = undone.await {
            tracing::warn!(connection = %self.config.name, "an intent was not taken back: {error}");
        }
        let failures = {
            let mut state = self.state();
            state.failures = state.failures.saturating_add(1);
            state.failures
        };
        let backoff = Duration::from_secs(1 << failures.saturating_sub(1).min(5));
        let wait = retry_after.unwrap_or(backoff).clamp(BEFORE_ANOTHER, LONGEST_PAUSE);
        let error =
            self.transient(format!("its sign-in could not be renewed: {detail}"), Some(wait));
        self.hold(wait, Some(error.clone())).await;
        error
    }

    /// Somebody without our lock, an older version or a restored backup, has put other tokens
    /// there: then the refusal was not meant for those.
    async fn is_outdated(&self, held: &Held) -> bool {
        self.read().await.is_ok_and(|stored| stored.refresh_hash() != held.refresh_hash())
    }

    /// The last word on a generation: told to all processes, and nothing is erased.
    async fn bury(&self, held: Arc<Held>, usable: bool, code: String, client: bool) -> Answer {
        let code = crate::text::line(&code, 64);
        let dead = Rejected { generation: held.grant.generation, code, at: self.now() };
        let error = self.no_longer(&dead);
        tracing::warn!(connection = %self.config.name, code = dead.code, "the sign-in was refused");
        self.mark(&held, dead, client).await;
        if usable { Ok(held) } else { Err(error) }
    }

    async fn mark(&self, held: &Held, dead: Rejected, client_forgotten: bool) {
        let unsaved = {
            let mut state = self.state();
            state.dead = Some((held.hash.clone(), dead.clone()));
            state.unsaved
        };
        let held = held.clone();
        let marked = self.note(move |facts| {
            held.tell(facts);
            facts.rejected = Some(dead);
            facts.intent = facts.intent.take().filter(|_| unsaved);
            facts.client_forgotten |= client_forgotten;
        });
        if let Err(error) = marked.await {
            tracing::warn!(connection = %self.config.name, "a refused sign-in was not marked: {error}");
        }
    }
}

/// How many renewals a refused token led to lately; a clock that jumped back counts none.
fn recent(facts: &GrantFacts, now: SystemTime) -> usize {
    let recent = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age < LOOP.1);
    facts.renewed.iter().filter(|at| recent(at.0)).count()
}
