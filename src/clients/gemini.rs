//! Gemini CLI.

use super::{Client, ClientError, Dirs, ENTRY, Format, Server, backup, words};
use std::path::PathBuf;

pub(super) struct Gemini;

/// `GEMINI_CLI_HOME` stands in for the home folder.
fn folder(dirs: &Dirs) -> PathBuf {
    dirs.set("GEMINI_CLI_HOME").unwrap_or_else(|| dirs.home.clone()).join(".gemini")
}

impl Client for Gemini {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn title(&self) -> &'static str {
        "Gemini CLI"
    }

    fn afterwards(&self) -> &'static str {
        "run `/mcp refresh` in Gemini CLI, or start it again"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(folder(dirs).join("settings.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("settings.json"))
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let start = ["gemini", "mcp", "add", "-s", "user"].map(String::from);
        let mut all: Vec<_> = start.into_iter().collect();
        all.extend(words::variables(&self.entry(server), "env", "-e"));
        all.push(ENTRY.into());
        Some(words::launch(all, server))
    }
}
