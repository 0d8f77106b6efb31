//! Every revision of the protocol on the client's side, alone and side by side.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk::{OURS, call_params, eventually, names_of, text},
    upstream::Upstream,
    wire,
};

const CHANGED: &str = "notifications/tools/list_changed";

/// A home with one connection to each server, `c0`, `c1` and so on.
fn home(servers: &[&Upstream]) -> TestEnv {
    let env = TestEnv::new();
    for (at, server) in servers.iter().enumerate() {
        env.connection(&format!("c{at}"), &server.url());
    }
    env
}

fn started(servers: &[&Upstream]) -> (TestEnv, Serve) {
    let env = home(servers);
    let serve = Serve::start(&env, &["serve"]);
    (env, serve)
}

fn code(response: &Value) -> i64 {
    response["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {response}"))
}

/// What is offered as long as nobody has listed a connection: it may have all of it.
fn expected() -> Value {
    json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "completions": {},
        "logging": {},
    })
}

#[test]
fn initialize_echoes_each_old_revision_and_answers_others_with_the_newest_of_them() {
    let server = Upstream::start(Script::modern());
    let env = home(&[&server]);
    for (asked, got) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("", "2025-11-25"),
    ] {
        let mut serve = Serve::start(&env, &["serve"]);
        let result = serve.initialize(asked);
        assert_eq!(result["protocolVersion"], got, "asked for {asked:?}");
        let mut expected = expected();
        if asked == "2024-11-05" {
            // It has no word for it.
            expected.as_object_mut().unwrap().remove("completions");
        } else {
            // From the second start on it is known what there is; memories always are.
            expected = json!({"tools": {"listChanged": true}, "resources": {"listChanged": true}});
        }
        assert_eq!(result["capabilities"], expected, "{asked}");
        assert_eq!(result["serverInfo"]["name"], "allmcp");
        assert!(result["instructions"].is_string() && result.get("resultType").is_none());
        let list = serve.request("tools/list", json!({}));
        let keys: Vec<_> = list["result"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["tools"], "{asked}: nothing of a newer revision");
        assert_eq!(text(&serve.call("c0__echo", json!({"a": 1}))), r#"{"a":1}"#);
        assert_eq!(serve.finish(), 0);
    }
}

#[test]
fn batches_are_answered_as_one_line_in_the_one_revision_that_has_them() {
    let slow = Tool::echo("slow").delay(Duration::from_millis(50));
    let server = Upstream::start(Script::legacy().tool(slow));
    let env = home(&[&server]);
    let call = |id: u32, name: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{}}}"#,
            call_params(name, "{}")
        )
    };
    let batch = format!(
        r#"[{},{{"jsonrpc":"2.0","method":"notifications/x"}},{},{{"jsonrpc":"2.0","id":"p","method":"ping"}},7,{}]"#,
        call(10, "c0__slow"),
        call(11, "c0__echo"),
        call(12, "c0__none"),
    );
    for version in wire::LEGACY {
        let mut serve = Serve::start(&env, &["serve"]);
        serve.initialize(version);
        serve.tools();
        serve.send_line(&batch);
        let refusal = |message: &Value| message["id"].is_null() && message["error"].is_object();
        if version != "2025-03-26" {
            let refused = serve.wait_for("a refusal", refusal);
            assert_eq!(code(&refused), -32600, "{version}");
            assert_eq!(serve.request("ping", json!({}))["result"], json!({}));
            continue;
        }
        let answers = serve.wait_for("the batch", Value::is_array);
        let answer = |id: Value| answers.as_array().unwrap().iter().find(|a| a["id"] == id);
        assert_eq!(answers.as_array().unwrap().len(), 5, "{answers}");
        for id in [10, 11] {
            text(answer(json!(id)).unwrap());
        }
        assert_eq!(answer(json!("p")).unwrap()["result"], json!({}));
        assert_eq!(code(answer(json!(12)).unwrap()), -32602);
        assert_eq!(code(answer(Value::Null).unwrap()), -32600);
        // Notifications alone have no answer, and an empty batch is none.
        serve.send_line(r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#);
        serve.send_line("[]");
        let refused = serve.wait_for("a refusal", refusal);
        assert_eq!(code(&refused), -32600);
    }
}

#[test]
fn a_modern_client_needs_no_handshake_and_begins_at_id_0() {
    let server = Upstream::start(Script::legacy().instructions("Be kind."));
    let (_env, mut serve) = started(&[&server]);
    let first = serve.modern("server/discover", json!({}));
    assert_eq!(first["id"], 0);
    let result = &first["result"];
    let supported: Vec<_> =
        [wire::MODERN].into_iter().chain(wire::LEGACY.into_iter().rev()).collect();
    assert_eq!(result["supportedVersions"], json!(supported));
    assert_eq!(result["capabilities"], expected());
    assert_eq!(result["resultType"], "complete");
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    assert_eq!(result["_meta"][wire::SERVER_INFO]["name"], "allmcp");
    let list = serve.modern("tools/list", json!({}));
    let names = names_of(list["result"]["tools"].as_array().unwrap());
    assert_eq!(names, [OURS, "c0__echo"]);
    assert_eq!(list["result"]["cacheScope"], "private");
    let answer = serve.modern("tools/call", json!({"name": "c0__echo", "arguments": {"a": 1}}));
    assert_eq!(answer["result"]["structuredContent"], json!({"a": 1}));
    assert_eq!(answer["result"]["resultType"], "complete");
    let own = serve.modern("tools/call", json!({"name": "list_mcp_connections"}));
    assert_eq!(own["result"]["structuredContent"]["connections"][0]["connected"], true);
    assert_eq!(own["result"]["resultType"], "complete");
    let told = serve.discover()["instructions"].as_str().unwrap().to_owned();
    assert!(told.contains("## c0\nBe kind."), "{told}");
}

#[test]
fn both_eras_live_in_one_process() {
    let (legacy, modern) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    let (_env, mut serve) = started(&[&legacy, &modern]);
    // What Claude Code does: look first, then speak the old way all the same.
    serve.discover();
    serve.initialize("2025-11-25");
    serve.tools();
    for _ in 0..5 {
        for name in ["c0__echo", "c1__echo"] {
            let params = json!({"name": name, "arguments": {"x": name}});
            let old = serve.send_request("tools/call", params.clone());
            let new = serve.send_modern("tools/call", params);
            let (old, new) = (serve.response(old), serve.response(new));
            assert_eq!(old["result"].get("resultType"), None);
            assert_eq!(new["result"]["resultType"], "complete");
            assert_eq!(old["result"]["content"], new["result"]["content"]);
        }
    }
    assert_eq!(serve.initialize("2025-06-18")["protocolVersion"], "2025-06-18");
    assert_eq!(serve.modern("tools/list", json!({}))["result"]["resultType"], "complete");
    // A request may name an older revision itself.
    let old = json!({"_meta": {wire::PROTOCOL_VERSION: "2025-06-18"}});
    assert!(serve.request("tools/list", old)["result"].get("resultType").is_none());
}

#[test]
fn wrong_messages_get_the_right_code_and_the_process_stays() {
    let server = Upstream::start(Script::legacy());
    let (_env, mut serve) = started(&[&server]);
    // Before the handshake only ping is answered.
    assert_eq!(serve.request("ping", json!({}))["result"], json!({}));
    for method in ["tools/list", "tools/call"] {
        assert_eq!(code(&serve.request(method, json!({"name": "c0__echo"}))), -32602);
    }
    assert_eq!(code(&serve.request("nonsense", json!({}))), -32602);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names(), [OURS, "c0__echo"]);
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (at, (line, code_, id)) in [
        ("{\"jsonrpc\":\"2.0\",", -32700, Value::Null),
        ("hello", -32700, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"} x", -32700, Value::Null),
        ("7", -32600, Value::Null),
        ("\"ping\"", -32600, Value::Null),
        (r#"{"jsonrpc":"1.0","id":"v","method":"ping"}"#, -32600, json!("v")),
        (r#"{"jsonrpc":"2.0","id":"p","method":"ping","params":[]}"#, -32600, json!("p")),
        (r#"{"jsonrpc":"2.0","id":"m","method":7}"#, -32600, json!("m")),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":"nothing"}"#, -32600, json!("nothing")),
        (&deep, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":"u","method":"tasks/list"}"#, -32601, json!("u")),
        (r#"{"jsonrpc":"2.0","id":"n","method":"tools/call"}"#, -32602, json!("n")),
        (
            r#"{"jsonrpc":"2.0","id":"o","method":"tools/call","params":{"name":7}}"#,
            -32602,
            json!("o"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"c","method":"tools/list","params":{"cursor":"x"}}"#,
            -32602,
            json!("c"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let before = serve.lines().len();
        serve.send_line(line);
        eventually("an answer", || serve.lines().len() > before);
        let answer: Value = serde_json::from_slice(&serve.lines()[before]).unwrap();
        assert_eq!((code(&answer), &answer["id"]), (code_, &id), "{at}: {line:.60}");
        assert_eq!(serve.request("ping", json!({}))["result"], json!({}));
    }
    serve.send_bytes(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}\n");
    assert_eq!(serve.request("ping", json!({}))["result"], json!({}));
    let near = serve.call("c0__ecko", json!({}));
    assert_eq!(code(&near), -32602);
    assert!(near["error"]["message"].as_str().unwrap().contains("c0__echo"), "{near}");
    // The line after one that is too long is read.
    serve.send_line(&format!(r#"{{"jsonrpc":"2.0","id":9,"x":"{}"}}"#, "x".repeat(17 << 20)));
    assert_eq!(serve.request("ping", json!({}))["result"], json!({}));
    text(&serve.call("c0__echo", json!({})));
}

#[test]
fn wrong_modern_requests_get_the_codes_of_their_revision() {
    let (_env, mut serve) = started(&[]);
    let meta = |version: Value| json!({"_meta": {wire::PROTOCOL_VERSION: version, wire::CLIENT_CAPABILITIES: {}}});
    let unknown = serve.request("tools/list", meta(json!("2099-01-01")));
    assert_eq!(code(&unknown), -32022);
    let data = &unknown["error"]["data"];
    assert_eq!(data["requested"], "2099-01-01");
    assert!(data["supported"].as_array().unwrap().contains(&json!(wire::MODERN)), "{data}");
    assert_eq!(code(&serve.request("tools/list", meta(json!(7)))), -32602);
    let bare = json!({"_meta": {wire::PROTOCOL_VERSION: wire::MODERN}});
    assert_eq!(code(&serve.request("tools/list", bare)), -32602);
    let bare = json!({"_meta": {wire::CLIENT_CAPABILITIES: {}}});
    assert_eq!(code(&serve.request("tools/list", bare)), -32602);
    for removed in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "nonsense"] {
        assert_eq!(code(&serve.modern(removed, json!({}))), -32601, "{removed}");
    }
    assert_eq!(code(&serve.modern("tools/call", json!({"name": "none"}))), -32602);
    assert_eq!(code(&serve.modern("subscriptions/listen", json!({}))), -32602);
    assert!(serve.modern("tools/list", json!({}))["result"]["tools"].is_array());
    // A legacy client is not there yet, whatever the modern one did.
    assert_eq!(code(&serve.request("tools/list", json!({}))), -32602);
    // An id may not be used twice at a time.
    let listen = r#"{"notifications":{}}"#;
    let listen = serve.raw_modern(listen);
    for _ in 0..2 {
        let line = wire::request("\"l\"", "subscriptions/listen", &listen);
        serve.send_line(&String::from_utf8_lossy(&line));
    }
    let twice = serde_json::from_slice(&serve.response_line("\"l\"")).unwrap();
    assert_eq!(code(&twice), -32600);
}

#[test]
fn changed_tools_are_told_to_those_who_want_to_know_under_their_ids() {
    let (legacy, modern) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    let (_env, mut serve) = started(&[&legacy, &modern]);
    serve.discover();
    let filter = json!({"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["x:y"]});
    let id = serve.send_modern("subscriptions/listen", json!({"notifications": filter}));
    let ack = serve.wait_for_method("notifications/subscriptions/acknowledged");
    // Nobody has the resource.
    let honoured = json!({"toolsListChanged": true, "promptsListChanged": true});
    assert_eq!(ack["params"]["notifications"], honoured);
    assert_eq!(ack["params"]["_meta"][wire::SUBSCRIPTION_ID], id);
    let other = serve.send_modern("subscriptions/listen", json!({"notifications": {}}));
    serve.modern("tools/list", json!({}));
    legacy.wait_for_streams(1);
    modern.wait_for_streams(1);
    let tagged = |serve: &Serve, id: u64| {
        let tag = |m: &&Value| m["params"]["_meta"][wire::SUBSCRIPTION_ID] == id;
        serve.of_method(CHANGED).iter().filter(tag).count()
    };
    let bare = |serve: &Serve| {
        serve.of_method(CHANGED).iter().filter(|m| m.get("params").is_none()).count()
    };
    // The bare form belongs to the old handshake, which there was none of.
    for (at, server) in [&legacy, &modern].into_iter().enumerate() {
        let before = tagged(&serve, id);
        server.set_tools([Tool::echo("echo"), Tool::echo("new")]);
        server.push_list_changed();
        eventually("a notice", || tagged(&serve, id) > before);
        let list = serve.modern("tools/list", json!({}));
        assert!(list.to_string().contains(&format!("c{at}__new")), "{list}");
    }
    assert_eq!(bare(&serve), 0);
    serve.initialize("2025-11-25");
    serve.tools();
    legacy.set_tools([Tool::echo("newer")]);
    legacy.push_list_changed();
    eventually("a bare notice", || bare(&serve) == 1);
    assert!(serve.tool_names().contains(&"c0__newer".to_owned()));
    // Cancelled is cancelled; the others are told at the end.
    serve.cancel(id);
    let before = tagged(&serve, id);
    modern.set_tools([]);
    modern.push_list_changed();
    eventually("a bare notice", || bare(&serve) == 2);
    assert_eq!(tagged(&serve, id), before);
    assert_eq!(tagged(&serve, other), 0, "not asked for");
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    assert!(serve.responses(&id.to_string()).is_empty());
    assert_eq!(serve.response(other)["result"]["resultType"], "complete");
    assert_eq!(serve.response(other)["result"]["_meta"][wire::SUBSCRIPTION_ID], other);
}

#[test]
fn a_storm_of_changes_costs_a_list_a_second_and_news_are_told_once() {
    let (legacy, modern) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    let (_env, mut serve) = started(&[&legacy, &modern]);
    serve.initialize("2025-11-25");
    serve.tools();
    legacy.wait_for_streams(1);
    modern.wait_for_streams(1);
    let start = Instant::now();
    for server in [&legacy, &modern] {
        server.storm(1000, Duration::from_secs(1));
    }
    let (heard, last) = (serve.of_method(CHANGED).len(), "c1__last".to_owned());
    modern.wait_for_method("tools/list", 3);
    assert_eq!(serve.of_method(CHANGED).len(), heard, "the lists are what they were");
    modern.set_tools([Tool::echo("last")]);
    modern.push_list_changed();
    serve.wait_for_count(CHANGED, heard + 1);
    assert!(serve.tool_names().contains(&last));
    let most = usize::try_from(start.elapsed().as_secs()).unwrap() + 4;
    for server in [&legacy, &modern] {
        let lists = server.requests_of("tools/list").len();
        assert!(lists <= most, "{lists} lists in {:?}", start.elapsed());
    }
}

#[test]
fn what_nobody_asked_for_is_passed_over() {
    let server = Upstream::start(Script::legacy());
    let (_env, mut serve) = started(&[&server]);
    serve.initialize("2025-11-25");
    serve.tools();
    server.wait_for_streams(1);
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/nonsense"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"ping-1","method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":"roots-1","method":"roots/list"}"#,
        "nonsense",
    ] {
        server.push_raw(message);
    }
    eventually("both answers", || server.answers().len() == 2);
    let mut answers = server.answers();
    answers.sort();
    assert_eq!(answers[0], (r#""ping-1""#.to_owned(), "{}".to_owned()));
    assert!(answers[1].1.contains("-32601"), "{answers:?}");
    for method in ["notifications/roots/list_changed", "notifications/x", "notifications/message"] {
        serve.notify(method, json!({}));
    }
    serve.send_line(r#"{"jsonrpc":"2.0","id":"x","result":{}}"#);
    text(&serve.call("c0__echo", json!({})));
    assert_eq!(serve.of_method("notifications/message").len(), 1, "it is severe enough");
    assert_eq!(serve.lines().len(), 4, "three requests, three answers: {}", serve.story());
}
