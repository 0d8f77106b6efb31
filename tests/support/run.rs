//! What a request does, whatever the era: lists, calls, and the way their answers are sent.

use super::{
    ask, offer,
    script::{Answer, Answers, Pages, Script},
    server::{Reply, Status},
    sse::{Reader, StreamLog},
    state::Shared,
    task,
    tool::{LEVELS, Tool},
    wire::{self, Rpc},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Who asks, and what is known of them.
#[derive(Debug, Clone)]
pub(super) enum Client {
    Modern,
    /// With the session, or `""`.
    Legacy(String),
}

/// A page of a list with this key, or why there is none.
pub(super) fn page(
    script: &Script,
    rpc: &Rpc,
    extra: &str,
    key: &str,
    all: &[Bytes],
) -> Result<String, String> {
    let cursor = rpc.param("cursor");
    let count = all.len();
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
    let mut out = format!("{{{extra}{}\"{key}\":[", script.list_extra);
    for (at, definition) in all.iter().skip(start).take(size).enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&String::from_utf8_lossy(definition));
    }
    out.push(']');
    if let Some(next) = next {
        out.push_str(r#","nextCursor":"#);
        out.push_str(&wire::quote(&next));
    }
    out.push('}');
    Ok(out)
}

/// True for what runs, and may ask, report and be cancelled.
pub(super) fn is_call(script: &Script, method: &str) -> bool {
    match method {
        "tools/call" => true,
        "prompts/get" => script.can("prompts"),
        "resources/read" => script.can("resources"),
        _ => false,
    }
}

/// Starts a call. Its messages come on the stream; it ends early when the token is cancelled.
pub(super) fn call(
    shared: &Arc<Shared>,
    rpc: &Rpc,
    client: &Client,
) -> (Arc<StreamLog>, CancellationToken, bool) {
    let (log, stop) = (shared.stream(), CancellationToken::new());
    let id = rpc.id.clone().unwrap_or_default();
    let tool = match offer::find(&shared.script(), rpc) {
        Ok(tool) => tool,
        Err((code, message)) => {
            finish(shared, &log, wire::error(Some(&id), code, &message, None));
            return (log, stop, false);
        }
    };
    let name = tool.name.clone();
    let told = ask::capabilities(shared, rpc, client);
    {
        let mut state = shared.state.lock().unwrap();
        state.told.push((name.clone(), told));
        if let Client::Legacy(session) = client {
            state.callers.insert(session.clone());
        }
    }
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
    if let Some(instead) = task::create(shared, tool, rpc, client) {
        return finish(shared, log, instead);
    }
    if let Some(instead) = page_to_visit(shared, tool, rpc, client) {
        return finish(shared, log, instead);
    }
    for (level, data) in &tool.logs {
        if is_logged(shared, level, rpc, client) {
            let params = format!(r#"{{"level":"{level}","logger":"scripted","data":{data}}}"#);
            log.push(wire::notification("notifications/message", Some(&params)));
        }
    }
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
    let heard = match ask::rounds(shared, tool, rpc, client, log).await {
        Ok(heard) => heard,
        Err(instead) => return finish(shared, log, instead),
    };
    if tool.held {
        shared.released(&tool.name).await;
    }
    tokio::time::sleep(tool.delay).await;
    let script = shared.script();
    let result = match &tool.answer {
        Answer::Error(raw) => {
            let error = String::from_utf8_lossy(raw);
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            return finish(shared, log, answer.into());
        }
        Answer::Never => return std::future::pending().await,
        _ => plain_result(tool, rpc, &heard),
    };
    let result = match client {
        Client::Modern => as_modern(&result, rpc),
        Client::Legacy(_) => result,
    };
    finish(shared, log, wire::result(&script.envelope, id, &result));
}

/// What a result needs in 2026-07-28, put in front where it is not there.
pub(super) fn as_modern(result: &str, rpc: &Rpc) -> String {
    if wire::object(result).contains_key("resultType") {
        return result.to_owned();
    }
    let read = rpc.method.as_deref() == Some("resources/read");
    let cache = if read { r#","ttlMs":0,"cacheScope":"private""# } else { "" };
    let comma = if result[1..].trim_start().starts_with('}') { "" } else { "," };
    result.replacen('{', &format!(r#"{{"resultType":"complete"{cache}{comma}"#), 1)
}

/// The result of a tool that has one.
pub(super) fn plain_result(tool: &Tool, rpc: &Rpc, heard: &[String]) -> String {
    match &tool.answer {
        Answer::Result(raw) => String::from_utf8_lossy(raw).into_owned(),
        Answer::Sized(bytes) => {
            format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(*bytes))
        }
        _ => echo(rpc, heard),
    }
}

fn echo(rpc: &Rpc, heard: &[String]) -> String {
    let heard = match heard {
        [] => None,
        [one] => Some(one.clone()),
        all => Some(format!("[{}]", all.join(","))),
    };
    let arguments = rpc.params.get("arguments").map(|raw| raw.get().to_owned());
    let structured = arguments
        .as_deref()
        .filter(|raw| raw.starts_with('{'))
        .map_or_else(String::new, |raw| format!(r#","structuredContent":{raw}"#));
    let text =
        |other: Option<String>| wire::quote(&heard.or(other).unwrap_or_else(|| "absent".into()));
    match rpc.method.as_deref() {
        Some("prompts/get") => {
            let text = text(arguments);
            format!(
                r#"{{"description":"said","messages":[{{"role":"user","content":{{"type":"text","text":{text}}}}}]}}"#
            )
        }
        Some("resources/read") => {
            let uri = rpc.param("uri").unwrap_or_default();
            let (quoted, text) = (wire::quote(&uri), text(Some(uri)));
            format!(r#"{{"contents":[{{"uri":{quoted},"mimeType":"text/plain","text":{text}}}]}}"#)
        }
        _ => {
            let text = text(arguments);
            format!(r#"{{"content":[{{"type":"text","text":{text}}}]{structured}}}"#)
        }
    }
}

/// -32042 or its modern form, while the page of the tool was not visited.
fn page_to_visit(shared: &Shared, tool: &Tool, rpc: &Rpc, client: &Client) -> Option<Bytes> {
    let (url, elicitation) = tool.url_first.as_ref()?;
    if shared.state.lock().unwrap().visited.contains(elicitation) {
        return None;
    }
    let id = rpc.id.as_deref().unwrap_or("null");
    let (url, elicitation) = (wire::quote(url), wire::quote(elicitation));
    let common = format!(r#""mode":"url","message":"Please sign in.","url":{url}"#);
    Some(match client {
        Client::Legacy(_) => {
            let data =
                format!(r#"{{"elicitations":[{{{common},"elicitationId":{elicitation}}}]}}"#);
            wire::error(Some(id), -32042, "URL elicitation required", Some(&data))
        }
        Client::Modern => {
            let result = format!(
                r#"{{"resultType":"input_required","inputRequests":{{"visit":{{"method":"elicitation/create","params":{{{common}}}}}}}}}"#
            );
            wire::result(&shared.script().envelope, id, &result)
        }
    })
}

/// True when the client wants to hear of this level.
fn is_logged(shared: &Shared, level: &str, rpc: &Rpc, client: &Client) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|one| *one == level);
    let least = match client {
        Client::Modern => match rpc.meta_string(wire::LOG_LEVEL) {
            Some(least) => least,
            None => return false,
        },
        Client::Legacy(session) => {
            let levels = &shared.state.lock().unwrap().levels;
            levels.get(session).cloned().unwrap_or_else(|| "debug".into())
        }
    };
    rank(level) >= rank(&least)
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
