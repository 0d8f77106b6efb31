//! Zed.

use super::{Client, ClientError, Dirs, Fixed, Format, Os, Shape, backup};
use std::path::PathBuf;

pub(super) struct Zed;

fn folder(dirs: &Dirs) -> PathBuf {
    match dirs.os {
        Os::Linux => dirs.config.join("zed"),
        Os::Mac => dirs.home.join(".config/zed"),
        Os::Windows => dirs.config.join("Zed"),
    }
}

impl Client for Zed {
    fn id(&self) -> &'static str {
        "zed"
    }

    fn title(&self) -> &'static str {
        "Zed"
    }

    fn afterwards(&self) -> &'static str {
        "Zed starts it when its settings are saved; its agent panel shows it"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(folder(dirs).join("settings.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("settings.json"))
            || dirs.home.join(".local/share/zed").exists()
            || dirs.has_program(&["Zed.app", "Zed"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "context_servers" }
    }

    fn shape(&self) -> Shape {
        Shape { before: &[("source", Fixed::Text("custom"))], ..Shape::COMMON }
    }
}
