//! Our own files: whether they can be written, who else may read them, and whether each is whole.

use super::finding::{Check, Finding};
use crate::{
    cli::context::Context,
    config::Settings,
    disk::lock::{FileLock, LockError},
    store::MemoryStore,
    task, text,
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A log becomes `.1` at 8 MiB; one that is twice as long does not any more.
const LOG: u64 = 16 << 20;
/// How long a lock is waited for that is held for milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Files are looked for this deep below our folders, and this many are looked at.
const DEPTH: usize = 3;
const FILES: usize = 10_000;

pub(super) fn files(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![folder(&cx.paths.state)];
    findings.extend(modes(cx, settings));
    for log in [cx.paths.access_log(), cx.paths.log_file()] {
        if fs::metadata(&log).is_ok_and(|meta| meta.len() > LOG) {
            let shown = log.display();
            let message = format!("{shown} is longer than 16 MiB, and was not put aside");
            let old = text::word(&shown.to_string(), 500);
            let fix = format!("mv {old} {old}.1");
            findings.push(Finding::warning(Check::Files, message, fix));
        }
    }
    findings
}

/// Logs, health and pins need a folder that can be written; without it serving goes on.
fn folder(state: &Path) -> Finding {
    let nearest = state.ancestors().find(|path| path.exists()).unwrap_or(state);
    match tempfile::Builder::new().prefix(".allmcp-").tempfile_in(nearest) {
        Ok(_) => Finding::ok(Check::Files, format!("{} can be written", state.display())),
        Err(error) => Finding::warning(
            Check::Files,
            format!(
                "{} cannot be written: {error}; logs and last known lists are off",
                nearest.display()
            ),
            format!("make {} writable", nearest.display()),
        ),
    }
}

/// Files and folders that others may read or enter.
#[cfg(unix)]
fn modes(cx: &Context, settings: &Settings) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::symlink_metadata(path).map(|meta| meta.permissions().mode()).ok();
    let open = |path: &PathBuf| mode(path).is_some_and(|mode| mode & 0o077 != 0);
    let change = |mode: &str, paths: &[PathBuf]| {
        let paths: Vec<String> =
            paths.iter().map(|path| text::word(&path.display().to_string(), 400)).collect();
        format!("chmod {mode} {}", paths.join(" "))
    };
    let list = |paths: &[PathBuf]| {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        paths.join(", ")
    };
    let mut findings = Vec::new();
    let mut folders = vec![cx.paths.data.clone(), cx.paths.state.clone(), cx.paths.cache.clone()];
    folders.extend(cx.paths.config_file.parent().map(Path::to_owned));
    folders.retain(open);
    if !folders.is_empty() {
        let message = format!("others may enter {}", list(&folders));
        findings.push(Finding::warning(Check::Files, message, change("700", &folders)));
    }
    let secrets = vec![cx.paths.data.join("secrets.json")];
    if secrets.iter().any(open) {
        let message = format!("others may read the secrets in {}", list(&secrets));
        findings.push(Finding::error(Check::Files, message, change("600", &secrets)));
    }
    // A header that stands there as it is may be somebody's business all the same.
    let literal = settings.connections.iter().flat_map(|c| &c.headers);
    let literal = literal.filter(|(_, value)| value.holes().next().is_none()).count() > 0;
    let mut others = vec![cx.paths.memory(), cx.paths.access_log()];
    if literal {
        others.push(cx.paths.config_file.clone());
    }
    others.retain(open);
    if !others.is_empty() {
        let message = format!("others may read {}", list(&others));
        findings.push(Finding::warning(Check::Files, message, change("600", &others)));
    }
    findings
}

#[cfg(not(unix))]
fn modes(_: &Context, _: &Settings) -> Vec<Finding> {
    Vec::new()
}

/// What takes a moment: the memory, and locks that somebody holds.
pub(super) async fn held(cx: &Context) -> Vec<Finding> {
    let memory = MemoryStore::new(cx.paths.memory());
    let folders: Vec<PathBuf> = [&cx.paths.data, &cx.paths.state, &cx.paths.cache]
        .into_iter()
        .cloned()
        .chain(cx.paths.config_file.parent().map(Path::to_owned))
        .collect();
    let work = move || {
        let mut findings: Vec<Finding> = Vec::new();
        if let Err(error) = memory.check() {
            let fix = error.remedy().unwrap_or("make the file readable and writable");
            findings.push(Finding::error(Check::Files, error.to_string(), fix));
        }
        findings.extend(locks(&folders));
        findings
    };
    task::blocking(work).await.unwrap_or_default()
}

/// Locks that cannot be had. Whoever is asked to sign in holds one as long as that takes.
fn locks(folders: &[PathBuf]) -> Vec<Finding> {
    let mut all = BTreeSet::new();
    for folder in folders {
        find(folder, DEPTH, &mut all);
    }
    all.retain(|path| !path.to_string_lossy().ends_with(".sign-in.lock"));
    let told = |path: &PathBuf| match FileLock::acquire(path, PATIENCE) {
        Ok(_) => None,
        Err(error) => {
            let file = text::word(&path.display().to_string(), 500);
            let fix = match &error {
                LockError::Busy { .. } if cfg!(target_os = "linux") => {
                    format!("end the process that `fuser {file}` names")
                }
                LockError::Busy { .. } if cfg!(unix) => {
                    format!("end the process that `lsof {file}` names")
                }
                LockError::Busy { .. } => "end the allmcp that hangs".to_owned(),
                LockError::Io { .. } => format!("make {file} a plain file of yours, or delete it"),
            };
            let message = match &error {
                LockError::Busy { .. } => error.to_string(),
                LockError::Io { source, .. } => format!("{error}: {source}"),
            };
            Some(Finding::error(Check::Files, message, fix))
        }
    };
    all.iter().filter_map(told).collect()
}

fn find(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(FILES) {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            find(&path, depth - 1, found);
        } else if path.extension().is_some_and(|end| end == "lock") && found.len() < FILES {
            found.insert(path);
        }
    }
}
