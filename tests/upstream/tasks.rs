//! Tools that run only as a task of the 2025-11-25 kind.

use super::{
    Bench, call,
    stub::{Client, Stub, events, legacy},
};
use allmcp::{
    upstream::{Call, ToolFacts},
    wire::Outcome,
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn capabilities() -> Value {
    json!({"tools": {}, "tasks": {"cancel": {}, "requests": {"tools": {"call": {}}}}})
}

fn task(status: &str) -> Value {
    json!({"taskId": "t-1", "status": status, "pollInterval": 1, "ttl": 1000})
}

fn wanted(client: &Arc<Client>) -> Call {
    let tool = ToolFacts { input_schema: None, needs_task: true };
    Call { tool: Some(tool), link: Some(Arc::clone(client) as _), ..call("t", "{}") }
}

async fn server(last: &'static str) -> Stub {
    let looks = AtomicUsize::new(0);
    Stub::start(move |seen| {
        if let Some(said) = legacy(seen, &capabilities()) {
            return said;
        }
        match seen.method() {
            "tools/call" => seen.result(json!({"task": task("working")})),
            "tasks/get" if looks.fetch_add(1, Ordering::SeqCst) == 0 => seen.result(task("working")),
            "tasks/get" => seen.result(task(last)),
            "tasks/result" if last == "failed" => seen.error(200, -32050),
            "tasks/result" => {
                let (lines, said) = events();
                let params = json!({"message": "?"});
                let ask = json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": params});
                lines.send(ask).unwrap();
                let token = json!({"progressToken": 0, "progress": 1});
                lines.send(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": token})).unwrap();
                let id = &seen.body["id"];
                lines.send(json!({"jsonrpc": "2.0", "id": id, "result": {"content": [7]}})).unwrap();
                said
            }
            _ => seen.result(json!({})),
        }
    })
    .await
}

#[tokio::test]
async fn a_task_is_made_watched_and_its_result_is_that_of_the_call() {
    for last in ["completed", "input_required"] {
        let stub = server(last).await;
        let bench = Bench::new(&stub.url, |_| {});
        let client = Arc::new(Client::with(r#"{"elicitation":{}}"#));
        let reply = bench.upstream.call(wanted(&client)).await.unwrap();
        assert_eq!(reply.outcome, Outcome::Complete("{\"content\":[7]}".into()));
        let made = &stub.all("tools/call")[0].body["params"];
        assert!(made["task"]["ttl"].is_u64() && made["_meta"]["progressToken"].is_u64());
        assert_eq!(stub.all("tasks/get").len(), 2);
        assert_eq!(stub.all("tasks/result")[0].body["params"]["taskId"], "t-1");
        assert_eq!(client.asked.lock().unwrap().len(), 1, "what it wants is asked for");
        assert!(stub.all("tasks/cancel").is_empty());
    }
}

#[tokio::test]
async fn a_failed_task_fails_the_call_and_a_dropped_call_cancels_its_task() {
    let stub = server("failed").await;
    let bench = Bench::new(&stub.url, |_| {});
    let client = Arc::new(Client::with("{}"));
    let error = bench.upstream.call(wanted(&client)).await.unwrap_err();
    assert!(error.to_string().contains("-32050"), "{error}");
    let stub = server("working").await;
    let bench = Bench::new(&stub.url, |_| {});
    tokio::select! {
        reply = bench.upstream.call(wanted(&client)) => panic!("it never ends: {reply:?}"),
        _ = stub.wait("tasks/get", 2) => {}
    }
    assert_eq!(stub.wait("tasks/cancel", 1).await[0].body["params"]["taskId"], "t-1");
}

#[tokio::test]
async fn a_server_without_tasks_gets_a_plain_call() {
    let stub = Stub::start(|seen| {
        legacy(seen, &json!({"tools": {}})).unwrap_or_else(|| seen.result(json!({"content": []})))
    })
    .await;
    let bench = Bench::new(&stub.url, |_| {});
    bench.upstream.call(wanted(&Arc::new(Client::with("{}")))).await.unwrap();
    assert!(stub.all("tools/call")[0].body["params"].get("task").is_none());
}
