//! Warp.
//!
//! With its setting "File-based MCP servers" it also starts what Claude Code and Codex list.

use super::{Client, ClientError, Dirs, Format, Os, backup};
use std::path::PathBuf;

pub(super) struct Warp;

impl Client for Warp {
    fn id(&self) -> &'static str {
        "warp"
    }

    fn title(&self) -> &'static str {
        "Warp"
    }

    fn afterwards(&self) -> &'static str {
        "start allmcp in Warp's settings under MCP servers"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(dirs.home.join(".warp/.mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = dirs.home.join(".warp");
        let own = match dirs.os {
            Os::Linux => {
                [dirs.config.join("warp-terminal"), dirs.home.join(".local/state/warp-terminal")]
            }
            _ => [dirs.local.join("warp"), dirs.local.join("dev.warp.Warp-Stable")],
        };
        backup::is_used(&folder, &folder.join(".mcp.json"))
            || own.iter().any(|folder| folder.exists())
            || dirs.has_program(&["Warp.app", "Warp"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn also_starts(&self) -> &'static [&'static str] {
        &["claude-code", "codex"]
    }
}
