//! The rules of `input_required`: state that comes back, calls that are never made twice.

use crate::support::{
    duo::{B, C, Duo, able, retry_of},
    script::Tool,
    talk::{text, told},
};
use serde_json::{Value, json};

const ASK: &str = r#"{"message":"?","requestedSchema":{"type":"object","properties":{}}}"#;

fn yes(_ask: &Value) -> Value {
    json!({"action": "accept", "content": {}})
}

/// A modern client whose call of a legacy upstream's tool waits for an answer: the params of the
/// call, and what was asked.
fn parked() -> (Duo, Value, Value) {
    let ask = Tool::echo("ask").asks("elicitation/create", ASK).if_declared();
    let mut duo = Duo::new(C, C.script().tool(ask));
    let params = json!({"name": "c0__ask", "arguments": {"a": 1, "b": [1.0]}});
    let asked = duo.result("tools/call", params.clone());
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert!(asked["inputRequests"].is_object() && asked["requestState"].is_string(), "{asked}");
    (duo, params, asked)
}

#[test]
fn a_parked_call_goes_on_when_its_state_comes_back() {
    let (mut duo, params, asked) = parked();
    assert_eq!(duo.up.in_flight(), 1);
    let answer = duo.get("tools/call", retry_of(&params, &asked, yes));
    assert_eq!(text(&answer), r#"{"action":"accept","content":{}}"#);
    assert_eq!((duo.up.runs("ask"), duo.up.in_flight()), (1, 0));
    // Once is enough.
    assert_eq!(duo.code("tools/call", retry_of(&params, &asked, yes)), -32602);
    assert_eq!(duo.up.runs("ask"), 1);
}

#[test]
fn a_state_that_is_not_ours_is_refused_and_nothing_runs_again() {
    let (mut duo, params, asked) = parked();
    let good = asked["requestState"].as_str().unwrap().to_owned();
    let flip = |at: usize| {
        let mut all: Vec<char> = good.chars().collect();
        all[at] = if all[at] == 'A' { 'B' } else { 'A' };
        all.into_iter().collect::<String>()
    };
    let last = good.chars().count() - 1;
    // The very last character of a text in Base64 may carry no bits.
    for bad in
        [flip(0), flip(last / 2), flip(last - 2), format!("{good}A"), String::new(), "x".into()]
    {
        let mut retry = retry_of(&params, &asked, yes);
        retry["requestState"] = json!(bad);
        assert_eq!(duo.code("tools/call", retry), -32602, "{bad}");
    }
    assert_eq!(duo.up.runs("ask"), 1);
    assert!(duo.up.answers().is_empty(), "{:?}", duo.up.answers());
    // Whoever guesses cannot take it away from the one who knows.
    let answer = duo.get("tools/call", retry_of(&params, &asked, yes));
    assert_eq!(text(&answer), r#"{"action":"accept","content":{}}"#);
}

#[test]
fn a_state_belongs_to_one_call() {
    for (key, other) in [
        ("arguments", json!({"a": 2, "b": [1.0]})),
        ("arguments", Value::Null),
        ("name", json!("c0__echo")),
        ("name", json!("c0__none")),
    ] {
        let (mut duo, params, asked) = parked();
        let mut retry = retry_of(&params, &asked, yes);
        retry[key] = other.clone();
        assert_eq!(duo.code("tools/call", retry), -32602, "{key}: {other}");
        assert_eq!((duo.up.runs("ask"), duo.up.runs("echo")), (1, 0));
        assert!(duo.up.answers().is_empty(), "{:?}", duo.up.answers());
    }
}

#[test]
fn a_state_belongs_to_one_process() {
    let (duo, params, asked) = parked();
    let mut other = crate::support::client::Serve::start(&duo.env, &["serve"]);
    other.capabilities = able();
    other.discover();
    let retry = other.modern("tools/call", retry_of(&params, &asked, yes));
    assert_eq!(retry["error"]["code"], -32602, "{retry}");
    assert_eq!(duo.up.runs("ask"), 1);
}

#[test]
fn a_client_that_leaves_takes_its_parked_calls_along() {
    let (mut duo, ..) = parked();
    duo.serve.close_stdin();
    assert_eq!(duo.serve.wait_exit(), 0);
    duo.up.poll("the end of the call", || duo.up.in_flight() == 0);
}

#[test]
fn rounds_without_end_end_in_words() {
    let ask = Tool::echo("ask").asks("elicitation/create", ASK).endlessly();
    let mut duo = Duo::new(B, B.script().tool(ask));
    let (response, asks) = duo.answering("ask", json!({}), yes);
    told(&response);
    assert!((10..=11).contains(&asks.len()), "{} questions", asks.len());
    assert_eq!(duo.up.complaints(), [""; 0]);
}

#[test]
fn a_server_that_only_wants_to_be_asked_again_is() {
    let later = Tool::echo("later").postpones().postpones();
    let mut duo = Duo::with(B, json!({}), B.script().tool(later));
    assert_eq!(text(&duo.call("later", json!({"a": 1}))), r#"{"a":1}"#);
    assert_eq!(duo.up.runs("later"), 3);
    assert_eq!(duo.up.complaints(), [""; 0]);
}

#[test]
fn a_missing_ability_is_told_in_words() {
    let ask = Tool::echo("ask").asks("sampling/createMessage", "{}").or_refuses();
    let mut duo = Duo::with(B, json!({}), B.script().tool(ask));
    let response = duo.call("ask", json!({}));
    assert!(told(&response).contains("sampling"), "{response}");
}
