//! Many questions at the same time.

use crate::{
    FORM, legacy, modern, repeat, started,
    support::{client::Serve, duo::retry_of, script::Tool, talk::text, upstream::Upstream},
    tagged,
};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

const ASK: &str = "elicitation/create";

/// So many calls of each era to each upstream.
const EACH: usize = 8;

/// The result that waits for an answer.
#[track_caller]
fn waiting(serve: &Serve, id: u64) -> Value {
    let result = serve.response(id)["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{result}");
    result
}

#[track_caller]
fn check(serve: &Serve, id: u64, tag: &str) {
    let response = serve.response(id);
    let said: Value = serde_json::from_str(text(&response)).unwrap();
    assert_eq!(said, json!({"action": "accept", "content": {"said": tag}}), "{tag}");
}

#[test]
fn answers_are_never_crossed() {
    let ask = || Tool::echo("ask").asks(ASK, FORM).if_declared();
    let (old, new) = (Upstream::start(legacy().tool(ask())), Upstream::start(modern().tool(ask())));
    let (_env, mut serve) = started(&[&old, &new]);
    let (mut with, mut without) = (HashMap::new(), HashMap::new());
    for at in 0..EACH {
        for name in ["c0__ask", "c1__ask"] {
            let tag = format!("{name} of old {at}");
            with.insert(serve.send_request("tools/call", tagged(name, &tag)), tag);
            let tag = format!("{name} of new {at}");
            let params = tagged(name, &tag);
            without.insert(serve.send_modern("tools/call", params.clone()), (tag, params));
        }
    }
    serve.wait_for_count(ASK, 2 * EACH);
    // Last asked, first answered.
    let asks: Vec<Value> = serve.of_method(ASK).into_iter().rev().collect();
    let ids: BTreeSet<String> = asks.iter().map(|ask| ask["id"].to_string()).collect();
    assert_eq!(ids.len(), 2 * EACH, "each under an id of its own");
    let mut retries = Vec::new();
    for (id, (tag, params)) in without {
        let asked = waiting(&serve, id);
        let (_, one) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(one["params"]["message"], tag, "{asked}");
        retries.push((tag, retry_of(&params, &asked, repeat)));
    }
    // In between, answers and new calls of both eras.
    let mut asks = asks.into_iter();
    let mut sent = Vec::new();
    for (tag, retry) in retries {
        let ask = asks.next().unwrap();
        serve.respond(&ask["id"], repeat(&ask));
        sent.push((tag, serve.send_modern("tools/call", retry)));
        text(&serve.call("c1__echo", json!({})));
    }
    for (tag, id) in sent {
        check(&serve, id, &tag);
    }
    for (id, tag) in with {
        check(&serve, id, &tag);
    }
    assert_eq!(serve.of_method(ASK).len(), 2 * EACH, "modern calls are not asked by request");
    assert_eq!((old.runs("ask"), new.runs("ask")), (2 * EACH, 4 * EACH));
    assert_eq!(new.complaints(), [""; 0]);
}

#[test]
fn equal_ids_of_two_upstreams_are_two_questions() {
    for id in ["7", r#""7""#, "0"] {
        let ask = || Tool::echo("ask").asks_as(id, ASK, FORM).if_declared();
        let servers = [(); 2].map(|()| Upstream::start(legacy().tool(ask())));
        let (_env, mut serve) = started(&[&servers[0], &servers[1]]);
        let calls = ["c0__ask", "c1__ask"]
            .map(|name| (serve.send_request("tools/call", tagged(name, name)), name));
        serve.wait_for_count(ASK, 2);
        let asks = serve.of_method(ASK);
        assert_ne!(asks[0]["id"], asks[1]["id"]);
        for ask in asks.iter().rev() {
            serve.respond(&ask["id"], repeat(ask));
        }
        for (call, name) in calls {
            check(&serve, call, name);
        }
        // The same for a client without requests, whose keys are its own affair.
        let calls = ["c0__ask", "c1__ask"]
            .map(|name| (serve.send_modern("tools/call", tagged(name, name)), name));
        let retries = calls.map(|(call, name)| {
            let retry = retry_of(&tagged(name, name), &waiting(&serve, call), repeat);
            (name, retry)
        });
        for (name, retry) in retries.into_iter().rev() {
            let call = serve.send_modern("tools/call", retry);
            check(&serve, call, name);
        }
    }
}

#[test]
fn one_tool_that_asks_holds_up_nobody() {
    let ask = || Tool::echo("ask").asks(ASK, FORM).if_declared();
    let servers = [Upstream::start(legacy().tool(ask())), Upstream::start(modern().tool(ask()))];
    let (_env, mut serve) = started(&[&servers[0], &servers[1]]);
    let waiting = ["c0__ask", "c1__ask"].map(|name| {
        serve.send_modern("tools/call", tagged(name, name));
        serve.send_request("tools/call", tagged(name, name))
    });
    serve.wait_for_count(ASK, 2);
    for name in ["c0__echo", "c1__echo"] {
        text(&serve.call(name, json!({})));
        assert!(serve.modern("tools/call", json!({"name": name}))["result"].is_object());
    }
    assert!(serve.request("ping", json!({}))["result"].is_object());
    // An answer to nothing that was asked does no harm, an error is an answer too.
    serve.respond(&json!("nobody"), json!({}));
    for ask in serve.of_method(ASK) {
        let error = json!({"code": -32603, "message": "the user has gone"});
        let answer = json!({"jsonrpc": "2.0", "id": ask["id"], "error": error});
        serve.send_line(&answer.to_string());
    }
    // The legacy tool is told of it and makes of it what it can; a modern one cannot be told.
    let told = serve.response(waiting[0]);
    assert!(told.to_string().contains("the user has gone"), "{told}");
    let ended = serve.response(waiting[1]);
    // For that there is the word of a user who says neither yes nor no.
    assert_eq!(text(&ended), r#"{"action":"cancel"}"#);
}
