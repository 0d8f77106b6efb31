//! Windsurf, which is Devin Desktop now.
//!
//! Its newer versions read Devin's file. Where both are there, which one is read cannot be known.

use super::{Client, ClientError, Dirs, Format, Os, backup, places};
use std::path::PathBuf;

pub(super) struct Windsurf;

fn devin(dirs: &Dirs) -> PathBuf {
    let config = if dirs.os == Os::Windows { dirs.config.clone() } else { dirs.xdg() };
    config.join("devin")
}

fn codeium(dirs: &Dirs) -> PathBuf {
    dirs.home.join(".codeium/windsurf")
}

impl Client for Windsurf {
    fn id(&self) -> &'static str {
        "windsurf"
    }

    fn title(&self) -> &'static str {
        "Windsurf"
    }

    fn afterwards(&self) -> &'static str {
        "press the refresh button of the MCP list in Windsurf, or restart it"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        places::one(&[codeium(dirs), devin(dirs)].map(|folder| folder.join("mcp_config.json")))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        [codeium(dirs), devin(dirs)]
            .iter()
            .any(|folder| backup::is_used(folder, &folder.join("mcp_config.json")))
            || dirs.config.join("Windsurf").exists()
            || dirs.has_program(&["Windsurf.app", "Windsurf"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }
}
