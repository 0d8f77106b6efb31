//! Firecrawl: without a key, with one, signed in, and its server that only searches.
//!
//! As its README says (firecrawl/firecrawl-mcp-server@678c92a4): three tools without a key.

use crate::{
    rig::Rig,
    support::{
        authorization::{Quirks, ResourceQuirks},
        upstream::Upstream,
    },
    vendor::{KEY, Vendor, WRONG, explains_a_wrong_key, keyed, script, warns, with_key},
};
use serde_json::json;

const FEW: [&str; 3] = ["firecrawl_scrape", "firecrawl_search", "firecrawl_parse"];
const ALL: [&str; 5] =
    ["firecrawl_scrape", "firecrawl_search", "firecrawl_parse", "firecrawl_crawl", "firecrawl_map"];
const PAGE: &str = "https://www.firecrawl.dev/app/api-keys";

#[test]
fn without_a_key_there_are_three_tools() {
    let server = Upstream::start(script("/v2/mcp", &FEW));
    let rig = Rig::new("firecrawl");
    let output = rig.connect(&["firecrawl", "--base-url", &server.origin()], "").success();
    warns(
        &rig,
        "Firecrawl",
        &output,
        &[
            "Without a key there are three tools (scrape, search, parse), with a low rate limit; crawl, map and the rest need a key or the sign-in.",
            "`allmcp connect firecrawl-search` has a fixed set of tools that only search and read.",
            "Addresses with the key in their path (https://mcp.firecrawl.dev/KEY/v2/mcp) are the old form and end up in logs: give the key when it is asked for.",
        ],
    );
    assert_eq!(rig.tools(), FEW);
    assert!(rig.env.read_config().contains("way = \"none\""), "{}", rig.env.read_config());
    rig.works(&[], "firecrawl_scrape");
    let all = server.http_requests_of("POST");
    assert!(all.iter().all(|request| request.target == "/v2/mcp"), "{all:?}");
    assert!(all.iter().all(|request| request.header("authorization").is_none()), "{all:?}");
}

#[test]
fn with_a_key_there_are_all_and_it_is_a_bearer_token() {
    let server = keyed(script("/v2/mcp", &ALL));
    let rig = Rig::new("firecrawl");
    explains_a_wrong_key(&rig, &server.origin(), PAGE);
    let _ = with_key(&rig, &server.origin(), &[], KEY).success();
    assert!(rig.env.read_config().contains("way = \"key\""), "{}", rig.env.read_config());
    assert_eq!(rig.tools(), ALL);
    rig.works(&[], "firecrawl_crawl");
    let calls = server.requests_of("tools/call");
    let bearer = format!("Bearer {KEY}");
    assert!(calls.iter().all(|call| call.header("authorization") == Some(&bearer)), "{calls:?}");
    assert!(calls.iter().all(|call| call.target == "/v2/mcp"), "{calls:?}");
    rig.nothing_leaked(&[WRONG], &[KEY]);
    // A key that was deleted over there.
    server.change(|script| script.auth = Some(crate::support::script::Auth::bearer("another")));
    let error = rig.call("firecrawl_crawl", &json!({})).code(4).json_error();
    assert_eq!(error["hint"], "allmcp reconnect firecrawl");
    let output = rig.run(&["reconnect", "firecrawl", "--token-stdin"], WRONG).code(4);
    assert!(output.stderr().contains(PAGE), "{}", output.stderr());
    let _ = rig.run(&["reconnect", "firecrawl", "--token-stdin"], "another").success();
    rig.works(&[], "firecrawl_crawl");
}

#[test]
fn signed_in_it_is_another_address() {
    let vendor = Vendor::new(
        "firecrawl",
        script("/v2/mcp-oauth", &ALL),
        Quirks::default(),
        ResourceQuirks::default(),
    );
    let _ = vendor.connect(&["--auth", "oauth"], "").success();
    assert_eq!(vendor.browser.wait_tabs(1)[0].last().status, 200);
    assert_eq!(vendor.rig.tools(), ALL);
    vendor.rig.works(&[], "firecrawl_map");
    vendor.called_at("/v2/mcp-oauth");
    vendor.ends();
}

#[test]
fn the_search_is_a_provider_with_a_sign_in_or_a_key_of_its_own() {
    let tools = ["firecrawl_search", "firecrawl_research_papers"];
    let trap = "It has a sign-in of its own: one to `firecrawl` does not count here, and there is nothing without a key or a sign-in.";
    let server = keyed(script("/v2/mcp-search", &tools));
    let rig = Rig::new("firecrawl-search");
    explains_a_wrong_key(&rig, &server.origin(), PAGE);
    let output = with_key(&rig, &server.origin(), &[], KEY).success();
    warns(&rig, "Firecrawl Search", &output, &[trap]);
    rig.works(&[], "firecrawl_search");
    rig.nothing_leaked(&[WRONG], &[KEY]);
    let vendor = Vendor::new(
        "firecrawl-search",
        script("/v2/mcp-search", &tools),
        Quirks { require_resource: true, ..Quirks::default() },
        ResourceQuirks::default(),
    );
    let _ = vendor.connect(&["--auth", "oauth"], "").success();
    let tab = vendor.browser.wait_tabs(1).remove(0);
    assert_eq!(tab.param("resource").as_deref(), Some(vendor.resource.url().as_str()));
    vendor.rig.works(&[], "firecrawl_search");
    vendor.called_at("/v2/mcp-search");
    vendor.ends();
}

#[test]
fn an_address_with_the_key_in_it_is_refused_and_not_repeated() {
    let rig = Rig::new("firecrawl");
    let url = "https://mcp.firecrawl.dev/fc-vendor-key-canary-9/v2/mcp";
    let output = rig.env.cmd(&["connect", url]).code(2);
    assert!(
        output.stderr().contains("allmcp connect firecrawl --auth key --token-stdin"),
        "{}",
        output.stderr()
    );
    assert!(!output.mentions("canary-9"), "{output:?}");
    assert!(rig.env.grep_everything("canary-9").is_empty());
}
