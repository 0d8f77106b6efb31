//! Notion: the sign-in in the browser and nothing else.
//!
//! As developers.notion.com/guides/mcp says: registration and PKCE; a refresh token that comes a
//! second time ends everything.

use crate::{
    rig::Rig,
    support::authorization::Rotation,
    vendor::{KEY, Vendor, script, warns},
};
use serde_json::json;

const TOOLS: [&str; 3] = ["notion-search", "notion-fetch", "notion-create-pages"];
const TRAPS: [&str; 2] = [
    "The tokens of Notion integrations (secret_…, ntn_…) are not accepted by this server: it takes the browser sign-in alone.",
    "It sees what the signed-in person sees in the workspace chosen at sign-in; connect it again under another --name for another workspace.",
];

fn vendor() -> Vendor {
    Vendor::on_one_origin("notion", script("/mcp", &TOOLS), Rotation::Strict)
}

#[test]
fn a_sign_in_is_all_that_is_needed() {
    let vendor = vendor();
    let output = vendor.connect(&[], "").success();
    warns(&vendor.rig, "Notion", &output, &TRAPS);
    let tab = vendor.browser.wait_tabs(1).remove(0);
    assert_eq!(tab.param("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(tab.param("resource").as_deref(), Some(vendor.resource.url().as_str()));
    let document = vendor.rig.run(&["tools", "notion", "--json"], "").success().json();
    let names: Vec<_> =
        document["tools"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    let wanted = TOOLS.map(|tool| json!(format!("notion__{tool}")));
    assert_eq!(names, wanted.iter().collect::<Vec<_>>());
    vendor.rig.works(&[], "notion-search");
    for round in 1..4 {
        vendor.server.reject_access_tokens();
        vendor.rig.works(&[], "notion-fetch");
        assert_eq!(vendor.server.counts().refreshes_ok, round);
    }
    assert!(vendor.server.refresh_sent().values().all(|times| *times == 1));
    assert_eq!((vendor.server.counts().registrations, vendor.browser.tabs().len()), (1, 1));
    vendor.called_at("/mcp");
    vendor.ends();
}

#[test]
fn another_workspace_is_another_connection() {
    let vendor = vendor();
    let _ = vendor.connect(&[], "").success();
    let _ = vendor.connect(&["--name", "notion-work"], "").success();
    assert_eq!(vendor.browser.wait_tabs(2).len(), 2);
    for public in ["notion__notion-search", "notion-work__notion-search"] {
        let _ = vendor.rig.run(&["call", public, "a=1"], "").success();
    }
    let calls = vendor.resource.requests_of("tools/call");
    assert_ne!(calls[0].header("authorization"), calls[1].header("authorization"));
    let _ = vendor.rig.run(&["disconnect", "notion-work", "--yes"], "").success();
    let _ = vendor.rig.run(&["call", "notion__notion-search", "a=1"], "").success();
}

#[test]
fn a_token_of_an_integration_is_refused_before_it_is_sent() {
    let vendor = vendor();
    let output = vendor.connect(&["--token-stdin"], KEY).code(2);
    assert!(output.stderr().contains("\"token\"; it takes none"), "{}", output.stderr());
    let output = vendor.connect(&["--auth", "key", "--token-stdin"], KEY).code(2);
    assert!(output.stderr().contains("it has oauth"), "{}", output.stderr());
    assert!(vendor.resource.requests().is_empty(), "{:?}", vendor.resource.requests());
    assert!(vendor.browser.tabs().is_empty());
    vendor.rig.nothing_leaked(&[KEY], &[]);
    let shown = Rig::new("notion").run(&["catalog", "show", "notion"], "").success();
    assert!(!shown.stdout().contains("--auth"), "{}", shown.stdout());
}
