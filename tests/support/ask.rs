//! Questions to the client in the middle of a call: requests on a stream to a legacy client,
//! `input_required` to a modern one (SEP-2322).

use super::{
    run::Client,
    sse::StreamLog,
    state::{Issued, Shared},
    tool::{Ask, Tool, Undeclared},
    wire::{self, Rpc},
};
use bytes::Bytes;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What the client answered to all rounds, or what to say instead of the result.
pub(super) async fn rounds(
    shared: &Arc<Shared>,
    tool: &Tool,
    rpc: &Rpc,
    client: &Client,
    log: &Arc<StreamLog>,
) -> Result<Vec<String>, Bytes> {
    let can = capabilities(shared, rpc, client);
    let all = tool.rounds.iter().flatten();
    if tool.undeclared != Undeclared::Ask
        && let Some(missing) = all.clone().find_map(|ask| missing(ask, &can))
    {
        return Err(undeclared(shared, tool, rpc, client, missing));
    }
    match client {
        Client::Legacy(session) => {
            let mut heard = Vec::new();
            loop {
                for round in &tool.rounds {
                    heard.extend(by_request(shared, round, rpc, session, log).await?);
                }
                if !tool.endless {
                    return Ok(heard);
                }
            }
        }
        Client::Modern => by_retry(shared, tool, rpc),
    }
}

/// What the client said that it can do.
pub(super) fn capabilities(shared: &Shared, rpc: &Rpc, client: &Client) -> Value {
    let raw = match client {
        Client::Modern => rpc.meta.get(wire::CLIENT_CAPABILITIES).map(|raw| raw.get().to_owned()),
        Client::Legacy(session) => {
            let state = shared.state.lock().unwrap();
            let known = state.sessions.get(session).map(|known| known.capabilities.clone());
            known.or_else(|| state.last_capabilities.clone())
        }
    };
    raw.and_then(|raw| serde_json::from_str(&raw).ok()).unwrap_or_default()
}

/// The capability that an ask needs and the client lacks.
fn missing(ask: &Ask, can: &Value) -> Option<Value> {
    let url = wire::string(&wire::object(&ask.params), "mode").as_deref() == Some("url");
    let elicitation = &can["elicitation"];
    let (has, needed) = match ask.method.as_str() {
        "elicitation/create" if url => {
            (elicitation["url"].is_object(), r#"{"elicitation":{"url":{}}}"#)
        }
        // An empty object is an old client's word for forms.
        "elicitation/create" => (
            elicitation["form"].is_object()
                || elicitation.as_object().is_some_and(serde_json::Map::is_empty),
            r#"{"elicitation":{"form":{}}}"#,
        ),
        "sampling/createMessage" => (can["sampling"].is_object(), r#"{"sampling":{}}"#),
        "roots/list" => (can["roots"].is_object(), r#"{"roots":{}}"#),
        _ => (true, "{}"),
    };
    (!has).then(|| serde_json::from_str(needed).unwrap())
}

fn undeclared(shared: &Shared, tool: &Tool, rpc: &Rpc, client: &Client, needed: Value) -> Bytes {
    let id = rpc.id.as_deref().unwrap_or("null");
    if matches!(client, Client::Modern) && tool.undeclared == Undeclared::Refuse {
        return lacks(id, needed);
    }
    let kind = match client {
        Client::Modern => r#""resultType":"complete","#,
        Client::Legacy(_) => "",
    };
    let result = format!(r#"{{{kind}"content":[{{"type":"text","text":"fallback"}}]}}"#);
    wire::result(&shared.script().envelope, id, &result)
}

/// -32021: the client did not declare what is needed.
pub(super) fn lacks(id: &str, needed: Value) -> Bytes {
    let data = format!(r#"{{"requiredCapabilities":{needed}}}"#);
    wire::error(Some(id), -32021, "Missing required client capability", Some(&data))
}

/// The params of an ask, for this call.
fn params(ask: &Ask, rpc: &Rpc) -> String {
    let arguments = rpc.params.get("arguments").map_or("{}", |raw| raw.get());
    let tag = wire::string(&wire::object(arguments), "tag").unwrap_or_default();
    ask.params.replace("$TAG", &tag)
}

/// Asks one round at once, and waits for all answers.
async fn by_request(
    shared: &Arc<Shared>,
    round: &[Ask],
    rpc: &Rpc,
    session: &str,
    log: &Arc<StreamLog>,
) -> Result<Vec<String>, Bytes> {
    let mut waits = Vec::new();
    for ask in round {
        let id = ask.id.clone().unwrap_or_else(|| wire::quote(&format!("ask-{}", shared.next())));
        let (answer, wait) = tokio::sync::oneshot::channel();
        // Said before somebody listens, it would be said to nobody.
        while ask.on_get && !shared.state.lock().unwrap().reads(session) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stream = {
            let mut state = shared.state.lock().unwrap();
            state.asked.insert(id.clone(), answer);
            let general = state.sessions.get(session).map(|session| Arc::clone(&session.general));
            general.or_else(|| state.general.clone()).filter(|_| ask.on_get)
        };
        let message = wire::request(&id, &ask.method, &params(ask, rpc));
        stream.as_ref().unwrap_or(log).push(message);
        waits.push(wait);
    }
    let mut heard = Vec::new();
    for wait in waits {
        let Ok(Ok(answer)) = tokio::time::timeout(Duration::from_mins(1), wait).await else {
            let message = "the client did not answer the question";
            return Err(wire::error(rpc.id.as_deref(), -32603, message, None));
        };
        heard.push(answer);
    }
    Ok(heard)
}

/// Looks whether this request answers a round; asks the next one, or has heard all.
fn by_retry(shared: &Arc<Shared>, tool: &Tool, rpc: &Rpc) -> Result<Vec<String>, Bytes> {
    if tool.rounds.is_empty() {
        return Ok(Vec::new());
    }
    let (mut round, mut heard) = (0, Vec::new());
    let is_retry = rpc.param("requestState").is_some() || rpc.params.contains_key("inputResponses");
    if is_retry {
        let (before, answers) = answered(shared, rpc).map_err(|message| {
            shared.state.lock().unwrap().complaints.push(message.clone());
            wire::error(rpc.id.as_deref(), -32602, &message, None)
        })?;
        heard = before.heard;
        heard.extend(answers);
        round = before.round + 1;
    }
    let last = tool.rounds.last().filter(|_| tool.endless);
    let Some(asked) = tool.rounds.get(round).or(last) else { return Ok(heard) };
    let requests: BTreeMap<String, &Ask> = (0..).map(key).zip(asked).collect();
    // Characters that are easily lost on the way.
    let state = format!("state {} of {} \"é\\/\u{1f980}\u{7f}=", shared.next(), tool.name);
    let issued =
        Issued { call: subject(rpc), keys: requests.keys().cloned().collect(), round, heard };
    shared.state.lock().unwrap().issued.insert(state.clone(), issued);
    let requests = requests.iter().map(|(key, ask)| {
        let (method, params) = (&ask.method, params(ask, rpc));
        format!(r#""{key}":{{"method":"{method}","params":{params}}}"#)
    });
    let requests = match asked.len() {
        0 => String::new(),
        _ => format!(r#""inputRequests":{{{}}},"#, requests.collect::<Vec<_>>().join(",")),
    };
    let state = wire::quote(&state);
    let result = format!(r#"{{"resultType":"input_required",{requests}"requestState":{state}}}"#);
    let id = rpc.id.as_deref().unwrap_or("null");
    Err(wire::result(&shared.script().envelope, id, &result))
}

pub(super) fn key(at: usize) -> String {
    if at == 0 { "ask".into() } else { format!("ask-{at}") }
}

/// What a retry has to repeat.
fn subject(rpc: &Rpc) -> String {
    let raw = |key: &str| rpc.params.get(key).map_or("", |raw| raw.get());
    format!(
        "{} {} {} {}",
        rpc.method.as_deref().unwrap_or(""),
        raw("name"),
        raw("uri"),
        raw("arguments")
    )
}

/// The round that a retry belongs to and its answers, or what is wrong with it.
fn answered(shared: &Shared, rpc: &Rpc) -> Result<(Issued, Vec<String>), String> {
    let state = rpc.param("requestState").ok_or("a retry without requestState")?;
    let mut shared = shared.state.lock().unwrap();
    let issued = shared
        .issued
        .remove(&state)
        .ok_or_else(|| format!("unknown requestState, or one that was used already: {state:?}"))?;
    if issued.call != subject(rpc) {
        return Err(format!("the retry is another call: {} and {}", issued.call, subject(rpc)));
    }
    let responses = rpc.params.get("inputResponses").map(|raw| wire::object(raw.get()));
    let responses = responses.unwrap_or_default();
    if !responses.keys().eq(&issued.keys) {
        let keys: Vec<_> = responses.keys().collect();
        return Err(format!("inputResponses are {keys:?}, not {:?}", issued.keys));
    }
    let mut answers = Vec::new();
    // In the order of the questions, which is not that of the keys.
    for at in 0..responses.len() {
        let answer = responses[&key(at)].get().to_owned();
        shared.answers.push((key(at), answer.clone()));
        answers.push(answer);
    }
    Ok((issued, answers))
}
