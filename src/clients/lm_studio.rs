//! LM Studio, 0.3.17 or newer.
//!
//! Its folder is where `~/.lmstudio-home-pointer` says, else `~/.cache/lm-studio` on older
//! installations, else `~/.lmstudio`, as in its own `findLMStudioHome`.

use super::{Client, ClientError, Dirs, Format, Server, backup, words};
use crate::disk::atomic;
use std::path::PathBuf;

pub(super) struct LmStudio;

fn folder(dirs: &Dirs) -> PathBuf {
    let text = atomic::read(&dirs.home.join(".lmstudio-home-pointer"), 4096).unwrap_or_default();
    let pointed = PathBuf::from(String::from_utf8_lossy(&text).trim());
    let older = dirs.home.join(".cache/lm-studio");
    match pointed {
        pointed if pointed.is_absolute() => pointed,
        _ if older.exists() => older,
        _ => dirs.home.join(".lmstudio"),
    }
}

impl Client for LmStudio {
    fn id(&self) -> &'static str {
        "lm-studio"
    }

    fn title(&self) -> &'static str {
        "LM Studio"
    }

    fn afterwards(&self) -> &'static str {
        "LM Studio starts it when the file is saved; switch it on in a chat under Integrations"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(folder(dirs).join("mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("mcp.json"))
            || dirs.has_program(&["LM Studio.app", "LM Studio"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        Some(words::link("lmstudio://add_mcp", &self.entry(server)))
    }
}
