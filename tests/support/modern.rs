//! Revision 2026-07-28: stateless requests, checked headers, `subscriptions/listen`.

use super::{
    offer,
    record::Request,
    run::{self, Client},
    script::Script,
    server::{Reply, Status, accepts},
    state::{Filter, Listener, Shared},
    wire::{self, Rpc},
};
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) async fn post(shared: &Arc<Shared>, request: &Request) -> Reply {
    let (script, rpc) = (shared.script(), &request.rpc);
    if script.strict
        && !(accepts(request, "application/json") && accepts(request, "text/event-stream"))
    {
        return refuse(rpc, 406, -32600, "Accept needs application/json and text/event-stream");
    }
    let Some(method) = rpc.method.as_deref() else {
        return refuse(rpc, 400, -32600, "not one JSON-RPC request");
    };
    let Some(id) = rpc.id.as_deref() else { return Reply::empty(202) };
    if let Err(reply) = check(shared, &script, request, method) {
        return reply;
    }
    let info = &script.server_info;
    let meta = format!(r#""_meta":{{"{}":{info}}},"#, wire::SERVER_INFO);
    let ttl = script.ttl_ms;
    let cache = format!(r#""resultType":"complete","ttlMs":{ttl},"cacheScope":"private",{meta}"#);
    let answer = match method {
        "server/discover" => {
            let instructions = script.instructions.as_deref().map_or_else(String::new, |text| {
                format!(r#","instructions":{}"#, wire::quote(text))
            });
            let (capabilities, versions) = (&script.capabilities, supported(&script));
            let result = format!(
                r#"{{{cache}"supportedVersions":{versions},"capabilities":{capabilities}{instructions}}}"#
            );
            wire::result(&script.envelope, id, &result)
        }
        "subscriptions/listen" => return listen(shared, &script, rpc, id),
        call if run::is_call(&script, call) => {
            let (log, stop, chatty) = run::call(shared, rpc, &Client::Modern);
            return run::reply(shared, log, chatty, Some(stop), 200).await;
        }
        other => {
            let result = offer::list(&script, rpc, &cache).or_else(|| {
                let result = offer::other(shared, rpc, &Client::Modern)?;
                Some(result.map(|result| run::as_modern(&result, rpc)))
            });
            match result {
                Some(Ok(result)) => wire::result(&script.envelope, id, &result),
                Some(Err((code, message))) => wire::error(Some(id), code, &message, None),
                None => return refuse(rpc, 404, -32601, &format!("Method not found: {other}")),
            }
        }
    };
    let log = shared.stream();
    run::finish(shared, &log, answer);
    run::reply(shared, log, false, None, 200).await
}

/// The rules of the request's own metadata and of SEP-2243.
fn check(shared: &Shared, script: &Script, request: &Request, method: &str) -> Result<(), Reply> {
    let rpc = &request.rpc;
    let mismatch = |message: String| Err(refuse(rpc, 400, -32020, &message));
    let Some(header) = request.header("mcp-protocol-version") else {
        let message = format!("no MCP-Protocol-Version header; supported: {}", supported(script));
        return mismatch(message);
    };
    let Some(version) = rpc.meta_string(wire::PROTOCOL_VERSION) else {
        return Err(refuse(rpc, 400, -32602, "_meta has no protocolVersion"));
    };
    if header != version {
        return mismatch(format!("MCP-Protocol-Version is {header}, _meta says {version}"));
    }
    if version != wire::MODERN {
        let (supported, requested) = (supported(script), wire::quote(&version));
        let data = format!(r#"{{"supported":{supported},"requested":{requested}}}"#);
        let message = "Unsupported protocol version";
        let error = wire::error(rpc.id.as_deref(), -32022, message, Some(&data));
        return Err(Reply::json(400, error));
    }
    if !rpc.meta.get(wire::CLIENT_CAPABILITIES).is_some_and(|raw| raw.get().starts_with('{')) {
        return Err(refuse(rpc, 400, -32602, "_meta has no clientCapabilities"));
    }
    if request.headers.get_all("mcp-method").iter().count() != 1
        || request.header("mcp-method") != Some(method)
    {
        return mismatch(format!("Mcp-Method is not {method}"));
    }
    if let Some(name) = rpc.header_name() {
        let sent = request.header("mcp-name").and_then(wire::header_text);
        if sent.as_deref() != Some(&name) {
            return mismatch(format!("Mcp-Name is {sent:?}, the body says {name}"));
        }
    }
    if let Some(name) = rpc.tool() {
        let schema = shared.tool(&name).and_then(|tool| {
            serde_json::from_slice::<Value>(&tool.definition)
                .ok()
                .map(|all| all["inputSchema"].clone())
        });
        let arguments: Value = rpc
            .params
            .get("arguments")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        return params(request, &schema.unwrap_or_default(), &arguments);
    }
    Ok(())
}

/// Every argument that its schema marks with `x-mcp-header` must be in its header too.
fn params(request: &Request, schema: &Value, arguments: &Value) -> Result<(), Reply> {
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    for (key, property) in properties {
        let argument = &arguments[key];
        let text = match argument {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(name) = property["x-mcp-header"].as_str()
            && !argument.is_null()
        {
            let name = format!("mcp-param-{name}").to_lowercase();
            let sent = request.header(&name).and_then(wire::header_text);
            if sent.as_deref() != Some(&text) {
                let message = format!("{name} is {sent:?}, the body says {text}");
                return Err(refuse(&request.rpc, 400, -32020, &message));
            }
        }
        params(request, property, argument)?;
    }
    Ok(())
}

/// Opens a stream of the changes that the client asks for and that there can be.
fn listen(shared: &Arc<Shared>, script: &Script, rpc: &Rpc, id: &str) -> Reply {
    let filter: Value = rpc
        .params
        .get("notifications")
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let wants = |key: &str, can: &str| filter[key] == true && script.can(can);
    let filter = Filter {
        tools: wants("toolsListChanged", "tools.listChanged"),
        prompts: wants("promptsListChanged", "prompts.listChanged"),
        resources: wants("resourcesListChanged", "resources.listChanged"),
        uris: filter["resourceSubscriptions"]
            .as_array()
            .filter(|_| script.can("resources.subscribe"))
            .map(|all| all.iter().filter_map(|uri| uri.as_str().map(str::to_owned)).collect()),
    };
    let log = shared.stream();
    let honoured = filter.honoured();
    let params =
        format!(r#"{{"_meta":{{"{}":{id}}},"notifications":{honoured}}}"#, wire::SUBSCRIPTION_ID);
    log.push(wire::notification("notifications/subscriptions/acknowledged", Some(&params)));
    let gone = CancellationToken::new();
    let listener =
        Listener { id: id.to_owned(), log: Arc::clone(&log), gone: gone.clone(), filter };
    shared.state.lock().unwrap().listeners.push(listener);
    run::stream(script, log, 0, Some(gone)).with("x-accel-buffering", "no")
}

fn supported(script: &Script) -> String {
    let mut all = vec![wire::quote(wire::MODERN)];
    if script.legacy {
        all.extend(script.revisions.iter().rev().map(|one| wire::quote(one)));
    }
    format!("[{}]", all.join(","))
}

fn refuse(rpc: &Rpc, status: Status, code: i64, message: &str) -> Reply {
    Reply::json(status, wire::error(rpc.id.as_deref(), code, message, None))
}
