//! Dated copies beside a client's file.

use crate::disk::atomic;
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Largest client file that is looked at, in bytes. Claude Code's grows with its history.
pub(super) const MAX: u64 = 64 << 20;

const END: &str = ".bak";

/// `config.json` → `config.json.allmcp-`.
fn start(path: &Path) -> OsString {
    let mut start = path.file_name().unwrap_or_default().to_owned();
    start.push(".allmcp-");
    start
}

/// Keeps `bytes` beside `path`, under the time `now`.
pub(super) fn save(path: &Path, bytes: &[u8], now: SystemTime) -> io::Result<PathBuf> {
    // As in ISO 8601's basic form: Windows allows no colons, and names sort by time.
    let stamp = humantime::format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
    let mut copy = path.to_owned();
    for again in 0.. {
        let mut name = start(path);
        name.push(if again == 0 { stamp.clone() } else { format!("{stamp}-{again}") });
        name.push(END);
        copy.set_file_name(name);
        if !copy.try_exists()? {
            break;
        }
    }
    atomic::write(&copy, bytes)?;
    Ok(copy)
}

/// The copies of `path`, newest first. Those that cannot be listed are not there.
pub(super) fn all(path: &Path) -> Vec<PathBuf> {
    let start = start(path);
    let start = start.to_string_lossy();
    let mut found: Vec<_> = path
        .parent()
        .and_then(|folder| fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|file| is_copy(file, &start))
        .collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    found
}

fn is_copy(file: &Path, start: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(start) && name.ends_with(END)
}

/// Whether `folder` holds anything but what is our own doing: the file `ours`, which is in it or
/// below it, and copies of that. Links are not followed, folders that we would have made are.
pub(super) fn is_used(folder: &Path, ours: &Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|file| {
        let file = file.path();
        if file != ours && ours.starts_with(&file) {
            return is_used(&file, ours);
        }
        !is_ours(&file, ours)
    })
}

fn is_ours(file: &Path, path: &Path) -> bool {
    let beside = file.parent() == path.parent();
    file == path || (beside && is_copy(file, &start(path).to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn copies_have_dates_and_never_replace_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.json");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let one = save(&path, b"1", at(1_795_132_800)).unwrap();
        let two = save(&path, b"2", at(1_795_132_800)).unwrap();
        let three = save(&path, b"3", at(1_795_132_801)).unwrap();
        assert_eq!(one.file_name().unwrap(), "c.json.allmcp-20261120T000000Z.bak");
        assert_eq!(fs::read(&one).unwrap(), b"1");
        assert_eq!(all(&path)[0], three);
        assert_eq!(all(&path).len(), 3);
        assert!(all(&path).contains(&two) && is_ours(&two, &path) && is_ours(&path, &path));
        assert!(!is_ours(&dir.path().join("c.json.bak"), &path));
        fs::write(&path, "").unwrap();
        assert!(!is_used(dir.path(), &path));
        fs::write(dir.path().join("other"), "").unwrap();
        assert!(is_used(dir.path(), &path));
        assert_eq!(all(&dir.path().join("none/c.json")), Vec::<PathBuf>::new());
    }

    #[test]
    fn folders_that_were_made_for_our_file_are_ours() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("a/b/c.json");
        fs::create_dir_all(ours.parent().unwrap()).unwrap();
        fs::write(&ours, "").unwrap();
        assert!(!is_used(dir.path(), &ours));
        fs::write(dir.path().join("a/theirs"), "").unwrap();
        assert!(is_used(dir.path(), &ours));
        assert!(!is_used(&dir.path().join("none"), &ours));
    }
}
