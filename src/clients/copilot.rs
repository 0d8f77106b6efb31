//! GitHub Copilot CLI.
//!
//! `tools` must be there, with the names that may be used. A child gets nothing of its environment
//! but `PATH`.

use super::{Client, ClientError, Dirs, ENTRY, Fixed, Format, Server, Shape, backup, words};
use std::path::PathBuf;

pub(super) struct Copilot;

fn folder(dirs: &Dirs) -> PathBuf {
    dirs.set("COPILOT_HOME").unwrap_or_else(|| dirs.home.join(".copilot"))
}

impl Client for Copilot {
    fn id(&self) -> &'static str {
        "copilot"
    }

    fn title(&self) -> &'static str {
        "Copilot CLI"
    }

    fn afterwards(&self) -> &'static str {
        "start Copilot CLI again; `/mcp show` lists it"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(folder(dirs).join("mcp-config.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("mcp-config.json"))
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn shape(&self) -> Shape {
        Shape {
            before: &[("type", Fixed::Text("local"))],
            after: &[("tools", Fixed::List(&["*"]))],
            ..Shape::COMMON
        }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let mut all = vec!["copilot".to_owned(), "mcp".into(), "add".into(), ENTRY.into()];
        all.extend(words::variables(&self.entry(server), "env", "--env"));
        all.push("--".into());
        Some(words::launch(all, server))
    }
}
