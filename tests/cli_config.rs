//! `config`, a file that somebody broke, and what users have of their own.

mod support;

use serde_json::{Value, json};
use support::{
    env::TestEnv,
    script::{Auth, Script},
    upstream::Upstream,
};

const FILE: &str = "\
# Kept by hand.
version = 1

[settings]
log_level = \"info\"   # quiet is fine

# The CRM.
[connections.crm]
url = \"http://127.0.0.1:9/mcp\" # loopback
auth = \"none\"
";

/// A home with `FILE`, taken up as a good configuration.
fn home() -> TestEnv {
    let env = TestEnv::new();
    env.config(FILE);
    // Any writing command keeps the good copy.
    env.cmd(&["config", "set", "settings.log_level", "info"]).success();
    assert_eq!(env.read_config(), FILE);
    env
}

#[test]
fn the_path_is_told_and_nothing_is_made() {
    let env = TestEnv::new();
    let path = env.config_file().display().to_string();
    assert_eq!(env.cmd(&["config", "path"]).success().stdout(), format!("{path}\n"));
    assert_eq!(
        env.cmd(&["config", "path", "--json"]).success().json(),
        json!({"schema": "allmcp.config-path/1", "path": path, "exists": false})
    );
    for reading in [
        &["list"][..],
        &["status"],
        &["tools"],
        &["logs"],
        &["sync"],
        &["config", "get", "settings.mode"],
        &["disconnect", "x"],
        &["install", "--list"],
    ] {
        env.cmd(reading).success();
        assert!(!env.allmcp_home().exists(), "{reading:?} made {:?}", env.files());
    }
    // The usual places, without ALLMCP_HOME and whatever XDG says.
    let mut env = TestEnv::new();
    env.without("ALLMCP_HOME").var("XDG_CONFIG_HOME", "/nope");
    let usual = env.home().join(".config/allmcp/config.toml").display().to_string();
    assert_eq!(env.cmd(&["config", "path"]).success().stdout().trim(), usual);
}

#[test]
fn a_setting_is_got_set_and_keeps_the_comments_around_it() {
    let env = home();
    let get = |key: &str| env.cmd(&["config", "get", key]).success().stdout().trim().to_owned();
    assert_eq!(get("connections.crm.timeout"), "55s");
    assert_eq!(get("settings.pin"), "warn");
    assert_eq!(get("connections.crm.auth"), "none");
    env.cmd(&["config", "set", "connections.crm.timeout", "20s"]).success();
    env.cmd(&["config", "set", "settings.log_level", "debug"]).success();
    env.cmd(&["config", "set", "settings.max_result", "1000000"]).success();
    env.cmd(&["config", "set", "connections.crm.tools.deny", "[\"*_delete\"]"]).success();
    env.cmd(&["config", "set", "connections.crm.enabled", "false"]).success();
    assert_eq!(get("connections.crm.timeout"), "20s");
    assert_eq!(get("settings.max_result"), "1000000");
    assert_eq!(get("connections.crm.tools.deny"), "[\"*_delete\"]");
    let text = env.read_config();
    for kept in [
        "# Kept by hand.\n",
        "log_level = \"debug\"   # quiet is fine\n",
        "\n# The CRM.\n[connections.crm]\n",
        " # loopback\n",
    ] {
        assert!(text.contains(kept), "{kept:?} is not in {text}");
    }
    assert_eq!(env.cmd(&["list", "--json"]).json()["connections"][0]["status"], "disabled");
    let unset = env.cmd(&["config", "get", "settings.proxy"]).code(1);
    assert!(unset.stderr().contains("settings.proxy is not set"), "{}", unset.stderr());
    let json = env.cmd(&["config", "get", "settings.log_level", "--json"]).success().json();
    let want =
        json!({"schema": "allmcp.config-get/1", "key": "settings.log_level", "value": "debug"});
    assert_eq!(json, want);
}

#[test]
fn what_cannot_be_set_is_named_with_what_could() {
    let env = home();
    for (key, value, said) in [
        ("settings.mod", "full", "settings.mode"),
        ("connections.crm.timout", "5s", "connections.crm.timeout"),
        ("connections.cmr.timeout", "5s", "crm"),
        ("settings.mode", "fast", "full, smart, auto"),
        ("connections.crm.timeout", "banana", "\"55s\""),
        ("settings.max_result", "big", "whole number"),
        ("connections.crm.enabled", "maybe", "connections.crm.enabled"),
        ("connections.crm.url", "7", "connections.crm.url"),
        ("nonsense", "1", "nonsense"),
        ("", "1", "unknown key"),
    ] {
        let refused = env.cmd(&["config", "set", key, value]).code(2);
        assert!(refused.stderr().contains(said), "{key}={value}: {}", refused.stderr());
        assert_eq!(env.read_config(), FILE, "{key}={value}");
    }
    let unknown = env.cmd(&["config", "get", "settings.mod"]).code(2);
    assert!(unknown.stderr().contains("settings.mode"), "{}", unknown.stderr());
}

#[test]
fn an_unknown_key_in_the_file_warns_once_with_the_nearest() {
    let env = TestEnv::new();
    env.config(&FILE.replace("log_level", "log_levl"));
    let listed = env.cmd(&["list"]).success();
    let warnings: Vec<_> = listed.stderr().lines().filter(|l| l.starts_with("warning:")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("log_levl") && warnings[0].contains("log_level"), "{warnings:?}");
    assert!(listed.stdout().contains("crm"));
    assert_eq!(env.cmd(&["list", "-q"]).success().stderr(), "");
    assert_eq!(env.cmd(&["list", "--json"]).success().stderr(), "");
}

#[test]
fn one_wrong_value_puts_only_its_connection_into_error() {
    let (env, upstream) = (TestEnv::new(), Upstream::start(Script::legacy()));
    env.connection("good", &upstream.url()).connection("bad", "not a url");
    env.cmd(&["call", "good", "echo"]).success();
    let status = env.cmd(&["status", "--json"]).code(8).json();
    let each: Vec<_> =
        (0..2).map(|n| status["connections"][n]["status"].as_str().unwrap()).collect();
    assert_eq!(each, ["connected", "error"]);
    assert!(env.cmd(&["call", "bad", "echo"]).code(1).stderr().contains("bad"));
    // An unset variable is such a problem too, and is named.
    env.connection("unset", &format!("{}?x=${{env:NOT_SET}}", upstream.url()));
    let unset = env.cmd(&["call", "unset", "echo"]).code(1);
    assert!(unset.stderr().contains("unset: ${env:NOT_SET} is not set"), "{}", unset.stderr());
}

#[test]
fn with_a_broken_file_reading_goes_on_and_writing_is_refused() {
    let env = home();
    let broken = format!("{FILE}[connections.new]\nurl = oops\n");
    env.config(&broken);
    let place = format!("{}:12:7", env.config_file().display());

    let listed = env.cmd(&["list"]).success();
    assert!(listed.stdout().contains("crm"), "{}", listed.stdout());
    let warnings: Vec<_> = listed.stderr().lines().collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("warning: ") && warnings[0].contains(&place), "{warnings:?}");
    assert!(warnings[0].ends_with("the last good configuration is used"), "{warnings:?}");
    for reading in [&["status"][..], &["tools"], &["logs"]] {
        env.cmd(reading).success();
    }
    let known = env.cmd(&["list", "--json"]).success().json();
    assert_eq!(known["connections"][0]["name"], "crm");

    for writing in [
        &["connect", "http://127.0.0.1:9/mcp"][..],
        &["disconnect", "crm", "--yes"],
        &["disable", "crm"],
        &["reconnect", "crm"],
        &["tools", "disable", "crm", "x"],
        &["config", "set", "settings.mode", "full"],
        &["config", "get", "settings.mode"],
    ] {
        let refused = env.cmd(writing).code(1);
        assert!(refused.stderr().contains(&place), "{writing:?}: {}", refused.stderr());
        assert!(refused.stderr().contains("hint: allmcp config edit\n"), "{}", refused.stderr());
        assert_eq!(env.read_config(), broken, "{writing:?}");
    }
    let doctor = env.cmd(&["doctor", "--json"]).code(1).json();
    let findings = doctor["findings"].as_array().unwrap();
    let config = findings.iter().find(|finding| finding["check"] == "config").unwrap();
    assert_eq!(
        (&config["status"], &config["fix"]),
        (&json!("error"), &json!("allmcp config edit"))
    );
    assert!(config["message"].as_str().unwrap().contains(&place), "{config}");

    // Broken from the start: there is no copy, and it says so.
    let env = TestEnv::new();
    env.config("version = \n");
    let listed = env.cmd(&["list"]).success();
    assert!(listed.stderr().contains("config.toml:1:"), "{}", listed.stderr());
    assert!(!listed.stderr().contains("last good"), "{}", listed.stderr());
}

#[test]
fn edit_needs_a_terminal_and_never_leaves_a_broken_file() {
    let mut env = home();
    assert!(env.cmd(&["config", "edit"]).code(2).stderr().contains("allmcp config set"));
    let script = |env: &TestEnv, text: &str| {
        let editor = env.scratch().join("editor");
        std::fs::write(&editor, format!("printf '{text}' >>\"$1\"\n")).unwrap();
        format!("/bin/sh {}", editor.display())
    };
    let bad = script(&env, "[oops\\n");
    env.var("EDITOR", &bad);
    let Some(screen) = env.on_terminal(100, &["config", "edit"], &[]) else { return };
    assert!(screen.code(1).mentions("nothing was changed"));
    assert_eq!(env.read_config(), FILE);
    let good = script(&env, "# added\\n");
    env.var("EDITOR", &good);
    let _ = env.on_terminal(100, &["config", "edit"], &[]).unwrap().success();
    assert_eq!(env.read_config(), format!("{FILE}# added\n"));
}

#[test]
fn every_user_has_a_key_of_their_own() {
    let upstream = Upstream::start(Script::legacy().auth(Auth::bearer("key of a")));
    let (env, url) = (TestEnv::new(), upstream.url());
    let connect = |user: &[&str], key: &str, code: i32| {
        let mut args = vec!["connect", &url, "--name", "x", "--token-stdin"];
        args.extend(user);
        args.extend([
            "--header",
            "X-User: ${user_id}",
            "--header",
            "Authorization: Bearer ${secret:token}",
        ]);
        let _ = env.command(&args).stdin(key).run().code(code);
    };
    connect(&["--user", "a"], "key of a", 0);
    let call = |user: &[&str]| {
        let mut args = vec!["call", "x", "echo", "--json"];
        args.extend(user);
        env.cmd(&args)
    };
    call(&["--user", "a"]).success();
    // The entry is there for everybody, the key is not.
    call(&["--user", "b"]).code(4);
    connect(&["--user", "b"], "wrong key", 4);
    upstream.change(|script| script.auth = Some(Auth::bearer("key of b")));
    connect(&["--user", "b"], "key of b", 0);
    call(&["--user", "b"]).success();
    call(&["--user", "a"]).code(4);
    let org = ["--org", "o 1", "--user", "b"];
    call(&org).code(4);
    connect(&org, "key of b", 0);
    call(&org).success();
    assert_eq!(env.stored("-/a/x")["secrets"]["token"], "key of a");
    assert_eq!(env.stored("-/b/x")["secrets"]["token"], "key of b");
    assert_eq!(env.stored("o%201/b/x")["secrets"]["token"], "key of b");
    assert_eq!(env.stored("x"), Value::Null);
    assert_eq!(env.read_config().matches("[connections.x]").count(), 1);

    // Alone there is no key, and no user to fill a hole with.
    call(&[]).code(4);
    env.config(&format!("{}[connections.y]\nurl = \"{url}?u=${{user_id}}\"\n", env.read_config()));
    let alone = env.cmd(&["call", "y", "echo"]).code(1);
    assert!(alone.stderr().contains("y: ${user_id} is not set"), "{}", alone.stderr());
    assert!(env.cmd(&["list", "--org", "o"]).code(2).stderr().contains("--user"));
    for request in upstream.requests_of("tools/call") {
        let (key, user) = (request.header("authorization"), request.header("x-user"));
        let own = format!("Bearer key of {}", user.unwrap());
        assert_eq!(key, Some(&*own));
    }
}
