//! Claude Code, user scope.
//!
//! Its file also holds everything else that it remembers, is rewritten all the time, and has an
//! entry of its own per project, which wins there over the user's. The file stays in the home folder, beside
//! `~/.claude`, unless `CLAUDE_CONFIG_DIR` moves both. An entry without a `type` is skipped.

use super::{
    Client, ClientError, Dirs, ENTRY, Fixed, Format, Server, Shape, backup, plan::read, words,
};
use serde_json::Value;
use std::path::PathBuf;

pub(super) struct ClaudeCode;

impl Client for ClaudeCode {
    fn id(&self) -> &'static str {
        "claude-code"
    }

    fn title(&self) -> &'static str {
        "Claude Code"
    }

    fn afterwards(&self) -> &'static str {
        "start a new Claude Code session; `claude mcp list` shows it"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        let folder = dirs.set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| dirs.home.clone());
        Ok(folder.join(".claude.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let own = dirs.set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| dirs.home.join(".claude"));
        backup::is_used(&own, &own.join(".claude.json"))
            || dirs.home.join(".local/share/claude").exists()
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn shape(&self) -> Shape {
        Shape { before: &[("type", Fixed::Text("stdio"))], ..Shape::COMMON }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let entry = Value::Object(self.entry(server)).to_string();
        Some(words::line(&["claude", "mcp", "add-json", "--scope", "user", ENTRY, &entry]))
    }

    fn traps(&self, dirs: &Dirs, _server: &Server) -> Vec<String> {
        let file = self.locate(dirs).and_then(|path| read(&path)).ok().flatten();
        let all: Value = serde_json::from_slice(&file.unwrap_or_default()).unwrap_or_default();
        let projects = all.get("projects").and_then(Value::as_object).into_iter().flatten();
        let own = |(_, project): &(&String, &Value)| project["mcpServers"].get(ENTRY).is_some();
        projects
            .filter(own)
            .map(|(path, _)| {
                format!("the project {path} has an {ENTRY:?} of its own, which wins there")
            })
            .collect()
    }
}
