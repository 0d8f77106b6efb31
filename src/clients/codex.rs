//! Codex: the command line, the editor extension and the desktop app.
//!
//! It waits ten seconds for a server to start and a minute for a tool. Fields that it does not know
//! are an error there. A child gets few variables of its environment.

use super::{Client, ClientError, Dirs, ENTRY, Fixed, Format, Server, Shape, backup, words};
use std::path::PathBuf;

pub(super) struct Codex;

fn folder(dirs: &Dirs) -> PathBuf {
    dirs.set("CODEX_HOME").unwrap_or_else(|| dirs.home.join(".codex"))
}

impl Client for Codex {
    fn id(&self) -> &'static str {
        "codex"
    }

    fn title(&self) -> &'static str {
        "Codex"
    }

    fn afterwards(&self) -> &'static str {
        "start a new Codex session; `codex mcp list` shows it"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(folder(dirs).join("config.toml"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("config.toml"))
    }

    fn format(&self) -> Format {
        Format::Toml { servers: "mcp_servers" }
    }

    fn shape(&self) -> Shape {
        const TIMES: &[(&str, Fixed)] =
            &[("startup_timeout_sec", Fixed::Number(10)), ("tool_timeout_sec", Fixed::Number(60))];
        Shape { after: TIMES, ..Shape::COMMON }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let mut all = vec!["codex".to_owned(), "mcp".into(), "add".into(), ENTRY.into()];
        all.extend(words::variables(&self.entry(server), "env", "--env"));
        all.push("--".into());
        Some(words::launch(all, server))
    }
}
