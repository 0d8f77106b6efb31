//! The five gateways that the program was founded on, each as its page says that it behaves.
//!
//! All of them are reached by POST alone: GET and DELETE are 405, and there is no session.

use crate::{
    rig::Rig,
    support::{
        authorization::{AuthServer, Mode, Quirks, Resource, ResourceQuirks, TestBrowser},
        fault::Fault,
        record::Request,
        script::{Auth, Script, Tool},
        talk::{call_params, told},
        upstream::Upstream,
    },
};
use serde_json::json;

const KEY: &str = "gateway-key-canary-1";

/// POST alone, no session, and 405 for all else.
fn post_only(path: &str, tools: impl IntoIterator<Item = Tool>) -> Script {
    let script = Script::legacy().sessions(false).get_stream(false).tools(tools);
    Script { path: path.to_owned(), ..script }
}

fn start(script: Script) -> Upstream {
    let upstream = Upstream::start(script);
    refuses_all_but_post(&upstream);
    upstream
}

fn refuses_all_but_post(upstream: &Upstream) {
    for method in ["GET", "DELETE"] {
        let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Method not allowed."},"id":null}"#;
        let refusal = Fault::response(405, "application/json", body).with_header("allow", "POST");
        upstream.fault(refusal.on_http(method));
    }
}

/// Every request so far fits.
#[track_caller]
fn all_have(upstream: &Upstream, target: &str, headers: &[(&str, &str)]) {
    let all: Vec<Request> = upstream.http_requests_of("POST");
    assert!(!all.is_empty());
    for request in &all {
        assert_eq!(request.target, target);
        for (name, value) in headers {
            assert_eq!(request.header(name), Some(*value), "{name} of {request:?}");
        }
        assert_eq!(request.header("mcp-session-id"), None);
    }
}

#[test]
fn allmcp_solo_for_a_user_and_for_a_user_of_an_organization() {
    let link = "Bitrix24 needs reconnecting. Open https://go.allmcp.co/c/1, then try again.";
    let tools = [
        Tool::echo("kommo_list_leads"),
        Tool::echo("list_connections"),
        Tool::echo("bitrix24_list_deals").tool_error(link),
    ];
    for (who, query) in [
        (&[][..], ""),
        (&["--user", "u1"], "?user_id=u1"),
        (&["--org", "o1", "--user", "u1"], "?org_id=o1&user_id=u1"),
    ] {
        let gateway = start(post_only("/mcp/", tools.clone()).auth(Auth::header("x-api-key", KEY)));
        let rig = Rig::new("allmcp");
        let origin = gateway.origin();
        let connect = ["connect", "allmcp", "--base-url", &origin, "--token-stdin"];
        let _ = rig.run(&[who, &connect].concat(), KEY).success();
        rig.works(who, "kommo_list_leads");
        all_have(&gateway, &format!("/mcp/{query}"), &[("x-api-key", KEY)]);
        // What has to be approved again is said as it is.
        let call = ["call", "allmcp__bitrix24_list_deals", "--json"];
        let output = rig.run(&[who, &call].concat(), "").code(6);
        assert_eq!(output.json()["result"]["content"][0]["text"], link);
        rig.nothing_leaked(&[], &[KEY]);
    }
}

#[test]
fn allmcp_with_all_its_tools_and_a_wrong_key() {
    let gateway = start(
        post_only("/mcp/", [Tool::echo("kommo_list_leads")]).auth(Auth::header("x-api-key", KEY)),
    );
    let origin = gateway.origin();
    let rig = Rig::new("allmcp");
    let args = ["allmcp", "--base-url", &origin, "--param", "full_catalog=true", "--token-stdin"];
    let _ = rig.connect(&args, "gateway-wrong-canary").code(4);
    let _ = rig.connect(&args, KEY).success();
    let last = gateway.http_requests_of("POST").pop().unwrap();
    assert_eq!(last.target, "/mcp/?full_catalog=true");
    rig.nothing_leaked(&["gateway-wrong-canary"], &[KEY]);
}

#[test]
fn allv_with_a_key_and_the_user_that_it_acts_for() {
    let path = "/api/workspaces/w1/mcp";
    let bearer = format!("Bearer {KEY}");
    for (way, param, header) in [
        ("email", "user_email=ann@acme.example", ("x-allv-user-email", "ann@acme.example")),
        ("user", "user_id=u7", ("x-allv-user-id", "u7")),
    ] {
        let gateway =
            start(post_only(path, [Tool::echo("agent.update_memory")]).auth(Auth::bearer(KEY)));
        let rig = Rig::new("allv");
        let origin = gateway.origin();
        let args = ["allv", "--auth", way, "--param", "workspace=w1", "--param", param];
        let more = ["--base-url", &origin, "--token-stdin"];
        let _ = rig.connect(&[&args[..], &more].concat(), KEY).success();
        let config = rig.env.read_config();
        assert!(config.contains(&format!("way = \"{way}\"")), "{config}");
        let mut serve = rig.serve();
        serve.initialize("2025-11-25");
        let names = serve.tool_names();
        let name = names.iter().find(|name| name.starts_with("allv__")).unwrap();
        let answer = serve.call(name, json!({ "a": 1 }));
        assert_eq!(answer["result"]["structuredContent"], json!({ "a": 1 }), "{answer}");
        rig.end(serve);
        all_have(&gateway, path, &[("authorization", &bearer), header]);
        rig.nothing_leaked(&[], &[KEY]);
    }
    let rig = Rig::new("allv");
    let args = ["allv", "--auth", "email", "--param", "workspace=w1", "--token-stdin"];
    let output = rig.connect(&args, KEY).code(2);
    assert!(output.stderr().contains("--param user_email="), "{}", output.stderr());
    let output = rig.connect(&["allv", "--token-stdin"], KEY).code(2);
    assert!(output.stderr().contains("--param workspace="), "{}", output.stderr());
}

#[test]
fn anyrouter_keeps_the_names_and_says_how_a_tool_failed() {
    let tools = [
        Tool::echo("linear__create_issue"),
        Tool::echo("github__open_pr")
            .rpc_error(-32001, "Tool github__open_pr failed: needs re-auth"),
    ];
    let gateway = start(post_only("/api/v1/mcp", tools).auth(Auth::bearer(KEY)));
    let rig = Rig::new("anyrouter");
    let origin = gateway.origin();
    let _ = rig.connect(&["anyrouter", "--base-url", &origin, "--token-stdin"], KEY).success();
    rig.works(&[], "linear__create_issue");
    all_have(&gateway, "/api/v1/mcp", &[("authorization", &format!("Bearer {KEY}"))]);
    let output = rig.run(&["call", "anyrouter__github__open_pr"], "");
    assert_ne!(output.exit(), 0);
    assert!(output.mentions("Tool github__open_pr failed: needs re-auth"), "{output:?}");
    rig.nothing_leaked(&[], &[KEY]);
}

#[test]
fn alloy_at_the_address_that_it_shows() {
    let gateway =
        start(post_only("/tenant/api/mcp", [Tool::echo("crm__find")]).auth(Auth::bearer(KEY)));
    let rig = Rig::new("alloy");
    // Its address is a parameter, and so needs no other host in the place of the vendor's.
    let url = format!("api_url={}/tenant/api/", gateway.origin());
    let _ = rig.connect(&["alloy", "--param", &url, "--token-stdin"], KEY).success();
    rig.works(&[], "crm__find");
    all_have(&gateway, "/tenant/api/mcp", &[("authorization", &format!("Bearer {KEY}"))]);
    rig.nothing_leaked(&[], &[KEY]);
    let output = rig.connect(&["alloy", "--name", "other", "--token-stdin"], KEY).code(2);
    assert!(output.stderr().contains("--param api_url="), "{}", output.stderr());
}

/// What OneMCP answers for a server behind it that wants a sign-in, in both spellings.
const LINKS: [&str; 2] = [
    r#"{"content":[{"type":"text","text":"Connect Jira first: https://mcp.quilr.ai/connect/j"}],"isError":true,"_meta":{"quilr":{"oauth_connect_required_mcps":[{"backend_id":"b1","backend_name":"Jira","connect_required":true,"connect_url":"https://mcp.quilr.ai/connect/j","connect_url_expires_at":"2026-12-01T00:00:00Z"}]}}}"#,
    r#"{"content":[{"type":"text","text":"Connect Slack first"}],"isError":true,"_meta":{"quilr.oauth_connect_required_mcps":[{"backend_id":"b2","connect_url":"https://mcp.quilr.ai/connect/s"}]}}"#,
];

#[test]
fn onemcp_with_a_sign_in_at_its_own_address_and_at_a_tenants() {
    for (way, params, path) in [
        ("oauth", &[][..], "/quilrone/mcp"),
        ("tenant", &["--param", "tenant=acme"], "/quilrone/acme/mcp"),
    ] {
        let server = AuthServer::start(Quirks::default());
        let tools = [
            Tool::echo("list_tool_groups"),
            Tool::echo("call_tool").result(LINKS[0]),
            Tool::echo("list_mcp_connections").result(LINKS[1]),
        ];
        // Its page says that there is no GET and no DELETE, and nothing of sessions.
        let has_sessions = way == "tenant";
        let script = post_only(path, tools).sessions(has_sessions);
        let gateway = Resource::start_with(&server, script, ResourceQuirks::default());
        let mut rig = Rig::new("onemcp");
        let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
        rig.env.var("BROWSER", browser.command());
        let origin = gateway.origin();
        // Another name in each: the port of the callback comes from it, and tests run side by side.
        let args = ["onemcp", "--auth", way, "--base-url", &origin];
        let _ = rig.connect(&[&args[..], params].concat(), "").success();
        assert_eq!(browser.wait_tabs(1)[0].last().status, 200);
        refuses_all_but_post(&gateway);
        rig.works(&[], "list_tool_groups");
        let calls = gateway.requests_of("tools/call");
        assert!(calls.iter().all(|call| call.target == path), "{calls:?}");
        let in_session = |call: &Request| call.header("mcp-session-id").is_some();
        assert!(calls.iter().all(|call| in_session(call) == has_sessions), "{calls:?}");
        assert_eq!(gateway.http_requests_of("DELETE").is_empty(), !has_sessions);
        // The link, and what stands beside it in `_meta`, byte for byte.
        let mut serve = rig.serve();
        serve.initialize("2025-11-25");
        for (tool, link) in [("call_tool", LINKS[0]), ("list_mcp_connections", LINKS[1])] {
            let name = format!("onemcp__{tool}");
            assert_eq!(serve.raw_call(&call_params(&name, "{}")), link);
            assert!(told(&serve.call(&name, json!({}))).starts_with("Connect "));
            let output = rig.run(&["call", &name, "--json"], "").code(6);
            let sent: serde_json::Value = serde_json::from_str(link).unwrap();
            assert_eq!(output.json()["result"]["_meta"], sent["_meta"]);
        }
        rig.end(serve);
        rig.nothing_leaked(&[], &["canary-at-", "canary-rt-"]);
    }
    let rig = Rig::new("onemcp");
    let output = rig.connect(&["onemcp", "--auth", "tenant"], "").code(2);
    assert!(output.stderr().contains("--param tenant="), "{}", output.stderr());
}
