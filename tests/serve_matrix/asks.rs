//! What an upstream wants from the client while it works, in the words of the client's era.

use crate::support::{
    duo::{Cell, D, Duo, Shown, able, matrix},
    script::{Script, Tool},
    talk::{eventually, text, told},
};
use serde_json::{Value, json};

#[test]
fn questions() {
    matrix(
        "questions to the client",
        &[
            ("elicitation: form", form),
            ("elicitation: url", url),
            ("sampling", sampling),
            ("roots", roots),
            ("several at once", several),
            ("one after another", rounds),
            ("declined and cancelled", declined),
            ("no url capability", no_url),
            ("prompts and reads ask too", not_only_tools),
        ],
    );
}

/// One question to a client that gives this answer; the question.
#[track_caller]
fn asked(cell: Cell, method: &'static str, params: &str, answer: Value) -> (Duo, Value) {
    let tool = Tool::echo("ask").asks(method, params).if_declared();
    let mut duo = Duo::new(cell, cell.script().tool(tool));
    let (response, asks) = duo.answering("ask", json!({"x": 1}), |_| answer.clone());
    assert_eq!(asks.len(), 1, "{response}");
    assert_eq!(asks[0]["method"], method);
    // Everything passes as it was said.
    assert_eq!(serde_json::from_str::<Value>(text(&response)).unwrap(), answer);
    assert_eq!(duo.up.complaints(), [""; 0]);
    let ran = duo.up.runs("ask");
    assert_eq!(ran, if cell.upstream { 2 } else { 1 }, "a parked call is not made again");
    let ask = asks[0].clone();
    (duo, ask)
}

const FORM: &str = r#"{"message":"Who?","requestedSchema":{"type":"object","properties":{"b":{"type":"string","x":1.0},"a":{"type":"integer"}},"required":["b"]},"_meta":{"vendor.example/x":1}}"#;

fn form(cell: Cell) -> Shown {
    let answer = json!({"action": "accept", "content": {"b": "é", "a": 1}});
    let (duo, ask) = asked(cell, "elicitation/create", FORM, answer);
    assert_eq!(ask["params"], serde_json::from_str::<Value>(FORM).unwrap());
    let line = duo.serve.lines().into_iter().find(|line| line.windows(4).any(|w| w == b"Who?"));
    let line = String::from_utf8(line.unwrap()).unwrap();
    let schema = &FORM[FORM.find(r#"{"type":"object""#).unwrap()..FORM.find(r#","_meta"#).unwrap()];
    assert!(line.contains(schema), "{line}");
    Ok(())
}

fn url(cell: Cell) -> Shown {
    let id = if cell.upstream { "" } else { r#","elicitationId":"theirs""# };
    let params =
        format!(r#"{{"mode":"url","message":"Sign in","url":"https://x.example/?a=b"{id}}}"#);
    let (duo, ask) = asked(cell, "elicitation/create", &params, json!({"action": "accept"}));
    let params = &ask["params"];
    assert_eq!((&params["mode"], &params["message"]), (&json!("url"), &json!("Sign in")));
    assert_eq!(params["url"], "https://x.example/?a=b");
    match (cell.client, cell.upstream) {
        (true, _) => assert!(params.get("elicitationId").is_none(), "{ask}"),
        (false, false) => assert_eq!(params["elicitationId"], "theirs"),
        (false, true) => {
            // 2025-11-25 needs one, and wants to be told of the end.
            let id = params["elicitationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty(), "{ask}");
            let done = duo.serve.wait_for_method("notifications/elicitation/complete");
            assert_eq!(done["params"]["elicitationId"], id);
        }
    }
    Ok(())
}

const SAMPLE: &str = r#"{"messages":[{"role":"user","content":{"type":"text","text":"2+2?"}}],"maxTokens":10,"temperature":1.0,"metadata":{"z":1e1}}"#;

fn sampling(cell: Cell) -> Shown {
    let answer =
        json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "4"}});
    let (_duo, ask) = asked(cell, "sampling/createMessage", SAMPLE, answer);
    assert_eq!(ask["params"], serde_json::from_str::<Value>(SAMPLE).unwrap());
    Ok(())
}

fn roots(cell: Cell) -> Shown {
    // The client's own files: these URIs are not ours to change.
    let answer = json!({"roots": [{"uri": "file:///home/u", "name": "home"}]});
    asked(cell, "roots/list", "{}", answer);
    Ok(())
}

/// Answers each kind of question in its own way.
fn by_kind(ask: &Value) -> Value {
    match ask["method"].as_str().unwrap() {
        "roots/list" => json!({"roots": []}),
        "sampling/createMessage" => {
            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "4"}})
        }
        _ => json!({"action": "accept", "content": {"said": ask["params"]["message"]}}),
    }
}

fn message(text: &str) -> String {
    format!(r#"{{"message":"{text}","requestedSchema":{{"type":"object","properties":{{}}}}}}"#)
}

/// The answers as the tool gives them back, in the order of its questions.
#[track_caller]
fn order(response: &Value, wanted: &[&str]) {
    let all: Value = serde_json::from_str(text(response)).unwrap();
    let all: Vec<String> = all.as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(all.len(), wanted.len(), "{all:?}");
    for (one, wanted) in all.iter().zip(wanted) {
        assert!(one.contains(wanted), "{wanted} is not in {one}");
    }
}

fn several(cell: Cell) -> Shown {
    let tool = Tool::echo("ask")
        .asks("elicitation/create", &message("one"))
        .asks("sampling/createMessage", SAMPLE)
        .asks("roots/list", "{}")
        .asks("elicitation/create", &message("two"))
        .if_declared();
    let mut duo = Duo::new(cell, cell.script().tool(tool));
    let (response, asks) = duo.answering("ask", json!({}), by_kind);
    assert_eq!(asks.len(), 4, "{asks:?}");
    order(&response, &["one", "assistant", "roots", "two"]);
    assert_eq!(duo.up.complaints(), [""; 0]);
    Ok(())
}

fn rounds(cell: Cell) -> Shown {
    let tool = Tool::echo("ask")
        .asks("elicitation/create", &message("one"))
        .then_asks("elicitation/create", &message("two"))
        .postpones()
        .then_asks("roots/list", "{}")
        .if_declared();
    let mut duo = Duo::new(cell, cell.script().tool(tool));
    let (response, asks) = duo.answering("ask", json!({"k": [1.0]}), by_kind);
    assert_eq!(asks.len(), 3, "{asks:?}");
    order(&response, &["one", "two", "roots"]);
    assert_eq!(duo.up.complaints(), [""; 0]);
    Ok(())
}

fn declined(cell: Cell) -> Shown {
    for action in ["decline", "cancel"] {
        asked(cell, "elicitation/create", &message("?"), json!({"action": action}));
    }
    Ok(())
}

/// Capabilities with forms alone.
fn forms_only() -> Value {
    json!({"elicitation": {"form": {}}})
}

fn no_url(cell: Cell) -> Shown {
    if cell == D {
        return Err("it passes, and the upstream is told what the client can do");
    }
    // This one asks whatever was declared.
    let id = if cell.upstream { "" } else { r#","elicitationId":"e""# };
    let params =
        format!(r#"{{"mode":"url","message":"Sign in","url":"https://x.example/in"{id}}}"#);
    let tool = Tool::echo("ask").asks("elicitation/create", &params);
    let mut duo = Duo::with(cell, forms_only(), cell.script().tool(tool));
    let (response, asks) = duo.answering("ask", json!({}), |_| panic!("it cannot be asked"));
    assert!(asks.is_empty());
    if cell.upstream {
        // A dead end, so the model gets to know what the user could do.
        assert!(told(&response).contains("https://x.example/in"), "{response}");
    } else {
        // The refusal is the tool's to deal with.
        let refused = duo.up.answers();
        assert_eq!(refused.len(), 1, "{response}");
        assert!(refused[0].1.contains("-32") || refused[0].1.contains("decline"), "{refused:?}");
    }
    Ok(())
}

fn not_only_tools(cell: Cell) -> Shown {
    if !cell.upstream {
        return prompts_of_old(cell);
    }
    let ask = |tool: Tool| tool.asks("roots/list", "{}").if_declared();
    let script: Script =
        cell.script().prompt(ask(Tool::prompt("p"))).resource(ask(Tool::resource("r:1")));
    let mut duo = Duo::with(cell, able(), script);
    for (method, params) in [
        ("prompts/get", json!({"name": "c0__p"})),
        ("resources/read", json!({"uri": "allmcp://c0/r:1"})),
    ] {
        let (response, asks) = duo.answering_to(method, params, by_kind);
        assert_eq!(asks.len(), 1, "{method}: {response}");
        assert!(response.to_string().contains("roots"), "{response}");
    }
    assert_eq!(duo.up.complaints(), [""; 0]);
    Ok(())
}

/// Before 2026-07-28 a request may be answered with a question on its stream just as well.
fn prompts_of_old(cell: Cell) -> Shown {
    let prompt = Tool::prompt("p").asks("elicitation/create", &message("?")).if_declared();
    let mut duo = Duo::new(cell, cell.script().prompt(prompt));
    let (response, asks) = duo.answering_to("prompts/get", json!({"name": "c0__p"}), by_kind);
    assert_eq!(asks.len(), 1, "{response}");
    eventually("the answer", || duo.up.answers().len() == 1);
    assert!(response.to_string().contains("accept"), "{response}");
    Ok(())
}
