//! What commands print: documents, errors, codes, colours, tables, and to whom.

mod support;

use serde_json::json;
use support::{
    cli::is_lock,
    env::TestEnv,
    fault::Fault,
    golden,
    script::{Auth, Script, Tool},
    upstream::{DeadPort, Upstream},
};

/// A server with everything that a document can show.
fn shop() -> Upstream {
    let annotated = r#"{"name":"leads.list","description":"Lists leads.","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}}},"annotations":{"readOnlyHint":true}}"#;
    Upstream::start(
        Script::legacy()
            .auth(Auth::bearer("k"))
            .server_info(r#"{"name":"shop","title":"The Shop","version":"9.9"}"#)
            .instructions("Ask first.")
            .tool(Tool::raw(annotated))
            .tool(Tool::echo("refuses").tool_error("no"))
            .tool(Tool::echo("fails").rpc_error(-32050, "no quota")),
    )
}

fn connected() -> (TestEnv, Upstream) {
    let (env, upstream) = (TestEnv::new(), shop());
    env.connect_key("shop", &upstream.url(), "k");
    (env, upstream)
}

#[test]
fn every_document_is_what_it_was() {
    let (mut env, upstream) = (TestEnv::new(), shop());
    // Where a client keeps its file is different from system to system.
    env.var("APPDATA", env.home().join("AppData/Roaming"));
    let url = upstream.url();
    let check = |name: &str, args: &[&str], code: i32| {
        let mut all = args.to_vec();
        all.push("--json");
        let output = env.command(&all).stdin("k").run().code(code);
        golden::document(&env, name, &output);
        output
    };
    check("list_empty", &["list"], 0);
    check("config_path", &["config", "path"], 0);
    check("connect", &["connect", &url, "--name", "shop", "--token-stdin"], 0);
    check("connect_already", &["connect", &url, "--name", "shop"], 0);
    check("reconnect", &["reconnect", "shop", "--token-stdin"], 0);
    check("sync", &["sync"], 0);
    check("list", &["list"], 0);
    check("status", &["status", "--live"], 0);
    check("inspect", &["inspect", "shop"], 0);
    check("tools_disable", &["tools", "disable", "shop", "ref*"], 0);
    check("tools", &["tools"], 0);
    check("tools_approve", &["tools", "approve", "shop"], 0);
    check("call", &["call", "shop", "leads.list", "n:=3"], 0);
    check("config_get", &["config", "get", "connections.shop.timeout"], 0);
    check("config_set", &["config", "set", "connections.shop.timeout", "20s"], 0);
    check("disable", &["disable", "shop"], 0);
    check("enable", &["enable", "shop"], 0);
    if cfg!(target_os = "linux") {
        check("install_list", &["install", "--list"], 0);
        check("install_dry_run", &["install", "claude-desktop", "--dry-run"], 0);
        check("install", &["install", "claude-desktop", "--yes"], 0);
        check("uninstall", &["uninstall", "claude-desktop", "--yes"], 0);
    }
    check("disconnect", &["disconnect", "shop", "--yes"], 0);
    let logs = env.cmd(&["logs", "--json"]).success().json_lines();
    golden::value(&env, "logs", logs.into());
    // A status of every kind.
    let dead = DeadPort::new();
    let entry = |name: &str, more: &str| format!("[connections.{name}]\n{more}\n");
    env.config(
        &[
            entry("new", &format!("url = \"{url}\"\nauth = \"key\"")),
            entry("off", &format!("url = \"{url}\"\nenabled = false")),
            entry("dead", &format!("url = \"{}\"", dead.url())),
            entry("wrong", "url = \"${env:NOT_SET}\""),
        ]
        .concat(),
    );
    check("status_ill", &["status", "--live"], 8);
}

#[test]
fn every_error_is_one_line_and_has_its_code() {
    let (env, upstream) = connected();
    let dead = DeadPort::new();
    let mut errors = Vec::new();
    let mut fails = |args: &[&str], code: i32, stdout: &str| {
        let people = env.cmd(args).code(code);
        let mut all = args.to_vec();
        all.push("--json");
        let output = env.cmd(&all).code(code);
        assert_eq!(output.stderr().lines().count(), 1, "{args:?}: {}", output.stderr());
        assert!(output.stderr().starts_with("{\"schema\":\"allmcp.error/1\",\"kind\":\""));
        let error = output.json_error();
        assert_eq!(error["exit"], code);
        assert!(output.stdout().contains(stdout), "{args:?}: {}", output.stdout());
        assert_eq!(output.stdout().is_empty(), stdout.is_empty(), "{args:?}: {}", output.stdout());
        // People get the same in lines.
        let lines: Vec<_> = people.stderr().lines().collect();
        assert!(lines[0].starts_with("error: "), "{args:?}: {lines:?}");
        assert!(
            lines.iter().all(|line| ["error: ", "caused by: ", "hint: "]
                .iter()
                .any(|w| line.starts_with(w))),
            "{lines:?}"
        );
        errors.push(error);
    };
    fails(&["call", "shop", "fails"], 1, "");
    fails(&["connect"], 2, "");
    fails(&["frobnicate"], 2, "");
    fails(&["whoami"], 2, "");
    fails(&["list", "--org", "o"], 2, "");
    fails(&["inspect", "shpo"], 2, "");
    fails(&["disconnect", "shop"], 2, "");
    fails(&["connect", &upstream.url(), "--name", "other"], 4, "");
    fails(&["connect", &dead.url(), "--name", "other"], 5, "");
    fails(&["call", "shop", "refuses"], 6, "\"isError\":true");
    env.cmd(&["tools", "disable", "shop", "echo"]).success();
    fails(&["call", "shop", "echo"], 9, "");
    std::fs::write(env.allmcp_home().join("data/secrets.json"), "oops").unwrap();
    fails(&["call", "shop", "leads.list"], 7, "");
    upstream.refuse();
    fails(&["status", "shop", "--live"], 7, "allmcp.status/1");
    golden::value(&env, "errors", errors.into());
    // 8 has its document and no error line.
    let ill = env.cmd(&["status", "--json"]).code(8);
    assert_eq!((ill.stderr(), &ill.json()["connections"][0]["status"]), ("", &json!("error")));
    assert_eq!(env.cmd(&["status"]).code(8).stderr(), "");
}

#[test]
fn ctrl_c_ends_with_130() {
    let (env, upstream) = connected();
    env.cmd(&["call", "shop", "echo"]).success();
    let answers = [("shop__echo", "\u{3}")];
    if let Some(screen) = env.on_terminal(120, &["logs", "-f"], &answers) {
        screen.code(130);
    }
    upstream.set_tools([Tool::echo("slow").never()]);
    let call = env.command(&["call", "shop", "slow"]).start();
    upstream.wait_for_method("tools/call", 2);
    #[cfg(unix)]
    call.signal(rustix::process::Signal::INT);
    let ended = call.finish().code(130);
    assert_eq!((ended.stdout(), ended.stderr()), ("", ""));
    upstream.wait_for_method("notifications/cancelled", 1);
    let logs = env.cmd(&["logs", "--json"]).success().json_lines();
    assert_eq!(logs[1]["outcome"], "cancelled");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (env, upstream) = connected();
    upstream.set_tools((0..2000).map(|n| Tool::echo(&format!("tool-{n}"))));
    env.cmd(&["sync"]).success();
    let binary = env!("CARGO_BIN_EXE_allmcp");
    for command in
        ["tools", "tools --json", "inspect shop", "list", "--help", "config get connections"]
    {
        let line = format!("{{ '{binary}' {command}; echo $? >&2; }} | head -c 1 >/dev/null");
        let output = env.program("/bin/sh", &["-c", &line]).run();
        assert_eq!(output.stderr(), "0\n", "{command}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let (env, _upstream) = connected();
    let coloured = |args: &[&str], vars: &[(&str, &str)]| {
        let command = vars.iter().fold(env.command(args), |c, (k, v)| c.var(k, v));
        let output = command.run();
        let found = |text: &str| text.contains('\u{1b}');
        (found(output.stdout()), found(output.stderr()))
    };
    let bad = &["inspect", "shpo"][..];
    assert_eq!(coloured(&["list"], &[]), (false, false));
    assert_eq!(coloured(bad, &[]), (false, false));
    assert_eq!(coloured(&["list", "--color", "always"], &[]), (true, false));
    assert_eq!(coloured(&["--color=always", "inspect", "shpo"], &[]), (false, true));
    assert_eq!(coloured(&["list", "--color", "always"], &[("NO_COLOR", "1")]), (true, false));
    assert_eq!(coloured(&["list"], &[("CLICOLOR_FORCE", "1")]), (true, false));
    let json = coloured(&["list", "--json", "--color", "always"], &[]);
    assert_eq!(json, (false, false), "a document has no colours");
    assert!(env.cmd(&["list", "--color", "sometimes"]).code(2).stderr().contains("auto"));
    let Some(screen) = env.on_terminal(100, &["list"], &[]) else { return };
    assert!(screen.stdout().contains("\u{1b}[32m✓\u{1b}[0m connected"), "{screen:?}");
    for args in [&["list", "--color", "never"][..], &["list", "--json"]] {
        assert!(!env.on_terminal(100, args, &[]).unwrap().stdout().contains("\u{1b}["));
    }
    let mut env = env;
    env.var("NO_COLOR", "1");
    let screen = env.on_terminal(100, &["list"], &[]).unwrap();
    assert!(screen.mentions("✓ connected") && !screen.mentions("\u{1b}["), "{screen:?}");
}

#[test]
fn a_table_is_whole_in_a_pipe_and_fits_a_terminal() {
    let (env, upstream) = (TestEnv::new(), Upstream::start(Script::legacy()));
    let long = "Tells everything that there is to be told about a lead, and then some. ".repeat(8);
    let tool = json!({"name": "a_tool_with_a_long_name", "description": long, "inputSchema": {"type": "object"}});
    upstream.set_tools([Tool::raw(&tool.to_string())]);
    env.connect("kommo", &upstream.url());
    let piped = env.cmd(&["tools"]).success();
    let lines: Vec<_> = piped.stdout().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("TOOL") && lines[1].contains(long.trim()), "{lines:?}");
    assert!(lines[0].find("STATE") == lines[1].find("ok"), "{lines:?}");
    // Neither an environment nor a terminal makes a pipe narrow.
    let narrow = env.command(&["tools"]).var("COLUMNS", "40").run().success();
    assert_eq!(narrow.stdout(), piped.stdout());
    for columns in [60, 100] {
        let args = ["tools", "--color", "never"];
        let Some(screen) = env.on_terminal(columns, &args, &[]) else { return };
        let text = screen.success().stdout().to_owned();
        let rows: Vec<_> = text.lines().take(2).collect();
        assert!(rows.iter().all(|row| row.chars().count() <= usize::from(columns)), "{text}");
        assert!(
            rows[1].contains("kommo__a_tool_with_a_long_name ") && rows[1].contains('…'),
            "{text}"
        );
    }
    let args = ["status", "--color", "never"];
    let screen = env.on_terminal(60, &args, &[]).unwrap().success();
    assert!(screen.mentions("✓ connected") && screen.mentions(" ago"), "{screen:?}");
}

#[test]
fn quiet_leaves_data_and_errors() {
    let (env, upstream) = (TestEnv::new(), Upstream::start(Script::legacy()));
    for args in [
        &["list", "-q"][..],
        &["sync", "-q"],
        &["disconnect", "x", "-q"],
        &["connect", &upstream.url(), "--name", "x", "-q"],
        &["disable", "x", "--quiet"],
        &["enable", "x", "-q"],
        &["tools", "disable", "x", "zzz", "-q"],
        &["disconnect", "x", "--yes", "-q"],
    ] {
        let output = env.cmd(args).success();
        assert_eq!(output.stderr(), "", "{args:?}");
        assert_eq!(output.stdout().is_empty(), args[0] != "connect", "{args:?}");
    }
    assert!(env.cmd(&["inspect", "x", "-q"]).code(2).stderr().starts_with("error: "));
    assert!(env.cmd(&["list", "-q", "-v"]).code(2).stderr().contains("--quiet"));
}

#[test]
fn nothing_waits_for_an_answer_where_nobody_can_give_one() {
    let (env, upstream) = connected();
    let url = upstream.url();
    let asking: &[&[&str]] = &[
        &["connect", &url, "--name", "new"],
        &["connect", &url, "--name", "new", "--auth", "key"],
        &["reconnect", "shop"],
        &["disconnect", "shop"],
        &["install", "claude-desktop"],
        &["config", "edit"],
    ];
    let before = (env.read_config(), env.files());
    let no_variable: &[(&str, &str)] = &[];
    for vars in [no_variable, &[("CI", "1")], &[("ALLMCP_NO_INPUT", "1")], &[("CLAUDECODE", "1")]] {
        for args in asking {
            let command = vars.iter().fold(env.command(args), |c, (k, v)| c.var(k, v));
            let refused = command.run();
            assert!(matches!(refused.exit(), 2 | 4), "{args:?} {vars:?}: {refused:?}");
            assert!(refused.stderr().contains("hint: "), "{args:?}: {}", refused.stderr());
        }
    }
    if env.on_terminal(100, &["list"], &[]).is_some() {
        for args in asking {
            let mut all = args.to_vec();
            all.push("--no-input");
            let refused = env.on_terminal(100, &all, &[]).unwrap();
            assert!(matches!(refused.exit(), 2 | 4), "{args:?}: {refused:?}");
        }
    }
    let mut after = env.files();
    after.retain(|file| !is_lock(file) || before.1.contains(file));
    assert_eq!((env.read_config(), after), before);

    // A program that starts us with nothing at all around us, and with stdin open.
    let bare = env.program("/usr/bin/env", &["-i", env!("CARGO_BIN_EXE_allmcp")]);
    let told = bare.stdin("").run().code(2);
    assert_eq!(
        told.stderr(),
        "error: no command given; to run the MCP server, use `allmcp serve`\n"
    );
    let Some(screen) = env.on_terminal(100, &[], &[]) else { return };
    assert!(screen.code(2).mentions("Usage:"));
}

#[test]
fn a_remote_text_cannot_steer_a_terminal() {
    let (env, upstream) = (TestEnv::new(), Upstream::start(Script::legacy()));
    let evil = "\u{1b}[2J\u{202e}evil\u{200b}\r\nline";
    let tool = json!({"name": "t", "description": evil, "inputSchema": {"type": "object"}});
    upstream.set_tools([Tool::raw(&tool.to_string()).text(evil)]);
    upstream.change(|script| script.instructions = Some(evil.into()));
    env.connect("x", &upstream.url());
    for args in
        [&["tools"][..], &["inspect", "x"], &["inspect", "x", "--json"], &["tools", "--json"]]
    {
        let output = env.cmd(args).success();
        for bad in ['\u{1b}', '\u{202e}', '\u{200b}'] {
            assert!(!output.stdout().contains(bad), "{args:?}: {:?}", output.stdout());
        }
    }
    // A result is the user's data: whole in a pipe, harmless on a screen.
    assert_eq!(env.cmd(&["call", "x", "t"]).success().stdout(), format!("{evil}\n"));
    upstream.fault(Fault::response(500, "text/plain", evil).on("tools/call"));
    let failed = env.cmd(&["call", "x", "t"]).code(5);
    assert!(failed.stderr().contains("evil") && !failed.stderr().contains('\u{1b}'), "{failed:?}");
    upstream.clear_faults();
    if let Some(screen) = env.on_terminal(100, &["call", "x", "t"], &[]) {
        assert!(screen.mentions("[2Jevil") && !screen.mentions("\u{1b}"), "{screen:?}");
    }
}

#[test]
fn the_demo_tells_a_story_that_can_be_read() {
    let mut env = TestEnv::new();
    // Nothing of the user's is read or made, whatever it says.
    let none = env.scratch().join("none");
    env.without("ALLMCP_STORE").var("ALLMCP_HOME", &none);
    let story = env.cmd(&["demo"]).success();
    for part in
        ["tools/list", "      demo__add ", "tools/call", "Привіт", "allmcp connect https://"]
    {
        assert!(story.mentions(part), "{part}: {}", story.stdout());
    }
    assert!(story.stdout().lines().all(|line| line.chars().count() < 200), "{}", story.stdout());
    let told = env.cmd(&["demo", "--json"]).success().json();
    assert_eq!(told["schema"], "allmcp.demo/1");
    let steps = told["steps"].as_array().unwrap();
    let called =
        steps.iter().filter(|s| s["sent"].as_str().is_some_and(|s| s.contains("tools/call")));
    assert!(
        called.clone().count() == 3
            && called.clone().all(|s| s["received"].as_str().unwrap().contains("\"result\""))
    );
    assert!(!none.exists());
}

#[test]
fn help_is_there_for_every_command() {
    let env = TestEnv::new();
    let help = env.cmd(&["--help"]).success();
    let commands = help.stdout().lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands.take_while(|line| !line.is_empty()).collect();
    assert!(commands.len() > 15, "{commands:?}");
    for line in commands {
        let name = line.split_whitespace().next().unwrap();
        let own = env.cmd(&[name, "--help"]).success();
        assert!(own.stdout().contains(&format!("Usage: allmcp {name}")), "{}", own.stdout());
        assert_eq!(own.stderr(), "");
    }
    assert!(!env.allmcp_home().exists());
}
