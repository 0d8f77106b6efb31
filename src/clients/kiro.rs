//! Kiro, editor and command line.

use super::{Client, ClientError, Dirs, Fixed, Format, Shape, backup};
use std::path::PathBuf;

pub(super) struct Kiro;

impl Client for Kiro {
    fn id(&self) -> &'static str {
        "kiro"
    }

    fn title(&self) -> &'static str {
        "Kiro"
    }

    fn afterwards(&self) -> &'static str {
        "Kiro starts it by itself when the file is saved"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(dirs.home.join(".kiro/settings/mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = dirs.home.join(".kiro");
        backup::is_used(&folder, &folder.join("settings/mcp.json"))
            || dirs.config.join("Kiro").exists()
            || dirs.has_program(&["Kiro.app", "Kiro"])
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
