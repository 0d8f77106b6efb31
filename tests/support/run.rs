//! What a request does, whatever the era: lists, calls, and the way their answers are sent.

use super::{
    script::{Answer, Answers, Ask, Pages, Script, Tool},
    server::{Reply, Status},
    sse::{Reader, StreamLog},
    state::Shared,
    wire::{self, Rpc},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Who asks, and what is known of them.
#[derive(Debug, Clone)]
pub(super) enum Client {
    Modern,
    /// With the session, or `""`.
    Legacy(String),
}

/// The result of `tools/list`, or why there is none.
pub(super) fn list(script: &Script, rpc: &Rpc, extra: &str) -> Result<String, String> {
    let cursor = rpc.param("cursor");
    let count = script.tools.len();
    let (size, start, next) = match script.pages {
        Pages::One => (count, 0, None),
        Pages::By(size) | Pages::EmptyCursor(size) => {
            let start = match cursor.as_deref() {
                None => Some(0),
                Some("") => matches!(script.pages, Pages::EmptyCursor(_)).then_some(size),
                Some(cursor) => cursor.strip_prefix('c').and_then(|at| at.parse().ok()),
            };
            let start = start.ok_or_else(|| format!("unknown cursor {cursor:?}"))?;
            let next = match script.pages {
                Pages::EmptyCursor(_) if start == 0 => String::new(),
                _ => format!("c{}", start + size),
            };
            (size, start, (start + size < count).then_some(next))
        }
        Pages::Endless(size) => {
            let page: u64 = cursor.as_deref().and_then(|at| at.parse().ok()).unwrap_or(0);
            (size, 0, Some((page + 1).to_string()))
        }
        Pages::SameCursor(size) => (size, 0, Some("again".to_owned())),
    };
    let mut out = format!("{{{extra}{}\"tools\":[", script.list_extra);
    for (at, tool) in script.tools.iter().skip(start).take(size).enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&String::from_utf8_lossy(&tool.definition));
    }
    out.push(']');
    if let Some(next) = next {
        out.push_str(r#","nextCursor":"#);
        out.push_str(&wire::quote(&next));
    }
    out.push('}');
    Ok(out)
}

/// Starts a call. Its messages come on the stream; it ends early when the token is cancelled.
pub(super) fn call(
    shared: &Arc<Shared>,
    rpc: &Rpc,
    client: &Client,
) -> (Arc<StreamLog>, CancellationToken, bool) {
    let (log, stop) = (shared.stream(), CancellationToken::new());
    let name = rpc.param("name").unwrap_or_default();
    let id = rpc.id.clone().unwrap_or_default();
    let Some(tool) = shared.tool(&name) else {
        let message = format!("Unknown tool: {name}");
        finish(shared, &log, wire::error(Some(&id), -32602, &message, None));
        return (log, stop, false);
    };
    let key = match client {
        Client::Legacy(session) => Some((session.clone(), id.clone())),
        Client::Modern => None,
    };
    if let Some(key) = &key {
        shared.state.lock().unwrap().running.insert(key.clone(), stop.clone());
    }
    let chatty = tool.is_chatty();
    let (shared, rpc, client) = (Arc::clone(shared), rpc.clone(), client.clone());
    let (messages, stopped) = (Arc::clone(&log), stop.clone());
    tokio::spawn(async move {
        let _counted = Counted::new(&shared, &name);
        tokio::select! {
            () = work(&shared, &tool, &rpc, &client, &messages) => {}
            () = stopped.cancelled() => messages.finish(),
        }
        if let Some(key) = key {
            shared.state.lock().unwrap().running.remove(&key);
        }
    });
    (log, stop, chatty)
}

async fn work(shared: &Arc<Shared>, tool: &Tool, rpc: &Rpc, client: &Client, log: &Arc<StreamLog>) {
    let id = rpc.id.as_deref().unwrap_or("null");
    if let Some((times, pause)) = tool.progress {
        for step in 1..=times {
            tokio::time::sleep(pause).await;
            if let Some(token) = rpc.meta.get("progressToken") {
                let params = format!(
                    r#"{{"progressToken":{token},"progress":{step},"total":{times},"message":"step {step}"}}"#
                );
                log.push(wire::notification("notifications/progress", Some(&params)));
            }
        }
    }
    let heard = match &tool.ask {
        None => None,
        Some(ask) => match question(shared, ask, rpc, client, log).await {
            Ok(answer) => Some(answer),
            Err(instead) => return finish(shared, log, instead),
        },
    };
    tokio::time::sleep(tool.delay).await;
    let script = shared.script();
    let result = match &tool.answer {
        Answer::Result(raw) => String::from_utf8_lossy(raw).into_owned(),
        Answer::Echo => echo(rpc, heard),
        Answer::Sized(bytes) => {
            format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(*bytes))
        }
        Answer::Error(raw) => {
            let error = String::from_utf8_lossy(raw);
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            return finish(shared, log, answer.into());
        }
        Answer::Never => return std::future::pending().await,
    };
    let result = match client {
        Client::Modern if !wire::object(&result).contains_key("resultType") => {
            let is_empty = result[1..].trim_start().starts_with('}');
            let comma = if is_empty { "" } else { "," };
            result.replacen('{', &format!(r#"{{"resultType":"complete"{comma}"#), 1)
        }
        _ => result,
    };
    finish(shared, log, wire::result(&script.envelope, id, &result));
}

fn echo(rpc: &Rpc, heard: Option<String>) -> String {
    let arguments = rpc.params.get("arguments").map(|raw| raw.get().to_owned());
    let structured = arguments
        .as_deref()
        .filter(|raw| raw.starts_with('{'))
        .map_or_else(String::new, |raw| format!(r#","structuredContent":{raw}"#));
    let text = wire::quote(&heard.or(arguments).unwrap_or_else(|| "absent".into()));
    format!(r#"{{"content":[{{"type":"text","text":{text}}}]{structured}}}"#)
}

/// Asks the client. Its raw answer, or what to say instead of the result.
async fn question(
    shared: &Arc<Shared>,
    ask: &Ask,
    rpc: &Rpc,
    client: &Client,
    log: &Arc<StreamLog>,
) -> Result<String, Bytes> {
    let script = shared.script();
    let id = rpc.id.as_deref().unwrap_or("null");
    let session = match client {
        Client::Legacy(session) => session,
        Client::Modern => {
            let state = rpc.param("requestState");
            let Some(responses) = rpc.params.get("inputResponses") else {
                let state = format!("state {} of {}", shared.next(), rpc.param("name").unwrap());
                shared.state.lock().unwrap().issued.insert(state.clone());
                let (method, params, state) = (&ask.method, &ask.params, wire::quote(&state));
                let result = format!(
                    r#"{{"resultType":"input_required","inputRequests":{{"ask":{{"method":"{method}","params":{params}}}}},"requestState":{state}}}"#
                );
                return Err(wire::result(&script.envelope, id, &result));
            };
            let known =
                state.is_some_and(|state| shared.state.lock().unwrap().issued.contains(&state));
            let answer = wire::object(responses.get()).get("ask").map(|raw| raw.get().to_owned());
            return match answer {
                Some(answer) if known => {
                    shared.state.lock().unwrap().answers.push(("ask".into(), answer.clone()));
                    Ok(answer)
                }
                _ => Err(wire::error(Some(id), -32602, "unknown requestState or no answer", None)),
            };
        }
    };
    let ask_id = wire::quote(&format!("ask-{}", shared.next()));
    let (answer, wait) = tokio::sync::oneshot::channel();
    let stream = {
        let mut state = shared.state.lock().unwrap();
        state.asked.insert(ask_id.clone(), answer);
        let general = state.sessions.get(session).map(|session| Arc::clone(&session.general));
        general.or_else(|| state.general.clone()).filter(|_| ask.on_get)
    };
    stream.as_ref().unwrap_or(log).push(wire::request(&ask_id, &ask.method, &ask.params));
    match tokio::time::timeout(Duration::from_mins(1), wait).await {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(wire::error(Some(id), -32603, "the client did not answer the question", None)),
    }
}

/// Says the last word on a stream.
pub(super) fn finish(shared: &Shared, log: &StreamLog, answer: Bytes) {
    shared.state.lock().unwrap().last_answer = String::from_utf8_lossy(&answer).into_owned();
    log.push(answer);
    log.finish();
}

/// Sends the messages of `log` the way the script likes. `stop` is cancelled when the client
/// leaves, where it is given.
pub(super) async fn reply(
    shared: &Shared,
    log: Arc<StreamLog>,
    chatty: bool,
    stop: Option<CancellationToken>,
    status: Status,
) -> Reply {
    let script = shared.script();
    let sse = match script.answers {
        Answers::Json => false,
        Answers::Sse => status == 200,
        Answers::Mixed => chatty,
    };
    if sse {
        return stream(&script, log, 0, stop);
    }
    let guard = stop.map(CancellationToken::drop_guard);
    let Some(answer) = log.last().await else {
        // Cancelled: nothing more is said, and the client is not waiting.
        return std::future::pending().await;
    };
    let _ended = guard.map(tokio_util::sync::DropGuard::disarm);
    Reply::json(status, answer)
}

/// An SSE stream that reads `log` from `at` on.
pub(super) fn stream(
    script: &Script,
    log: Arc<StreamLog>,
    at: usize,
    gone: Option<CancellationToken>,
) -> Reply {
    let ids = script.event_ids && script.legacy;
    let mut opening = Vec::new();
    if script.comments {
        opening.push(Bytes::from_static(b": hello\n\n"));
    }
    if let Some(retry) = script.retry {
        let retry = retry.as_millis();
        let id = if ids { format!("id: {}-p\ndata: \n", log.key) } else { String::new() };
        opening.push(format!("{id}retry: {retry}\n\n").into());
    }
    Reply::Stream(Vec::new(), Reader { log, at, ids, opening, gone })
}

/// Counts a call while it runs.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>, tool: &str) -> Self {
        let mut state = shared.state.lock().unwrap();
        *state.runs.entry(tool.to_owned()).or_default() += 1;
        state.in_flight += 1;
        state.peak = state.peak.max(state.in_flight);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.in_flight -= 1;
        }
    }
}
