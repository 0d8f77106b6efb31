//! What must not be signed in to, and what cannot be kept: refused before a browser opens.

use crate::{
    site::Site,
    support::{
        authorization::{Issuer, Moved, PrmResource, Quirks, ResourceQuirks},
        cli::is_lock,
        script::Script,
        upstream::Upstream,
    },
};
use serde_json::json;

/// `connect` is refused with these words, and nothing was opened, sent or saved.
#[track_caller]
fn refused(what: &str, quirks: Quirks, resource: ResourceQuirks, words: &[&str]) -> Site {
    let site = Site::with(quirks, resource);
    let output = site.connect(&["--json"]).code(4);
    let error = output.json_error();
    let message = error["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{what}: no {word:?} in {error}");
    }
    assert_eq!((&error["kind"], &error["exit"]), (&json!("needs_auth"), &json!(4)), "{what}");
    assert_eq!(output.stdout(), "", "{what}: no URL is given out");
    assert!(!output.stderr().contains('\u{1b}'), "{what}");
    assert!(site.browser.tabs().is_empty(), "{what}: {:#?}", site.browser.tabs());
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.authorize_requests), (0, 0), "{what}: {counts:?}");
    site.env.nothing_saved();
    site
}

#[test]
fn a_server_that_is_not_who_it_says() {
    let foreign = || Issuer::Foreign("https://evil.example".to_owned());
    let quirks = Quirks { issuer: foreign(), ..Quirks::default() };
    refused("foreign issuer", quirks, ResourceQuirks::default(), &["https://evil.example"]);
    let prm_resource = PrmResource::Other("https://other.example/mcp".to_owned());
    let resource = ResourceQuirks { prm_resource, ..ResourceQuirks::default() };
    let words = ["https://other.example/mcp", "resource"];
    refused("foreign resource", Quirks::default(), resource, &words);
}

#[test]
fn a_page_that_is_none() {
    for (endpoint, words) in [
        ("file:///etc/passwd", "neither https nor http"),
        ("javascript:alert(1)", "neither https nor http"),
        ("vscode://install", "neither https nor http"),
        ("https://user:pass@evil.example/authorize", "user or password"),
        ("https://evil.example/a b", "is not a URL"),
        ("https://evil.example/\u{1b}[31m", "is not a URL"),
        ("http://evil.example/authorize", "not https"),
        ("-flag", ""),
    ] {
        let quirks =
            Quirks { authorization_endpoint: Some(endpoint.to_owned()), ..Quirks::default() };
        refused(endpoint, quirks, ResourceQuirks::default(), &[words]);
    }
}

#[test]
fn metadata_that_lead_to_the_inside() {
    for inside in ["http://169.254.169.254", "http://[::ffff:a9fe:a9fe]", "http://metadata.evil"] {
        let patch = json!({"authorization_servers": [inside]});
        let resource = ResourceQuirks { prm_patch: patch, ..ResourceQuirks::default() };
        refused(inside, Quirks::default(), resource, &[]);
        let patch = json!({
            "token_endpoint": format!("{inside}/token"),
            "registration_endpoint": format!("{inside}/register"),
        });
        let quirks = Quirks { meta_patch: patch, ..Quirks::default() };
        refused(inside, quirks, ResourceQuirks::default(), &[]);
    }
}

#[test]
fn metadata_that_were_moved_to_a_stranger() {
    let stranger = Upstream::start(Script::legacy());
    let far = || Some(Moved::Far(stranger.origin()));
    let quirks = Quirks { meta_redirect: far(), ..Quirks::default() };
    refused("of the server", quirks, ResourceQuirks::default(), &[]);
    assert!(stranger.requests().is_empty(), "{:#?}", stranger.requests());
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_kept_is_not_asked_for() {
    let mut site = Site::new();
    let nowhere = format!("unix:path={}/no-bus", site.env.scratch().display());
    site.env.without("ALLMCP_STORE").var("DBUS_SESSION_BUS_ADDRESS", nowhere);
    let output = site.connect(&["--json"]).code(7);
    let error = output.json_error();
    assert_eq!(error["kind"], "store", "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--store file"), "{error}");
    assert_eq!(output.stdout(), "");
    assert!(site.browser.tabs().is_empty());
    assert_eq!(site.server.counts().registrations, 0);
    site.env.nothing_saved();
    // The way out that it names.
    site.connect(&["--store", "file"]).success();
    site.call().success();
}

#[test]
fn a_store_that_takes_nothing_is_found_out_before_the_browser_opens() {
    let site = Site::new();
    // As on a full disk, or in a folder that was made read-only.
    site.env.block("data");
    let output = site.connect(&["--json"]).code(7);
    assert_eq!(output.json_error()["kind"], "store");
    assert!(site.browser.tabs().is_empty());
    assert_eq!(site.server.counts().registrations, 0);
}

#[test]
fn a_store_that_can_only_be_read_is_found_out_too() {
    let site = Site::new().signed_in();
    let before = site.oauth();
    // The client is known and the port is the same: nothing else would be written before the tab.
    let mut files = site.env.files().into_iter();
    let lock = files.find(|file| file.starts_with("data/") && is_lock(file)).unwrap();
    let lock = site.env.allmcp_home().join(lock);
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let error = site.env.cmd(&["reconnect", &site.name, "--json"]).code(7).json_error();
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
    assert_eq!(site.tabs().len(), 1);
    assert_eq!(site.oauth(), before);
    site.call().success();
}

#[test]
fn tokens_that_cannot_be_saved_are_told_with_what_to_do() {
    let site = Site::of(|quirks| quirks.token_latency = std::time::Duration::from_millis(500));
    let live = site.command(&["--json"]).live();
    // The disk fills up between the consent and the tokens.
    site.server.http().wait_for("the exchange", |all| {
        all.iter().any(|request| request.target.ends_with("/token"))
    });
    let data = site.env.allmcp_home().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::write(&data, "in the way").unwrap();
    let output = live.finish();
    let output = output.code(7);
    let error = output.json_error();
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
    let page = site.tabs()[0].last().clone();
    assert!(page.body.contains("That did not work"), "{}", page.body);
    assert!(!site.env.read_config().contains("[connections"), "{}", site.env.read_config());
    // With room again the same command does it.
    std::fs::remove_file(&data).unwrap();
    site.connect(&[]).success();
    site.call().success();
}

#[test]
fn a_sign_in_that_the_server_wants_none_of_is_told_as_that() {
    let resource = ResourceQuirks { rejects_all: true, ..ResourceQuirks::default() };
    let site = Site::with(Quirks::default(), resource);
    let error = site.connect(&["--json"]).code(4).json_error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("did not accept the new sign-in"), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(!hint.contains("--header") && !hint.contains("reconnect"), "{error}");
    assert_eq!(site.tabs().len(), 1, "nobody is asked twice for the same");
}
