//! Questions that wait on a page, and approvals that were given and not used.

use super::{Decision, Key, Question};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Most questions on pages at a time, answered ones included.
const MAX_PAPERS: usize = 64;
/// Most approvals that wait for their call.
const MAX_GIVEN: usize = 256;

/// Everything that waits, of one process.
#[derive(Default)]
pub(super) struct Desk(Mutex<State>);

#[derive(Default)]
struct State {
    /// By the token of the link.
    papers: HashMap<String, Paper>,
    /// Good for one use until then.
    given: HashMap<Key, Instant>,
}

/// A question on a page.
struct Paper {
    question: Question,
    /// What its form carries: whoever answers has seen the page.
    form: String,
    ends: Instant,
    stand: Stand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Open,
    Approved,
    Refused,
    /// The call has come, or has been told.
    Over {
        approved: bool,
    },
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    Ask {
        question: Box<Question>,
        form: String,
    },
    /// The call may come now.
    Approved,
    Refused,
    /// The call has been made; it cannot be made again by this.
    Used,
    Expired,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every statement leaves both maps whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was answered for this deed: an approval is spent by it, and a refusal is told
    /// once, so that the user can be asked another time.
    pub(super) fn take(&self, key: &Key) -> Option<Decision> {
        let (now, mut state) = (Instant::now(), self.state());
        if state.given.remove(key).is_some_and(|ends| ends > now) {
            return Some(Decision::Approved);
        }
        let of_it = |paper: &&mut Paper| paper.question.key() == *key && paper.ends > now;
        let answered = |paper: &&mut Paper| matches!(paper.stand, Stand::Approved | Stand::Refused);
        let paper = state.papers.values_mut().filter(of_it).find(answered)?;
        let approved = paper.stand == Stand::Approved;
        paper.stand = Stand::Over { approved };
        Some(if approved { Decision::Approved } else { Decision::Refused })
    }

    /// One approval, to be used within `life`.
    pub(super) fn give(&self, key: Key, life: Duration) {
        let (now, mut state) = (Instant::now(), self.state());
        state.given.retain(|_, ends| *ends > now);
        if state.given.len() < MAX_GIVEN {
            state.given.insert(key, now + life);
        }
    }

    /// Puts a question on a page: its token and how long it is good. One that is there already
    /// keeps its page. `None`: too many wait.
    pub(super) fn open(&self, question: Question, life: Duration) -> Option<(String, Duration)> {
        let (now, mut state) = (Instant::now(), self.state());
        let key = question.key();
        let same = |paper: &Paper| {
            paper.stand == Stand::Open && paper.ends > now && paper.question.key() == key
        };
        if let Some((token, paper)) = state.papers.iter().find(|(_, paper)| same(paper)) {
            return Some((token.clone(), paper.ends - now));
        }
        // An old page says what became of it as long as there is room for that.
        if state.papers.len() >= MAX_PAPERS {
            let idle =
                |paper: &Paper| paper.ends <= now || matches!(paper.stand, Stand::Over { .. });
            let all = state.papers.iter().filter(|(_, paper)| idle(paper));
            let oldest = all.min_by_key(|(_, paper)| paper.ends).map(|(token, _)| token.clone());
            state.papers.remove(&oldest?);
        }
        let (token, form) = (random()?, random()?);
        let paper = Paper { question, form, ends: now + life, stand: Stand::Open };
        state.papers.insert(token.clone(), paper);
        Some((token, life))
    }

    /// What the page of this link shows; `None`: there is no such page.
    pub(super) fn look(&self, token: &str) -> Option<View> {
        Some(self.state().papers.get(token)?.view(Instant::now()))
    }

    /// The user has answered. What is answered, or has expired, stays as it is. An approval holds
    /// for `life` from now.
    pub(super) fn answer(&self, token: &str, yes: bool, life: Duration) -> Option<View> {
        let (now, mut state) = (Instant::now(), self.state());
        let paper = state.papers.get_mut(token)?;
        if paper.stand == Stand::Open && paper.ends > now {
            paper.stand = if yes { Stand::Approved } else { Stand::Refused };
            paper.ends = now + life;
        }
        Some(paper.view(now))
    }
}

impl Paper {
    fn view(&self, now: Instant) -> View {
        match self.stand {
            Stand::Over { approved: true } => View::Used,
            Stand::Refused | Stand::Over { approved: false } => View::Refused,
            Stand::Open | Stand::Approved if self.ends <= now => View::Expired,
            Stand::Open => {
                View::Ask { question: Box::new(self.question.clone()), form: self.form.clone() }
            }
            Stand::Approved => View::Approved,
        }
    }
}

/// 192 bits that nobody can guess; `None` where the system has no randomness to give.
fn random() -> Option<String> {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const LIFE: Duration = Duration::from_mins(10);

    fn question(arguments: &str) -> Question {
        let arguments = Bytes::copy_from_slice(arguments.as_bytes());
        Question::new("Call t of c?", "c", "t", &arguments)
    }

    #[tokio::test(start_paused = true)]
    async fn an_approval_is_used_once_and_by_its_own_call_only() {
        let desk = Desk::default();
        let (one, other) = (question(r#"{"a":1}"#), question(r#"{"a":2}"#));
        let (token, _) = desk.open(one.clone(), LIFE).unwrap();
        assert_eq!(desk.take(&one.key()), None, "nobody has answered yet");
        let Some(View::Ask { question, form }) = desk.look(&token) else { panic!("a question") };
        assert_eq!((*question, form.len()), (one.clone(), 32));
        assert_ne!(form, token);
        assert_eq!(desk.answer(&token, true, LIFE), Some(View::Approved));
        assert_eq!(desk.answer(&token, false, LIFE), Some(View::Approved), "the first one counts");
        assert_eq!(desk.take(&other.key()), None);
        assert_eq!(desk.take(&one.key()), Some(Decision::Approved));
        assert_eq!(desk.take(&one.key()), None);
        assert_eq!(desk.look(&token), Some(View::Used));
        assert_eq!(desk.look("x"), None);
        assert_eq!(desk.answer("x", true, LIFE), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_once() {
        let desk = Desk::default();
        let (token, _) = desk.open(question("{}"), LIFE).unwrap();
        assert_eq!(desk.answer(&token, false, LIFE), Some(View::Refused));
        assert_eq!(desk.take(&question("{}").key()), Some(Decision::Refused));
        assert_eq!(desk.take(&question("{}").key()), None);
        assert_eq!(desk.look(&token), Some(View::Refused));
        let (again, _) = desk.open(question("{}"), LIFE).unwrap();
        assert_ne!(again, token);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_and_an_approval_end_after_their_time() {
        let desk = Desk::default();
        let key = question("{}").key();
        let (token, _) = desk.open(question("{}"), LIFE).unwrap();
        let almost = Duration::from_secs(599);
        tokio::time::advance(almost).await;
        let same = desk.open(question("{}"), LIFE).unwrap();
        assert_eq!(same, (token.clone(), Duration::from_secs(1)), "one question, one page");
        assert_eq!(desk.answer(&token, true, LIFE), Some(View::Approved));
        tokio::time::advance(almost).await;
        assert_eq!(desk.look(&token), Some(View::Approved), "from the answer on");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(desk.take(&key), None);
        assert_eq!(desk.look(&token), Some(View::Expired));
        let (late, _) = desk.open(question("{}"), LIFE).unwrap();
        tokio::time::advance(LIFE).await;
        assert_eq!(desk.answer(&late, true, LIFE), Some(View::Expired));
        desk.give(key, LIFE);
        tokio::time::advance(LIFE).await;
        assert_eq!(desk.take(&key), None);
        desk.give(key, LIFE);
        assert_eq!(desk.take(&key), Some(Decision::Approved));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_end_of_neither_questions_nor_approvals() {
        let desk = Desk::default();
        let open = |n: usize| desk.open(question(&format!("[{n}]")), LIFE);
        let (first, _) = open(0).unwrap();
        for n in 1..MAX_PAPERS {
            assert!(open(n).is_some());
        }
        assert_eq!(open(MAX_PAPERS), None);
        desk.answer(&first, false, LIFE);
        assert_eq!(open(MAX_PAPERS), None, "an answer that nobody has heard stays");
        desk.take(&question("[0]").key());
        assert!(open(MAX_PAPERS).is_some());
        assert_eq!(desk.look(&first), None);
        for n in 0..2 * MAX_GIVEN {
            desk.give(question(&n.to_string()).key(), LIFE);
        }
        assert_eq!(desk.state().given.len(), MAX_GIVEN);
    }
}
