//! New tokens on their way into the vault, at once or late.

use super::{Answer, Held, Shared, renew::Why};
use crate::auth::{AuthError, update_signed_in};
use std::{sync::Arc, time::Duration};

/// Between two tries to save what could not be saved.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// How saving ended, where the store works.
enum Saved {
    Yes,
    /// The item is gone or is for another place: the user is signed out, and stays so.
    SignedOut,
}

impl Shared {
    /// Stores `fresh` and reads it back before anybody uses it. Where that fails, memory has the
    /// only copy: it is used, and saved as soon as the store works again.
    pub(super) async fn keep(self: &Arc<Self>, fresh: Held, why: Why) -> Answer {
        let fresh = Arc::new(fresh);
        let late = {
            let mut state = self.state();
            state.held = Some(Arc::clone(&fresh));
            state.failures = 0;
            std::mem::replace(&mut state.unsaved, true)
        };
        match self.save(&fresh).await {
            Ok(Saved::Yes) => self.saved(&fresh, Some(why)).await,
            Ok(Saved::SignedOut) => {
                let mut state = self.state();
                (state.held, state.unsaved) = (None, false);
                return Err(self.config.needs_auth("it was signed out"));
            }
            Err(error) => {
                let connection = &self.config.name;
                tracing::error!(%connection, "new tokens are not saved, it is tried again: {error}");
                self.tell_unsaved(&fresh, why).await;
                if !late {
                    let shared = Arc::clone(self);
                    let work = async move { shared.save_later().await };
                    drop(self.shutdown.spawn_firm("save tokens", work));
                }
            }
        }
        Ok(fresh)
    }

    async fn save(&self, held: &Held) -> Result<Saved, AuthError> {
        let new = held.signed_in();
        let account = &self.config.account;
        let written = update_signed_in(&self.vault, account, &held.bound, |stored| *stored = new);
        let written = written.await.map_err(|error| self.config.vault_error(error))?;
        Ok(if written.is_some() { Saved::Yes } else { Saved::SignedOut })
    }

    /// From here on the vault is the truth again.
    async fn saved(&self, held: &Held, why: Option<Why>) {
        let (now, held) = (self.now(), held.clone());
        let told = self.note(move |facts| {
            held.tell(facts);
            (facts.intent, facts.unsaved) = (None, false);
            if let Some(why) = why {
                why.tell(facts, now);
            }
        });
        if let Err(error) = told.await {
            // The intent stays, and is of a token that the vault does not have any more.
            tracing::warn!(connection = %self.config.name, "a renewal was not written down: {error}");
        }
        let mut state = self.state();
        state.unsaved = false;
        state.fence = None;
    }

    /// The intent stays as well, so that nobody uses the old token when we die.
    async fn tell_unsaved(&self, held: &Held, why: Why) {
        let (now, bound) = (self.now(), held.bound.clone());
        let told = self.note(move |facts| {
            facts.for_place(&bound).unsaved = true;
            why.tell(facts, now);
        });
        // Most often the same full disk.
        let _untold = told.await;
    }

    async fn save_later(self: Arc<Self>) {
        let mut pause = FIRST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shutdown.begun() => {}
            }
            pause = (pause * 2).min(LONGEST);
            let _turn = self.turn.lock().await;
            let held = {
                let state = self.state();
                state.held.clone().filter(|_| state.unsaved)
            };
            let Some(held) = held else { return };
            match self.save(&held).await {
                Ok(Saved::Yes) => {
                    tracing::info!(connection = %self.config.name, "the new tokens are saved");
                    self.saved(&held, None).await;
                    return;
                }
                Ok(Saved::SignedOut) => {
                    let mut state = self.state();
                    (state.held, state.unsaved, state.fence) = (None, false, None);
                    return;
                }
                Err(error) if self.shutdown.is_begun() => {
                    let connection = &self.config.name;
                    tracing::error!(%connection, "the new tokens are lost with this process: {error}");
                    return;
                }
                Err(_) => {}
            }
        }
    }
}
