//! One request at one connection, to its end: with the rounds in which the upstream asks for input
//! first (SEP-2322), where the client cannot go through them by itself.

use super::{CallError, Hub, member::Member};
use crate::{
    text,
    upstream::{Call, ErrorKind, Reply, ToolFacts, UpstreamError},
    wire::{Ask, ClientLink, Outcome, RpcError, error::METHOD_NOT_FOUND, meta, splice},
};
use bytes::Bytes;
use futures_util::future::join_all;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often an upstream may ask before it answers; the SDKs stop at the same number.
const MAX_ROUNDS: usize = 10;

/// Most questions of one round.
const MAX_ASKS: usize = 32;

/// How long all rounds may take: people answer in between.
const LONGEST: Duration = Duration::from_mins(10);

/// How long an upstream is left alone that wants nothing but to be asked again; doubles up to
/// [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// What a request is besides its parameters.
pub(super) struct Job {
    pub(super) method: &'static str,
    pub(super) name: Option<String>,
    pub(super) replay_safe: bool,
    pub(super) tool: Option<ToolFacts>,
}

impl Hub {
    /// Sends a request whose parameters are in the upstream's words, and goes through the rounds
    /// for a client that cannot.
    pub(super) async fn run(
        &self,
        member: &Arc<Member>,
        job: Job,
        params: Bytes,
        link: Option<&Arc<dyn ClientLink>>,
    ) -> Result<Reply, CallError> {
        let link = link.map(|link| self.through(member, link));
        let Job { method, name, replay_safe, tool } = job;
        let rounds = link.as_ref().filter(|link| !link.drives_rounds());
        let kept =
            rounds.map(|link| (Arc::clone(link), name.clone(), tool.clone(), params.clone()));
        let later_round = link.is_some() && rounds.is_none() && has_state(&params);
        let call =
            Call { method, params, name, replay_safe, link: link.clone(), tool, later_round };
        let reply = member.session.route.call(member.name(), call).await?;
        match (&reply.outcome, kept) {
            (Outcome::InputRequired(_), Some((link, name, tool, params))) => {
                let again = move |params| Call {
                    method,
                    params,
                    name: name.clone(),
                    // It is in the middle of something.
                    replay_safe: false,
                    link: Some(Arc::clone(&link)),
                    tool: tool.clone(),
                    later_round: true,
                };
                Box::pin(rounds_of(member, reply, params, again)).await
            }
            _ => Ok(reply),
        }
    }

    /// What clients see in the place of a URI of this connection.
    pub(super) fn outward(&self, member: &Member, uri: &str) -> Option<String> {
        self.index().others.uris.outward(&self.0.seen, member.name(), uri)
    }
}

/// A client of 2026-07-28 comes back.
fn has_state(params: &Bytes) -> bool {
    memchr::memmem::find(params, b"requestState").is_some()
        && splice::find(params, "requestState").is_some()
}

/// Asks the client, tells the upstream, and again, until there is a result.
async fn rounds_of(
    member: &Member,
    mut reply: Reply,
    params: Bytes,
    again: impl Fn(Bytes) -> Call,
) -> Result<Reply, CallError> {
    let (start, mut pause) = (Instant::now(), PAUSE);
    for _ in 0..MAX_ROUNDS {
        let Outcome::InputRequired(asked) = &reply.outcome else { return Ok(reply) };
        let state = splice::get(asked, "requestState").filter(|state| state != "null");
        let call = again(Bytes::new());
        let Some(link) = call.link.clone() else { return Ok(reply) };
        let responses = match splice::get(asked, "inputRequests").filter(|map| map != "null") {
            Some(map) => Some(answers(member, &link, &map).await?),
            None if state.is_some() => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
                None
            }
            None => return Err(odd(member, "it wants input and does not say which")),
        };
        if start.elapsed() > LONGEST {
            return Err(odd(member, "it still wants input after ten minutes"));
        }
        let params = next(&params, responses, state);
        reply = member.session.route.call(member.name(), Call { params, ..call }).await?;
    }
    match reply.outcome {
        Outcome::InputRequired(_) => {
            Err(odd(member, &format!("it still wants input after {MAX_ROUNDS} rounds")))
        }
        _ => Ok(reply),
    }
}

fn odd(member: &Member, why: &str) -> CallError {
    UpstreamError::new(member.name(), ErrorKind::Protocol, why).may_have_run(true).into()
}

/// The request once more, with what the client said and with the state byte for byte.
fn next(params: &Bytes, responses: Option<Bytes>, state: Option<Bytes>) -> Bytes {
    let mut edits = splice::Edits::new();
    // Members that are set at the front go there in the same place, so together.
    let mut front = Vec::new();
    for (key, value) in [("inputResponses", responses), ("requestState", state)] {
        match (splice::find(params, key), value) {
            (Some(at), Some(value)) => edits.replace(at, value),
            (Some(_), None) => edits.remove(params, |m| splice::key_is(params, m, key)),
            (None, Some(value)) => front.push((key, value)),
            (None, None) => {}
        }
    }
    let params = edits.apply(params);
    if front.is_empty() {
        return params;
    }
    let mut out = meta::object(&front);
    let rest = splice::members(&params).next().map(|first| &params[first.key.start..]);
    if let Some(rest) = rest {
        out.truncate(out.len() - 1);
        out.push(b',');
        out.extend_from_slice(rest);
    }
    out.into()
}

/// Puts all questions of a round to the client at the same time; the object of its answers.
async fn answers(
    member: &Member,
    link: &Arc<dyn ClientLink>,
    map: &Bytes,
) -> Result<Bytes, CallError> {
    let asked: Vec<_> = splice::members(map).collect();
    if asked.len() > MAX_ASKS {
        return Err(odd(member, &format!("it asks more than {MAX_ASKS} questions at once")));
    }
    let questions = asked.iter().map(|one| async {
        let request = map.slice(one.value.clone());
        let method = splice::get_str(&request, "method").unwrap_or_default().into_owned();
        let params = splice::get(&request, "params").filter(|params| params.first() == Some(&b'{'));
        let params = params.unwrap_or_else(|| Bytes::from_static(b"{}"));
        let answer = link.ask(Ask { method: method.as_str().into(), params: params.clone() }).await;
        let answer = match answer {
            Ok(result) => result,
            Err(refused) => instead(member, &method, &params, &refused)?,
        };
        Ok::<_, CallError>((map.slice(one.key.clone()), answer))
    });
    let mut out = vec![b'{'];
    for answered in join_all(questions).await {
        let (key, answer) = answered?;
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&key);
        out.push(b':');
        out.extend_from_slice(&answer);
    }
    out.push(b'}');
    Ok(out.into())
}

/// What an upstream is told that a client refused to answer, where its revision has words for it;
/// it has none for a client that cannot be asked such a thing at all.
fn instead(
    member: &Member,
    method: &str,
    params: &Bytes,
    refused: &RpcError,
) -> Result<Bytes, CallError> {
    let connection = member.name().clone();
    // A client that opens no links can still show one (SEP-1036).
    if method == "elicitation/create"
        && let Some(url) = splice::get_str(params, "url")
    {
        let why = splice::get_str(params, "message").unwrap_or_default();
        let (url, why) = (text::line(&url, 2000), text::line(&why, 300));
        let text = format!(
            "{connection} wants the user to open {url} first ({why}). Show the user this link; \
             when it is done, call again"
        );
        return Err(CallError::Unanswered { connection, text });
    }
    match method {
        "elicitation/create" if refused.code != METHOD_NOT_FOUND => {
            Ok(Bytes::from_static(b"{\"action\":\"cancel\"}"))
        }
        "roots/list" if refused.code != METHOD_NOT_FOUND => {
            Ok(Bytes::from_static(b"{\"roots\":[]}"))
        }
        _ => {
            let (method, said) = (text::line(method, 60), text::line(&refused.message(), 200));
            let text = format!(
                "{connection} needs {method} of this client before it goes on, and did not get it: \
                 {said}. The call was not completed"
            );
            Err(CallError::Unanswered { connection, text })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn the_next_round_carries_the_answers_and_the_state_as_it_came() {
        let params = text(r#"{ "name":"t","arguments":{"a":1.0}}"#);
        let round = next(&params, Some(text(r#"{"k":{}}"#)), Some(text(r#""s\u0041""#)));
        assert_eq!(
            round,
            r#"{"inputResponses":{"k":{}},"requestState":"s\u0041","name":"t","arguments":{"a":1.0}}"#
        );
        assert_eq!(
            next(&round, Some(text(r#"{"l":{}}"#)), None),
            r#"{"inputResponses":{"l":{}},"name":"t","arguments":{"a":1.0}}"#
        );
        assert_eq!(next(&text("{}"), None, Some(text("\"s\""))), r#"{"requestState":"s"}"#);
    }
}
