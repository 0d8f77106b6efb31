//! Links in answers: opened in a browser, they begin the consent, or ask for what is missing.
//!
//! They lead to a page of this process, live as long as it does, may be fetched again (programs
//! look ahead at links), and are spent when what they are for is done.

mod asker;
mod flow;
mod forms;
mod job;
mod trouble;
mod visit;

pub use job::Wish;

use self::{
    flow::{End, Flow, Stage},
    job::Job,
    visit::Visits,
};
use super::{Connected, Deps, Entered, Leaving};
use crate::{
    auth::{Challenge, CredentialConfig},
    name::{ConnectionName, Tenant},
    page::{Pages, browser::Browser},
    task,
    vault::VaultHandle,
};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::{OnceCell, watch};

/// How long a link is good where nothing else is said, and how long a consent that it began is
/// waited for.
const LIFE: Duration = Duration::from_mins(10);
/// So long it is known that a link was there.
const KNOWN: Duration = Duration::from_hours(1);
/// Most links at a time; the oldest make room.
const MAX_LINKS: usize = 64;
/// How long a browser waits until others have taken up what was done.
const TAKE_UP: Duration = Duration::from_secs(5);
/// How long a process that is done waits for a browser to come for the last page.
const LAST_PAGE: Duration = Duration::from_secs(3);
const PATH: &str = "/connect/";

/// Where the user goes to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub expires_at: SystemTime,
}

/// How a link ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Somebody signed in to a connection that is there.
    SignedIn(ConnectionName),
    Connected(Connected),
    Disconnected(ConnectionName, Leaving),
    /// The user would rather not.
    Cancelled,
    /// Nobody answered in time.
    Expired,
}

/// Follows a link to its end.
pub type Ending = watch::Receiver<Option<Outcome>>;

/// Is told of every link that came to its end well, before the user is.
pub(crate) type Done = Box<dyn Fn(&Outcome) -> BoxFuture<'static, ()> + Send + Sync>;

/// How links are made here.
#[derive(Debug, Clone)]
pub struct LinksConfig {
    /// How long one is good.
    pub life: Duration,
    pub browser: Browser,
}

impl Default for LinksConfig {
    fn default() -> Self {
        Self { life: LIFE, browser: Browser::default() }
    }
}

/// The links of one process; clones share them.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    deps: Mutex<Deps>,
    config: LinksConfig,
    done: OnceLock<Done>,
    /// Nothing listens before the first link is given out.
    pages: OnceCell<Pages>,
    links: Mutex<HashMap<String, Entry>>,
}

/// One link.
struct Entry {
    /// What it is for: there is one for each.
    purpose: String,
    job: Arc<Job>,
    expires_at: SystemTime,
    /// What goes on behind it, from the first visit on.
    flow: Option<Arc<Flow>>,
    ending: watch::Sender<Option<Outcome>>,
    /// The browser was opened for it.
    opened: bool,
}

impl Entry {
    fn is_expired(&self, now: SystemTime) -> bool {
        // Whoever is on the way is let through to the end.
        let busy = |flow: &Arc<Flow>| !matches!(flow.stage(), Stage::Asking(_) | Stage::Over(_));
        self.expires_at <= now && !self.flow.as_ref().is_some_and(busy)
    }

    fn is_over(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| matches!(flow.stage(), Stage::Over(_)))
    }
}

impl Outcome {
    /// The connection that it is about.
    pub fn name(&self) -> Option<&ConnectionName> {
        match self {
            Self::SignedIn(name) | Self::Disconnected(name, _) => Some(name),
            Self::Connected(connected) => Some(&connected.name),
            Self::Cancelled | Self::Expired => None,
        }
    }
}

impl Links {
    pub fn new(deps: Deps, config: LinksConfig) -> Self {
        Self(Arc::new(Inner {
            deps: Mutex::new(deps),
            config,
            done: OnceLock::new(),
            pages: OnceCell::new(),
            links: Mutex::default(),
        }))
    }

    /// The configuration may have chosen another store.
    pub fn keep_in(&self, vault: VaultHandle) {
        self.0.deps.lock().unwrap_or_else(PoisonError::into_inner).vault = vault;
    }

    /// What connecting stands on here.
    pub fn deps(&self) -> Deps {
        self.0.deps()
    }

    /// Who is told when a link has done its work; the first one stays.
    pub fn on_done(&self, done: Done) {
        let _first = self.0.done.set(done);
    }

    /// The link by which the user signs in to a connection that is there: the one that there is,
    /// as long as it is good for a while. `None` when no page can be shown.
    pub async fn link(
        &self,
        config: &CredentialConfig,
        challenge: Option<&Challenge>,
    ) -> Option<Link> {
        let purpose = format!("sign in {}", config.account);
        if let Some((link, job, _)) = self.known(&purpose).await? {
            if let Job::SignIn { challenge: kept, .. } = &*job {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                // The server may have become clearer, or stricter.
                *kept = challenge.cloned().or(kept.take());
            }
            return Some(link);
        }
        let place = self.0.deps().place(config).ok()?;
        let (grants, account) = (place.grants, place.account);
        let facts = task::blocking(move || grants.load(&account)).await.ok()?;
        let job = Job::SignIn {
            config: Box::new(config.clone()),
            challenge: Mutex::new(challenge.cloned()),
            instead_of: if facts.bound == place.bound { facts.generation } else { 0 },
        };
        self.made(purpose, job).await.map(|(link, _)| link)
    }

    /// The link by which the user connects something, and what becomes of it. `purpose` tells
    /// what is meant from everything else: the same one gets the same link.
    pub async fn connect(&self, purpose: &str, wish: Wish) -> Option<(Link, Ending)> {
        self.found_or_made(format!("connect {purpose}"), || Job::Connect(wish)).await
    }

    /// The link by which the user gives a connection by key another one.
    pub async fn renew(&self, name: &ConnectionName, tenant: &Tenant) -> Option<(Link, Ending)> {
        let purpose = format!("renew {}", tenant.account(name));
        let job = || Job::Renew { name: name.clone(), tenant: tenant.clone() };
        self.found_or_made(purpose, job).await
    }

    /// The link by which the user agrees that a connection is given up.
    pub async fn disconnect(&self, there: Entered, tenant: &Tenant) -> Option<(Link, Ending)> {
        let purpose = format!("disconnect {}", there.name);
        let job = || Job::Leave { there: Box::new(there), tenant: tenant.clone() };
        self.found_or_made(purpose, job).await
    }

    /// Opens the browser at a link, once. True when it was, now or before.
    pub fn open(&self, link: &Link) -> bool {
        let token = link.url.rsplit('/').next().unwrap_or_default();
        {
            let mut links = self.0.links();
            let Some(entry) = links.get_mut(token) else { return false };
            if std::mem::replace(&mut entry.opened, true) {
                return true;
            }
        }
        match self.0.config.browser.open(&link.url) {
            Ok(()) => true,
            Err(error) => {
                tracing::info!("the browser was not opened: {error}");
                if let Some(entry) = self.0.links().get_mut(token) {
                    entry.opened = false;
                }
                false
            }
        }
    }

    /// Waits a moment until the user has seen how a link ended, for a process that ends with it.
    pub async fn last_page(&self, link: &Link) {
        let token = link.url.rsplit('/').next().unwrap_or_default();
        let flow = self.0.links().get(token).and_then(|entry| entry.flow.clone());
        if let Some(flow) = flow {
            let _unseen = tokio::time::timeout(LAST_PAGE, flow.seen()).await;
        }
        if let Some(pages) = self.0.pages.get() {
            pages.last_answers().await;
        }
    }

    async fn found_or_made(
        &self,
        purpose: String,
        job: impl FnOnce() -> Job,
    ) -> Option<(Link, Ending)> {
        match self.known(&purpose).await? {
            Some((link, _, ending)) => Some((link, ending)),
            None => self.made(purpose, job()).await,
        }
    }

    /// The link for this purpose, where there is one that is good for a while.
    async fn known(&self, purpose: &str) -> Option<Option<(Link, Arc<Job>, Ending)>> {
        let port = self.pages().await?.port();
        let now = SystemTime::now();
        let mut links = self.0.links();
        links.retain(|_, entry| entry.expires_at + KNOWN > now);
        let good = |entry: &&Entry| {
            // One that is half over is not given out again.
            let late = entry.expires_at < now + self.0.config.life / 2;
            entry.purpose == purpose
                && !entry.is_over()
                && !entry.is_expired(now)
                && (!late || entry.flow.is_some())
        };
        let found = links.iter().find(|(_, entry)| good(entry));
        Some(found.map(|(token, entry)| {
            let url = format!("http://127.0.0.1:{port}{PATH}{token}");
            let link = Link { url, expires_at: entry.expires_at };
            (link, Arc::clone(&entry.job), entry.ending.subscribe())
        }))
    }

    async fn made(&self, purpose: String, job: Job) -> Option<(Link, Ending)> {
        let port = self.pages().await?.port();
        let (token, ending) = (crate::auth::random_token(), watch::Sender::new(None));
        let expires_at = SystemTime::now() + self.0.config.life;
        let link = Link { url: format!("http://127.0.0.1:{port}{PATH}{token}"), expires_at };
        let told = ending.subscribe();
        let mut links = self.0.links();
        if links.len() >= MAX_LINKS {
            let oldest = links.iter().min_by_key(|(_, entry)| entry.expires_at);
            let oldest = oldest.map(|(token, _)| token.clone());
            oldest.and_then(|token| links.remove(&token));
        }
        let job = Arc::new(job);
        let entry = Entry { purpose, job, expires_at, flow: None, ending, opened: false };
        links.insert(token, entry);
        Some((link, told))
    }

    async fn pages(&self) -> Option<&Pages> {
        let inner = Arc::downgrade(&self.0);
        let open =
            || async { Pages::open(&self.0.deps().shutdown, &[0], Arc::new(Visits(inner))).await };
        match self.0.pages.get_or_try_init(open).await {
            Ok(pages) => Some(pages),
            Err(error) => {
                tracing::warn!("no page can be shown: {error}");
                None
            }
        }
    }
}

impl Inner {
    fn deps(&self) -> Deps {
        self.deps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn links(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Every statement leaves the map whole.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user is still there: the link is good for another while.
    fn keep_alive(&self, token: &str) {
        if let Some(entry) = self.links().get_mut(token) {
            entry.expires_at = SystemTime::now() + self.config.life;
        }
    }

    /// Begins what the link is for.
    fn begin(self: &Arc<Self>, token: &str, job: &Arc<Job>) -> Arc<Flow> {
        let flow = Flow::new();
        let (inner, deps, job) = (Arc::clone(self), self.deps(), Arc::clone(job));
        let (token, running) = (token.to_owned(), Arc::clone(&flow));
        let (life, shutdown) = (self.config.life, deps.shutdown.clone());
        shutdown.spawn("link", async move {
            let (weak, own) = (Arc::downgrade(&inner), token.clone());
            let alive = Box::new(move || {
                if let Some(inner) = weak.upgrade() {
                    inner.keep_alive(&own);
                }
            });
            let done = Box::pin(job.run(&deps, &running, life, alive)).await;
            inner.end(&token, &running, done).await;
        });
        flow
    }

    async fn end(&self, token: &str, flow: &Flow, done: Result<Outcome, End>) {
        let (end, outcome) = match done {
            Ok(outcome) => {
                if let Some(tell) = self.done.get() {
                    let _late = tokio::time::timeout(TAKE_UP, tell(&outcome)).await;
                }
                let end = match &outcome {
                    Outcome::Disconnected(name, _) => End::Disconnected(name.to_string()),
                    other => {
                        End::Connected(other.name().map(ToString::to_string).unwrap_or_default())
                    }
                };
                (end, Some(outcome))
            }
            Err(End::Cancelled) => (End::Cancelled, Some(Outcome::Cancelled)),
            Err(End::Expired) => (End::Expired, Some(Outcome::Expired)),
            Err(end) => (end, None),
        };
        if let Some(entry) = self.links().get_mut(token) {
            match outcome {
                Some(outcome) => {
                    entry.ending.send_replace(Some(outcome));
                }
                // The same link may be opened again.
                None => entry.flow = None,
            }
        }
        flow.to(Stage::Over(end));
    }
}
