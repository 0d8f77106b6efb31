//! Upstreams that change, and questions that belong to no call.

use crate::{
    FORM, legacy, modern, started,
    support::{
        duo::{A, C, Cell, D, Duo, retry_of},
        script::{Script, Tool},
        talk::{eventually, text},
        upstream::Upstream,
    },
};
use serde_json::{Value, json};

const ASK: &str = "elicitation/create";

fn yes(_ask: &Value) -> Value {
    json!({"action": "accept", "content": {}})
}

fn becomes(server: &Upstream, of: fn() -> Script) {
    let new = of();
    server.change(|script| {
        script.legacy = new.legacy;
        script.modern = new.modern;
    });
    server.expire_sessions();
    server.end_streams(false);
}

#[test]
fn an_upstream_may_change_its_era() {
    let server = Upstream::start(legacy());
    let (_env, mut serve) = started(&[&server]);
    text(&serve.call("c0__echo", json!({})));
    for of in [modern, legacy, modern] {
        becomes(&server, of);
        // It may take a call to find out; what is lost is told in words, not as an error of a hop.
        eventually("an answer", || {
            let answer = serve.call("c0__echo", json!({"a": 1}));
            assert!(answer["result"].is_object(), "{answer}");
            answer["result"]["isError"] != true && text(&answer) == r#"{"a":1}"#
        });
        let answer = serve.modern("tools/call", json!({"name": "c0__echo", "arguments": {}}));
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    }
}

#[test]
fn a_state_does_not_outlive_its_era() {
    let ask = Tool::echo("ask").asks(ASK, FORM).if_declared();
    let mut duo = Duo::new(D, D.script().tool(ask));
    let params = json!({"name": "c0__ask", "arguments": {"tag": "?"}});
    let asked = duo.result("tools/call", params.clone());
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    becomes(&duo.up, legacy);
    assert_eq!(duo.code("tools/call", retry_of(&params, &asked, yes)), -32602);
    assert_eq!(duo.up.runs("ask"), 1, "it is not begun anew");
}

#[test]
fn a_parked_call_whose_session_is_lost_ends_in_words() {
    let ask = Tool::echo("ask").asks(ASK, FORM).if_declared();
    let mut duo = Duo::new(C, C.script().tool(ask));
    let params = json!({"name": "c0__ask", "arguments": {"tag": "?"}});
    let asked = duo.result("tools/call", params.clone());
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    duo.up.expire_sessions();
    duo.up.drop_connections();
    let answer = duo.get("tools/call", retry_of(&params, &asked, yes));
    let refused = answer["result"]["isError"] == true || answer["error"]["code"] == -32602;
    assert!(refused, "{answer}");
    assert_eq!(duo.up.runs("ask"), 1, "it is not begun anew");
}

/// A tool that asks on the stream which belongs to no call.
fn on_get(cell: Cell) -> Duo {
    let script = cell
        .script()
        .tool(Tool::echo("ask").asks_on_get(ASK, FORM).if_declared())
        .tool(Tool::echo("hold").held());
    let mut duo = Duo::new(cell, script);
    duo.call("echo", json!({}));
    duo.up.wait_until_heard("tools");
    duo
}

#[test]
fn a_question_beside_the_call_belongs_to_the_only_one() {
    for cell in [A, C] {
        let mut duo = on_get(cell);
        let (response, asks) = duo.answering("ask", json!({"tag": "x"}), yes);
        assert_eq!(asks.len(), 1, "{}: {response}", cell.name());
        assert_eq!(asks[0]["params"]["message"], "x");
        assert_eq!(text(&response), r#"{"action":"accept","content":{}}"#);
        assert_eq!(duo.up.runs("ask"), 1);
    }
}

#[test]
fn a_question_beside_several_calls_is_declined() {
    let mut duo = on_get(C);
    let hold = duo.send_call("hold", json!({}));
    duo.up.poll("the call", || duo.up.in_flight() == 1);
    // Whose it is cannot be known, so nobody is asked; the tool hears of it and goes on.
    let response = duo.call("ask", json!({"tag": "x"}));
    assert_eq!(response["result"]["resultType"], "complete", "{response}");
    let heard = text(&response);
    assert!(heard.contains("decline") || heard.contains("cancel") || heard.contains("-32"));
    duo.up.release("hold");
    text(&duo.serve.response(hold));
}

#[test]
fn a_question_beside_no_call_is_declined() {
    let mut duo = on_get(C);
    let params = FORM.replace("$TAG", "x");
    let ask = format!(r#"{{"jsonrpc":"2.0","id":"lost","method":"{ASK}","params":{params}}}"#);
    duo.up.push_raw(&ask);
    duo.up.poll("an answer", || !duo.up.answers().is_empty());
    let (id, answer) = duo.up.answers().remove(0);
    assert_eq!(id, r#""lost""#);
    assert!(answer.contains("decline") || answer.contains("cancel") || answer.contains("-32"));
    text(&duo.call("echo", json!({})));
    assert_eq!(duo.questions().count(), 0);
}

/// Some servers ask for the roots as soon as they hear that the client is ready.
#[test]
fn a_question_that_belongs_to_no_call_reaches_a_client_at_rest() {
    for (declared, wants) in [(json!({"roots": {}}), "file:///r"), (json!({}), "-32601")] {
        let mut duo = Duo::with(A, declared, legacy());
        duo.serve.tools();
        duo.up.wait_for_streams(1);
        duo.up.push_raw(r#"{"jsonrpc":"2.0","id":"roots-1","method":"roots/list"}"#);
        if wants.starts_with("file") {
            let ask = duo.serve.wait_for_method("roots/list");
            duo.serve.respond(&ask["id"], json!({"roots": [{"uri": "file:///r"}]}));
        }
        eventually("the answer", || duo.up.answers().iter().any(|(_, text)| text.contains(wants)));
    }
}
