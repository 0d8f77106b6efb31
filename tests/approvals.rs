//! Policy and approvals through the binary: who is asked, what is shown, and that nothing is sent
//! before the answer.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "approvals/command.rs"]
mod command;
#[path = "approvals/forms.rs"]
mod forms;
#[path = "approvals/page.rs"]
mod page;
#[path = "approvals/read_only.rs"]
mod read_only;
#[path = "approvals/rules.rs"]
mod rules;
mod support;
#[path = "approvals/visitor.rs"]
mod visitor;

use serde_json::{Value, json};
use support::{
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk,
    upstream::Upstream,
};

/// Tools of every class: `look` reads, `add` says nothing, `drop` destroys.
fn tools(script: Script) -> Script {
    let drop =
        r#"{"name":"drop","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}"#;
    script.tool(Tool::read_only("look")).tool(Tool::echo("add")).tool(Tool::raw(drop))
}

/// A home with the connection `c0` under this policy, and what answers for it.
struct Desk {
    env: TestEnv,
    up: Upstream,
}

impl Desk {
    /// `rules`: more lines of the configuration, of the connection `c0` and after it.
    #[track_caller]
    fn new(script: Script, rules: &str) -> Self {
        let (env, up) = (TestEnv::new(), Upstream::start(script));
        let url = up.url();
        env.config(&format!("[connections.c0]\nurl = \"{url}\"\nauth = \"none\"\n{rules}"));
        env.cmd(&["sync"]).success();
        Self { env, up }
    }

    /// That asks before everything that destroys.
    #[track_caller]
    fn asking(script: Script) -> Self {
        Self::new(tools(script), "policy.destructive = \"ask\"\n")
    }

    /// A client that says `initialize` and can do this.
    #[track_caller]
    fn legacy(&self, capabilities: Value) -> Serve {
        self.legacy_of(&["serve"], capabilities)
    }

    #[track_caller]
    fn legacy_of(&self, args: &[&str], capabilities: Value) -> Serve {
        let mut serve = Serve::start(&self.env, args);
        serve.capabilities = capabilities;
        serve.initialize("2025-11-25");
        serve.tools();
        serve
    }

    /// A client of 2026-07-28 that can do this.
    #[track_caller]
    fn modern(&self, capabilities: Value) -> Serve {
        let mut serve = Serve::start(&self.env, &["serve"]);
        serve.capabilities = capabilities;
        serve.discover();
        serve
    }

    /// Outcome, decision and tool of every call so far.
    fn log(&self) -> Vec<String> {
        let lines = self.env.cmd(&["logs", "--json"]).success().json_lines();
        let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let line = |line: &Value| {
            format!("{} {} {}", word(line, "outcome"), word(line, "decision"), word(line, "tool"))
        };
        lines.iter().map(line).collect()
    }

    /// What a served process has written into the log: it is there a moment after the answer.
    #[track_caller]
    fn logged(&self, lines: &[&str]) {
        talk::eventually("the access log", || self.log().len() >= lines.len());
        assert_eq!(self.log(), lines);
    }
}

/// A client that has forms.
fn forms() -> Value {
    json!({"elicitation": {}})
}

fn yes() -> Value {
    json!({"action": "accept", "content": {}})
}
