//! Our entry: what it launches, and which entry of a file is as good as ours.

use super::{Client, ClientError};
use serde_json::{Map, Value};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SERVE: &str = "serve";
const COMMAND: &str = "command";
const ARGS: &str = "args";

/// The variables that our entry sets, and that are ours to remove again.
pub(super) const OUR_VARIABLES: &[&str] = &["ALLMCP_CLIENT", "ALLMCP_HOME"];

/// What a client shall launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    command: String,
    args: Vec<String>,
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
        let args = vec![SERVE.to_owned()];
        Ok(Self { command: text(binary)?, args, home: home.map(text).transpose()? })
    }

    pub fn command(&self) -> &str {
        &self.command
    }

    /// `ALLMCP_HOME` of the entry.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref().map(Path::new)
    }

    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The same with what may stay of an entry that is there: a link to this program, which is as
    /// good as its own path and outlives an upgrade, and flags behind `serve`.
    pub(super) fn like(mut self, old: &Launch) -> Self {
        if is_same_file(&old.command, &self.command) {
            self.command.clone_from(&old.command);
        }
        if old.args.first().is_some_and(|first| first == SERVE) {
            self.args.clone_from(&old.args);
        }
        self
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

/// How a client spells an entry.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Fields before the command that every entry has.
    pub before: &'static [(&'static str, Fixed)],
    pub words: Words,
    /// The field of environment variables.
    pub env: &'static str,
    /// Fields at the end. They are what we would begin with: a user's own values win.
    pub after: &'static [(&'static str, Fixed)],
}

/// Where the command and its arguments are.
#[derive(Debug, Clone, Copy)]
pub enum Words {
    /// A text, and a list.
    Apart { command: &'static str },
    /// One list of all words, under `command`.
    Together,
}

/// A value that is the same for everybody.
#[derive(Debug, Clone, Copy)]
pub enum Fixed {
    Text(&'static str),
    Bool(bool),
    Number(u32),
    List(&'static [&'static str]),
}

impl Fixed {
    fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Bool(bool) => bool.into(),
            Self::Number(number) => number.into(),
            Self::List(words) => words.into(),
        }
    }
}

impl Shape {
    /// The one that most clients share.
    pub const COMMON: Self =
        Self { before: &[], words: Words::Apart { command: "command" }, env: "env", after: &[] };

    /// Our entry for the client of that id.
    pub(super) fn entry(&self, server: &Server, client: &str) -> Map<String, Value> {
        let fixed = |fields: &'static [(&'static str, Fixed)]| {
            fields.iter().map(|(key, value)| ((*key).to_owned(), value.value()))
        };
        let mut env = Map::from_iter([("ALLMCP_CLIENT".to_owned(), Value::from(client))]);
        if let Some(home) = &server.home {
            env.insert("ALLMCP_HOME".to_owned(), Value::from(home.as_str()));
        }
        let mut entry: Map<_, _> = fixed(self.before).collect();
        let (command, args) = (server.command.as_str(), server.args.as_slice());
        match self.words {
            Words::Apart { command: key } => {
                entry.insert(key.to_owned(), command.into());
                entry.insert(ARGS.to_owned(), args.into());
            }
            Words::Together => {
                let all = std::iter::once(command).chain(args.iter().map(String::as_str));
                entry.insert(COMMAND.to_owned(), all.collect());
            }
        }
        entry.insert(self.env.to_owned(), Value::Object(env));
        entry.extend(fixed(self.after));
        entry
    }

    /// What an entry launches; nothing where it launches no program.
    pub(super) fn launch(&self, entry: &Value) -> Option<Launch> {
        let words = |key: &str| {
            let list = entry.get(key).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(Into::into).collect::<Vec<String>>()
        };
        let (command, args) = match self.words {
            Words::Apart { command } => (entry.get(command)?.as_str()?.to_owned(), words(ARGS)),
            Words::Together => {
                let mut all = words(COMMAND).into_iter();
                (all.next()?, all.collect())
            }
        };
        let home = entry.get(self.env).and_then(|env| env.get("ALLMCP_HOME"));
        Some(Launch { command, args, home: home.and_then(Value::as_str).map(Into::into) })
    }

    /// Whether the value of that field decides what is launched.
    pub(super) fn decides(&self, key: &str) -> bool {
        match self.words {
            Words::Apart { command } => key == command || key == ARGS || key == self.env,
            Words::Together => key == COMMAND || key == self.env,
        }
    }
}

/// Whether `entry` does what ours would: the same program, serving everything, from the same
/// home. An entry that serves a part (`--only`, `--plain`) or a bridge is something else.
pub(super) fn is_equivalent(client: &dyn Client, entry: &Value, server: &Server) -> bool {
    client.launch(entry).is_some_and(|launch| {
        launch.args == [SERVE]
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
    use serde_json::json;

    fn server(home: Option<&str>) -> Server {
        Server::new(Path::new("/opt/allmcp"), home.map(Path::new)).unwrap()
    }

    #[test]
    fn the_entry_is_the_binary_serve_and_who_launches_it() {
        let entry = Value::Object(Shape::COMMON.entry(&server(None), "claude-desktop"));
        let want = json!({"command": "/opt/allmcp", "args": ["serve"],
            "env": {"ALLMCP_CLIENT": "claude-desktop"}});
        assert_eq!(entry, want);
        let elsewhere = Value::Object(Shape::COMMON.entry(&server(Some("/x")), "zed"));
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
