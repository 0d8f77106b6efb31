//! The syntaxes of clients' files: one list of servers, read and edited in place.
//!
//! An edit gives a new text, which is parsed again: the entries must be the ones that were wanted,
//! and whatever else the file says must be the same, or the file is not touched.

mod change;
mod json;
mod lines;
mod mask;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

use super::{ClientError, entry::Shape};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const BOM: char = '\u{feff}';

/// The syntax of a client's file, and the key at its root under which servers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, servers by name; comments and trailing commas are taken and kept. The key is one key,
    /// dots in it or not.
    Json { servers: &'static str },
    /// TOML, a table of each server.
    Toml { servers: &'static str },
    /// YAML, servers by name.
    YamlMap { servers: &'static str },
    /// YAML, a list of servers with a `name` each. A file that says nothing begins with `start`.
    YamlList { servers: &'static str, start: &'static str },
}

/// A file of one syntax. Edits give the new text; one that fails says why.
trait Document {
    /// Every entry, by name, in the order of the file.
    fn entries(&self) -> Vec<(String, Value)>;

    /// What the file says beside its servers.
    fn rest(&self) -> Value;

    /// Adds an entry after the others. There must be none of that name.
    fn insert(&self, name: &str, entry: &Map<String, Value>) -> Result<String, String>;

    /// Sets what is at `path` in an entry that is there; no path is the entry itself.
    fn set(&self, name: &str, path: &[&str], value: &Value) -> Result<String, String>;

    /// Takes out what is at `path` in an entry that is there; no path is the entry itself.
    fn unset(&self, name: &str, path: &[&str]) -> Result<String, String>;

    fn text(&self) -> String;

    /// The text for a screen, with texts that may hold a secret replaced.
    fn masked(self: Box<Self>, ours: &str) -> String;
}

/// Why a text is not a client's file.
enum Fault {
    Syntax {
        line: usize,
        column: usize,
        message: String,
    },
    /// It parses, and is not what a client would write.
    Shape(String),
}

impl Fault {
    fn shape(message: impl Into<String>) -> Self {
        Self::Shape(message.into())
    }

    fn at(self, path: &Path) -> ClientError {
        let path = path.to_owned();
        match self {
            Self::Syntax { line, column, message } => {
                ClientError::Syntax { path, line, column, message }
            }
            Self::Shape(message) => ClientError::Shape { path, message },
        }
    }
}

impl Format {
    /// The key under which servers are listed.
    pub fn servers(self) -> &'static str {
        let (Self::Json { servers }
        | Self::Toml { servers }
        | Self::YamlMap { servers }
        | Self::YamlList { servers, .. }) = self;
        servers
    }

    fn parse(self, text: &str) -> Result<Box<dyn Document>, Fault> {
        Ok(match self {
            Self::Json { servers } => Box::new(json::File::parse(text, servers)?),
            Self::Toml { servers } => Box::new(toml::File::parse(text, servers)?),
            Self::YamlMap { servers } => Box::new(yaml::File::parse(text, servers, None)?),
            Self::YamlList { servers, start } => {
                Box::new(yaml::File::parse(text, servers, Some(start))?)
            }
        })
    }

    /// A file that is not there yet.
    fn nothing(self) -> &'static str {
        if matches!(self, Self::Json { .. }) { "{}\n" } else { "" }
    }

    /// A file with nothing but this entry.
    pub(super) fn snippet(self, name: &str, entry: &Map<String, Value>) -> String {
        // An empty file of any syntax can be added to.
        self.parse(self.nothing())
            .ok()
            .and_then(|file| file.insert(name, entry).ok())
            .unwrap_or_default()
    }
}

/// A client's file, parsed without loss.
pub(super) struct File {
    path: PathBuf,
    bom: bool,
    format: Format,
    document: Box<dyn Document>,
}

impl File {
    /// No bytes are a file that is not there yet.
    pub(super) fn parse(
        format: Format,
        path: &Path,
        bytes: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let text = std::str::from_utf8(bytes.unwrap_or(format.nothing().as_bytes()))
            .map_err(|_| ClientError::Encoding { path: path.to_owned() })?;
        let bare = text.strip_prefix(BOM);
        let document = format.parse(bare.unwrap_or(text)).map_err(|fault| fault.at(path))?;
        Ok(Self { path: path.to_owned(), bom: bare.is_some(), format, document })
    }

    /// Every entry, by name, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(String, Value)> {
        self.document.entries()
    }

    /// Whether it says more than a file that was made for the entry `ours`.
    pub(super) fn has_more(&self, ours: &str) -> bool {
        let begun = self.format.parse(self.format.nothing()).map(|file| file.rest());
        self.entries().iter().any(|(name, _)| name != ours)
            || begun.is_ok_and(|begun| begun != self.document.rest())
    }

    /// Adds an entry after the others. There must be none of that name.
    pub(super) fn insert(
        &mut self,
        name: &str,
        entry: &Map<String, Value>,
    ) -> Result<(), ClientError> {
        let mut wanted = self.entries();
        wanted.push((name.to_owned(), Value::Object(entry.clone())));
        self.become_text(self.document.insert(name, entry), wanted)
    }

    /// Brings the entry of that name up to date; what is not ours in it stays.
    pub(super) fn update(
        &mut self,
        name: &str,
        entry: &Map<String, Value>,
        shape: &Shape,
    ) -> Result<(), ClientError> {
        let entries = self.entries();
        let Some((_, old)) = entries.iter().find(|(one, _)| one == name) else { return Ok(()) };
        for change in change::between(old, entry, shape) {
            let mut wanted = self.entries();
            for (_, entry) in wanted.iter_mut().filter(|(one, _)| one == name) {
                change.apply(entry);
            }
            let path: Vec<&str> = change.path.iter().map(String::as_str).collect();
            let text = match &change.value {
                Some(value) => self.document.set(name, &path, value),
                None => self.document.unset(name, &path),
            };
            self.become_text(text, wanted)?;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), ClientError> {
        let mut wanted = self.entries();
        wanted.retain(|(one, _)| one != name);
        self.become_text(self.document.unset(name, &[]), wanted)
    }

    /// Takes the outcome of an edit, if it is what was `wanted` and nothing else.
    fn become_text(
        &mut self,
        text: Result<String, String>,
        mut wanted: Vec<(String, Value)>,
    ) -> Result<(), ClientError> {
        let sorted = |entries: &mut Vec<(String, Value)>| entries.sort_by(|a, b| a.0.cmp(&b.0));
        sorted(&mut wanted);
        let document = text.and_then(|text| {
            let again = self.format.parse(&text).ok();
            let good = again.filter(|document| {
                let mut entries = document.entries();
                sorted(&mut entries);
                entries == wanted && document.rest() == self.document.rest()
            });
            good.ok_or_else(|| "it is written in a way that cannot be edited safely".to_owned())
        });
        self.document = document.map_err(|message| Fault::Shape(message).at(&self.path))?;
        Ok(())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let bom = if self.bom { "\u{feff}" } else { "" };
        format!("{bom}{}", self.document.text()).into_bytes()
    }

    /// The text for a diff on a screen: what others are given (keys among it) is hidden.
    pub(super) fn masked(self, ours: &str) -> String {
        self.document.masked(ours)
    }
}
