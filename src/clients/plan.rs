//! A change to a client's file: worked out, shown, applied, undone.

use super::{
    Client, ClientError, Dirs, ENTRY, Server, backup, entry::is_equivalent, format::File, place,
};
use crate::disk::{atomic, lock::FileLock};
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// What applying a [`Plan`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Everything is as it should be.
    Nothing,
    /// The file is made, with our entry in it.
    Create,
    /// Our entry is added.
    Add,
    /// An entry that is there is brought up to date: ours, or one that did the same under
    /// another name.
    Update,
    /// Our entry is taken out.
    Remove,
    /// The file becomes again what it was before our entry was added.
    Restore,
    /// The file was made by us, held nothing else, and goes.
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Installed,
    Uninstalled,
}

/// A change that was worked out and not made yet.
pub struct Plan {
    client: &'static dyn Client,
    server: Server,
    wish: Wish,
    path: PathBuf,
    /// The name of the entry it is about.
    name: String,
    change: Change,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

/// What [`Plan::apply`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub path: PathBuf,
    /// The copy of what the file was; none when there was no file or nothing to do.
    pub backup: Option<PathBuf>,
}

/// How a client stands to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether the client is on this machine.
    pub is_here: bool,
    pub path: PathBuf,
    pub entry: Option<EntryState>,
}

/// The entry that launches us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryState {
    pub name: String,
    /// What it launches; nothing where it is no program.
    pub command: Option<String>,
    /// Whether that file is there.
    pub exists: bool,
    /// Whether `install` would change nothing.
    pub current: bool,
}

/// Works out how our entry gets into `client`'s file.
pub fn install(
    client: &'static dyn Client,
    dirs: &Dirs,
    server: &Server,
) -> Result<Plan, ClientError> {
    plan(client, place(client, dirs)?, server, Wish::Installed)
}

/// Works out how our entry gets out again: byte for byte what the file was, where nothing else
/// changed since; else without our entry.
pub fn uninstall(
    client: &'static dyn Client,
    dirs: &Dirs,
    server: &Server,
) -> Result<Plan, ClientError> {
    plan(client, place(client, dirs)?, server, Wish::Uninstalled)
}

/// How `client` stands to us.
pub fn inspect(
    client: &'static dyn Client,
    dirs: &Dirs,
    server: &Server,
) -> Result<State, ClientError> {
    let plan = install(client, dirs, server)?;
    let file = File::parse(client.format(), &plan.path, plan.before.as_deref())?;
    let entry = ours(client, &file, server).map(|(name, entry)| {
        let command = client.launch(&entry).map(|launch| launch.command);
        let exists = command.as_deref().is_some_and(|command| Path::new(command).exists());
        EntryState { name, command, exists, current: plan.change == Change::Nothing }
    });
    Ok(State { is_here: is_here(client, dirs), path: plan.path, entry })
}

/// Whether `client` is on this machine: by its own traces, or because its file holds more than we
/// put there.
pub fn is_here(client: &'static dyn Client, dirs: &Dirs) -> bool {
    let file = || {
        let path = place(client, dirs).ok()?;
        let bytes = read(&path).ok()??;
        // What does not parse was not written by us.
        Some(
            File::parse(client.format(), &path, Some(&bytes))
                .map_or(true, |file| file.has_more(ENTRY)),
        )
    };
    client.is_here(dirs) || file().unwrap_or(false)
}

/// The entry under our name, else one that does the same.
pub(super) fn ours(client: &dyn Client, file: &File, server: &Server) -> Option<(String, Value)> {
    let entries = file.entries();
    let named = entries.iter().find(|(name, _)| name == ENTRY);
    let same = || entries.iter().find(|(_, entry)| is_equivalent(client, entry, server));
    named.or_else(same).cloned()
}

fn plan(
    client: &'static dyn Client,
    path: PathBuf,
    server: &Server,
    wish: Wish,
) -> Result<Plan, ClientError> {
    let before = read(&path)?;
    let mut file = File::parse(client.format(), &path, before.as_deref())?;
    let found = ours(client, &file, server);
    let name = found.as_ref().map_or(ENTRY, |(name, _)| name).to_owned();
    let mut after = before.clone();
    let change = match (wish, found) {
        (Wish::Installed, None) => {
            file.insert(&name, &client.entry(server))?;
            after = Some(file.bytes());
            if before.is_some() { Change::Add } else { Change::Create }
        }
        (Wish::Installed, Some((_, entry))) => {
            let server = match client.launch(&entry) {
                Some(old) => server.clone().like(&old),
                None => server.clone(),
            };
            file.update(&name, &client.entry(&server), &client.shape())?;
            after = Some(file.bytes());
            if after == before { Change::Nothing } else { Change::Update }
        }
        (Wish::Uninstalled, None) => Change::Nothing,
        (Wish::Uninstalled, Some((_, entry))) => {
            let current = before.as_deref().unwrap_or_default();
            match original(client, server, &path, &name, &entry, current) {
                Original::Copy(bytes) => {
                    after = Some(bytes);
                    Change::Restore
                }
                Original::NoFile => {
                    after = None;
                    Change::Delete
                }
                Original::Unknown => {
                    file.remove(&name)?;
                    after = Some(file.bytes());
                    Change::Remove
                }
            }
        }
    };
    Ok(Plan { client, server: server.clone(), wish, path, name, change, before, after })
}

/// What a file was before our entry was added to it.
enum Original {
    Copy(Vec<u8>),
    NoFile,
    /// Something else was changed since.
    Unknown,
}

/// The copy, or the missing file, that becomes `current` when `entry` is added to it. Asking this
/// way needs no record of our own that could be wrong.
fn original(
    client: &dyn Client,
    server: &Server,
    path: &Path,
    name: &str,
    entry: &Value,
    current: &[u8],
) -> Original {
    let Some(entry) = entry.as_object() else { return Original::Unknown };
    let becomes_current = |bytes: Option<&[u8]>| {
        File::parse(client.format(), path, bytes).is_ok_and(|mut file| {
            let without = ours(client, &file, server).is_none();
            without && file.insert(name, entry).is_ok() && file.bytes() == current
        })
    };
    let copies = backup::all(path);
    let mut copy = copies.iter().filter_map(|copy| atomic::read(copy, backup::MAX).ok());
    match copy.find(|bytes| becomes_current(Some(bytes))) {
        Some(bytes) => Original::Copy(bytes),
        None if becomes_current(None) => Original::NoFile,
        None => Original::Unknown,
    }
}

pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    match atomic::read(path, backup::MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::Io { path: path.to_owned(), source }),
    }
}

impl Plan {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the entry it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn change(&self) -> &Change {
        &self.change
    }

    /// The change as a unified diff. What other servers are given is hidden in it: it may hold
    /// keys, and the screen may be an agent's.
    pub fn diff(&self) -> String {
        let shown = |bytes: &Option<Vec<u8>>| {
            // Both sides parsed when the plan was made.
            let file = File::parse(self.client.format(), &self.path, Some(bytes.as_deref()?));
            file.ok().map(|file| file.masked(&self.name))
        };
        let (before, after) = (shown(&self.before), shown(&self.after));
        let label = |side: &Option<String>| match side {
            Some(_) => self.path.display().to_string(),
            None => "/dev/null".to_owned(),
        };
        similar::TextDiff::from_lines(
            before.as_deref().unwrap_or_default(),
            after.as_deref().unwrap_or_default(),
        )
        .unified_diff()
        .context_radius(3)
        .header(&label(&before), &label(&after))
        .to_string()
    }

    /// Makes the change, keeping a copy dated `now` of what the file was. `lock` is a file of our
    /// own that holds off other copies of us. Blocks.
    pub fn apply(&self, lock: &Path, now: SystemTime) -> Result<Applied, ClientError> {
        let nothing = || Applied { path: self.path.clone(), backup: None };
        if self.change == Change::Nothing {
            return Ok(nothing());
        }
        let _lock = FileLock::acquire(lock, Duration::from_secs(10))?;
        if read(&self.path)? != self.before {
            // Somebody was faster. If that was another copy of us, all is done already; if it was
            // the client, which may write its file all the time, what was agreed to still holds
            // where it is the same lines.
            let again = plan(self.client, self.path.clone(), &self.server, self.wish)?;
            return match again.change {
                Change::Nothing => Ok(nothing()),
                _ if again.touched() == self.touched() => again.carry_out(now),
                _ => Err(ClientError::Changed { path: self.path.clone() }),
            };
        }
        self.carry_out(now)
    }

    /// The lines that go and come, wherever they are.
    fn touched(&self) -> Vec<String> {
        let diff = self.diff();
        let lines = diff.lines().skip(2).filter(|line| line.starts_with(['-', '+']));
        lines.map(str::to_owned).collect()
    }

    fn carry_out(&self, now: SystemTime) -> Result<Applied, ClientError> {
        let fail = |source| ClientError::Io { path: self.path.clone(), source };
        let backup = match &self.before {
            Some(bytes) => Some(backup::save(&self.path, bytes, now).map_err(fail)?),
            None => None,
        };
        match &self.after {
            Some(bytes) => atomic::replace(&self.path, bytes).map_err(fail)?,
            None => fs::remove_file(&self.path).map_err(fail)?,
        }
        Ok(Applied { path: self.path.clone(), backup })
    }
}

impl std::fmt::Debug for Plan {
    /// Without the file's contents: other servers' keys may be in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("client", &self.client.id())
            .field("path", &self.path)
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}
