//! What comes without being the answer to anything, and what takes an answer away.

use crate::support::{
    duo::{A, Cell, Duo, Shown, matrix},
    record::Ended,
    script::Tool,
    talk::eventually,
    upstream::Upstream,
    wire,
};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn changes() {
    matrix(
        "changes",
        &[
            ("tools list_changed", |cell| changed(cell, "tools")),
            ("prompts list_changed", |cell| changed(cell, "prompts")),
            ("resources list_changed", |cell| changed(cell, "resources")),
            ("resources/updated", updated),
            ("roots list_changed", roots_changed),
        ],
    );
}

#[test]
fn reports_and_cancellation() {
    matrix(
        "calls",
        &[
            ("logging", logging),
            ("progress", progress),
            ("cancellation", cancellation),
            ("cancelled prompts and reads", cancelled_reads),
        ],
    );
}

fn changed(cell: Cell, kind: &'static str) -> Shown {
    // One of each, so that all lists are served from the start.
    let script = cell.script().prompt(Tool::prompt("p")).resource(Tool::resource("r:0"));
    let mut duo = Duo::new(cell, script);
    let all =
        json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true});
    if let Some(honoured) = duo.listen(all.clone()) {
        assert_eq!(honoured, all);
    }
    let list = duo.result(&format!("{kind}/list"), json!({}));
    assert!(!list.to_string().contains("newcomer"), "{list}");
    duo.up.wait_until_heard(kind);
    let up: &Upstream = &duo.up;
    match kind {
        "tools" => {
            up.change(|script| script.tools.push(Tool::echo("newcomer")));
            up.push_list_changed();
        }
        "prompts" => {
            up.change(|script| script.offers.prompts.push(Tool::prompt("newcomer")));
            up.push_prompts_changed();
        }
        _ => {
            up.change(|script| script.offers.resources.push(Tool::resource("r:newcomer")));
            up.push_resources_changed();
        }
    }
    let method = format!("notifications/{kind}/list_changed");
    let heard = duo.wait_heard(&method, 1);
    if !cell.client {
        // Ids of subscriptions are nothing to an old client.
        assert!(heard[0].get("params").is_none_or(|params| params.get("_meta").is_none()));
    }
    let list = duo.result(&format!("{kind}/list"), json!({}));
    assert!(list.to_string().contains("newcomer"), "{list}");
    Ok(())
}

fn updated(cell: Cell) -> Shown {
    const METHOD: &str = "notifications/resources/updated";
    let script = cell.script().resource(Tool::resource("db:1")).resource(Tool::resource("db:2"));
    let mut duo = Duo::new(cell, script);
    let public = "allmcp://c0/db:1";
    if cell.client {
        let filter = json!({"resourceSubscriptions": [public]});
        assert_eq!(duo.listen(filter.clone()), Some(filter));
    } else {
        assert_eq!(duo.result("resources/subscribe", json!({"uri": public})), json!({}));
    }
    duo.up.wait_for_subscriptions(&["db:1"]);
    duo.up.wait_until_heard("updates");
    duo.up.push_updated("db:2");
    duo.up.push_updated("db:1");
    let heard = duo.wait_heard(METHOD, 1);
    assert_eq!(heard[0]["params"]["uri"], public, "{heard:?}");
    if cell.client {
        duo.serve.cancel(duo.listen.unwrap());
    } else {
        assert_eq!(duo.result("resources/unsubscribe", json!({"uri": public})), json!({}));
    }
    // Nobody wants it any more, so the upstream is told to stop.
    duo.up.wait_for_subscriptions(&[]);
    duo.up.push_updated("db:1");
    duo.call("echo", json!({}));
    assert_eq!(duo.serve.of_method(METHOD).len(), 1, "{}", duo.serve.story());
    Ok(())
}

/// The one notice that goes the other way.
fn roots_changed(cell: Cell) -> Shown {
    const METHOD: &str = "notifications/roots/list_changed";
    if cell != A {
        return Err("2026-07-28 has no such notification");
    }
    let can = json!({"roots": {"listChanged": true}});
    let mut duo = Duo::with(cell, can.clone(), cell.script());
    duo.call("echo", json!({}));
    assert_eq!(duo.up.told_for("echo"), [can]);
    duo.serve.notify(METHOD, json!({}));
    duo.up.wait_for_method(METHOD, 1);
    Ok(())
}

fn logging(cell: Cell) -> Shown {
    const METHOD: &str = "notifications/message";
    let tool = Tool::echo("talks")
        .logs("debug", r#""quiet""#)
        .logs("warning", r#"{"n":1.0,"s":"loud"}"#)
        .logs("error", r#""louder""#);
    let mut duo = Duo::new(cell, cell.script().tool(tool));
    if cell.client {
        // No key, no messages.
        duo.call("talks", json!({}));
        assert_eq!(duo.serve.of_method(METHOD).len(), 0, "{}", duo.serve.story());
    } else {
        let level = json!({"level": "warning"});
        assert_eq!(duo.result("logging/setLevel", level), json!({}));
    }
    let mut params = json!({"name": "c0__talks", "arguments": {}});
    if cell.client {
        params["_meta"] = json!({wire::LOG_LEVEL: "warning"});
    }
    duo.result("tools/call", params.clone());
    eventually("both messages", || duo.serve.of_method(METHOD).len() >= 2);
    let heard = duo.serve.of_method(METHOD);
    let data: Vec<&Value> = heard.iter().map(|message| &message["params"]["data"]).collect();
    assert_eq!(data, [&json!({"n": 1.0, "s": "loud"}), &json!("louder")]);
    assert_eq!(heard[0]["params"]["level"], "warning");
    assert!(duo.serve.raw_of_method(METHOD)[0].contains(r#"{"n":1.0,"s":"loud"}"#));
    // The level of one request says nothing about the next one, that of a session does.
    if cell.client {
        params["_meta"] = json!({wire::LOG_LEVEL: "error"});
    } else {
        duo.result("logging/setLevel", json!({"level": "error"}));
    }
    duo.result("tools/call", params);
    eventually("the third message", || duo.serve.of_method(METHOD).len() >= 3);
    duo.call("echo", json!({}));
    assert_eq!(duo.serve.of_method(METHOD).len(), 3, "{}", duo.serve.story());
    Ok(())
}

fn progress(cell: Cell) -> Shown {
    const METHOD: &str = "notifications/progress";
    let script = cell
        .script()
        .tool(Tool::echo("work").progress(3, Duration::from_millis(1)))
        .prompt(Tool::prompt("work").progress(3, Duration::from_millis(1)))
        .resource(Tool::resource("r:1").progress(3, Duration::from_millis(1)));
    let mut duo = Duo::new(cell, script);
    let mut heard = 0;
    for (method, mut params) in [
        ("tools/call", json!({"name": "c0__work"})),
        ("prompts/get", json!({"name": "c0__work"})),
        ("resources/read", json!({"uri": "allmcp://c0/r:1"})),
    ] {
        for token in [json!("mine"), json!(0)] {
            params["_meta"] = json!({"progressToken": token});
            duo.result(method, params.clone());
            // All there is to hear has come before the answer.
            let all = duo.serve.of_method(METHOD);
            assert_eq!(all.len(), heard + 3, "{method}");
            for (step, message) in (1..=3).zip(&all[heard..]) {
                let wanted = json!({"progressToken": token, "progress": step, "total": 3, "message": format!("step {step}")});
                assert_eq!(message["params"], wanted);
            }
            heard += 3;
        }
    }
    Ok(())
}

/// The upstream hears that the latest request of this method is not wanted any more.
fn wait_cancelled(duo: &Duo, method: &str) {
    let ours = duo.up.requests_of(method).pop().unwrap().rpc.id.unwrap();
    duo.up.wait_for("the cancellation", |all| {
        all.iter().any(|request| {
            if duo.cell.upstream {
                let is_it = request.rpc.id.as_deref() == Some(&ours) && request.is(method);
                return is_it && request.ended == Ended::ClientGone;
            }
            let of = request.rpc.params.get("requestId").map(|raw| raw.get());
            request.is("notifications/cancelled") && of == Some(&ours)
        })
    });
    duo.up.poll("rest", || duo.up.in_flight() == 0);
}

fn cancellation(cell: Cell) -> Shown {
    let mut duo = Duo::new(cell, cell.script().tool(Tool::echo("hangs").never()));
    let id = duo.send_call("hangs", json!({}));
    duo.up.poll("the call", || duo.up.in_flight() == 1);
    duo.serve.cancel(id);
    wait_cancelled(&duo, "tools/call");
    duo.call("echo", json!({}));
    assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
    Ok(())
}

fn cancelled_reads(cell: Cell) -> Shown {
    let script =
        cell.script().prompt(Tool::prompt("p").never()).resource(Tool::resource("r:1").never());
    let mut duo = Duo::new(cell, script);
    for (method, params) in [
        ("prompts/get", json!({"name": "c0__p"})),
        ("resources/read", json!({"uri": "allmcp://c0/r:1"})),
    ] {
        let id = duo.send(method, params);
        duo.up.wait_for_method(method, 1);
        duo.up.poll("the request", || duo.up.in_flight() == 1);
        duo.serve.cancel(id);
        wait_cancelled(&duo, method);
        duo.call("echo", json!({}));
        assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
    }
    Ok(())
}
