//! Clients and the environment that they give.

use crate::{
    look::{all, fix, gone, machine, run},
    support::env::TestEnv,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The file of Claude Desktop.
fn file(env: &TestEnv) -> PathBuf {
    env.home().join(if cfg!(target_os = "macos") {
        "Library/Application Support/Claude/claude_desktop_config.json"
    } else {
        ".config/Claude/claude_desktop_config.json"
    })
}

/// Claude Desktop, started once, with this entry of ours.
fn entry(env: &TestEnv, entry: &Value) {
    let file = file(env);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file.with_file_name("Preferences"), "{}").unwrap();
    fs::write(file, json!({"mcpServers": {"allmcp": entry}}).to_string()).unwrap();
}

fn command(env: &TestEnv, command: &Path) {
    let home = env.allmcp_home();
    entry(env, &json!({"command": command, "args": ["serve"], "env": {"ALLMCP_HOME": home}}));
}

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn whatever_a_client_starts_in_our_place_is_told_and_mended() {
    let (env, _upstream) = machine();
    let other = env.scratch().join("other/allmcp");
    let says = |text: &str| script(&other, text);
    let cases: [(&str, &str, &dyn Fn()); 8] = [
        ("warning", "does not know allmcp", &|| {
            entry(&env, &json!({}));
            fs::write(file(&env), "{}").unwrap();
        }),
        ("error", "which is not there", &|| command(&env, Path::new("/nowhere/allmcp"))),
        ("error", "cannot be executed", &|| {
            says("echo");
            fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
            command(&env, &other);
        }),
        ("error", "does not run: it ended with an error", &|| {
            says("exit 3");
            command(&env, &other);
        }),
        ("error", "does not run: it did not end in 3 seconds", &|| {
            says("exec sleep 60");
            command(&env, &other);
        }),
        ("warning", "starts allmcp 0.0.9, and this is", &|| {
            says("echo allmcp 0.0.9");
            command(&env, &other);
        }),
        ("warning", "by its name", &|| command(&env, Path::new("allmcp"))),
        ("warning", "for another home", &|| {
            let binary = env!("CARGO_BIN_EXE_allmcp");
            entry(&env, &json!({"command": binary, "args": ["serve"]}));
        }),
    ];
    for (status, part, break_it) in cases {
        break_it();
        let fix = fix(&env, "client", status, part);
        assert_eq!(fix, "allmcp install claude-desktop", "{part}");
        run(&env, &format!("{fix} --yes"), "");
        gone(&env, "client", part);
        assert_eq!(all(&env, "client", "Claude Desktop starts this allmcp").len(), 1, "{part}");
    }
}

#[test]
fn an_entry_that_is_switched_off_or_read_twice_is_told() {
    let (env, _upstream) = machine();
    let binary = env!("CARGO_BIN_EXE_allmcp");
    entry(&env, &json!({"command": binary, "args": ["serve"], "disabled": true}));
    let told = fix(&env, "client", "warning", "it is switched off there");
    assert_eq!(told, "switch \"allmcp\" on in Claude Desktop");
    for client in ["claude-code", "warp"] {
        env.cmd(&["install", client, "--yes"]).success();
    }
    let told = fix(&env, "client", "warning", "Warp can start what Claude Code lists");
    assert_eq!(told, "allmcp uninstall warp");
    run(&env, &format!("{told} --yes"), "");
    gone(&env, "client", "in both");
}

#[test]
fn a_program_that_is_called_otherwise_is_not_started() {
    let (env, _upstream) = machine();
    let (other, mark) = (env.scratch().join("tool"), env.scratch().join("was-started"));
    script(&other, &format!("touch {}", mark.display()));
    command(&env, &other);
    fix(&env, "client", "warning", "another program as allmcp");
    assert!(!mark.exists());
}

#[test]
fn what_a_client_starts_has_nothing_of_this_shell() {
    let (mut env, _upstream) = machine();
    let (other, seen) = (env.scratch().join("allmcp"), env.scratch().join("seen"));
    script(&other, &format!("/usr/bin/env >{}; echo allmcp 0.0.9", seen.display()));
    command(&env, &other);
    env.var("SECRET_OF_THE_SHELL", "canary");
    fix(&env, "client", "warning", "0.0.9");
    assert!(!fs::read_to_string(seen).unwrap().contains("canary"));
}

#[test]
fn a_file_that_does_not_parse_is_named_and_not_touched() {
    let (env, _upstream) = machine();
    entry(&env, &json!({}));
    fs::write(file(&env), "{\"mcpServers\": oops").unwrap();
    let fix = fix(&env, "client", "error", "does not parse: line 1");
    assert!(fix.ends_with("allmcp install claude-desktop"), "{fix}");
    env.cmd(&["doctor"]).code(1);
    assert_eq!(fs::read_to_string(file(&env)).unwrap(), "{\"mcpServers\": oops");
}

#[test]
fn what_only_this_shell_has_is_put_where_a_client_finds_it() {
    let (mut env, _upstream) = machine();
    let browser = env.scratch().join("browser");
    env.var("BROWSER", &browser).var("HTTPS_PROXY", "http://u:canary@proxy.example:1");
    env.var("NO_PROXY", "127.0.0.1").var("ALLMCP_STORE", "file");
    // Nobody but shells starts us yet.
    assert!(all(&env, "environment", "").is_empty());
    env.cmd(&["install", "claude-desktop", "--yes"]).success();
    let said = env.cmd(&["doctor"]);
    assert!(!said.mentions("canary"), "{said:?}");
    assert!(fix(&env, "environment", "warning", "HTTPS_PROXY").starts_with("allmcp config edit"));
    for variable in ["BROWSER", "NO_PROXY"] {
        let fix = fix(&env, "environment", "warning", variable);
        run(&env, &fix, "");
        gone(&env, "environment", variable);
    }
    // The first secret has remembered it.
    gone(&env, "environment", "ALLMCP_STORE");
}

#[test]
fn a_variable_in_a_header_is_missed_where_it_is_not_passed_on() {
    let (mut env, upstream) = machine();
    let header = |name: &str, value: &str| format!("[connections.{name}.headers]\n{value}\n");
    let entry = |name: &str| format!("[connections.{name}]\nurl = \"{}\"\n", upstream.url());
    let before = env.read_config();
    env.config(&format!(
        "{before}\n{}{}{}{}",
        entry("plain"),
        header(
            "plain",
            "X-User = \"${env:SHOP_USER}\"\nAuthorization = \"Bearer ${secret:token}\""
        ),
        entry("keyed"),
        header("keyed", "Authorization = \"Bearer ${env:SHOP_KEY}\""),
    ));
    env.cmd(&["install", "claude-desktop", "--yes"]).success();
    // Not set at all.
    let missing = fix(&env, "connection", "error", "plain: needs SHOP_USER");
    assert_eq!(missing, "allmcp config set connections.plain.headers.X-User VALUE");
    // Set here, and a client does not have it.
    env.var("SHOP_USER", "u").var("SHOP_KEY", "k");
    gone(&env, "connection", "needs SHOP_USER");
    let user = fix(&env, "environment", "warning", "plain takes SHOP_USER from this shell");
    run(&env, user.split(';').next().unwrap(), "");
    gone(&env, "environment", "SHOP_USER");
    let key = fix(&env, "environment", "warning", "keyed takes SHOP_KEY from this shell");
    let (set, rest) = key.split_once(", then: ").unwrap();
    run(&env, set, "");
    run(&env, rest.split(';').next().unwrap(), "k");
    gone(&env, "environment", "SHOP_KEY");
    assert_eq!(env.stored("keyed")["secrets"]["token"], "k", "{}", env.stored("keyed"));
    // For CI only.
    env.var("ALLMCP_TOKEN_SHOP", "k");
    let fix = fix(&env, "environment", "warning", "the key of shop is from this shell");
    assert_eq!(fix, "allmcp reconnect shop --token-stdin");
}

#[test]
fn another_one_on_the_path_is_named() {
    let (mut env, _upstream) = machine();
    let other = env.scratch().join("first/allmcp");
    script(&other, "echo allmcp 0.0.1");
    let folder = other.parent().unwrap().display().to_string();
    let path = |env: &TestEnv| format!("{folder}:{}/bin:/usr/bin:/bin", env.home().display());
    env.var("PATH", path(&env));
    let told = fix(&env, "program", "warning", "PATH has another one before it");
    assert!(told.starts_with(&format!("delete {}", other.display())), "{told}");
    fs::remove_file(&other).unwrap();
    gone(&env, "program", "another one");
    env.var("PATH", "/usr/bin:/bin");
    let told = fix(&env, "program", "warning", "not found by its name");
    // Typed, it mends the shell that it is typed in.
    let line = format!("{told}; exec allmcp doctor --json");
    let output = env.program("/bin/sh", &["-c", &line]).run().success();
    assert!(!output.stdout().contains("not found by its name"), "{output:?}");
}
