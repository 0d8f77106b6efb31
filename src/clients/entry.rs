//! Our entry: what it launches, and which entry of a file is as good as ours.

use super::{Client, ClientError};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The variables that our entry sets, and that are ours to remove again.
pub(super) const OUR_VARIABLES: &[&str] = &["ALLMCP_CLIENT", "ALLMCP_HOME"];

/// What a client shall launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    command: String,
    home: Option<String>,
}

impl Server {
    /// `binary` is the absolute path of this program: a desktop client has no `PATH` to speak of.
    /// `home` is `ALLMCP_HOME`, where it is not the default.
    pub fn new(binary: &Path, home: Option<&Path>) -> Result<Self, ClientError> {
        let text = |path: &Path| {
            let path = path.to_owned();
            path.clone().into_os_string().into_string().map_err(|_| ClientError::Path { path })
        };
        Ok(Self { command: text(binary)?, home: home.map(text).transpose()? })
    }

    pub fn command(&self) -> &str {
        &self.command
    }
}

/// What an entry launches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub command: String,
    pub args: Vec<String>,
    /// `ALLMCP_HOME` in the entry's environment.
    pub home: Option<String>,
}

/// The entry in the shape that most clients share.
pub(super) fn common(server: &Server, client: &str) -> Map<String, Value> {
    let mut env = Map::from_iter([("ALLMCP_CLIENT".to_owned(), Value::from(client))]);
    if let Some(home) = &server.home {
        env.insert("ALLMCP_HOME".to_owned(), Value::from(home.as_str()));
    }
    Map::from_iter([
        ("command".to_owned(), Value::from(server.command.as_str())),
        ("args".to_owned(), json!(["serve"])),
        ("env".to_owned(), Value::Object(env)),
    ])
}

/// Reads an entry of that shape.
pub(super) fn launch(entry: &Value) -> Option<Launch> {
    let args = entry.get("args").and_then(Value::as_array);
    Some(Launch {
        command: entry.get("command")?.as_str()?.to_owned(),
        args: args.into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect(),
        home: entry.pointer("/env/ALLMCP_HOME").and_then(Value::as_str).map(Into::into),
    })
}

/// Whether `entry` does what ours would: the same program, serving everything, from the same
/// home. An entry that serves a part (`--only`, `--plain`) or a bridge is something else.
pub(super) fn is_equivalent(client: &dyn Client, entry: &Value, server: &Server) -> bool {
    client.launch(entry).is_some_and(|launch| {
        launch.args == ["serve"]
            && launch.home == server.home
            && is_same_file(&launch.command, &server.command)
    })
}

/// Whether two commands are one program, links followed. A relative one is found through a `PATH`
/// that is not ours to know.
pub(super) fn is_same_file(one: &str, other: &str) -> bool {
    let real = |path: &str| fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let absolute = |path: &str| Path::new(path).is_absolute();
    absolute(one) && absolute(other) && real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::claude_desktop::ClaudeDesktop;

    fn server(home: Option<&str>) -> Server {
        Server::new(Path::new("/opt/allmcp"), home.map(Path::new)).unwrap()
    }

    #[test]
    fn the_entry_is_the_binary_serve_and_who_launches_it() {
        let entry = Value::Object(common(&server(None), "claude-desktop"));
        let want = json!({"command": "/opt/allmcp", "args": ["serve"],
            "env": {"ALLMCP_CLIENT": "claude-desktop"}});
        assert_eq!(entry, want);
        let elsewhere = Value::Object(common(&server(Some("/x")), "zed"));
        assert_eq!(elsewhere["env"], json!({"ALLMCP_CLIENT": "zed", "ALLMCP_HOME": "/x"}));
        assert!(is_equivalent(&ClaudeDesktop, &elsewhere, &server(Some("/x"))));
        assert!(!is_equivalent(&ClaudeDesktop, &elsewhere, &server(None)));
    }

    #[test]
    fn a_part_a_bridge_and_a_stranger_are_not_ours() {
        for other in [
            json!({"command": "/opt/allmcp", "args": ["serve", "--only", "a"]}),
            json!({"command": "/opt/allmcp", "args": ["bridge", "https://x"]}),
            json!({"command": "/opt/other", "args": ["serve"]}),
            json!({"url": "https://x"}),
            json!(null),
        ] {
            assert!(!is_equivalent(&ClaudeDesktop, &other, &server(None)), "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_binary_is_the_binary() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("allmcp-1.2"), dir.path().join("allmcp"));
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(is_same_file(link.to_str().unwrap(), real.to_str().unwrap()));
    }
}
