//! `usage`: what the access log tells of the calls, in all of its forms.

mod support;

use serde_json::{Value, json};
use support::{
    client::Serve,
    env::TestEnv,
    golden,
    script::{Script, Tool},
    upstream::Upstream,
};

/// Two connections, and six calls of them.
fn used() -> (TestEnv, Upstream) {
    let env = TestEnv::new();
    let script = Script::legacy().tool(Tool::echo("wrong").tool_error("no"));
    let upstream = Upstream::start(script.tool(Tool::echo("hidden")));
    env.connection("a", &upstream.url()).connection("b", &upstream.url());
    let config = env.read_config();
    env.config(&format!("{config}[connections.a.tools]\ndeny = [\"hidden\"]\n"));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    for tool in ["a__echo", "a__echo", "a__echo", "a__wrong", "a__hidden", "b__echo"] {
        let _whatever = serve.call(tool, json!({ "secret": "canary-argument" }));
    }
    assert_eq!(serve.finish(), 0);
    (env, upstream)
}

#[test]
fn calls_are_counted_by_connection_and_tool() {
    let (env, _upstream) = used();
    let output = env.cmd(&["usage", "--json"]).success();
    assert!(!output.mentions("canary"), "{output:?}");
    golden::document(&env, "usage", &output);
    let document = output.json();
    let a = &document["connections"][0];
    assert_eq!(
        (&a["connection"], &a["calls"], &a["failures"], &a["denied"]),
        (&json!("a"), &json!(5), &json!(2), &json!(1))
    );
    assert_eq!((&a["tools"][0]["tool"], &a["tools"][0]["calls"]), (&json!("a__echo"), &json!(3)));
    assert!(a["tools"][0]["p95_ms"].as_u64() >= a["tools"][0]["p50_ms"].as_u64());
    assert!(a["tools"][0]["response_bytes"].as_u64() > Some(0));
    let denied =
        a["tools"].as_array().unwrap().iter().find(|it| it["tool"] == "a__hidden").unwrap();
    assert_eq!(denied["p50_ms"], Value::Null, "it was never sent");
    let sum = |key: &str| -> u64 {
        document["connections"].as_array().unwrap().iter().map(|it| it[key].as_u64().unwrap()).sum()
    };
    assert_eq!((document["calls"].as_u64(), sum("calls")), (Some(6), 6));
}

#[test]
fn it_is_narrowed_by_connection_and_by_time() {
    let (env, _upstream) = used();
    let only = env.cmd(&["usage", "--connection", "b", "--json"]).success().json();
    assert_eq!((&only["calls"], only["connections"].as_array().unwrap().len()), (&json!(1), 1));
    let none = env.cmd(&["usage", "--since", "2999-01-01T00:00:00Z", "--json"]).success().json();
    assert_eq!(
        (&none["calls"], &none["connections"], &none["first_call"]),
        (&json!(0), &json!([]), &Value::Null)
    );
    assert_eq!(none["since"], "2999-01-01T00:00:00Z");
    let all = env.cmd(&["usage", "--since", "1h", "--json"]).success().json();
    assert_eq!(all["calls"], 6);
    // Of another user nothing was called.
    let other = env.cmd(&["usage", "--user", "u", "--json"]).success().json();
    assert_eq!(other["calls"], 0);
    env.cmd(&["usage", "--since", "yesterday"]).code(2);
}

#[test]
fn people_get_a_table_and_on_a_terminal_bars() {
    let (env, _upstream) = used();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.call("list_mcp_connections", json!({}));
    assert_eq!(serve.finish(), 0);
    let table = env.cmd(&["usage"]).success();
    let lines: Vec<&str> = table.stdout().lines().collect();
    assert!(lines[0].starts_with("CONNECTION / TOOL"), "{}", table.stdout());
    let echo = lines.iter().find(|line| line.trim_start().starts_with("echo")).unwrap();
    assert_eq!(echo.split_whitespace().nth(1), Some("3"), "{echo}");
    assert!(lines.iter().any(|line| line.starts_with("(allmcp)")), "{}", table.stdout());
    assert!(!table.stdout().contains('█'), "a pipe gets numbers: {}", table.stdout());
    if let Some(screen) = env.on_terminal(110, &["usage"], &[]) {
        assert!(screen.success().stdout().contains('█'));
    }
    let empty = TestEnv::new();
    let output = empty.cmd(&["usage"]).success();
    assert!(output.stdout().is_empty() && output.stderr().contains("no calls"), "{output:?}");
    assert!(empty.files().is_empty(), "{:?}", empty.files());
}
