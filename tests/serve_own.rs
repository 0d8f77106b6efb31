//! Our own tools that tell: which providers there are, what each can do, and what was used.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "providers/stand_in/mod.rs"]
mod stand_in;
mod support;

use serde_json::{Value, json};
use stand_in::kommo::{Kommo, TOKEN};
use support::{
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk::told,
    upstream::Upstream,
};

/// Kommo by a manifest, a server by its URL, and a client.
struct Scene {
    env: TestEnv,
    _kommo: Kommo,
    _shop: Upstream,
}

impl Scene {
    fn new() -> Self {
        let env = TestEnv::new();
        let kommo = Kommo::start(1, "");
        let script = Script::legacy().instructions("Ask first.").tool(Tool::echo("hidden"));
        let shop = Upstream::start(script);
        let origin = kommo.site.origin();
        let args = ["connect", "kommo", "--auth", "token", "--param", "subdomain=acme"];
        let args = [&args[..], &["--base-url", &origin, "--token-stdin"]].concat();
        env.command(&args).stdin(TOKEN).run().success();
        env.connect("shop", &shop.url());
        env.cmd(&["tools", "disable", "shop", "hidden"]).success();
        Self { env, _kommo: kommo, _shop: shop }
    }

    fn serve(&self) -> Serve {
        let mut serve = Serve::start(&self.env, &["serve"]);
        serve.initialize("2025-11-25");
        serve
    }
}

/// What a tool of ours says, as structure.
#[track_caller]
fn said(serve: &mut Serve, tool: &str, arguments: Value) -> Value {
    let answer = serve.call(tool, arguments);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    let content = answer["result"]["structuredContent"].clone();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), content);
    content
}

fn column<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap()).collect()
}

#[test]
fn providers_are_found_with_the_call_that_connects_them() {
    let scene = Scene::new();
    let mut serve = scene.serve();
    let all = said(&mut serve, "list_providers", json!({}));
    let shown = all["providers"].as_array().unwrap().len();
    assert!(shown < 15 && all["more"].as_u64() > Some(10), "{all}");
    assert_eq!(all["more_ids"].as_array().unwrap().len() as u64, all["more"].as_u64().unwrap());
    assert_eq!(all["other_connections"], json!(["shop"]));
    let found = said(&mut serve, "list_providers", json!({ "query": "Kommo CRM" }));
    let row = &found["providers"][0];
    assert_eq!((&row["id"], &row["connections"]), (&json!("kommo"), &json!(["kommo"])));
    let hint = json!({ "name": "connect_provider", "arguments": { "provider": "kommo" } });
    assert_eq!(row["connect_hint"], hint);
    assert!(column(&found["providers"], "id").contains(&"bitrix24"), "{found}");
    let connected = said(&mut serve, "list_providers", json!({ "connected_only": true }));
    assert_eq!(column(&connected["providers"], "id"), ["kommo"]);
    let none = said(&mut serve, "list_providers", json!({ "query": "xyzzy" }));
    assert!(none["note"].as_str().unwrap().contains("allmcp connect URL"), "{none}");
    let wrong = serve.call("list_providers", json!({ "querry": "x" }));
    assert!(told(&wrong).contains("querry"), "{wrong}");
    assert_eq!(serve.finish(), 0);
}

#[test]
fn a_connection_is_described_group_by_group() {
    let scene = Scene::new();
    let mut serve = scene.serve();
    serve.call("kommo__account_get", json!({}));
    let kommo = said(&mut serve, "describe_provider", json!({ "name": "kommo" }));
    assert!(kommo["instructions"].as_str().unwrap().contains("Leads are deals"), "{kommo}");
    assert_eq!(kommo["status"], "connected");
    let groups = column(&kommo["groups"], "group");
    assert!(groups.contains(&"kommo/leads") && groups.contains(&"kommo/contacts"), "{groups:?}");
    let counts = kommo["groups"].as_array().unwrap().iter().map(|it| it["tools"].as_u64().unwrap());
    let tools = scene.env.cmd(&["tools", "kommo", "--json"]).success().json();
    assert_eq!(counts.sum::<u64>(), tools["tools"].as_array().unwrap().len() as u64);
    for group in ["leads", "kommo/leads"] {
        let leads =
            said(&mut serve, "describe_provider", json!({ "name": "kommo", "group": group }));
        let listed = serve.tools();
        for tool in leads["tools"].as_array().unwrap() {
            let wanted = listed.iter().find(|it| it["name"] == tool["name"]);
            // In smart mode they are not in the list.
            assert!(wanted.is_none_or(|it| it == tool), "{tool}");
            assert_eq!(tool["inputSchema"]["type"], "object");
        }
        assert!(column(&leads["tools"], "name").contains(&"kommo__lead_create"), "{leads}");
        assert!(!column(&leads["tools"], "name").contains(&"kommo__contacts_list"), "{leads}");
    }
    let wrong = serve.call("describe_provider", json!({ "name": "kommo", "group": "deals" }));
    assert!(told(&wrong).contains("kommo/leads"), "{wrong}");
    // A server without groups is one, with what it says of itself.
    let shop = said(&mut serve, "describe_provider", json!({ "name": "shop" }));
    assert_eq!(
        (&shop["instructions"], &shop["groups"]),
        (&json!("Ask first."), &json!([{ "group": "shop", "tools": 1 }]))
    );
    let tools = said(&mut serve, "describe_provider", json!({ "name": "shop", "group": "shop" }));
    assert_eq!(column(&tools["tools"], "name"), ["shop__echo"], "what is disabled is not there");
    // What is not connected yet is told by its manifest.
    let yougile = said(&mut serve, "describe_provider", json!({ "name": "yougile" }));
    assert_eq!(yougile["status"], "not connected");
    assert_eq!(yougile["connect_hint"]["arguments"]["provider"], "yougile");
    assert!(yougile["warnings"][0].as_str().unwrap().contains("50 requests"), "{yougile}");
    let wrong = serve.call("describe_provider", json!({ "name": "komo" }));
    assert!(told(&wrong).contains("did you mean kommo?"), "{wrong}");
    let wrong = serve.call("describe_provider", json!({}));
    assert!(told(&wrong).contains("name"), "{wrong}");
    assert_eq!(serve.finish(), 0);
}

#[test]
fn what_was_used_is_counted_as_the_command_counts_it() {
    let scene = Scene::new();
    let mut serve = scene.serve();
    serve.call("kommo__account_get", json!({}));
    serve.call("shop__echo", json!({ "secret": "canary-argument" }));
    serve.call("shop__echo", json!({}));
    let usage = said(&mut serve, "get_usage", json!({}));
    let tools = column(&usage["tools"], "tool");
    assert_eq!(
        (usage["calls"].as_u64(), &tools[..]),
        (Some(3), &["shop__echo", "kommo__account_get"][..])
    );
    assert_eq!(usage["tools"][0]["calls"], 2);
    assert!(!usage.to_string().contains("canary"), "{usage}");
    let counted = scene.env.cmd(&["usage", "--connection", "shop", "--json"]).success().json();
    assert_eq!(counted["connections"][0]["tools"][0]["calls"], 2);
    let wrong = serve.call("get_usage", json!({ "since": "1h" }));
    assert!(told(&wrong).contains("since"), "{wrong}");
    assert_eq!(serve.finish(), 0);
}
