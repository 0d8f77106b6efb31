//! The system's keychain: one item per account, service `allmcp`.

use super::{
    SERVICE, Vault, VaultError,
    chunk::{self, Items},
    is_account,
    native::{self, Meaning, System},
};
use crate::{kind::StoreKind, secret::Secret, text};
use keyring_core::{CredentialStore, Entry, Error};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Connects when it is first used. A connection that failed or hangs is not used again: the next
/// call makes a new one, so a keychain that comes back is found without a restart.
pub struct Keychain {
    system: System,
    /// A connection that no call is using.
    idle: Mutex<Option<Arc<CredentialStore>>>,
    one_at_a_time: Mutex<()>,
}

impl Keychain {
    /// `bus` is the address of the D-Bus session bus, if there is one; for Linux only.
    pub fn new(bus: Option<String>) -> Self {
        Self::of(native::system(bus))
    }

    fn of(system: System) -> Self {
        Self { system, idle: Mutex::default(), one_at_a_time: Mutex::default() }
    }

    /// Runs `job` on a connection of its own: a call that hangs holds up no other.
    fn with<T>(
        &self,
        item: &str,
        job: impl Fn(&CredentialStore) -> keyring_core::Result<T>,
    ) -> Result<T, VaultError> {
        let _turn = self.system.serial.then(|| lock(&self.one_at_a_time));
        let idle = lock(&self.idle).take();
        if let Some(store) = idle {
            match job(&*store) {
                // The keychain may have been restarted since: a new connection tells.
                Err(Error::PlatformFailure(_)) => {}
                done => return self.end(store, item, done),
            }
        }
        let store = (self.system.open)().map_err(|e| self.explain(item, &e, true))?;
        let done = job(&*store);
        self.end(store, item, done)
    }

    fn end<T>(
        &self,
        store: Arc<CredentialStore>,
        item: &str,
        done: keyring_core::Result<T>,
    ) -> Result<T, VaultError> {
        if !matches!(done, Err(Error::PlatformFailure(_))) {
            *lock(&self.idle) = Some(store);
        }
        done.map_err(|e| self.explain(item, &e, false))
    }

    fn entry(&self, store: &CredentialStore, item: &str) -> keyring_core::Result<Entry> {
        let modifiers = (self.system.modifiers)(item);
        let modifiers: HashMap<&str, &str> =
            modifiers.iter().map(|(key, value)| (*key, value.as_str())).collect();
        store.build(SERVICE, item, Some(&modifiers))
    }

    /// "Locked" and "not there" are told apart from each other and from every other failure.
    fn explain(&self, item: &str, error: &Error, connecting: bool) -> VaultError {
        let short = |text: &str| text::line(text, 200);
        match error {
            Error::NoStorageAccess(cause) | Error::PlatformFailure(cause) => {
                let (code, detail) = (native::describe(cause), short(&cause.to_string()));
                let says = |meanings: &[Meaning]| {
                    let found = meanings.iter().find(|(words, _)| code.contains(words));
                    found.map(|(_, plain)| (*plain).to_owned())
                };
                if let Some(detail) = says(self.system.locked) {
                    VaultError::Locked { detail }
                } else if let Some(detail) = says(self.system.absent) {
                    VaultError::Absent { detail }
                } else if connecting {
                    VaultError::Absent { detail }
                } else if matches!(error, Error::NoStorageAccess(_)) {
                    VaultError::Locked { detail }
                } else {
                    VaultError::Other { detail }
                }
            }
            Error::TooLong(what, limit) => {
                VaultError::TooLong { detail: format!("{what}: at most {limit} bytes") }
            }
            Error::BadEncoding(_) | Error::BadDataFormat(..) => VaultError::Corrupt {
                path: format!("keychain item {item} of {SERVICE}"),
                detail: "it is not text".to_owned(),
            },
            Error::Ambiguous(items) => VaultError::Other {
                detail: format!(
                    "it holds {} items of {SERVICE} for {item}: remove all but one",
                    items.len()
                ),
            },
            other => VaultError::Other { detail: short(&other.to_string()) },
        }
    }

    /// Turns "nothing found" into "locked" where the store does not make that difference itself.
    fn sure_of_miss(&self, account: &str) -> Result<(), VaultError> {
        // A probe's own item is not worth another probe.
        if self.system.miss_is_sure || !is_account(account) { Ok(()) } else { self.probe() }
    }
}

/// Nothing that we hold can be half done when a thread panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Items for Keychain {
    fn get_item(&self, item: &str) -> Result<Option<Secret<String>>, VaultError> {
        self.with(item, |store| match self.entry(store, item)?.get_password() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(e) => Err(e),
        })
    }

    fn set_item(&self, item: &str, value: &Secret<String>) -> Result<(), VaultError> {
        self.with(item, |store| self.entry(store, item)?.set_password(value.expose()))
    }

    fn delete_item(&self, item: &str) -> Result<bool, VaultError> {
        self.with(item, |store| match self.entry(store, item)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(e) => Err(e),
        })
    }

    fn limit(&self) -> Option<usize> {
        self.system.limit
    }
}

impl Vault for Keychain {
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        let found = chunk::get(self, account)?;
        if found.is_none() {
            self.sure_of_miss(account)?;
        }
        Ok(found)
    }

    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        chunk::set(self, account, value)
    }

    fn delete(&self, account: &str) -> Result<bool, VaultError> {
        let was_there = chunk::delete(self, account)?;
        if !was_there {
            self.sure_of_miss(account)?;
        }
        Ok(was_there)
    }

    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        if !self.system.lists {
            return Ok(None);
        }
        let found = self.with("", |store| store.search(&HashMap::from([("service", SERVICE)])))?;
        if found.is_empty() && !self.system.miss_is_sure {
            self.probe()?;
        }
        let mut accounts: Vec<String> = found
            .iter()
            .filter_map(Entry::get_specifiers)
            .filter(|(service, account)| service == SERVICE && is_account(account))
            .map(|(_, account)| account)
            .collect();
        accounts.sort();
        Ok(Some(accounts))
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Keychain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyring_core::mock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Opener = Box<dyn Fn(usize) -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync>;

    /// A keychain over `open`, which is told how many times it was called before.
    fn keychain(open: Opener, limit: Option<usize>) -> (Keychain, Arc<AtomicUsize>) {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        let system = System {
            open: Box::new(move || open(count.fetch_add(1, Ordering::SeqCst))),
            limit,
            serial: true,
            miss_is_sure: false,
            lists: true,
            modifiers: |_| HashMap::new(),
            locked: &[("IsLocked", "it says so")],
            absent: &[("ServiceUnknown", "nobody there")],
        };
        (Keychain::of(system), opened)
    }

    fn failure(text: &str) -> Error {
        Error::PlatformFailure(text.into())
    }

    fn fail_next(store: &mock::Store, item: &str, error: Error) {
        use keyring_core::api::CredentialStoreApi as _;
        let entry = store.build(SERVICE, item, None).unwrap();
        entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
    }

    #[test]
    fn values_pass_and_one_connection_serves_all_calls() {
        let store = mock::Store::new().unwrap();
        let (vault, opened) = keychain(Box::new(move |_| Ok(store.clone())), Some(1280));
        let long = Secret::new("x".repeat(8 << 10));
        vault.set("a", &long).unwrap();
        vault.set("b", &Secret::new("1".into())).unwrap();
        assert_eq!(vault.get("a").unwrap(), Some(long));
        assert!(vault.delete("a").unwrap());
        assert_eq!(vault.get("a").unwrap(), None);
        assert_eq!(opened.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_keychain_that_was_not_there_is_found_when_it_comes() {
        let store = mock::Store::new().unwrap();
        let open =
            move |before| if before == 0 { Err(failure("no")) } else { Ok(store.clone() as _) };
        let (vault, _) = keychain(Box::new(open), None);
        assert!(matches!(vault.probe(), Err(VaultError::Absent { .. })));
        vault.probe().unwrap();
    }

    #[test]
    fn a_connection_that_went_stale_is_replaced_within_the_call() {
        let store = mock::Store::new().unwrap();
        let shared = Arc::clone(&store);
        let (vault, opened) = keychain(Box::new(move |_| Ok(shared.clone())), None);
        vault.set("a", &Secret::new("1".into())).unwrap();
        fail_next(&store, "a", failure("the session is unknown"));
        assert_eq!(vault.get("a").unwrap(), Some(Secret::new("1".into())));
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn locked_absent_and_damaged_are_told_apart() {
        let store = mock::Store::new().unwrap();
        let shared = Arc::clone(&store);
        let (vault, _) = keychain(Box::new(move |_| Ok(shared.clone())), None);
        let said = |error: Error| {
            // The first call has no idle connection that could be replaced.
            *lock(&vault.idle) = None;
            fail_next(&store, "a", error);
            vault.get("a").unwrap_err()
        };
        let locked = said(Error::NoStorageAccess("prompt dismissed".into()));
        assert!(matches!(&locked, VaultError::Locked { .. }));
        assert!(locked.to_string().contains("unlock it"), "{locked}");
        assert!(matches!(said(failure("x.IsLocked: y")), VaultError::Locked { .. }));
        assert!(matches!(said(failure("x.ServiceUnknown: y")), VaultError::Absent { .. }));
        assert!(matches!(said(failure("broken")), VaultError::Other { .. }));
        let bad = said(Error::BadEncoding(b"canary".to_vec()));
        assert!(matches!(&bad, VaultError::Corrupt { .. }) && !bad.to_string().contains("canary"));
    }

    #[test]
    fn nothing_found_in_a_store_that_cannot_be_written_is_not_a_missing_secret() {
        let store = mock::Store::new().unwrap();
        let shared = Arc::clone(&store);
        let (vault, _) = keychain(Box::new(move |_| Ok(shared.clone())), None);
        let probe = format!("#probe.{}", std::process::id());
        for wanted in ["get", "delete"] {
            fail_next(&store, &probe, Error::NoStorageAccess("prompt dismissed".into()));
            let said = match wanted {
                "get" => vault.get("a").map(drop),
                _ => vault.delete("a").map(drop),
            };
            assert!(matches!(said, Err(VaultError::Locked { .. })), "{wanted}: {said:?}");
        }
        assert_eq!(vault.get("a").unwrap(), None);
    }
}
