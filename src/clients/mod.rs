//! Other programs' configuration files, and our one entry in each.
//!
//! Owns where each client keeps its file, what our entry looks like there, and the change itself:
//! planned, shown as a diff, applied under a lock with a dated copy beside, and undone. Whatever
//! else is in the file stays as it was, and a file that does not parse is never written. May name
//! `disk`, `secret` and `text`. Called by `cli` (install, uninstall, import, doctor). A new client is one small file
//! with a [`Client`] in it, and a line in [`ALL`].

mod amp;
mod backup;
mod claude_code;
mod claude_desktop;
mod cline;
mod codex;
mod continue_dev;
mod copilot;
mod cursor;
mod dirs;
mod entry;
mod format;
mod gemini;
mod goose;
pub mod import;
mod junie;
mod kiro;
mod lm_studio;
mod notes;
mod opencode;
mod places;
mod plan;
mod read;
#[cfg(test)]
mod tests;
mod vscode;
mod warp;
#[cfg(test)]
mod whereabouts;
mod windsurf;
mod words;
mod zed;

pub use dirs::{Dirs, Os, VARIABLES};
pub use entry::{Fixed, Launch, Server, Shape, Words};
pub use format::Format;
pub use notes::notes;
pub use plan::{Applied, Change, EntryState, Plan, State, inspect, install, is_here, uninstall};
pub use read::{Entries, servers, servers_in};

use crate::disk::lock::LockError;
use serde_json::{Map, Value};
use std::{io, path::PathBuf};

/// The name of our entry in every client's file.
pub const ENTRY: &str = "allmcp";

/// Every client that we can install into, the ones that most people have first.
pub const ALL: &[&dyn Client] = &[
    &claude_desktop::ClaudeDesktop,
    &claude_code::ClaudeCode,
    &cursor::Cursor,
    &vscode::VsCode,
    &windsurf::Windsurf,
    &zed::Zed,
    &codex::Codex,
    &gemini::Gemini,
    &goose::Goose,
    &cline::Cline,
    &continue_dev::Continue,
    &junie::Junie,
    &lm_studio::LmStudio,
    &warp::Warp,
    &opencode::OpenCode,
    &amp::Amp,
    &copilot::Copilot,
    &kiro::Kiro,
];

/// The client of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Client> {
    ALL.iter().copied().find(|client| client.id() == id)
}

/// Where `client`'s file is, or would be, with the separators of this system.
pub fn place(client: &dyn Client, dirs: &Dirs) -> Result<PathBuf, ClientError> {
    Ok(client.locate(dirs)?.components().collect())
}

/// What is particular to one client; everything else is the same for all.
pub trait Client: Sync {
    /// What `install` calls it, and the value of `ALLMCP_CLIENT` in our entry.
    fn id(&self) -> &'static str;

    /// What its makers call it.
    fn title(&self) -> &'static str;

    /// What the user must do for a change to take effect.
    fn afterwards(&self) -> &'static str;

    /// Where its file is, or would be.
    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError>;

    /// Whether the client itself is on this machine, by a mark that is not our own doing.
    fn is_here(&self, dirs: &Dirs) -> bool;

    /// How servers are listed in its file.
    fn format(&self) -> Format;

    /// How an entry is spelt there.
    fn shape(&self) -> Shape {
        Shape::COMMON
    }

    /// Its own command line, or its link, that adds our entry.
    fn own_way(&self, _server: &Server) -> Option<String> {
        None
    }

    /// What goes wrong there sooner or later, as it is now; one sentence each.
    fn traps(&self, _dirs: &Dirs, _server: &Server) -> Vec<String> {
        Vec::new()
    }

    /// The ids of clients whose servers it starts too.
    fn also_starts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Our entry.
    fn entry(&self, server: &Server) -> Map<String, Value> {
        self.shape().entry(server, self.id())
    }

    /// What an entry of its file launches; nothing where it launches no program.
    fn launch(&self, entry: &Value) -> Option<Launch> {
        self.shape().launch(entry)
    }
}

/// The entry as text that can be pasted into the client's file.
pub fn snippet(client: &dyn Client, server: &Server) -> String {
    client.format().snippet(ENTRY, &client.entry(server))
}

/// Why a client's file was not changed. The file is as it was, whichever it is.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{} does not parse: line {line}, column {column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{} is not what a client would write: {message}", path.display())]
    Shape { path: PathBuf, message: String },
    #[error("{} is not UTF-8 text", path.display())]
    Encoding { path: PathBuf },
    /// More than one place holds the client's file, and which one it reads cannot be known.
    #[error("the client keeps its file in more than one place: {}", list(paths))]
    Several { paths: Vec<PathBuf> },
    /// A newer file would take the place of the one that is in use.
    #[error("{} is in use, and would not be any more beside a new {}", path.display(), newer.display())]
    Older { path: PathBuf, newer: PathBuf },
    /// Our own path cannot be written into a client's file.
    #[error("the path {} is not Unicode text", path.display())]
    Path { path: PathBuf },
    #[error("{} was changed by another program just now", path.display())]
    Changed { path: PathBuf },
    #[error("could not use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
