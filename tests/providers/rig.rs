//! A home with everything logged, and what was said in it.

use crate::support::{
    client::Serve,
    env::{Cmd, Output, TestEnv},
};
use serde_json::{Value, json};
use std::cell::RefCell;

/// A home in which nothing that a command says is forgotten.
pub(crate) struct Rig {
    pub(crate) env: TestEnv,
    /// The connection that is called.
    pub(crate) name: &'static str,
    said: RefCell<Vec<(String, String)>>,
}

impl Rig {
    pub(crate) fn new(name: &'static str) -> Self {
        let mut env = TestEnv::new();
        env.var("ALLMCP_LOG", "trace");
        Self { env, name, said: RefCell::default() }
    }

    /// Runs a command, with all that it has to log on stderr too.
    #[must_use = "did it succeed?"]
    pub(crate) fn run(&self, args: &[&str], stdin: &str) -> Output {
        let mut all = args.to_vec();
        all.push("-vv");
        self.finish(args, self.env.command(&all).stdin(stdin))
    }

    fn finish(&self, args: &[&str], command: Cmd) -> Output {
        let running = command.start();
        let line = std::fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap_or_default();
        let output = running.finish();
        self.note("arguments", &String::from_utf8_lossy(&line));
        self.note(&format!("stdout of {args:?}"), output.stdout());
        self.note(&format!("stderr of {args:?}"), output.stderr());
        output
    }

    /// Something that somebody could have read.
    pub(crate) fn note(&self, what: &str, text: &str) {
        self.said.borrow_mut().push((what.to_owned(), text.to_owned()));
    }

    /// `connect` to its end, with `stdin`.
    #[must_use = "did it succeed?"]
    pub(crate) fn connect(&self, args: &[&str], stdin: &str) -> Output {
        self.run(&[&["connect"], args].concat(), stdin)
    }

    /// Calls a tool; what the policy of its provider asks is answered with yes.
    #[must_use = "did it succeed?"]
    pub(crate) fn call(&self, tool: &str, arguments: &Value) -> Output {
        let tool = format!("{}__{tool}", self.name);
        self.run(&["call", &tool, "--args", &arguments.to_string(), "--yes", "--json"], "")
    }

    /// What a call gives, as structure.
    #[track_caller]
    pub(crate) fn good(&self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments).success().json()["result"].clone();
        let text: Value =
            serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(result["structuredContent"], text, "the same as text and as structure");
        text
    }

    /// What a call tells the model that went wrong.
    #[track_caller]
    pub(crate) fn bad(&self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments).code(6).json()["result"].clone();
        assert_eq!(result["isError"], true);
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// The row of `list` for the connection.
    #[track_caller]
    pub(crate) fn row(&self) -> Value {
        let list = self.run(&["list", "--json"], "").success().json();
        let rows = list["connections"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == self.name).unwrap().clone()
    }

    /// The names of the tools that `allmcp tools` shows of it.
    #[track_caller]
    pub(crate) fn tools(&self) -> Vec<String> {
        let document = self.run(&["tools", self.name, "--json"], "").success().json();
        let tools = document["tools"].as_array().unwrap();
        tools
            .iter()
            .map(|tool| tool["upstream_name"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub(crate) fn serve(&self) -> Serve {
        Serve::start(&self.env, &["serve", "-vv"])
    }

    #[track_caller]
    pub(crate) fn end(&self, mut serve: Serve) {
        serve.close_stdin();
        assert_eq!(serve.wait_exit(), 0);
        let lines = serve.lines().concat();
        self.note("stdout of serve", &String::from_utf8_lossy(&lines));
        self.note("stderr of serve", &serve.stderr());
    }

    /// Through `call` and `serve`, with a session from its beginning to its end.
    #[track_caller]
    pub(crate) fn works(&self, more: &[&str], tool: &str) {
        let public = format!("{}__{tool}", self.name);
        let call = [more, &["call", &public, "--args", r#"{"a":1}"#, "--json"]].concat();
        let result = self.run(&call, "").success().json()["result"].clone();
        assert_eq!(result["structuredContent"], json!({ "a": 1 }));
        let args = [more, &["serve", "-vv"]].concat();
        let mut serve = Serve::start(&self.env, &args);
        serve.initialize("2025-11-25");
        serve.tools_until(tool, |names| names.contains(&public));
        let answer = serve.call(&public, json!({ "a": 2 }));
        assert_eq!(answer["result"]["structuredContent"], json!({ "a": 2 }), "{answer}");
        self.end(serve);
    }

    /// Looks at the connection in every way there is, so that what shows a secret does so.
    pub(crate) fn look_at_it(&self) {
        for args in [
            &["list", "--json"][..],
            &["status", "--live", "--json"],
            &["inspect", self.name, "--json"],
            &["tools", self.name],
            &["logs", "--json"],
            &["config", "get", "--json"],
        ] {
            let _any = self.run(args, "");
        }
    }

    /// These are in no output, in no argument and in no file; `stored` are in the store besides.
    #[track_caller]
    pub(crate) fn nothing_leaked(&self, never: &[&str], stored: &[&str]) {
        self.look_at_it();
        let store = self.env.allmcp_home().join("data/secrets.json");
        for sign in never.iter().chain(stored) {
            for (what, text) in self.said.borrow().iter() {
                assert!(!text.contains(sign), "{sign} is in {what}: {text}");
            }
            let mut found = self.env.grep_everything(sign);
            found.retain(|file| never.contains(sign) || *file != store);
            assert!(found.is_empty(), "{sign} is in {found:?}");
        }
        for sign in stored {
            let found = self.env.grep_everything(sign);
            assert!(found.contains(&store), "{sign} is not in the store");
        }
    }
}
