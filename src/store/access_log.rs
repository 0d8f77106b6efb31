//! Who called what, and how it ended: one line a call, whole or not at all.
//!
//! The lines of calls that end in the same turn of the runtime go out in one write, at the end of
//! that turn: with many calls in flight the writes would else be a tenth of what a call costs.

use super::time;
use crate::{disk::rotate::Rotating, log::scrub, task, text::line};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

/// The log's size at which it becomes `.1`.
const FILE_BYTES: u64 = 8 << 20;
/// So much is written at once, however long the turn still is.
const MANY_BYTES: usize = 16 << 10;
/// The mark that begins every line: the format's version. Quotes inside texts are escaped, so it
/// occurs nowhere else, and a reader finds a line behind a torn one by it.
pub(super) const MARK: &str = "{\"v\":1,";
#[cfg(test)]
const MAX_LINE: usize = 4096;

/// One call. No arguments, no results, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the call came in.
    #[serde(with = "time")]
    pub time: SystemTime,
    pub connection: String,
    /// The tool's public name.
    pub tool: String,
    #[serde(default)]
    pub client: Option<String>,
    #[serde(default)]
    pub pid: u32,
    #[serde(default)]
    pub org: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    /// The name of the access token, never the token.
    #[serde(default)]
    pub token: Option<String>,
    /// What policy said, and the user where it asks: `allow`, `deny`, `approved`, `refused`,
    /// `dismissed` (the question was closed), `unanswered` (not in time), `asked` (there is no
    /// answer yet: a link was given, or the call was cancelled before).
    #[serde(default)]
    pub decision: Cow<'static, str>,
    pub outcome: Outcome,
    /// Without the time that the user took to answer.
    #[serde(default)]
    pub duration_ms: u64,
    #[serde(default)]
    pub request_bytes: u64,
    #[serde(default)]
    pub response_bytes: u64,
    #[serde(default)]
    pub error: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    /// The tool answered `isError`.
    ToolError,
    Failed,
    Cancelled,
    Denied,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

impl Outcome {
    /// As it stands in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Other => "other",
        }
    }

    pub fn is_failure(self) -> bool {
        matches!(self, Self::ToolError | Self::Failed | Self::Denied)
    }
}

impl Entry {
    /// This entry as it is written: every text clean and short enough that the line, with all its
    /// characters four bytes long, stays within 4 KiB.
    pub(super) fn fitted(&self) -> Self {
        let short = |text: &Option<String>, max| text.as_ref().map(|text| line(text, max));
        Self {
            connection: line(&self.connection, 40),
            tool: line(&self.tool, 200),
            client: short(&self.client, 80),
            org: short(&self.org, 100),
            user: short(&self.user, 100),
            token: short(&self.token, 64),
            decision: line(&self.decision, 32).into(),
            error: self.error.as_ref().map(|error| line(&scrub(error), 240)),
            ..*self
        }
    }
}

/// The writing end; clones write through the same file.
#[derive(Debug, Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: Mutex<Rotating>,
    /// Whole lines that are not written yet. Who makes it not empty sees to its being written.
    waiting: Mutex<Vec<u8>>,
    warned: AtomicBool,
}

impl AccessLog {
    /// A log at `<state>/access.log`; nothing is created before the first entry.
    pub fn new(path: PathBuf) -> Self {
        Self::with_limit(path, FILE_BYTES)
    }

    fn with_limit(path: PathBuf, limit: u64) -> Self {
        let file = Mutex::new(Rotating::new(path, limit));
        let (waiting, warned) = (Mutex::default(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { file, waiting, warned }) }
    }

    /// Writes one line, without waiting for the disk: at the end of this turn of the runtime,
    /// with the other lines of the turn, and before what the turn has to tell clients; outside of
    /// a runtime at once. A failure never fails the call that is told of: it warns, once for each
    /// process.
    pub fn append(&self, entry: &Entry) {
        let mut waiting = self.shared.waiting();
        let first = waiting.is_empty();
        push_line(&mut waiting, entry);
        let many = waiting.len() >= MANY_BYTES;
        drop(waiting);
        if many {
            self.shared.write();
        } else if first {
            let shared = Arc::clone(&self.shared);
            task::at_end_of_turn(move || shared.write());
        }
    }

    /// Where it can be read.
    pub fn path(&self) -> PathBuf {
        self.shared.file.lock().unwrap_or_else(PoisonError::into_inner).path().to_owned()
    }

    /// Writes what the turn has left so far: for who reads the log in the same turn.
    pub fn write_waiting(&self) {
        self.shared.write();
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is waiting, by one `write`.
    fn write(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = self.waiting();
        if lines.is_empty() {
            return;
        }
        let written = file.append(&lines);
        lines.clear();
        drop(lines);
        let Err(error) = written else { return };
        let path = file.path().display().to_string();
        drop(file);
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("calls are not logged in {path}: {error}");
        }
    }
}

/// Appends the entry's line: [`MARK`], and its JSON without the brace that is in the mark.
fn push_line(to: &mut Vec<u8>, entry: &Entry) {
    let start = to.len();
    to.extend_from_slice(MARK.as_bytes());
    let brace = to.len() - 1;
    to.truncate(brace);
    // Into memory, and of plain texts and numbers: it cannot fail.
    if serde_json::to_writer(&mut *to, &entry.fitted()).is_ok() {
        to[brace] = b',';
        to.push(b'\n');
    } else {
        to.truncate(start);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::log_reader::{Filter, LogReader};
    use std::{fs, path::Path, time::Duration};

    pub(in crate::store) fn entry(tool: &str) -> Entry {
        Entry {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            connection: "kommo".to_owned(),
            tool: tool.to_owned(),
            client: Some("claude-desktop".to_owned()),
            pid: 7,
            org: None,
            user: None,
            token: None,
            decision: "allow".into(),
            outcome: Outcome::Ok,
            duration_ms: 12,
            request_bytes: 34,
            response_bytes: 56,
            error: None,
        }
    }

    pub(in crate::store) fn small(path: &Path, limit: u64) -> AccessLog {
        AccessLog::with_limit(path.to_owned(), limit)
    }

    fn read(path: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        LogReader::new(path.to_owned()).read(&Filter::default(), |e| entries.push(e)).unwrap();
        entries
    }

    #[test]
    fn the_line_is_the_contract_s() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/access.log");
        let log = AccessLog::new(path.clone());
        assert!(!path.parent().unwrap().exists());
        log.append(&entry("kommo__x"));
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"v\":1,\"time\":\"2023-11-14T22:13:20.123Z\",\"connection\":\"kommo\",\"tool\":\"kommo__x\",\
             \"client\":\"claude-desktop\",\"pid\":7,\"org\":null,\"user\":null,\"token\":null,\"decision\":\"allow\",\
             \"outcome\":\"ok\",\"duration_ms\":12,\"request_bytes\":34,\"response_bytes\":56,\"error\":null}\n"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_line_is_never_longer_than_a_page_and_holds_no_secret() {
        let long = "😀\u{1b}\n\"\\".repeat(5000);
        let huge = Entry {
            connection: long.clone(),
            tool: long.clone(),
            client: Some(long.clone()),
            org: Some(long.clone()),
            user: Some(long.clone()),
            token: Some(long.clone()),
            decision: long.clone().into(),
            error: Some(format!("Bearer canary {long}")),
            pid: u32::MAX,
            duration_ms: u64::MAX,
            request_bytes: u64::MAX,
            response_bytes: u64::MAX,
            outcome: Outcome::ToolError,
            ..entry("")
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        AccessLog::new(path.clone()).append(&huge);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() <= MAX_LINE, "{}", text.len());
        assert!(!text.contains("canary") && text.lines().count() == 1);
        assert_eq!(read(&path), [huge.fitted()]);
    }

    #[test]
    fn five_writers_lose_and_tear_nothing_over_rotations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        // Half of it all: it rotates, and the two files still hold everything.
        let one = serde_json::to_string(&entry("w0-000")).unwrap().len() as u64 + 8;
        std::thread::scope(|scope| {
            for writer in 0..5 {
                let log = small(&path, 600 * one);
                scope.spawn(move || {
                    for n in 0..200 {
                        log.append(&entry(&format!("w{writer}-{n:03}")));
                    }
                });
            }
        });
        let mut tools: Vec<_> = read(&path).into_iter().map(|e| e.tool).collect();
        assert_eq!(tools.len(), 1000);
        tools.sort();
        tools.dedup();
        assert_eq!(tools.len(), 1000, "every line once");
        assert!(crate::disk::rotate::older(&path).exists(), "it was rotated");
    }

    #[tokio::test]
    async fn calls_of_one_turn_are_written_together_and_before_what_comes_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = AccessLog::new(path.clone());
        log.append(&entry("a"));
        log.append(&entry("b"));
        assert!(!path.exists(), "not in the middle of the turn");
        tokio::task::yield_now().await;
        assert_eq!(read(&path).len(), 2);
        log.append(&entry("c"));
        tokio::task::yield_now().await;
        assert_eq!(read(&path).len(), 3);
        let full = Entry { client: Some("x".repeat(80)), ..entry("full") };
        (0..100).for_each(|_| log.append(&full));
        assert!(read(&path).len() > 3, "nothing piles up");
    }

    #[test]
    fn nothing_is_lost_when_the_runtime_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = AccessLog::new(path.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { log.append(&entry("last")) });
        runtime.shutdown_background();
        assert_eq!(read(&path).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_log_that_cannot_be_written_fails_no_call() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        let log = AccessLog::new(path);
        log.append(&entry("a"));
        log.append(&entry("b"));
        assert!(log.shared.warned.load(Ordering::Relaxed));
        assert!(!dir.path().join("elsewhere").exists());
    }
}
