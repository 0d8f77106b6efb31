//! `connect`, `reconnect`, `disconnect`, `enable`, `disable`: what is saved, and that it is all or
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use support::{
    cli::is_lock,
    env::{Output, TestEnv},
    fault::Fault,
    script::{Auth, Script, Tool},
    upstream::{DeadPort, Upstream},
};

fn open() -> Upstream {
    Upstream::start(Script::legacy().tool(Tool::echo("second")))
}

fn guarded(key: &str) -> Upstream {
    Upstream::start(Script::legacy().auth(Auth::bearer(key)))
}

/// The one event of a `connect` that went well.
#[track_caller]
fn event(output: Output) -> Value {
    let output = output.success();
    let mut lines = output.json_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn names(env: &TestEnv) -> Vec<String> {
    let list = env.cmd(&["list", "--json"]).success().json();
    let list = list["connections"].as_array().unwrap().clone();
    list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_server_without_a_key_is_connected_and_its_tools_are_known() {
    let (env, upstream) = (TestEnv::new(), open());
    let told = event(env.cmd(&["connect", &upstream.url()]));
    assert_eq!(
        told,
        json!({"schema": "allmcp.connect/1", "event": "connected", "name": "local", "tools": 2,
               "already": false, "dry_run": false})
    );
    let url = upstream.url();
    let want = format!("version = 1\n\n[connections.local]\nurl = \"{url}\"\nauth = \"none\"\n");
    assert_eq!(env.read_config(), want);
    upstream.refuse();
    let tools = env.cmd(&["tools", "--json"]).success().json();
    assert_eq!(tools["tools"][1]["name"], "local__second");

    let again = event(env.cmd(&["connect", &url]));
    assert_eq!((&again["already"], &again["tools"]), (&json!(true), &json!(2)));
    assert_eq!(env.read_config(), want);
}

#[test]
fn a_key_is_taken_from_every_source_but_the_command_line() {
    let upstream = guarded("k-1 2\"3");
    let url = upstream.url();
    let key_file = |env: &TestEnv, text: &str| {
        let file = env.scratch().join("key");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let connect = |env: &TestEnv, args: &[&str], stdin: &str| {
        let mut all = vec!["connect", &url, "--name", "k"];
        all.extend(args);
        env.command(&all).stdin(stdin).run().success();
        let stored = env.stored("k");
        assert_eq!(stored["bound"], json!(url), "{args:?}");
        assert!(env.read_config().contains("auth = \"key\""), "{args:?}");
        assert!(!env.read_config().contains("k-1 2"), "{args:?}");
        env.cmd(&["call", "k", "echo", "a=b"]).success();
        stored["secrets"].clone()
    };
    let token = json!({"token": "k-1 2\"3"});
    assert_eq!(connect(&TestEnv::new(), &["--token-stdin"], "k-1 2\"3\n"), token);
    assert_eq!(connect(&TestEnv::new(), &["--auth", "key", "--token-stdin"], "k-1 2\"3"), token);
    let env = TestEnv::new();
    let file = key_file(&env, "k-1 2\"3\r\n");
    assert_eq!(connect(&env, &["--token-file", &file], ""), token);
    let env = TestEnv::new();
    let file = format!("hook={}", key_file(&env, "2\"3"));
    let header = "Authorization: Bearer k-${param:n} ${secret:hook}";
    let args = ["--secret-file", &file, "--header", header, "--param", "n=1"];
    assert_eq!(connect(&env, &args, ""), json!({"hook": "2\"3"}));
    let args = ["--secrets-stdin", "--header", "Authorization: Bearer ${secret:a} ${secret:b}"];
    let both = json!({"a": "k-1", "b": "2\"3"});
    assert_eq!(connect(&TestEnv::new(), &args, &both.to_string()), both);

    // Every request had exactly the header that was meant.
    let sent = upstream.requests();
    assert!(sent.iter().all(|r| r.header("authorization") == Some("Bearer k-1 2\"3")), "{sent:#?}");
}

#[test]
fn a_key_in_another_header_is_sent_there_and_nowhere_else() {
    let upstream = Upstream::start(Script::dual().auth(Auth::header("x-api-key", "k-77")));
    let env = TestEnv::new();
    let args =
        ["connect", &upstream.url(), "--header", "X-API-Key: ${secret:token}", "--token-stdin"];
    event(env.command(&args).stdin("k-77\n").run());
    env.cmd(&["call", "local__echo"]).success();
    for request in upstream.requests() {
        assert_eq!(request.header("x-api-key"), Some("k-77"));
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_key_is_asked_for_on_a_terminal_only() {
    let (env, upstream) = (TestEnv::new(), guarded("typed-key"));
    let url = upstream.url();
    let keyed = ["connect", &url, "--auth", "key"];
    for (args, vars) in [
        (&keyed[..], &[][..]),
        (&["connect", &url, "--auth", "key", "--no-input"], &[]),
        (&keyed, &[("CI", "1")]),
        (&keyed, &[("ALLMCP_NO_INPUT", "1")]),
    ] {
        let command = vars.iter().fold(env.command(args), |c, (k, v)| c.var(k, v));
        let refused = command.run().code(2);
        assert!(refused.stderr().contains("hint: give --token-stdin"), "{}", refused.stderr());
    }
    env.nothing_saved();
    let Some(screen) = env.on_terminal(100, &["connect", &url], &[("127.0.0.1: ", "typed-key\n")])
    else {
        return;
    };
    let screen = screen.success();
    assert!(screen.stdout().contains("local: connected with a key, 1 tool\n"), "{screen:?}");
    assert!(!screen.mentions("typed-key"), "{screen:?}");
    assert_eq!(env.stored("local")["secrets"]["token"], "typed-key");

    // Somebody types, but not the one whose key it is.
    for var in ["CLAUDECODE", "CI"] {
        let mut env = TestEnv::new();
        env.var(var, "1");
        let screen = env.on_terminal(100, &keyed, &[]).unwrap().code(2);
        assert!(screen.mentions("--token-stdin"), "{screen:?}");
    }
}

#[test]
fn ctrl_c_at_the_question_saves_nothing_and_gives_the_echo_back() {
    let (env, upstream) = (TestEnv::new(), guarded("k"));
    let answers = [("127.0.0.1: ", "\u{3}")];
    let Some(screen) = env.on_terminal(100, &["connect", &upstream.url()], &answers) else {
        return;
    };
    let screen = screen.code(130);
    let last = screen.stdout().lines().last().map(str::trim);
    assert_eq!(last, Some("echo"), "{screen:?}");
    env.nothing_saved();
}

#[test]
fn names_are_made_counted_on_kept_and_replaced() {
    let (env, first, second) = (TestEnv::new(), open(), open());
    assert_eq!(event(env.cmd(&["connect", &first.url()]))["name"], "local");
    assert_eq!(event(env.cmd(&["connect", &second.url()]))["name"], "local-2");
    assert_eq!(event(env.cmd(&["connect", &second.url()]))["already"], true);
    // The same URL under another name is another connection.
    assert_eq!(event(env.cmd(&["connect", &first.url(), "--name", "b"]))["already"], false);
    assert_eq!(names(&env), ["local", "local-2", "b"]);

    let before = env.read_config();
    let taken = env.cmd(&["connect", &second.url(), "--name", "b", "--json"]).code(2).json_error();
    assert_eq!((&taken["kind"], &taken["connection"]), (&json!("usage"), &json!("b")));
    assert!(taken["hint"].as_str().unwrap().contains("--force"), "{taken}");
    assert_eq!(env.read_config(), before);

    env.cmd(&["tools", "disable", "b", "second"]).success();
    event(env.cmd(&["connect", &second.url(), "--name", "b", "--force"]));
    assert!(
        env.read_config()
            .ends_with(&format!("[connections.b]\nurl = \"{}\"\nauth = \"none\"\n", second.url()))
    );
    for bad in ["Kommo", "a_b", "a b", ""] {
        let refused = env.cmd(&["connect", &first.url(), "--name", bad]).code(2);
        assert!(refused.stderr().contains("--name"), "{}", refused.stderr());
    }
}

#[test]
fn what_replaces_a_keyed_connection_leaves_no_key_behind() {
    let (env, keyed, plain) = (TestEnv::new(), guarded("k"), open());
    env.connect_key("x", &keyed.url(), "k");
    event(env.cmd(&["connect", &plain.url(), "--name", "x", "--force"]));
    assert_eq!(env.stored("x"), Value::Null);
    assert_eq!(env.cmd(&["list", "--json"]).json()["connections"][0]["credential"], Value::Null);
    env.cmd(&["call", "x", "second"]).success();
    assert!(!plain.requests().iter().any(|r| r.headers.contains_key("authorization")));
}

#[test]
fn a_dry_run_tries_and_saves_nothing() {
    let (env, upstream) = (TestEnv::new(), guarded("k"));
    let args = ["connect", &upstream.url(), "--token-stdin", "--dry-run"];
    let told = event(env.command(&args).stdin("k").run());
    assert_eq!((&told["dry_run"], &told["tools"]), (&json!(true), &json!(1)));
    env.command(&args).stdin("wrong").run().code(4);
    env.nothing_saved();
}

#[test]
fn only_these_tools_are_exposed() {
    let (env, upstream) = (TestEnv::new(), open());
    event(env.cmd(&["connect", &upstream.url(), "--tools", "sec*", "--tools", "third"]));
    assert!(env.read_config().contains("allow = [\"sec*\", \"third\"]"), "{}", env.read_config());
    env.cmd(&["call", "local__echo"]).code(9);
    env.cmd(&["call", "local__second"]).success();
}

#[test]
fn every_failure_has_its_code_and_a_way_out_and_saves_nothing() {
    let (page, shut, dead) = (open(), guarded("the key"), DeadPort::new());
    page.fault(Fault::html());
    let missing = open();
    missing.fault(Fault::status(404));
    let (page, shut, dead) = (page.url(), &shut.url()[..], dead.url());
    let key = "--token-stdin";
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&[&dead], 5, "unreachable", "check the URL"),
        (&[&page], 1, "failed", "ends in /mcp"),
        (&[&missing.url()], 1, "failed", ""),
        (&["https://nowhere.invalid/mcp"], 5, "unreachable", "check the URL"),
        (
            &[shut],
            4,
            "needs_auth",
            &format!("allmcp connect {shut} --name local --auth key --token-stdin"),
        ),
        (&[shut, "--auth", "none"], 4, "needs_auth", "--auth key"),
        (&[shut, key], 4, "needs_auth", "check the key"),
        (&[shut, key, "--auth", "none"], 2, "usage", ""),
        (&[shut, "--auth", "key"], 2, "usage", "--token-stdin"),
        (&[shut, "--secrets-stdin"], 2, "usage", ""),
        (&[shut, "--token-file", "/nope"], 2, "usage", ""),
        (&[shut, "--header", "Authorization: Bearer oops"], 2, "usage", ""),
        (&[shut, "--header", "X-Key: ${secret:hook}"], 2, "usage", "--secret-file hook=FILE"),
        (&["http://127.0.0.1:9/${param:a}"], 2, "usage", "--param a=VALUE"),
        (&["http://127.0.0.1:9/${env:NOPE}"], 2, "usage", "variable NOPE"),
        (&["http://127.0.0.1:9/${user_id}"], 2, "usage", "--user"),
        (&["http://127.0.0.1:9/${oops}"], 2, "usage", ""),
        (&["http://example.com/mcp"], 2, "usage", ""),
        (&["https://u:p@example.com/mcp"], 2, "usage", ""),
        (&["https://example.com/mcp?api_key=1"], 2, "usage", ""),
        (&["ftp://127.0.0.1/mcp"], 2, "usage", ""),
        (&["kommo"], 2, "usage", "give --param subdomain=…"),
        (&["komo"], 2, "not_found", "did you mean \"kommo\"?"),
        (&["mcp.example.com/x"], 2, "usage", "allmcp connect https://mcp.example.com/x"),
        (&["localhost:9/mcp"], 2, "usage", "allmcp connect http://localhost:9/mcp"),
        (&[shut, "--auth", "oauth"], 4, "needs_auth", "--auth key --token-stdin"),
        (&[shut, "--token", "x"], 2, "usage", ""),
        (&[], 2, "usage", "allmcp connect --help"),
    ];
    let env = TestEnv::new();
    for (args, code, kind, hint) in cases {
        let mut all = vec!["connect", "--json"];
        all.extend(*args);
        let failed = env.command(&all).stdin("the wrong key").run().code(*code);
        let error = failed.json_error();
        assert_eq!((&error["kind"], &error["exit"]), (&json!(kind), &json!(code)), "{error}");
        assert!(error["hint"].as_str().unwrap_or_default().contains(hint), "{error}");
        assert_eq!(failed.stdout(), "", "{args:?}");
        env.nothing_saved();
    }
    // What is there already stays as it was.
    let good = open();
    env.connect("good", &good.url());
    let (config, files) = (env.read_config(), env.files());
    for (args, code, ..) in cases {
        let mut all = vec!["connect"];
        all.extend(*args);
        let _ = env.command(&all).stdin("the wrong key").run().code(*code);
        assert_eq!((env.read_config(), env.files()), (config.clone(), files.clone()), "{args:?}");
    }
}

#[test]
fn an_entry_that_cannot_be_written_takes_its_key_back() {
    let (env, upstream) = (TestEnv::new(), guarded("k"));
    // The lock of the file is no file.
    std::fs::create_dir_all(env.allmcp_home().join("config.toml.lock")).unwrap();
    let failed =
        env.command(&["connect", &upstream.url(), "--token-stdin"]).stdin("k").run().code(1);
    assert!(failed.stderr().contains("could not save the connection"), "{}", failed.stderr());
    env.nothing_saved();
}

#[test]
fn eight_at_once_lose_none() {
    let env = TestEnv::new();
    let upstreams: Vec<_> = (0..8).map(|n| guarded(&format!("key-{n}"))).collect();
    std::thread::scope(|scope| {
        for (n, upstream) in upstreams.iter().enumerate() {
            let env = &env;
            scope.spawn(move || {
                let command = env.command(&["connect", &upstream.url(), "--token-stdin"]);
                command.stdin(format!("key-{n}")).run().success();
            });
        }
    });
    // Nobody named them, so each had to find a name that was free.
    let mut names = names(&env);
    names.sort();
    let mut want: Vec<_> = (2..=8).map(|n| format!("local-{n}")).collect();
    want.insert(0, "local".into());
    assert_eq!(names, want);
    for name in names {
        env.cmd(&["call", &name, "echo"]).success();
    }
}

#[test]
fn two_that_want_one_name_do_not_mix_their_keys() {
    let (first, second) = (guarded("key-1"), guarded("key-2"));
    for _ in 0..5 {
        let env = TestEnv::new();
        let codes = std::thread::scope(|scope| {
            let connect = |upstream: &Upstream, key: &'static str| {
                let url = upstream.url();
                let env = &env;
                scope.spawn(move || {
                    let args = ["connect", &url, "--name", "one", "--token-stdin"];
                    env.command(&args).stdin(key).run().exit()
                })
            };
            let (a, b) = (connect(&first, "key-1"), connect(&second, "key-2"));
            [a.join().unwrap(), b.join().unwrap()]
        });
        assert!(codes == [0, 2] || codes == [2, 0], "{codes:?}");
        let winner = if codes[0] == 0 { &first } else { &second };
        assert!(env.read_config().contains(&winner.url()));
        env.cmd(&["call", "one", "echo"]).success();
    }
}

#[test]
fn disconnect_forgets_everything_of_a_connection() {
    let (env, upstream) = (TestEnv::new(), guarded("k"));
    env.connect_key("x", &upstream.url(), "k");
    let bob = ["connect", &upstream.url(), "--name", "x", "--user", "bob", "--token-stdin"];
    env.command(&bob).stdin("k").run().success();
    env.cmd(&["status", "--live"]).success();
    assert_eq!(env.stored("-/bob/x")["secrets"]["token"], "k");
    let before = env.read_config();

    let refused = env.cmd(&["disconnect", "x"]).code(2);
    assert!(refused.stderr().contains("--yes"), "{}", refused.stderr());
    assert_eq!(env.read_config(), before);
    if let Some(screen) = env.on_terminal(100, &["disconnect", "x"], &[("[y/N] ", "\n")]) {
        assert!(screen.code(1).mentions("nothing was changed"));
        assert_eq!(env.read_config(), before);
    }
    let told = env.cmd(&["disconnect", "x", "--yes", "--json"]).success().json();
    assert_eq!(
        told,
        json!({"schema": "allmcp.disconnect/1", "name": "x", "removed": true,
               "credential_deleted": true, "revoked": null})
    );
    let left = env.files();
    let traces = |file: &&String| !is_lock(file) && file.contains("x.json");
    assert_eq!(left.iter().find(traces), None, "{left:?}");
    assert!(env.grep_everything("\"k\"").is_empty());
    assert!(names(&env).is_empty());

    let nothing = env.cmd(&["disconnect", "x"]).success();
    assert!(nothing.stderr().contains("there is no connection x"), "{}", nothing.stderr());
}

#[test]
fn a_connection_is_switched_off_and_on_and_keeps_the_rest() {
    let (env, upstream) = (TestEnv::new(), guarded("k"));
    env.connect_key("x", &upstream.url(), "k");
    let before = env.read_config();
    let off = env.cmd(&["disable", "x", "--json"]).success().json();
    assert_eq!(off, json!({"schema": "allmcp.disable/1", "name": "x", "enabled": false}));
    assert_eq!(env.cmd(&["list", "--json"]).json()["connections"][0]["status"], "disabled");
    let denied = env.cmd(&["call", "x", "echo"]).code(9);
    assert!(denied.stderr().contains("hint: allmcp enable x\n"), "{}", denied.stderr());
    env.cmd(&["status"]).success();
    assert!(env.cmd(&["disable", "x"]).success().stderr().contains("already"));
    env.cmd(&["enable", "x"]).success();
    env.cmd(&["call", "x", "echo"]).success();
    assert_eq!(env.read_config().replace("enabled = true\n", ""), before);
}

#[test]
fn a_new_key_keeps_every_setting() {
    let (env, upstream) = (TestEnv::new(), guarded("old"));
    env.connect_key("x", &upstream.url(), "old");
    env.cmd(&["tools", "disable", "x", "*_delete"]).success();
    let before = env.read_config();
    upstream.change(|script| script.auth = Some(Auth::bearer("new")));
    let shut = env.cmd(&["call", "x", "echo"]).code(4);
    assert!(shut.stderr().contains("hint: allmcp reconnect x\n"), "{}", shut.stderr());
    assert_eq!(
        env.cmd(&["status", "--json"]).code(8).json()["connections"][0]["status"],
        "needs_auth"
    );

    // The stored key is only replaced by one that works.
    env.command(&["reconnect", "x", "--token-stdin"]).stdin("wrong").run().code(4);
    assert_eq!(env.stored("x")["secrets"]["token"], "old");
    let unused = ["connect", &upstream.url(), "--name", "x", "--token-stdin"];
    let told = env.command(&unused).stdin("new").run().success();
    assert!(told.stderr().contains("allmcp reconnect x"), "{}", told.stderr());
    let told = event(env.command(&["reconnect", "x", "--token-stdin"]).stdin("new").run());
    assert_eq!(told["schema"], "allmcp.reconnect/1");
    env.cmd(&["status"]).success();
    env.cmd(&["call", "x", "echo"]).success();
    assert_eq!(env.read_config(), before);
    env.cmd(&["reconnect", "x"]).code(2);
    env.cmd(&["reconnect", "y"]).code(2);
}
