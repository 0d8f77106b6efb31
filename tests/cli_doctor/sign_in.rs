//! The whole chain of a sign-in, each link broken once.

use crate::{
    look::{all, fix, gone, run},
    site::Site,
    support::{env::TestEnv, fault::Fault},
};
use std::{fs, path::PathBuf};

/// What is known of the sign-in, on disk.
fn facts(site: &Site) -> PathBuf {
    site.env.allmcp_home().join(format!("state/grants/{}.json", site.name))
}

fn change(site: &Site, change: impl FnOnce(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&fs::read(facts(site)).unwrap()).unwrap();
    change(&mut value);
    fs::write(facts(site), value.to_string()).unwrap();
}

#[track_caller]
fn is_well(env: &TestEnv) {
    let found = all(env, "sign-in", "renews itself, 127.0.0.1 answers");
    assert!(found.len() == 1 && found[0]["status"] == "ok", "{found:?}");
}

#[test]
fn a_chain_is_followed_to_its_end_without_a_token() {
    let site = Site::new().signed_in();
    let before = site.server.token_requests_of("refresh_token").len();
    is_well(&site.env);
    assert_eq!(site.server.token_requests_of("refresh_token").len(), before);
    assert_eq!(site.tabs().len(), 1, "nobody is asked");
    // A report asks nobody at all.
    let asked = site.resource.requests().len();
    site.env.cmd(&["report", "--json"]).success();
    assert_eq!(site.resource.requests().len(), asked);
}

#[test]
fn a_sign_in_that_is_over_is_told_and_renewed() {
    let site = Site::new().signed_in();
    let reconnect = format!("allmcp reconnect {}", site.name);
    change(&site, |facts| {
        facts["renewable"] = false.into();
        facts["expires_at"] = "2020-01-01T00:00:00Z".into();
    });
    let told = fix(&site.env, "sign-in", "error", "ended at 2020-01-01T00:00:00Z");
    assert_eq!(told, reconnect);
    site.env.cmd(&["doctor"]).code(8);
    run(&site.env, &told, "");
    is_well(&site.env);

    change(&site, |facts| facts["signed_in_at"] = "2199-01-01T00:00:00Z".into());
    let told = fix(&site.env, "clock", "warning", "which is still to come");
    run(&site.env, &told, "");
    gone(&site.env, "clock", "still to come");

    change(&site, |facts| facts["unsaved"] = true.into());
    let told = fix(&site.env, "sign-in", "warning", "newer tokens than could be saved");
    assert!(told.ends_with(&reconnect), "{told}");
    run(&site.env, &reconnect, "");
    is_well(&site.env);

    // The server said no.
    site.server.revoke_grants();
    site.server.reject_access_tokens();
    site.call().code(4);
    let told = fix(&site.env, "connection", "error", "refused (invalid_grant)");
    assert_eq!(told, reconnect);
    run(&site.env, &told, "");
    is_well(&site.env);
}

#[test]
fn a_url_that_was_changed_needs_a_new_sign_in() {
    let site = Site::new().signed_in();
    let url = site.resource.url();
    let config = site.env.read_config();
    site.env.config(&config.replace(&url, &format!("{url}/other")));
    let told = fix(&site.env, "sign-in", "error", "its URL was changed");
    assert_eq!(told, format!("allmcp reconnect {}", site.name));
}

#[test]
fn a_port_for_the_answer_that_is_taken_is_told() {
    let site = Site::new().signed_in();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let key = format!("connections.{}.oauth.callback_port", site.name);
    site.env.cmd(&["config", "set", &key, &port.to_string()]).success();
    let told = fix(&site.env, "sign-in", "warning", &format!("port {port}"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_, command) = told.split_once(": ").unwrap();
    run(&site.env, &command.replace("PORT", &free.to_string()), "");
    gone(&site.env, "sign-in", "is taken");
    drop(taken);
}

#[test]
fn whoever_does_not_answer_on_the_way_is_named() {
    let site = Site::new().signed_in();
    let upstream = &site.resource;
    upstream.fault(Fault::status(500).on_path("/.well-known/oauth-protected-resource/mcp"));
    upstream.fault(Fault::status(500).on_path("/.well-known/oauth-protected-resource"));
    let told = fix(&site.env, "sign-in", "warning", "could not answer now");
    assert!(told.ends_with(&format!("allmcp status {} --live", site.name)), "{told}");
    upstream.clear_faults();
    is_well(&site.env);
}
