//! Several copies of us over one vault and one folder, and a strict authorization server: its
//! refresh tokens rotate, and one that is used twice ends the session.

mod clock;
mod faults;
mod races;
mod stores;
mod verdicts;

use super::*;
use crate::{
    auth::{
        AuthErrorKind, AuthMethod, Client, ClientSource, Credentials, Grant, GrantKind,
        config::tests::config,
    },
    kind::{AuthKind, StoreKind},
    net::NetConfig,
    secret::Secret,
    store::Intent,
    vault::{FileVault, Vault, VaultError},
};
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeSet, VecDeque},
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

const URL: &str = "https://h/mcp";
/// In which nothing hangs, and a slow machine may be slow.
const LONG: Duration = Duration::from_mins(1);

/// The authorization server, and the server that takes its tokens.
struct Server {
    state: Mutex<ServerState>,
    latency: Duration,
    now: Clock,
}

#[derive(Default)]
struct ServerState {
    accepted: BTreeSet<String>,
    refresh: String,
    given: u64,
    /// The session is over, by reuse or by hand.
    over: bool,
    asked: usize,
    ok: usize,
    invalid: usize,
    script: VecDeque<Refused>,
    /// Seconds that an access token is said to last.
    life: Option<u64>,
    /// A renewal ends all earlier access tokens, as at Notion.
    one_at_a_time: bool,
    /// The server takes no token at all.
    takes_none: bool,
}

impl Server {
    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap()
    }

    fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.asked, state.ok, state.invalid)
    }

    fn next(state: &mut ServerState) -> (String, String) {
        state.given += 1;
        let (access, refresh) =
            (format!("canary-at{}", state.given), format!("canary-rt{}", state.given));
        state.accepted.insert(access.clone());
        state.refresh.clone_from(&refresh);
        (access, refresh)
    }

    fn process(&self, held: &Held) -> Result<Renewed, Refused> {
        let mut state = self.state();
        let again = held.grant.kind == GrantKind::ClientCredentials;
        let sent = held.grant.refresh_token.as_ref().map(|token| token.expose().clone());
        if state.over || (!again && sent.as_deref() != Some(&*state.refresh)) {
            state.over = true;
            state.accepted.clear();
            state.invalid += 1;
            return Err(Refused::Grant { code: "invalid_grant".to_owned() });
        }
        if state.one_at_a_time {
            state.accepted.clear();
        }
        let (access, refresh) = Self::next(&mut state);
        state.ok += 1;
        let life = state.life.map(Duration::from_secs);
        Ok(Renewed {
            access_token: Secret::new(access),
            refresh_token: (!again).then(|| Secret::new(refresh)),
            expires_at: life.map(|life| (self.now)() + life),
            scopes: None,
            client: None,
            no_resource: false,
        })
    }
}

impl Endpoint for Server {
    fn renew<'a>(&'a self, held: &'a Held) -> BoxFuture<'a, Result<Renewed, Refused>> {
        Box::pin(async move {
            let scripted = {
                let mut state = self.state();
                state.asked += 1;
                state.script.pop_front()
            };
            tokio::time::sleep(self.latency / 2).await;
            if let Some(refused) = scripted {
                return Err(refused);
            }
            let answer = self.process(held);
            tokio::time::sleep(self.latency / 2).await;
            answer
        })
    }
}

fn unavailable() -> Refused {
    Refused::Transient { detail: "HTTP 503".to_owned(), retry_after: None }
}

/// A store that can be locked, for writing or altogether.
struct Fickle {
    inner: FileVault,
    no_writes: AtomicBool,
    locked: AtomicBool,
}

impl Fickle {
    fn open(&self, writes: bool) -> Result<&FileVault, VaultError> {
        let shut =
            self.locked.load(Ordering::SeqCst) || (writes && self.no_writes.load(Ordering::SeqCst));
        if shut { Err(VaultError::Locked { detail: "test".to_owned() }) } else { Ok(&self.inner) }
    }
}

impl Vault for Fickle {
    fn get(&self, account: &str) -> Result<Option<Secret<String>>, VaultError> {
        self.open(false)?.get(account)
    }
    fn set(&self, account: &str, value: &Secret<String>) -> Result<(), VaultError> {
        self.open(true)?.set(account, value)
    }
    fn delete(&self, account: &str) -> Result<bool, VaultError> {
        self.open(true)?.delete(account)
    }
    fn accounts(&self) -> Result<Option<Vec<String>>, VaultError> {
        self.open(false)?.accounts()
    }
    fn kind(&self) -> StoreKind {
        StoreKind::File
    }
}

/// One machine.
struct Site {
    dir: tempfile::TempDir,
    server: Arc<Server>,
    /// How many seconds our clocks are ahead.
    ahead: Arc<AtomicI64>,
    patience: Duration,
}

/// One process.
struct Copy {
    credentials: Credentials,
    shutdown: Shutdown,
    vault: Arc<Fickle>,
}

#[derive(Debug, PartialEq)]
enum Failed {
    /// The server refused even the second token.
    Refused,
    Auth(AuthErrorKind, String),
}

impl Site {
    fn new() -> Self {
        Self::with_latency(Duration::from_millis(60))
    }

    fn with_latency(latency: Duration) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let now = clock_of(&ahead);
        let state = ServerState { life: Some(3600), ..ServerState::default() };
        let server = Arc::new(Server { state: Mutex::new(state), latency, now });
        let dir = tempfile::tempdir().unwrap();
        Self { dir, server, ahead, patience: PATIENCE }
    }

    /// Signed in `ago` seconds ago, with tokens that last an hour; nobody has read them yet.
    async fn signed_in(ago: i64) -> Self {
        let site = Self::new();
        site.sign_in(ago).await;
        site
    }

    async fn sign_in(&self, ago: i64) {
        self.sign_in_with(ago, |_| ()).await;
    }

    async fn sign_in_with(&self, ago: i64, change: impl FnOnce(&mut Grant)) {
        let (access, refresh) = {
            let mut state = self.server.state();
            state.over = false;
            Server::next(&mut state)
        };
        let start = shifted(SystemTime::now(), self.ahead.load(Ordering::SeqCst) - ago);
        let mut grant = Grant {
            generation: 0,
            kind: GrantKind::Code,
            access_token: Secret::new(access),
            refresh_token: Some(Secret::new(refresh)),
            expires_at: Some(start + Duration::from_hours(1)),
            issued_at: Some(start),
            scopes: vec!["a".to_owned()],
            issuer: "https://as".to_owned(),
            resource: None,
            token_endpoint: "https://as/token".to_owned(),
            revocation_endpoint: None,
            style: None,
        };
        change(&mut grant);
        let (_, vault) = self.vault();
        self.place(vault).store_new(client(), grant, |_| ()).await.unwrap();
    }

    fn place(&self, vault: VaultHandle) -> Place {
        let (name, account) = ("c".parse().unwrap(), "c".to_owned());
        Place { name, account, bound: URL.to_owned(), vault, grants: self.grants() }
    }

    fn vault(&self) -> (Arc<Fickle>, VaultHandle) {
        let inner = FileVault::new(&self.dir.path().join("data"));
        let (no_writes, locked) = (AtomicBool::new(false), AtomicBool::new(false));
        let fickle = Arc::new(Fickle { inner, no_writes, locked });
        (Arc::clone(&fickle), VaultHandle::with_deadline(fickle, LONG))
    }

    fn grants(&self) -> GrantStore {
        GrantStore::new(self.folder())
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("grants")
    }

    fn facts(&self) -> GrantFacts {
        self.grants().load("c")
    }

    fn copy(&self) -> Copy {
        self.copy_of(URL)
    }

    fn copy_of(&self, url: &str) -> Copy {
        let config = CredentialConfig { auth: AuthKind::OAuth, ..config(url) };
        let (fickle, vault) = self.vault();
        let shutdown = Shutdown::new();
        let net = Net::new(NetConfig::default());
        let deps = TokenDeps { net, grants: self.grants(), shutdown: shutdown.clone() };
        let endpoint = Arc::clone(&self.server) as Arc<dyn Endpoint>;
        let world = World { endpoint, now: clock_of(&self.ahead), patience: self.patience };
        let tokens = Tokens::with(&config, &vault, deps, world);
        let credentials = Credentials::of(config, vault, Some(tokens));
        Copy { credentials, shutdown, vault: fickle }
    }

    fn copies(&self, n: usize) -> Vec<Copy> {
        (0..n).map(|_| self.copy()).collect()
    }

    /// One call as `upstream` makes it: after a 401, once more.
    async fn call(&self, copy: &Copy) -> Result<(), Failed> {
        let auth = |error: AuthError| Failed::Auth(error.kind(), error.to_string());
        let first = copy.credentials.prepare().await.map_err(auth)?;
        if self.accepts(&first.headers) {
            return Ok(());
        }
        let second = copy.credentials.rejected(first.generation).await.map_err(auth)?;
        if self.accepts(&second.headers) { Ok(()) } else { Err(Failed::Refused) }
    }

    fn accepts(&self, headers: &http::HeaderMap) -> bool {
        let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let state = self.server.state();
        !state.takes_none && state.accepted.contains(token)
    }

    /// All copies at once, each twice.
    async fn all_call(&self, copies: &[Copy]) -> Vec<Result<(), Failed>> {
        let calls = copies.iter().flat_map(|copy| [self.call(copy), self.call(copy)]);
        futures_util::future::join_all(calls).await
    }
}

fn client() -> Client {
    Client {
        issuer: "https://as".to_owned(),
        id: "id".to_owned(),
        secret: None,
        method: AuthMethod::None,
        source: ClientSource::Registered,
        redirect_uri: None,
        secret_expires_at: None,
        management: None,
    }
}

fn clock_of(ahead: &Arc<AtomicI64>) -> Clock {
    let ahead = Arc::clone(ahead);
    Arc::new(move || shifted(SystemTime::now(), ahead.load(Ordering::SeqCst)))
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - by } else { time + by }
}

#[track_caller]
fn needs_auth(answer: Result<(), Failed>, why: &str) {
    match answer {
        Err(Failed::Auth(AuthErrorKind::NeedsAuth, text)) => {
            assert!(text.contains(why) && text.contains("allmcp reconnect c"), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn transient(answer: Result<(), Failed>, why: &str) {
    match answer {
        Err(Failed::Auth(AuthErrorKind::Transient, text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?}"),
    }
}
