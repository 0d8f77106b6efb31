//! "First go to this page" (-32042 of 2025-11-25), in every pair of eras.

use crate::support::{
    duo::{A, B, C, CELLS, Cell, D, Duo, able, retry_of},
    script::Tool,
    talk::{text, told},
};
use serde_json::{Value, json};

const URL: &str = "https://x.example/sign-in?a=b";

fn new(cell: Cell, capabilities: Value) -> Duo {
    let tool = Tool::echo("gated").url_first(URL, "e1");
    Duo::with(cell, capabilities, cell.script().tool(tool))
}

#[test]
fn an_old_client_of_an_old_server_gets_the_error_as_it_is() {
    let mut duo = new(A, able());
    let refused = duo.call("gated", json!({}));
    assert_eq!(refused["error"]["code"], -32042, "{refused}");
    let page = &refused["error"]["data"]["elicitations"][0];
    assert_eq!((&page["url"], &page["elicitationId"]), (&json!(URL), &json!("e1")));
    duo.up.wait_until_heard("tools");
    duo.up.visit("e1");
    let done = duo.serve.wait_for_method("notifications/elicitation/complete");
    assert_eq!(done["params"]["elicitationId"], "e1");
    assert_eq!(text(&duo.call("gated", json!({"a": 1}))), r#"{"a":1}"#);
}

#[test]
fn an_old_client_of_a_new_server_is_asked() {
    let mut duo = new(B, able());
    let call = duo.send_call("gated", json!({"a": 1}));
    let ask = duo.serve.wait_for_method("elicitation/create");
    assert_eq!((&ask["params"]["mode"], &ask["params"]["url"]), (&json!("url"), &json!(URL)));
    duo.up.visit("e1");
    duo.serve.respond(&ask["id"], json!({"action": "accept"}));
    assert_eq!(text(&duo.serve.response(call)), r#"{"a":1}"#);
    let done = duo.serve.wait_for_method("notifications/elicitation/complete");
    assert_eq!(done["params"]["elicitationId"], ask["params"]["elicitationId"]);
}

#[test]
fn a_new_client_never_sees_the_old_error() {
    for cell in [C, D] {
        let mut duo = new(cell, able());
        let params = json!({"name": "c0__gated", "arguments": {"a": 1}});
        let asked = duo.result("tools/call", params.clone());
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let requests = asked["inputRequests"].as_object().unwrap();
        assert_eq!(requests.len(), 1, "{asked}");
        let ask = requests.values().next().unwrap();
        assert_eq!(ask["method"], "elicitation/create");
        assert_eq!((&ask["params"]["mode"], &ask["params"]["url"]), (&json!("url"), &json!(URL)));
        assert!(ask["params"].get("elicitationId").is_none(), "{ask}");
        // Who says yes and was not there is sent again.
        let accept = |_: &Value| json!({"action": "accept"});
        let asked = duo.result("tools/call", retry_of(&params, &asked, accept));
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        duo.up.visit("e1");
        let answer = duo.get("tools/call", retry_of(&params, &asked, accept));
        assert_eq!(text(&answer), r#"{"a":1}"#);
        assert_eq!(duo.up.runs("gated"), 3);
    }
}

#[test]
fn who_declines_is_not_sent_again() {
    let mut duo = new(C, able());
    let params = json!({"name": "c0__gated", "arguments": {}});
    let asked = duo.result("tools/call", params.clone());
    let decline = |_: &Value| json!({"action": "decline"});
    let answer = duo.get("tools/call", retry_of(&params, &asked, decline));
    assert!(told(&answer).contains("did not agree"), "{answer}");
    assert_eq!(duo.up.runs("gated"), 1);
}

#[test]
fn who_cannot_open_pages_is_told_the_address() {
    for cell in CELLS {
        let mut duo = new(cell, json!({"elicitation": {"form": {}}}));
        let answer = duo.call("gated", json!({}));
        assert!(answer.to_string().contains(URL), "{}: {answer}", cell.name());
        if cell != A && cell != D {
            told(&answer);
        }
        assert_eq!(duo.questions().count(), 0);
    }
}
