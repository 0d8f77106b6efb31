//! The environment of a test and the driver of a served process.

use crate::support::{env::TestEnv, wire};

#[test]
fn a_test_env_is_empty_but_for_what_is_put_there() {
    let mut env = TestEnv::new();
    env.cmd(&["--version"]).success();
    assert!(env.files().is_empty(), "{:?}", env.files());
    env.var("MINE", "1").connection("a", "http://a").connection("b", "http://b");
    assert!(env.read_config().contains("[connections.a]\nurl = \"http://a\""));
    assert!(env.read_config().contains("[connections.b]"));
    assert_eq!(env.files(), ["config.toml"]);
    assert_eq!(env.grep_everything("http://b"), [env.config_file()]);
    assert!(env.grep_everything("canary").is_empty());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::support::{
        client::{self, Serve},
        env::Cmd,
    };
    use serde_json::json;
    use std::time::Duration;

    fn shell(env: &TestEnv, script: &str) -> Cmd {
        env.program("/bin/sh", &["-c", script])
    }

    #[test]
    fn a_command_gets_its_stdin_and_nothing_from_our_environment() {
        let env = TestEnv::new();
        let out =
            shell(&env, "cat; env >&2; exit 7").var("MINE", "1").stdin("{\"a\":1}").run().code(7);
        assert_eq!(out.json(), json!({"a": 1}));
        let mut names: Vec<_> =
            out.stderr().lines().filter_map(|line| line.split('=').next()).collect();
        // The shell's own.
        names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
        names.sort_unstable();
        assert_eq!(names, ["ALLMCP_HOME", "ALLMCP_STORE", "HOME", "MINE", "PATH", "USERPROFILE"]);
        assert!(out.mentions("MINE=1") && !out.mentions("CARGO"));
        assert_eq!(shell(&env, "kill -9 $$").run().exit(), 137);
        let error = r#"{"schema":"allmcp.error/1","kind":"usage"}"#;
        assert_eq!(
            shell(&env, &format!("echo x >&2; echo '{error}' >&2")).run().json_error()["kind"],
            "usage"
        );
    }

    #[test]
    #[should_panic(expected = "hung")]
    fn a_command_that_hangs_is_killed() {
        let env = TestEnv::new();
        let _ =
            shell(&env, "echo said; exec sleep 1000").patience(Duration::from_millis(100)).run();
    }

    #[test]
    #[should_panic(expected = "exit code of `sh -c exit 3`")]
    fn a_wrong_exit_code_fails() {
        let env = TestEnv::new();
        let _ = shell(&env, "exit 3").run().success();
    }

    const SERVER: &str = r#"
        read line
        echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
        echo '{"jsonrpc":"2.0","id":0,"result":{ "protocolVersion":"2025-11-25", "n":1e0 }}'
        read line
        echo '{"jsonrpc":"2.0","id":9,"method":"ping"}'
        read line
        echo "$line" >&2
        read line || exit 5
    "#;

    #[test]
    fn a_served_process_is_talked_to_line_by_line() {
        let env = TestEnv::new();
        let mut serve = Serve::spawn(shell(&env, SERVER));
        assert_eq!(serve.initialize("2025-11-25")["protocolVersion"], "2025-11-25");
        assert_eq!(
            client::raw_result(&serve.response_line("0")),
            r#"{ "protocolVersion":"2025-11-25", "n":1e0 }"#
        );
        assert_eq!((serve.responses("0").len(), serve.responses("9").len()), (1, 0));
        serve.wait_for_count("notifications/tools/list_changed", 1);
        let ping = serve.wait_for_method("ping");
        serve.respond(&ping["id"], json!({}));
        serve.close_stdin();
        assert_eq!(serve.wait_exit(), 5);
        assert_eq!(serve.stderr().trim(), r#"{"jsonrpc":"2.0","id":9,"result":{}}"#);
        let meta = &serve.with_meta(json!({"_meta": {"x": 1}}))["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["x"], 1);

        let serve = Serve::spawn(shell(&env, "exec cat"));
        serve.signal(rustix::process::Signal::TERM);
        assert_eq!(serve.finish(), 143);
    }

    #[test]
    #[should_panic(expected = "not JSON-RPC on stdout: hello")]
    fn a_stray_line_on_stdout_fails() {
        let env = TestEnv::new();
        Serve::spawn(shell(&env, "echo hello")).finish();
    }

    #[test]
    #[should_panic(expected = "the server closed its stdout")]
    fn an_end_instead_of_an_answer_fails_at_once() {
        let env = TestEnv::new();
        Serve::spawn(shell(&env, "echo died >&2")).request("ping", json!({}));
    }
}

#[test]
fn json_rpc_lines_are_told_from_others() {
    for valid in [
        r#"{"jsonrpc":"2.0","method":"m"}"#,
        r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":0,"result":null}"#,
        r#"[{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}]"#,
    ] {
        assert!(wire::is_valid(valid.as_bytes()), "{valid}");
    }
    for invalid in [
        "[]",
        "{}",
        "hello",
        r#"{"jsonrpc":"1.0","method":"m"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
    ] {
        assert!(!wire::is_valid(invalid.as_bytes()), "{invalid}");
    }
}
