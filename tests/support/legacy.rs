//! The eras with a handshake: `initialize`, sessions, the GET stream, resumption.

use super::{
    offer,
    record::Request,
    run::{self, Client},
    script::Script,
    server::{Reply, Status, accepts},
    state::{Session, Shared},
    wire::{self, Rpc},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) async fn post(shared: &Arc<Shared>, request: &Request) -> Reply {
    let (script, rpc) = (shared.script(), &request.rpc);
    if script.strict {
        if !request.header("content-type").unwrap_or("").starts_with("application/json") {
            return refuse(415, -32000, "Unsupported Media Type: not application/json");
        }
        if !(accepts(request, "application/json") && accepts(request, "text/event-stream")) {
            let message =
                "Not Acceptable: Client must accept both application/json and text/event-stream";
            return refuse(406, -32000, message);
        }
    }
    if rpc.method.is_none() && !rpc.is_response() {
        return refuse(400, -32700, "Parse error: not one JSON-RPC message");
    }
    if rpc.method.as_deref() == Some("initialize") {
        return initialize(shared, &script, rpc).await;
    }
    let session = match session(shared, &script, request) {
        Ok(session) => session,
        Err(reply) => return reply,
    };
    if rpc.is_response() {
        return answered(shared, rpc);
    }
    let (Some(id), Some(method)) = (&rpc.id, rpc.method.as_deref()) else {
        if rpc.method.as_deref() == Some("notifications/cancelled") {
            cancel(shared, &script, rpc, &session);
        }
        return Reply::empty(202);
    };
    if run::is_call(&script, method) {
        let (log, _, chatty) = run::call(shared, rpc, &Client::Legacy(session));
        return run::reply(shared, log, chatty, None, 200).await;
    }
    let result = match method {
        "ping" => Some(Ok("{}".to_owned())),
        _ => offer::list(&script, rpc, "")
            .or_else(|| offer::other(shared, rpc, &Client::Legacy(session))),
    };
    let result = result.unwrap_or_else(|| Err((-32601, format!("Method not found: {method}"))));
    let answer = match result {
        Ok(result) => wire::result(&script.envelope, id, &result),
        Err((code, message)) => wire::error(Some(id), code, &message, None),
    };
    say(shared, answer).await
}

async fn initialize(shared: &Arc<Shared>, script: &Script, rpc: &Rpc) -> Reply {
    let newest = script.revisions.last().copied().unwrap_or("2025-11-25");
    let wanted = rpc.param("protocolVersion").unwrap_or_default();
    let version = script.revisions.iter().find(|one| **one == wanted).copied().unwrap_or(newest);
    let instructions = script
        .instructions
        .as_deref()
        .map_or_else(String::new, |text| format!(r#","instructions":{}"#, wire::quote(text)));
    let (capabilities, info) = (&script.capabilities, &script.server_info);
    let result = format!(
        r#"{{"protocolVersion":"{version}","capabilities":{capabilities},"serverInfo":{info}{instructions}}}"#
    );
    let id = rpc.id.as_deref().unwrap_or("null");
    let told = rpc.params.get("capabilities").map_or("{}", |raw| raw.get()).to_owned();
    shared.state.lock().unwrap().last_capabilities = Some(told.clone());
    let reply = say(shared, wire::result(&script.envelope, id, &result)).await;
    if !script.sessions {
        return reply;
    }
    let session = format!("session-{}-{}", shared.next(), std::process::id());
    let general = shared.stream();
    let version = version.to_owned();
    let known = Session { version, general, capabilities: told };
    shared.state.lock().unwrap().sessions.insert(session.clone(), known);
    reply.with("mcp-session-id", &session)
}

/// The session that a request belongs to, `""` where there are none.
fn session(shared: &Shared, script: &Script, request: &Request) -> Result<String, Reply> {
    let version = request.header("mcp-protocol-version");
    if !script.sessions {
        return match version {
            Some(version) if !script.revisions.contains(&version) => Err(unsupported(script)),
            _ => Ok(String::new()),
        };
    }
    let Some(id) = request.header("mcp-session-id") else {
        return Err(refuse(400, -32000, "Bad Request: Server not initialized"));
    };
    let Some(session) = shared.state.lock().unwrap().sessions.get(id).cloned() else {
        return Err(refuse(404, -32001, "Session not found"));
    };
    // The header came with 2025-06-18; until then it is not sent.
    let needed = script.strict && session.version.as_str() >= "2025-06-18";
    match version {
        None if needed => Err(refuse(400, -32000, "Bad Request: no MCP-Protocol-Version header")),
        Some(version) if version != session.version => Err(unsupported(script)),
        _ => Ok(id.to_owned()),
    }
}

fn unsupported(script: &Script) -> Reply {
    let supported = script.revisions.join(", ");
    let message =
        format!("Bad Request: Unsupported protocol version (supported versions: {supported})");
    refuse(400, -32000, &message)
}

/// The client answers one of our questions.
fn answered(shared: &Shared, rpc: &Rpc) -> Reply {
    let id = rpc.id.clone().unwrap_or_default();
    let answer = rpc.result.clone().or_else(|| rpc.error.clone()).unwrap_or_default();
    let mut state = shared.state.lock().unwrap();
    state.answers.push((id.clone(), answer.clone()));
    if let Some(asked) = state.asked.remove(&id) {
        let _nobody_waits = asked.send(answer);
    }
    Reply::empty(202)
}

fn cancel(shared: &Shared, script: &Script, rpc: &Rpc, session: &str) {
    let id = rpc.params.get("requestId").map_or("", |raw| raw.get());
    let running = shared.state.lock().unwrap().running.get(&(session.into(), id.into())).cloned();
    if let Some(stop) = running.filter(|_| !script.ignores_cancel) {
        stop.cancel();
    }
}

pub(super) fn get(shared: &Arc<Shared>, request: &Request) -> Reply {
    let script = shared.script();
    if !(script.legacy && script.get_stream) {
        return Reply::empty(405).with("allow", "POST, DELETE");
    }
    if !accepts(request, "text/event-stream") {
        return refuse(406, -32000, "Not Acceptable: Client must accept text/event-stream");
    }
    let session = match session(shared, &script, request) {
        Ok(session) => session,
        Err(reply) => return reply,
    };
    let gone = CancellationToken::new();
    if let Some(last) = request.header("last-event-id") {
        let Some((log, at)) = place(shared, last) else {
            return refuse(400, -32000, "Invalid Last-Event-ID");
        };
        shared.state.lock().unwrap().get_readers.push((session, gone.clone()));
        return run::stream(&script, log, at, Some(gone));
    }
    let fresh = shared.stream();
    let mut state = shared.state.lock().unwrap();
    let general = match state.sessions.get(&session) {
        Some(session) => Arc::clone(&session.general),
        None => Arc::clone(state.general.get_or_insert(fresh)),
    };
    state.get_readers.push((session, gone.clone()));
    drop(state);
    let at = general.len();
    run::stream(&script, general, at, Some(gone))
}

/// The place behind the event with this id.
fn place(shared: &Shared, last: &str) -> Option<(Arc<super::sse::StreamLog>, usize)> {
    let (key, at) = last.rsplit_once('-')?;
    let at = if at == "p" { 0 } else { at.parse::<usize>().ok()? + 1 };
    Some((shared.state.lock().unwrap().streams.get(key).cloned()?, at))
}

pub(super) fn delete(shared: &Shared, request: &Request) -> Reply {
    let script = shared.script();
    if !(script.legacy && script.sessions) {
        return Reply::empty(405).with("allow", "POST");
    }
    let id = request.header("mcp-session-id").unwrap_or_default();
    match shared.state.lock().unwrap().sessions.remove(id) {
        Some(session) => {
            session.general.finish();
            Reply::empty(200)
        }
        None => refuse(404, -32001, "Session not found"),
    }
}

async fn say(shared: &Shared, answer: Bytes) -> Reply {
    let log = shared.stream();
    run::finish(shared, &log, answer);
    run::reply(shared, log, false, None, 200).await
}

fn refuse(status: Status, code: i64, message: &str) -> Reply {
    Reply::json(status, wire::error(None, code, message, None))
}
