//! A home whose providers are stand-ins, a client of `serve`, and its user's browser.

use crate::{
    support::{client::Serve, env::TestEnv, talk::eventually},
    window::{Shown, Window},
};
use serde_json::{Value, json};
use std::fs;

pub(crate) struct Home {
    pub(crate) env: TestEnv,
    pub(crate) window: Window,
}

impl Home {
    pub(crate) fn new() -> Self {
        let mut env = TestEnv::new();
        env.var("ALLMCP_LOG", "trace");
        Self { env, window: Window::default() }
    }

    /// From now on this provider of the catalog is at `base`.
    pub(crate) fn at(&self, id: &str, base: &str) -> &Self {
        let folder = self.env.allmcp_home().join("providers");
        fs::create_dir_all(&folder).unwrap();
        // A parameter of which nothing is left is a fault.
        let params = if id == "yougile" { "params = []\n" } else { "" };
        let text =
            format!("id = \"{id}\"\nextends = \"{id}\"\n{params}[http]\nbase_url = \"{base}\"\n");
        fs::write(folder.join(format!("{id}.toml")), text).unwrap();
        self
    }

    /// A client that can do this.
    pub(crate) fn serve(&self, capabilities: Value) -> Serve {
        let mut serve = Serve::start(&self.env, &["serve", "-vv"]);
        serve.capabilities = capabilities;
        serve.initialize("2025-11-25");
        serve
    }

    /// Asks for a connection that the user has to help with; its link.
    #[track_caller]
    pub(crate) fn link(&self, serve: &mut Serve, arguments: Value) -> String {
        let answer = serve.call("connect_provider", arguments);
        let told = &answer["result"]["structuredContent"];
        assert_eq!(told["status"], "action_required", "{answer}");
        let url = told["connect_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        url
    }

    /// Opens a link and chooses a way to sign in.
    #[track_caller]
    pub(crate) fn by_way(&self, link: &str, way: &str) -> Shown {
        let page = self.window.open(link);
        page.says("How do you want to sign in?");
        self.window.send(&page, &[("choice", way)])
    }

    /// Ends the client, and looks for secrets in everything that anybody could have read.
    /// `stored` are in the store and nowhere else.
    #[track_caller]
    pub(crate) fn end(&self, mut serve: Serve, never: &[&str], stored: &[&str]) {
        serve.close_stdin();
        assert_eq!(serve.wait_exit(), 0);
        let lines = String::from_utf8_lossy(&serve.lines().concat()).into_owned();
        let texts = [("stdout", lines), ("stderr", serve.stderr()), ("pages", self.window.seen())];
        let store = self.env.allmcp_home().join("data/secrets.json");
        for secret in never.iter().chain(stored) {
            for (what, text) in &texts {
                assert!(!text.contains(secret), "{secret} is in {what}: {text}");
            }
            let mut found = self.env.grep_everything(secret);
            found.retain(|file| never.contains(secret) || *file != store);
            assert!(found.is_empty(), "{secret} is in {found:?}");
        }
        for secret in stored {
            assert!(self.env.grep_everything(secret).contains(&store), "{secret} is not stored");
        }
    }
}

/// The connected answer of `connect_provider`.
#[track_caller]
pub(crate) fn connected(answer: &Value) -> &Value {
    let told = &answer["result"]["structuredContent"];
    assert_eq!(told["status"], "connected", "{answer}");
    told
}

/// The tool can be called, with no waiting in between.
#[track_caller]
pub(crate) fn usable(serve: &mut Serve, tool: &str) {
    let answer = serve.call("call_tool", json!({ "name": tool, "arguments": {} }));
    assert_ne!(answer["result"]["isError"], true, "{answer}");
}

/// The connection has this status.
pub(crate) fn status_until(serve: &mut Serve, name: &str, status: &str) {
    eventually(&format!("{name} is {status}"), || {
        let answer = serve.call("list_mcp_connections", json!({}));
        let rows = answer["result"]["structuredContent"]["connections"].as_array().unwrap().clone();
        rows.iter().any(|row| row["name"] == name && row["auth_status"] == status)
    });
}
