//! The tool definitions that count as approved, per connection: `<state>/pins/<account>.json`.
//!
//! The definitions are kept whole and byte for byte, so that a change can be shown as a diff
//! whatever became of the list cache meanwhile.

use super::account;
use crate::{
    disk::{
        atomic,
        lock::{FileLock, LockError},
    },
    wire::splice,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The format that this code writes; a newer one is not touched.
const VERSION: u32 = 1;

/// As long as the lists of one upstream may be.
const MAX_BYTES: u64 = 64 << 20;

const PATIENCE: Duration = Duration::from_secs(10);

/// Why the approvals of a connection cannot be used. They are never reset for it.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error("{path} cannot be read or written: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {detail}; delete it to approve all tools as they are now")]
    Corrupt { path: PathBuf, detail: String },
    #[error("{path} was written by a newer version of allmcp")]
    Newer { path: PathBuf },
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// All approvals, one file per account.
#[derive(Debug, Clone)]
pub struct PinStore {
    dir: PathBuf,
}

/// The approvals of one connection, by the upstream's tool names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Pins {
    version: u32,
    pub tools: BTreeMap<String, Pinned>,
}

/// One tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pinned {
    /// The definition that counts.
    pub approved: Box<RawValue>,
    /// Another one that the upstream gives now; whoever wrote it here has told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Box<RawValue>>,
}

impl Pins {
    /// Approves those of `tools` that were never seen; true when there were any.
    pub fn approve_new(&mut self, tools: &[Bytes]) -> bool {
        let before = self.tools.len();
        for (name, tool) in named(tools) {
            if !self.tools.contains_key(&*name)
                && let Some(approved) = raw(tool)
            {
                self.tools.insert(name.into_owned(), Pinned { approved, changed: None });
            }
        }
        self.tools.len() > before
    }
}

/// The tools that have a name.
pub fn named(tools: &[Bytes]) -> impl Iterator<Item = (Cow<'_, str>, &Bytes)> {
    tools.iter().filter_map(|tool| splice::get_str(tool, "name").map(|name| (name, tool)))
}

/// A definition as it is kept; `None`: it is no JSON.
pub fn raw(tool: &Bytes) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(tool.to_vec()).ok()?).ok()
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl PinStore {
    /// `dir` need not exist; it is made by the first write.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The approvals of `account`; none when nothing was ever seen.
    pub fn load(&self, account: &str) -> Result<Pins, PinError> {
        read(&self.path(account))
    }

    /// Everybody of whom there are approvals, in no order.
    pub fn accounts(&self) -> Vec<String> {
        account::all(&self.dir)
    }

    /// Changes the approvals of `account` under the lock; written only when `change` says true.
    /// Blocks: call it on a blocking thread.
    pub fn update<T>(
        &self,
        account: &str,
        change: impl FnOnce(&mut Pins) -> (T, bool),
    ) -> Result<T, PinError> {
        let path = self.path(account);
        let _lock = FileLock::acquire(&atomic::beside(&path, ".lock"), PATIENCE)?;
        let mut pins = read(&path)?;
        let (answer, changed) = change(&mut pins);
        if changed {
            pins.version = VERSION;
            let fail = |source| PinError::Io { path: path.clone(), source };
            let bytes = serde_json::to_vec(&pins).map_err(|e| fail(e.into()))?;
            atomic::write(&path, &bytes).map_err(fail)?;
        }
        Ok(answer)
    }

    /// Forgets the approvals of `account`.
    pub fn remove(&self, account: &str) -> io::Result<()> {
        match fs::remove_file(self.path(account)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, account: &str) -> PathBuf {
        account::file(&self.dir, account)
    }
}

fn read(path: &Path) -> Result<Pins, PinError> {
    let bytes = match atomic::read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pins::default()),
        Err(source) => return Err(PinError::Io { path: path.to_owned(), source }),
    };
    let corrupt =
        |e: serde_json::Error| PinError::Corrupt { path: path.to_owned(), detail: e.to_string() };
    let Head { version } = serde_json::from_slice(&bytes).map_err(corrupt)?;
    if version > VERSION {
        return Err(PinError::Newer { path: path.to_owned() });
    }
    serde_json::from_slice(&bytes).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn definitions_come_back_byte_for_byte() {
        let dir = tempfile::tempdir().unwrap();
        let store = PinStore::new(dir.path().join("pins"));
        assert!(store.load("a").unwrap().tools.is_empty());
        let text = "{ \"name\" : \"t\", \"x\": 1.0e5}";
        store
            .update("o/u%40/a", |pins| {
                let pinned = Pinned { approved: raw(text), changed: Some(raw("{}")) };
                (pins.tools.insert("t".into(), pinned), true)
            })
            .unwrap();
        let pins = store.load("o/u%40/a").unwrap();
        assert_eq!(pins.tools["t"].approved.get(), text);
        assert_eq!(pins.tools["t"].changed.as_ref().unwrap().get(), "{}");
        store.remove("o/u%40/a").unwrap();
        store.remove("o/u%40/a").unwrap();
        assert!(store.load("o/u%40/a").unwrap().tools.is_empty());
    }

    #[test]
    fn nothing_is_written_without_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let store = PinStore::new(dir.path().to_owned());
        assert_eq!(store.update("a", |_| (7, false)).unwrap(), 7);
        assert!(!dir.path().join("a.json").exists());
    }

    #[test]
    fn a_damaged_or_newer_file_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = PinStore::new(dir.path().to_owned());
        let path = dir.path().join("a.json");
        for (text, newer) in [("{", false), ("{}", false), (r#"{"version":2,"tools":7}"#, true)] {
            fs::write(&path, text).unwrap();
            let error = store.update("a", |_| ((), true)).unwrap_err();
            assert_eq!(matches!(error, PinError::Newer { .. }), newer, "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        // A later version may add to it.
        fs::write(&path, r#"{"version":1,"tools":{"t":{"approved":{},"by":"x"}},"new":1}"#)
            .unwrap();
        assert_eq!(store.load("a").unwrap().tools.len(), 1);
    }
}
