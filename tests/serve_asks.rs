//! Upstreams that ask the client, many at once and in both eras: no answer goes astray, and none
//! comes late.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "serve_asks/cancelled.rs"]
mod cancelled;
#[path = "serve_asks/crowd.rs"]
mod crowd;
#[path = "serve_asks/flood.rs"]
mod flood;
#[path = "serve_asks/odd.rs"]
mod odd;
mod support;
#[path = "serve_asks/visit.rs"]
mod visit;

use serde_json::{Value, json};
use support::{
    client::Serve,
    duo::able,
    env::TestEnv,
    script::{Answers, Script},
    upstream::Upstream,
};

/// A form whose message is the tag of the call.
const FORM: &str = r#"{"message":"$TAG","requestedSchema":{"type":"object","properties":{}}}"#;

fn legacy() -> Script {
    Script::legacy().answers(Answers::Mixed).everything()
}

fn modern() -> Script {
    Script::modern().answers(Answers::Mixed).everything()
}

/// A server in front of these, `c0`, `c1` and so on, that knows what they have, and a client that
/// can be asked everything, with a handshake and without.
fn started(servers: &[&Upstream]) -> (TestEnv, Serve) {
    let env = TestEnv::new();
    for (at, server) in servers.iter().enumerate() {
        env.connection(&format!("c{at}"), &server.url());
    }
    env.cmd(&["sync"]).success();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.capabilities = able();
    serve.initialize("2025-11-25");
    serve.tools();
    (env, serve)
}

/// The params of a call with a tag.
fn tagged(name: &str, tag: &str) -> Value {
    json!({"name": name, "arguments": {"tag": tag}})
}

/// An answer that repeats the question.
fn repeat(ask: &Value) -> Value {
    json!({"action": "accept", "content": {"said": ask["params"]["message"]}})
}
