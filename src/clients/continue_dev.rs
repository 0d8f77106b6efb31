//! Continue.
//!
//! A `config.yaml` takes the place of an older `config.json` in the same folder, so none is made
//! beside one.

use super::{Client, ClientError, Dirs, ENTRY, Fixed, Format, Shape, backup};
use std::path::PathBuf;

pub(super) struct Continue;

fn folder(dirs: &Dirs) -> PathBuf {
    dirs.home.join(".continue")
}

impl Client for Continue {
    fn id(&self) -> &'static str {
        "continue"
    }

    fn title(&self) -> &'static str {
        "Continue"
    }

    fn afterwards(&self) -> &'static str {
        "reload Continue's configuration or restart the editor; tools are for its agent mode"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        let file = folder(dirs).join("config.yaml");
        let older = folder(dirs).join("config.json");
        if !file.exists() && older.exists() {
            return Err(ClientError::Older { path: older, newer: file });
        }
        Ok(file)
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("config.yaml"))
    }

    fn format(&self) -> Format {
        // What every such file must say.
        let start = "name: Local Config\nversion: 1.0.0\nschema: v1\n";
        Format::YamlList { servers: "mcpServers", start }
    }

    fn shape(&self) -> Shape {
        Shape {
            before: &[("name", Fixed::Text(ENTRY)), ("type", Fixed::Text("stdio"))],
            ..Shape::COMMON
        }
    }
}
