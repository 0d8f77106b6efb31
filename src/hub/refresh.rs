//! Keeping the lists fresh, in the background and one at a time per connection.

use super::{
    Hub,
    member::{Done, Lists, Member},
    pins,
};
use crate::{
    kind::Status,
    name::ConnectionName,
    store::tool_cache::CachedLists,
    task,
    upstream::{ErrorKind, Event, Listing, Snapshot, UpstreamError},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;

/// A list that could not be fetched is tried again after this, doubling.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// How often the approvals of a connection with held tools are looked at.
const APPROVALS: Duration = Duration::from_secs(1);

impl Hub {
    /// Gives every live connection its refresher; one that has a list waits `cached` before it
    /// asks for it again.
    pub(super) fn start_refreshers(&self, cached: Duration) {
        for member in self.index().members().iter().filter(|member| member.is_live()) {
            let known = member.session.lists.load().is_some();
            self.start_refresher(member, Some(if known { cached } else { Duration::ZERO }));
        }
    }

    /// Starts the refresher of a connection where none runs; `first` is when it runs unasked.
    pub(super) fn start_refresher(&self, member: &Arc<Member>, first: Option<Duration>) {
        let mut slot = member.session.refresher();
        if slot.is_some() {
            return;
        }
        let (hub, name) = (self.clone(), member.name().clone());
        let session = Arc::clone(&member.session);
        let task = self.0.deps.shutdown.spawn("refresh lists", async move {
            let (mut wait, mut pause) = (first, RETRY_FIRST);
            loop {
                woken(&session.wake, wait).await;
                // The plan may have changed since the last run, and with it the member.
                let Some(member) = hub.member(&name).filter(|m| Arc::ptr_eq(&m.session, &session))
                else {
                    return;
                };
                session.running.store(true, Ordering::Relaxed);
                let outcome = hub.refresh(&member).await;
                session.running.store(false, Ordering::Relaxed);
                wait = outcome.as_ref().err().filter(|e| passes(&e.kind)).map(|error| {
                    let wait = error.retry_in.unwrap_or(pause).clamp(RETRY_FIRST, RETRY_MAX);
                    pause = (pause * 2).min(RETRY_MAX);
                    wait.mul_f64(0.75 + 0.25 * fastrand::f64())
                });
                if outcome.is_ok() {
                    pause = RETRY_FIRST;
                }
                session.finish(outcome.err());
            }
        });
        *slot = Some(task.abort_handle());
    }

    /// Fetches the tools of one connection now, or joins a run in flight.
    pub(super) async fn fetch(&self, member: &Arc<Member>) -> Result<(), Arc<UpstreamError>> {
        if !member.is_live() {
            return Ok(());
        }
        let mut done = member.session.done.subscribe();
        let runs = done.borrow_and_update().runs;
        self.start_refresher(member, None);
        if !member.session.running.load(Ordering::Relaxed) {
            member.session.wake.notify_one();
        }
        match done.wait_for(|now| now.runs > runs).await.as_deref() {
            Ok(Done { error: Some(error), .. }) => Err(Arc::clone(error)),
            _ => Ok(()),
        }
    }

    /// Waits for the first run of this process.
    pub(super) async fn fetch_once(&self, member: &Arc<Member>) {
        if member.session.done.borrow().runs > 0 {
            return;
        }
        self.start_refresher(member, Some(Duration::ZERO));
        let mut done = member.session.done.subscribe();
        let _gone = done.wait_for(|done| done.runs > 0).await;
    }

    /// Fetches the lists of one connection now, for a command.
    pub async fn sync(&self, name: &ConnectionName) -> Result<(), Arc<UpstreamError>> {
        let Some(member) = self.member(name) else { return Ok(()) };
        if let Some(problem) = &member.plan.problem {
            return Err(Arc::new(problem_error(name, problem)));
        }
        self.fetch(&member).await
    }

    /// One run: list, judge, keep, show.
    async fn refresh(&self, member: &Arc<Member>) -> Result<(), UpstreamError> {
        let listing = member.session.route.list(member.name()).await?;
        let cached = to_cached(&member.plan.target, listing);
        let (cache, pins) = (self.0.cache.clone(), self.0.pins.clone());
        let plan = member.plan.clone();
        let kept = task::blocking(move || {
            let changed = pins::update(&pins, &plan, &cached.tools);
            if let Err(error) = cache.save(&plan.account, &cached) {
                tracing::warn!(connection = %plan.name, "its lists cannot be kept: {error}");
            }
            Lists { cached, changed }
        })
        .await;
        let Ok(lists) = kept else {
            let text = "its lists could not be kept";
            return Err(UpstreamError::new(member.name(), ErrorKind::Closing, text));
        };
        let before = member.session.lists.load_full();
        let same = before.is_some_and(|before| before.shows_like(&lists));
        member.session.lists.store(Some(Arc::new(lists)));
        if !same {
            self.rebuild();
        }
        Ok(())
    }

    /// Takes what upstreams say outside of calls.
    pub(super) async fn follow(&self, mut events: mpsc::Receiver<(ConnectionName, Event)>) {
        let mut approvals = tokio::time::interval(APPROVALS);
        approvals.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let held = self.index().members().iter().any(|member| member.holds_back());
            tokio::select! {
                event = events.recv() => match event {
                    None => return,
                    Some((name, event)) => self.happened(&name, &event).await,
                },
                _ = approvals.tick(), if held => self.look_for_approvals().await,
            }
        }
    }

    async fn happened(&self, name: &ConnectionName, event: &Event) {
        let Some(member) = self.member(name) else { return };
        match event {
            Event::ListsChanged => {
                self.start_refresher(&member, None);
                member.session.wake.notify_one();
            }
            Event::ResourceUpdated(_)
            | Event::Log(_)
            | Event::ElicitationComplete(_)
            | Event::Task(_) => self.tell(name, event),
            Event::State => {
                let Some(snapshot) = member.snapshot() else { return };
                let done = member.session.done.borrow().clone();
                if snapshot.state == Status::Connected && done.runs > 0 && !done.fresh {
                    member.session.wake.notify_one();
                }
                self.keep_health(&member, &snapshot).await;
            }
        }
    }

    /// Tells other processes how the connection is doing.
    pub(super) async fn keep_health(&self, member: &Member, snapshot: &Snapshot) {
        let (health, account) = (self.0.health.clone(), member.plan.account.clone());
        let record = super::report::health(snapshot, member);
        let _kept = task::blocking(move || {
            if let Err(error) = health.save(&account, &record) {
                tracing::debug!("the health of {account} cannot be kept: {error}");
            }
        })
        .await;
    }

    /// Another process may have approved what is held back here.
    pub(super) async fn look_for_approvals(&self) {
        let mut freed = false;
        for member in self.index().members().iter().filter(|member| member.holds_back()) {
            let (pins, plan) = (self.0.pins.clone(), member.plan.clone());
            let Some(lists) = member.session.lists.load_full() else { continue };
            let before = Arc::clone(&lists);
            let judged =
                task::blocking(move || pins::judge(&pins, &plan, &lists.cached.tools)).await;
            let Ok(changed) = judged else { continue };
            if changed != before.changed {
                let cached = before.cached.clone();
                member.session.lists.store(Some(Arc::new(Lists { cached, changed })));
                freed = true;
            }
        }
        if freed {
            self.rebuild();
        }
    }
}

/// Ends when somebody asks, or after `wait`.
async fn woken(wake: &tokio::sync::Notify, wait: Option<Duration>) {
    match wait {
        None => wake.notified().await,
        Some(wait) => {
            let _either = tokio::time::timeout(wait, wake.notified()).await;
        }
    }
}

/// True for failures that can pass by themselves. Asking again for what only the user can mend
/// would mean one keychain prompt after the other.
fn passes(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Paused | ErrorKind::Protocol => {
            true
        }
        ErrorKind::Refused { status } => matches!(status, 408 | 425 | 429),
        _ => false,
    }
}

fn to_cached(target: &str, listing: Listing) -> CachedLists {
    CachedLists {
        target: target.to_owned(),
        fetched_at: SystemTime::now(),
        era: Some(listing.era),
        protocol: Some(listing.protocol),
        server_info: listing.server_info,
        capabilities: listing.capabilities,
        instructions: listing.instructions,
        era_at: listing.era_at,
        tools: listing.tools,
        others: listing.others,
    }
}

/// The failure of a connection whose entry in the configuration cannot be used.
pub(super) fn problem_error(name: &ConnectionName, problem: &str) -> UpstreamError {
    UpstreamError::new(name, ErrorKind::Config, problem)
}
