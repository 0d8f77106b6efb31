//! Everything that is secret in a sign-in begins with the same word, and stands in the store and
//! nowhere else.

use crate::{
    site::{Hand, Site, query},
    support::{
        authorization::{AuthMethod, Mode, Quirks, ResourceQuirks, TokenFail},
        client::Serve,
        env::{Cmd, Output},
    },
};
use serde_json::json;

const SIGN: &str = "canary-";

/// Runs a command with all logs on; nothing it says or was started with has a secret in it.
#[track_caller]
fn watched(what: &str, command: Cmd) -> Output {
    let running = command.var("ALLMCP_LOG", "trace").start();
    let line = std::fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&line).contains(SIGN), "arguments of {what}");
    let output = running.finish();
    assert!(!output.mentions(SIGN), "{what}: {output:?}");
    output
}

/// The store has secrets in it, and no other file.
#[track_caller]
fn only_in_the_store(site: &Site) {
    let store = site.env.allmcp_home().join("data/secrets.json");
    assert_eq!(site.env.grep_everything(SIGN), [store]);
}

#[test]
fn no_secret_of_a_sign_in_leaves_the_store() {
    let tool_scopes = [("second".to_owned(), "more".to_owned())].into();
    let resource = ResourceQuirks { tool_scopes, ..ResourceQuirks::default() };
    let quirks = Quirks {
        dcr_force_auth: Some(AuthMethod::Post),
        dcr_managed: true,
        lifetime: 3600,
        ..Quirks::default()
    };
    let site = Site::with(quirks, resource);
    let echo = ["call", &site.name, "echo", "-vv"];
    let run = |args: &[&str]| watched(&args.join(" "), site.env.command(args));
    let fails = |fail: TokenFail| site.server.set(|quirks| quirks.token_fail.push_back(fail));
    fails(TokenFail::Html500);
    watched("connect", site.command(&["-vv"])).success();
    let stored = site.oauth().to_string();
    for word in ["canary-at-", "canary-rt-", "canary-cs-", "canary-rat-"] {
        assert!(stored.contains(word), "no {word} in the store");
    }
    only_in_the_store(&site);
    run(&echo).success();
    site.server.reject_access_tokens();
    run(&echo).success();
    run(&["call", &site.name, "second", "-vv"]).code(4);
    let _ = run(&["status", "--live", "-vv"]);
    run(&["list", "--json", "-vv"]).success();
    run(&["inspect", &site.name, "--json", "-vv"]).success();
    run(&["reconnect", &site.name, "-vv"]).success();
    run(&["call", &site.name, "second", "-vv"]).success();
    for mode in [Mode::Deny, Mode::WrongIss, Mode::MarkupError] {
        site.browser.mode(mode);
        run(&["reconnect", &site.name, "-vv", "--json"]).code(4);
    }
    site.browser.mode(Mode::Twice);
    run(&["reconnect", &site.name, "-vv"]).success();
    site.tabs();
    only_in_the_store(&site);

    // A server that says in its errors what it was sent.
    let sent = site.oauth()["grant"]["refresh_token"].as_str().unwrap().to_owned();
    let body = json!({"error": sent, "error_description": sent}).to_string();
    fails(TokenFail::Raw(400, "application/json", body));
    site.server.reject_access_tokens();
    let _ = run(&echo);
    site.server.revoke_grants();
    run(&echo).code(4);
    only_in_the_store(&site);

    site.browser.mode(Mode::Consent);
    run(&["reconnect", &site.name, "-vv"]).success();
    let mut serve = Serve::spawn(site.env.command(&["serve", "-vv"]).var("ALLMCP_LOG", "trace"));
    serve.initialize("2025-11-25");
    let answer = serve.call(&site.tool("echo"), json!({}));
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    site.server.reject_access_tokens();
    serve.call(&site.tool("echo"), json!({}));
    assert!(!serve.story().contains(SIGN), "{}", serve.story());
    assert_eq!(serve.finish(), 0);
    only_in_the_store(&site);
}

#[test]
fn what_is_pasted_is_not_repeated() {
    let site = Site::new();
    let mut live = site.command(&["--no-browser", "-vv"]).var("ALLMCP_LOG", "trace").live();
    let event = live.event("authorization_required");
    let back = Hand::new().consent(event["url"].as_str().unwrap());
    let code = query(back.as_str())["code"].clone();
    assert!(code.starts_with("canary-code-"));
    // A code without the rest, and a state that is not ours, are rubbish here.
    live.type_line(&code);
    live.hears("paste the whole address", 1);
    live.type_line(back.as_str().replace("state=", "state=x").as_str());
    live.hears("paste the whole address", 2);
    live.type_line(back.as_str());
    let output = live.finish();
    assert!(!output.mentions(SIGN), "{output:?}");
    output.success();
    only_in_the_store(&site);
}

#[test]
fn the_verifier_and_the_state_are_nowhere_afterwards() {
    let site = Site::new();
    let output = watched("connect", site.command(&["-vv"]));
    let exchange = site.server.token_requests_of("authorization_code").remove(0);
    let verifier = exchange.params.get("code_verifier").unwrap().to_owned();
    assert!(!output.mentions(&verifier), "{output:?}");
    assert!(site.env.grep_everything(&verifier).is_empty());
    let state = site.tabs()[0].param("state").unwrap();
    assert!(!output.stderr().contains(&format!("{state} ")), "{output:?}");
    let mut found = site.env.grep_everything(&state);
    // Where the browser of the test notes what it was opened with.
    found.retain(|file| file.starts_with(site.env.home()));
    assert!(found.is_empty(), "{found:?}");
    output.success();
}
