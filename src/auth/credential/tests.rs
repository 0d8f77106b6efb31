//! One credential under many callers, and under vaults that hang, lock and change.

use super::*;
use crate::{
    auth::{AuthErrorKind, config::tests::config, save_secrets},
    kind::{AuthKind, StoreKind},
    vault::{FileVault, MemoryVault, Vault, VaultError},
};
use futures_util::future::join_all;
use std::{
    sync::{
        Condvar,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const URL: &str = "https://h/mcp";

/// Counts reads, and hangs or fails as it is told to.
#[derive(Default)]
struct Fake {
    inner: MemoryVault,
    reads: AtomicUsize,
    mood: Mutex<Mood>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Mood {
    #[default]
    Well,
    Hung,
    Locked,
}

impl Fake {
    fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }
}

impl Vault for Fake {
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mood = self.mood.lock().unwrap();
        if *self.changed.wait_while(mood, |mood| *mood == Mood::Hung).unwrap() == Mood::Locked {
            return Err(VaultError::Locked { detail: "prompt dismissed".to_owned() });
        }
        self.inner.get(account)
    }
    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        self.inner.set(account, value)
    }
    fn delete(&self, account: &str) -> Result<bool, VaultError> {
        self.inner.delete(account)
    }
    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        self.inner.accounts()
    }
    fn kind(&self) -> StoreKind {
        StoreKind::Keychain
    }
}

struct World {
    fake: Arc<Fake>,
    vault: VaultHandle,
    credentials: Credentials,
}

impl World {
    async fn new(deadline: Duration) -> Self {
        let fake = Arc::new(Fake::default());
        let vault = VaultHandle::with_deadline(fake.clone(), deadline);
        let credentials = Credentials::new(config(URL), vault.clone());
        let world = Self { fake, vault, credentials };
        world.store("t1", URL).await;
        world.fake.reads.store(0, Ordering::SeqCst);
        world
    }

    async fn store(&self, token: &str, bound: &str) {
        let secrets = BTreeMap::from([("token".to_owned(), Secret::new(token.to_owned()))]);
        save_secrets(&self.vault, "c", bound, secrets).await.unwrap();
    }

    fn reads(&self) -> usize {
        self.fake.reads.load(Ordering::SeqCst)
    }
}

const LONG: Duration = Duration::from_mins(1);
/// Long enough for a thread to start on a busy machine, where nothing hangs.
const SHORT: Duration = Duration::from_millis(700);

fn token(answer: &Answer) -> String {
    let sent = answer.as_ref().unwrap();
    assert_eq!(sent.url.expose().as_str(), URL);
    sent.headers["authorization"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn many_callers_read_once_and_later_ones_read_nothing() {
    let world = World::new(LONG).await;
    let all = join_all((0..20).map(|_| world.credentials.prepare())).await;
    assert!(all.iter().all(|one| token(one) == "Bearer t1"));
    world.credentials.clone().prepare().await.unwrap();
    assert_eq!(world.reads(), 1);
    assert!(!format!("{:?} {:?}", world.credentials, all[0]).contains("t1"));
}

#[tokio::test]
async fn a_hung_vault_fails_all_who_wait_and_the_next_call_tries_again() {
    let world = World::new(SHORT).await;
    world.fake.set_mood(Mood::Hung);
    for failed in join_all((0..20).map(|_| world.credentials.prepare())).await {
        let error = failed.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Store);
        assert!(error.to_string().contains("unlock it"), "{error}");
    }
    world.fake.set_mood(Mood::Well);
    while world.credentials.prepare().await.is_err() {}
    assert_eq!(token(&world.credentials.prepare().await), "Bearer t1");
}

#[tokio::test]
async fn what_is_in_memory_goes_on_while_the_vault_is_locked_or_hung() {
    let world = World::new(SHORT).await;
    let first = loop {
        // The deadline is short for the hung vault's sake; a slow machine may miss it here.
        if let Ok(first) = world.credentials.prepare().await {
            break first;
        }
    };
    for mood in [Mood::Locked, Mood::Hung] {
        world.fake.set_mood(mood);
        let error = world.credentials.rejected(first.generation).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Store);
        assert_eq!(token(&world.credentials.prepare().await), "Bearer t1");
    }
    world.fake.set_mood(Mood::Well);
}

#[tokio::test]
async fn a_refused_key_is_read_again_once_and_a_new_one_is_taken() {
    let world = World::new(LONG).await;
    let first = world.credentials.prepare().await.unwrap();
    world.fake.set_mood(Mood::Hung);
    let mut refused = join_all((0..20).map(|_| world.credentials.rejected(first.generation)));
    assert!((&mut refused).now_or_never().is_none());
    world.fake.set_mood(Mood::Well);
    for one in refused.await {
        let error = one.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::NeedsAuth);
        assert!(error.to_string().contains("did not accept"), "{error}");
    }
    assert_eq!(world.reads(), 2);
    // It is sent again all the same: the server may have changed its mind.
    assert_eq!(world.credentials.prepare().await.unwrap().generation, first.generation);

    world.store("t2", URL).await;
    let renewed = world.credentials.rejected(first.generation).await;
    assert_eq!(token(&renewed), "Bearer t2");
    let renewed = renewed.unwrap().generation;
    assert_ne!(renewed, first.generation);
    let reads = world.reads();
    let late = world.credentials.rejected(first.generation).await.unwrap();
    assert_eq!(
        (late.generation, world.reads()),
        (renewed, reads),
        "one who comes late reads nothing"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_no_other_with_it() {
    let world = World::new(LONG).await;
    world.fake.set_mood(Mood::Hung);
    let mut first = Box::pin(world.credentials.prepare());
    let mut second = Box::pin(world.credentials.prepare());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    world.fake.set_mood(Mood::Well);
    assert_eq!(token(&second.await), "Bearer t1");

    world.credentials.forget();
    world.fake.set_mood(Mood::Hung);
    let mut alone = Box::pin(world.credentials.prepare());
    assert!((&mut alone).now_or_never().is_none());
    drop(alone);
    world.fake.set_mood(Mood::Well);
    assert_eq!(token(&world.credentials.prepare().await), "Bearer t1");
}

#[tokio::test]
async fn a_read_from_before_forget_is_not_kept() {
    let world = World::new(LONG).await;
    world.fake.set_mood(Mood::Hung);
    let mut early = Box::pin(world.credentials.prepare());
    assert!((&mut early).now_or_never().is_none());
    world.credentials.forget();
    world.fake.set_mood(Mood::Well);
    assert_eq!(token(&early.await), "Bearer t1");
    world.store("t2", URL).await;
    assert_eq!(token(&world.credentials.prepare().await), "Bearer t2");
}

#[tokio::test]
async fn a_key_is_not_sent_to_another_place_than_it_was_given_for() {
    let world = World::new(LONG).await;
    for elsewhere in ["https://other/mcp", "https://h:8443/mcp", "http://h/mcp", "https://h/mcp2"] {
        world.store("canary", elsewhere).await;
        world.credentials.forget();
        let error = world.credentials.prepare().await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::NeedsAuth);
        let text = error.to_string();
        assert!(text.contains("URL was changed") && !text.contains("canary"), "{text}");
    }
    world.vault.delete("c").await.unwrap();
    let error = world.credentials.prepare().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "connection c needs a sign-in: no credential is stored for it; run: allmcp reconnect c"
    );
}

#[tokio::test]
async fn without_a_secret_the_vault_is_left_alone() {
    let fake = Arc::new(Fake::default());
    let open = CredentialConfig { auth: AuthKind::None, ..config(URL) };
    let credentials = Credentials::new(open, VaultHandle::of(fake.clone()));
    let sent = credentials.prepare().await.unwrap();
    assert!(sent.headers.is_empty());
    let refused = credentials.rejected(sent.generation).await.unwrap_err().to_string();
    assert!(refused.contains("none is sent"), "{refused}");
    assert_eq!(fake.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_of_the_store_and_not_a_missing_key() {
    let dir = tempfile::tempdir().unwrap();
    let vault = VaultHandle::of(Arc::new(FileVault::new(dir.path())));
    let credentials = Credentials::new(config(URL), vault.clone());
    assert_eq!(credentials.prepare().await.unwrap_err().kind(), AuthErrorKind::NeedsAuth);
    std::fs::write(dir.path().join("secrets.json"), "{").unwrap();
    assert_eq!(credentials.prepare().await.unwrap_err().kind(), AuthErrorKind::Store);
}
