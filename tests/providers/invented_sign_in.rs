//! Sign-ins that only a manifest tells: a client that everybody may use, scopes, a port, a region;
//! and a token endpoint that is asked by GET.

use crate::{
    rig::Rig,
    stand_in::{Said, Seen, Site},
    support::{
        authorization::{
            AuthMethod, AuthServer, Client, Mode, Quirks, Redirect, Resource, ResourceQuirks,
            TestBrowser,
        },
        script::{Script, Tool},
    },
};
use serde_json::json;
use std::net::TcpListener;

const MCP: &str = r#"
id = "barn"
name = "Barn"
kind = "mcp"
category = "tasks"
about = "Where the sheep sleep."
warnings = ["The barn is shut at night."]

[[params]]
name = "region"
title = "Region"
default = "north"
choices = ["north", "south"]

[[params]]
name = "flock"
title = "Flock"
optional = true

[[auth]]
id = "oauth"
title = "Sign in"
kind = "oauth"

[auth.oauth]
client_id = "barn-public"
scopes = ["sheep:read", "sheep:count"]
authorize_params = { prompt = "consent" }
callback_host = "localhost"
callback_port = $PORT

[mcp]
url = "https://${param:region}.barn.example/${param:region}/mcp"
headers = { X-Barn-Region = "${param:region}", X-Barn-Flock = "${param:flock}" }
"#;

/// Adds a manifest of the user's own.
fn add(rig: &Rig, text: &str) {
    let file = rig.env.scratch().join("own.toml");
    std::fs::write(&file, text).unwrap();
    let _ = rig.run(&["catalog", "add", "--force", file.to_str().unwrap()], "").success();
}

/// What `connect` opened in the browser.
fn asked(tab: &crate::support::authorization::Tab) -> Vec<String> {
    ["response_type", "redirect_uri", "scope", "code_challenge", "code_challenge_method"]
        .into_iter()
        .filter(|name| tab.param(name).is_some())
        .map(str::to_owned)
        .collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_manifest_says_all_of_an_mcp_servers_sign_in() {
    let port = free_port();
    let quirks = Quirks { dcr: false, redirect: Redirect::LocalhostOnly, ..Quirks::default() };
    let server = AuthServer::start(quirks);
    let made = server.add_client(AuthMethod::None, &[&format!("http://localhost:{port}/callback")]);
    server.put_client(Client { id: "barn-public".to_owned(), ..made });
    let script = Script { path: "/south/mcp".to_owned(), ..Script::legacy() };
    let script = script.tools([Tool::echo("count")]);
    let barn = Resource::start_with(&server, script, ResourceQuirks::default());
    let mut rig = Rig::new("barn");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    add(&rig, &MCP.replace("$PORT", &port.to_string()));
    let origin = barn.origin();
    let output =
        rig.connect(&["barn", "--base-url", &origin, "--param", "region=east"], "").code(2);
    assert!(output.stderr().contains("south"), "{}", output.stderr());
    let args = ["barn", "--base-url", &origin, "--param", "region=south"];
    let output = rig.connect(&args, "").success();
    assert!(output.stderr().contains("warning: Barn: The barn is shut at night."));
    let tab = browser.wait_tabs(1).remove(0);
    assert_eq!(tab.last().status, 200, "{:?}", tab.last());
    assert_eq!(tab.param("client_id").as_deref(), Some("barn-public"));
    assert_eq!(tab.param("redirect_uri"), Some(format!("http://localhost:{port}/callback")));
    assert_eq!(tab.param("prompt").as_deref(), Some("consent"));
    let scope = tab.param("scope").unwrap();
    assert!(scope.contains("sheep:read") && scope.contains("sheep:count"), "{scope}");
    assert_eq!(server.counts().registrations, 0);
    rig.works(&[], "count");
    let calls = barn.requests_of("tools/call");
    assert!(calls.iter().all(|call| call.target == "/south/mcp"), "{calls:?}");
    assert!(calls.iter().all(|call| call.header("x-barn-region") == Some("south")), "{calls:?}");
    assert!(calls.iter().all(|call| call.header("x-barn-flock").is_none()), "{calls:?}");
    rig.nothing_leaked(&["canary-code-"], &["canary-at-", "canary-rt-"]);
}

const SECRET: &str = "fold-secret-canary";
const CODE: &str = "fold-code-canary";
const ACCESS: &str = "fold-access-canary-";
const REFRESH: &str = "fold-refresh-canary-";

const API: &str = r#"
id = "fold"
name = "Fold"
kind = "http"
category = "tasks"
about = "Pens for sheep."

[[auth]]
id = "oauth"
title = "Sign in"
kind = "oauth"

[auth.oauth]
authorize_url = "https://login.fold.example/oauth/authorize"
token_url = "https://login.fold.example/oauth/token"
token_body = "query"
token_params = { v = "2" }
callback_port = $PORT

[auth.oauth.own_client]
help = "make one with ${redirect_uri}"
secret = true

[http]
base_url = "https://api.fold.example"
check = { method = "GET", path = "/me" }

[[tools]]
name = "me"
description = "Who it is."
method = "GET"
path = "/me"
"#;

/// As Bitrix24 documents its token endpoint: GET, everything in the query, a refresh token that
/// changes each time.
fn fold(port: u16) -> Site {
    let back = format!("http://127.0.0.1:{port}/callback");
    let count = std::sync::atomic::AtomicU32::new(0);
    Site::serve(move |seen: &Seen| {
        let n = || count.load(std::sync::atomic::Ordering::SeqCst);
        let bad = || Said::json(400, &json!({ "error": "invalid_grant" }));
        match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", "/oauth/authorize") => {
                let state = seen.asked("state").unwrap_or_default();
                Said::new(302, "text/plain", "")
                    .with("location", &format!("{back}?code={CODE}&state={state}"))
            }
            ("GET", "/oauth/token") => {
                let right = seen.asked("client_id") == Some("shepherd")
                    && seen.asked("client_secret") == Some(SECRET)
                    && seen.asked("v") == Some("2")
                    && seen.body.is_empty();
                let grant = match seen.asked("grant_type") {
                    Some("authorization_code") => seen.asked("code") == Some(CODE),
                    Some("refresh_token") => {
                        seen.asked("refresh_token") == Some(&format!("{REFRESH}{}", n()))
                    }
                    _ => false,
                };
                if !right || !grant {
                    return bad();
                }
                let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                Said::json(
                    200,
                    &json!({
                        "access_token": format!("{ACCESS}{n}"), "refresh_token": format!("{REFRESH}{n}"),
                        "expires_in": 3600, "token_type": "bearer",
                    }),
                )
            }
            ("GET", "/me")
                if [seen.bearer(), seen.asked("auth")]
                    .contains(&Some(&format!("{ACCESS}{}", n()))) =>
            {
                Said::json(200, &json!({ "id": 7 }))
            }
            ("GET", "/me") => Said::json(401, &json!({ "error": "expired_token" })),
            _ => Said::json(404, &json!({ "error": "nothing here" })),
        }
    })
}

#[test]
fn a_token_endpoint_can_be_asked_by_get() {
    let port = free_port();
    let site = fold(port);
    let mut rig = Rig::new("fold");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    add(&rig, &API.replace("$PORT", &port.to_string()));
    let origin = site.origin();
    let args = ["fold", "--base-url", &origin, "--client-id", "shepherd", "--client-secret-stdin"];
    let output = rig.connect(&args, "fold-wrong-canary").code(4);
    assert!(!output.mentions("canary"), "{output:?}");
    let _ = rig.connect(&args, SECRET).success();
    assert_eq!(rig.good("me", &json!({}))["item"]["id"], 7);
    // One that has ended is renewed, and the new refresh token is the one that counts.
    for _ in 0..2 {
        site.then(Said::json(401, &json!({ "error": "expired_token" })));
        assert_eq!(rig.good("me", &json!({}))["item"]["id"], 7);
    }
    let asked = site.seen().into_iter().filter(|it| it.path == "/oauth/token");
    let grants: Vec<String> =
        asked.filter_map(|it| it.asked("grant_type").map(str::to_owned)).collect();
    assert_eq!(
        grants[grants.len() - 3..],
        ["authorization_code", "refresh_token", "refresh_token"]
    );
    rig.nothing_leaked(&[CODE, "fold-wrong-canary"], &[SECRET, ACCESS, REFRESH]);
}

/// Vendors whose page names `client_id` and state alone, and whose API takes the token in the query
/// (Kommo, Bitrix24).
#[test]
fn an_authorize_url_can_be_bare_and_the_token_stand_in_the_query() {
    let port = free_port();
    let site = fold(port);
    let mut rig = Rig::new("fold");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    let bare = "authorize_omit = [\"response_type\", \"redirect_uri\", \"scope\"]\n\
                pkce = \"unsupported\"\nscopes = [\"sheep\"]\ntoken_body";
    let text = API.replace("$PORT", &port.to_string()).replace("token_body", bare);
    let text = text
        .replace("kind = \"oauth\"", "kind = \"oauth\"\nquery = { auth = \"${secret:token}\" }");
    add(&rig, &text);
    let origin = site.origin();
    let args = ["fold", "--base-url", &origin, "--client-id", "shepherd", "--client-secret-stdin"];
    let _ = rig.connect(&args, SECRET).success();
    assert_eq!(asked(&browser.wait_tabs(1)[0]), Vec::<String>::new());
    assert_eq!(rig.good("me", &json!({}))["item"]["id"], 7);
    site.then(Said::json(401, &json!({ "error": "expired_token" })));
    assert_eq!(rig.good("me", &json!({}))["item"]["id"], 7);
    let seen = site.seen();
    let mut me = seen.iter().filter(|it| it.path == "/me");
    assert!(me.all(|it| it.bearer().is_none() && it.asked("auth").is_some()), "{seen:?}");
    let traded = seen.iter().find(|it| it.asked("grant_type") == Some("authorization_code"));
    assert_eq!(traded.and_then(|it| it.asked("code_verifier")), None);
    rig.nothing_leaked(&[CODE], &[SECRET, ACCESS, REFRESH]);
}

#[test]
fn a_manifest_says_where_a_client_is_registered() {
    let server = AuthServer::start(Quirks { dcr_untold: true, ..Quirks::default() });
    let barn = Resource::start_with(
        &server,
        Script { path: "/south/mcp".to_owned(), ..Script::legacy() }.tools([Tool::echo("count")]),
        ResourceQuirks::default(),
    );
    let mut rig = Rig::new("barn");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    let told = format!("registration_url = \"{}/register\"", server.issuer());
    let text = MCP.replace("client_id = \"barn-public\"", "").replace("callback_port = $PORT", "");
    // Not by --base-url, which is in front of every address of a provider, this one too.
    let text = text.replace("https://${param:region}.barn.example", &barn.origin());
    let args = ["barn", "--param", "region=south"];
    add(&rig, &text);
    let output = rig.connect(&args, "").code(2);
    assert!(output.stderr().contains("takes no registrations"), "{}", output.stderr());
    add(&rig, &text.replace("callback_host", &format!("{told}\ncallback_host")));
    let _ = rig.connect(&args, "").success();
    assert_eq!(server.counts().registrations, 1);
    rig.works(&[], "count");
}

#[test]
fn a_manifest_may_want_pkce_of_a_server_by_its_own_word() {
    let server = AuthServer::start(Quirks { pkce_advertised: false, ..Quirks::default() });
    let script = Script { path: "/north/mcp".to_owned(), ..Script::legacy() };
    let barn = Resource::start_with(&server, script, ResourceQuirks::default());
    let mut rig = Rig::new("barn");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    let text = MCP.replace("client_id = \"barn-public\"", "pkce = \"required\"");
    add(&rig, &text.replace("callback_port = $PORT", ""));
    let output = rig.connect(&["barn", "--base-url", &barn.origin()], "").code(4);
    assert!(output.stderr().contains("does not say that it takes PKCE"), "{}", output.stderr());
    assert!(browser.tabs().is_empty());
    server.set(|quirks| quirks.pkce_advertised = true);
    let _ = rig.connect(&["barn", "--base-url", &barn.origin()], "").success();
    assert!(asked(&browser.wait_tabs(1)[0]).contains(&"code_challenge".to_owned()));
}

#[test]
fn a_client_that_everybody_shares_may_have_a_secret_that_everybody_has() {
    let port = free_port();
    let site = fold(port);
    let mut rig = Rig::new("fold");
    let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
    rig.env.var("BROWSER", browser.command());
    let (own, rest) = API.split_once("[auth.oauth.own_client]").unwrap();
    let rest = &rest[rest.find("[http]").unwrap()..];
    let shared = format!("client_id = \"shepherd\"\nclient_secret = \"{SECRET}\"\n\n");
    add(&rig, &format!("{own}{shared}{rest}").replace("$PORT", &port.to_string()));
    let _ = rig.connect(&["fold", "--base-url", &site.origin()], "").success();
    site.then(Said::json(401, &json!({ "error": "expired_token" })));
    assert_eq!(rig.good("me", &json!({}))["item"]["id"], 7);
    assert!(!rig.env.read_config().contains(SECRET), "{}", rig.env.read_config());
}
