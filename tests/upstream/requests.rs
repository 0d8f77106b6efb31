//! What a modern request says of itself, and what comes along with its answer.

use super::{
    Bench, call,
    stub::{Client, Stub, events, legacy, modern},
};
use allmcp::{
    upstream::{Call, ErrorKind, Event, ToolFacts},
    wire::LogLevel,
};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

fn message(text: &str) -> serde_json::Value {
    json!({"jsonrpc": "2.0", "method": "notifications/message",
        "params": {"level": "info", "data": text}})
}

#[tokio::test]
async fn log_messages_of_a_call_reach_its_client_in_both_eras() {
    for is_modern in [true, false] {
        let stub = Stub::start(move |seen| {
            let front = if is_modern { modern } else { legacy };
            front(seen, &json!({"tools": {}, "logging": {}})).unwrap_or_else(|| {
                let (lines, said) = events();
                lines.send(message("hello")).unwrap();
                let id = &seen.body["id"];
                lines.send(json!({"jsonrpc": "2.0", "id": id, "result": {}})).unwrap();
                said
            })
        })
        .await;
        let bench = Bench::new(&stub.url, |_| {});
        let client = Arc::new(Client { level: Some(LogLevel::Info), ..Client::with("{}") });
        bench.upstream.call(Call { link: Some(client.clone()), ..call("t", "{}") }).await.unwrap();
        assert_eq!(client.logs.lock().unwrap().len(), 1);
        let meta = &stub.all("tools/call")[0].body["params"]["_meta"];
        let level = meta["io.modelcontextprotocol/logLevel"].as_str();
        assert_eq!(level, is_modern.then_some("info"));
    }
}

#[tokio::test]
async fn marked_arguments_travel_as_headers_and_a_mismatch_makes_us_look_again() {
    let stub = Stub::start(|seen| {
        modern(seen, &json!({"tools": {}})).unwrap_or_else(|| seen.error(400, -32020))
    })
    .await;
    let mut bench = Bench::new(&stub.url, |_| {});
    let schema = r#"{"properties":{"region":{"type":"string","x-mcp-header":"Region"},"o":{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}},"gone":{"type":"string","x-mcp-header":"Gone"}}}"#;
    let tool = ToolFacts { input_schema: Some(Bytes::from(schema)), needs_task: false };
    let arguments = r#"{"region":"é","o":{"n":42},"gone":null}"#;
    let wanted = Call { tool: Some(tool), ..call("t", arguments) };
    let error = bench.upstream.call(wanted).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused { status: 400 }, "never the code of one hop");
    assert!(error.to_string().contains("definition of the tool") && !error.may_have_run, "{error}");
    let sent = &stub.all("tools/call")[0];
    assert_eq!(sent.header("mcp-param-region"), Some("=?base64?w6k=?="));
    assert_eq!(sent.header("mcp-param-n"), Some("42"));
    assert_eq!(sent.header("mcp-param-gone"), None);
    loop {
        if bench.events.recv().await.unwrap().1 == Event::ListsChanged {
            break;
        }
    }
}
