//! One file of lines that many processes append to, and that never grows beyond twice its limit.
//!
//! Every line, or some lines of one process together, is one `write` to a file opened for appending, so lines of several processes never
//! mix. A full file is renamed to `.1` under a kernel lock. Whoever still has it open writes at
//! most once there, which readers of both files find, and opens the new one then.

use crate::disk::{atomic, lock::FileLock};
use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// The writing end of such a file; nothing is created before the first line.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    limit: u64,
    open: Option<(File, Identity)>,
    /// The last write was cut short (a full disk): the next one begins on a line of its own.
    torn: bool,
}

impl Rotating {
    /// `limit` is in bytes.
    pub fn new(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, open: None, torn: false }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `lines`, one or more, each with its line break. Blocks for one `stat` and one
    /// `write`.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let done = self.try_append(lines);
        if done.is_err() {
            self.open = None;
        }
        done
    }

    fn try_append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut now = self.on_disk()?;
        if now.as_ref().is_some_and(|meta| meta.len() >= self.limit) {
            self.rotate()?;
            now = self.on_disk()?;
        }
        let same = match (&self.open, &now) {
            (Some((file, identity)), Some(meta)) => identity.is_of(file, meta),
            _ => false,
        };
        if !same {
            let file = atomic::append(&self.path)?;
            let identity = Identity::of(&file.metadata()?);
            self.open = Some((file, identity));
        }
        let Some((file, _)) = &mut self.open else { return Ok(()) };
        let torn_before;
        let bytes = if self.torn {
            torn_before = [b"\n", line].concat();
            &torn_before
        } else {
            line
        };
        // `write_all` would finish a short write with a second one, which another process's line
        // could precede.
        let written = loop {
            match file.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.torn = written != bytes.len() && (written > 0 || self.torn);
        if written == bytes.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::WriteZero, "only a part of the line was written"))
        }
    }

    /// What is at the path now; a link there counts as another file, and opening it fails.
    fn on_disk(&self) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(&self.path) {
            Ok(meta) => Ok(Some(meta)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Renames a full file away. Does not wait: while somebody else rotates, the old file takes
    /// another line.
    fn rotate(&mut self) -> io::Result<()> {
        let lock = atomic::beside(&self.path, ".lock");
        let Ok(_lock) = FileLock::acquire(&lock, Duration::ZERO) else { return Ok(()) };
        // Somebody may have rotated between the look and the lock.
        if self.on_disk()?.is_some_and(|meta| meta.len() >= self.limit) {
            self.open = None;
            fs::rename(&self.path, older(&self.path))?;
        }
        Ok(())
    }
}

/// Where the file before this one is kept.
pub fn older(path: &Path) -> PathBuf {
    atomic::beside(path, ".1")
}

/// Tells whether a path still leads to the file that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    #[cfg(unix)]
    file: (u64, u64),
    #[cfg(not(unix))]
    created: Option<std::time::SystemTime>,
}

impl Identity {
    #[cfg(unix)]
    pub fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { file: (meta.dev(), meta.ino()) }
    }

    #[cfg(not(unix))]
    pub fn of(meta: &Metadata) -> Self {
        Self { created: meta.created().ok() }
    }

    /// True when `meta`, just read from a path, is of the open `file`.
    #[cfg(unix)]
    fn is_of(&self, _: &File, meta: &Metadata) -> bool {
        Self::of(meta) == *self
    }

    /// Windows gives a new file the birth time of the one that had its name a moment ago, so the
    /// lengths count as well: what took the place of a full file is shorter.
    #[cfg(not(unix))]
    fn is_of(&self, file: &File, meta: &Metadata) -> bool {
        let short = file.metadata().is_ok_and(|open| open.len() <= meta.len());
        Self::of(meta) == *self && short
    }

    /// True when `path` leads to the open `file`.
    #[cfg(unix)]
    pub fn is_at(&self, file: &File, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|meta| self.is_of(file, &meta))
    }

    /// The open file is looked at first: it may grow between the two looks, and that must not
    /// seem to be a change of place.
    #[cfg(not(unix))]
    pub fn is_at(&self, file: &File, path: &Path) -> bool {
        let Ok(open) = file.metadata() else { return false };
        fs::symlink_metadata(path)
            .is_ok_and(|meta| Self::of(&meta) == *self && open.len() <= meta.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn five_writers_and_many_rotations_lose_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        // A round writes less than the limit: it rotates once at most, and the two files hold all
        // of it.
        let mut kept = String::new();
        for round in 0..4 {
            std::thread::scope(|scope| {
                for writer in 0..5 {
                    let path = &path;
                    scope.spawn(move || {
                        let mut file = Rotating::new(path.clone(), 12_000);
                        for n in 0..50 {
                            let line = format!("{round} {writer} {n} {}\n", "x".repeat(30));
                            file.append(line.as_bytes()).unwrap();
                        }
                    });
                }
            });
            kept += &fs::read_to_string(older(&path)).unwrap_or_default();
            kept += &fs::read_to_string(&path).unwrap();
        }
        let lines: BTreeSet<_> = kept.lines().map(|l| l.rsplit_once(' ').unwrap()).collect();
        assert!(lines.iter().all(|(_, x)| x.len() == 30), "every line is whole");
        assert_eq!(lines.len(), 4 * 5 * 50, "every line is there");
        assert!(older(&path).exists(), "it was rotated");
    }

    #[test]
    fn only_a_full_file_is_renamed_and_only_by_the_holder_of_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        let mut file = Rotating::new(path.clone(), 8);
        file.append(b"one\n").unwrap();
        // As if somebody else had rotated between this writer's look and its lock.
        file.rotate().unwrap();
        assert!(!older(&path).exists());
        file.append(b"two\n").unwrap();
        let held = FileLock::acquire(&atomic::beside(&path, ".lock"), Duration::ZERO).unwrap();
        file.append(b"three\n").unwrap();
        assert!(!older(&path).exists());
        drop(held);
        file.append(b"four\n").unwrap();
        assert_eq!(fs::read_to_string(older(&path)).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/x.log");
        let mut file = Rotating::new(path.clone(), 1000);
        assert!(!path.parent().unwrap().exists());
        file.append(b"one\n").unwrap();
        fs::remove_file(&path).unwrap();
        file.append(b"two\n").unwrap();
        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        fs::write(&path, "other\n").unwrap();
        #[cfg(unix)]
        {
            file.append(b"three\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "other\nthree\n");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_nothing_else() {
        let mut file = Rotating::new("/dev/full".into(), 1000);
        assert!(file.append(b"line\n").is_err());
        assert!(file.append(b"line\n").is_err());
    }
}
