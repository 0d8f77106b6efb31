//! Rules for classes and for single tools, of the user and of a manifest.

use crate::{
    Desk, forms,
    support::{
        client::Serve,
        env::TestEnv,
        script::Script,
        talk::{text, told},
        upstream::Upstream,
    },
    tools, yes,
};
use serde_json::{Value, json};

/// What becomes of a call: `asked`, `denied` or `done`; a question is answered with yes.
#[track_caller]
fn fate(serve: &mut Serve, tool: &str) -> &'static str {
    let seen: Vec<Value> = serve.of_method("elicitation/create");
    let id = serve.send_request("tools/call", json!({"name": tool, "arguments": {}}));
    let message = serve.wait_for("a question or the answer", |message| {
        let asks = message["method"] == "elicitation/create" && !seen.contains(message);
        asks || message["id"] == id && message["method"].is_null()
    });
    if message["method"].is_string() {
        serve.respond(&message["id"], yes());
        text(&serve.response(id));
        return "asked";
    }
    if message["result"]["isError"] == true { "denied" } else { "done" }
}

#[test]
fn a_rule_for_the_tool_comes_before_the_rules_of_its_classes() {
    let rules = "[connections.c0.policy]\nwrite = \"ask\"\ndestructive = \"deny\"\n\
                 [connections.c0.policy.tools]\n\"l*\" = \"ask\"\ndrop = \"allow\"\n";
    let desk = Desk::new(tools(Script::legacy()), rules);
    let table = desk.env.cmd(&["tools", "--json"]).success().json();
    let policies: Vec<_> =
        table["tools"].as_array().unwrap().iter().map(|t| &t["policy"]).collect();
    assert_eq!(policies, ["ask", "ask", "ask", "allow"], "echo, look, add, drop");
    let mut serve = desk.legacy(forms());
    for (tool, want) in [("c0__look", "asked"), ("c0__drop", "done"), ("c0__add", "asked")] {
        assert_eq!(fate(&mut serve, tool), want, "{tool}");
    }
    // A running server takes changes up.
    let output = desk.env.cmd(&["config", "set", "connections.c0.policy.tools.drop", "deny"]);
    let _ = output.success();
    serve.tools_until("the denial", |names| !names.contains(&"c0__drop".to_owned()));
    let denied = serve.call("c0__drop", json!({}));
    let says = "denies the tool drop. The user can run: allmcp config set \
                connections.c0.policy.tools.drop allow";
    assert!(told(&denied).contains(says), "{denied}");
    let output = desk.env.cmd(&["config", "set", "connections.c0.policy.tools.drop", "maybe"]);
    assert!(output.code(2).stderr().contains("allow, ask, deny"));
    let got = desk.env.cmd(&["config", "get", "connections.c0.policy.tools"]).success();
    assert!(got.stdout().contains("drop = \"deny\""), "{}", got.stdout());
}

#[test]
fn a_wrong_word_stops_that_connection_and_an_unknown_key_is_told() {
    let desk = Desk::new(tools(Script::legacy()), "");
    let config = desk.env.read_config();
    desk.env
        .config(&format!("{config}policy.tools = {{ drop = \"aks\" }}\npolicy.wirte = \"ask\"\n"));
    let output = desk.env.cmd(&["call", "c0__drop"]);
    assert_ne!(output.exit(), 0);
    assert!(output.mentions("did you mean write?"), "{output:?}");
    let output = desk.env.cmd(&["status", "c0"]);
    assert!(output.mentions("policy.tools.drop: \"aks\" is not one of"), "{output:?}");
    assert_eq!(desk.up.runs("drop"), 0);
}

const MANIFEST: &str = r#"
id = "shop"
name = "Shop"
kind = "mcp"
category = "crm"
about = "It is a shop."
[[auth]]
id = "none"
title = "Nothing"
kind = "none"
[mcp]
url = "URL"
[policy]
destructive = "ask"
[policy.tools]
add = "ask"
"#;

#[test]
fn a_manifest_has_a_word_where_the_user_has_none() {
    let (env, up) = (TestEnv::new(), Upstream::start(tools(Script::legacy())));
    let file = env.scratch().join("shop.toml");
    std::fs::write(&file, MANIFEST.replace("URL", &up.url())).unwrap();
    let _ = env.cmd(&["catalog", "lint", file.to_str().unwrap()]).success();
    let _ = env.cmd(&["catalog", "add", file.to_str().unwrap()]).success();
    let shown = env.cmd(&["catalog", "show", "shop"]).success();
    assert!(shown.stdout().contains("destructive: ask, add: ask"), "{}", shown.stdout());
    let _ = env.cmd(&["connect", "shop", "--name", "c0"]).success();
    let desk = Desk { env, up };
    let mut serve = desk.legacy(forms());
    for (tool, want) in [("c0__look", "done"), ("c0__add", "asked"), ("c0__drop", "asked")] {
        assert_eq!(fate(&mut serve, tool), want, "{tool}");
    }
    let _ =
        desk.env.cmd(&["config", "set", "connections.c0.policy.destructive", "allow"]).success();
    let _ =
        desk.env.cmd(&["config", "set", "connections.c0.policy.tools.\"a*\"", "deny"]).success();
    serve.tools_until("the denial", |names| !names.contains(&"c0__add".to_owned()));
    assert_eq!(fate(&mut serve, "c0__drop"), "done");
    assert_eq!(fate(&mut serve, "c0__add"), "denied");
}
