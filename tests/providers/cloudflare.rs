//! Cloudflare: one server for its whole API, and one for each of its products.
//!
//! Stateless for clients of 2025 and of 2026 on the same address, as its repository says
//! (cloudflare/mcp-server-cloudflare@70ff6905, README).

use crate::{
    rig::Rig,
    support::{
        authorization::Rotation,
        script::{Script, Tool},
        upstream::Upstream,
    },
    vendor::{KEY, Vendor, explains_a_wrong_key, keyed, script, warns, with_key},
};
use serde_json::json;

const PAID: &str = "Parts of it may need a paid plan.";
const OLD: &str =
    "Cloudflare calls this server deprecated and asks to move to `allmcp connect cloudflare`.";
const TOKENS: &str = "https://dash.cloudflare.com/profile/api-tokens";

/// The products with a sign-in, their names, and what is to be known of each.
const PRODUCTS: [(&str, &str, &str); 14] = [
    ("cloudflare-ai-gateway", "Cloudflare AI Gateway", OLD),
    ("cloudflare-auditlogs", "Cloudflare Audit Logs", OLD),
    ("cloudflare-autorag", "Cloudflare AutoRAG", OLD),
    ("cloudflare-bindings", "Cloudflare Bindings", PAID),
    ("cloudflare-browser", "Cloudflare Browser Run", PAID),
    ("cloudflare-builds", "Cloudflare Builds", PAID),
    ("cloudflare-casb", "Cloudflare CASB", PAID),
    ("cloudflare-containers", "Cloudflare Containers", PAID),
    ("cloudflare-dex", "Cloudflare DEX", PAID),
    ("cloudflare-dns-analytics", "Cloudflare DNS Analytics", OLD),
    ("cloudflare-graphql", "Cloudflare GraphQL", OLD),
    ("cloudflare-logs", "Cloudflare Logpush", OLD),
    ("cloudflare-observability", "Cloudflare Observability", PAID),
    ("cloudflare-radar", "Cloudflare Radar", OLD),
];

fn stateless(tools: &[&str]) -> Script {
    let Script { tools, path, .. } = script("/mcp", tools);
    Script { tools, path, ..Script::dual() }.sessions(false).get_stream(false)
}

#[test]
fn the_whole_api_by_a_token() {
    let server = keyed(stateless(&["search", "execute"]));
    let rig = Rig::new("cloudflare");
    let origin = server.origin();
    explains_a_wrong_key(&rig, &origin, TOKENS);
    let output = with_key(&rig, &origin, &[], KEY).success();
    warns(
        &rig,
        "Cloudflare",
        &output,
        &[
            "Its products have servers of their own, with a tool for each task: `allmcp catalog cloudflare` lists them.",
            "It can do all that the signed-in account or the token may do: make a token with the permissions that are needed and no more.",
        ],
    );
    assert_eq!(rig.tools(), ["search", "execute"]);
    rig.works(&[], "execute");
    let calls = server.requests_of("tools/call");
    assert!(calls.iter().all(|call| call.target == "/mcp"), "{calls:?}");
    let bearer = format!("Bearer {KEY}");
    assert!(calls.iter().all(|call| call.header("authorization") == Some(&bearer)), "{calls:?}");
    rig.nothing_leaked(&[crate::vendor::WRONG], &[KEY]);
}

#[test]
fn the_whole_api_by_a_sign_in_that_is_renewed() {
    let script = stateless(&["search", "execute"]);
    let vendor = Vendor::on_one_origin("cloudflare", script, Rotation::UntilUsed);
    let _ = vendor.connect(&["--auth", "oauth"], "").success();
    assert_eq!(vendor.browser.wait_tabs(1)[0].last().status, 200);
    assert_eq!(vendor.server.counts().registrations, 1);
    vendor.rig.works(&[], "search");
    vendor.server.reject_access_tokens();
    vendor.rig.works(&[], "search");
    assert_eq!(vendor.server.counts().refreshes_ok, 1);
    assert_eq!(vendor.browser.tabs().len(), 1);
    vendor.called_at("/mcp");
    vendor.ends();
}

#[test]
fn each_product_is_a_provider_with_its_traps() {
    for (id, title, trap) in PRODUCTS {
        let server = keyed(stateless(&["accounts_list"]));
        let rig = Rig::new(id);
        let output = with_key(&rig, &server.origin(), &[], KEY).success();
        warns(&rig, title, &output, &[trap]);
        let call = [&format!("{id}__accounts_list"), "a=1"];
        let _ = rig.run(&["call", call[0], call[1]], "").success();
        let host = id.strip_prefix("cloudflare-").unwrap();
        let shown = rig.run(&["catalog", "show", id], "").success();
        let address = format!("https://{host}.mcp.cloudflare.com/mcp");
        assert!(shown.stdout().contains(&address), "{}", shown.stdout());
        assert!(shown.stdout().contains(TOKENS), "{}", shown.stdout());
    }
    let listed = Rig::new("cloudflare").run(&["catalog", "cloudflare", "--json"], "").success();
    let listed = listed.json()["providers"].as_array().unwrap().clone();
    let ids = listed.iter().filter_map(|row| row["id"].as_str());
    // Those above, the whole, and the two that are open.
    assert_eq!(ids.filter(|id| id.starts_with("cloudflare")).count(), PRODUCTS.len() + 3);
}

#[test]
fn a_product_is_signed_in_to_by_itself() {
    for id in ["cloudflare-bindings", "cloudflare-observability"] {
        let script = stateless(&["workers_list"]);
        let vendor = Vendor::on_one_origin(id, script, Rotation::UntilUsed);
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let port = port.port().to_string();
        let more = ["--auth", "oauth", "--callback-port", &port, "--scope", "workers:read"];
        let _ = vendor.connect(&[&more[..], &["--header", "X-Account: a1"]].concat(), "").success();
        let tab = vendor.browser.wait_tabs(1).remove(0);
        let back = format!("http://127.0.0.1:{port}/callback");
        assert_eq!(tab.param("redirect_uri").as_deref(), Some(back.as_str()));
        assert!(tab.param("scope").unwrap().contains("workers:read"));
        vendor.rig.works(&[], "workers_list");
        let calls = vendor.resource.requests_of("tools/call");
        assert!(calls.iter().all(|call| call.header("x-account") == Some("a1")), "{calls:?}");
        vendor.called_at("/mcp");
        vendor.ends();
    }
}

#[test]
fn what_is_open_asks_for_nothing() {
    for (id, traps) in [
        ("cloudflare-docs", &[][..]),
        (
            "cloudflare-blog",
            &[
                "That it needs no sign-in is assumed, not verified: where it asks for one, connect https://blog.mcp.cloudflare.com/mcp.",
            ],
        ),
    ] {
        let server = Upstream::start(stateless(&["search_docs"]));
        let rig = Rig::new(id);
        let output = rig.connect(&[id, "--base-url", &server.origin()], "").success();
        warns(&rig, "Cloudflare Blog", &output, traps);
        rig.works(&[], "search_docs");
        let all = server.http_requests_of("POST");
        assert!(all.iter().all(|request| request.header("authorization").is_none()), "{all:?}");
        assert_eq!(rig.row()["credential"], json!(null));
    }
    let shut = keyed(stateless(&["x"]).tool(Tool::echo("y")));
    let rig = Rig::new("cloudflare-blog");
    let _ = rig.connect(&[rig.name, "--base-url", &shut.origin()], "").code(4);
    assert!(!rig.env.read_config().contains("[connections"));
}
