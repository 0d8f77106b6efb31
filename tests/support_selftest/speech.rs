//! The scripted upstream speaks both eras as they are written.

use crate::{
    Client, json_of, read_until,
    support::{
        fault::{End, Fault},
        record::Ended,
        script::{Answers, Auth, Pages, Script, Tool},
        upstream::Upstream,
        wire,
    },
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_legacy_revision_is_spoken_with_a_session() {
    let upstream = Upstream::start(Script::legacy().instructions("be nice"));
    for version in wire::LEGACY {
        let client = Client::new(&upstream);
        let response = client.post("initialize", json!({"protocolVersion": version})).await;
        assert!(response.headers().contains_key("mcp-session-id"));
        let result = &json_of(response).await["result"];
        assert_eq!(
            (result["protocolVersion"].as_str(), &result["instructions"]),
            (Some(version), &json!("be nice"))
        );
    }
    let mut client = Client::initialized(&upstream).await;
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(client.raw(initialized).send().await.unwrap().status(), 202);
    assert_eq!(client.post("tools/list", json!({})).await.status(), 200);
    assert_eq!(upstream.sessions(), 5);
    upstream.expire_sessions();
    assert_eq!(client.post("tools/list", json!({})).await.status(), 404);
    client.session = None;
    assert_eq!(client.post("tools/list", json!({})).await.status(), 400);

    let client = Client::initialized(&upstream).await;
    assert_eq!(client.request(Method::DELETE).send().await.unwrap().status(), 200);
    assert_eq!((upstream.sessions(), upstream.http_requests_of("DELETE").len()), (0, 1));
    assert_eq!(client.post("tools/list", json!({})).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_results_and_arguments_keep_their_bytes() {
    const TOOL: &str = "{ \"name\": \"odd\",\n  \"x\": 1.0e+2, \"inputSchema\": {\"type\":\"object\"}, \"b\":1,\"a\":\"\\u00e9\" }";
    const RESULT: &str = r#"{ "zz": 10000000000000000000000, "content": [],  "a":-0.0 }"#;
    let script = Script::legacy().tool(Tool::raw(TOOL).result(RESULT)).sessions(false);
    let upstream = Upstream::start(script);
    let client = Client::new(&upstream);
    let list = client.post("tools/list", json!({})).await.text().await.unwrap();
    assert!(list.contains(TOOL), "{list}");
    let answer = client.call("odd", json!({})).await.text().await.unwrap();
    assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{RESULT}}}"#));

    let call = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"echo","arguments":{ "b":1E400,"a":[ ] }}}"#;
    let answer = client.raw(call).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains(r#""id":"x""#), "{answer}");
    assert!(answer.contains(r#""structuredContent":{ "b":1E400,"a":[ ] }"#), "{answer}");

    // Over SSE too, where a line break cuts an event in lines.
    upstream.change(|script| script.answers = Answers::Sse);
    let list = client.post("tools/list", json!({})).await.text().await.unwrap();
    assert!(list.replace("\ndata: ", "\n").contains(TOOL), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_sse_sends_progress_asks_back_and_answers() {
    let tool = Tool::echo("slow").progress(2, Duration::ZERO).asks("ping", "{}");
    let upstream = Upstream::start(Script::legacy().sse().tool(tool));
    let client = Client::initialized(&upstream).await;
    let mut stream = client.call("slow", json!({})).await;
    let seen = read_until(&mut stream, r#""method":"ping""#).await;
    assert!(seen.contains(r#""progressToken":"p","progress":2,"total":2"#), "{seen}");
    let id = seen.split(r#""id":"#).nth(1).unwrap().split(',').next().unwrap().to_owned();
    let pong = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"pong":1}}}}"#);
    assert_eq!(client.raw(&pong).send().await.unwrap().status(), 202);
    let rest = stream.text().await.unwrap();
    assert!(rest.contains(r#"{\"pong\":1}"#), "{rest}");
    assert_eq!(upstream.answers(), [(id, r#"{"pong":1}"#.to_owned())]);
    assert_eq!((upstream.runs("slow"), upstream.peak_in_flight()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_get_stream_carries_list_changed_or_is_405() {
    let upstream = Upstream::start(Script::legacy());
    let client = Client::initialized(&upstream).await;
    let mut stream = client.request(Method::GET).send().await.unwrap();
    upstream.wait_for_streams(1);
    upstream.set_tools([Tool::echo("new")]);
    upstream.storm(3, Duration::from_millis(5));
    let mut seen = String::new();
    while seen.matches("notifications/tools/list_changed").count() < 3 {
        seen.push_str(&read_until(&mut stream, "\n\n").await);
    }
    upstream.end_streams(true);
    assert_eq!(stream.text().await.unwrap().matches("list_changed").count(), 0);
    upstream.poll("the end of the stream", || upstream.open_streams() == 0);

    upstream.change(|script| script.get_stream = false);
    assert_eq!(client.request(Method::GET).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modern_requests_are_checked_and_answered() {
    const MIRROR: &str = r#"{"name":"mirror","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}"#;
    let upstream = Upstream::start(Script::modern().tool(Tool::raw(MIRROR)).tool(Tool::echo("é")));
    let client = Client::new(&upstream);
    let discover = client.modern("server/discover", json!({}));
    let result = json_of(discover.send().await.unwrap()).await;
    assert_eq!(result["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["result"]["resultType"], "complete");
    let list = client.modern("tools/list", json!({})).send().await.unwrap();
    assert_eq!(json_of(list).await["result"]["cacheScope"], "private");

    let code = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), json_of(response).await["error"]["code"].as_i64())
    };
    let call = |tool: &str, arguments: Value| {
        client.modern("tools/call", json!({"name": tool, "arguments": arguments}))
    };
    assert_eq!(code(call("echo", json!({}))).await, (200, None));
    assert_eq!(code(call("nobody", json!({}))).await, (200, Some(-32602)));
    assert_eq!(code(call("mirror", json!({"region": "é"}))).await, (400, Some(-32020)));
    let mirrored =
        call("mirror", json!({"region": "é"})).header("mcp-param-region", "=?base64?w6k=?=");
    assert_eq!(code(mirrored).await, (200, None));
    let twice = client.modern("tools/list", json!({})).header("mcp-method", "tools/call");
    assert_eq!(code(twice).await, (400, Some(-32020)));
    assert_eq!(code(client.modern("prompts/list", json!({}))).await, (404, Some(-32601)));
    // A legacy client gets the supported revisions in words.
    let legacy = client.post("initialize", json!({"protocolVersion": "2025-11-25"})).await;
    assert_eq!(legacy.status(), 400);
    assert!(legacy.text().await.unwrap().contains("2026-07-28"));
    assert_eq!(client.request(Method::GET).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modern_client_listens_and_is_asked_by_input_required() {
    let upstream = Upstream::start(Script::dual().tool(Tool::echo("ask").asks("roots/list", "{}")));
    let client = Client::new(&upstream);
    let filter = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true}});
    let mut stream = client.modern("subscriptions/listen", filter).send().await.unwrap();
    let acknowledged = read_until(&mut stream, "\n\n").await;
    assert!(acknowledged.contains("notifications/subscriptions/acknowledged"), "{acknowledged}");
    assert!(
        acknowledged.contains(r#""notifications":{"toolsListChanged":true}"#),
        "{acknowledged}"
    );
    upstream.push_list_changed();
    let changed = read_until(&mut stream, "list_changed").await;
    assert!(changed.contains(r#""io.modelcontextprotocol/subscriptionId":"m""#), "{changed}");
    drop(stream);
    upstream.poll("the client leaving", || upstream.open_streams() == 0);

    let ask = client.modern("tools/call", json!({"name": "ask"})).send().await.unwrap();
    let ask = json_of(ask).await["result"].clone();
    assert_eq!(
        (&ask["resultType"], &ask["inputRequests"]["ask"]["method"]),
        (&json!("input_required"), &json!("roots/list"))
    );
    let answer = json!({"name": "ask", "inputResponses": {"ask": {"roots": []}}, "requestState": ask["requestState"]});
    let done = json_of(client.modern("tools/call", answer).send().await.unwrap()).await;
    assert_eq!(done["result"]["content"][0]["text"], r#"{"roots":[]}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_cancels_a_modern_call_and_a_notification_a_legacy_one() {
    let upstream = Upstream::start(Script::dual().sse().tool(Tool::echo("never").never()));
    let client = Client::new(&upstream);
    let call = client.modern("tools/call", json!({"name": "never"})).send().await.unwrap();
    upstream.poll("the call", || upstream.in_flight() == 1);
    drop(call);
    upstream.poll("its end", || upstream.in_flight() == 0);
    assert_eq!(upstream.requests()[0].ended, Ended::ClientGone);

    let client = Client::initialized(&upstream).await;
    let call = client.call("never", json!({})).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(client.raw(cancel).send().await.unwrap().status(), 202);
    assert_eq!(call.text().await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_asked_for_and_seen() {
    let upstream = Upstream::start(Script::legacy().auth(Auth::bearer("t0p")));
    let client = Client::new(&upstream);
    let refused = client.post("initialize", json!({})).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    upstream.change(|script| script.auth = Some(Auth::header("x-api-key", "k").bare()));
    let refused = client.post("initialize", json!({})).await;
    assert!(refused.status() == 401 && !refused.headers().contains_key("www-authenticate"));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    assert_eq!(client.raw(body).header("x-api-key", "k").send().await.unwrap().status(), 200);
    let seen = upstream.requests();
    assert_eq!(seen.iter().filter(|request| request.header("x-api-key") == Some("k")).count(), 1);
    assert!(seen[2].mentions("initialize") && !seen[2].mentions("t0p"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_come_in_pages() {
    let tools = (0..5).map(|at| Tool::echo(&format!("t{at}")));
    let upstream =
        Upstream::start(Script::legacy().sessions(false).tools(tools).pages(Pages::By(2)));
    let client = Client::new(&upstream);
    let pages = async |limit: usize| {
        let (mut sizes, mut params) = (Vec::new(), json!({}));
        while sizes.len() < limit {
            let page = json_of(client.post("tools/list", params).await).await["result"].clone();
            sizes.push(page["tools"].as_array().unwrap().len());
            match page.get("nextCursor") {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => break,
            }
        }
        sizes
    };
    assert_eq!(pages(10).await, [2, 2, 1]);
    upstream.change(|script| script.pages = Pages::EmptyCursor(2));
    assert_eq!(pages(10).await, [2, 2, 1]);
    assert_eq!(upstream.requests()[4].rpc.param("cursor").as_deref(), Some(""));
    upstream.change(|script| script.pages = Pages::Endless(3));
    assert_eq!(pages(4).await, [3; 4]);
    upstream.change(|script| script.pages = Pages::SameCursor(1));
    assert_eq!(pages(4).await, [1; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_comes_over_the_get_stream_where_that_is_wanted() {
    let tool = Tool::echo("ask").asks_on_get("elicitation/create", r#"{"message":"?"}"#);
    let upstream = Upstream::start(Script::legacy().answers(Answers::Mixed).tool(tool));
    let client = Client::initialized(&upstream).await;
    let mut stream = client.request(Method::GET).send().await.unwrap();
    let call = client.call("ask", json!({})).await;
    assert_eq!(call.headers()["content-type"], "text/event-stream");
    let question = read_until(&mut stream, "\n\n").await;
    let question = question.split("data: ").nth(1).unwrap().trim();
    let question: Value = serde_json::from_str(question).unwrap();
    assert_eq!(question["method"], "elicitation/create");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}});
    assert_eq!(client.raw(&answer.to_string()).send().await.unwrap().status(), 202);
    assert!(call.text().await.unwrap().contains("decline"));
    let plain = client.call("echo", json!({})).await;
    assert_eq!(plain.headers()["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_opens_with_what_is_asked_for_and_can_be_polled() {
    let script = Script::legacy().sse().event_ids().retry(Duration::from_millis(7));
    let upstream = Upstream::start(script.tool(Tool::echo("big").sized(1_000_000)));
    upstream.change(|script| script.comments = true);
    let client = Client::initialized(&upstream).await;
    upstream.fault(Fault::cut_after_events(2, End::Clean).once());
    let opening = client.call("big", json!({})).await.text().await.unwrap();
    assert!(opening.starts_with(": hello\n\nid: "), "{opening}");
    assert!(opening.ends_with("data: \nretry: 7\n\n"), "{opening}");
    let id = opening.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let rest = client.request(Method::GET).header("last-event-id", id).send().await.unwrap();
    assert!(rest.text().await.unwrap().contains(&"x".repeat(1_000_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stubborn_server_answers_what_was_cancelled_and_ends_its_streams() {
    let slow = Tool::echo("slow").delay(Duration::from_millis(50));
    let upstream = Upstream::start(Script::dual().sse().tool(slow));
    upstream.change(|script| script.ignores_cancel = true);
    let client = Client::initialized(&upstream).await;
    let call = client.call("slow", json!({})).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(client.raw(cancel).send().await.unwrap().status(), 202);
    assert!(call.text().await.unwrap().contains("result"));

    let modern = Client::new(&upstream);
    let listen = json!({"notifications": {"toolsListChanged": true}});
    let mut stream = modern.modern("subscriptions/listen", listen).send().await.unwrap();
    read_until(&mut stream, "acknowledged").await;
    upstream.push_raw(r#"{"jsonrpc":"2.0","method":"notifications/odd"}"#);
    upstream.end_streams(true);
    let end = stream.text().await.unwrap();
    assert!(end.contains("notifications/odd") && end.contains(r#""id":"m","result""#), "{end}");
}
