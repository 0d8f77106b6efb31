//! What somebody wants to hear of outside of calls: resources, tasks, log messages, our roots.
//! It outlives sessions: each new one is told again.

use super::{
    Exchange, Inner, Upstream, UpstreamError,
    caps::is_true,
    deadline::{Deadline, Pulse},
    failure::Failure,
    session::Session,
};
use crate::{
    kind::Era,
    wire::{
        LogLevel, RpcError,
        error::{INTERNAL, METHOD_NOT_FOUND},
        frame, meta, splice,
    },
};
use bytes::Bytes;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Most resources, and most tasks, of one upstream.
const MAX_WANTED: usize = 1000;
/// How long a change of what is wanted may take.
const CHANGING: Duration = Duration::from_secs(30);

const TASKS: &str = "io.modelcontextprotocol/tasks";

/// What is wanted of one upstream, and what it granted.
#[derive(Debug)]
pub(super) struct Wanted {
    list: Mutex<List>,
    /// Counts the changes of what a modern subscription is for.
    generation: watch::Sender<u64>,
    honoured: watch::Sender<Honoured>,
    /// One `logging/setLevel` at a time, so that the last one is the one in force.
    level: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct List {
    uris: BTreeSet<Box<str>>,
    tasks: BTreeSet<Box<str>>,
    level: Option<LogLevel>,
}

/// The last answer to a `subscriptions/listen`.
#[derive(Debug, Clone)]
pub(super) struct Honoured {
    /// Of what was wanted.
    pub(super) generation: u64,
    /// The part of the filter that the server keeps to.
    pub(super) acknowledged: Bytes,
}

impl Honoured {
    pub(super) fn nothing(generation: u64) -> Self {
        Self { generation, acknowledged: Bytes::from_static(b"{}") }
    }

    fn holds(&self, key: &str, value: &str) -> bool {
        let Some(all) = splice::get(&self.acknowledged, key) else { return false };
        splice::elements(&all).any(|one| splice::string(&all[one]).is_some_and(|it| it == value))
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            list: Mutex::default(),
            generation: watch::channel(0).0,
            honoured: watch::channel(Honoured::nothing(0)).0,
            level: tokio::sync::Mutex::default(),
        }
    }
}

impl Wanted {
    fn list(&self) -> MutexGuard<'_, List> {
        // Plain values; a panic in between leaves them whole.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of each change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(super) fn listened(&self, honoured: Honoured) {
        self.honoured.send_replace(honoured);
    }

    /// The subscription for this generation did not come to be; what was granted before stays.
    pub(super) fn not_listened(&self, generation: u64) {
        self.honoured.send_modify(|last| last.generation = generation);
    }

    /// Counts one change, and says which.
    fn changed(&self) -> u64 {
        self.generation.send_modify(|generation| *generation += 1);
        *self.generation.borrow()
    }
}

/// One thing that a modern subscription names.
#[derive(Clone, Copy)]
enum Topic<'a> {
    Resource(&'a str),
    Task(&'a str),
}

impl Topic<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Resource(text) | Self::Task(text) => text,
        }
    }

    fn of<'l>(&self, list: &'l mut List) -> &'l mut BTreeSet<Box<str>> {
        match self {
            Self::Resource(_) => &mut list.uris,
            Self::Task(_) => &mut list.tasks,
        }
    }
}

fn refused(code: i64, message: &str) -> Failure {
    let error = Some(RpcError::new(code, message));
    Failure::Status { status: 200, detail: message.to_owned(), error }
}

impl Session {
    /// A modern server that knows tasks (SEP-2663).
    pub(super) fn offers_tasks(&self) -> bool {
        self.capability(&["extensions", TASKS]).is_some()
    }

    fn takes_subscriptions(&self) -> bool {
        self.capability(&["resources"]).is_some_and(|of| is_true(&of, "subscribe"))
    }

    fn is_legacy_with(&self, capability: &str) -> bool {
        self.era == Era::Legacy && self.capability(&[capability]).is_some()
    }
}

impl Upstream {
    /// Wants to hear of changes of this resource, by the upstream's own URI; told by
    /// [`Event::ResourceUpdated`], also over later sessions.
    pub async fn subscribe(&self, uri: &str) -> Result<(), UpstreamError> {
        let permit = self.0.admit()?;
        let start = Instant::now();
        let result = Box::pin(self.0.subscribe(uri)).await;
        self.0.settle(permit, result, start, false)
    }

    /// No longer wants to hear of it.
    pub async fn unsubscribe(&self, uri: &str) {
        Box::pin(self.0.unsubscribe(uri)).await;
    }

    /// Wants to hear of a task of a modern upstream (SEP-2663), by the upstream's own id; told
    /// by [`Event::Task`].
    pub async fn watch_task(&self, id: &str) -> Result<(), UpstreamError> {
        let permit = self.0.admit()?;
        let start = Instant::now();
        let result = Box::pin(self.0.watch_task(id)).await;
        self.0.settle(permit, result, start, false)
    }

    /// No longer wants to hear of it.
    pub fn unwatch_task(&self, id: &str) {
        self.0.unwatch_task(id);
    }

    /// The least severe messages that somebody wants to hear outside of calls; `None`: nobody.
    pub fn log_level(&self, level: Option<LogLevel>) {
        self.0.log_level(level);
    }

    /// The roots of the client changed.
    pub fn roots_changed(&self) {
        self.0.roots_changed();
    }
}

impl Inner {
    async fn subscribe(self: &Arc<Self>, uri: &str) -> Result<(), Failure> {
        let deadline = Deadline::new(CHANGING);
        let session = self.session(&deadline).await?;
        let listens = session.era == Era::Legacy || self.config.listen;
        if !session.takes_subscriptions() || !listens {
            return Err(refused(METHOD_NOT_FOUND, "this server takes no subscriptions"));
        }
        let topic = Topic::Resource(uri);
        let fresh = self.want(topic)?;
        let result = match session.era {
            Era::Legacy if !fresh => Ok(()),
            Era::Legacy => self.own("resources/subscribe", &uri_params(uri), &deadline).await,
            Era::Modern => self.granted(topic, &deadline).await,
        };
        if result.is_err() && fresh {
            self.unwant(topic);
        }
        result
    }

    async fn unsubscribe(self: &Arc<Self>, uri: &str) {
        if !self.unwant(Topic::Resource(uri)) {
            return;
        }
        let session = self.session.load_full();
        if session.is_some_and(|session| session.era == Era::Legacy) {
            let deadline = Deadline::new(CHANGING);
            let told = self.own("resources/unsubscribe", &uri_params(uri), &deadline).await;
            if let Err(failure) = told {
                tracing::debug!(connection = %self.config.name, ?failure, "unsubscribing failed");
            }
        }
    }

    async fn watch_task(self: &Arc<Self>, id: &str) -> Result<(), Failure> {
        let deadline = Deadline::new(CHANGING);
        let session = self.session(&deadline).await?;
        if session.era == Era::Legacy || !session.offers_tasks() || !self.config.listen {
            return Err(refused(METHOD_NOT_FOUND, "this server tells nothing of tasks"));
        }
        let fresh = self.want(Topic::Task(id))?;
        let result = self.granted(Topic::Task(id), &deadline).await;
        if result.is_err() && fresh {
            self.unwant(Topic::Task(id));
        }
        result
    }

    fn unwatch_task(&self, id: &str) {
        self.unwant(Topic::Task(id));
    }

    /// True when it was not wanted before.
    fn want(&self, topic: Topic<'_>) -> Result<bool, Failure> {
        let mut list = self.wanted.list();
        let all = topic.of(&mut list);
        if all.contains(topic.text()) {
            return Ok(false);
        }
        if all.len() >= MAX_WANTED {
            return Err(refused(INTERNAL, "there are too many subscriptions already"));
        }
        all.insert(topic.text().into());
        drop(list);
        self.wanted.changed();
        Ok(true)
    }

    /// True when it was wanted.
    fn unwant(&self, topic: Topic<'_>) -> bool {
        let gone = topic.of(&mut self.wanted.list()).remove(topic.text());
        if gone {
            self.wanted.changed();
        }
        gone
    }

    /// Waits until a modern server said of this topic whether it takes it.
    async fn granted(&self, topic: Topic<'_>, deadline: &Deadline) -> Result<(), Failure> {
        let generation = *self.wanted.generation.borrow();
        let mut honoured = self.wanted.honoured.subscribe();
        let last = deadline.run(honoured.wait_for(|last| last.generation >= generation)).await;
        let last = last.map_err(Failure::elapsed("subscription", true))?;
        let key = match topic {
            Topic::Resource(_) => "resourceSubscriptions",
            Topic::Task(_) => "taskIds",
        };
        match last {
            Ok(last) if last.holds(key, topic.text()) => Ok(()),
            _ => Err(refused(METHOD_NOT_FOUND, "this server does not take that subscription")),
        }
    }

    /// The filter of a modern subscription; `None` when there is nothing to ask for.
    pub(super) fn filter(&self, session: &Session) -> Option<Bytes> {
        let mut filter = Vec::new();
        let says = |of| session.capability(&[of]).is_some_and(|it| is_true(&it, "listChanged"));
        for (of, key) in [
            ("tools", "toolsListChanged"),
            ("prompts", "promptsListChanged"),
            ("resources", "resourcesListChanged"),
        ] {
            if says(of) {
                filter.push((key, Bytes::from_static(b"true")));
            }
        }
        let list = self.wanted.list();
        if session.takes_subscriptions() && !list.uris.is_empty() {
            filter.push(("resourceSubscriptions", array(&list.uris)));
        }
        // A server must refuse it to whom did not declare the extension.
        if session.offers_tasks() && self.said(None).caps.tasks() && !list.tasks.is_empty() {
            filter.push(("taskIds", array(&list.tasks)));
        }
        (!filter.is_empty()).then(|| meta::object(&filter).into())
    }

    /// Says of every resource that it may have changed: nobody listened for a while.
    pub(super) fn updated_perhaps(&self) {
        let uris: Vec<_> = self.wanted.list().uris.iter().cloned().collect();
        for uri in uris {
            self.tell(super::Event::ResourceUpdated, Some(uri_params(&uri)));
        }
    }

    /// Tells a new session what is wanted.
    pub(super) fn restore(self: &Arc<Self>, session: &Arc<Session>) {
        let list = self.wanted.list();
        let logs = list.level.is_some() && session.is_legacy_with("logging");
        let uris: Vec<_> = match session.era {
            Era::Legacy if session.takes_subscriptions() => list.uris.iter().cloned().collect(),
            _ => Vec::new(),
        };
        drop(list);
        if !logs && uris.is_empty() {
            return;
        }
        let inner = Arc::clone(self);
        self.deps.shutdown.spawn("restore", async move {
            if logs {
                Box::pin(inner.set_level()).await;
            }
            for uri in uris {
                let deadline = Deadline::new(CHANGING);
                let params = uri_params(&uri);
                let told = Box::pin(inner.own("resources/subscribe", &params, &deadline)).await;
                if let Err(failure) = told {
                    tracing::debug!(connection = %inner.config.name, ?failure, "a subscription was lost");
                }
            }
        });
    }

    /// Keeps the level, and tells the server of a new one. That nobody listens any more cannot
    /// be said in the old revisions: what still comes is dropped by who gets it.
    fn log_level(self: &Arc<Self>, level: Option<LogLevel>) {
        if std::mem::replace(&mut self.wanted.list().level, level) == level || level.is_none() {
            return;
        }
        let session = self.session.load_full();
        if session.is_some_and(|session| session.is_legacy_with("logging")) {
            let inner = Arc::clone(self);
            self.deps.shutdown.spawn("log level", async move {
                Box::pin(inner.set_level()).await;
            });
        }
    }

    async fn set_level(self: &Arc<Self>) {
        let _turn = self.wanted.level.lock().await;
        let level = self.wanted.list().level;
        let Some(level) = level else { return };
        let params = format!("{{\"level\":\"{level}\"}}").into();
        let deadline = Deadline::new(CHANGING);
        if let Err(failure) = self.own("logging/setLevel", &params, &deadline).await {
            tracing::debug!(connection = %self.config.name, ?failure, "the log level was not taken");
        }
    }

    fn roots_changed(self: &Arc<Self>) {
        let Some(session) = self.session.load_full() else { return };
        if session.era == Era::Modern || !session.declared.roots_changed {
            return;
        }
        let inner = Arc::clone(self);
        self.deps.shutdown.spawn("roots changed", async move {
            let body = frame::notification("notifications/roots/list_changed", None);
            if let Err(failure) = inner.tell_server(&session, body).await {
                tracing::debug!(connection = %inner.config.name, ?failure, "a notification was not taken");
            }
        });
    }

    /// A request of our own whose result says nothing.
    async fn own(
        self: &Arc<Self>,
        method: &'static str,
        params: &Bytes,
        deadline: &Deadline,
    ) -> Result<(), Failure> {
        let exchange = Exchange::own(method, params);
        self.exchange(&exchange, deadline, &Pulse::default()).await.map(drop)
    }
}

fn uri_params(uri: &str) -> Bytes {
    format!("{{\"uri\":{}}}", splice::quote(uri)).into()
}

fn array(all: &BTreeSet<Box<str>>) -> Bytes {
    let quoted: Vec<String> = all.iter().map(|one| splice::quote(one)).collect();
    format!("[{}]", quoted.join(",")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_is_told_by_its_text() {
        let acknowledged =
            Bytes::from_static(br#"{"resourceSubscriptions":["a:\u002f/x","b"],"taskIds":["t"]}"#);
        let honoured = Honoured { generation: 1, acknowledged };
        assert!(honoured.holds("resourceSubscriptions", "a://x"));
        assert!(honoured.holds("taskIds", "t") && !honoured.holds("taskIds", "b"));
        assert!(!Honoured::nothing(1).holds("taskIds", "t"));
    }

    #[test]
    fn a_change_is_counted_and_a_failed_one_keeps_what_was_granted() {
        let wanted = Wanted::default();
        assert_eq!((wanted.changed(), wanted.changed()), (1, 2));
        let acknowledged = Bytes::from_static(br#"{"taskIds":["t"]}"#);
        wanted.listened(Honoured { generation: 1, acknowledged });
        wanted.not_listened(2);
        let last = wanted.honoured.borrow().clone();
        assert!(last.generation == 2 && last.holds("taskIds", "t"));
    }
}
