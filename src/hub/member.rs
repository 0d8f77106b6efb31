//! A connection inside the hub: what the configuration says of it now, and the session that may
//! outlive a change of that.

use super::plan::{PlanConnection, Shown, Source};
use crate::{
    kind::{Era, Pin, Status},
    name::ConnectionName,
    store::tool_cache::CachedLists,
    upstream::{Call, Deps, ErrorKind, Listing, Reply, Snapshot, Upstream, UpstreamError},
    wire::LogLevel,
};
use arc_swap::ArcSwapOption;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::SystemTime,
};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
};

/// One connection under one plan; replaced when the plan changes.
pub struct Member {
    pub plan: PlanConnection,
    pub(super) session: Arc<Session>,
}

/// What goes on while the plan changes around it.
pub(super) struct Session {
    pub(super) route: Route,
    /// The last known lists.
    pub(super) lists: ArcSwapOption<Lists>,
    /// Asks the refresher for one more run; runs never pile up.
    pub(super) wake: Notify,
    pub(super) done: watch::Sender<Done>,
    /// A run is under way.
    pub(super) running: AtomicBool,
    /// A list was given without it, after all the patience that its client has.
    pub(super) late: AtomicBool,
    refresher: Mutex<Option<AbortHandle>>,
}

/// How the refreshes of a session went so far.
#[derive(Clone, Default)]
pub(super) struct Done {
    pub(super) runs: u64,
    /// The lists came from the upstream during this process.
    pub(super) fresh: bool,
    pub(super) error: Option<Arc<UpstreamError>>,
}

/// The lists of an upstream and our verdict on them.
pub(super) struct Lists {
    pub(super) cached: CachedLists,
    pub(super) changed: Changed,
}

/// Which definitions are not the approved ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changed {
    /// These, by the upstream's names.
    Some(HashSet<String>),
    /// What was approved cannot be read, so nothing counts as approved.
    All,
}

impl Lists {
    /// True when both make the same entries of the index.
    pub(super) fn shows_like(&self, other: &Self) -> bool {
        let (a, b) = (&self.cached, &other.cached);
        a.tools == b.tools
            && a.others == b.others
            && a.era == b.era
            && self.changed == other.changed
    }
}

impl Default for Changed {
    fn default() -> Self {
        Self::Some(HashSet::new())
    }
}

impl Changed {
    pub(super) fn has(&self, tool: &str) -> bool {
        match self {
            Self::Some(tools) => tools.contains(tool),
            Self::All => true,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Some(tools) if tools.is_empty())
    }
}

impl Session {
    pub(super) fn open(plan: &PlanConnection, lists: Option<Lists>, deps: &Deps) -> Self {
        let known_era = lists.as_ref().and_then(|lists| lists.cached.era.zip(lists.cached.era_at));
        Self {
            route: Route::open(plan, known_era, deps),
            lists: ArcSwapOption::from(lists.map(Arc::new)),
            wake: Notify::new(),
            done: watch::Sender::default(),
            running: AtomicBool::new(false),
            late: AtomicBool::new(false),
            refresher: Mutex::new(None),
        }
    }

    pub(super) fn refresher(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.refresher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One run of the refresher has ended.
    pub(super) fn finish(&self, error: Option<UpstreamError>) {
        self.done.send_modify(|done| {
            done.runs += 1;
            done.fresh |= error.is_none();
            done.error = error.map(Arc::new);
        });
    }

    /// The plan has no place for it any more: whoever waits for its lists waits in vain.
    pub(super) fn retire(&self, name: &ConnectionName) {
        if let Some(task) = self.refresher().take() {
            task.abort();
        }
        let text = "the connection was removed, disabled or changed meanwhile";
        self.finish(Some(UpstreamError::new(name, ErrorKind::Closing, text)));
    }
}

impl Member {
    pub(super) fn new(plan: PlanConnection, session: Arc<Session>) -> Self {
        Self { plan, session }
    }

    pub fn name(&self) -> &ConnectionName {
        &self.plan.name
    }

    /// True when clients see the connection and something can answer for it.
    pub(super) fn is_live(&self) -> bool {
        self.plan.shown == Shown::Yes && !matches!(self.session.route, Route::None)
    }

    /// True when its session may go on under another version of its plan.
    pub(super) fn goes_on_under(&self, plan: &PlanConnection) -> bool {
        let now = &self.plan;
        now.fingerprint == plan.fingerprint
            && now.account == plan.account
            && now.target == plan.target
            && now.problem == plan.problem
            && (now.shown == Shown::Yes) == (plan.shown == Shown::Yes)
    }

    /// Some of its tools wait for approval.
    pub(super) fn holds_back(&self) -> bool {
        let lists = self.session.lists.load();
        self.plan.shown == Shown::Yes
            && self.plan.pin == Pin::Block
            && lists.as_ref().is_some_and(|lists| !lists.changed.is_empty())
    }

    /// Live, and nobody has ever seen its tools.
    pub(super) fn is_unlisted(&self) -> bool {
        self.is_live() && self.session.lists.load().is_none()
    }

    /// How the connection is doing, as far as this process knows.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.session.route.snapshot()
    }

    /// The status word; [`Status::Unknown`] as long as this process has not used the connection.
    pub fn status(&self) -> Status {
        if self.plan.shown == Shown::Disabled {
            return Status::Disabled;
        }
        if self.plan.problem.is_some() {
            return Status::Error;
        }
        self.snapshot().map_or(Status::Unknown, |snapshot| snapshot.state)
    }

    /// What kept it from answering last, sanitized.
    pub fn last_error(&self) -> Option<String> {
        if let Some(problem) = &self.plan.problem {
            return Some(problem.clone());
        }
        self.snapshot().and_then(|snapshot| snapshot.last_error)
    }
}

/// What answers for a connection.
pub(super) enum Route {
    Upstream(Upstream),
    None,
    #[cfg(test)]
    Script(Arc<super::script::Script>),
}

impl Route {
    fn open(plan: &PlanConnection, known_era: Option<(Era, SystemTime)>, deps: &Deps) -> Self {
        if plan.shown != Shown::Yes || plan.problem.is_some() {
            return Self::None;
        }
        match &plan.source {
            Source::Upstream(config) => {
                let mut config = (**config).clone();
                config.known_era = config.known_era.or(known_era);
                Self::Upstream(Upstream::new(config, deps.clone()))
            }
            Source::None => Self::None,
            #[cfg(test)]
            Source::Script(script) => Self::Script(Arc::clone(script)),
        }
    }

    pub(super) async fn call(
        &self,
        name: &ConnectionName,
        call: Call,
    ) -> Result<Reply, UpstreamError> {
        match self {
            Self::Upstream(upstream) => upstream.call(call).await,
            Self::None => Err(nothing(name)),
            #[cfg(test)]
            Self::Script(script) => script.call(call).await,
        }
    }

    pub(super) async fn list(&self, name: &ConnectionName) -> Result<Listing, UpstreamError> {
        match self {
            Self::Upstream(upstream) => upstream.list().await,
            Self::None => Err(nothing(name)),
            #[cfg(test)]
            Self::Script(script) => script.list().await,
        }
    }

    pub(super) async fn subscribe(
        &self,
        name: &ConnectionName,
        uri: &str,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::Upstream(upstream) => upstream.subscribe(uri).await,
            Self::None => Err(nothing(name)),
            #[cfg(test)]
            Self::Script(_) => Ok(()),
        }
    }

    pub(super) async fn unsubscribe(&self, uri: &str) {
        if let Self::Upstream(upstream) = self {
            upstream.unsubscribe(uri).await;
        }
    }

    pub(super) async fn watch_task(
        &self,
        name: &ConnectionName,
        id: &str,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::Upstream(upstream) => upstream.watch_task(id).await,
            Self::None => Err(nothing(name)),
            #[cfg(test)]
            Self::Script(_) => Ok(()),
        }
    }

    pub(super) fn unwatch_task(&self, id: &str) {
        if let Self::Upstream(upstream) = self {
            upstream.unwatch_task(id);
        }
    }

    pub(super) fn log_level(&self, level: Option<LogLevel>) {
        if let Self::Upstream(upstream) = self {
            upstream.log_level(level);
        }
    }

    pub(super) fn roots_changed(&self) {
        if let Self::Upstream(upstream) = self {
            upstream.roots_changed();
        }
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        match self {
            Self::Upstream(upstream) => Some(upstream.snapshot()),
            Self::None => None,
            #[cfg(test)]
            Self::Script(script) => Some(script.snapshot()),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Upstream(upstream) => upstream.close().await,
            Self::None => {}
            #[cfg(test)]
            Self::Script(script) => script.close(),
        }
    }
}

fn nothing(name: &ConnectionName) -> UpstreamError {
    UpstreamError::new(name, ErrorKind::Config, "there is nothing to call")
}
