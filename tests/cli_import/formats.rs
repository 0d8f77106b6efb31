//! The same server in the words of every client, taken from its own place and from any file.

use crate::{
    support::env::TestEnv,
    taken::{KEY, keyed, write},
};
use std::path::PathBuf;

/// A client, an ending for a file of its kind, and its file: `URL` stands for the server's, and
/// the key is in the variable `SHOP_KEY`.
const FILES: &[(&str, &str, &str)] = &[
    (
        "cursor",
        "json",
        r#"{"mcpServers": {"shop": {"url": "URL", "headers": {"Authorization": "Bearer ${env:SHOP_KEY}"}}}}"#,
    ),
    (
        "claude-code",
        "json",
        r#"{"numStartups": 3, "mcpServers": {"shop": {"type": "http", "url": "URL", "headers": {"Authorization": "Bearer ${SHOP_KEY:-none}"}}}}"#,
    ),
    (
        "vscode",
        "json",
        "{\n  // mine\n  \"servers\": {\"shop\": {\"type\": \"http\", \"url\": \"URL\", \"headers\": {\"Authorization\": \"Bearer ${env:SHOP_KEY}\"}},}\n}",
    ),
    (
        "windsurf",
        "json",
        r#"{"mcpServers": {"shop": {"serverUrl": "URL", "headers": {"Authorization": "Bearer ${env:SHOP_KEY}"}}}}"#,
    ),
    (
        "zed",
        "json",
        "{\n  // mine\n  \"context_servers\": {\"shop\": {\"source\": \"custom\", \"command\": \"npx\", \"args\": [\"mcp-remote\", \"URL\", \"--header\", \"Authorization: Bearer ${SHOP_KEY}\"]}}\n}",
    ),
    (
        "codex",
        "toml",
        "model = \"x\" # mine\n[mcp_servers.shop]\nurl = \"URL\"\nbearer_token_env_var = \"SHOP_KEY\"\n",
    ),
    (
        "gemini",
        "json",
        r#"{"mcpServers": {"shop": {"httpUrl": "URL", "headers": {"Authorization": "Bearer ${SHOP_KEY}"}}}}"#,
    ),
    (
        "goose",
        "yaml",
        "extensions:\n  shop: # mine\n    enabled: true\n    type: streamable_http\n    name: shop\n    uri: URL\n    headers:\n      Authorization: Bearer ${SHOP_KEY}\n",
    ),
    (
        "continue",
        "yaml",
        "name: mine\nversion: 0.0.1\nmcpServers:\n  - name: shop\n    type: streamable-http\n    url: URL\n    requestOptions:\n      headers:\n        Authorization: Bearer ${SHOP_KEY}\n",
    ),
    (
        "opencode",
        "json",
        r#"{"mcp": {"shop": {"type": "remote", "url": "URL", "headers": {"Authorization": "Bearer {env:SHOP_KEY}"}}}}"#,
    ),
    (
        "amp",
        "json",
        r#"{"amp.mcpServers": {"shop": {"url": "URL", "headers": {"Authorization": "Bearer ${SHOP_KEY}"}}}}"#,
    ),
    (
        "copilot",
        "json",
        r#"{"mcpServers": {"shop": {"type": "local", "command": "npx", "args": ["-y", "mcp-remote", "URL", "--header", "Authorization:${AUTH}"], "env": {"AUTH": "Bearer ${SHOP_KEY}"}, "tools": ["*"]}}}"#,
    ),
];

/// Where the client has its file here.
#[track_caller]
fn own(env: &TestEnv, client: &str) -> PathBuf {
    let listed = env.cmd(&["install", "--list", "--json"]).success().json();
    let rows = listed["clients"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == client);
    row.unwrap_or_else(|| panic!("no client {client}"))["path"].as_str().unwrap().into()
}

#[test]
fn every_client_s_way_of_saying_it_is_understood() {
    let server = keyed();
    for (client, end, text) in FILES {
        let text = text.replace("URL", &server.url());
        let mut env = TestEnv::new();
        env.var("SHOP_KEY", KEY);
        let (own, other) = (own(&env, client), env.scratch().join(format!("some.{end}")));
        for (file, source) in [(&own, (*client).to_owned()), (&other, other.display().to_string())]
        {
            write(file, &text);
            let said = env.cmd(&["import", &source, "--yes"]).success();
            assert!(said.stdout().starts_with("shop: taken over"), "{client}: {said:?}");
            assert!(!said.mentions(KEY), "{client}: {said:?}");
            env.cmd(&["call", "shop", "t"]).success();
            let config = env.read_config();
            assert!(config.contains("\"Bearer ${env:SHOP_KEY}\""), "{client}: {config}");
            assert!(env.grep_everything("canary").is_empty(), "{client}");
            assert_eq!(std::fs::read_to_string(file).unwrap(), text, "{client}");
            env.cmd(&["disconnect", "shop", "--yes"]).success();
        }
        assert_eq!(
            server.requests_of("tools/call").last().unwrap().header("authorization"),
            Some(&*format!("Bearer {KEY}"))
        );
    }
}

#[test]
fn all_clients_of_a_machine_are_looked_through_at_once() {
    let server = keyed();
    let mut env = TestEnv::new();
    env.var("SHOP_KEY", KEY);
    for (client, _, text) in FILES {
        write(&own(&env, client), &text.replace("URL", &server.url()));
    }
    let dry = env.cmd(&["import", "--dry-run", "--json"]).success().json();
    let servers = dry["servers"].as_array().unwrap();
    assert_eq!(servers.len(), FILES.len(), "{dry}");
    let new: Vec<_> = servers.iter().filter(|it| it["state"] == "imported").collect();
    assert!(new.len() == 1 && new[0]["name"] == "shop", "one and the same: {dry}");
    assert!(servers.iter().all(|it| it["name"] == "shop"), "{dry}");
}
