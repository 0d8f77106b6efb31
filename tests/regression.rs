//! What once went wrong, one test each, under the name of what is right.

mod support;

use serde_json::json;
use support::{
    client::Serve,
    env::TestEnv,
    fault::{End, Fault},
    script::{Script, Tool},
    talk::{text, told},
    upstream::Upstream,
};

/// Faults of everything but the call itself were told as if the call might have run.
#[test]
fn a_call_for_which_no_session_could_be_opened_was_not_carried_out() {
    let env = TestEnv::new();
    let faults = [
        ("html", Fault::html(), "an HTML page"),
        ("s500", Fault::status(500), "HTTP 500"),
        ("json", Fault::invalid_json(), "not valid JSON"),
        ("cut", Fault::no_answer(End::Reset), "could not reach"),
        ("hang", Fault::hang(), "did not answer in time"),
    ];
    let servers = faults.map(|(name, fault, wants)| {
        let server = Upstream::start(Script::legacy());
        let entry = format!(
            "[connections.{name}]\nurl = \"{}\"\nauth = \"none\"\ntimeout = \"500ms\"\n",
            server.url()
        );
        env.config(&(env.read_config() + &entry));
        (name, server, fault, wants)
    });
    env.cmd(&["sync"]).success();
    for (_, server, fault, _) in &servers {
        server.fault(fault.clone());
    }
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    for (name, server, _, wants) in &servers {
        let failed = serve.call(&format!("{name}__echo"), json!({}));
        let said = told(&failed);
        assert!(said.contains(wants), "{said}");
        assert!(said.contains("The call was not carried out."), "{said}");
        assert!(server.requests_of("tools/call").is_empty());
    }
}

/// A name that is half a surrogate pair was listed as it was, past all names of ours.
#[test]
fn a_tool_that_has_no_readable_name_is_left_out() {
    let env = TestEnv::new();
    let odd = Tool::raw(r#"{"name":"\udc00","inputSchema":{"type":"object"}}"#);
    let server = Upstream::start(Script::legacy().tool(odd));
    env.connection("c", &server.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names(), ["list_mcp_connections", "c__echo"]);
    text(&serve.call("c__echo", json!({})));
}
