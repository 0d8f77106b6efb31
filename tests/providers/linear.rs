//! Linear: signed in, with a personal key, and the address at which nothing can be changed.
//!
//! As linear.app/docs/mcp says; a refresh token that was used works a while longer.

use crate::{
    rig::Rig,
    support::{
        authorization::{Mode, Rotation},
        client::Serve,
    },
    vendor::{KEY, Vendor, WRONG, explains_a_wrong_key, keyed, script, warns, with_key},
};
use serde_json::json;
use std::time::Duration;

const TOOLS: [&str; 2] = ["list_issues", "create_issue"];
const TRAPS: [&str; 2] = [
    "An API key acts as one person for everybody who uses it; the browser sign-in acts as yourself.",
    "https://mcp.linear.app/sse is the old address: this one is /mcp. `allmcp connect linear-readonly` has only tools that change nothing.",
];
const PAGE: &str = "https://linear.app/settings/account/security";
const GRACE: Rotation = Rotation::Grace(Duration::from_mins(30));

#[test]
fn a_sign_in_registers_once_and_is_renewed_once() {
    let vendor = Vendor::on_one_origin("linear", script("/mcp", &TOOLS), GRACE);
    let output = vendor.connect(&["--scope", "read"], "").success();
    warns(&vendor.rig, "Linear", &output, &TRAPS);
    let tab = vendor.browser.wait_tabs(1).remove(0);
    assert_eq!(tab.last().status, 200);
    assert!(tab.param("scope").unwrap().split(' ').any(|scope| scope == "read"));
    assert!(tab.url().starts_with(&format!("{}/authorize?", vendor.resource.origin())));
    assert_eq!(vendor.rig.tools(), TOOLS);
    vendor.rig.works(&[], "list_issues");
    vendor.server.reject_access_tokens();
    let call = ["call", "linear__list_issues", "-vv"];
    let all: Vec<_> = (0..4).map(|_| vendor.rig.env.command(&call).start()).collect();
    for one in all {
        let _ = one.finish().success();
    }
    let counts = vendor.server.counts();
    assert_eq!((counts.registrations, counts.refreshes_ok), (1, 1), "{counts:?}");
    vendor.called_at("/mcp");
    vendor.ends();
}

#[test]
fn a_personal_key_is_a_bearer_token() {
    let server = keyed(script("/mcp", &TOOLS));
    let rig = Rig::new("linear");
    explains_a_wrong_key(&rig, &server.origin(), PAGE);
    let output = with_key(&rig, &server.origin(), &[], KEY).success();
    warns(&rig, "Linear", &output, &TRAPS);
    assert!(rig.env.read_config().contains("way = \"token\""), "{}", rig.env.read_config());
    rig.works(&[], "create_issue");
    let calls = server.requests_of("tools/call");
    let bearer = format!("Bearer {KEY}");
    assert!(calls.iter().all(|call| call.header("authorization") == Some(&bearer)), "{calls:?}");
    rig.nothing_leaked(&[WRONG], &[KEY]);
    // Nobody to ask: where one gets it.
    let rig = Rig::new("linear");
    let output = rig.connect(&["linear", "--auth", "key", "--base-url", &server.origin()], "");
    let output = output.code(2);
    for part in ["Personal API key is missing", "--token-stdin", PAGE] {
        assert!(output.stderr().contains(part), "{part} is not in {}", output.stderr());
    }
}

#[test]
fn read_only_is_an_address_of_its_own() {
    let server = keyed(script("/mcp/readonly", &TOOLS[..1]));
    let rig = Rig::new("linear-readonly");
    let _ = with_key(&rig, &server.origin(), &[], KEY).success();
    assert_eq!(rig.tools(), ["list_issues"]);
    rig.works(&[], "list_issues");
    let calls = server.requests_of("tools/call");
    assert!(calls.iter().all(|call| call.target == "/mcp/readonly"), "{calls:?}");
    let vendor = Vendor::on_one_origin("linear-readonly", script("/mcp/readonly", &TOOLS), GRACE);
    let _ = vendor.connect(&["--auth", "oauth"], "").success();
    vendor.rig.works(&[], "list_issues");
    vendor.called_at("/mcp/readonly");
    vendor.ends();
}

#[test]
fn who_says_no_connects_nothing_and_who_took_it_back_signs_in_again() {
    let vendor = Vendor::on_one_origin("linear", script("/mcp", &TOOLS), GRACE);
    vendor.browser.mode(Mode::Deny);
    let output = vendor.connect(&["--auth", "oauth"], "").code(4);
    assert!(output.stderr().contains("declined"), "{}", output.stderr());
    assert!(!vendor.rig.env.read_config().contains("[connections"));
    vendor.browser.mode(Mode::Consent);
    let _ = vendor.connect(&["--auth", "oauth"], "").success();
    vendor.server.revoke_grants();
    let error = vendor.rig.call("list_issues", &json!({})).code(4).json_error();
    assert_eq!(error["hint"], "allmcp reconnect linear");
    let mut serve = Serve::start(&vendor.rig.env, &["serve", "-vv"]);
    serve.initialize("2025-11-25");
    let answer = serve.call("linear__list_issues", json!({}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let _ = vendor.rig.run(&["reconnect", "linear"], "").success();
    let answer = serve.call("linear__list_issues", json!({ "a": 1 }));
    assert_eq!(answer["result"]["structuredContent"], json!({ "a": 1 }), "{answer}");
    vendor.rig.end(serve);
    vendor.ends();
}
