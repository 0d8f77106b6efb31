//! The way to every store: off the runtime, in turn, and never for longer than a deadline.

use super::{FileVault, Keychain, Vault, VaultError, unsupported::Unsupported};
use crate::{
    kind::StoreKind,
    secret::Secret,
    task::{self, BlockingError},
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, timeout_at},
};

/// How long a caller waits for a store that does not answer, its place in the queue included.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// How many calls may hang at the same time before new ones wait for one of them to end.
const HUNG: usize = 16;

/// Which store, and where it is.
#[derive(Debug, Clone)]
pub struct VaultConfig {
    pub kind: StoreKind,
    /// The data folder, for a store that is a file.
    pub dir: PathBuf,
    /// The D-Bus session bus, where there is one. Linux only.
    pub dbus_address: Option<String>,
}

/// A cheap handle on one store; clones share it.
#[derive(Clone)]
pub struct VaultHandle(Arc<Inner>);

struct Inner {
    vault: Arc<dyn Vault>,
    deadline: Duration,
    /// One call at a time: the store's connection is reused, and a locked keychain asks once.
    lane: Mutex<()>,
    /// When a call last ended in time: a queue that moves is not a store that hangs.
    moved: StdMutex<Instant>,
    threads: Arc<Semaphore>,
    writers: StdMutex<HashMap<String, Weak<Mutex<()>>>>,
}

impl VaultHandle {
    /// Touches nothing: the store is opened by the first call.
    pub fn open(config: VaultConfig) -> Self {
        Self::of(match config.kind {
            StoreKind::Keychain => Arc::new(Keychain::new(config.dbus_address)),
            StoreKind::File => Arc::new(FileVault::new(&config.dir)),
            kind @ StoreKind::Passphrase => Arc::new(Unsupported(kind)),
        })
    }

    pub fn of(vault: Arc<dyn Vault>) -> Self {
        Self::with_deadline(vault, DEADLINE)
    }

    pub(crate) fn with_deadline(vault: Arc<dyn Vault>, deadline: Duration) -> Self {
        Self(Arc::new(Inner {
            vault,
            deadline,
            lane: Mutex::default(),
            moved: StdMutex::new(Instant::now()),
            threads: Arc::new(Semaphore::new(HUNG)),
            writers: StdMutex::default(),
        }))
    }

    /// As [`Vault::get`].
    pub async fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        let account = account.to_owned();
        self.run(None, move |vault| vault.get(&account)).await
    }

    /// As [`Vault::set`].
    pub async fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        let (item, value) = (account.to_owned(), value.clone());
        self.run(Some(account), move |vault| vault.set(&item, &value)).await
    }

    /// As [`Vault::delete`].
    pub async fn delete(&self, account: &str) -> Result<bool, VaultError> {
        let item = account.to_owned();
        self.run(Some(account), move |vault| vault.delete(&item)).await
    }

    /// As [`Vault::accounts`].
    pub async fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        self.run(None, |vault| vault.accounts()).await
    }

    /// As [`Vault::probe`].
    pub async fn probe(&self) -> Result<(), VaultError> {
        self.run(None, |vault| vault.probe()).await
    }

    pub fn kind(&self) -> StoreKind {
        self.0.vault.kind()
    }

    async fn run<T: Send + 'static>(
        &self,
        writes_to: Option<&str>,
        job: impl FnOnce(&dyn Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let inner = &*self.0;
        let arrived = Instant::now();
        let order = match writes_to {
            Some(account) => {
                let order = inner.writer(account).lock_owned();
                let until = arrived + inner.deadline;
                Some(timeout_at(until, order).await.map_err(|_| VaultError::TimedOut)?)
            }
            None => None,
        };
        let (_lane, thread) = inner.turn(arrived).await?;
        let vault = Arc::clone(&inner.vault);
        let done = task::on_thread("vault", inner.until(arrived) - Instant::now(), move || {
            // Held for as long as the call really lasts. A write that hangs may still happen, and
            // must not happen after a later one to the same account.
            let _held = (order, thread);
            job(&*vault)
        });
        let done = done.await;
        if done.is_ok() {
            *lock(&inner.moved) = Instant::now();
        }
        match done {
            Ok(result) => result,
            Err(BlockingError::TimedOut) => Err(VaultError::TimedOut),
            Err(e @ BlockingError::Panicked) => Err(VaultError::Other { detail: e.to_string() }),
        }
    }

    #[cfg(test)]
    fn hung(&self) -> usize {
        HUNG - self.0.threads.available_permits()
    }
}

impl Inner {
    /// When a caller that came at `arrived` gives up.
    fn until(&self, arrived: Instant) -> Instant {
        arrived.max(*lock(&self.moved)) + self.deadline
    }

    /// Waits for as long as the queue moves.
    async fn turn(
        &self,
        arrived: Instant,
    ) -> Result<(tokio::sync::MutexGuard<'_, ()>, impl Send + use<>), VaultError> {
        let mut turn = std::pin::pin!(async {
            (self.lane.lock().await, Arc::clone(&self.threads).acquire_owned().await)
        });
        loop {
            let until = self.until(arrived);
            match timeout_at(until, &mut turn).await {
                Ok(turn) => return Ok(turn),
                Err(_) if self.until(arrived) > until => {}
                Err(_) => return Err(VaultError::TimedOut),
            }
        }
    }

    /// What orders the writes to one account.
    fn writer(&self, account: &str) -> Arc<Mutex<()>> {
        let mut writers = lock(&self.writers);
        if let Some(writer) = writers.get(account).and_then(Weak::upgrade) {
            return writer;
        }
        writers.retain(|_, writer| writer.strong_count() > 0);
        let writer = Arc::default();
        writers.insert(account.to_owned(), Arc::downgrade(&writer));
        writer
    }
}

/// Nothing that we hold can be half done when a thread panics.
fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MemoryVault;
    use std::sync::{Condvar, Mutex};

    const SHORT: Duration = Duration::from_millis(400);
    const LONG: Duration = Duration::from_mins(1);

    /// Hangs in every call until it is let go.
    #[derive(Default)]
    struct Hanging {
        inner: MemoryVault,
        free: Mutex<bool>,
        changed: Condvar,
        pause: Duration,
    }

    impl Hanging {
        fn wait(&self) {
            std::thread::sleep(self.pause);
            drop(self.changed.wait_while(self.free.lock().unwrap(), |free| !*free).unwrap());
        }
        fn set_free(&self, free: bool) {
            *self.free.lock().unwrap() = free;
            self.changed.notify_all();
        }
    }

    impl Vault for Hanging {
        fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
            self.wait();
            self.inner.get(account)
        }
        fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
            self.wait();
            self.inner.set(account, value)
        }
        fn delete(&self, account: &str) -> Result<bool, VaultError> {
            self.wait();
            self.inner.delete(account)
        }
        fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
            panic!("a bug in a store");
        }
        fn kind(&self) -> StoreKind {
            StoreKind::Keychain
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hung_store_fails_every_caller_and_works_when_it_is_back() {
        let vault = Arc::new(Hanging::default());
        let handle = VaultHandle::with_deadline(vault.clone(), SHORT);
        let all = futures_util::future::join_all((0..40).map(|_| handle.get("a"))).await;
        assert!(all.iter().all(|one| *one == Err(VaultError::TimedOut)));
        assert!(VaultError::TimedOut.to_string().contains("unlock it"));
        for _ in 0..2 * HUNG {
            assert_eq!(handle.get("a").await, Err(VaultError::TimedOut));
        }
        assert!(handle.hung() <= HUNG);
        vault.set_free(true);
        while handle.probe().await.is_err() {}
    }

    #[tokio::test]
    async fn a_write_that_hung_never_happens_after_a_later_one() {
        let vault = Arc::new(Hanging::default());
        let handle = VaultHandle::with_deadline(vault.clone(), SHORT);
        assert_eq!(handle.set("a", &secret("old")).await, Err(VaultError::TimedOut));
        // The later one waits for the first instead of overtaking it.
        assert_eq!(handle.set("a", &secret("new")).await, Err(VaultError::TimedOut));
        assert_eq!(handle.hung(), 1);
        assert_eq!(handle.set("b", &secret("other")).await, Err(VaultError::TimedOut));
        assert_eq!(handle.hung(), 2);
        vault.set_free(true);
        while handle.hung() > 0 {
            tokio::task::yield_now().await;
        }
        let handle = VaultHandle::with_deadline(vault, LONG);
        assert_eq!(handle.get("a").await, Ok(Some(secret("old"))));
        handle.set("a", &secret("new")).await.unwrap();
        assert_eq!(handle.get("a").await, Ok(Some(secret("new"))));
        assert!(handle.delete("a").await.unwrap());
    }

    #[tokio::test]
    async fn a_slow_store_is_not_a_hung_one_however_long_the_queue() {
        let vault = Arc::new(Hanging { pause: Duration::from_millis(50), ..Hanging::default() });
        vault.set_free(true);
        let handle = VaultHandle::with_deadline(vault, Duration::from_secs(1));
        let all = futures_util::future::join_all((0..25).map(|_| handle.get("a"))).await;
        assert!(all.iter().all(|one| *one == Ok(None)));
    }

    #[tokio::test]
    async fn a_store_that_panics_is_an_error() {
        let handle = VaultHandle::of(Arc::new(Hanging::default()));
        assert!(matches!(handle.accounts().await, Err(VaultError::Other { .. })));
        assert_eq!(handle.kind(), StoreKind::Keychain);
    }

    #[tokio::test]
    async fn stores_are_opened_by_their_kind_and_only_when_used() {
        let dir = tempfile::tempdir().unwrap();
        let open = |kind| {
            VaultHandle::open(VaultConfig {
                kind,
                dir: dir.path().join("data"),
                dbus_address: None,
            })
        };
        let file = open(StoreKind::File);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        file.set("a", &secret("1")).await.unwrap();
        assert_eq!(open(StoreKind::File).get("a").await, Ok(Some(secret("1"))));
        let passphrase = open(StoreKind::Passphrase).probe().await.unwrap_err().to_string();
        assert_eq!(passphrase, "the passphrase store is not in this version: use keychain or file");
        #[cfg(all(unix, not(target_os = "macos")))]
        {
            let absent = open(StoreKind::Keychain).probe().await;
            assert!(matches!(absent, Err(VaultError::Absent { .. })), "{absent:?}");
        }
    }
}
