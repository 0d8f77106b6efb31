//! Requests that an upstream answers, from the client's words to the answer in its era.

use super::{
    answer,
    batch::Outlet,
    capabilities::{self, SKILLS, TASKS},
    conversation::{Conversation, line},
    legacy,
    link::{Link, Said},
    lists, modern,
    parked::{Attending, Next, Outcome},
    state,
};
use crate::{
    hub::{CallError, ErrorKind, Forward, List, Request},
    kind::Era,
    wire::{
        Ask, Frame, Id, RpcError, error,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use std::{future::Future, sync::Arc};

/// What an answer's line has besides the result and the id, and some room.
const ENVELOPE: u64 = 64;

/// Which request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    Tool,
    Forward(Forward),
}

impl Go {
    fn method(self) -> &'static str {
        match self {
            Self::Tool => "tools/call",
            Self::Forward(forward) => forward.method(),
        }
    }

    /// It may be answered with questions (SEP-2322).
    fn may_ask(self) -> bool {
        match self {
            Self::Tool => true,
            Self::Forward(forward) => forward.may_ask(),
        }
    }

    /// What a model can act on: a result of a tool, an error for all others.
    fn says(self, text: &str) -> Result<Bytes, RpcError> {
        match self {
            Self::Tool => Ok(answer::says(text, None)),
            Self::Forward(_) => Err(RpcError::new(error::INTERNAL, text)),
        }
    }

    fn failure(self, talk: &Conversation, failed: CallError, era: Era) -> Result<Bytes, RpcError> {
        let plain = talk.hub.plan().plain;
        match self {
            Self::Tool => answer::failure(failed, plain),
            Self::Forward(_) => Err(answer::refusal(failed, plain, era)),
        }
    }
}

/// Answers a request of those that both eras have, or starts to.
pub(super) async fn dispatch(talk: &Conversation, frame: Frame, id: Id, outlet: Outlet, era: Era) {
    let method = frame.method.as_deref().unwrap_or_default();
    if method == "tools/call" {
        return start(talk, frame, id, outlet, era, Go::Tool).await;
    }
    // Lists are given also where nothing of the kind is offered (any more): a client may have
    // been told otherwise when nobody knew yet, and an empty list is true. Extensions have no
    // such past.
    let extends = |id| capabilities::extends(&talk.hub.offer(), id);
    if let Some(list) = List::of(method)
        && (list != List::Skills || extends(SKILLS))
    {
        return lists::answer(talk, list, &frame, id, outlet, era).await;
    }
    let offered = |forward: &Forward| match forward {
        Forward::Prompt | Forward::Read | Forward::Complete => true,
        // Not those of 2025-11-25, which share the names of their methods.
        Forward::TaskGet | Forward::TaskUpdate | Forward::TaskCancel => {
            era == Era::Modern && extends(TASKS)
        }
        Forward::Skill | Forward::Directory => extends(SKILLS),
    };
    if let Some(forward) = Forward::of(method).filter(offered) {
        return start(talk, frame, id, outlet, era, Go::Forward(forward)).await;
    }
    let error = method_not_found(method);
    talk.answer(&id, outlet, Err(error)).await;
}

fn method_not_found(method: &str) -> RpcError {
    let method = crate::text::line(method, 80);
    RpcError::new(error::METHOD_NOT_FOUND, &format!("method not found: {method}"))
}

/// Starts work on one of them.
async fn start(talk: &Conversation, frame: Frame, id: Id, outlet: Outlet, era: Era, go: Go) {
    let params = frame.params.unwrap_or_else(|| Bytes::from_static(b"{}"));
    match (era, go) {
        (Era::Legacy, Go::Tool) => {
            older(talk, params, id, outlet, go, |request| talk.hub.call(request));
        }
        (Era::Legacy, Go::Forward(forward)) => {
            older(talk, params, id, outlet, go, |request| talk.hub.forward(forward, request));
        }
        (Era::Modern, Go::Tool) => {
            let hub = talk.hub.clone();
            newer(talk, params, id, outlet, go, move |request| hub.call(request)).await;
        }
        (Era::Modern, Go::Forward(forward)) => {
            let hub = talk.hub.clone();
            let make = move |request| hub.forward(forward, request);
            newer(talk, params, id, outlet, go, make).await;
        }
    }
}

fn request(talk: &Conversation, params: Bytes, id: &Id, link: &Arc<Link>) -> Request {
    let client = talk.client.load();
    let limit = talk.hub.plan().max_result.unwrap_or_else(|| client.max_result());
    Request {
        params,
        client: client.name.clone(),
        limit: limit.saturating_sub(id.json().len() as u64 + ENVELOPE),
        link: Some(Arc::<Link>::clone(link) as _),
    }
}

/// For the revisions with `initialize`: questions are requests of our own, so the request just
/// waits for its end.
fn older<F>(
    talk: &Conversation,
    params: Bytes,
    id: Id,
    outlet: Outlet,
    go: Go,
    make: impl FnOnce(Request) -> F,
) where
    F: Future<Output = Outcome> + Send + 'static,
{
    let link = Link::legacy(talk, Said::by(&params, Era::Legacy));
    let call = make(request(talk, params, &id, &link));
    let open = Open(link);
    talk.flights.start(go.method(), &id.clone(), outlet, async move {
        let outcome = call.await;
        let link = &open.0;
        // Nothing is reported of a request that has ended.
        link.hush();
        if outcome.is_ok() {
            link.ended_well().await;
        }
        line(&id, told_older(&link.talk, go, outcome))
    });
}

fn told_older(talk: &Conversation, go: Go, outcome: Outcome) -> Result<Bytes, RpcError> {
    let failed = match outcome {
        Ok(answered) => {
            return legacy::result(answered, go).or_else(|why| go.says(why));
        }
        Err(failed) => failed,
    };
    let Some(rpc) = wants_link(&failed) else { return go.failure(talk, failed, Era::Legacy) };
    let settled = talk.settled();
    // The error is of 2025-11-25.
    let knows = settled.revision.is_some_and(|revision| revision.date >= "2025-11-25");
    if !knows || !capabilities::opens_urls(&settled.capabilities) {
        return go.says(&answer::url_required(rpc));
    }
    for one in links(rpc) {
        if let Some(id) = splice::get_str(&one, "elicitationId") {
            talk.asks.sent_to(&id);
        }
    }
    Err(rpc.clone())
}

/// For 2026-07-28: an answer may be a question, and a request may be the answer to one.
async fn newer<F>(
    talk: &Conversation,
    params: Bytes,
    id: Id,
    outlet: Outlet,
    go: Go,
    make: impl Fn(Request) -> F + Send + 'static,
) where
    F: Future<Output = Outcome> + Send + Unpin + 'static,
{
    // Nearly no request has one, so the key is looked for first.
    let may_have = go.may_ask() && memchr::memmem::find(&params, b"requestState").is_some();
    let state = may_have.then(|| splice::get(&params, "requestState")).flatten();
    let state = state.as_deref().and_then(splice::string);
    let params = if may_have { state::unmarked(&params) } else { params };
    let first = if let Some(state) = state.filter(|state| state::is_ours(state)) {
        let said = Said::by(&params, Era::Modern);
        match talk.parking.resume(&state, go.method(), &params, said) {
            Ok(parked) => First::Back(parked.attended(talk)),
            Err(error) => return talk.answer(&id, outlet, Err(error)).await,
        }
    } else {
        let link = asked_by(talk, go, &params);
        let call = make(request(talk, params.clone(), &id, &link));
        First::Call(Open(link), call)
    };
    let this = talk.clone();
    talk.flights.start(go.method(), &id.clone(), outlet, async move {
        let next = match first {
            First::Call(open, call) => begin(open, call).await,
            First::Back(attending) => Box::pin(attending.next()).await,
        };
        let next = match next {
            Next::Again { declined: false } => {
                let params = fresh(&params);
                let link = asked_by(&this, go, &params);
                let call = make(request(&this, params, &id, &link));
                Box::pin(begin(Open(link), call)).await
            }
            next => next,
        };
        let result = match next {
            Next::Done(outcome) => Box::pin(told_newer(&this, go, &params, *outcome)).await,
            Next::Ask(result) => Ok(result),
            Next::Again { .. } => go.says(
                "allmcp: the user did not agree to open the page that the server needs first. \
                 The call was not completed.",
            ),
            Next::Lost => Err(lost()),
        };
        line(&id, result)
    });
}

enum First<F> {
    Call(Open, F),
    Back(Attending),
}

fn asked_by(talk: &Conversation, go: Go, params: &Bytes) -> Arc<Link> {
    let request = go.may_ask().then(|| (go.method(), params.clone()));
    Link::modern(talk, Said::by(params, Era::Modern), request)
}

/// Runs a call until it ends or its upstream asks.
async fn begin<F>(open: Open, mut call: F) -> Next
where
    F: Future<Output = Outcome> + Send + Unpin + 'static,
{
    let link = &open.0;
    let parked = tokio::select! {
        biased;
        outcome = &mut call => return Next::Done(Box::new(outcome)),
        parked = link.parked() => parked,
    };
    parked.run(&link.talk, call);
    Box::pin(parked.attended(&link.talk).next()).await
}

async fn told_newer(
    talk: &Conversation,
    go: Go,
    params: &Bytes,
    outcome: Outcome,
) -> Result<Bytes, RpcError> {
    let failed = match outcome {
        Ok(answered) => return Ok(modern::result(answered, go)),
        Err(failed) => failed,
    };
    let typed = |result: Bytes| modern::complete(&result);
    let Some(rpc) = wants_link(&failed) else {
        return go.failure(talk, failed, Era::Modern).map(typed);
    };
    // Clients of this revision must not see the error (SEP-2322): they are asked, and the call
    // is sent again when they come back.
    let said = Said::by(params, Era::Modern);
    let asks: Vec<Ask> = links(rpc)
        .map(|params| Ask { method: "elicitation/create".into(), params })
        .filter(|ask| said.can(ask))
        .collect();
    if go.may_ask()
        && !asks.is_empty()
        && let Some(parked) = talk.parking.open_again(go.method(), params, asks)
        && let Next::Ask(result) = parked.attended(talk).next().await
    {
        return Ok(result);
    }
    go.says(&answer::url_required(rpc)).map(typed)
}

/// The error "URL elicitation required" of 2025-11-25.
fn wants_link(failed: &CallError) -> Option<&RpcError> {
    let CallError::Upstream(error) = failed else { return None };
    match &error.kind {
        ErrorKind::Rpc(rpc) if rpc.code == answer::URL_REQUIRED => Some(rpc),
        _ => None,
    }
}

/// The elicitations in it.
fn links(rpc: &RpcError) -> impl Iterator<Item = Bytes> {
    let list = rpc.data().and_then(|data| splice::get(&data, "elicitations")).unwrap_or_default();
    let all: Vec<Bytes> = splice::elements(&list).map(|range| list.slice(range)).collect();
    all.into_iter().filter(|one| splice::get_str(one, "url").is_some())
}

/// The request without what made it a retry.
fn fresh(params: &Bytes) -> Bytes {
    let mut edits = Edits::new();
    edits.remove(params, |m| {
        splice::key_is(params, m, "requestState") || splice::key_is(params, m, "inputResponses")
    });
    edits.apply(params)
}

fn lost() -> RpcError {
    let why = "the call came to no end; it may have been carried out";
    RpcError::new(error::INTERNAL, why)
}

/// A request that has no answer yet.
struct Open(Arc<Link>);

impl Drop for Open {
    fn drop(&mut self) {
        let link = &self.0;
        link.hush();
        // It asked in the moment of its end.
        if let Some(parked) = link.is_parked()
            && !parked.runs()
        {
            link.talk.parking.forget(parked);
        }
    }
}
