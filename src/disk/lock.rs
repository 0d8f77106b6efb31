//! Kernel file locks: held by an open file, gone with the process that held it, however it died.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another process holds {path} for more than {waited:?}")]
    Busy { path: PathBuf, waited: Duration },
    #[error("could not lock {path}")]
    Io { path: PathBuf, source: io::Error },
}

/// An exclusive lock on a file of its own; the file stays behind, the lock ends with this value.
///
/// The lock file is never deleted: whoever deleted it would split later comers into two camps.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits up to `patience` for the lock. Blocks: call it on a blocking thread.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let fail = |source| LockError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            super::atomic::create_dir(folder).map_err(fail)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = super::atomic::private(&mut options).open(path).map_err(fail)?;
        let start = Instant::now();
        // The kernel's blocking wait has no deadline, so we ask again; 2 ms keeps ten waiters fair.
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Busy { path: path.to_owned(), waited: patience });
                }
                Err(TryLockError::Error(source)) => return Err(fail(source)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_then_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = FileLock::acquire(&path, Duration::ZERO).unwrap();
        let busy = FileLock::acquire(&path, Duration::from_millis(20));
        assert!(matches!(busy, Err(LockError::Busy { .. })));
        drop(held);
        assert!(FileLock::acquire(&path, Duration::ZERO).is_ok());
    }
}
