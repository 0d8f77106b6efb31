//! The user is asked by a form of the client, in both eras.

use crate::{
    Desk, forms,
    support::{
        client::Serve,
        duo::retry_of,
        script::Script,
        talk::{text, told},
    },
    tools, yes,
};
use serde_json::{Value, json};

const ASK: &str = "elicitation/create";

fn drop_params(id: u64) -> Value {
    json!({"name": "c0__drop", "arguments": {"id": id}})
}

/// The question of a legacy client's call, and the call.
#[track_caller]
fn asked(serve: &mut Serve) -> (u64, Value) {
    let call = serve.send_request("tools/call", drop_params(7));
    (call, serve.wait_for_method(ASK))
}

#[test]
fn a_form_shows_what_is_sent_and_to_whom_and_a_yes_sends_it() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(forms());
    serve.client_info = json!({"name": "x", "version": "1"});
    let (call, ask) = asked(&mut serve);
    let message = ask["params"]["message"].as_str().unwrap();
    let host = format!("Server: 127.0.0.1:{}", desk.up.port());
    for part in [
        "Call drop of c0?",
        "Connection: c0",
        &host,
        "Tool: drop (may delete or overwrite)",
        "\"id\": 7",
        "Asked by: allmcp-tests",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    let schema = &ask["params"]["requestedSchema"];
    assert_eq!(*schema, json!({"type": "object", "properties": {}}));
    assert_eq!(desk.up.requests_of("tools/call").len(), 0, "nothing was sent yet");
    serve.respond(&ask["id"], yes());
    assert_eq!(text(&serve.response(call)), r#"{"id":7}"#);
    assert_eq!(desk.up.runs("drop"), 1);
    // What is allowed is not asked for.
    for tool in ["c0__look", "c0__add"] {
        text(&serve.call(tool, json!({})));
    }
    assert_eq!(serve.of_method(ASK).len(), 1);
    desk.logged(&["ok approved c0__drop", "ok allow c0__look", "ok allow c0__add"]);
}

#[test]
fn a_no_and_a_closed_question_send_nothing_and_say_so() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(forms());
    for (answer, says) in [("decline", "the user refused"), ("cancel", "closed the question")] {
        let before = serve.of_method(ASK).len();
        let call = serve.send_request("tools/call", drop_params(7));
        serve.wait_for_count(ASK, before + 1);
        let ask = serve.of_method(ASK).pop().unwrap();
        serve.respond(&ask["id"], json!({"action": answer}));
        let response = serve.response(call);
        assert!(told(&response).contains(says), "{response}");
        assert!(told(&response).contains("nothing was sent"), "{response}");
    }
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    desk.logged(&["denied refused c0__drop", "denied dismissed c0__drop"]);
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let rules = "policy.destructive = \"ask\"\n[settings]\napproval_wait = \"300ms\"\n";
    let desk = Desk::new(tools(Script::legacy()), rules);
    let mut serve = desk.legacy(forms());
    let (call, ask) = asked(&mut serve);
    let response = serve.response(call);
    assert!(told(&response).contains("nobody answered within 300ms"), "{response}");
    let back = serve.wait_for_method("notifications/cancelled");
    assert_eq!(back["params"]["requestId"], ask["id"], "the question is off the table");
    // A yes that comes too late is one to nothing.
    serve.respond(&ask["id"], yes());
    text(&serve.call("c0__look", json!({})));
    assert_eq!(desk.up.runs("drop"), 0);
    desk.logged(&["denied unanswered c0__drop", "ok allow c0__look"]);
}

#[test]
fn a_call_that_is_cancelled_while_asked_is_not_sent() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(forms());
    let (call, ask) = asked(&mut serve);
    serve.cancel(call);
    let back = serve.wait_for_method("notifications/cancelled");
    assert_eq!(back["params"]["requestId"], ask["id"]);
    serve.respond(&ask["id"], yes());
    text(&serve.call("c0__look", json!({})));
    assert!(serve.responses(&call.to_string()).is_empty());
    assert_eq!(desk.up.runs("drop"), 0);
    desk.logged(&["cancelled asked c0__drop", "ok allow c0__look"]);
}

#[test]
fn a_client_that_leaves_while_asked_has_sent_nothing() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(forms());
    let (call, _ask) = asked(&mut serve);
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    let last = serve.responses(&call.to_string());
    assert_eq!(last.len(), 1, "{}", serve.story());
    let last: Value = serde_json::from_slice(&last[0]).unwrap();
    assert!(told(&last).contains("nothing was sent"), "{last}");
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    desk.logged(&["denied dismissed c0__drop"]);
}

#[test]
fn two_questions_at_once_have_their_own_answers() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(forms());
    let calls = [1, 2].map(|id| serve.send_request("tools/call", drop_params(id)));
    serve.wait_for_count(ASK, 2);
    for ask in serve.of_method(ASK) {
        let first = ask["params"]["message"].as_str().unwrap().contains("\"id\": 1");
        let answer = if first { json!({"action": "decline"}) } else { yes() };
        serve.respond(&ask["id"], answer);
    }
    assert!(told(&serve.response(calls[0])).contains("refused"));
    assert_eq!(text(&serve.response(calls[1])), r#"{"id":2}"#);
    assert_eq!(desk.up.runs("drop"), 1);
}

#[test]
fn a_client_of_2026_07_28_is_asked_in_the_answer() {
    for script in [Script::legacy(), Script::modern()] {
        let desk = Desk::asking(script);
        let mut serve = desk.modern(forms());
        let params = drop_params(7);
        let answer = |serve: &mut Serve, says: Value| {
            let asked = serve.modern("tools/call", drop_params(7))["result"].clone();
            assert_eq!(asked["resultType"], "input_required", "{asked}");
            let mut requests = asked["inputRequests"].as_object().unwrap().values();
            let ask = requests.next().unwrap();
            assert_eq!(ask["method"], ASK);
            assert!(ask["params"]["message"].as_str().unwrap().contains("\"id\": 7"), "{ask}");
            (asked.clone(), serve.modern("tools/call", retry_of(&params, &asked, |_| says.clone())))
        };
        let (_, refused) = answer(&mut serve, json!({"action": "decline"}));
        assert!(told(&refused).contains("the user refused"), "{refused}");
        let (_, closed) = answer(&mut serve, json!({"action": "cancel"}));
        assert!(told(&closed).contains("closed the question"), "{closed}");
        assert_eq!(desk.up.requests_of("tools/call").len(), 0);
        let (asked, done) = answer(&mut serve, yes());
        assert_eq!(text(&done), r#"{"id":7}"#);
        assert_eq!(done["result"]["resultType"], "complete");
        // The same answer again is one to nothing.
        let again = serve.modern("tools/call", retry_of(&params, &asked, |_| yes()));
        assert_eq!(again["error"]["code"], -32602, "{again}");
        // With other arguments it is another call.
        let (asked, _) = answer(&mut serve, yes());
        let other = retry_of(&drop_params(8), &asked, |_| yes());
        assert_eq!(serve.modern("tools/call", other)["error"]["code"], -32602);
        assert_eq!(desk.up.runs("drop"), 2);
        let drop = "c0__drop";
        desk.logged(&[
            &format!("denied refused {drop}"),
            &format!("denied dismissed {drop}"),
            &format!("ok approved {drop}"),
            &format!("ok approved {drop}"),
        ]);
    }
}

#[test]
fn a_client_of_2026_07_28_that_is_late_hears_that_nothing_was_sent() {
    let rules = "policy.destructive = \"ask\"\n[settings]\napproval_wait = \"2s\"\n";
    let desk = Desk::new(tools(Script::legacy()), rules);
    let mut serve = desk.modern(forms());
    let asked = serve.modern("tools/call", drop_params(7))["result"].clone();
    desk.logged(&["denied unanswered c0__drop"]);
    let late = serve.modern("tools/call", retry_of(&drop_params(7), &asked, |_| yes()));
    assert!(told(&late).contains("nobody answered"), "{late}");
    assert_eq!(desk.up.runs("drop"), 0);
}

#[test]
fn a_client_of_2026_07_28_that_leaves_while_asked_has_sent_nothing() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.modern(forms());
    let asked = serve.modern("tools/call", drop_params(7))["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    desk.logged(&["denied dismissed c0__drop"]);
}

#[test]
fn what_the_upstream_asks_comes_after_the_approval_and_is_not_asked_for_again() {
    use crate::support::{script::Tool, talk};
    const FORM: &str =
        r#"{"message":"Which one?","requestedSchema":{"type":"object","properties":{}}}"#;
    for script in [Script::legacy(), Script::modern()] {
        let ask = Tool::echo("ask").asks(ASK, FORM).if_declared();
        let desk = Desk::new(
            script.answers(crate::support::script::Answers::Mixed).everything().tool(ask),
            "policy.write = \"ask\"\n",
        );
        let mut serve = desk.modern(forms());
        let params = json!({"name": "c0__ask", "arguments": {"tag": "x"}});
        let (mut messages, mut sent) = (Vec::new(), params.clone());
        let done = loop {
            let response = serve.modern("tools/call", sent.clone());
            if response["result"]["resultType"] != "input_required" {
                break response;
            }
            sent = retry_of(&params, &response["result"], |ask| {
                messages.push(ask["params"]["message"].as_str().unwrap().to_owned());
                yes()
            });
        };
        text(&done);
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].starts_with("Call ask of c0?") && messages[1] == "Which one?");
        talk::eventually("the log", || !desk.log().is_empty());
        assert!(desk.log().iter().all(|line| line == "ok approved c0__ask"), "{:?}", desk.log());
    }
}
