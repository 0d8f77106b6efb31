//! Calls that wait for a client of 2026-07-28 to come back with answers (SEP-2322).
//!
//! Such a client cannot be asked: its request is answered with the questions, and it sends the
//! request again with the answers. An upstream of the older revisions asks in the middle of a
//! call, so the call goes on in a task of its own meanwhile and is never sent twice. All of it is
//! memory of this process.

mod question;

use self::question::Question;
use super::{
    asks::{self, Answer},
    conversation::Conversation,
    link::{Link, Said},
    modern,
};
use crate::{
    hub::{Answered, CallError},
    wire::{Answering, Ask, RpcError, error, splice},
};
use bytes::Bytes;
use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
    time::Instant,
};

/// How long a client has to come back.
const TTL: Duration = Duration::from_mins(10);

/// Questions that come this close together are put as one.
const WINDOW: Duration = Duration::from_millis(30);

/// How long a call goes on whose client did not come back, for its upstream to hear of that.
const GRACE: Duration = Duration::from_secs(1);

/// Most open questions of one call.
const MAX_ASKS: usize = 32;

pub(super) type Outcome = Result<Answered, CallError>;

/// A call whose client is asked.
pub(super) struct Parked {
    number: u64,
    /// Digest of what a retry has to repeat.
    request: [u8; 32],
    link: Weak<Link>,
    state: Mutex<State>,
    /// For the request that waits.
    news: Notify,
    /// For the task that runs the call: its time has changed.
    moved: Notify,
}

#[derive(Default)]
struct State {
    /// How often the client was asked.
    round: u64,
    /// A request of the client waits for what comes next.
    attended: bool,
    open: Vec<Question>,
    keys: u64,
    outcome: Option<Outcome>,
    /// The call ended without an outcome.
    lost: bool,
    /// Only while it is not attended.
    ends: Option<Instant>,
    /// Its questions have been given up.
    given_up: bool,
    task: Option<AbortHandle>,
    again: Option<Again>,
}

#[derive(Clone, Copy)]
struct Again {
    /// The user does not want to.
    declined: bool,
}

/// What a request that waits is told.
pub(super) enum Next {
    Done(Box<Outcome>),
    /// The result that asks the client.
    Ask(Bytes),
    /// The client has done what the call needed before it could run.
    Again {
        declined: bool,
    },
    Lost,
}

impl State {
    fn add(&mut self, ask: Ask, answer: Option<oneshot::Sender<Answer>>) -> String {
        self.keys += 1;
        let key = format!("ask-{}", self.keys);
        self.open.push(Question::new(key.clone(), ask, answer));
        key
    }

    fn is_over(&self, now: Instant) -> bool {
        let runs = self.again.is_none() && self.outcome.is_none() && !self.lost;
        !runs && !self.attended && self.ends.is_some_and(|ends| ends <= now)
    }

    fn give_up(&mut self) {
        self.given_up = true;
        for question in self.open.drain(..) {
            if let Some(answer) = question.answer {
                let _taken_back = answer.send(asks::gone(&question.ask.method));
            }
        }
        if !self.attended {
            self.ends = Some(Instant::now() + GRACE);
        }
    }
}

/// What a state is answered with under which nobody may come back.
pub(super) fn unknown() -> RpcError {
    let why = "the requestState is not one of a call that waits here for this request: it is \
               unknown, was used before or has expired. The call is not sent again";
    RpcError::new(error::INVALID_PARAMS, why)
}

impl Parked {
    /// A request waits for it from the start.
    pub(super) fn new(number: u64, request: [u8; 32], link: Weak<Link>) -> Self {
        let state = Mutex::new(State { attended: true, ..State::default() });
        Self { number, request, link, state, news: Notify::new(), moved: Notify::new() }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// These questions come first; after their answers the call is sent again.
    pub(super) fn needs(&self, questions: Vec<Ask>) {
        let mut state = self.state();
        state.again = Some(Again { declined: false });
        for ask in questions.into_iter().take(MAX_ASKS) {
            state.add(ask, None);
        }
    }

    /// Nobody came back, and nothing runs.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.state().is_over(now)
    }

    /// Another request speaks for the call.
    pub(super) fn speak(&self, said: Said) {
        if let Some(link) = self.link.upgrade() {
            link.speak(said);
        }
    }

    /// Nobody will come back.
    pub(super) fn give_up(&self) {
        self.state().give_up();
        self.news.notify_one();
        self.moved.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a question that the client hears of with its next answer.
    pub(super) fn ask(self: &Arc<Self>, ask: Ask) -> Answering {
        let method = ask.method.clone();
        let (send, receive) = oneshot::channel();
        let key = {
            let mut state = self.state();
            if state.given_up || state.open.len() >= MAX_ASKS {
                return Box::pin(std::future::ready(asks::gone(&method)));
            }
            state.add(ask, Some(send))
        };
        self.news.notify_one();
        let asked = Asked { parked: Arc::clone(self), key };
        Box::pin(async move {
            let _asked = asked;
            receive.await.unwrap_or_else(|_| asks::gone(&method))
        })
    }

    /// Runs the call to its end, whether or not a request waits for it.
    pub(super) fn run<F>(self: &Arc<Self>, talk: &Conversation, mut call: F)
    where
        F: Future<Output = Outcome> + Send + Unpin + 'static,
    {
        let running = Running { talk: talk.clone(), parked: Arc::clone(self) };
        let spawned = talk.shutdown.spawn("parked call", async move {
            let Running { talk, parked } = &running;
            loop {
                let ends = parked.state().ends;
                let late = async {
                    match ends {
                        Some(ends) => tokio::time::sleep_until(ends).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    outcome = &mut call => {
                        parked.state().outcome = Some(outcome);
                        return;
                    }
                    () = late => if parked.is_too_late() {
                        talk.parking.forget(parked);
                        return;
                    },
                    () = parked.moved.notified() => {}
                }
            }
        });
        self.state().task = Some(spawned.abort_handle());
    }

    /// The time to come back is over. First the upstream hears of it, then the call is dropped.
    fn is_too_late(&self) -> bool {
        let mut state = self.state();
        if state.attended {
            return false;
        }
        if state.given_up {
            return true;
        }
        state.give_up();
        false
    }

    /// Takes the answers of round `round` from the parameters of a retry.
    pub(super) fn answer(&self, round: u64, params: &Bytes) -> Result<(), RpcError> {
        let given = splice::get(params, "inputResponses").filter(|given| given != "null");
        let given = given.unwrap_or_else(|| Bytes::from_static(b"{}"));
        if given.first() != Some(&b'{') {
            let why = "\"inputResponses\" is not an object";
            return Err(RpcError::new(error::INVALID_PARAMS, why));
        }
        let mut state = self.state();
        if state.attended || state.round != round {
            return Err(unknown());
        }
        for question @ Question { key, ask, .. } in &state.open {
            // What is not asked, or not any more, is passed over (SEP-2322, error handling).
            if let Some(response) = splice::get(&given, key)
                && !question.is_answered_by(&response)
            {
                let why = format!("the response {key} is not a result of {}", ask.method);
                return Err(RpcError::new(error::INVALID_PARAMS, &why));
            }
        }
        state.attended = true;
        state.ends = None;
        let mut left = Vec::new();
        for question in std::mem::take(&mut state.open) {
            let Some(response) = splice::get(&given, &question.key) else {
                left.push(question);
                continue;
            };
            if let Some(again) = &mut state.again {
                let action = splice::get_str(&response, "action");
                again.declined |= action.as_deref() != Some("accept");
            }
            if let Some(answer) = question.answer {
                let _taken_back = answer.send(Ok(response));
            }
        }
        state.open = left;
        drop(state);
        self.moved.notify_one();
        Ok(())
    }

    /// True for a call that goes on whoever waits for it.
    pub(super) fn runs(&self) -> bool {
        self.state().task.is_some()
    }

    /// A request waits for the call.
    pub(super) fn attended(self: &Arc<Self>, talk: &Conversation) -> Attending {
        Attending { talk: talk.clone(), parked: Arc::clone(self), over: false }
    }

    /// The result that asks the client; from here on nobody waits for the call.
    fn leave(&self, talk: &Conversation) -> Option<Bytes> {
        let mut state = self.state();
        if state.outcome.is_some() || state.lost || state.open.is_empty() {
            return None;
        }
        let ends = Instant::now() + TTL;
        let round = state.round + 1;
        let signed = talk.parking.sign(self.number, round, ends, &self.request);
        let Some(signed) = signed else {
            state.give_up();
            return None;
        };
        state.round = round;
        state.attended = false;
        state.ends = Some(ends);
        let mut out = String::from("{\"resultType\":\"input_required\",\"inputRequests\":{");
        for (i, Question { key, ask, .. }) in state.open.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let method = splice::quote(&ask.method);
            let _ = write!(out, "{comma}\"{key}\":{{\"method\":{method}");
            if splice::members(&ask.params).next().is_some() {
                let _ = write!(out, ",\"params\":{}", String::from_utf8_lossy(&ask.params));
            }
            out.push('}');
        }
        drop(state);
        let signed = splice::quote(&signed);
        let _ = write!(out, "}},\"requestState\":{signed},{}}}", modern::own_meta(&talk.hub));
        if let Some(link) = self.link.upgrade() {
            link.hush();
        }
        self.moved.notify_one();
        Some(out.into())
    }
}

/// A question that has no answer yet.
struct Asked {
    parked: Arc<Parked>,
    key: String,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.parked.state().open.retain(|question| question.key != self.key);
        self.parked.news.notify_one();
    }
}

/// A request waits. Dropping it drops the call.
pub(super) struct Attending {
    talk: Conversation,
    parked: Arc<Parked>,
    /// The client is asked to come back.
    over: bool,
}

impl Attending {
    /// What the client is to be told next.
    pub(super) async fn next(mut self) -> Next {
        loop {
            let asking = {
                let mut state = self.parked.state();
                if let Some(outcome) = state.outcome.take() {
                    return Next::Done(Box::new(outcome));
                }
                if state.lost || state.again.is_some() && state.given_up {
                    return Next::Lost;
                }
                match state.again {
                    Some(Again { declined }) if state.open.is_empty() => {
                        return Next::Again { declined };
                    }
                    Some(_) => Some(Duration::ZERO),
                    None if state.open.is_empty() => None,
                    None => Some(WINDOW),
                }
            };
            match asking {
                None => self.parked.news.notified().await,
                Some(window) => {
                    if !window.is_zero() {
                        tokio::time::sleep(window).await;
                    }
                    if let Some(result) = self.parked.leave(&self.talk) {
                        self.over = true;
                        return Next::Ask(result);
                    }
                }
            }
        }
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // It has its end, or the client cancelled the request.
        self.talk.parking.forget(&self.parked);
        let running = self.parked.state().task.take();
        if let Some(task) = running {
            task.abort();
        }
    }
}

/// The call, inside its task.
struct Running {
    talk: Conversation,
    parked: Arc<Parked>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.parked.state();
        state.lost = state.outcome.is_none();
        drop(state);
        self.parked.news.notify_one();
    }
}
