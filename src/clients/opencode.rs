//! opencode.
//!
//! It reads `opencode.jsonc` and `opencode.json` of one folder, one over the other; with both, no
//! one place is right. A field that it does not know is an error there. `timeout` is for the
//! list of tools, in milliseconds; its own five seconds are what `serve` may wait for a first list.

use super::{Client, ClientError, Dirs, Fixed, Format, Shape, Words, backup, places};
use std::path::PathBuf;

pub(super) struct OpenCode;

fn folder(dirs: &Dirs) -> PathBuf {
    dirs.xdg().join("opencode")
}

impl Client for OpenCode {
    fn id(&self) -> &'static str {
        "opencode"
    }

    fn title(&self) -> &'static str {
        "opencode"
    }

    fn afterwards(&self) -> &'static str {
        "start opencode again"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        places::one(&["opencode.json", "opencode.jsonc"].map(|file| folder(dirs).join(file)))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = folder(dirs);
        backup::is_used(&folder, &folder.join("opencode.json"))
            || dirs.home.join(".local/share/opencode").exists()
            || dirs.home.join(".opencode").exists()
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcp" }
    }

    fn shape(&self) -> Shape {
        Shape {
            before: &[("type", Fixed::Text("local"))],
            words: Words::Together,
            env: "environment",
            after: &[("enabled", Fixed::Bool(true)), ("timeout", Fixed::Number(30_000))],
        }
    }
}
