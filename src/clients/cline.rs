//! Cline, in editors and on the command line.
//!
//! Since its parts share one folder the file is there; older versions keep it among the files of
//! VS Code, and a newer one takes it over from there. The folder and the file can be moved.

use super::{Client, ClientError, Dirs, Fixed, Format, Shape, backup};
use std::path::PathBuf;

pub(super) struct Cline;

const FILE: &str = "settings/cline_mcp_settings.json";

fn older(dirs: &Dirs) -> PathBuf {
    dirs.config.join("Code/User/globalStorage/saoudrizwan.claude-dev")
}

fn shared(dirs: &Dirs) -> PathBuf {
    let folder = || dirs.set("CLINE_DIR").unwrap_or_else(|| dirs.home.join(".cline")).join("data");
    dirs.set("CLINE_DATA_DIR").unwrap_or_else(folder)
}

fn is_moved(dirs: &Dirs) -> bool {
    ["CLINE_DATA_DIR", "CLINE_DIR"].iter().any(|name| dirs.set(name).is_some())
}

impl Client for Cline {
    fn id(&self) -> &'static str {
        "cline"
    }

    fn title(&self) -> &'static str {
        "Cline"
    }

    fn afterwards(&self) -> &'static str {
        "Cline starts it by itself when the file is saved"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        if let Some(file) = dirs.set("CLINE_MCP_SETTINGS_PATH") {
            return Ok(file);
        }
        let (shared, older) = (shared(dirs), older(dirs));
        let is_older = !shared.exists() && older.exists() && !is_moved(dirs);
        Ok(if is_older { older.join(FILE) } else { shared.join(FILE) })
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        [shared(dirs), older(dirs)].iter().any(|folder| backup::is_used(folder, &folder.join(FILE)))
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn shape(&self) -> Shape {
        const OFF: &[(&str, Fixed)] =
            &[("disabled", Fixed::Bool(false)), ("autoApprove", Fixed::List(&[]))];
        Shape { after: OFF, ..Shape::COMMON }
    }
}
