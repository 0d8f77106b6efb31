//! One request of a session with everything that may happen on the way: a session that is gone,
//! a credential that is rejected, a stream that breaks, a client that loses interest.

use super::{
    Inner, Reply, Transport,
    deadline::{Deadline, Pulse},
    failure::Failure,
    incoming::Router,
    legacy, modern,
    said::{passed_on, said},
    session::Session,
    streamable::{self, Answer, Resume},
};
use crate::{
    kind::Era,
    wire::{ClientLink, Id, Outcome, frame, meta, splice, splice::Edits},
};
use bytes::Bytes;
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Longest `Retry-After` that is waited for inside a call.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);
/// A connect that failed faster than this is tried once more.
const QUICK: Duration = Duration::from_millis(500);
/// How often a stream is taken up again while it makes headway.
const MAX_RESUMES: usize = 100;

/// A request as it is to be sent.
pub(super) struct Exchange<'a> {
    pub(super) method: &'static str,
    pub(super) params: &'a Bytes,
    pub(super) name: Option<&'a str>,
    /// May be sent twice: a list, or a tool that is read-only or idempotent.
    pub(super) replay_safe: bool,
    pub(super) link: Option<&'a Arc<dyn ClientLink>>,
    /// The last try came so far that something of it may have left; before that a session was
    /// asked for at most.
    pub(super) left: AtomicBool,
}

/// What was tried already; each remedy is used once.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "five remedies, each used or not")]
struct Tried {
    scope: bool,
    auth: bool,
    session: bool,
    era: bool,
    connect: bool,
    wait: bool,
}

impl Inner {
    /// Sends until it is answered. It is sent a second time only where it surely did not run the
    /// first time, or where it may run twice.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        exchange: &Exchange<'_>,
        deadline: &Deadline,
        pulse: &Pulse,
    ) -> Result<Reply, Failure> {
        let mut tried = Tried::default();
        loop {
            let failure = match self.once(exchange, deadline, pulse).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            match failure {
                Failure::Unauthorized { generation, challenge, .. } if !tried.auth => {
                    tried.auth = true;
                    self.renew(generation, challenge).await?;
                }
                // A sign-in elsewhere may have brought the scope; renewing would not
                // (claude-code#28258).
                Failure::Forbidden { generation, ref challenge, .. } => {
                    let scopes = challenge.as_ref().map(|it| it.scopes()).unwrap_or_default();
                    let credentials = &self.config.credentials;
                    if !tried.scope && Box::pin(credentials.newer(generation)).await {
                        tried.scope = true;
                        continue;
                    }
                    Box::pin(credentials.wants_scope(scopes)).await;
                    return Err(failure);
                }
                Failure::SessionGone { epoch } if !tried.session => {
                    tried.session = true;
                    self.lost(epoch);
                }
                Failure::Misunderstood { epoch, .. } if !tried.era && !self.era_is_certain() => {
                    tried.era = true;
                    self.lost(epoch);
                    self.track().era = None;
                }
                Failure::Misunderstood { refusal, .. } => {
                    if tried.era {
                        self.be_certain_of_era();
                    }
                    return Err(*refusal);
                }
                Failure::NotSent { timed_out: false, .. }
                    if !tried.connect && deadline.elapsed() < QUICK =>
                {
                    tried.connect = true;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Failure::Busy { retry_after: Some(wait), .. }
                    if !tried.wait
                        && exchange.replay_safe
                        && wait <= MAX_RETRY_AFTER
                        && wait < deadline.left() =>
                {
                    tried.wait = true;
                    tokio::time::sleep(wait).await;
                }
                other => return Err(other),
            }
        }
    }

    async fn once(
        self: &Arc<Self>,
        exchange: &Exchange<'_>,
        deadline: &Deadline,
        pulse: &Pulse,
    ) -> Result<Reply, Failure> {
        exchange.left.store(false, Ordering::Relaxed);
        let session = self.session(deadline).await?;
        let Transport { route, prepared } = self.transport(deadline).await?;
        exchange.left.store(true, Ordering::Relaxed);
        let id = self.next_id();
        let _progress = exchange
            .link
            .filter(|link| link.wants_progress())
            .map(|link| self.expect_progress(id, link, pulse));
        let body = body(exchange, &session, id);
        let headers = match session.era {
            Era::Legacy => Cow::Borrowed(&session.headers),
            Era::Modern => {
                Cow::Owned(modern::headers(session.version, exchange.method, exchange.name))
            }
        };
        let mut cancel = CancelGuard::new(self, &session, id);
        let epoch = session.epoch_if_held();
        let sent = streamable::post(&route, &prepared, &headers, epoch, body, deadline).await;
        let response = match sent {
            Ok(response) => response,
            Err(failure) => {
                cancel.armed &= matches!(failure, Failure::TimedOut { .. });
                if failure.doubts(session.era) {
                    let refusal = Box::new(failure);
                    return Err(Failure::Misunderstood { epoch: session.epoch, refusal });
                }
                return Err(failure);
            }
        };
        let router = Router { inner: Arc::clone(self), session: Arc::clone(&session) };
        let mut answer = streamable::answer(response, id, deadline, &router).await;
        let mut last: Option<Resume> = None;
        for _ in 0..MAX_RESUMES {
            let Err((Failure::Broken { .. }, Some(at))) = &answer else { break };
            if session.era != Era::Legacy || last.as_ref() == Some(at) {
                break;
            }
            tokio::time::sleep(at.wait.min(deadline.left())).await;
            let last_id = Some(&*at.last_id);
            let resumed =
                Box::pin(streamable::get(&route, &prepared, &headers, epoch, last_id, deadline))
                    .await;
            last = Some(at.clone());
            match resumed {
                Ok(response) => {
                    answer = Box::pin(streamable::events(response, id, deadline, &router)).await;
                    if let Err((Failure::Broken { .. }, at @ None)) = &mut answer {
                        // A stream that broke again before its first id is taken up once more
                        // from the same place only if it made headway, which it did not.
                        at.clone_from(&last);
                    }
                }
                Err(_) => break,
            }
        }
        cancel.armed &= matches!(answer, Err((Failure::TimedOut { .. }, _)));
        let era = session.era;
        match answer.map_err(|(failure, _)| failure)? {
            Answer::Result(result) => Ok(Reply { outcome: outcome(result, era)?, era }),
            Answer::Error(error) => {
                let detail = said(&error.message(), 200);
                Err(Failure::Status { status: 200, detail, error: Some(passed_on(error)) })
            }
        }
    }
}

/// The request's bytes: the `_meta` of the last hop goes, ours comes in, nothing else changes.
fn body(exchange: &Exchange<'_>, session: &Session, id: u64) -> Bytes {
    let mut own = match session.era {
        Era::Legacy => Vec::new(),
        Era::Modern => modern::own_meta(session.version),
    };
    if exchange.link.is_some_and(|link| link.wants_progress()) {
        own.push((meta::PROGRESS_TOKEN, Bytes::from(id.to_string())));
    }
    let mut edits = Edits::new();
    meta::hop(&mut edits, exchange.params, &own);
    let params = edits.apply(exchange.params);
    frame::request(&Id::number(id), exchange.method, Some(&params))
}

/// Tells a final result from one that asks for input first; only modern results have the key.
fn outcome(result: Bytes, era: Era) -> Result<Outcome, Failure> {
    if era == Era::Legacy {
        return Ok(Outcome::Complete(result));
    }
    match splice::get_str(&result, "resultType").as_deref() {
        None | Some("complete") => Ok(Outcome::Complete(result)),
        Some("input_required") => Ok(Outcome::InputRequired(result)),
        Some("task") => Ok(Outcome::Task(result)),
        Some(other) => Err(Failure::NotMcp {
            detail: format!("its answer is of the unknown type {:?}", said(other, 40)),
        }),
    }
}

/// Tells a legacy server that nobody waits any more, when the call is dropped or ran out of
/// time. A modern server sees it by the closed stream (SEP-2575).
struct CancelGuard {
    inner: Arc<Inner>,
    session: Arc<Session>,
    id: u64,
    armed: bool,
}

impl CancelGuard {
    fn new(inner: &Arc<Inner>, session: &Arc<Session>, id: u64) -> Self {
        let armed = session.era == Era::Legacy;
        Self { inner: Arc::clone(inner), session: Arc::clone(session), id, armed }
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (inner, session) = (Arc::clone(&self.inner), Arc::clone(&self.session));
        let params = legacy::cancelled_params(self.id);
        crate::task::brief("cancel upstream", Duration::from_secs(2), async move {
            let body = frame::notification("notifications/cancelled", Some(&params));
            let _untold = inner.tell_server(&session, body).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modern_results_are_looked_into() {
        let asks = Bytes::from_static(br#"{"resultType":"input_required","requestState":"x"}"#);
        assert_eq!(
            outcome(asks.clone(), Era::Modern).unwrap(),
            Outcome::InputRequired(asks.clone())
        );
        assert_eq!(outcome(asks.clone(), Era::Legacy).unwrap(), Outcome::Complete(asks));
        assert!(outcome(Bytes::from_static(br#"{"resultType":"novel"}"#), Era::Modern).is_err());
    }
}
