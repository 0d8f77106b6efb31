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
    let _ = rig.run(&["catalog", "add", file.to_str().unwrap()], "").success();
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
            ("GET", "/me") if seen.bearer() == Some(&format!("{ACCESS}{}", n())) => {
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
