//! Cursor.
//!
//! It offers a model some 40 tools of all servers together, and names of up to 60 characters.

use super::{Client, ClientError, Dirs, Format, Server, backup, words};
use std::path::PathBuf;

pub(super) struct Cursor;

impl Client for Cursor {
    fn id(&self) -> &'static str {
        "cursor"
    }

    fn title(&self) -> &'static str {
        "Cursor"
    }

    fn afterwards(&self) -> &'static str {
        "switch allmcp on in Cursor's settings under MCP, or restart Cursor"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(dirs.home.join(".cursor/mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = dirs.home.join(".cursor");
        backup::is_used(&folder, &folder.join("mcp.json"))
            || dirs.config.join("Cursor").exists()
            || dirs.has_program(&["Cursor.app", "cursor"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let link = "cursor://anysphere.cursor-deeplink/mcp/install";
        Some(words::link(link, &self.entry(server)))
    }
}
