//! Servers behind a sign-in, which is for later.

use crate::{site::Site, support::fault::Fault, taken::claude};
use serde_json::json;

#[test]
fn a_server_that_wants_a_sign_in_comes_without_one() {
    let site = Site::new();
    let args = ["-y", "mcp-remote", &site.resource.url(), "3334"];
    claude(&site.env, &json!({&site.name: {"command": "npx", "args": args}}));
    let said = site.env.cmd(&["import", "claude-desktop", "--yes"]).success();
    let hint = format!("127.0.0.1 wants a sign-in\n  then: allmcp reconnect {}\n", site.name);
    assert!(said.stdout().contains(&hint), "{said:?}");
    assert!(site.tabs().is_empty() && site.server.registrations().is_empty(), "nobody was asked");
    let status = site.env.cmd(&["status", "--json"]).code(8).json();
    assert_eq!(status["connections"][0]["status"], "needs_auth", "{status}");
    // The port that the server may know by now is the one of before.
    assert!(site.env.read_config().contains("callback_port = 3334"), "{}", site.env.read_config());
    let key = format!("connections.{}.oauth.callback_port", site.name);
    site.env.cmd(&["config", "set", &key, "0"]).success();
    site.reconnect().success();
    site.call().success();
}

#[test]
fn a_client_that_was_registered_by_hand_comes_with_its_secret() {
    let site = Site::new();
    let info = r#"{"client_id":"my-id","client_secret":"canary-client-secret"}"#;
    let url = site.resource.url();
    let args = ["mcp-remote", &url, "--static-oauth-client-info", info];
    let file = claude(&site.env, &json!({&site.name: {"command": "npx", "args": args}}));
    let said = site.env.cmd(&["import", "claude-desktop", "--yes"]).success();
    crate::taken::kept(&site.env, &file, &said);
    assert!(site.env.read_config().contains("client_id = \"my-id\""));
    assert_eq!(site.env.stored(&site.name)["secrets"]["client_secret"], "canary-client-secret");
}

#[test]
fn ctrl_c_while_a_server_is_tried_saves_nothing_and_breaks_nothing() {
    let site = Site::new();
    site.resource.fault(Fault::hang());
    let file = claude(&site.env, &json!({"slow": {"url": site.resource.url()}}));
    let before = std::fs::read(&file).unwrap();
    let import = site.env.command(&["import", "claude-desktop", "--yes"]).start();
    site.resource.wait_for("a request", |all| !all.is_empty());
    import.signal(rustix::process::Signal::INT);
    import.finish().code(130);
    assert_eq!(site.env.read_config(), "");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
