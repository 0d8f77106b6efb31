//! What comes after the first sign-in: again, more scope, a grant that was taken away; and an
//! exchange that stumbles.

use crate::{
    site::{Site, query},
    support::{
        authorization::{
            ForbidResource, Forgotten, Mode, Quirks, ReplyForm, ResourceQuirks, TokenFail,
        },
        client::Serve,
        talk::{eventually, told},
    },
};
use serde_json::{Value, json};

#[test]
fn again_it_is_the_same_client_on_the_same_port_and_nothing_else_changes() {
    let site = Site::new();
    site.connect(&["--tools", "echo", "--scope", "extra"]).success();
    let config = site.env.read_config();
    let tokens = |site: &Site| site.oauth()["grant"]["access_token"].clone();
    let (before, client) = (tokens(&site), site.oauth()["client"].clone());
    let events = site.reconnect().success().json_lines();
    assert_eq!(events[0]["schema"], "allmcp.reconnect/1");
    assert_eq!(events[1]["event"], "connected");
    let tabs = site.tabs();
    assert_eq!(tabs.len(), 2);
    for name in ["redirect_uri", "client_id", "scope", "resource"] {
        assert_eq!(tabs[0].param(name), tabs[1].param(name), "{name}");
    }
    for name in ["state", "code_challenge"] {
        assert_ne!(tabs[0].param(name), tabs[1].param(name), "{name}");
    }
    assert_eq!(site.server.counts().registrations, 1);
    assert_eq!(site.oauth()["client"], client);
    assert_ne!(tokens(&site), before);
    assert_eq!(site.env.read_config(), config);
    site.call().success();
}

#[test]
fn a_no_at_the_second_time_leaves_the_first_as_it_was() {
    let site = Site::new().signed_in();
    let before = site.oauth();
    site.browser.mode(Mode::Deny);
    site.reconnect().code(4);
    assert_eq!(site.oauth(), before);
    site.call().success();
    assert_eq!(site.tabs().len(), 2);
}

#[test]
fn a_grant_that_was_taken_away_is_told_and_mended_without_a_restart() {
    let site = Site::new().signed_in();
    let mut serve = Serve::start(&site.env, &["serve"]);
    serve.initialize("2025-11-25");
    let response = serve.call(&site.tool("echo"), json!({}));
    assert_ne!(response["result"]["isError"], true, "{response}");
    site.server.revoke_grants();
    let output = site.env.cmd(&["call", &site.name, "echo", "--json"]).code(4);
    let error = output.json_error();
    let all = format!("{} {}", error["message"], error["hint"]);
    assert!(all.contains(&format!("allmcp reconnect {}", site.name)), "{error}");
    let response = serve.call(&site.tool("echo"), json!({}));
    assert!(told(&response).contains(&format!("allmcp reconnect {}", site.name)), "{response}");
    // A call asks nobody.
    assert_eq!(site.tabs().len(), 1);
    site.reconnect().success();
    site.call().success();
    eventually("the server that runs goes on", || {
        serve.call(&site.tool("echo"), json!({}))["result"]["isError"] != true
    });
    assert_eq!(serve.finish(), 0);
    assert_eq!(site.tabs().len(), 2);
    assert_eq!(site.server.counts().registrations, 1);
}

#[test]
fn connect_does_what_reconnect_does_where_the_grant_is_dead() {
    let site = Site::new().signed_in();
    site.server.revoke_grants();
    site.call().code(4);
    let events = site.connect(&[]).success().json_lines();
    assert_eq!(events.last().unwrap()["already"], false, "{events:?}");
    assert_eq!(site.tabs().len(), 2);
    site.call().success();
}

#[test]
fn a_tool_that_wants_more_gets_the_union() {
    let tool_scopes = [("second".to_owned(), "files:write".to_owned())].into();
    let resource = ResourceQuirks {
        challenge_scope: Some("files:read".to_owned()),
        tool_scopes,
        ..ResourceQuirks::default()
    };
    let site = Site::with(Quirks::default(), resource);
    site.connect(&["--scope", "mine"]).success();
    site.call().success();
    let output = site.env.cmd(&["call", &site.name, "second", "--json"]).code(4);
    let error = output.json_error();
    let all = format!("{} {}", error["message"], error["hint"]);
    assert!(all.contains(&format!("allmcp reconnect {}", site.name)), "{error}");
    assert!(all.contains("files:write"), "the scope is named: {error}");
    assert_eq!(site.tabs().len(), 1, "a call opens no browser");
    // What works goes on to work meanwhile.
    site.call().success();
    site.reconnect().success();
    let scope = query(site.tabs()[1].url())["scope"].clone();
    let mut scopes: Vec<&str> = scope.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["files:read", "files:write", "mine"]);
    assert_eq!(site.tabs().len(), 2);
    site.env.cmd(&["call", &site.name, "second"]).success();
    // And it stays so: the next sign-in does not lose it again.
    site.reconnect().success();
    site.env.cmd(&["call", &site.name, "second"]).success();
}

#[test]
fn a_scope_that_is_not_granted_does_not_make_a_loop() {
    let tool_scopes = [("second".to_owned(), "admin".to_owned())].into();
    let resource = ResourceQuirks { tool_scopes, ..ResourceQuirks::default() };
    let quirks = Quirks { grant_only: Some(vec!["read".to_owned()]), ..Quirks::default() };
    let site = Site::with(quirks, resource).signed_in();
    for tabs in 2..4 {
        site.env.cmd(&["call", &site.name, "second"]).code(4);
        site.reconnect().success();
        assert_eq!(site.tabs().len(), tabs);
        site.call().success();
    }
}

/// The sign-in ends well, with so many tabs.
#[track_caller]
fn ends_well(what: &str, site: &Site, tabs: usize) {
    let output = site.connect(&[]);
    let seen = site.tabs();
    output.success();
    assert_eq!(seen.len(), tabs, "{what}: {seen:#?}");
    assert_eq!(site.server.counts().registrations, 1, "{what}");
    site.call().success();
}

#[test]
fn an_exchange_that_stumbles_ends_well() {
    let raw = |status, kind, body: &str| TokenFail::Raw(status, kind, body.to_owned());
    for (fail, tabs) in [
        (TokenFail::Html500, 1),
        (TokenFail::Cloudflare530, 1),
        (TokenFail::TooMany(Some(1)), 1),
        (TokenFail::TooMany(None), 1),
        (TokenFail::As(ReplyForm::Form), 1),
        (TokenFail::As(ReplyForm::NoTokenType), 1),
        (TokenFail::Cut, 2),
        (TokenFail::OkFalse("internal_error"), 2),
        (raw(503, "application/json", "{}"), 1),
    ] {
        let what = format!("{fail:?}");
        let site = Site::of(|quirks| quirks.token_fail.push_back(fail));
        let output = site.connect(&[]);
        let seen = site.tabs().len();
        assert!(seen <= tabs, "{what}: {seen} tabs, {output:?}");
        output.success();
        assert_eq!(site.server.counts().registrations, 1, "{what}");
        site.call().success();
    }
}

#[test]
fn a_code_that_was_lost_costs_one_more_tab() {
    let site = Site::of(|quirks| {
        quirks.token_fail.push_back(TokenFail::Error(400, "invalid_grant"));
    });
    ends_well("invalid_grant", &site, 2);
    let pages: Vec<u16> = site.tabs().iter().map(|tab| tab.last().status).collect();
    assert_eq!(pages, [400, 200]);
    // And not a third one.
    let site = Site::of(|quirks| {
        quirks.token_fail.extend((0..4).map(|_| TokenFail::Error(400, "invalid_grant")));
    });
    let error = site.connect(&["--json"]).code(4).json_error();
    assert!(error["message"].as_str().unwrap().contains("invalid_grant"), "{error}");
    assert_eq!(site.tabs().len(), 2);
    site.nothing_came_of_it();
}

#[test]
fn a_server_that_wants_no_resource_is_remembered() {
    use ForbidResource::{AtAuthorize, AtToken, Entra, EntraByText};
    for forbid in [AtAuthorize, AtToken, Entra, EntraByText] {
        let site = Site::of(|quirks| quirks.forbid_resource = Some(forbid));
        site.resource.set(|quirks| quirks.audience = false);
        let output = site.connect(&[]);
        let tabs = site.tabs();
        output.success();
        assert!(tabs.len() <= 2, "{forbid:?}: {tabs:#?}");
        site.call().success();
        let before = tabs.len();
        site.reconnect().success();
        let tabs = site.tabs();
        assert_eq!(tabs.len(), before + 1, "{forbid:?}: it was learned");
        assert_eq!(tabs.last().unwrap().param("resource"), None, "{forbid:?}");
        assert_eq!(site.server.counts().registrations, 1, "{forbid:?}");
    }
}

#[test]
fn a_client_that_was_forgotten_is_made_once_more() {
    // At the exchange: the code is lost with the client.
    let site = Site::of(|quirks| {
        quirks.token_fail.push_back(TokenFail::Error(401, "invalid_client"));
    });
    let output = site.connect(&[]);
    assert_eq!(site.tabs().len(), 2, "{output:?}");
    output.success();
    assert_eq!(site.server.counts().registrations, 2);
    site.call().success();

    // At a renewal: the next sign-in does not even try the old one.
    let site = Site::new().signed_in();
    site.server.set(|quirks| quirks.forgotten = Forgotten::default());
    site.server.forget_clients();
    site.server.reject_access_tokens();
    site.call().code(4);
    site.reconnect().success();
    assert_eq!(site.tabs().len(), 2, "the old client is not shown once more");
    assert_eq!(site.server.counts().registrations, 2);
    site.call().success();
    assert_eq!(site.facts()["client_forgotten"], Value::Null, "{}", site.facts());
}
