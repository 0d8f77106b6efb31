//! One request of a session with everything that may happen on the way: a session that is gone,
//! a credential that is rejected, a stream that breaks, a client that loses interest.

use super::{
    Inner, Reply, ToolFacts, Transport,
    asks::Talk,
    caps::Said,
    deadline::{Deadline, Pulse},
    failure::Failure,
    incoming::Router,
    legacy, modern, param_headers,
    said::{passed_on, said},
    session::Session,
    streamable::{self, Answer, Resume},
};
use crate::{
    kind::Era,
    wire::{
        ClientLink, Id, Outcome, RpcError,
        error::{HEADER_MISMATCH, INVALID_PARAMS},
        frame, meta, splice,
        splice::Edits,
    },
};
use bytes::Bytes;
use http::HeaderMap;
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
    pub(super) tool: Option<&'a ToolFacts>,
    pub(super) later_round: bool,
    /// The progress token of somebody who hears of it already; `None`: that of the request.
    pub(super) token: Option<u64>,
    /// The last try came so far that something of it may have left; before that a session was
    /// asked for at most.
    pub(super) left: AtomicBool,
}

impl<'a> Exchange<'a> {
    /// A request of our own, that may be sent twice and concerns no client.
    pub(super) fn own(method: &'static str, params: &'a Bytes) -> Self {
        Self {
            method,
            params,
            name: None,
            replay_safe: true,
            link: None,
            tool: None,
            later_round: false,
            token: None,
            left: AtomicBool::new(false),
        }
    }
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
        let said = self.said(exchange.link);
        let session = self.session_for(exchange.link.map(|_| &said.caps), deadline).await?;
        let Transport { route, prepared } = self.transport(deadline).await?;
        exchange.left.store(true, Ordering::Relaxed);
        let id = self.next_id();
        let _progress = exchange
            .link
            .filter(|link| exchange.token.is_none() && link.wants_progress())
            .map(|link| self.expect_progress(id, link, pulse));
        let talk = exchange
            .link
            .filter(|_| session.era == Era::Legacy)
            .map(|link| Talk::begin(&session, id, link, &said, pulse));
        if session.era == Era::Legacy && exchange.later_round {
            return Err(later_round());
        }
        let body = body(exchange, &session, &said, id);
        let headers = headers(exchange, &session);
        let mut cancel = CancelGuard::new(self, &session, id);
        let epoch = session.epoch_if_held();
        let sent = streamable::post(&route, &prepared, &headers, epoch, body, deadline).await;
        let response = match sent {
            Ok(response) => response,
            Err(failure) => {
                cancel.armed &= matches!(failure, Failure::TimedOut { .. });
                return Err(self.refused(exchange, &session, failure));
            }
        };
        let router = Router {
            inner: self,
            session: &session,
            link: exchange.link,
            talk: talk.as_ref().map(|talk| &talk.talk),
        };
        let mut answer = streamable::answer(response, id, deadline, &router).await;
        let mut last: Option<Resume> = None;
        for _ in 0..MAX_RESUMES {
            let Err((Failure::Broken { .. }, Some(at))) = &answer else { break };
            if session.era != Era::Legacy || last.as_ref() == Some(at) {
                break;
            }
            let at = at.clone();
            last = Some(at.clone());
            let again = async {
                tokio::time::sleep(at.wait.min(deadline.left())).await;
                let last_id = Some(&*at.last_id);
                let resumed =
                    streamable::get(&route, &prepared, &headers, epoch, last_id, deadline);
                let response = resumed.await.ok()?;
                Some(streamable::events(response, id, deadline, &router).await)
            };
            let stray = deadline.run(session.strays.take(id));
            let resumed = tokio::select! {
                Ok(stray) = stray => Some(Ok(stray)),
                resumed = Box::pin(again) => resumed,
            };
            let Some(resumed) = resumed else { break };
            answer = resumed;
            if let Err((Failure::Broken { .. }, at @ None)) = &mut answer {
                // A stream that broke again before its first id is taken up once more from the
                // same place only if it made headway, which it did not.
                at.clone_from(&last);
            }
        }
        cancel.armed &= matches!(answer, Err((Failure::TimedOut { .. }, _)));
        let era = session.era;
        match answer.map_err(|(failure, _)| failure)? {
            Answer::Result(result) => {
                Ok(Reply { outcome: outcome(result, era, said.caps.tasks())?, era })
            }
            Answer::Error(error) => {
                let detail = self::said(&error.message(), 200);
                let failure =
                    Failure::Status { status: 200, detail, error: Some(passed_on(error)) };
                Err(self.refused(exchange, &session, failure))
            }
        }
    }

    /// What a refusal means: it may speak of our hop, or of the server's era.
    fn refused(
        self: &Arc<Self>,
        exchange: &Exchange<'_>,
        session: &Session,
        failure: Failure,
    ) -> Failure {
        let Failure::Status { error, .. } = &failure else { return failure };
        let mismatch = error.as_ref().is_some_and(|error| error.code == HEADER_MISMATCH);
        let doubts = failure.doubts(session.era);
        let mut failure = failure.for_others();
        if mismatch && session.era == Era::Modern && exchange.tool.is_some() {
            // The arguments that travel as headers follow the definition of the tool, and that
            // has changed (SEP-2243).
            self.heard_change();
            if let Failure::Status { detail, .. } = &mut failure {
                detail.push_str("; its definition of the tool has changed, and is fetched anew");
            }
        }
        if doubts {
            let refusal = Box::new(failure);
            return Failure::Misunderstood { epoch: session.epoch, refusal };
        }
        failure
    }
}

/// The server that asked speaks an older revision by now: it would take it for a new call.
fn later_round() -> Failure {
    let text = "the server that asked for this input speaks an older revision by now, and knows \
                nothing of it; call again from the beginning";
    let error = RpcError::new(INVALID_PARAMS, text);
    Failure::Status { status: 400, detail: text.to_owned(), error: Some(error) }
}

/// The headers of this hop.
fn headers<'s>(exchange: &Exchange<'_>, session: &'s Session) -> Cow<'s, HeaderMap> {
    if session.era == Era::Legacy {
        return Cow::Borrowed(&session.headers);
    }
    let mut headers = modern::headers(session.version, exchange.method, exchange.name);
    if let Some(schema) = exchange.tool.and_then(|tool| tool.input_schema.as_ref()) {
        param_headers::set(&mut headers, schema, exchange.params);
    }
    Cow::Owned(headers)
}

/// The request's bytes: the `_meta` of the last hop goes, ours comes in, nothing else changes.
fn body(exchange: &Exchange<'_>, session: &Session, said: &Said, id: u64) -> Bytes {
    let mut own = match session.era {
        Era::Legacy => Vec::new(),
        Era::Modern => modern::own_meta(session.version, &said.modern),
    };
    if let Some(link) = exchange.link {
        if let Some(level) = link.log_level().filter(|_| session.era == Era::Modern) {
            own.push((meta::LOG_LEVEL, Bytes::from(splice::quote(level.word()))));
        }
        if link.wants_progress() {
            let token = exchange.token.unwrap_or(id);
            own.push((meta::PROGRESS_TOKEN, Bytes::from(token.to_string())));
        }
    }
    let mut edits = Edits::new();
    meta::hop(&mut edits, exchange.params, &own);
    let params = edits.apply(exchange.params);
    frame::request(&Id::number(id), exchange.method, Some(&params))
}

/// Tells a final result from one that asks for input first; only modern results have the key.
/// `tasks`: the request said that a task may come instead (SEP-2663).
fn outcome(result: Bytes, era: Era, tasks: bool) -> Result<Outcome, Failure> {
    if era == Era::Legacy {
        return Ok(Outcome::Complete(result));
    }
    match splice::get_str(&result, "resultType").as_deref() {
        None | Some("complete") => Ok(Outcome::Complete(result)),
        Some("input_required") => Ok(Outcome::InputRequired(result)),
        Some("task") if tasks => Ok(Outcome::Task(result)),
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
            outcome(asks.clone(), Era::Modern, false).unwrap(),
            Outcome::InputRequired(asks.clone())
        );
        assert_eq!(outcome(asks.clone(), Era::Legacy, true).unwrap(), Outcome::Complete(asks));
        let novel = Bytes::from_static(br#"{"resultType":"novel"}"#);
        assert!(outcome(novel, Era::Modern, true).is_err());
        let task = Bytes::from_static(br#"{"resultType":"task"}"#);
        assert_eq!(outcome(task.clone(), Era::Modern, true).unwrap(), Outcome::Task(task.clone()));
        assert!(outcome(task, Era::Modern, false).is_err(), "nobody said that one may come");
    }
}
