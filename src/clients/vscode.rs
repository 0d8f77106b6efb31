//! Visual Studio Code with Copilot.
//!
//! Each profile has a list of servers of its own, and so has the Insiders edition; ours goes to the
//! default profile. Tools are listed once and kept ("MCP: Reset Cached Tools"); at most 128 of all
//! servers together.

use super::{Client, ClientError, Dirs, ENTRY, Fixed, Format, Server, Shape, backup, words};
use serde_json::{Map, Value};
use std::{fs, path::PathBuf};

pub(super) struct VsCode;

const EDITIONS: [&str; 2] = ["Code", "Code - Insiders"];

/// The `User` folder of an edition.
fn user(dirs: &Dirs, edition: &str) -> PathBuf {
    dirs.config.join(edition).join("User")
}

/// The edition that is here; the stable one where both are.
fn edition(dirs: &Dirs) -> &'static str {
    let here = |edition: &&&str| {
        let user = user(dirs, edition);
        backup::is_used(&dirs.config.join(edition), &user.join("mcp.json"))
    };
    EDITIONS.iter().find(here).copied().unwrap_or(EDITIONS[0])
}

impl Client for VsCode {
    fn id(&self) -> &'static str {
        "vscode"
    }

    fn title(&self) -> &'static str {
        "VS Code"
    }

    fn afterwards(&self) -> &'static str {
        "run \"MCP: List Servers\" in VS Code, and start and trust allmcp"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        Ok(user(dirs, edition(dirs)).join("mcp.json"))
    }

    fn is_here(&self, dirs: &Dirs) -> bool {
        let folder = dirs.config.join(edition(dirs));
        backup::is_used(&folder, &folder.join("User/mcp.json"))
            || dirs.has_program(&["Visual Studio Code.app", "Microsoft VS Code"])
    }

    fn format(&self) -> Format {
        Format::Json { servers: "servers" }
    }

    fn shape(&self) -> Shape {
        Shape { before: &[("type", Fixed::Text("stdio"))], ..Shape::COMMON }
    }

    fn own_way(&self, server: &Server) -> Option<String> {
        let mut entry = Map::from_iter([("name".to_owned(), Value::from(ENTRY))]);
        entry.extend(self.entry(server));
        Some(words::line(&["code", "--add-mcp", &Value::Object(entry).to_string()]))
    }

    fn traps(&self, dirs: &Dirs, _server: &Server) -> Vec<String> {
        let edition = edition(dirs);
        let profiles = user(dirs, edition).join("profiles");
        let several = fs::read_dir(profiles).is_ok_and(|mut all| all.next().is_some());
        let mut traps = Vec::new();
        if several {
            traps.push(
                "other profiles of VS Code have lists of their own; this is the default one's"
                    .to_owned(),
            );
        }
        if edition == EDITIONS[0] && user(dirs, EDITIONS[1]).exists() {
            traps.push("VS Code Insiders has a list of its own, which stays as it is".to_owned());
        }
        traps
    }
}
