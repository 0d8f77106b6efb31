//! Goose, command line and desktop.
//!
//! Its documentation puts the file of macOS under `~/.config`; some installations have it where
//! applications of macOS keep theirs.

use super::{Client, ClientError, Dirs, ENTRY, Fixed, Format, Os, Shape, Words, backup, places};
use std::path::PathBuf;

pub(super) struct Goose;

fn folders(dirs: &Dirs) -> Vec<PathBuf> {
    match dirs.os {
        Os::Linux => vec![dirs.config.join("goose")],
        Os::Mac => vec![dirs.xdg().join("goose"), dirs.config.join("Block/goose")],
        Os::Windows => vec![dirs.config.join("Block/goose/config")],
    }
}

impl Client for Goose {
    fn id(&self) -> &'static str {
        "goose"
    }

    fn title(&self) -> &'static str {
        "Goose"
    }

    fn afterwards(&self) -> &'static str {
        "start a new Goose session"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        let files: Vec<_> = folders(dirs).iter().map(|f| f.join("config.yaml")).collect();
        places::one(&files)
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        folders(dirs).iter().any(|folder| backup::is_used(folder, &folder.join("config.yaml")))
            || dirs.has_program(&["Goose.app", "Goose"])
    }

    fn format(&self) -> Format {
        Format::YamlMap { servers: "extensions" }
    }

    fn shape(&self) -> Shape {
        Shape {
            before: &[
                ("enabled", Fixed::Bool(true)),
                ("type", Fixed::Text("stdio")),
                ("name", Fixed::Text(ENTRY)),
            ],
            words: Words::Apart { command: "cmd" },
            env: "envs",
            after: &[
                ("env_keys", Fixed::List(&[])),
                ("timeout", Fixed::Number(300)),
                ("description", Fixed::Text("Many MCP servers as one")),
            ],
        }
    }
}
