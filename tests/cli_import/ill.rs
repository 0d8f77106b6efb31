//! Servers that want something else, or do not answer, come all the same.

use crate::{
    support::{env::TestEnv, fault::Fault, upstream::DeadPort},
    taken::{KEY, claude, keyed, open},
};
use serde_json::json;

#[test]
fn whoever_does_not_let_us_in_comes_with_a_hint() {
    let (env, keyed, dead) = (TestEnv::new(), keyed(), DeadPort::new());
    let auth = |value: &str| json!({"Authorization": value});
    claude(
        &env,
        &json!({
            "wrong": {"url": keyed.url(), "headers": auth("Bearer canary-wrong")},
            "unset": {"url": keyed.url(), "headers": auth("Bearer ${NOT_SET}")},
            "dead": {"url": dead.url()},
            "shut": {"url": keyed.url().replace("/mcp", "/mcp?x=1")},
        }),
    );
    let output = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    let said = output.stdout();
    for line in [
        "wrong: taken over (claude-desktop), token is in the store, 127.0.0.1 did not accept the key\n  then: allmcp reconnect wrong\n",
        "unset: taken over (claude-desktop), NOT_SET is not set in the environment\n  then: allmcp sync unset\n",
        "shut: taken over (claude-desktop), 127.0.0.1 wants a key\n  then: allmcp reconnect shut\n",
        "connection refused\n  then: allmcp sync dead\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let status = env.cmd(&["status", "--json"]).code(8).json();
    // In the order in which the client has them.
    let told: Vec<_> = (0..3).map(|n| status["connections"][n]["status"].clone()).collect();
    assert_eq!(told, ["needs_auth", "error", "error"], "{status}");
    env.command(&["reconnect", "wrong", "--token-stdin"]).stdin(KEY).run().success();
    env.cmd(&["call", "wrong", "t"]).success();
    env.command(&["reconnect", "shut", "--token-stdin"]).stdin(KEY).run().success();
    env.cmd(&["call", "shut", "t"]).success();
    env.command(&["sync", "unset"]).var("NOT_SET", KEY).run().success();
}

#[test]
fn what_must_not_be_saved_is_not() {
    let (env, open) = (TestEnv::new(), open());
    claude(
        &env,
        &json!({
            "clear": {"url": "http://h.example/mcp"},
            "header": {"url": open.url(), "headers": {"no header": "x"}},
            "fine": {"url": open.url()},
        }),
    );
    let output = env.cmd(&["import", "claude-desktop", "--yes"]).code(1);
    assert!(output.stdout().contains("clear: not taken over"), "{output:?}");
    assert!(output.stdout().contains("cleartext http is only allowed on loopback"), "{output:?}");
    assert!(output.stdout().contains("header: not taken over"), "{output:?}");
    assert!(output.stdout().contains("fine: taken over"), "{output:?}");
    let config = env.read_config();
    assert!(config.contains("[connections.fine]") && !config.contains("h.example"), "{config}");
}

#[test]
fn a_server_that_repeats_the_key_is_not_repeated() {
    let (env, keyed) = (TestEnv::new(), keyed());
    keyed.fault(Fault::response(500, "text/plain", &format!("you sent {KEY}")));
    let header = json!({"Authorization": format!("Bearer {KEY}")});
    let file = claude(&env, &json!({"echo": {"url": keyed.url(), "headers": header}}));
    let said = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    assert!(said.stdout().contains("you sent ***"), "{said:?}");
    crate::taken::kept(&env, &file, &said);
}

#[test]
fn more_servers_than_are_tried_at_once_all_come() {
    let (env, open) = (TestEnv::new(), open());
    let servers =
        (0..40).map(|n| (format!("s{n}"), json!({"url": format!("{}?n={n}", open.url())})));
    claude(&env, &serde_json::Value::Object(servers.collect()));
    env.cmd(&["import", "claude-desktop", "--yes"]).success();
    let listed = env.cmd(&["list", "--json"]).success().json();
    assert_eq!(listed["connections"].as_array().unwrap().len(), 40);
}
