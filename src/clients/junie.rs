//! Junie, in the `JetBrains` editors and on the command line.

use super::{Client, ClientError, Dirs, Format, backup};
use std::path::PathBuf;

pub(super) struct Junie;

impl Client for Junie {
    fn id(&self) -> &'static str {
        "junie"
    }

    fn title(&self) -> &'static str {
        "Junie"
    }

    fn afterwards(&self) -> &'static str {
        "restart Junie; `/mcp` shows it on the command line"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(dirs.home.join(".junie/mcp/mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = dirs.home.join(".junie");
        backup::is_used(&folder, &folder.join("mcp/mcp.json"))
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }
}
