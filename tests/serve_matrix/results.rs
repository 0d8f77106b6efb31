//! What is inside results: all of it as it came, but for URIs and for what an era cannot carry.

use crate::support::{
    duo::{A, Cell, D, Duo, Shown, matrix},
    script::Tool,
    wire,
};
use serde_json::{Value, json};

#[test]
fn results_and_metadata() {
    matrix(
        "results",
        &[
            ("structured content", structured),
            ("structured content of any type", any_type),
            ("resource links in results", links),
            ("links in prompts", links_in_prompts),
            ("vendor keys in _meta", vendor_keys),
            ("metadata of one hop only", per_hop),
        ],
    );
}

fn structured(cell: Cell) -> Shown {
    const RESULT: &str = r#"{"content":[{"type":"text","text":"{}"}],"structuredContent":{"z":1.0,"a":[1e2]},"vendor":[ ]}"#;
    let mut duo = Duo::new(cell, cell.script().tool(Tool::echo("data").result(RESULT)));
    let raw = duo.raw("tools/call", json!({"name": "c0__data"}));
    assert!(raw.contains(&RESULT[1..]), "{raw}");
    Ok(())
}

const SCHEMA: &str = r#""outputSchema":{"type":"array","items":{"type":"integer"}}"#;

fn any_type(cell: Cell) -> Shown {
    if !cell.upstream {
        return Err("before 2026-07-28 structured content is an object");
    }
    let tool = Tool::raw(&format!(
        r#"{{"name":"list","inputSchema":{{"type":"object"}},{SCHEMA},"x":1}}"#
    ));
    let result = r#"{"content":[{"type":"text","text":"[1,2]"}],"structuredContent":[1,2]}"#;
    let mut duo = Duo::new(cell, cell.script().tool(tool.result(result)));
    let answer = duo.call("list", json!({}))["result"].clone();
    assert_eq!(answer["content"][0]["text"], "[1,2]");
    let list = duo.raw("tools/list", json!({}));
    if cell.client {
        assert_eq!(answer["structuredContent"], json!([1, 2]));
        assert!(list.contains(SCHEMA), "{list}");
    } else {
        assert!(answer.get("structuredContent").is_none(), "{answer}");
        assert!(!list.contains(SCHEMA) && list.contains(r#""x":1"#), "{list}");
    }
    Ok(())
}

/// Content with links of every kind, as the upstream or as a client has it.
fn content(uri: impl Fn(&'static str) -> String) -> String {
    let file = uri("file:///a");
    let web = uri("https://example.com/a");
    let ui = uri("ui://app/x");
    let odd = uri("db:1");
    format!(
        r#"{{"type":"resource_link","uri":"{file}","name":"file:///a","size":1.0}},{{"type":"resource_link","uri":"{web}","name":"n","_meta":{{"uri":"file:///a"}}}},{{"type":"text","text":"file:///a"}},{{"type":"resource","resource":{{"uri":"{ui}","text":"ui://app/x","mimeType":"text/html"}},"annotations":{{"priority":1.0}}}},{{"type":"resource","resource":{{"blob":"AA==","uri":"{odd}"}}}}"#
    )
}

fn public(uri: &str) -> String {
    match uri.split_once("://") {
        Some(("https", _)) => uri.to_owned(),
        Some(("ui", rest)) => format!("ui://c0/{rest}"),
        _ => format!("allmcp://c0/{uri}"),
    }
}

fn links(cell: Cell) -> Shown {
    let result = format!(
        r#"{{"content":[{}],"structuredContent":{{"uri":"file:///a"}}}}"#,
        content(str::to_owned)
    );
    let mut duo = Duo::new(cell, cell.script().tool(Tool::echo("links").result(result)));
    let raw = duo.raw("tools/call", json!({"name": "c0__links"}));
    let wanted =
        format!(r#""content":[{}],"structuredContent":{{"uri":"file:///a"}}"#, content(public));
    assert!(raw.contains(&wanted), "{wanted}\nis not in\n{raw}");
    Ok(())
}

fn links_in_prompts(cell: Cell) -> Shown {
    // One block a message.
    let message = |uri: &str| {
        let link = format!(r#"{{"type":"resource_link","uri":"{uri}","name":"n"}}"#);
        let whole = format!(r#"{{"type":"resource","resource":{{"uri":"{uri}","text":"{{}}"}}}}"#);
        format!(r#"{{"role":"user","content":{link}}},{{"role":"assistant","content":{whole}}}"#)
    };
    let result = format!(r#"{{"description":"file:///a","messages":[{}]}}"#, message("file:///a"));
    let mut duo = Duo::new(cell, cell.script().prompt(Tool::prompt("links").result(result)));
    let raw = duo.raw("prompts/get", json!({"name": "c0__links"}));
    let wanted = message("allmcp://c0/file:///a");
    assert!(raw.contains(&wanted), "{wanted}\nis not in\n{raw}");
    assert!(raw.contains(r#""description":"file:///a""#), "{raw}");
    Ok(())
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn vendor_keys(cell: Cell) -> Shown {
    let meta = r#"{"vendor.example/out":{"z":1.0},"progress":1}"#;
    let result = format!(r#"{{"content":[],"_meta":{meta}}}"#);
    let prompt = r#"{"messages":[],"_meta":{"vendor.example/out":1}}"#;
    let script = cell
        .script()
        .tool(Tool::echo("meta").result(result))
        .prompt(Tool::prompt("meta").result(prompt))
        .resource(Tool::resource("r:1"));
    let mut duo = Duo::new(cell, script);
    let own = json!({"traceparent": TRACE, "tracestate": "a=b", "baggage": "c=d", "vendor.example/in": {"x": [1]}});
    for (method, params) in [
        ("tools/call", json!({"name": "c0__meta", "_meta": own})),
        ("prompts/get", json!({"name": "c0__meta", "_meta": own})),
        ("resources/read", json!({"uri": "allmcp://c0/r:1", "_meta": own})),
    ] {
        let answer = duo.result(method, params);
        if method != "resources/read" {
            assert!(answer["_meta"].get("vendor.example/out").is_some(), "{answer}");
        }
        let sent = duo.up.requests_of(method).pop().unwrap();
        for (key, value) in own.as_object().unwrap() {
            let got = sent.rpc.meta.get(key).map(|raw| raw.get());
            assert_eq!(got, Some(&*value.to_string()), "{method}: {key}");
        }
    }
    Ok(())
}

/// What one side says of itself stays on that side.
fn per_hop(cell: Cell) -> Shown {
    let server = format!(r#""{}":{{"name":"hidden","version":"1"}}"#, wire::SERVER_INFO);
    let result = format!(r#"{{"content":[],"_meta":{{{server},"kept":1}}}}"#);
    let mut duo = Duo::new(cell, cell.script().tool(Tool::echo("meta").result(result)));
    let subscription = json!({wire::SUBSCRIPTION_ID: "x", "progressToken": "mine"});
    let answer = duo.result("tools/call", json!({"name": "c0__meta", "_meta": subscription}));
    assert_eq!(answer["_meta"]["kept"], 1);
    if cell == D {
        // A result is its server's, and arrives as it was sent.
        assert_eq!(answer["_meta"][wire::SERVER_INFO]["name"], "hidden", "{answer}");
    }
    let sent = duo.up.requests_of("tools/call").pop().unwrap();
    if cell != A {
        assert!(!sent.rpc.meta.contains_key(wire::SUBSCRIPTION_ID), "{sent:?}");
    }
    // Tokens of two clients could be the same.
    assert_ne!(sent.rpc.meta.get("progressToken").map(|raw| raw.get()), Some("\"mine\""));
    let info = sent.rpc.meta.get(wire::CLIENT_INFO);
    let info: Option<Value> = info.map(|raw| serde_json::from_str(raw.get()).unwrap());
    if cell.upstream {
        assert_eq!(info.unwrap()["name"], "allmcp");
    } else if cell != A {
        let reserved = sent.rpc.meta.keys().find(|key| key.starts_with("io.modelcontextprotocol/"));
        assert_eq!(reserved, None, "{sent:?}");
    }
    Ok(())
}
