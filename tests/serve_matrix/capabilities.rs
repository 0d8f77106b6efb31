//! An upstream is told what the client in front of it can do: all of it, and nothing else.

use crate::support::{
    duo::{C, Cell, Duo, Shown, able, matrix},
    script::Tool,
    talk::text,
};
use serde_json::{Value, json};

#[test]
fn capabilities() {
    matrix(
        "capabilities",
        &[
            ("mirrored", mirrored),
            ("never invented", never_invented),
            ("each request for itself", each_request),
            ("those of servers", of_servers),
        ],
    );
}

/// The abilities to be asked in some form, without what has no meaning in the other era.
fn abilities(all: &Value) -> Value {
    let mut kept = json!({});
    for key in ["elicitation", "sampling", "roots"] {
        if let Some(value) = all.get(key) {
            kept[key] = value.clone();
        }
    }
    if let Some(roots) = kept["roots"].as_object_mut() {
        roots.remove("listChanged");
    }
    // Two ways to say the same.
    if kept["elicitation"] == json!({}) {
        kept["elicitation"] = json!({"form": {}});
    }
    if kept["elicitation"].is_null() {
        kept.as_object_mut().unwrap().remove("elicitation");
    }
    if kept["roots"].is_null() {
        kept.as_object_mut().unwrap().remove("roots");
    }
    kept
}

fn mirrored(cell: Cell) -> Shown {
    for can in [
        json!({}),
        json!({"elicitation": {}}),
        json!({"elicitation": {"form": {}, "url": {}}, "roots": {}}),
        json!({"sampling": {"tools": {}}, "roots": {}}),
        able(),
    ] {
        let script = cell.script().prompt(Tool::prompt("p")).resource(Tool::resource("r:1"));
        let mut duo = Duo::with(cell, can.clone(), script);
        duo.call("echo", json!({}));
        duo.result("prompts/get", json!({"name": "c0__p"}));
        duo.result("resources/read", json!({"uri": "allmcp://c0/r:1"}));
        for name in ["echo", "p", "r:1"] {
            let told = duo.up.told_for(name);
            assert_eq!(abilities(told.last().unwrap()), abilities(&can), "{name}");
        }
        // Nobody was ever told more, whatever the request.
        for request in duo.up.requests() {
            let told = request.capabilities().map(|told| abilities(&told)).unwrap_or(json!({}));
            for key in told.as_object().unwrap().keys() {
                assert!(can.get(key).is_some(), "{key} in {request:?}");
            }
        }
    }
    Ok(())
}

fn never_invented(cell: Cell) -> Shown {
    let script = cell
        .script()
        .tool(Tool::echo("form").asks("elicitation/create", r#"{"message":"?"}"#).if_declared())
        .tool(Tool::echo("sample").asks("sampling/createMessage", "{}").if_declared())
        .tool(Tool::echo("roots").asks("roots/list", "{}").if_declared());
    let mut duo = Duo::with(cell, json!({}), script);
    for tool in ["form", "sample", "roots"] {
        let answer = duo.call(tool, json!({}));
        // The upstream has a way of its own for clients that cannot be asked.
        assert_eq!(text(&answer), "fallback");
    }
    assert_eq!(duo.questions().count(), 0);
    // Old tasks share no more than a name with the extension, and are nobody's to declare.
    for request in duo.up.requests() {
        let told = request.capabilities().unwrap_or_default();
        assert!(told.get("tasks").is_none() && told.get("experimental").is_none(), "{request:?}");
    }
    Ok(())
}

fn each_request(cell: Cell) -> Shown {
    if !cell.client {
        return Err("a client with a handshake says it once");
    }
    let tool = Tool::echo("ask").asks("roots/list", "{}").if_declared();
    let mut duo = Duo::with(cell, json!({}), cell.script().tool(tool));
    assert_eq!(text(&duo.call("ask", json!({}))), "fallback");
    duo.serve.capabilities = json!({"roots": {}});
    let (response, asks) = duo.answering("ask", json!({}), |_| json!({"roots": []}));
    assert_eq!((asks.len(), text(&response)), (1, r#"{"roots":[]}"#));
    duo.serve.capabilities = json!({});
    let answer = duo.call("ask", json!({}));
    if cell == C {
        // Its session has been told of roots, so it asks, and hears that this call has none.
        assert!(answer["result"].to_string().contains("-32601"), "{answer}");
    } else {
        assert_eq!(text(&answer), "fallback");
    }
    Ok(())
}

fn of_servers(cell: Cell) -> Shown {
    let script = cell.script().prompt(Tool::prompt("p")).resource(Tool::resource("r:1"));
    let mut duo = Duo::new(cell, script);
    let said = duo.hello()["capabilities"].clone();
    assert_eq!(said["tools"]["listChanged"], true, "{said}");
    for key in ["prompts", "resources", "completions", "logging"] {
        assert!(said[key].is_object(), "{key} in {said}");
    }
    assert_eq!(said["resources"]["subscribe"], true, "{said}");
    assert_eq!(
        (&said["prompts"]["listChanged"], &said["resources"]["listChanged"]),
        (&json!(true), &json!(true))
    );
    // What is said is served, and what nobody has is not said.
    let script = cell.script().capabilities(r#"{"tools":{}}"#);
    let mut duo = Duo::new(cell, script);
    let said = duo.hello()["capabilities"].clone();
    for (key, method) in [("prompts", "prompts/list"), ("resources", "resources/list")] {
        let served = duo.get(method, json!({}))["result"].is_object();
        assert!(served || said.get(key).is_none(), "{said}");
    }
    assert!(said.get("extensions").is_none_or(|all| all == &json!({})), "{said}");
    Ok(())
}
