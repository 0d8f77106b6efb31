//! What goes on behind one link: a form, a sign-in elsewhere, work, and the end.

use crate::page::{Form, Sent};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// So many forms back a browser may stand and still be taken on to where things are now.
const MAX_PAST: usize = 16;

/// Where it stands.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Working,
    /// The user has something to fill in.
    Asking(Arc<Form>),
    /// The authorization server's page.
    At(String),
    /// Another process asks, nobody knows where.
    Elsewhere,
    Over(End),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The connection of this name is there.
    Connected(String),
    /// It is gone, as the user wanted.
    Disconnected(String),
    /// The user would rather not.
    Cancelled,
    /// Nobody answered.
    Expired,
    /// Why, for people; empty where others tell it.
    Failed(String),
}

/// One run of a link.
#[derive(Debug)]
pub(super) struct Flow {
    stage: watch::Sender<Stage>,
    waiting: Mutex<Waiting>,
    /// The last page was shown.
    seen: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Waiting {
    answer: Option<oneshot::Sender<Sent>>,
    /// The tokens of forms that were answered.
    past: Vec<String>,
}

/// What became of a form that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// It was sent before; where things are now is shown instead.
    Before,
    /// It is none of ours.
    No,
}

impl Flow {
    pub(super) fn new() -> Arc<Self> {
        let (stage, seen) = (watch::Sender::new(Stage::Working), watch::Sender::new(false));
        Arc::new(Self { stage, waiting: Mutex::default(), seen })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Every statement leaves it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Whoever is there gets the last page now.
    pub(super) fn is_seen(&self) {
        self.seen.send_replace(true);
    }

    /// Ends when somebody has got the last page.
    pub(super) async fn seen(&self) {
        let mut seen = self.seen.subscribe();
        let _seen = seen.wait_for(|seen| *seen).await;
    }

    pub(super) fn to(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Shows a form and waits for its answer.
    pub(super) async fn ask(&self, mut form: Form) -> Option<Sent> {
        let (send, receive) = oneshot::channel();
        form.token = crate::auth::random_token();
        self.waiting().answer = Some(send);
        self.to(Stage::Asking(Arc::new(form)));
        receive.await.ok()
    }

    /// Takes a form that a browser sent.
    pub(super) fn take(&self, sent: Sent) -> Taken {
        let Stage::Asking(form) = self.stage() else { return self.before(&sent) };
        let mut waiting = self.waiting();
        if !sent.carries(&form.token) {
            drop(waiting);
            return self.before(&sent);
        }
        let Some(answer) = waiting.answer.take() else { return Taken::Before };
        if waiting.past.len() >= MAX_PAST {
            waiting.past.remove(0);
        }
        waiting.past.push(form.token.clone());
        drop(waiting);
        // Before it is answered: whoever is redirected must not find the form again.
        self.to(Stage::Working);
        let _gone = answer.send(sent);
        Taken::Yes
    }

    fn before(&self, sent: &Sent) -> Taken {
        let known = self.waiting().past.iter().any(|token| sent.carries(token));
        if known { Taken::Before } else { Taken::No }
    }
}
