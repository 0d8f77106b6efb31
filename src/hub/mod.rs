//! Many connections as one: whose tools there are, where a call goes, and what changed.
//!
//! Owns the names that clients see, the index of tools, policy, pins, our own tools, the last
//! known lists, the refreshing of them and the asking of the user. May name `connect`, `upstream`,
//! `store`, `page` and leaves. Called by `serve`, `app` and, through `app`, by `cli`.
//!
//! A call takes no lock and does no I/O of its own: it reads the index of the moment, goes to
//! its upstream, and writes one line to the access log.

pub mod approval;
mod call;
mod clean;
mod error;
pub mod find;
mod forward;
pub mod glob;
mod groups;
pub mod index;
mod instructions;
mod lists;
mod long;
pub mod member;
mod memories;
pub mod names;
mod notice;
mod offer;
pub mod others;
pub mod own;
pub mod pins;
pub mod plan;
pub mod policy;
mod refresh;
pub mod report;
mod rewrite;
mod rounds;
#[cfg(test)]
pub mod script;
pub mod search;
mod shape;
mod sign_in;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_others;
mod through;
pub mod tool;
mod uris;

pub use crate::{
    connect::{Link, Links},
    upstream::{ErrorKind, UpstreamError},
};
pub use approval::{Approver, Decision, Question, Unapproved};
pub use call::{Answered, Request};
pub use error::{CallError, Denied};
pub use forward::Forward;
pub use index::ToolIndex;
use lists::Changes;
pub use lists::{List, Versions};
pub use notice::Notice;
pub use offer::Offer;
pub use plan::{Patience, Plan, PlanConnection, Policy, Rules, Shown, Source};

use crate::{
    kind::{Pin, Status},
    name::{ConnectionName, Tenant},
    store::{AccessLog, HealthStore, ListCache, PinStore},
    text,
    upstream::{Deps, Event},
    wire::{LogLevel, splice},
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use member::{Changed, Lists, Member, Session};
use shape::Shape;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{broadcast, mpsc, watch};

/// How many notices may wait for a client that does not read.
const NOTICES: usize = 256;

/// What the hub works with; nothing of it is touched before it is needed.
pub struct HubConfig {
    pub cache: ListCache,
    pub pins: PinStore,
    pub health: HealthStore,
    pub log: AccessLog,
    pub tenant: Tenant,
    /// What every upstream gets; `events` below is the other end of its channel.
    pub deps: Deps,
    pub events: mpsc::Receiver<(ConnectionName, Event)>,
    /// Makes the links by which users sign in; commands have none.
    pub links: Option<Links>,
    /// What our own tools stand on.
    pub own: own::Deps,
}

/// Handle of the aggregate; clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    cache: ListCache,
    pins: PinStore,
    health: HealthStore,
    log: AccessLog,
    tenant: Tenant,
    deps: Deps,
    links: Option<Links>,
    own: own::Deps,
    approvals: approval::Approvals,
    memories: memories::Memories,
    events: Mutex<Option<mpsc::Receiver<(ConnectionName, Event)>>>,
    plan: ArcSwap<Plan>,
    index: ArcSwap<ToolIndex>,
    /// One change of the index at a time.
    changing: Mutex<()>,
    /// Counts the indexes that clients can tell apart.
    version: watch::Sender<Versions>,
    notices: broadcast::Sender<Notice>,
    /// Web addresses that came up in results.
    seen: uris::Seen,
    /// Answers that are read a part at a time.
    longs: long::Longs,
    /// How tools are shown, once that was decided.
    shape: OnceLock<Shape>,
    /// What clients want to hear of, and how many of them.
    subscriptions: Mutex<HashMap<notice::Topic, usize>>,
    /// What the client wants to hear outside of calls.
    log_level: Mutex<Option<LogLevel>>,
    begun: AtomicBool,
}

impl Hub {
    /// A hub without connections.
    pub fn new(config: HubConfig) -> Self {
        let HubConfig { cache, pins, health, log, tenant, deps, events, links, own } = config;
        let plan = Plan::default();
        let index = ArcSwap::from_pointee(ToolIndex::build(&plan, Vec::new()));
        let hub = Self(Arc::new(Inner {
            cache,
            pins,
            health,
            log,
            tenant,
            deps,
            links,
            own,
            approvals: approval::Approvals::default(),
            memories: memories::Memories::default(),
            events: Mutex::new(Some(events)),
            plan: ArcSwap::from_pointee(plan),
            index,
            changing: Mutex::new(()),
            version: watch::Sender::default(),
            notices: broadcast::Sender::new(NOTICES),
            seen: uris::Seen::default(),
            longs: long::Longs::default(),
            shape: OnceLock::new(),
            subscriptions: Mutex::default(),
            log_level: Mutex::default(),
            begun: AtomicBool::new(false),
        }));
        hub.hear_of_sign_ins();
        hub
    }

    /// Becomes what `plan` says. Connections that it does not change keep their session; of new
    /// ones the last known lists are read. Short: it is on the way to the first answer.
    pub fn apply(&self, plan: Plan) {
        let guard = self.changing();
        let old = self.index();
        let (mut members, mut anew) = (Vec::with_capacity(plan.connections.len()), Vec::new());
        for connection in &plan.connections {
            let before = old.members().iter().find(|m| m.name() == &connection.name);
            let session = match before {
                Some(member) if member.goes_on_under(connection) => {
                    self.judge_again(member, connection);
                    Arc::clone(&member.session)
                }
                _ => Arc::new(self.open(connection, plan.with_hidden, before)),
            };
            let member = Arc::new(Member::new(connection.clone(), session));
            if before.is_some_and(|before| !Arc::ptr_eq(&before.session, &member.session)) {
                anew.push(Arc::clone(&member));
            }
            members.push(member);
        }
        let gone = |m: &&Arc<Member>| !members.iter().any(|n| Arc::ptr_eq(&n.session, &m.session));
        for member in old.members().iter().filter(gone) {
            let member = Arc::clone(member);
            member.session.retire(member.name());
            self.0.deps.shutdown.spawn("close upstream", async move {
                member.session.route.close().await;
            });
        }
        let index = ToolIndex::build(&plan, members);
        self.0.plan.store(Arc::new(plan));
        self.swap(index);
        drop(guard);
        for member in &anew {
            self.log_again(member);
            self.subscribe_again(member);
        }
        if self.0.begun.load(Ordering::Relaxed) {
            self.start_refreshers(Duration::ZERO);
        }
    }

    /// A new session with the last known lists: of the session before it, else those on the disk.
    fn open(
        &self,
        connection: &PlanConnection,
        with_hidden: bool,
        before: Option<&Arc<Member>>,
    ) -> Session {
        let wanted = connection.shown == Shown::Yes || with_hidden;
        let before = before.filter(|member| member.plan.account == connection.account);
        let cached = before
            .and_then(|member| member.session.lists.load_full())
            .map(|lists| lists.cached.clone())
            .filter(|lists| lists.target == connection.target);
        let cached = cached.or_else(|| {
            let kept = wanted.then(|| self.0.cache.load(&connection.account)).flatten();
            kept.filter(|lists| lists.target == connection.target)
        });
        let lists = cached.map(|cached| Lists {
            changed: self.judged(connection, with_hidden, &cached.tools),
            cached,
        });
        Session::open(connection, lists, &self.0.deps)
    }

    /// Which of the last known definitions are not the approved ones. Where that does not decide
    /// what is listed it can wait for the first refresh, unless a command shows it.
    fn judged(&self, connection: &PlanConnection, shown: bool, tools: &[Bytes]) -> Changed {
        if connection.pin == Pin::Block || (shown && connection.pin == Pin::Warn) {
            pins::judge(&self.0.pins, connection, tools)
        } else {
            Changed::default()
        }
    }

    /// The pin setting of a connection that goes on may be another.
    fn judge_again(&self, before: &Member, now: &PlanConnection) {
        if now.pin == before.plan.pin {
            return;
        }
        if let Some(lists) = before.session.lists.load_full() {
            let changed = self.judged(now, false, &lists.cached.tools);
            let cached = lists.cached.clone();
            before.session.lists.store(Some(Arc::new(Lists { cached, changed })));
        }
    }

    /// The client has spoken: from now on lists are kept fresh in the background.
    pub fn begin(&self) {
        if self.0.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(events) = events {
            let hub = self.clone();
            self.0.deps.shutdown.spawn("hub events", async move { hub.follow(events).await });
        }
        // A client asks for the list right after its first message, and some only for that:
        // what is known already need not be fetched in the middle of it.
        self.start_refreshers(Duration::from_millis(250));
    }

    /// The tools of this moment.
    pub fn index(&self) -> Arc<ToolIndex> {
        self.0.index.load_full()
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.0.plan.load_full()
    }

    /// What our own tools stand on.
    pub fn own_deps(&self) -> &own::Deps {
        &self.0.own
    }

    pub fn tenant(&self) -> &Tenant {
        &self.0.tenant
    }

    /// The `serverInfo` of the one connection of a plain plan, as its upstream gave it.
    pub fn plain_server_info(&self) -> Option<String> {
        if !self.plan().plain {
            return None;
        }
        let lists = self.index().members().first()?.session.lists.load_full()?;
        let info = lists.cached.server_info.as_ref()?;
        // Both are required; without them a strict client would refuse the answer.
        splice::get_str(info, "name").and(splice::get_str(info, "version"))?;
        let text = std::str::from_utf8(info).ok()?;
        Some(text::clean_json(text).unwrap_or_else(|| text.to_owned()))
    }

    /// Changes whenever a client that lists again would see something else.
    pub fn version(&self) -> watch::Receiver<Versions> {
        self.0.version.subscribe()
    }

    /// Waits at most `wait` until every connection that clients see has a list or has failed to
    /// give one. One that was waited for in vain is not waited for again.
    pub async fn settled(&self, wait: Duration) {
        let index = self.index();
        let wanted = |m: &&Arc<Member>| m.is_unlisted() && !m.session.late.load(Ordering::Relaxed);
        let unlisted: Vec<_> = index.members().iter().filter(wanted).collect();
        let all = unlisted.iter().map(|member| self.fetch_once(member));
        let all = async {
            futures_util::future::join_all(all).await;
            if self.plan().signs_in {
                self.signed_in_and_listed().await;
            }
        };
        if tokio::time::timeout(wait, all).await.is_err() {
            for member in unlisted.iter().filter(|member| member.is_unlisted()) {
                member.session.late.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Ends every session, within about a second. How each connection fared is kept for
    /// `status`.
    pub async fn close(&self) {
        let index = self.index();
        let all = index.members().iter().map(|member| async {
            // What a command has seen, and the last latency of a server: nobody hears of either
            // by an event any more.
            if let Some(snapshot) = member.snapshot()
                && snapshot.state != Status::Unknown
            {
                self.keep_health(member, &snapshot).await;
            }
            member.session.route.close().await;
        });
        futures_util::future::join_all(all).await;
    }

    fn longs(&self) -> &long::Longs {
        &self.0.longs
    }

    fn member(&self, name: &ConnectionName) -> Option<Arc<Member>> {
        self.index().members().iter().find(|member| member.name() == name).cloned()
    }

    /// Builds the index again after a connection's lists changed.
    fn rebuild(&self) {
        let _guard = self.changing();
        let members = self.index().members().to_vec();
        self.swap(ToolIndex::build(&self.plan(), members));
    }

    /// Only under `changing`.
    fn swap(&self, index: ToolIndex) {
        let old = self.0.index.swap(Arc::new(index));
        let new = self.index();
        for complaint in new.complaints().iter().filter(|c| !old.complaints().contains(c)) {
            tracing::warn!("{complaint}");
        }
        let changed = new.changed_since(&old, self.0.shape.get().copied());
        self.0.version.send_if_modified(|versions| versions.grow(changed));
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> &AccessLog {
        &self.0.log
    }
}
