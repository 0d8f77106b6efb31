//! The client of the demo: line by line over the pipes of `allmcp serve`, as a desktop client
//! does it.

use super::Step;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Runs the whole conversation. Blocks.
pub(super) fn talk(binary: &Path, home: &Path) -> Result<Vec<Step>, String> {
    let mut server = Server::start(binary, home)?;
    let mut steps = Vec::new();
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "allmcp-demo", "version": env!("CARGO_PKG_VERSION") },
    });
    steps.push(server.ask(
        "A client starts `allmcp serve` and says hello",
        "initialize",
        &hello,
    )?);
    server.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
    steps.push(server.ask("It lists the tools of all connections", "tools/list", &json!({}))?);
    let add = json!({ "name": "demo__add", "arguments": { "a": 2, "b": 3 } });
    steps.push(server.ask("It calls a tool of the demo server", "tools/call", &add)?);
    let echo = json!({ "name": "demo__echo", "arguments": { "text": "Привіт, 世界" } });
    steps.push(server.ask("And another", "tools/call", &echo)?);
    let note = json!({ "name": "notes__add_note", "arguments": { "text": "buy milk" } });
    steps.push(server.ask(
        "And one that only those may call who signed in",
        "tools/call",
        &note,
    )?);
    server.end()?;
    Ok(steps)
}

/// What matters in a result, as lines for people; the whole of it is in the JSON.
fn shown(method: &str, result: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match method {
        "initialize" => {
            let server = &result["serverInfo"];
            vec![format!(
                "{} {}, protocol {}",
                text(&server["name"]),
                text(&server["version"]),
                text(&result["protocolVersion"])
            )]
        }
        "tools/list" => {
            let tools = result["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
            let widest = tools.iter().map(|tool| text(&tool["name"]).len()).max().unwrap_or(0);
            let line = |tool: &Value| {
                let about = crate::text::line(&text(&tool["description"]), 60);
                format!("  {:<widest$}  {about}", text(&tool["name"]))
            };
            let count = format!("{}:", crate::text::count(tools.len(), "tool"));
            std::iter::once(count).chain(tools.iter().map(line)).collect()
        }
        _ => vec![crate::text::line(&result.to_string(), 800)],
    }
}

struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    id: u64,
}

impl Server {
    fn start(binary: &Path, home: &Path) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .arg("serve")
            .env_clear()
            .env("ALLMCP_HOME", home)
            .env("HOME", home)
            .env("ALLMCP_STORE", "file")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("could not start {}: {error}", binary.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("the server has no stdout")?;
        Ok(Self { child, stdin, stdout: BufReader::new(stdout), id: 0 })
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("the server's stdin is closed")?;
        writeln!(stdin, "{message}")
            .map_err(|error| format!("could not write to the server: {error}"))
    }

    fn ask(&mut self, title: &str, method: &str, params: &Value) -> Result<Step, String> {
        self.id += 1;
        let request =
            json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.send(&request)?;
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).map_err(|error| error.to_string())?;
            if read == 0 {
                return Err(format!("the server ended before it answered {method}"));
            }
            let message: Value = serde_json::from_str(&line)
                .map_err(|error| format!("the server wrote no JSON: {error}"))?;
            if message["id"] != request["id"] {
                continue;
            }
            if message["error"].is_object() || message["result"]["isError"] == true {
                return Err(format!("{method} failed: {line}"));
            }
            return Ok(Step {
                title: title.to_owned(),
                sent: Some(request.to_string()),
                received: line.trim_end().to_owned(),
                shown: shown(method, &message["result"]),
            });
        }
    }

    /// Closes its stdin, as a client does that is done, and waits for its end.
    fn end(mut self) -> Result<(), String> {
        drop(self.stdin.take());
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _dead = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
