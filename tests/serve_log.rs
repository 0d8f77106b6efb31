//! The access log: every call exactly once, however it ends and however many copies run.

mod support;

use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use support::{
    client::Serve,
    env::TestEnv,
    fault::Fault,
    script::{Script, Tool},
    talk::{eventually, text},
    upstream::{DeadPort, Upstream},
    wire,
};

/// All lines, as they stand in the file.
fn lines(env: &TestEnv) -> Vec<Value> {
    let path = env.allmcp_home().join("state/access.log");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines only");
    let parse =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
    text.lines().map(parse).collect()
}

/// How often each tool ended in each way.
fn outcomes(lines: &[Value]) -> HashMap<(String, String), usize> {
    let mut all = HashMap::new();
    for line in lines {
        let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        *all.entry((word("tool"), word("outcome"))).or_default() += 1;
    }
    all
}

#[test]
fn every_way_to_end_is_one_line_with_what_the_contract_says() {
    let env = TestEnv::new();
    let server = Upstream::start(
        Script::legacy()
            .tool(Tool::echo("wrong").tool_error("canary-result"))
            .tool(Tool::echo("error").rpc_error(-32000, "canary-message"))
            .tool(Tool::echo("hidden"))
            .tool(Tool::echo("broken"))
            .tool(Tool::echo("hang").never()),
    );
    server.fault(Fault::status(500).on_tool("broken"));
    let dead = DeadPort::new();
    env.config(&format!(
        "[connections.c]\nurl = \"{url}\"\nauth = \"none\"\n[connections.c.tools]\ndeny = [\"hidden\"]\n\
         [connections.off]\nurl = \"{url}\"\nauth = \"none\"\nenabled = false\n\
         [connections.dead]\nurl = \"{}\"\nauth = \"none\"\n",
        dead.url(),
        url = server.url(),
    ));
    let mut serve = Serve::start(&env, &["serve", "--user", "u 1", "--org", "o"]);
    serve.client_info = json!({"name": "claude-code", "version": "1"});
    serve.initialize("2025-11-25");
    serve.tools();
    let arguments = json!({"secret": "canary-argument"});
    let mut want = vec![
        ("c__echo", "ok"),
        ("c__wrong", "tool_error"),
        ("c__error", "failed"),
        ("c__broken", "failed"),
        ("c__hidden", "denied"),
        ("off__echo", "denied"),
        ("dead__x", "failed"),
        ("c__none", "failed"),
        ("nobody", "failed"),
        // It takes no arguments.
        ("list_mcp_connections", "tool_error"),
        ("list_tool_groups", "tool_error"),
    ];
    for (tool, _) in &want {
        let _whatever = serve.call(tool, arguments.clone());
    }
    // Of both eras, and what is no call is not in it.
    serve.modern("tools/call", json!({"name": "c__echo", "arguments": arguments}));
    serve.request("tools/call", json!({"name": 7}));
    want.extend([("c__echo", "ok"), ("", "failed")]);
    serve.modern("tools/list", json!({}));
    serve.request("ping", json!({}));
    for tool in ["c__hang", "c__hang"] {
        let id = serve.send_request("tools/call", json!({"name": tool, "arguments": arguments}));
        server.poll("the call", || server.in_flight() > 0);
        serve.cancel(id);
        want.push((tool, "cancelled"));
        server.poll("its end", || server.in_flight() == 0);
    }
    eventually("every line", || lines(&env).len() >= want.len());
    serve.send_request("tools/call", json!({"name": "c__hang"}));
    want.push(("c__hang", "cancelled"));
    server.poll("the call", || server.in_flight() > 0);
    assert_eq!(serve.finish(), 0);
    let lines = lines(&env);
    let mut counted = HashMap::new();
    for (tool, outcome) in &want {
        *counted.entry(((*tool).to_owned(), (*outcome).to_owned())).or_default() += 1;
    }
    assert_eq!(outcomes(&lines), counted);
    for line in &lines {
        let keys: Vec<_> = line.as_object().unwrap().keys().filter(|key| *key != "v").collect();
        let want = [
            "time",
            "connection",
            "tool",
            "client",
            "pid",
            "org",
            "user",
            "token",
            "decision",
            "outcome",
            "duration_ms",
            "request_bytes",
            "response_bytes",
            "error",
        ];
        assert_eq!(keys, want);
        assert_eq!(
            (&line["client"], &line["user"], &line["org"]),
            (&json!("claude-code"), &json!("u 1"), &json!("o"))
        );
        let denied = line["outcome"] == "denied";
        assert_eq!(line["decision"], if denied { "deny" } else { "allow" });
        assert_eq!(line["error"].is_string(), line["outcome"] == "failed" || denied, "{line}");
        let name = line["tool"].as_str().unwrap().split_once("__").map(|(name, _)| name);
        assert_eq!(line["connection"], name.unwrap_or(""), "{line}");
    }
    let found = env.grep_everything("canary-argument");
    assert!(found.is_empty(), "no arguments: {found:?}");
    assert!(env.grep_everything("canary-result").is_empty(), "no results");
    // The command shows the same.
    let shown = env.cmd(&["logs", "--json", "--user", "u 1", "--org", "o"]).success();
    assert_eq!(outcomes(&shown.json_lines()), counted);
}

#[test]
fn a_call_that_is_cancelled_in_the_same_breath_is_there_too() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::modern().tool(Tool::echo("hang").never()));
    env.connection("c", &server.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let mut both = Vec::new();
    for id in 100..150 {
        let id = id.to_string();
        both.extend(wire::request(&id, "tools/call", r#"{"name":"c__hang"}"#));
        both.push(b'\n');
        let cancelled = format!(r#"{{"requestId":{id}}}"#);
        both.extend(wire::notification("notifications/cancelled", Some(&cancelled)));
        both.push(b'\n');
    }
    serve.send_bytes(&both);
    text(&serve.call("c__echo", json!({})));
    assert_eq!(serve.finish(), 0);
    let outcomes = outcomes(&lines(&env));
    assert_eq!(outcomes[&("c__hang".into(), "cancelled".into())], 50, "{outcomes:?}");
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn five_copies_write_one_log() {
    const CALLS: usize = 200;
    let env = TestEnv::new();
    let servers = [Upstream::start(Script::legacy()), Upstream::start(Script::modern().sse())];
    let tool = Tool::echo("slow").delay(Duration::from_millis(2));
    for server in &servers {
        server.set_tools([Tool::echo("echo"), tool.clone()]);
    }
    env.connection("a", &servers[0].url()).connection("b", &servers[1].url());
    std::thread::scope(|scope| {
        for copy in 0..5 {
            let env = &env;
            scope.spawn(move || {
                let mut serve = Serve::start(env, &["serve"]);
                serve.client_info = json!({"name": format!("copy-{copy}"), "version": "1"});
                serve.initialize("2025-11-25");
                serve.tools();
                let names = ["a__echo", "b__echo", "a__slow", "b__slow"];
                let call = |at: usize| json!({"name": names[at % 4], "arguments": {"at": at}});
                let ids: Vec<u64> =
                    (0..CALLS).map(|at| serve.send_request("tools/call", call(at))).collect();
                for id in ids {
                    text(&serve.response(id));
                }
                assert_eq!(serve.finish(), 0);
            });
        }
    });
    let lines = lines(&env);
    assert_eq!(lines.len(), 5 * CALLS);
    let mut each: HashMap<_, usize> = HashMap::new();
    for line in &lines {
        assert_eq!(line["outcome"], "ok", "{line}");
        let who = (line["client"].to_string(), line["pid"].to_string(), line["tool"].to_string());
        *each.entry(who).or_default() += 1;
    }
    assert_eq!(each.len(), 20, "{each:?}");
    assert!(each.values().all(|count| *count == CALLS / 4), "{each:?}");
}
