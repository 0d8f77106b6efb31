//! Every method, and what a client says of what it wants to hear.

use crate::{
    hub::{
        CallError, Denied, ErrorKind, UpstreamError,
        policy::Denial,
        script::{Does, Script},
    },
    kind::Era,
    serve::{
        answer,
        desk::{Desk, call, modern, one},
    },
    wire::RpcError,
};
use bytes::Bytes;
use serde_json::{Value, json};

fn plain(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

#[tokio::test]
async fn every_list_is_one_page_in_either_era() {
    let mut desk = Desk::initialized(one(&Script::new(&["t"])), "2025-11-25").await;
    for (method, key) in [
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let old = desk.ask(&plain(1, method, "{}")).await;
        assert_eq!(old["result"], json!({key: []}), "{method}");
        let new = desk.ask(&modern("2", method, "{}", "")).await;
        let result = &new["result"];
        assert_eq!((&result[key], &result["resultType"]), (&json!([]), &json!("complete")));
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(60_000), &json!("private")));
        for text in
            [plain(3, method, r#"{"cursor":"x"}"#), modern("3", method, "{}", r#""cursor":"""#)]
        {
            assert_eq!(desk.ask(&text).await["error"]["code"], -32602, "{text}");
        }
    }
}

#[tokio::test]
async fn methods_of_extensions_are_there_where_the_extension_is() {
    let mut desk = Desk::initialized(one(&Script::new(&["t"])), "2025-11-25").await;
    for method in ["skills/list", "skills/get", "resources/directory/read", "tasks/get"] {
        assert_eq!(desk.ask(&plain(1, method, "{}")).await["error"]["code"], -32601, "{method}");
        let new = desk.ask(&modern("2", method, "{}", "")).await;
        assert_eq!(new["error"]["code"], -32601, "{method}");
    }
    for method in ["prompts/get", "resources/read", "completion/complete"] {
        let params = r#"{"name":"nobody__x","uri":"x:y","ref":{"type":"ref/prompt","name":"z"}}"#;
        assert_eq!(desk.ask(&plain(1, method, params)).await["error"]["code"], -32602, "{method}");
        let rest = r#""name":"nobody__x","uri":"x:y""#;
        let new = desk.ask(&modern("2", method, "{}", rest)).await;
        assert_eq!(new["error"]["code"], -32602, "{method}");
    }
}

#[tokio::test]
async fn the_level_of_logs_is_set_once_or_by_the_request() {
    let a = Script::new(&["info", "error"]);
    a.answer("info", Does::Log(r#"{"level":"info","data":1.0}"#));
    a.answer("error", Does::Log(r#"{"level":"error","data":{ }}"#));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    for wrong in [r#"{"level":"loud"}"#, r#"{"level":7}"#, "{}"] {
        let answer = desk.ask(&plain(1, "logging/setLevel", wrong)).await;
        assert_eq!(answer["error"]["code"], -32602);
    }
    assert_eq!(desk.ask(&call("2", "a__info")).await["id"], 2, "nobody asked for so much");
    desk.say(&call("3", "a__error")).await;
    assert_eq!(
        desk.hear().await,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":{ }}}"#
    );
    assert_eq!(desk.json().await["id"], 3);
    let set = desk.ask(&plain(4, "logging/setLevel", r#"{"level":"debug"}"#)).await;
    assert_eq!(set["result"], json!({}));
    assert_eq!(desk.ask(&call("5", "a__info")).await["params"]["data"], 1.0);
    assert_eq!(desk.json().await["id"], 5);
    // What is set so is not for requests that speak for themselves.
    let of = |level: &str| {
        let own = format!(r#""io.modelcontextprotocol/logLevel":{level},"io.model"#);
        modern("6", "tools/call", "{}", r#""name":"a__error""#).replacen(r#""io.model"#, &own, 1)
    };
    assert_eq!(desk.ask(&modern("6", "tools/call", "{}", r#""name":"a__error""#)).await["id"], 6);
    assert_eq!(desk.ask(&of("\"critical\"")).await["id"], 6);
    assert_eq!(desk.ask(&of("\"warning\"")).await["method"], "notifications/message");
    assert_eq!(desk.json().await["id"], 6);
    assert_eq!(desk.ask(&of("\"loud\"")).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_modern_request_declares_for_sessions_too() {
    let mut desk = Desk::open(one(&Script::new(&["t"])));
    desk.ask(r#"{"jsonrpc":"2.0","id":0,"method":"server/discover"}"#).await;
    assert_eq!(desk.rig.declared(), "{}");
    desk.ask(&modern("1", "tools/list", r#"{"roots":{}}"#, "")).await;
    assert_eq!(desk.rig.declared(), r#"{"roots":{}}"#);
}

#[tokio::test]
async fn a_missing_ability_is_named() {
    let a = Script::new(&["t"]);
    let json = r#"{"code":-32021,"message":"cannot","data":{"requiredCapabilities":{"sampling":{},"elicitation":{}}}}"#;
    let kind = ErrorKind::Rpc(RpcError::from_json(Bytes::from_static(json.as_bytes())));
    a.answer("t", Does::Fail(UpstreamError::new(&"a".parse().unwrap(), kind, "cannot")));
    let mut desk = Desk::initialized(one(&a), "2025-11-25").await;
    let answer = desk.ask(&call("1", "a__t")).await;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("cannot. It needs a client that can do this: sampling, elicitation"));
}

#[tokio::test]
async fn subscriptions_need_a_uri() {
    let mut desk = Desk::initialized(one(&Script::new(&["t"])), "2025-11-25").await;
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(desk.ask(&plain(1, method, "{}")).await["error"]["code"], -32602);
    }
    let unknown = plain(2, "resources/unsubscribe", r#"{"uri":"x:never"}"#);
    assert_eq!(desk.ask(&unknown).await["result"], json!({}));
}

fn refused(failed: CallError, era: Era) -> (i64, Value) {
    let error = answer::refusal(failed, false, era);
    (error.code, serde_json::from_slice(error.json()).unwrap())
}

#[test]
fn failures_of_prompts_and_resources_are_errors() {
    let error = |kind| UpstreamError::new(&"kommo".parse().unwrap(), kind, "it said no");
    let unknown = CallError::Unknown { name: "x".into(), nearest: Vec::new() };
    assert_eq!(refused(unknown, Era::Legacy).0, -32602);
    let denied = Denied {
        connection: Some("kommo".parse().unwrap()),
        tool: String::new(),
        upstream: String::new(),
        why: Denial::Disabled,
    };
    let (code, told) = refused(CallError::Denied(denied), Era::Legacy);
    assert_eq!(code, -32602);
    assert!(told["message"].as_str().unwrap().contains("allmcp enable kommo"));
    let sign_in = CallError::SignIn { error: error(ErrorKind::NeedsAuth), link: None };
    let (code, told) = refused(sign_in, Era::Modern);
    assert_eq!(code, -32602);
    let list = &told["data"]["dev.allmcp/oauth_connect_required_mcps"];
    assert_eq!(list[0]["backend_id"], "kommo");
    for kind in [ErrorKind::Unreachable, ErrorKind::Timeout, ErrorKind::Store] {
        let (code, told) = refused(CallError::Upstream(error(kind)), Era::Legacy);
        assert_eq!(code, -32603);
        assert!(told["message"].as_str().unwrap().contains("kommo"));
    }
    let rpc = |code: i64| {
        let json = format!(r#"{{"code":{code} ,"message":"m","data":{{"uri":"x"}}}}"#);
        CallError::Upstream(error(ErrorKind::Rpc(RpcError::from_json(json.into()))))
    };
    assert_eq!(refused(rpc(-32002), Era::Legacy).0, -32002);
    let (code, told) = refused(rpc(-32002), Era::Modern);
    assert_eq!((code, &told["data"]), (-32602, &json!({"uri": "x"})));
    assert_eq!(refused(rpc(-1), Era::Modern).0, -1);
    for hop in [-32020, -32021, -32022] {
        assert_eq!(refused(rpc(hop), Era::Modern).0, -32603);
    }
    let long = CallError::TooLarge { tool: "t".into(), size: 12, limit: 10 };
    assert_eq!(refused(long, Era::Modern).0, -32603);
}
