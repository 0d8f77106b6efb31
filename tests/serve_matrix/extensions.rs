//! MCP Apps, tasks and skills: mirrored where both ends know them, and never invented.

use crate::support::{
    client::Serve,
    duo::{Cell, D, Duo, Shown, able, matrix},
    script::Tool,
    talk::{eventually, text, told},
    task,
};
use serde_json::{Value, json};

const UI: &str = "io.modelcontextprotocol/ui";
const SKILLS: &str = "io.modelcontextprotocol/skills";

#[test]
fn extensions() {
    matrix(
        "extensions",
        &[
            ("apps: ui resources", apps),
            ("apps: declarations", app_declarations),
            ("tasks of 2025-11-25", old_tasks),
            ("tasks extension: undeclared", undeclared_tasks),
            ("tasks extension", tasks),
            ("skills", skills),
        ],
    );
}

/// What a client can do that also knows this extension.
fn with_extension(id: &str, settings: Value) -> Value {
    let mut can = able();
    can["extensions"] = json!({id: settings});
    can
}

fn app_settings() -> Value {
    json!({"mimeTypes": ["text/html;profile=mcp-app"]})
}

/// Not in the list, as is usual for pages of apps.
const PAGE: &str = r#"{"contents":[{"uri":"ui://app/main.html","mimeType":"text/html;profile=mcp-app","text":"<a href='ui://app/main.html'>","_meta":{"ui":{"csp":{"connectDomains":["https://x.example"]},"permissions":{"camera":{}}}}}]}"#;

fn apps(cell: Cell) -> Shown {
    let tool = |uri: &str, name: &str| {
        format!(
            r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"_meta":{{"ui":{{"visibility":["app"],"resourceUri":"{uri}","csp":{{"connectDomains":["https://x.example"]}}}},"ui/resourceUri":"{uri}","vendor":"{uri}"}}}}"#
        )
    };
    let page = Tool::resource("ui://app/main.html").unlisted().result(PAGE);
    let script = cell
        .script()
        .extension(UI, "{}")
        .tool(Tool::raw(&tool("ui://app/main.html", "app")))
        .resource(page);
    let mut duo = Duo::with(cell, with_extension(UI, app_settings()), script);
    let list = duo.raw("tools/list", json!({}));
    // Only the two keys that mean it are rewritten.
    let wanted = tool("ui://c0/app/main.html", "c0__app")
        .replace(r#""vendor":"ui://c0/"#, r#""vendor":"ui://"#);
    assert!(list.contains(&wanted), "{wanted}\nis not in\n{list}");
    let read = duo.raw("resources/read", json!({"uri": "ui://c0/app/main.html"}));
    let contents = &PAGE[1..PAGE.len() - 1];
    let wanted = contents.replace(r#""uri":"ui://app"#, r#""uri":"ui://c0/app"#);
    assert!(read.contains(&wanted), "{wanted}\nis not in\n{read}");
    text(&duo.call("app", json!({})));
    Ok(())
}

fn app_declarations(cell: Cell) -> Shown {
    let script = || cell.script().extension(UI, "{}");
    let mut duo = Duo::with(cell, with_extension(UI, app_settings()), script());
    duo.call("echo", json!({}));
    let told = duo.up.told_for("echo").pop().unwrap();
    assert_eq!(told["extensions"][UI], app_settings(), "{told}");
    let said = duo.hello()["capabilities"].clone();
    assert_eq!(said["extensions"][UI], json!({}), "{said}");
    // Another client, another answer; and what nobody here can route is not passed on.
    let mut duo = Duo::with(cell, with_extension("com.example/x", json!({"a": 1})), script());
    duo.call("echo", json!({}));
    for request in duo.up.requests() {
        let told = request.capabilities().unwrap_or_default();
        assert!(told["extensions"].get(UI).is_none(), "{request:?}");
        assert!(told["extensions"].get("com.example/x").is_none(), "{request:?}");
    }
    Ok(())
}

/// A tool of 2025-11-25 that runs only as a task.
fn old_tool(name: &str) -> Tool {
    let definition = format!(
        r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"execution":{{"taskSupport":"required"}}}}"#
    );
    Tool::raw(&definition).only_task(2)
}

fn old_tasks(cell: Cell) -> Shown {
    if cell.upstream {
        return Err("core tasks ended with 2025-11-25");
    }
    let script = cell
        .script()
        .legacy_tasks()
        .tool(old_tool("slow"))
        .tool(old_tool("broken").tool_error("no luck"));
    let mut duo = Duo::new(cell, script);
    let answer = duo.call("slow", json!({"a": 1}));
    assert_eq!(text(&answer), r#"{"a":1}"#);
    assert!(told(&duo.call("broken", json!({}))).contains("no luck"));
    assert_eq!(duo.up.runs("slow"), 1, "it is driven, not called again");
    assert!(duo.up.requests_of("tasks/get").len() >= 3, "it is asked until it is done");
    // Nobody told the client of a way to use them itself.
    let said = duo.hello()["capabilities"].clone();
    assert!(said.get("tasks").is_none(), "{said}");
    // A task that nobody waits for any more is cancelled in its own way.
    duo.up.change(|script| {
        script.tools[1].task.as_mut().unwrap().polls = u32::MAX - 1;
    });
    let before = duo.up.requests_of("tasks/get").len();
    let id = duo.send_call("slow", json!({}));
    duo.up.wait_for_method("tasks/get", before + 1);
    duo.serve.cancel(id);
    duo.up.wait_for_method("tasks/cancel", 1);
    duo.call("echo", json!({}));
    assert!(duo.serve.responses(&id.to_string()).is_empty(), "{}", duo.serve.story());
    Ok(())
}

fn undeclared_tasks(cell: Cell) -> Shown {
    if !cell.upstream {
        return Err("the extension is of 2026-07-28");
    }
    let script = cell
        .script()
        .extension(task::EXTENSION, "{}")
        .tool(Tool::echo("may").task(1))
        .tool(Tool::echo("must").only_task(1));
    let mut duo = Duo::new(cell, script);
    // Answered at once, or waited for: the client sees a result of the usual kind.
    let answer = duo.call("may", json!({"a": 1}));
    assert_eq!(text(&answer), r#"{"a":1}"#);
    assert_ne!(answer["result"]["resultType"], "task");
    // In words, or done for the client; never as an error of a hop that it knows nothing of.
    let answer = duo.call("must", json!({"a": 1}));
    assert_ne!(answer["result"]["resultType"], "task");
    let is_told = answer["result"]["isError"] == true && answer.to_string().contains("task");
    let is_done = answer["result"]["content"][0]["text"] == r#"{"a":1}"#;
    assert!(is_told || is_done, "{answer}");
    Ok(())
}

fn tasks(cell: Cell) -> Shown {
    if cell != D {
        return Err("both ends have to be of 2026-07-28");
    }
    let script = cell
        .script()
        .extension(task::EXTENSION, "{}")
        .tool(Tool::echo("slow").task(1))
        .tool(Tool::echo("asks").task(0).task_asks("roots/list", "{}"))
        .tool(Tool::echo("endless").task(u32::MAX - 1));
    let can = with_extension(task::EXTENSION, json!({}));
    let mut duo = Duo::with(cell, can.clone(), script);
    assert_eq!(duo.hello()["capabilities"]["extensions"][task::EXTENSION], json!({}));
    let begin = |duo: &mut Duo, tool: &str| -> Value {
        let result = duo.call(tool, json!({"a": 1}))["result"].clone();
        assert_eq!((&result["resultType"], &result["status"]), (&json!("task"), &json!("working")));
        assert_eq!((&result["ttlMs"], &result["pollIntervalMs"]), (&json!(60000), &json!(10)));
        result["taskId"].clone()
    };
    let status = |duo: &mut Duo, id: &Value| duo.result("tasks/get", json!({"taskId": id}));
    let slow = begin(&mut duo, "slow");
    let seen = status(&mut duo, &slow);
    assert_eq!((&seen["status"], &seen["taskId"]), (&json!("working"), &slow));
    // The id outlives the process that gave it out.
    let mut other = Serve::start(&duo.env, &["serve"]);
    other.capabilities = can;
    let seen = other.modern("tasks/get", json!({"taskId": slow}))["result"].clone();
    assert_eq!((&seen["status"], &seen["taskId"]), (&json!("completed"), &slow), "{seen}");
    assert_eq!(seen["result"]["structuredContent"], json!({"a": 1}));
    let asks = begin(&mut duo, "asks");
    let mut seen = Value::Null;
    eventually("a question", || {
        seen = status(&mut duo, &asks);
        seen["status"] == "input_required"
    });
    assert_eq!(seen["inputRequests"]["ask"]["method"], "roots/list");
    let update = json!({"taskId": asks, "inputResponses": {"ask": {"roots": []}}});
    duo.result("tasks/update", update);
    let seen = status(&mut duo, &asks);
    assert_eq!(seen["status"], "completed", "{seen}");
    assert_eq!(duo.up.answers(), [("ask".to_owned(), r#"{"roots":[]}"#.to_owned())]);
    let endless = begin(&mut duo, "endless");
    duo.result("tasks/cancel", json!({"taskId": endless}));
    assert_eq!(status(&mut duo, &endless)["status"], "cancelled");
    for method in ["tasks/get", "tasks/cancel"] {
        assert_eq!(duo.code(method, json!({"taskId": "c0"})), -32602);
        assert_eq!(duo.code(method, json!({"taskId": "nonsense"})), -32602);
    }
    Ok(())
}

fn skills(cell: Cell) -> Shown {
    let skill = |root: &str, name: &str| {
        format!(
            r#"{{"uri":"{root}/{name}/SKILL.md","frontmatter":{{"name":"{name}","description":"skill://x","z":1.0}},"resources":[{{"uri":"{root}/{name}/SKILL.md","digest":"sha256:00","size":3}},{{"uri":"{root}/{name}/a.py","digest":"sha256:01","size":4}}]}}"#
        )
    };
    let script = cell
        .script()
        .extension(SKILLS, "{}")
        .skill(&skill("skill://pack", "one"))
        .skill(&skill("skill://pack", "two"))
        .resource(Tool::resource("skill://pack/one/SKILL.md"))
        .resource(Tool::resource("skill://pack/one/a.py").unlisted());
    let mut duo = Duo::new(cell, script);
    let said = duo.hello()["capabilities"].clone();
    assert!(said["extensions"][SKILLS].is_object() && said["resources"].is_object(), "{said}");
    let list = duo.raw("skills/list", json!({}));
    let public = |name: &str| skill("skill://c0/pack", name);
    assert!(list.contains(&format!("[{},{}]", public("one"), public("two"))), "{list}");
    let uri = json!({"uri": "skill://c0/pack/two/SKILL.md"});
    let got = duo.raw("skills/get", uri);
    assert!(got.contains(&format!(r#""skill":{}"#, public("two"))), "{got}");
    for file in ["SKILL.md", "a.py"] {
        let uri = format!("skill://c0/pack/one/{file}");
        let read = duo.result("resources/read", json!({"uri": uri}));
        assert_eq!(read["contents"][0]["uri"], uri);
        assert_eq!(read["contents"][0]["text"], format!("skill://pack/one/{file}"));
    }
    assert_eq!(duo.code("skills/get", json!({"uri": "skill://c9/pack/two/SKILL.md"})), -32602);
    assert_eq!(duo.code("skills/list", json!({"cursor": "x"})), -32602);
    Ok(())
}
