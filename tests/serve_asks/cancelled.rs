//! Calls that are cancelled while a question of theirs is open.

use crate::FORM;
use crate::support::{
    duo::{A, B, C, Cell, D, Duo, retry_of},
    record::Ended,
    script::Tool,
};
use serde_json::{Value, json};

const ASK: &str = "elicitation/create";

fn yes(_ask: &Value) -> Value {
    json!({"action": "accept", "content": {}})
}

/// The hop of the upstream ends: by a notification with its own id, or by a closed stream.
fn wait_cancelled(duo: &Duo) {
    let ours = duo.up.requests_of("tools/call").pop().unwrap().rpc.id.unwrap();
    duo.up.wait_for("the cancellation", |all| {
        all.iter().any(|request| {
            if duo.cell.upstream {
                let is_it = request.is("tools/call") && request.rpc.id.as_deref() == Some(&ours);
                return is_it && request.ended == Ended::ClientGone;
            }
            let of = request.rpc.params.get("requestId").map(|raw| raw.get());
            request.is("notifications/cancelled") && of == Some(&ours)
        })
    });
    duo.up.poll("rest", || duo.up.in_flight() == 0);
}

/// A legacy client with a call whose question was not answered yet: the call's id, the question.
fn asked(cell: Cell) -> (Duo, u64, Value) {
    let ask = Tool::echo("ask").asks(ASK, FORM).if_declared();
    let mut duo = Duo::new(cell, cell.script().tool(ask));
    let id = duo.send_call("ask", json!({"tag": "?"}));
    let ask = duo.serve.wait_for_method(ASK);
    (duo, id, ask)
}

#[test]
fn a_client_that_cancels_is_not_asked_any_longer() {
    for cell in [A, B] {
        let (mut duo, id, ask) = asked(cell);
        duo.serve.cancel(id);
        let told = duo.serve.wait_for_method("notifications/cancelled");
        assert_eq!(told["params"]["requestId"], ask["id"], "the question is off the table");
        if cell == A {
            wait_cancelled(&duo);
        }
        // An answer that crossed the cancellation changes nothing.
        duo.serve.respond(&ask["id"], yes(&ask));
        duo.call("echo", json!({}));
        assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
        assert_eq!(duo.up.runs("ask"), 1, "{}: nothing is tried again", cell.name());
    }
}

#[test]
fn an_upstream_that_fails_takes_its_question_back() {
    let (mut duo, id, ask) = asked(A);
    duo.up.drop_connections();
    duo.up.refuse();
    // The call ends, whatever becomes of the question.
    let response = duo.serve.response(id);
    assert_eq!(response["result"]["isError"], true, "{response}");
    let told = duo.serve.wait_for_method("notifications/cancelled");
    assert_eq!(told["params"]["requestId"], ask["id"]);
    duo.serve.respond(&ask["id"], yes(&ask));
    assert!(duo.serve.request("ping", json!({}))["result"].is_object());
}

#[test]
fn an_answered_call_is_cancelled_as_any_other() {
    for cell in [C, D] {
        let ask = Tool::echo("ask").asks(ASK, FORM).if_declared().held();
        let mut duo = Duo::new(cell, cell.script().tool(ask));
        let params = json!({"name": "c0__ask", "arguments": {"tag": "?"}});
        let asked = duo.result("tools/call", params.clone());
        let id = duo.send("tools/call", retry_of(&params, &asked, yes));
        duo.up.poll("the answer", || duo.up.answers().len() == 1 && duo.up.in_flight() == 1);
        duo.serve.cancel(id);
        wait_cancelled(&duo);
        duo.call("echo", json!({}));
        assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
        // What was cancelled cannot be gone on with.
        if cell == C {
            let again = retry_of(&params, &asked, yes);
            assert_eq!(duo.code("tools/call", again), -32602);
            assert_eq!(duo.up.runs("ask"), 1);
        }
    }
}

#[test]
fn a_call_is_cancelled_before_it_asks() {
    for cell in [A, B, C, D] {
        // A tool that might ask, so its call is one that could be parked.
        let slow = Tool::echo("ask").never();
        let mut duo = Duo::new(cell, cell.script().tool(slow));
        let id = duo.send_call("ask", json!({"tag": "?"}));
        duo.up.poll("the call", || duo.up.in_flight() == 1);
        duo.serve.cancel(id);
        wait_cancelled(&duo);
        duo.call("echo", json!({}));
        assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
        assert_eq!(duo.questions().count(), 0);
    }
}

#[test]
fn what_is_parked_ends_with_the_client() {
    // Several at once, so that none is forgotten.
    let ask = Tool::echo("ask").asks(ASK, FORM).if_declared();
    let mut duo = Duo::new(C, C.script().tool(ask));
    for tag in ["1", "2", "3"] {
        let response = duo.call("ask", json!({"tag": tag}));
        assert_eq!(response["result"]["resultType"], "input_required", "{response}");
    }
    assert_eq!(duo.up.in_flight(), 3);
    duo.serve.close_stdin();
    assert_eq!(duo.serve.wait_exit(), 0);
    duo.up.poll("rest", || duo.up.in_flight() == 0);
}
