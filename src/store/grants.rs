//! What may be known of a sign-in without its secrets: `<state>/grants/<account>.json`.
//!
//! All copies of us share it. The tokens themselves are in the vault, with everything that a
//! renewal needs, so a lost or damaged file costs nothing but what it warned of.

use super::{account, time};
use crate::disk::{
    atomic,
    lock::{FileLock, LockError},
    rotate::Identity,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    fs,
    io::{self, ErrorKind},
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// Raised only when an older reader would misread what a newer one writes.
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;
/// The file is changed in milliseconds; whoever takes longer was stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// The non-secret side of one connection's sign-in. Times are kept to the millisecond.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct GrantFacts {
    /// The place that the tokens are for; facts of another place say nothing.
    pub bound: String,
    /// Of the pair of tokens in the vault.
    pub generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Of the access token.
    #[serde(with = "time::optional")]
    pub expires_at: Option<SystemTime>,
    /// New tokens can be had without the user.
    pub renewable: bool,
    /// When the user last said yes.
    #[serde(with = "time::optional")]
    pub signed_in_at: Option<SystemTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// A process has newer tokens than the vault, and could not save them yet.
    #[serde(skip_serializing_if = "is_false")]
    pub unsaved: bool,
    /// The authorization server refuses `resource` (RFC 8707).
    #[serde(skip_serializing_if = "is_false")]
    pub no_resource: bool,
    /// How the client shows who it is, where trying taught it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_port: Option<u16>,
    /// Where somebody is asked for consent right now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// The last sign-in never came back: the next one registers afresh.
    #[serde(skip_serializing_if = "is_false")]
    pub abandoned: bool,
    /// The authorization server forgot the client: the next sign-in registers afresh.
    #[serde(skip_serializing_if = "is_false")]
    pub client_forgotten: bool,
    /// To be asked for at the next sign-in, what was granted included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wanted_scopes: Vec<String>,
    /// The last renewals that a refused token led to, so that no loop goes unnoticed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renewed: Vec<At>,
    /// What other versions keep beside it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl GrantFacts {
    /// These facts, where they are of `bound`; those of another place go.
    pub fn for_place(&mut self, bound: &str) -> &mut Self {
        if self.bound != bound {
            *self = Self { bound: bound.to_owned(), ..Self::default() };
        }
        self
    }
}

impl GrantFacts {
    /// Whether the authorization server wants to hear no more of these tokens.
    pub fn has_refused(&self, generation: u64) -> bool {
        self.rejected.as_ref().is_some_and(|no| no.generation >= generation)
    }
}

/// The authorization server's last word on a generation: it is not asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    pub generation: u64,
    /// An error code of RFC 6749, or `reply_lost`.
    pub code: String,
    #[serde(with = "time")]
    pub at: SystemTime,
}

/// Somebody is about to use a refresh token up. While this stands and the vault still has that
/// token, its successor is lost or in somebody's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub generation: u64,
    pub token_hash: String,
    #[serde(with = "time")]
    pub started: SystemTime,
    /// It is the second and last try.
    #[serde(default, skip_serializing_if = "is_false")]
    pub again: bool,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct At(#[serde(with = "time")] pub SystemTime);

/// Tells two versions of one file apart without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(Option<(Identity, Option<SystemTime>, u64)>);

#[derive(Serialize, Deserialize)]
struct Format {
    version: u32,
    #[serde(flatten)]
    facts: GrantFacts,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The facts of all sign-ins, a file each. Every method blocks for as long as a small file takes,
/// and the locks for as long as they are told to.
#[derive(Debug, Clone)]
pub struct GrantStore {
    folder: PathBuf,
}

impl GrantStore {
    /// The store in `<state>/grants`; nothing is created before the first use.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is known; everything at its default when there is nothing that can be read.
    pub fn load(&self, account: &str) -> GrantFacts {
        match self.read(account) {
            Ok(facts) => facts.unwrap_or_default(),
            Err(error) => {
                tracing::warn!("what was known of the sign-in of {account} is not used: {error}");
                GrantFacts::default()
            }
        }
    }

    /// Changes what is known, for all processes. A damaged file is replaced, one of a newer
    /// version is an error.
    pub fn update<T>(
        &self,
        account: &str,
        change: impl FnOnce(&mut GrantFacts) -> T,
    ) -> io::Result<T> {
        let path = self.path(account);
        let lock = FileLock::acquire(&atomic::beside(&path, ".lock"), PATIENCE);
        let _lock = lock.map_err(|error| match error {
            LockError::Io { source, .. } => source,
            busy @ LockError::Busy { .. } => io::Error::new(ErrorKind::TimedOut, busy.to_string()),
        })?;
        let old = match self.read(account) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::warn!("what was known of the sign-in of {account} is lost: {error}");
                None
            }
            other => other?,
        };
        let mut facts = old.clone().unwrap_or_default();
        let answer = change(&mut facts);
        if old.unwrap_or_default() != facts {
            let bytes = serde_json::to_vec(&Format { version: VERSION, facts })?;
            atomic::write(&path, &bytes)?;
        }
        Ok(answer)
    }

    /// Everybody of whom something is known, in no order.
    pub fn accounts(&self) -> Vec<String> {
        account::all(&self.folder)
    }

    /// Forgets what is known; that there was nothing is no error. The lock files stay.
    pub fn remove(&self, account: &str) -> io::Result<()> {
        match fs::remove_file(self.path(account)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// Another one after every change, by whatever process.
    pub fn stamp(&self, account: &str) -> Stamp {
        let meta = fs::symlink_metadata(self.path(account));
        Stamp(meta.ok().map(|meta| (Identity::of(&meta), meta.modified().ok(), meta.len())))
    }

    /// The right to change the tokens of `account`. Held over the request that does it, and until
    /// the answer is in the vault.
    pub fn lock(&self, account: &str, patience: Duration) -> Result<FileLock, LockError> {
        FileLock::acquire(&atomic::beside(&self.path(account), ".renew.lock"), patience)
    }

    /// The right to ask the user to sign in to `account`.
    pub fn sign_in_lock(&self, account: &str, patience: Duration) -> Result<FileLock, LockError> {
        FileLock::acquire(&atomic::beside(&self.path(account), ".sign-in.lock"), patience)
    }

    fn read(&self, account: &str) -> io::Result<Option<GrantFacts>> {
        let bytes = match atomic::read(&self.path(account), MAX_BYTES) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let bad = |e: serde_json::Error| io::Error::new(ErrorKind::InvalidData, e.to_string());
        let Format { version, facts } = serde_json::from_slice(&bytes).map_err(bad)?;
        if version > VERSION {
            let path = self.path(account);
            let text = format!("{} was written by a newer allmcp: update this one", path.display());
            return Err(io::Error::new(ErrorKind::Unsupported, text));
        }
        Ok(Some(facts))
    }

    fn path(&self, account: &str) -> PathBuf {
        account::file(&self.folder, account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, GrantStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = GrantStore::new(dir.path().join("grants"));
        (dir, store)
    }

    fn moment() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)
    }

    #[test]
    fn facts_come_back_and_little_is_written_that_says_nothing() {
        let (_dir, store) = store();
        assert_eq!(store.load("a"), GrantFacts::default());
        let intent =
            |again| Intent { generation: 3, token_hash: "ab".to_owned(), started: moment(), again };
        store
            .update("a", |facts| {
                facts.generation = 3;
                facts.bound = "https://h/mcp".to_owned();
                facts.intent = Some(intent(false));
            })
            .unwrap();
        let text = fs::read_to_string(store.path("a")).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"version":1,"bound":"https://h/mcp","generation":3,"scopes":[],"expires_at":null,"#,
                r#""renewable":false,"signed_in_at":null,"#,
                r#""intent":{"generation":3,"token_hash":"ab","started":"2023-11-14T22:13:20.123Z"}}"#
            )
        );
        let rejected = Rejected { generation: 3, code: "invalid_grant".into(), at: moment() };
        let all = store
            .update("a", |facts| {
                facts.intent = Some(intent(true));
                facts.rejected = Some(rejected);
                facts.renewed = vec![At(moment())];
                facts.wanted_scopes = vec!["x".to_owned()];
                facts.unsaved = true;
                facts.callback_port = Some(7);
                facts.clone()
            })
            .unwrap();
        assert_eq!(store.load("a"), all);
        store.remove("a").unwrap();
        store.remove("a").unwrap();
        assert_eq!(store.load("a"), GrantFacts::default());
    }

    #[test]
    fn a_damaged_file_is_as_if_absent_and_a_newer_one_stays() {
        let (_dir, store) = store();
        let path = store.path("a");
        atomic::write(&path, b"{").unwrap();
        assert_eq!(store.load("a"), GrantFacts::default());
        store.update("a", |facts| facts.generation = 1).unwrap();
        assert_eq!(store.load("a").generation, 1);

        let newer = br#"{"version":2,"generation":9}"#;
        atomic::write(&path, newer).unwrap();
        assert_eq!(store.load("a"), GrantFacts::default());
        let error = store.update("a", |facts| facts.generation = 1).unwrap_err();
        assert!(error.to_string().contains("newer allmcp"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), newer);
    }

    #[test]
    fn what_a_later_version_adds_is_kept_and_what_an_older_one_lacks_is_the_default() {
        let (_dir, store) = store();
        atomic::write(&store.path("a"), br#"{"version":1,"generation":4,"later":[1]}"#).unwrap();
        store.update("a", |facts| facts.renewable = true).unwrap();
        let text = fs::read_to_string(store.path("a")).unwrap();
        assert!(text.contains(r#""later":[1]"#) && text.contains(r#""generation":4"#), "{text}");
    }

    #[test]
    fn the_stamp_changes_with_every_change_and_only_then() {
        let (_dir, store) = store();
        let absent = store.stamp("a");
        store.update("a", |facts| facts.generation = 1).unwrap();
        let first = store.stamp("a");
        assert_ne!(first, absent);
        store.update("a", |facts| facts.generation = 1).unwrap();
        assert_eq!(store.stamp("a"), first);
        store.update("a", |facts| facts.generation = 2).unwrap();
        assert_ne!(store.stamp("a"), first);
    }

    #[test]
    fn updates_of_several_processes_lose_nothing_and_each_lock_is_its_own() {
        let (_dir, store) = store();
        let renewing = store.lock("a", Duration::ZERO).unwrap();
        let _signing_in = store.sign_in_lock("a", Duration::ZERO).unwrap();
        assert!(store.lock("a", Duration::from_millis(5)).is_err());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        store.clone().update("a", |facts| facts.generation += 1).unwrap();
                    }
                });
            }
        });
        assert_eq!(store.load("a").generation, 20);
        drop(renewing);
        assert!(store.lock("a", Duration::ZERO).is_ok());
        store.remove("a").unwrap();
        let left: Vec<_> = fs::read_dir(&store.folder).unwrap().collect();
        assert_eq!(left.len(), 3, "the lock files stay: {left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_a_folder_that_takes_nothing_is_an_error() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, store) = store();
        store.update("a", |facts| facts.generation = 1).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(store.path("a")), 0o600);
        assert_eq!(mode(store.folder), 0o700);
        let blocked = dir.path().join("file");
        fs::write(&blocked, "").unwrap();
        assert!(GrantStore::new(blocked.join("grants")).update("a", |_| ()).is_err());
    }
}
