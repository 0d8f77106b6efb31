//! Noticing that the configuration changed, whoever changed it and however.
//!
//! One `stat` every 300 ms: file notification would need a thread, a descriptor and a rule for
//! each way in which editors replace files, and misses network folders.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const INTERVAL: Duration = Duration::from_millis(300);

/// Watches one file. Make it before the file is read, so that no change falls in between.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    interval: Duration,
    seen: Stamp,
}

/// What a `stat` tells of a file's content; `None` when there is no file.
type Stamp = Option<(Option<SystemTime>, u64, [i64; 3])>;

impl Watch {
    pub fn new(path: &Path) -> Self {
        Self::every(path, INTERVAL)
    }

    /// A watch with its own interval, for tests.
    pub fn every(path: &Path, interval: Duration) -> Self {
        Self { path: path.to_owned(), interval, seen: stamp(path) }
    }

    /// Ends when the file is another than at the last call: changed, replaced, gone or back. Waits
    /// until it has been left alone for one interval's sixth, so that a file which an editor
    /// empties and then fills is not read between the two. May be dropped and called again.
    pub async fn changed(&mut self) {
        loop {
            tokio::time::sleep(self.interval).await;
            let mut now = stamp(&self.path);
            if now == self.seen {
                continue;
            }
            loop {
                tokio::time::sleep(self.interval / 6).await;
                let later = stamp(&self.path);
                if later == now {
                    break;
                }
                now = later;
            }
            self.seen = now;
            return;
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt as _;
        [meta.ino().cast_signed(), meta.ctime(), meta.ctime_nsec()]
    };
    #[cfg(not(unix))]
    let identity = [0; 3];
    Some((meta.modified().ok(), meta.len(), identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_way_of_changing_a_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let other = dir.path().join("other");
        let mut watch = Watch::every(&path, Duration::from_millis(12));
        fs::write(&path, "a = 1").unwrap();
        watch.changed().await;
        fs::write(&path, "a = 23").unwrap();
        watch.changed().await;
        fs::write(&other, "a = 23").unwrap();
        fs::rename(&other, &path).unwrap();
        watch.changed().await;
        fs::remove_file(&path).unwrap();
        watch.changed().await;
        fs::write(&path, "a = 23").unwrap();
        watch.changed().await;
        let quiet = tokio::time::timeout(Duration::from_millis(60), watch.changed()).await;
        assert!(quiet.is_err(), "nothing happened to the file");
    }
}
