//! `allmcp bridge`: one remote server over stdio, as it is.

mod support;

use serde_json::json;
use support::{
    client::Serve,
    env::TestEnv,
    script::{Auth, Script, Tool},
    talk::{call_params, text, told},
    upstream::{DeadPort, Upstream},
};

const CANARY: &str = "canary-of-the-bridge";

fn bridged(env: &TestEnv, args: &[&str]) -> Serve {
    let args: Vec<&str> = ["bridge"].iter().chain(args).copied().collect();
    let mut serve = Serve::start(env, &args);
    serve.initialize("2025-11-25");
    serve
}

#[test]
fn names_are_untouched_and_nothing_of_ours_is_there() {
    for script in [Script::legacy(), Script::modern().sse()] {
        let env = TestEnv::new();
        let names = ["get.it", "list_mcp_connections", "a__b", "ж"];
        let tools = names.map(|name| Tool::echo(name).text("done"));
        let server = Upstream::start(script.instructions("Be kind.").tools(tools));
        // Somebody's configuration is not the bridge's business, broken or not.
        env.config("[connections.other]\nurl = \"http://127.0.0.1:1/\"\nauth = \"none\"\n[");
        let mut serve = bridged(&env, &[&server.url(), "9696"]);
        assert_eq!(serve.tool_names(), names);
        for name in names {
            assert_eq!(text(&serve.call(name, json!({"a": 1}))), "done");
            let sent = server.requests_of("tools/call").pop().unwrap().body_text();
            assert!(sent.contains(&call_params(name, r#"{"a":1}"#)[1..]), "{sent}");
        }
        assert_eq!(serve.call("nobody", json!({}))["error"]["code"], -32602);
        let (known, init) = (serve.discover(), serve.initialize("2025-06-18"));
        assert_eq!(init["serverInfo"], json!({"name": "scripted", "version": "1.0.0"}));
        assert_eq!(
            (&init["instructions"], &known["instructions"]),
            (&json!("Be kind."), &json!("Be kind."))
        );
        server.set_tools([Tool::echo("new")]);
        server.push_list_changed();
        serve.wait_for_method("notifications/tools/list_changed");
        assert_eq!(serve.tool_names(), ["new"]);
        assert_eq!(serve.finish(), 0);
        assert_eq!(server.sessions(), 0);
        let log = std::fs::read_to_string(env.allmcp_home().join("state/access.log")).unwrap();
        assert_eq!(log.matches("\"connection\":\"bridge-").count(), 5, "{log}");
    }
}

#[test]
fn headers_are_filled_from_the_environment() {
    let mut env = TestEnv::new();
    let key = format!("Key {CANARY} $5 ${{x}}");
    let server = Upstream::start(Script::legacy().auth(Auth::header("x-api-key", &key)));
    env.var("KEY", CANARY);
    for header in ["${KEY}", "${env:KEY}"] {
        let header = format!("X-API-Key: Key {header} $5 ${{DOLLAR}}");
        env.var("DOLLAR", "${x}");
        let mut serve = bridged(&env, &[&server.url(), "--header", &header, "--header", "X-Two:2"]);
        assert_eq!(serve.tool_names(), ["echo"]);
        text(&serve.call("echo", json!({})));
        assert_eq!(serve.stderr(), "");
        assert_eq!(serve.finish(), 0);
    }
    assert!(server.requests().iter().all(|request| request.header("x-two") == Some("2")));
    // A literal is taken, with a word about it.
    let header = format!("X-API-Key: Key {CANARY} $5 ${{DOLLAR}}").replace("${DOLLAR}", "${NONE}");
    let mut serve = bridged(&env, &[&server.url(), "--header", &header]);
    let failed = serve.call("echo", json!({}));
    assert!(told(&failed).contains("${env:NONE} is not set"), "{failed}");
    drop(serve);
    let server = Upstream::start(Script::legacy().auth(Auth::bearer(CANARY)));
    let header = format!("Authorization: Bearer {CANARY}");
    let mut serve = bridged(&env, &[&server.url(), "--header", &header, "--debug"]);
    text(&serve.call("echo", json!({})));
    assert_eq!(serve.stderr().matches("can be read by others").count(), 1, "{}", serve.stderr());
    assert!(!serve.stderr().contains(CANARY), "{}", serve.stderr());
    drop(serve);
    assert!(env.grep_everything("canary").is_empty(), "{:?}", env.grep_everything("canary"));
    // Refused: it says so, and the key is in no file.
    let env = TestEnv::new();
    let header = "Authorization: Bearer wrong-canary";
    let mut serve = bridged(&env, &[&server.url(), "--header", header, "--silent"]);
    assert!(serve.tool_names().is_empty());
    let failed = serve.call("echo", json!({}));
    assert!(told(&failed).contains("needs sign-in"), "{failed}");
    assert_eq!(serve.stderr(), "");
    drop(serve);
    assert!(env.grep_everything("canary").is_empty(), "{:?}", env.grep_everything("canary"));
}

#[test]
fn globs_narrow_what_is_offered() {
    let env = TestEnv::new();
    let tools = ["get_a", "get_b", "put_a"].map(Tool::echo);
    let server = Upstream::start(Script::legacy().tools(tools));
    let url = server.url();
    for (args, names) in [
        (vec!["--ignore-tool", "*_b"], vec!["get_a", "put_a"]),
        (vec!["--tool", "get_*"], vec!["get_a", "get_b"]),
        (vec!["--tool", "get_*", "--ignore-tool", "*_b", "--tool", "none"], vec!["get_a"]),
    ] {
        let mut serve = bridged(&env, &[&[url.as_str()], &*args].concat());
        assert_eq!(serve.tool_names(), names, "{args:?}");
        let hidden =
            serve.call(if names.contains(&"get_b") { "put_a" } else { "get_b" }, json!({}));
        told(&hidden);
    }
    assert!(server.requests_of("tools/call").is_empty());
}

#[test]
fn cleartext_needs_leave_and_wrong_words_are_named() {
    let env = TestEnv::new();
    for (args, needle) in [
        (vec!["http://10.0.0.7/mcp"], "--allow-http"),
        (vec!["ftp://127.0.0.1/mcp"], "https"),
        (vec!["not a url"], "URL"),
        (vec!["http://127.0.0.1:1/", "--header", "no colon"], "--header"),
        (vec!["http://127.0.0.1:1/", "--header", "X: ${A"], "not closed"),
        (vec!["http://127.0.0.1:1/", "--transport", "sse-only"], "transport"),
        (vec![], "URL"),
    ] {
        let out = env.cmd(&[&["bridge"], &*args].concat()).code(2);
        assert!(out.stderr().contains(needle), "{args:?}: {}", out.stderr());
        assert_eq!(out.stdout(), "");
    }
    assert!(env.files().is_empty(), "{:?}", env.files());
    // With leave it starts; nobody answers there, which is another thing.
    let mut serve = bridged(&env, &["http://192.0.2.1:9/mcp", "--allow-http"]);
    serve.request("ping", json!({}));
    assert_eq!(serve.finish(), 0);
}

#[test]
fn a_server_that_is_not_there_is_told_of_in_calls() {
    let env = TestEnv::new();
    let dead = DeadPort::new();
    let mut serve = bridged(&env, &[&dead.url()]);
    assert!(serve.tool_names().is_empty());
    let failed = serve.call("echo", json!({}));
    let text = told(&failed);
    assert!(text.contains("connection refused") && text.contains("not carried out"), "{text}");
    assert_eq!(serve.finish(), 0);
}

#[test]
fn a_result_that_the_client_does_not_take_is_told_by_its_size() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy().tool(Tool::echo("big").sized(200_000)));
    let mut serve =
        Serve::spawn(env.command(&["bridge", &server.url()]).var("ALLMCP_CLIENT", "claude-code"));
    serve.initialize("2025-11-25");
    let failed = serve.call("big", json!({}));
    assert!(told(&failed).contains("200039 bytes"), "{failed}");
    assert!(!told(&failed).contains("max_result"), "that is for a configuration");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_0() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    let mut serve = bridged(&env, &[&server.url()]);
    serve.tools();
    serve.signal(rustix::process::Signal::TERM);
    assert_eq!(serve.wait_exit(), 0);
    assert_eq!(server.sessions(), 0, "the session was ended");
}
