//! What can be listed, under which names, and that it answers to them.

use crate::support::{
    duo::{Cell, Duo, Shown, able, matrix},
    script::{Pages, Tool},
    wire,
};
use serde_json::{Value, json};

#[test]
fn lists_and_what_they_name() {
    matrix(
        "lists",
        &[
            ("tools: list and call", tools),
            ("prompts: list and get", prompts),
            ("resources: list and read", resources),
            ("resource templates", templates),
            ("completion", completion),
            ("upstream pages", pages),
            ("instructions", instructions),
            ("definitions byte for byte", definitions),
        ],
    );
}

/// The members named so of all entries in a list.
fn column(result: &Value, list: &str, key: &str) -> Vec<String> {
    let all = result[list].as_array().unwrap_or_else(|| panic!("no {list} in {result}"));
    all.iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
}

/// A list is one page, with what its era wants and nothing else.
fn check_list(cell: Cell, result: &Value, key: &str) {
    let keys: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
    if !cell.client {
        assert_eq!(keys, [key], "{result}");
        return;
    }
    assert_eq!(result["resultType"], "complete");
    assert!(result["ttlMs"].as_u64().is_some() && result["cacheScope"] == "private", "{result}");
    assert_eq!(result["_meta"][wire::SERVER_INFO]["name"], "allmcp", "{result}");
    assert_eq!(keys.len(), 5, "{result}");
}

/// The headers of the request that the upstream got last for this method repeat its body.
fn check_headers(duo: &Duo, method: &str, name: &str) {
    let request = duo.up.requests_of(method).pop().unwrap();
    let sent = request.header("mcp-name").and_then(wire::header_text);
    if duo.cell.upstream {
        assert_eq!(request.header("mcp-method"), Some(method));
        assert_eq!(sent.as_deref(), Some(name), "the upstream's own name");
    } else {
        assert_eq!((request.header("mcp-method"), sent), (None, None));
    }
}

fn tools(cell: Cell) -> Shown {
    let region = r#"{"name":"query","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Deep-N"}}}}}}"#;
    let broken = r#"{"name":"broken","inputSchema":{"type":"object","properties":{"a":{"type":"array","x-mcp-header":"A"}}}}"#;
    let script = cell.script().tool(Tool::raw(region)).tool(Tool::raw(broken));
    let mut duo = Duo::new(cell, script);
    let list = duo.result("tools/list", json!({}));
    check_list(cell, &list, "tools");
    let names = column(&list, "tools", "name");
    let ours: Vec<_> = names.iter().filter(|name| name.starts_with("c0__")).collect();
    // A wrong annotation takes its tool away, where the annotation means anything (SEP-2243).
    let all = ["c0__echo", "c0__query", "c0__broken"];
    let wanted = if cell.upstream { &all[..2] } else { &all };
    assert_eq!(ours, wanted);
    let answer = duo.call("echo", json!({"a": 1.5}));
    assert_eq!(answer["result"]["structuredContent"], json!({"a": 1.5}));
    check_headers(&duo, "tools/call", "echo");
    // The upstream looks at these headers itself.
    for region in ["eu", " é "] {
        let answer = duo.call("query", json!({"region": region, "deep": {"n": 7}}));
        assert_eq!(answer["result"]["structuredContent"]["region"], region, "{answer}");
    }
    let answer = duo.call("query", json!({"region": null}));
    assert!(answer["result"]["content"].is_array(), "{answer}");
    assert_eq!(duo.code("tools/list", json!({"cursor": "x"})), -32602);
    assert_eq!(duo.code("tools/call", json!({"name": "c0__none"})), -32602);
    Ok(())
}

fn prompts(cell: Cell) -> Shown {
    const RESULT: &str = r#"{ "messages":[{"role":"user","content":{"type":"text","text":"\u00e9 1.0"}}], "vendor":{"x":1e3} }"#;
    let script = cell
        .script()
        .prompt(Tool::prompt("greet"))
        .prompt(Tool::prompt("odd one").result(RESULT))
        .prompt(Tool::prompt("fails").rpc_error(-32603, "not today"));
    let mut duo = Duo::new(cell, script);
    let list = duo.result("prompts/list", json!({}));
    check_list(cell, &list, "prompts");
    let names = column(&list, "prompts", "name");
    assert_eq!(names[0], "c0__greet");
    // The rule for names is that of tools: the odd one gets a suffix.
    assert!(names[1].starts_with("c0__odd_one_") && names[1].len() == 18, "{names:?}");
    assert_eq!(list["prompts"][0]["arguments"], json!([{"name": "about"}]));
    let arguments = json!({"about": "x"});
    let got = duo.result("prompts/get", json!({"name": "c0__greet", "arguments": arguments}));
    assert_eq!(got["messages"][0]["content"]["text"], r#"{"about":"x"}"#);
    check_headers(&duo, "prompts/get", "greet");
    let raw = duo.raw("prompts/get", json!({"name": names[1]}));
    let inside = &RESULT[1..RESULT.len() - 1];
    assert!(raw.contains(inside.trim()), "{raw}");
    let failed = duo.get("prompts/get", json!({"name": "c0__fails"}));
    assert_eq!(failed["error"]["message"], "not today", "{failed}");
    assert_eq!(duo.code("prompts/get", json!({"name": "c0__none"})), -32602);
    assert_eq!(duo.code("prompts/get", json!({"name": "greet"})), -32602);
    Ok(())
}

/// An upstream's URI, and the one that a client sees.
pub(crate) const URIS: [(&str, &str); 6] = [
    ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
    ("file:///a%20b/ü.txt", "allmcp://c0/file:///a%20b/ü.txt"),
    ("ui://app/main.html", "ui://c0/app/main.html"),
    ("skill://x/SKILL.md", "skill://c0/x/SKILL.md"),
    ("urn:isbn:1", "allmcp://c0/urn:isbn:1"),
    ("allmcp://other/file:///x", "allmcp://c0/allmcp://other/file:///x"),
];

fn resources(cell: Cell) -> Shown {
    let script =
        URIS.iter().fold(cell.script(), |script, (uri, _)| script.resource(Tool::resource(uri)));
    let mut duo = Duo::new(cell, script);
    let list = duo.result("resources/list", json!({}));
    check_list(cell, &list, "resources");
    let listed = column(&list, "resources", "uri");
    assert_eq!(listed, URIS.map(|(_, public)| public));
    for (uri, public) in URIS {
        let read = duo.result("resources/read", json!({"uri": public}));
        assert_eq!(read["contents"][0]["uri"], public);
        assert_eq!(read["contents"][0]["text"], uri, "only the URI is changed");
        check_headers(&duo, "resources/read", uri);
        if cell.client {
            assert!(read["ttlMs"].as_u64().is_some() && read["cacheScope"] == "private", "{read}");
        } else {
            assert_eq!(read.as_object().unwrap().len(), 1, "{read}");
        }
    }
    for unknown in ["file:///a%20b/ü.txt", "allmcp://c9/file:///x", "x:y"] {
        assert_eq!(duo.code("resources/read", json!({"uri": unknown})), -32602, "{unknown}");
    }
    // The upstream's own refusal: the code of each era is as good as that of the other, but a
    // modern client is not to see the old one.
    let code = duo.code("resources/read", json!({"uri": "allmcp://c0/file:///none"}));
    assert!(code == -32602 || code == -32002 && !cell.client, "{code}");
    Ok(())
}

fn templates(cell: Cell) -> Shown {
    let script = cell
        .script()
        .template(Tool::template("file:///{+path}"))
        .template(Tool::template("https://example.com/{id}"))
        .template(Tool::template("ui://app/{id}"));
    let mut duo = Duo::new(cell, script);
    let list = duo.result("resources/templates/list", json!({}));
    check_list(cell, &list, "resourceTemplates");
    let listed = column(&list, "resourceTemplates", "uriTemplate");
    let public = ["allmcp://c0/file:///{+path}", "https://example.com/{id}", "ui://c0/app/{id}"];
    assert_eq!(listed, public);
    for (public, uri) in [
        ("allmcp://c0/file:///a/b", "file:///a/b"),
        ("https://example.com/7", "https://example.com/7"),
        ("ui://c0/app/7", "ui://app/7"),
    ] {
        let read = duo.result("resources/read", json!({"uri": public}));
        assert_eq!(read["contents"][0]["uri"], public);
        assert_eq!(read["contents"][0]["text"], uri);
    }
    Ok(())
}

fn completion(cell: Cell) -> Shown {
    let script = cell
        .script()
        .prompt(Tool::prompt("greet"))
        .template(Tool::template("file:///{path}"))
        .completion("greet", &["berlin", "bern", "paris"])
        .completion("file:///{path}", &["a/b", "a/c"]);
    let mut duo = Duo::new(cell, script);
    let argument = json!({"name": "about", "value": "ber"});
    let ask = json!({"ref": {"type": "ref/prompt", "name": "c0__greet"}, "argument": argument, "context": {"arguments": {"x": "y"}}});
    let got = duo.result("completion/complete", ask);
    assert_eq!(
        got["completion"],
        json!({"values": ["berlin", "bern"], "total": 2, "hasMore": false})
    );
    let sent = duo.up.requests_of("completion/complete").pop().unwrap();
    assert_eq!(sent.rpc.params["context"].get(), r#"{"arguments":{"x":"y"}}"#);
    let argument = json!({"name": "path", "value": "a/"});
    let of = |uri: &str| json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": argument});
    let got = duo.result("completion/complete", of("allmcp://c0/file:///{path}"));
    assert_eq!(got["completion"]["values"], json!(["a/b", "a/c"]));
    assert_eq!(duo.code("completion/complete", of("allmcp://c9/file:///{path}")), -32602);
    Ok(())
}

fn pages(cell: Cell) -> Shown {
    for pages in [Pages::By(2), Pages::EmptyCursor(2)] {
        let script = (0..5).fold(cell.script().pages(pages), |script, at| {
            script
                .tool(Tool::echo(&format!("t{at}")))
                .prompt(Tool::prompt(&format!("p{at}")))
                .resource(Tool::resource(&format!("r:{at}")))
                .template(Tool::template(&format!("t:{at}/{{x}}")))
        });
        let mut duo = Duo::new(cell, script);
        for (method, key, name, first, last) in [
            ("prompts/list", "prompts", "name", "c0__p0", "c0__p4"),
            ("resources/list", "resources", "uri", "allmcp://c0/r:0", "allmcp://c0/r:4"),
            (
                "resources/templates/list",
                "resourceTemplates",
                "uriTemplate",
                "allmcp://c0/t:0/{x}",
                "allmcp://c0/t:4/{x}",
            ),
        ] {
            let list = duo.result(method, json!({}));
            check_list(cell, &list, key);
            let all = column(&list, key, name);
            assert_eq!((all.len(), &*all[0], &*all[4]), (5, first, last));
            assert_eq!(duo.code(method, json!({"cursor": "c2"})), -32602);
            assert_eq!(duo.result(method, json!({"cursor": null}))[key], list[key]);
        }
        let tools = column(&duo.result("tools/list", json!({})), "tools", "name");
        assert_eq!(tools.iter().filter(|name| name.starts_with("c0__")).count(), 6);
    }
    Ok(())
}

fn instructions(cell: Cell) -> Shown {
    let mut duo = Duo::with(cell, able(), cell.script().instructions("Be kind.\nAsk first."));
    let told = duo.hello();
    let told = told["instructions"].as_str().unwrap();
    assert!(told.contains("## c0\nBe kind.\nAsk first."), "{told}");
    Ok(())
}

fn definitions(cell: Cell) -> Shown {
    const REST: &str = r#""title":"\u00c9","icons":[{"src":"https://x.example/i.png","theme":"dark"}],"annotations":{"audience":["user"],"priority":1.0,"vendor":null},"_meta":{"vendor.example/x":{"b":1e2,"a":[]},"plain":-0},"unknown":{"deep":[1.10,{}]}"#;
    let with = |head: &str| format!("{{{head},{REST}}}");
    let tool = |name: &str| {
        with(&format!(
            r#""name":"{name}","inputSchema":{{"type":"object","$defs":{{"z":1,"a":2}}}},"execution":{{"taskSupport":"optional"}}"#
        ))
    };
    let prompt = |name: &str| with(&format!(r#""name":"{name}""#));
    let resource = |uri: &str| with(&format!(r#""uri":"{uri}","name":"r","size":1.0"#));
    let template = |uri: &str| with(&format!(r#""uriTemplate":"{uri}","name":"t""#));
    let script = cell
        .script()
        .tool(Tool::raw(&tool("odd")))
        .prompt(Tool::raw(&prompt("odd")))
        .resource(Tool::raw_resource(&resource("db:x")))
        .template(Tool::raw_template(&template("db:{x}")));
    let mut duo = Duo::new(cell, script);
    for (method, wanted) in [
        ("tools/list", tool("c0__odd")),
        ("prompts/list", prompt("c0__odd")),
        ("resources/list", resource("allmcp://c0/db:x")),
        ("resources/templates/list", template("allmcp://c0/db:{x}")),
    ] {
        let raw = duo.raw(method, json!({}));
        assert!(raw.contains(&wanted), "{wanted} is not in {raw}");
    }
    Ok(())
}
