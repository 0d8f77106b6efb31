//! Links in answers: opened in a browser, they begin the consent.
//!
//! They lead to a page of this process, live as long as it does, may be fetched again (programs
//! look ahead at links), and are spent when the sign-in is done.

use super::{
    ConnectError, Deps,
    sign_in::{self, Consent, Wanted},
};
use crate::{
    auth::{Challenge, CredentialConfig},
    name::ConnectionName,
    page::{Answer, Page, Pages, Visit, Visitor},
    task,
    vault::VaultHandle,
};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::{Duration, SystemTime},
};
use tokio::sync::{OnceCell, watch};

/// How long a link is good, and how long a consent that it began is waited for.
const LIFE: Duration = Duration::from_mins(10);
/// One that is as old as this is not given out again.
const LATE: Duration = Duration::from_mins(5);
/// How long a browser waits for the authorization server to be found.
const BEGINNING: Duration = Duration::from_secs(25);
const PATH: &str = "/connect/";

/// Where the user goes to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub expires_at: SystemTime,
}

/// Is told of every connection that somebody has signed in to.
pub(crate) type Done = Box<dyn Fn(&ConnectionName) + Send + Sync>;

/// The links of one process; clones share them.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    deps: Mutex<Deps>,
    done: OnceLock<Done>,
    /// Nothing listens before the first link is given out.
    pages: OnceCell<Pages>,
    links: Mutex<HashMap<String, Entry>>,
}

/// One link.
struct Entry {
    config: CredentialConfig,
    challenge: Option<Challenge>,
    /// The generation of the tokens that were of no use when it was made.
    instead_of: u64,
    expires_at: SystemTime,
    /// The consent that is under way.
    begun: Option<watch::Receiver<Progress>>,
}

#[derive(Debug, Clone)]
enum Progress {
    Looking,
    /// The authorization server's page.
    At(String),
    /// Another process asks, nobody knows where.
    Elsewhere,
    Ended(bool),
}

impl Links {
    pub fn new(deps: Deps) -> Self {
        Self(Arc::new(Inner {
            deps: Mutex::new(deps),
            done: OnceLock::new(),
            pages: OnceCell::new(),
            links: Mutex::default(),
        }))
    }

    /// The configuration may have chosen another store.
    pub fn keep_in(&self, vault: VaultHandle) {
        self.0.deps.lock().unwrap_or_else(PoisonError::into_inner).vault = vault;
    }

    /// Who is told when a sign-in is done; the first one stays.
    pub fn on_done(&self, done: Done) {
        let _first = self.0.done.set(done);
    }

    /// The link for this connection: the one that there is, as long as it is good for a while.
    /// `None` when no page can be shown.
    pub async fn link(
        &self,
        config: &CredentialConfig,
        challenge: Option<&Challenge>,
    ) -> Option<Link> {
        let inner = Arc::downgrade(&self.0);
        let open =
            || async { Pages::open(&self.0.deps().shutdown, &[0], Arc::new(Visits(inner))).await };
        let pages = match self.0.pages.get_or_try_init(open).await {
            Ok(pages) => pages,
            Err(error) => {
                tracing::warn!("no page to sign in can be shown: {error}");
                return None;
            }
        };
        let link = |token: &str, expires_at| Link {
            url: format!("http://127.0.0.1:{}{PATH}{token}", pages.port()),
            expires_at,
        };
        let now = SystemTime::now();
        {
            let mut links = self.0.links();
            links.retain(|_, entry| entry.expires_at > now);
            let good = |entry: &&mut Entry| {
                entry.config.account == config.account
                    && (entry.expires_at > now + LATE || entry.begun.is_some())
            };
            let known = links
                .iter_mut()
                .find_map(|(token, entry)| good(&entry).then_some((token.clone(), entry)));
            if let Some((token, entry)) = known {
                // The server may have become clearer, or stricter.
                entry.challenge = challenge.cloned().or(entry.challenge.take());
                return Some(link(&token, entry.expires_at));
            }
        }
        let place = self.0.deps().place(config).ok()?;
        let (grants, account) = (place.grants, place.account);
        let facts = task::blocking(move || grants.load(&account)).await.ok()?;
        let entry = Entry {
            config: config.clone(),
            challenge: challenge.cloned(),
            instead_of: if facts.bound == place.bound { facts.generation } else { 0 },
            expires_at: now + LIFE,
            begun: None,
        };
        let (token, expires_at) = (crate::auth::random_token(), entry.expires_at);
        let link = link(&token, expires_at);
        self.0.links().insert(token, entry);
        Some(link)
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

    /// The consent that this link stands for, begun when it is not under way.
    fn begin(self: &Arc<Self>, token: &str) -> Option<(ConnectionName, watch::Receiver<Progress>)> {
        let mut links = self.links();
        let entry = links.get_mut(token).filter(|entry| entry.expires_at > SystemTime::now())?;
        let name = entry.config.name.clone();
        if let Some(begun) = &entry.begun {
            return Some((name, begun.clone()));
        }
        let (tell, told) = watch::channel(Progress::Looking);
        entry.begun = Some(told.clone());
        let (config, challenge) = (entry.config.clone(), entry.challenge.clone());
        let (instead_of, token) = (entry.instead_of, token.to_owned());
        drop(links);
        let (inner, deps, asking) = (Arc::clone(self), self.deps(), Asking(tell));
        let shutdown = deps.shutdown.clone();
        shutdown.spawn("consent", async move {
            let wanted = Wanted {
                config: &config,
                challenge,
                client_secret: None,
                private_key: None,
                instead_of,
                sure: true,
                within: LIFE,
            };
            let done = sign_in::sign_in(&deps, &wanted, &asking).await;
            inner.end(&token, &config.name, &done);
            asking.0.send_replace(Progress::Ended(done.is_ok()));
        });
        Some((name, told))
    }

    fn end(&self, token: &str, name: &ConnectionName, done: &Result<sign_in::Done, ConnectError>) {
        match done {
            Ok(_) => {
                self.links().remove(token);
                if let Some(tell) = self.done.get() {
                    tell(name);
                }
            }
            Err(error) => {
                tracing::warn!("the sign-in to {name} came to nothing: {error}");
                // The same link may be opened again.
                if let Some(entry) = self.links().get_mut(token) {
                    entry.begun = None;
                }
            }
        }
    }
}

/// Hands the authorization server's page on to whoever opened the link.
struct Asking(watch::Sender<Progress>);

impl Consent for Asking {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        self.0.send_replace(Progress::At(url.to_owned()));
    }

    fn elsewhere(&self, url: Option<&str>, _expires_at: SystemTime) {
        self.0.send_replace(match url {
            Some(url) => Progress::At(url.to_owned()),
            None => Progress::Elsewhere,
        });
    }
}

/// The pages belong to the links, so they know them only by a weak handle.
struct Visits(Weak<Inner>);

impl Visitor for Visits {
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async move {
            let token = visit.path.strip_prefix(PATH)?;
            let (name, mut progress) = self.0.upgrade()?.begin(token)?;
            let known = progress.wait_for(|now| !matches!(now, Progress::Looking));
            let now = match tokio::time::timeout(BEGINNING, known).await {
                Ok(Ok(now)) => now.clone(),
                Ok(Err(_)) => Progress::Ended(false),
                Err(_) => Progress::Elsewhere,
            };
            Some(match now {
                Progress::At(url) => Answer::Redirect(url),
                Progress::Ended(true) => Answer::Page(Page::SignedIn(name.to_string())),
                Progress::Ended(false) => Answer::Page(Page::Failed),
                Progress::Looking | Progress::Elsewhere => {
                    Answer::Page(Page::Busy(name.to_string()))
                }
            })
        })
    }
}
