//! What comes outside of calls.

use super::{
    Bench, call,
    stub::{Lines, Said, Stub, events, legacy, modern},
};
use crate::support::{script::Script, upstream::Upstream as Server};
use allmcp::{
    upstream::{ErrorKind, Event},
    wire::LogLevel,
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

type Open = Arc<Mutex<Vec<(Value, Lines)>>>;

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn note(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// The next event of this kind that is not about our own state.
async fn heard(bench: &mut Bench) -> Event {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(10), bench.events.recv());
        let (_, event) = next.await.unwrap().unwrap();
        if !matches!(event, Event::State | Event::ListsChanged) {
            return event;
        }
    }
}

/// A modern server that takes subscriptions to all but `x://no`.
async fn server() -> (Stub, Open) {
    let streams = Open::default();
    let open = Arc::clone(&streams);
    let stub = Stub::start(move |seen| {
        let capabilities = json!({"tools": {"listChanged": true}, "resources": {"subscribe": true},
            "prompts": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
        if let Some(said) = modern(seen, &capabilities) {
            return said;
        }
        if seen.method() != "subscriptions/listen" {
            return seen.result(json!({"resultType": "complete", "resources": [], "prompts": [], "resourceTemplates": []}));
        }
        let id = seen.body["id"].clone();
        let wanted = &seen.body["params"]["notifications"]["resourceSubscriptions"];
        if wanted.as_array().is_some_and(|uris| uris.contains(&json!("x://bad"))) {
            return seen.error(400, -32602);
        }
        let (lines, said) = events();
        let mut filter = seen.body["params"]["notifications"].clone();
        if let Some(uris) = filter["resourceSubscriptions"].as_array_mut() {
            uris.retain(|uri| uri != "x://no");
        }
        let params = json!({"_meta": {SUBSCRIPTION: id}, "notifications": filter});
        lines.send(note("notifications/subscriptions/acknowledged", params)).unwrap();
        open.lock().unwrap().push((id, lines));
        said
    });
    (stub.await, streams)
}

#[tokio::test]
async fn a_modern_subscription_follows_what_is_wanted() {
    let (stub, streams) = server().await;
    let mut bench = Bench::new(&stub.url, |c| c.listen = true);
    bench.declared.set(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#.into());
    bench.upstream.list().await.unwrap();
    let first = stub.wait("subscriptions/listen", 1).await;
    assert_eq!(first[0].body["params"]["notifications"], json!({"toolsListChanged": true}));
    bench.upstream.subscribe("x://a").await.unwrap();
    for refused in ["x://no", "x://bad"] {
        let error = bench.upstream.subscribe(refused).await.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Rpc(ref e) if e.code == -32601), "{error}");
    }
    bench.upstream.watch_task("t").await.unwrap();
    let last = |stub: &Stub| {
        let all = stub.all("subscriptions/listen");
        all.last().unwrap().body["params"]["notifications"].clone()
    };
    assert_eq!(
        last(&stub),
        json!({"toolsListChanged": true, "resourceSubscriptions": ["x://a"], "taskIds": ["t"]})
    );
    let (id, lines) = streams.lock().unwrap().last().unwrap().clone();
    let updated = |id: Value, uri: &str| {
        let params = json!({"uri": uri, "_meta": {SUBSCRIPTION: id, "v/x": 1}});
        note("notifications/resources/updated", params)
    };
    lines.send(updated(json!(999_999), "x://foreign")).unwrap();
    lines.send(updated(id.clone(), "x://a")).unwrap();
    let task = json!({"taskId": "t", "status": "completed", "_meta": {SUBSCRIPTION: id}});
    lines.send(note("notifications/tasks", task)).unwrap();
    let Event::ResourceUpdated(params) = heard(&mut bench).await else { panic!("an update") };
    let params: Value = serde_json::from_slice(&params).unwrap();
    assert_eq!(params, json!({"uri": "x://a", "_meta": {"v/x": 1}}));
    assert!(matches!(heard(&mut bench).await, Event::Task(_)));
    bench.upstream.unsubscribe("x://a").await;
    bench.upstream.unwatch_task("t");
    while last(&stub) != json!({"toolsListChanged": true}) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A stream that breaks is opened again, with a look at what was missed.
    bench.upstream.subscribe("x://b").await.unwrap();
    streams.lock().unwrap().clear();
    assert_eq!(heard(&mut bench).await, Event::ResourceUpdated("{\"uri\":\"x://b\"}".into()));
}

#[tokio::test]
async fn a_legacy_session_is_told_again_what_is_wanted() {
    let streams = Open::default();
    let open = Arc::clone(&streams);
    let gone = Arc::new(Mutex::new(String::new()));
    let expired = Arc::clone(&gone);
    let stub = Stub::start(move |seen| {
        if seen.header("mcp-session-id").is_some_and(|id| *expired.lock().unwrap() == id) {
            return Said::Empty(404);
        }
        if seen.http == "GET" {
            let (lines, said) = events();
            open.lock().unwrap().push((Value::Null, lines));
            return said;
        }
        let capabilities = json!({"tools": {}, "resources": {"subscribe": true}, "logging": {}});
        if seen.method() == "notifications/roots/list_changed" {
            return Said::Empty(202);
        }
        legacy(seen, &capabilities)
            .unwrap_or_else(|| seen.result(json!({"resources": [], "resourceTemplates": []})))
    })
    .await;
    let mut bench = Bench::new(&stub.url, |c| c.listen = true);
    bench.declared.set(r#"{"roots":{"listChanged":true}}"#.into());
    bench.upstream.log_level(Some(LogLevel::Warning));
    bench.upstream.subscribe("x://a").await.unwrap();
    bench.upstream.roots_changed();
    stub.wait("notifications/roots/list_changed", 1).await;
    assert_eq!(stub.wait("logging/setLevel", 1).await[0].body["params"]["level"], "warning");
    bench.upstream.log_level(Some(LogLevel::Debug));
    bench.upstream.log_level(None);
    bench.upstream.log_level(Some(LogLevel::Error));
    while stub.all("logging/setLevel").last().unwrap().body["params"]["level"] != "error" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while streams.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_, lines) = streams.lock().unwrap()[0].clone();
    lines.send(note("notifications/resources/updated", json!({"uri": "x://a"}))).unwrap();
    lines.send(note("notifications/message", json!({"level": "error", "data": 1}))).unwrap();
    let complete = json!({"elicitationId": "e"});
    lines.send(note("notifications/elicitation/complete", complete)).unwrap();
    assert!(matches!(heard(&mut bench).await, Event::ResourceUpdated(_)));
    assert!(matches!(heard(&mut bench).await, Event::Log(_)));
    assert!(matches!(heard(&mut bench).await, Event::ElicitationComplete(_)));
    let subscribed = stub.all("resources/subscribe");
    let levels = stub.all("logging/setLevel").len();
    subscribed[0].header("mcp-session-id").unwrap().clone_into(&mut gone.lock().unwrap());
    bench.upstream.call(call("t", "{}")).await.unwrap();
    let again = stub.wait("resources/subscribe", subscribed.len() + 1).await;
    assert_ne!(
        again.last().unwrap().headers["mcp-session-id"],
        subscribed[0].headers["mcp-session-id"]
    );
    stub.wait("logging/setLevel", levels + 1).await;
    bench.upstream.unsubscribe("x://a").await;
    assert_eq!(stub.all("resources/unsubscribe").len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_no_subscriptions_is_not_asked() {
    let stub =
        Stub::start(|seen| legacy(seen, &json!({"resources": {}})).unwrap_or(Said::Empty(500)));
    let stub = stub.await;
    let bench = Bench::new(&stub.url, |_| {});
    let error = bench.upstream.subscribe("x://a").await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Rpc(ref e) if e.code == -32601), "{error}");
    assert!(stub.all("resources/subscribe").is_empty());
}

#[tokio::test]
async fn changes_are_heard_in_both_eras_and_storms_are_calmed() {
    for script in [Script::legacy(), Script::modern().sse()] {
        let server = Server::start(script);
        let mut bench = Bench::new(&server.url(), |c| c.listen = true);
        bench.upstream.list().await.unwrap();
        let server = allmcp::task::blocking(move || {
            server.wait_for_streams(1);
            server.storm(500, Duration::from_millis(500));
            server
        })
        .await
        .unwrap();
        let mut heard = 0;
        while let Ok(Some((_, event))) =
            tokio::time::timeout(Duration::from_millis(2500), bench.events.recv()).await
        {
            heard += usize::from(event == Event::ListsChanged);
        }
        assert!((1..=2).contains(&heard), "{heard} notices of one storm");
        drop(server);
    }
}
