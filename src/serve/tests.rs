//! What a client sees, message by message.

mod asks;
mod methods;
mod notices;
mod parked;

use crate::serve::{
    Ended, Options,
    desk::{Desk, MODERN, call, initialize, one},
};
use crate::{
    hub::{
        ErrorKind, Plan, UpstreamError,
        script::{Does, Script},
    },
    kind::Era,
    upstream::Event,
};
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

#[tokio::test]
async fn nothing_is_said_first_and_every_revision_gets_what_it_asks() {
    for (asked, got) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("x", "2025-11-25"),
    ] {
        let mut desk = Desk::open(one(&Script::new(&["t"])));
        let answer = desk.ask(&initialize(asked)).await;
        assert_eq!(answer["id"], 0, "0 is an id");
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], got);
        let capabilities = &result["capabilities"];
        assert_eq!(capabilities["tools"], json!({"listChanged": true}));
        assert_eq!(capabilities["resources"], json!({"subscribe": true, "listChanged": true}));
        let completes = got != "2024-11-05";
        assert_eq!(capabilities.get("completions").is_some(), completes, "it had no word for it");
        assert_eq!(result["serverInfo"]["name"], "allmcp");
        assert_eq!(desk.leave().await, (vec![], Ended::Eof));
    }
}

#[tokio::test]
async fn before_initialize_only_ping_is_answered_and_the_process_stays() {
    let mut desk = Desk::open(one(&Script::new(&["t"])));
    let ping = r#"{"jsonrpc":"2.0","id":"p\u0031","method":"ping"}"#;
    desk.say(ping).await;
    assert_eq!(desk.hear().await, r#"{"jsonrpc":"2.0","id":"p\u0031","result":{}}"#);
    let list = r#"{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/list"}"#;
    desk.say(list).await;
    let refused = desk.hear().await;
    assert!(refused.contains(r#""id":12345678901234567890,"#) && refused.contains("-32602"));
    assert_eq!(desk.ask(&initialize("2025-06-18")).await["id"], 0);
    assert!(desk.ask(list).await["result"]["tools"].is_array());
    let unknown = r#"{"jsonrpc":"2.0","id":1,"method":"tasks/list"}"#;
    assert_eq!(desk.ask(unknown).await["error"]["code"], -32601);
    let cursor = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"x"}}"#;
    assert_eq!(desk.ask(cursor).await["error"]["code"], -32602);
}

#[tokio::test]
async fn wrong_messages_get_their_code_and_the_next_one_is_answered() {
    let mut desk = Desk::initialized(one(&Script::new(&[])), "2025-11-25").await;
    let deep = format!(
        "{{\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":{}{}}}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    let long = format!("{{\"id\":1,\"pad\":\"{}\"}}", "x".repeat(17 << 20));
    for (text, code, id) in [
        ("{\"jsonrpc\":", -32700, Value::Null),
        ("nonsense", -32700, Value::Null),
        ("7", -32600, Value::Null),
        (r#"{"jsonrpc":"1.0","id":5,"method":"ping"}"#, -32600, json!(5)),
        (r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":[]}"#, -32600, json!(5)),
        (&deep, -32600, Value::Null),
        (&long, -32600, Value::Null),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, Value::Null),
        (&call("6", "nobody__t"), -32602, json!(6)),
        (r#"{"jsonrpc":"2.0","id":6,"method":"tools/call"}"#, -32602, json!(6)),
    ] {
        let answer = desk.ask(text).await;
        let short: String = text.chars().take(60).collect();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{short}");
    }
    // Answers and notifications that nobody waits for are passed over.
    desk.say(r#"{"jsonrpc":"2.0","id":9,"result":{}}"#).await;
    desk.say(r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#).await;
    assert_eq!(desk.ask(r#"{"jsonrpc":"2.0","id":"x","method":"ping"}"#).await["id"], "x");
}

#[tokio::test]
async fn a_result_arrives_byte_for_byte() {
    let a = Script::new(&["t"]);
    let odd = r#"{ "z":1.0,"content" : [ {"type":"new","n":1e400,"u":"\u00e9é"} ],"a":-0 }"#;
    a.answer("t", Does::Give(odd));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    desk.say(&call(r#""\u0061""#, "a__t")).await;
    assert_eq!(desk.hear().await, format!(r#"{{"jsonrpc":"2.0","id":"\u0061","result":{odd}}}"#));
    let sent = a.calls.lock().unwrap()[0].clone();
    assert_eq!(sent, r#"{"name":"t","arguments":{}}"#);
}

#[tokio::test]
async fn calls_run_side_by_side_and_a_cancelled_one_is_never_answered() {
    let a = Script::new(&["hang", "wait", "t"]);
    a.answer("hang", Does::Hang);
    a.answer("wait", Does::Wait);
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    a.gate.send_replace(false);
    desk.say(&call("1", "a__hang")).await;
    desk.say(&call("2", "a__wait")).await;
    let twice = desk.ask(&call("2", "a__t")).await;
    assert_eq!((&twice["id"], &twice["error"]["code"]), (&json!(2), &json!(-32600)));
    assert_eq!(desk.ask(&call("3", "a__t")).await["id"], 3);
    desk.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
        .await;
    desk.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}"#)
        .await;
    desk.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#).await;
    assert_eq!(desk.ask(&call("4", "a__t")).await["id"], 4);
    assert_eq!(a.dropped.load(Ordering::SeqCst), 1);
    a.gate.send_replace(true);
    assert_eq!(desk.json().await["id"], 2);
    // The id is free again.
    assert_eq!(desk.ask(&call("1", "a__t")).await["id"], 1);
    let log = desk.rig.log();
    assert_eq!(log.iter().filter(|line| line.starts_with("cancelled a a__hang")).count(), 1);
    assert_eq!(log.len(), 5, "{log:?}");
}

#[tokio::test]
async fn progress_comes_back_under_the_clients_own_token() {
    let a = Script::new(&["p"]);
    a.answer("p", Does::Progress(r#"{"progressToken":77,"progress":1.0, "message":"half"}"#));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    desk.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__p","_meta":{"progressToken":"t\u0031"}}}"#).await;
    assert_eq!(
        desk.hear().await,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t\u0031","progress":1.0, "message":"half"}}"#
    );
    assert_eq!(desk.json().await["id"], 1);
    desk.say(&call("2", "a__p")).await;
    assert_eq!(desk.json().await["id"], 2, "without a token nothing is reported");
}

#[tokio::test]
async fn a_batch_is_answered_as_one_and_only_where_there_are_batches() {
    let a = Script::new(&["t", "wait"]);
    a.answer("wait", Does::Wait);
    let mut desk = Desk::initialized(one(&a), "2025-03-26").await;
    let batch = format!(
        r#"[{},{},7,{{"jsonrpc":"2.0","method":"notifications/x"}},{}]"#,
        call("1", "a__t"),
        r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
        initialize("2025-03-26").replace("\"id\":0", "\"id\":3"),
    );
    let answers = desk.ask(&batch).await;
    let mut ids: Vec<String> =
        answers.as_array().unwrap().iter().map(|a| a["id"].to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3", "null"]);
    a.gate.send_replace(false);
    desk.say(&format!("[{},{}]", call("4", "a__wait"), call("5", "a__t"))).await;
    desk.say(r#"[{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}]"#)
        .await;
    let answers = desk.json().await;
    assert_eq!(answers.as_array().unwrap().len(), 1, "the cancelled one is left out");
    assert_eq!(answers[0]["id"], 5);
}

#[tokio::test]
async fn the_modern_era_needs_no_initialize_and_both_live_side_by_side() {
    let a = Script::new(&["t", "ask"]);
    a.answer("t", Does::Give(r#"{"content":[]}"#));
    let asks = r#"{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}},"requestState":"s"}"#;
    a.answer("ask", Does::AskInput(asks));
    let mut desk = Desk::open(one(&a));
    let found = desk.ask(r#"{"jsonrpc":"2.0","id":"d","method":"server/discover"}"#).await;
    let result = &found["result"];
    assert_eq!(result["supportedVersions"][0], "2026-07-28");
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["ttlMs"], 0, "nobody has listed the connection yet");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "allmcp");
    let list = desk
        .ask(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{MODERN}}}}}"#))
        .await;
    let result = &list["result"];
    let ours = crate::hub::own::Own::ALL.len();
    assert_eq!(result["tools"].as_array().unwrap().len(), ours + 2);
    assert_eq!((&result["resultType"], &result["ttlMs"]), (&json!("complete"), &json!(60_000)));
    desk.say(&format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"a__t",{MODERN}}}}}"#
    ))
    .await;
    assert_eq!(
        desk.hear().await,
        r#"{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete","content":[]}}"#
    );
    desk.say(&format!(
        r#"{{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{{"name":"a__ask",{MODERN}}}}}"#
    ))
    .await;
    assert_eq!(desk.hear().await, format!(r#"{{"jsonrpc":"2.0","id":3,"result":{asks}}}"#));
    for removed in ["ping", "initialize", "logging/setLevel", "nonsense"] {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":4,"method":"{removed}","params":{{{MODERN}}}}}"#);
        assert_eq!(desk.ask(&text).await["error"]["code"], -32601, "{removed}");
    }
    let other = MODERN.replace("2026-07-28", "1900-01-01");
    let answer = desk
        .ask(&format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{{{other}}}}}"#))
        .await;
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["requested"], "1900-01-01");
    assert_eq!(answer["error"]["data"]["supported"].as_array().unwrap().len(), 5);
    assert_eq!(desk.ask(&initialize("2025-11-25")).await["id"], 0);
    let bare = desk.ask(r#"{"jsonrpc":"2.0","id":6,"method":"tools/list"}"#).await;
    assert_eq!(bare["result"].as_object().unwrap().len(), 1, "a legacy list has only its tools");
    let asked = desk.ask(&call("7", "a__ask")).await;
    assert_eq!(asked["result"]["isError"], true);
}

#[tokio::test]
async fn a_modern_result_is_stripped_for_a_legacy_client() {
    let a = Script::of_era(Era::Modern, &["t"]);
    a.answer("t", Does::Give(r#"{"resultType":"complete","content":[ ],"structuredContent":[1]}"#));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    desk.say(&call("1", "a__t")).await;
    assert_eq!(desk.hear().await, r#"{"jsonrpc":"2.0","id":1,"result":{"content":[ ]}}"#);
}

#[tokio::test]
async fn changes_are_told_to_those_who_listen_under_their_ids() {
    let a = Script::new(&["t"]);
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    let listen = |id: &str, filter: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{"notifications":{filter},{MODERN}}}}}"#
        )
    };
    let ack = desk
        .ask(&listen(r#""listen:0""#, r#"{"toolsListChanged":true,"promptsListChanged":true}"#))
        .await;
    assert_eq!(ack["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(ack["params"]["notifications"], json!({"toolsListChanged": true}));
    assert_eq!(ack["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "listen:0");
    let nothing = desk.ask(&listen("7", "{}")).await;
    assert_eq!(nothing["params"]["notifications"], json!({}));
    let twice = desk.ask(&listen("7", "{}")).await;
    assert_eq!(twice["error"]["code"], -32600);
    a.tools.lock().unwrap().clear();
    desk.rig.say("a", Event::ListsChanged).await;
    assert_eq!(
        desk.hear().await,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
    );
    let tagged = desk.json().await;
    assert_eq!(tagged["method"], "notifications/tools/list_changed");
    assert_eq!(tagged["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "listen:0");
    desk.say(
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"listen:0"}}"#,
    )
    .await;
    *a.tools.lock().unwrap() = vec![crate::hub::script::tool("u")];
    desk.rig.say("a", Event::ListsChanged).await;
    assert!(!desk.hear().await.contains("subscriptionId"));
    let (rest, _) = desk.leave().await;
    assert_eq!(rest.len(), 1, "the one that is left is ended: {rest:?}");
    assert!(rest[0].contains(r#""id":7,"result":{"resultType":"complete""#));
}

#[tokio::test]
async fn a_client_that_leaves_still_gets_its_answers() {
    let a = Script::new(&["wait"]);
    a.answer("wait", Does::Wait);
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    a.gate.send_replace(false);
    desk.say(&call("2", "a__wait")).await;
    while a.calls.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    desk.to = None;
    let gate = a.gate.clone();
    desk.rig.shutdown.spawn("later", async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        gate.send_replace(true);
    });
    let (rest, ended) = desk.leave().await;
    assert_eq!((rest.len(), ended), (1, Ended::Eof));
    assert!(rest[0].contains(r#""id":2,"result""#));
}

#[tokio::test]
async fn a_signal_ends_it_with_an_answer_to_everything() {
    let a = Script::new(&["hang"]);
    a.answer("hang", Does::Hang);
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    desk.say(&call("1", "a__hang")).await;
    while a.calls.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    desk.stop.cancel();
    let answer = desk.json().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32603)));
    assert_eq!(desk.ended.await.unwrap(), Ended::Signal);
}

#[tokio::test]
async fn a_client_that_does_not_read_any_more_ends_it() {
    let mut desk = Desk::open(one(&Script::new(&[])));
    desk.say(&initialize("2025-11-25")).await;
    drop((desk.from, desk.to.take()));
    assert!(matches!(desk.ended.await.unwrap(), Ended::Gone | Ended::Eof));
}

#[tokio::test]
async fn failures_are_results_that_a_model_can_act_on() {
    let a = Script::new(&["t"]);
    let error = UpstreamError::new(&"a".parse().unwrap(), ErrorKind::NeedsAuth, "no key yet");
    a.answer("t", Does::Fail(error));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    let answer = desk.ask(&call("1", "a__t")).await;
    assert_eq!(answer["result"]["isError"], true);
    let list = &answer["result"]["_meta"]["dev.allmcp/oauth_connect_required_mcps"];
    assert_eq!(list[0]["backend_id"], "a");
}

#[tokio::test]
async fn a_result_is_as_long_as_the_client_takes() {
    let a = Script::new(&["t"]);
    let big = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(150_000));
    a.answer("t", Does::Give(big.leak()));
    let wait = |client: &str| Options { client: Some(client.to_owned()) };
    for (client, limit) in [("claude-code", 100_000), ("claude-desktop", 1_000_000)] {
        let mut desk = Desk::with(one(&a), wait(client));
        desk.ask(&initialize("2025-11-25")).await;
        let answer = desk.ask(&call("1", "a__t")).await;
        let text = answer.to_string();
        assert!(text.len() <= limit, "{client}: {}", text.len());
        assert_eq!(text.contains("read_more"), text.len() < 150_000, "{client}");
        assert!(answer["result"]["isError"].is_null());
    }
    let limited = Plan { max_result: Some(1000), ..one(&a) };
    let mut desk = Desk::initialized(limited, "2025-11-25").await;
    assert_eq!(desk.ask(&call("1", "a__t")).await["result"]["isError"], true);
}

#[tokio::test]
async fn one_plain_connection_stands_for_itself() {
    let a = Script::new(&["get.it"]);
    let plan = Plan { plain: true, ..one(&a) };
    let desk = Desk::initialized(plan.clone(), "2025-11-25").await;
    desk.rig.hub.settled(Duration::from_secs(20)).await;
    let mut desk = Desk { ..desk };
    let again = desk.ask(&initialize("2025-11-25")).await;
    assert_eq!(again["result"]["serverInfo"]["name"], "script");
    assert_eq!(again["result"]["instructions"], "Be kind.");
    let list = desk.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(list["result"]["tools"][0]["name"], "get.it");
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 1);
    desk.ask(&call("2", "get.it")).await;
    assert_eq!(a.calls.lock().unwrap()[0], r#"{"name":"get.it","arguments":{}}"#);
}
