//! `serve --read-only`: what is not marked so is neither listed nor called.

use crate::{
    Desk, forms,
    support::{
        script::{Script, Tool},
        talk::{text, told},
    },
    tools,
};
use serde_json::json;

#[test]
fn only_what_is_marked_read_only_is_there() {
    let script = tools(Script::legacy()).tool(Tool::echo("fake"));
    let desk = Desk::new(script, "");
    let mut serve = desk.legacy_of(&["serve", "--read-only"], forms());
    let listed = serve.tools();
    for tool in &listed {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
    let names = serve.tool_names();
    assert!(names.contains(&"c0__look".to_owned()), "{names:?}");
    text(&serve.call("c0__look", json!({})));
    for tool in ["c0__add", "c0__drop", "c0__fake"] {
        let response = serve.call(tool, json!({}));
        let text = told(&response);
        assert!(text.contains("--read-only") && text.contains("not marked"), "{text}");
    }
    assert_eq!(desk.up.requests_of("tools/call").len(), 1);
    // Nor is there a way round.
    let inner = |name: &str| json!({"name": name, "arguments": {"a": 1}});
    assert!(!names.contains(&"call_tool".to_owned()), "{names:?}");
    for own in ["call_tool", "call_read_tool"] {
        assert_eq!(text(&serve.call(own, inner("c0__look"))), r#"{"a":1}"#);
        let response = serve.call(own, inner("c0__add"));
        assert!(told(&response).contains("read-only"), "{response}");
    }
    assert_eq!(desk.up.requests_of("tools/call").len(), 3);
    for own in ["report_issue", "save_or_update_memories", "delete_memories"] {
        let response = serve.call(own, json!({}));
        assert!(told(&response).contains("take --read-only out"), "{response}");
    }
    // Our own that read are there, and an unknown name is unknown.
    text(&serve.call("list_mcp_connections", json!({})));
    assert_eq!(serve.call("c0__nothing", json!({}))["error"]["code"], -32602);
    desk.logged(&[
        "ok allow c0__look",
        "denied deny c0__add",
        "denied deny c0__drop",
        "denied deny c0__fake",
        "ok allow c0__look",
        "denied deny c0__add",
        "ok allow c0__look",
        "tool_error allow c0__add",
        "denied deny report_issue",
        "denied deny save_or_update_memories",
        "denied deny delete_memories",
        "ok allow list_mcp_connections",
        "failed allow c0__nothing",
    ]);
}

#[test]
fn one_plain_connection_and_what_is_no_tool_too() {
    let script = tools(Script::legacy()).everything().prompt(Tool::prompt("p"));
    let script = script.resource(Tool::resource("file:///r"));
    let desk = Desk::new(script, "");
    let mut serve = desk.legacy_of(&["serve", "--plain", "c0", "--read-only"], json!({}));
    assert_eq!(serve.tool_names(), ["look"]);
    assert!(told(&serve.call("add", json!({}))).contains("--read-only"));
    let prompt = serve.request("prompts/get", json!({"name": "p"}));
    assert!(prompt["result"].is_object(), "{prompt}");
    let read = serve.request("resources/read", json!({"uri": "file:///r"}));
    assert!(read["result"].is_object(), "{read}");
    assert_eq!(desk.up.runs("add"), 0);
}

#[test]
fn a_change_of_the_configuration_does_not_loosen_it() {
    let desk = Desk::new(tools(Script::legacy()), "");
    let mut serve = desk.legacy_of(&["serve", "--read-only"], json!({}));
    let more = format!(
        "{}[connections.c1]\nurl = \"{}\"\nauth = \"none\"\npolicy.tools = {{ \"*\" = \"allow\" }}\n",
        desk.env.read_config(),
        desk.up.url()
    );
    desk.env.config(&more);
    serve.tools_until("the second one", |names| names.contains(&"c1__look".to_owned()));
    assert!(!serve.tool_names().contains(&"c1__add".to_owned()));
    assert!(told(&serve.call("c1__add", json!({}))).contains("--read-only"));
}
