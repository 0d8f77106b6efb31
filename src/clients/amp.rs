//! Amp.

use super::{Client, ClientError, Dirs, ENTRY, Format, Os, Server, backup, places, words};
use std::path::PathBuf;

pub(super) struct Amp;

/// Sources differ about Windows, so that there it is the one that is there.
fn folders(dirs: &Dirs) -> Vec<PathBuf> {
    let mut all = vec![dirs.xdg().join("amp")];
    if dirs.os == Os::Windows {
        all.push(dirs.config.join("amp"));
    }
    all
}

impl Client for Amp {
    fn id(&self) -> &'static str {
        "amp"
    }

    fn title(&self) -> &'static str {
        "Amp"
    }

    fn afterwards(&self) -> &'static str {
        "start Amp again"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        let files: Vec<_> = folders(dirs).iter().map(|f| f.join("settings.json")).collect();
        places::one(&files)
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        folders(dirs).iter().any(|folder| backup::is_used(folder, &folder.join("settings.json")))
            || dirs.home.join(".local/share/amp").exists()
    }

    fn format(&self) -> Format {
        Format::Json { servers: "amp.mcpServers" }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let mut all = vec!["amp".to_owned(), "mcp".into(), "add".into(), ENTRY.into()];
        all.extend(words::variables(&self.entry(server), "env", "--env"));
        all.push("--".into());
        Some(words::launch(all, server))
    }
}
