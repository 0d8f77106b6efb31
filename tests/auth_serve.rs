//! A sign-in from within the chat: the link in an answer, and the same call after it. And a
//! bridge, which signs in by itself.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{
    authorization::{AuthServer, Mode, Quirks, Resource, TestBrowser},
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk::{OURS, eventually, names_of},
};

const REQUIRED: &str = "dev.allmcp/oauth_connect_required_mcps";

struct Site {
    env: TestEnv,
    server: AuthServer,
    resource: Resource,
    browser: TestBrowser,
}

impl Site {
    /// With an entry that nobody has signed in to.
    fn new(quirks: Quirks) -> Self {
        let site = Self::bare(quirks, Mode::Consent);
        let url = site.resource.url();
        site.env.config(&format!("[connections.c]\nurl = \"{url}\"\nauth = \"oauth\"\n"));
        site
    }

    fn bare(quirks: Quirks, mode: Mode) -> Self {
        let server = AuthServer::start(quirks);
        let resource = Resource::start(&server, Script::legacy());
        resource.set_tools([Tool::echo("one"), Tool::echo("two")]);
        let mut env = TestEnv::new();
        let browser = TestBrowser::start(env.scratch(), mode);
        env.var("BROWSER", browser.command());
        Self { env, server, resource, browser }
    }

    fn serve(&self) -> Serve {
        let mut serve = Serve::start(&self.env, &["serve"]);
        serve.initialize("2025-11-25");
        serve
    }

    fn bridge(&self, args: &[&str]) -> Serve {
        let url = self.resource.url();
        let mut all = vec!["bridge", &url];
        all.extend(args);
        Serve::start(&self.env, &all)
    }
}

/// What a person's browser does with a link: status and page, wherever it ends.
#[expect(clippy::disallowed_methods, reason = "the browser is the other side")]
fn open(url: &str) -> (u16, String) {
    let work = async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn call(serve: &mut Serve, tool: &str) -> Value {
    serve.request("tools/call", json!({"name": tool, "arguments": {}}))["result"].clone()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

fn link(result: &Value) -> String {
    assert_eq!(result["isError"], true, "{result}");
    let entry = &result["_meta"][REQUIRED][0];
    assert_eq!(entry["connect_required"], true);
    let url = entry["connect_url"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert!(text(result).contains(&url), "the model can show it: {result}");
    let expires = entry["connect_url_expires_at"].as_str().unwrap();
    assert!(humantime::parse_rfc3339(expires).unwrap() > std::time::SystemTime::now());
    url
}

fn names(list: &Value) -> Vec<String> {
    names_of(list["result"]["tools"].as_array().unwrap())
}

#[test]
fn a_connection_that_nobody_signed_in_to_is_mended_by_its_link_without_a_restart() {
    let site = Site::new(Quirks::default());
    let mut serve = site.serve();
    let list = serve.request("tools/list", json!({}));
    assert_eq!(names(&list), [OURS]);
    let told = call(&mut serve, "list_mcp_connections");
    let row = &told["structuredContent"]["connections"][0];
    assert_eq!((&row["name"], &row["connect_required"]), (&json!("c"), &json!(true)));
    let url = row["connect_url"].as_str().unwrap().to_owned();

    // A program looks ahead at the link, and then the user opens it, twice.
    let (status, page) = open(&url);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("c is connected") && !page.contains("<script"), "{page}");
    serve.wait_for_method("notifications/tools/list_changed");
    let list = serve.request("tools/list", json!({}));
    assert_eq!(names(&list), [OURS, "c__one", "c__two"]);
    assert_eq!(call(&mut serve, "c__one")["isError"], Value::Null);
    assert_eq!(open(&url).0, 410, "spent at completion");
    let told = call(&mut serve, "list_mcp_connections");
    assert_eq!(told["structuredContent"]["connections"][0]["connected"], true);
    assert_eq!(told["_meta"][REQUIRED], json!([]));
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.consents), (1, 1));
    assert_eq!(site.browser.tabs().len(), 0, "serve opens no browser by itself");
    serve.assert_clean();
}

#[test]
fn a_grant_that_is_refused_later_is_mended_in_the_middle_of_the_work() {
    let site = Site::new(Quirks::default());
    let url = site.resource.url();
    std::fs::remove_file(site.env.config_file()).unwrap();
    site.env.cmd(&["connect", &url, "--name", "c"]).success();
    let (mut serve, mut other) = (site.serve(), site.serve());
    assert_eq!(call(&mut serve, "c__one")["isError"], Value::Null);
    assert_eq!(call(&mut other, "c__one")["isError"], Value::Null);
    site.server.revoke_grants();
    let refused = call(&mut serve, "c__one");
    let first = link(&refused);
    assert!(text(&refused).contains("allmcp reconnect c"), "{refused}");
    assert_eq!(link(&call(&mut serve, "c__one")), first, "the link stays the same");
    assert_eq!(site.env.cmd(&["status", "c"]).code(4).stdout().matches("needs_auth").count(), 1);
    assert_eq!(open(&first).0, 200);
    assert_eq!(call(&mut serve, "c__one")["isError"], Value::Null);
    eventually("the other copy goes on too", || {
        call(&mut other, "c__two")["isError"] == Value::Null
    });
    assert_eq!(site.server.counts().registrations, 1, "the same client signs in again");
    assert_eq!(site.browser.tabs().len(), 1, "the one of connect");
}

#[test]
fn more_scope_is_asked_for_with_all_that_were_granted() {
    let site = Site::new(Quirks {
        scopes: Some(vec!["read".into(), "write".into()]),
        ..Quirks::default()
    });
    site.resource.set(|quirks| {
        quirks.scopes = Some(vec!["read".into()]);
        quirks.tool_scopes.insert("two".into(), "write".into());
    });
    let mut serve = site.serve();
    let told = call(&mut serve, "list_mcp_connections");
    let row = &told["structuredContent"]["connections"][0];
    assert_eq!(open(row["connect_url"].as_str().unwrap()).0, 200);
    eventually("the first call works", || call(&mut serve, "c__one")["isError"] == Value::Null);
    let refused = call(&mut serve, "c__two");
    assert!(text(&refused).contains("write"), "the scope is named: {refused}");
    assert_eq!(open(&link(&refused)).0, 200);
    assert_eq!(call(&mut serve, "c__two")["isError"], Value::Null, "the same call works");
    assert_eq!(call(&mut serve, "c__one")["isError"], Value::Null, "and nothing was lost");
    let asked = site.server.authorize_requests();
    let scope = |at: usize| asked[at].get("scope").unwrap_or_default().to_owned();
    assert_eq!(scope(0), "read");
    assert!(scope(1).contains("read") && scope(1).contains("write"), "{}", scope(1));
    assert_eq!(site.server.counts().refreshes_ok, 0, "a renewal would not help");
}

#[test]
fn a_link_that_is_guessed_or_reflects_is_nothing() {
    let site = Site::new(Quirks::default());
    let mut serve = site.serve();
    let told = call(&mut serve, "list_mcp_connections");
    let url = told["structuredContent"]["connections"][0]["connect_url"].as_str().unwrap();
    let origin = &url[..url.find("/connect/").unwrap()];
    for path in ["/connect/", "/connect/x", "/connect/<script>alert(1)</script>", "/", "/callback"]
    {
        let (status, page) = open(&format!("{origin}{path}"));
        assert_eq!(status, 404, "{path}");
        assert!(!page.contains("alert"), "{page}");
    }
    assert_eq!(site.server.counts().registrations, 0, "nobody was asked");
    assert_eq!(open(url).0, 200);
}

#[test]
fn a_bridge_opens_the_browser_once_and_its_list_waits_for_it() {
    let site = Site::bare(Quirks::default(), Mode::Slow(Duration::from_millis(700)));
    let started = Instant::now();
    let mut bridge = site.bridge(&[]);
    bridge.initialize("2025-11-25");
    assert!(started.elapsed() < Duration::from_millis(600), "nobody is waited for");
    let list = bridge.request("tools/list", json!({}));
    assert_eq!(names(&list), ["one", "two"]);
    assert_eq!(call(&mut bridge, "one")["isError"], Value::Null);
    assert_eq!(site.browser.wait_tabs(1).len(), 1);
    // Later copies need no consent.
    let mut second = site.bridge(&[]);
    second.initialize("2025-11-25");
    assert_eq!(names(&second.request("tools/list", json!({}))), ["one", "two"]);
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.consents, site.browser.tabs().len()), (1, 1, 1));
    for token in ["canary-at-", "canary-rt-"] {
        assert!(!bridge.stderr().contains(token) && !site.env.read_config().contains(token));
    }
    bridge.assert_clean();

    // It has no entry, and can be seen and given up all the same.
    let url = site.resource.url();
    assert_eq!(site.env.cmd(&["list", "--json"]).success().json()["connections"], json!([]));
    let all = site.env.cmd(&["list", "--all", "--json"]).success().json();
    let row = &all["connections"][0];
    assert!(row["name"].as_str().unwrap().starts_with("bridge-"), "{row}");
    assert_eq!(
        (&row["url"], &row["auth"], &row["tools"]),
        (&json!(url), &json!("oauth"), &json!(2))
    );
    drop((bridge, second));
    let told = site.env.cmd(&["disconnect", &url, "--yes", "--json"]).success().json();
    assert_eq!((&told["credential_deleted"], &told["revoked"]), (&json!(true), &json!(true)));
    assert_eq!(site.server.counts().revocations, 2, "both tokens");
    let all = site.env.cmd(&["list", "--all", "--json"]).success().json();
    assert_eq!(all["connections"], json!([]));
    assert_eq!(site.env.grep_everything("canary-"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_bridge_that_waits_in_vain_lists_a_tool_to_sign_in() {
    let site = Site::bare(Quirks::default(), Mode::Never);
    let mut bridge = site.bridge(&["--auth-timeout", "3"]);
    bridge.initialize("2025-11-25");
    assert_eq!(names(&bridge.request("tools/list", json!({}))), ["sign_in"]);
    assert_eq!(site.browser.tabs().len(), 1);
    let url = link(&call(&mut bridge, "sign_in"));
    // The first consent is over by then, and the client that it registered is asked no more:
    // some servers never come back because they forgot it.
    eventually("the browser is given up", || bridge.stderr().contains("not finished in time"));
    assert_eq!(open(&url).0, 200);
    bridge.wait_for_method("notifications/tools/list_changed");
    assert_eq!(names(&bridge.request("tools/list", json!({}))), ["one", "two"]);
    assert_eq!(call(&mut bridge, "two")["isError"], Value::Null);
    assert_eq!(site.browser.tabs().len(), 1, "nothing opened unasked");
}

#[test]
fn five_cold_bridges_register_once_and_open_one_tab() {
    let site = Site::bare(Quirks::default(), Mode::Slow(Duration::from_millis(300)));
    let mut all: Vec<Serve> = (0..5).map(|_| site.bridge(&[])).collect();
    for bridge in &mut all {
        bridge.send_request(
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {},
                   "clientInfo": {"name": "t", "version": "0"}}),
        );
        bridge.notify("notifications/initialized", json!({}));
    }
    for bridge in &mut all {
        assert_eq!(names(&bridge.request("tools/list", json!({}))), ["one", "two"]);
        assert_eq!(call(bridge, "one")["isError"], Value::Null);
    }
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.consents, site.browser.tabs().len()), (1, 1, 1));
}

#[test]
fn a_bridge_to_an_open_server_asks_for_nothing_and_touches_no_store() {
    let site = Site::bare(Quirks::default(), Mode::Consent);
    site.resource.set(|quirks| quirks.open = true);
    let mut bridge = site.bridge(&[]);
    bridge.initialize("2025-11-25");
    assert_eq!(names(&bridge.request("tools/list", json!({}))), ["one", "two"]);
    assert_eq!(call(&mut bridge, "one")["isError"], Value::Null);
    assert_eq!((site.server.counts().registrations, site.browser.tabs().len()), (0, 0));
    let secret = |file: &String| file.contains("secrets") || file.contains("grants");
    assert!(!site.env.files().iter().any(secret), "{:?}", site.env.files());
}

#[test]
fn disconnect_revokes_and_says_so() {
    let site = Site::bare(Quirks::default(), Mode::Consent);
    site.env.cmd(&["connect", &site.resource.url(), "--name", "c"]).success();
    let status = site.env.cmd(&["status", "c", "--json"]).success().json();
    let sign_in = &status["connections"][0]["sign_in"];
    assert_eq!(sign_in["issuer"], json!(site.server.issuer()));
    assert_eq!((&sign_in["renewable"], &sign_in["refused"]), (&json!(true), &Value::Null));
    assert!(sign_in["expires_at"].is_string() && sign_in["since"].is_string(), "{sign_in}");
    assert!(site.env.cmd(&["status"]).success().stdout().contains("renews itself"));
    let gone = site.env.cmd(&["disconnect", "c", "--yes"]).success();
    assert!(gone.stderr().contains("revoked at the server"), "{}", gone.stderr());
    assert_eq!(site.server.counts().revocations, 2);
    assert_eq!(site.env.grep_everything("canary-"), Vec::<std::path::PathBuf>::new());

    // A server that is away does not keep anybody.
    site.env.cmd(&["connect", &site.resource.url(), "--name", "c"]).success();
    site.server.http().refuse();
    let gone = site.env.cmd(&["disconnect", "c", "--yes"]).success();
    assert!(gone.stderr().contains("could not be told"), "{}", gone.stderr());
    assert_eq!(site.env.grep_everything("canary-"), Vec::<std::path::PathBuf>::new());
}
