//! What tests of a served process say again and again, in a few words.

use super::{
    client::{PATIENCE, Serve, raw_result},
    wire,
};
use allmcp::hub::own::Own;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Waits until `done` holds; fails when that takes for ever.
#[track_caller]
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many times a long test does its work: this often, or as often as the environment says.
pub fn times(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// The text of a result that says `isError`.
#[track_caller]
pub fn told(response: &Value) -> &str {
    let result = &response["result"];
    assert_eq!(result["isError"], true, "{response}");
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{response}"))
}

/// The text of a result that is none.
#[track_caller]
pub fn text(response: &Value) -> &str {
    let result = &response["result"];
    assert_ne!(result["isError"], true, "{response}");
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{response}"))
}

impl Serve {
    /// The tools of a legacy `tools/list`.
    #[track_caller]
    pub fn tools(&mut self) -> Vec<Value> {
        let response = self.request("tools/list", json!({}));
        response["result"]["tools"].as_array().unwrap_or_else(|| panic!("{response}")).clone()
    }

    /// The names of the tools of a legacy `tools/list`; for all of our own at its beginning there
    /// is [`OURS`].
    #[track_caller]
    pub fn tool_names(&mut self) -> Vec<String> {
        names_of(&self.tools())
    }

    /// A legacy `tools/call`; the whole response.
    #[track_caller]
    pub fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": name, "arguments": arguments}))
    }

    /// A `tools/call` with raw params; the exact bytes of its result.
    #[track_caller]
    pub fn raw_call(&mut self, params: &str) -> String {
        raw_result(&self.request_raw("tools/call", params))
    }

    /// Raw params with the `_meta` of a modern client behind them.
    pub fn raw_modern(&self, params: &str) -> String {
        let meta = &self.with_meta(json!({}))["_meta"];
        let comma = if params == "{}" { "" } else { "," };
        format!("{}{comma}\"_meta\":{meta}}}", &params[..params.len() - 1])
    }

    /// Lists again until the names are `wanted`.
    #[track_caller]
    pub fn tools_until(&mut self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let names = self.tool_names();
            if wanted(&names) {
                return;
            }
            let late = Instant::now() > deadline;
            assert!(!late, "waited in vain for {what}, have {names:?}: {}", self.story());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `list_mcp_connections` says.
    #[track_caller]
    pub fn connections(&mut self) -> Value {
        self.call("list_mcp_connections", json!({}))["result"]["structuredContent"].clone()
    }

    /// The row of one connection in `list_mcp_connections`, once it is as `wanted`.
    #[track_caller]
    pub fn row_until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.connections();
            let rows = all["connections"].as_array().unwrap_or_else(|| panic!("{all}"));
            let row = rows.iter().find(|row| row["name"] == name);
            if let Some(row) = row.filter(|row| wanted(row)) {
                return row.clone();
            }
            let late = Instant::now() > deadline;
            assert!(!late, "waited in vain for {name}, have {all}: {}", self.story());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Most memory that the process ever had, in KiB.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// `notifications/cancelled` for a request of ours.
    pub fn cancel(&mut self, id: u64) {
        self.notify("notifications/cancelled", json!({"requestId": id, "reason": "enough"}));
    }
}

/// The raw params of a call.
pub fn call_params(name: &str, arguments: &str) -> String {
    format!(r#"{{"name":{},"arguments":{arguments}}}"#, wire::quote(name))
}

/// Stands for all of our own tools at the beginning of a list, in their order.
pub const OURS: &str = "(all of ours)";

/// The names of a list of tools, ours as [`OURS`].
pub fn names_of(tools: &[Value]) -> Vec<String> {
    let names = tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    let ours: Vec<&str> = Own::ALL.iter().map(|own| own.name()).collect();
    if names.len() >= ours.len() && names[..ours.len()] == ours {
        names.splice(..ours.len(), [OURS.to_owned()]);
    }
    names
}
