//! What is taken over works, and its keys are in the store and nowhere else.

use crate::support::{
    env::{Output, TestEnv},
    golden,
    script::{Auth, Script, Tool},
    upstream::{DeadPort, Upstream},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every key in a client's file begins with it.
pub(crate) const KEY: &str = "canary-key-1";

pub(crate) fn open() -> Upstream {
    Upstream::start(Script::legacy().tool(Tool::echo("t")))
}

pub(crate) fn keyed() -> Upstream {
    Upstream::start(Script::legacy().auth(Auth::bearer(KEY)).tool(Tool::echo("t")))
}

/// The file of Claude Desktop, with these servers.
pub(crate) fn claude(env: &TestEnv, servers: &Value) -> PathBuf {
    let file = env.home().join(if cfg!(target_os = "macos") {
        "Library/Application Support/Claude/claude_desktop_config.json"
    } else {
        ".config/Claude/claude_desktop_config.json"
    });
    write(&file, &json!({"mcpServers": servers}).to_string());
    file
}

pub(crate) fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Says nothing of a key, and has it in the store alone.
#[track_caller]
pub(crate) fn kept(env: &TestEnv, file: &Path, output: &Output) {
    assert!(!output.mentions("canary"), "{output:?}");
    let store = env.allmcp_home().join("data/secrets.json");
    let mut found = env.grep_everything("canary");
    found.retain(|path| path != file);
    assert_eq!(found, [store], "{}", env.read_config());
}

#[test]
fn everything_that_a_client_had_works_here() {
    let (env, open, keyed) = (TestEnv::new(), open(), keyed());
    let bare = |url: String| json!({"command": "npx", "args": ["-y", "mcp-remote@latest", url]});
    let file = claude(
        &env,
        &json!({
            "open": bare(open.url()),
            "by-variable": {
                "command": "npx",
                "args": ["mcp-remote", keyed.url(), "--header", "Authorization:${AUTH}"],
                "env": {"AUTH": format!("Bearer {KEY}")},
            },
            "By Flag": {
                "command": "cmd",
                "args": ["/c", "npx", "-y", "mcp-remote", keyed.url().replace("/mcp", "/mcp?a=1"),
                    "--header", format!("Authorization: Bearer {KEY}"), "--ignore-tool", "t"],
            },
            "local": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]},
            "allmcp": {"command": "/opt/allmcp", "args": ["serve"]},
        }),
    );
    let before = fs::read(&file).unwrap();
    let output = env.command(&["import", "claude-desktop", "--yes", "-vv"]).run().success();
    kept(&env, &file, &output);
    assert_eq!(fs::read(&file).unwrap(), before);
    let said = output.stdout();
    for line in [
        "open: taken over (claude-desktop), 2 tools\n",
        "by-variable: taken over (claude-desktop), 2 tools, token is in the store\n",
        "by-flag: taken over (By Flag in claude-desktop), 2 tools, token is in the store\n",
        "local: stays there (claude-desktop), local servers are not in this version\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("allmcp:"), "{said}");
    assert!(
        output.stderr().contains("is as it was; Claude Desktop starts allmcp too"),
        "{output:?}"
    );
    for name in ["open", "by-variable"] {
        env.cmd(&["call", name, "t"]).success();
    }
    // What the bridge hid stays hidden.
    env.cmd(&["call", "by-flag", "t"]).code(9);
    // The lists are there before anything is asked.
    let listed = env.cmd(&["list", "--json"]).success().json();
    let rows = listed["connections"].as_array().unwrap();
    let seen: Vec<_> =
        rows.iter().map(|row| (row["status"].clone(), row["tools"].clone())).collect();
    assert!(seen.iter().all(|it| *it == (json!("connected"), json!(2))), "{listed}");
    assert_eq!(env.stored("by-variable")["secrets"]["token"], KEY);

    // Once more is no more.
    let config = env.read_config();
    let again = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    for name in ["open", "by-variable", "by-flag"] {
        assert!(again.stdout().contains(&format!("{name}: already connected")), "{again:?}");
    }
    assert_eq!(env.read_config(), config);
}

#[test]
fn the_document_is_what_it_was() {
    let (mut env, open, keyed, dead) = (TestEnv::new(), open(), keyed(), DeadPort::new());
    env.var("SET", "x");
    claude(
        &env,
        &json!({
            "open": {"command": "npx", "args": ["mcp-remote", open.url()]},
            "same": {"url": open.url()},
            "keyed": {"url": keyed.url(), "headers": {"Authorization": format!("Bearer {KEY}"), "X-Set": "${SET}"}},
            "wrong": {"url": keyed.url(), "headers": {"Authorization": "Bearer canary-wrong"}},
            "asked": {"url": keyed.url(), "headers": {"X-API-Key": "${input:api-key}"}},
            "shut": {"url": keyed.url().replace("/mcp", "/mcp?b=2")},
            "unset": {"url": keyed.url(), "headers": {"Authorization": "Bearer ${NOT_SET}"}},
            "dead": {"url": dead.url()},
            "bad": {"url": "http://h.example/mcp"},
            "off": {"url": open.url(), "disabled": true},
            "old": {"type": "sse", "url": open.url()},
            "local": {"command": "uvx", "args": ["mcp-server-git"]},
        }),
    );
    let dry = env.cmd(&["import", "claude-desktop", "--dry-run", "--json"]).success();
    assert!(!dry.mentions("canary"), "{dry:?}");
    golden::document(&env, "import_dry_run", &dry);
    env.nothing_saved();
    let output = env.cmd(&["import", "claude-desktop", "--yes", "--json"]).code(1);
    assert!(!output.mentions("canary"), "{output:?}");
    golden::document(&env, "import", &output);
}

#[test]
fn a_server_of_the_catalog_becomes_its_provider() {
    let env = TestEnv::new();
    // Without a network: what it would be is in the dry run's name and in the entry of one that
    // was not reached.
    claude(
        &env,
        &json!({"my linear": {"command": "npx", "args": ["mcp-remote", "https://mcp.linear.app/mcp"]}}),
    );
    let dead = DeadPort::new();
    let proxy = dead.url().replace("/mcp", "");
    let output =
        env.command(&["import", "claude-desktop", "--yes"]).var("HTTPS_PROXY", proxy).run();
    output.success();
    let config = env.read_config();
    assert!(config.contains("[connections.my-linear]\nprovider = \"linear\"\n"), "{config}");
}

#[test]
fn nothing_is_half_done_when_the_store_keeps_nothing() {
    let (env, keyed) = (TestEnv::new(), keyed());
    let entry = json!({"url": keyed.url(), "headers": {"Authorization": format!("Bearer {KEY}")}});
    let file = claude(&env, &json!({"keyed": entry}));
    write(&env.allmcp_home().join("data/secrets.json"), "oops");
    let output = env.cmd(&["import", "claude-desktop", "--yes"]).code(7);
    assert!(!output.mentions("canary"), "{output:?}");
    assert_eq!(env.read_config(), "");
    assert_eq!(env.grep_everything("canary"), [file]);
}
