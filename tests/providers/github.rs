//! GitHub: a personal access token, or an app of the user's own, because it registers no clients.
//!
//! As github/github-mcp-server@64a49f34 says (docs/remote-server.md, docs/host-integration.md):
//! an issuer with a path, no registration, a client with a secret, tokens without an end.

use crate::{
    rig::Rig,
    support::{
        authorization::{AuthMethod, ExpiresIn, Mode, Quirks, Redirect, ReplyForm, ResourceQuirks},
        env::Output,
    },
    vendor::{KEY, Vendor, WRONG, explains_a_wrong_key, keyed, script, warns, with_key},
};
use serde_json::json;

const TOOLS: [&str; 3] = ["get_me", "search_code", "create_issue"];
const TRAPS: [&str; 3] = [
    "An organization may block OAuth apps and tokens until an owner approves them: calls then answer 403 for its repositories alone.",
    "GitHub registers no clients by itself: the sign-in in the browser needs an OAuth or GitHub App of your own; a personal access token needs nothing.",
    "The default set of tools is large; `--param toolsets=repos,issues` narrows it.",
];

#[test]
fn a_token_and_what_it_is_narrowed_to() {
    let server = keyed(script("/mcp/", &TOOLS));
    let rig = Rig::new("github");
    let origin = server.origin();
    explains_a_wrong_key(&rig, &origin, "https://github.com/settings/personal-access-tokens/new");
    let params = ["toolsets=repos,issues", "tools=get_me", "readonly=true", "lockdown=true"];
    let more: Vec<&str> = params.iter().flat_map(|param| ["--param", param]).collect();
    let output = with_key(&rig, &origin, &more, KEY).success();
    warns(&rig, "GitHub", &output, &TRAPS);
    assert_eq!(rig.tools(), TOOLS);
    rig.works(&[], "get_me");
    let calls = server.requests_of("tools/call");
    for (name, value) in [
        ("authorization", format!("Bearer {KEY}").as_str()),
        ("x-mcp-toolsets", "repos,issues"),
        ("x-mcp-tools", "get_me"),
        ("x-mcp-readonly", "true"),
        ("x-mcp-lockdown", "true"),
    ] {
        assert!(calls.iter().all(|call| call.header(name) == Some(value)), "{name}: {calls:?}");
    }
    assert!(calls.iter().all(|call| call.target == "/mcp/"), "{calls:?}");
    rig.nothing_leaked(&[WRONG], &[KEY]);
    // Nothing of it is sent where nothing was said.
    let rig = Rig::new("github");
    let _ = with_key(&rig, &origin, &[], KEY).success();
    let last = server.requests_of("tools/list").pop().unwrap();
    let sent: Vec<_> =
        last.headers.keys().filter(|key| key.as_str().starts_with("x-mcp")).collect();
    assert!(sent.is_empty(), "{sent:?}");
    for (param, part) in [("readonly=yes", "true"), ("toolset=x", "did you mean \"toolsets\"?")] {
        let output = with_key(&rig, &origin, &["--name", "other", "--param", param], KEY).code(2);
        assert!(output.stderr().contains(part), "{}", output.stderr());
    }
}

fn vendor() -> Vendor {
    let quirks = Quirks {
        issuer_path: "/login/oauth".to_owned(),
        dcr: false,
        reply: ReplyForm::FormUnlessAsked,
        refresh_tokens: false,
        expires_in: ExpiresIn::Missing,
        redirect: Redirect::AnyLoopbackPort,
        ..Quirks::default()
    };
    Vendor::new("github", script("/mcp/", &TOOLS), quirks, ResourceQuirks::default())
}

/// With an app that somebody has registered for any port of this machine.
fn with_app(vendor: &Vendor, secret: Option<&str>) -> (Output, String) {
    let app = vendor.server.add_client(AuthMethod::Post, &["http://127.0.0.1/callback"]);
    let more = ["--auth", "oauth", "--client-id", &app.id, "--client-secret-stdin"];
    let own = app.secret.clone().unwrap();
    (vendor.connect(&more, secret.unwrap_or(&own)), own)
}

#[test]
fn an_app_of_ones_own_signs_in() {
    let vendor = vendor();
    let (output, secret) = with_app(&vendor, None);
    warns(&vendor.rig, "GitHub", &output.success(), &TRAPS);
    let tab = vendor.browser.wait_tabs(1).remove(0);
    assert_eq!(tab.last().status, 200);
    assert_eq!(tab.param("code_challenge_method").as_deref(), Some("S256"));
    assert!(tab.url().starts_with(&vendor.server.endpoint("authorize")), "{}", tab.url());
    assert!(tab.url().contains("/login/oauth/authorize?"), "{}", tab.url());
    assert_eq!(vendor.server.counts().registrations, 0);
    vendor.rig.works(&[], "search_code");
    vendor.called_at("/mcp/");
    vendor.rig.nothing_leaked(&["canary-code-"], &["canary-at-", &secret]);
    // Its tokens cannot be renewed: one that was taken back needs another sign-in, which works.
    vendor.server.reject_access_tokens();
    let error = vendor.rig.call("get_me", &json!({})).code(4).json_error();
    assert_eq!(error["hint"], "allmcp reconnect github");
    let _ = vendor.rig.run(&["reconnect", "github"], "").success();
    vendor.rig.works(&[], "get_me");
    vendor.ends();
}

#[test]
fn without_an_app_it_is_said_how_one_is_made() {
    let vendor = vendor();
    let output = vendor.connect(&["--auth", "oauth"], "").code(2);
    for part in [
        "--client-id ID --client-secret-stdin",
        "register an OAuth App with the callback URL http://127.0.0.1/callback,",
        "https://github.com/settings/applications/new",
    ] {
        assert!(output.stderr().contains(part), "{part} is not in {}", output.stderr());
    }
    let port = ["--auth", "oauth", "--callback-port", "8976"];
    let output = vendor.connect(&port, "").code(2);
    assert!(output.stderr().contains("http://127.0.0.1:8976/callback"), "{}", output.stderr());
    assert!(vendor.resource.requests().is_empty(), "{:?}", vendor.resource.requests());
    assert!(vendor.browser.tabs().is_empty());
}

#[test]
fn a_wrong_secret_and_a_no_connect_nothing() {
    let vendor = vendor();
    let (output, _) = with_app(&vendor, Some(WRONG));
    let output = output.code(4);
    assert!(!output.mentions(WRONG), "{output:?}");
    assert!(!vendor.rig.env.read_config().contains("[connections"));
    vendor.browser.mode(Mode::Deny);
    let (output, _) = with_app(&vendor, None);
    let output = output.code(4);
    assert!(output.stderr().contains("declined"), "{}", output.stderr());
    assert!(!vendor.rig.env.read_config().contains("[connections"));
}
