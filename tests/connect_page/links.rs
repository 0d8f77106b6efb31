//! Servers by their URL, links that have ended, and what the tool says without a page.

use crate::{
    home::{Home, connected, status_until, usable},
    support::{
        authorization::{AuthServer, Quirks, Resource},
        script::{Auth, Script, Tool},
        upstream::Upstream,
    },
};
use serde_json::json;

#[test]
fn an_expired_link_says_so() {
    let home = Home::new();
    home.env.config("[settings]\nlink_life = \"1ms\"\n");
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "kommo" }));
    let page = home.window.open(&link);
    assert_eq!(page.status, 410);
    page.says("This link has expired").says_not("<form");
    let stranger = home.window.open(&format!("{}x", link));
    assert_eq!(stranger.status, 404);
    stranger.says("There is nothing here");
    home.end(serve, &[], &[]);
}

#[test]
fn an_open_server_needs_no_page() {
    let up = Upstream::start(Script::legacy().tool(Tool::echo("one")));
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let before = serve.tool_names();
    let url = up.url();
    let answer = serve.call("connect_provider", json!({ "provider": url, "name": "open" }));
    assert_eq!(
        (&connected(&answer)["name"], &connected(&answer)["tools"]),
        (&json!("open"), &json!(2))
    );
    serve.wait_for_method("notifications/tools/list_changed");
    let names = serve.tool_names();
    assert!(names.iter().any(|name| name == "open__one"), "{names:?}, before {before:?}");
    usable(&mut serve, "open__one");
    let taken = json!({ "provider": "kommo", "name": "open" });
    let answer = serve.call("connect_provider", taken);
    assert!(answer.to_string().contains("the name open is taken"), "{answer}");
    home.end(serve, &[], &[]);
}

#[test]
fn a_server_that_wants_a_key_gets_it_in_the_header_that_is_named() {
    let auth = Auth::header("x-api-key", "url-key-canary").bare();
    let up = Upstream::start(Script::legacy().tool(Tool::echo("one")).auth(auth));
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": up.url(), "name": "keyed" }));
    let page = home.window.open(&link);
    page.says("wants a key").says("X-API-Key");
    let page = home.window.send(&page, &[("do", "send"), ("key", "url-key-canary")]);
    page.says("did not accept the key").says("role=\"alert\"");
    let fields = [("do", "send"), ("key", "url-key-canary"), ("header", "X-API-Key")];
    home.window.send(&page, &fields).says("keyed is connected");
    usable(&mut serve, "keyed__one");
    home.end(serve, &[], &["url-key-canary"]);
}

#[test]
fn where_nothing_has_to_be_typed_the_link_leads_on_to_the_consent() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    resource.set_tools([Tool::echo("one")]);
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let wanted = json!({ "provider": resource.url(), "name": "signed" });
    let link = home.link(&mut serve, wanted.clone());
    let there = home.window.look(&link);
    assert_eq!(there.status, 302, "{there:?}");
    let url = there.location.unwrap();
    assert!(url.contains("code_challenge="), "{url}");
    let mut page = home.window.look(&url);
    while let Some(next) = page.location.clone() {
        page = home.window.look(&next);
    }
    page.says("signed is connected");
    // The consent is stored; the tools are being fetched.
    status_until(&mut serve, "signed", "connected");
    usable(&mut serve, "signed__one");
    assert_eq!(connected(&serve.call("connect_provider", wanted))["name"], "signed");
    assert_eq!(home.window.open(&link).status, 410);
    home.end(serve, &[], &[]);
}

#[test]
fn what_cannot_be_meant_is_told_to_the_model() {
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    for (arguments, told) in [
        (json!({ "provider": "komo" }), "did you mean kommo"),
        (json!({ "provider": "zzzzzz" }), "list_providers"),
        (
            json!({ "provider": "kommo", "params": { "subdomian": "x" } }),
            "did you mean \\\"subdomain\\\"?",
        ),
        (json!({ "provider": "kommo", "name": "Not A Name" }), "name"),
        (json!({ "provider": "http://plain.example/mcp" }), "plain.example"),
        (json!({ "provider": "https://127.0.0.1:1/mcp" }), "127.0.0.1"),
        (json!({ "providr": "kommo" }), "`providr`"),
    ] {
        let answer = serve.call("connect_provider", arguments.clone());
        assert_eq!(answer["result"]["isError"], true, "{arguments}: {answer}");
        let text = answer["result"]["content"][0]["text"].to_string();
        assert!(text.contains(&told), "{told} is not in {text}");
    }
    home.end(serve, &[], &[]);
}
