//! How every connection is doing, for people, models and scripts.

use super::{Hub, member::Member};
use crate::{
    connect::Link, kind::Status, name::ConnectionName, store::health::Health, upstream::Snapshot,
};

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: ConnectionName,
    pub status: Status,
    /// How many tools clients see.
    pub tools: usize,
    /// Sanitized.
    pub last_error: Option<String>,
    /// Where the user signs in, where that is what it needs.
    pub link: Option<Link>,
}

impl Report {
    /// The user has to sign in or to give a key.
    pub fn connect_required(&self) -> bool {
        self.status == Status::NeedsAuth
    }
}

impl Hub {
    /// Every connection in config order. Reads the last known state of those that this process
    /// has not used.
    pub fn report(&self) -> Vec<Report> {
        let index = self.index();
        let report = |member: &std::sync::Arc<Member>| {
            let listed = |t: &&super::tool::Tool| t.listed() && t.member.name() == member.name();
            let mut report = Report {
                name: member.name().clone(),
                status: member.status(),
                tools: index.tools().iter().filter(listed).count(),
                last_error: member.last_error(),
                link: None,
            };
            if report.status == Status::Unknown
                && let Some(health) = self.0.health.load(&member.plan.account)
            {
                report.status = health.state;
                report.last_error = report.last_error.or(health.last_error);
            }
            report
        };
        index.members().iter().map(report).collect()
    }

    /// The same with the links by which the user can mend what needs a sign-in.
    pub(super) async fn report_with_links(&self) -> Vec<Report> {
        let mut reports = self.report();
        for report in reports.iter_mut().filter(|report| report.status == Status::Unknown) {
            if self.nobody_signed_in(&report.name).await {
                report.status = Status::NeedsAuth;
            }
        }
        for report in reports.iter_mut().filter(|report| report.connect_required()) {
            if let Some(member) = self.member(&report.name) {
                report.link = self.link(&member, None).await;
            }
        }
        reports
    }
}

/// What is kept for other processes.
pub(super) fn health(snapshot: &Snapshot, member: &Member) -> Health {
    let lists = member.session.lists.load();
    Health {
        state: snapshot.state,
        since: snapshot.since,
        last_error: snapshot.last_error.clone(),
        breaker: snapshot.breaker,
        latency_ms: snapshot.latency.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX)),
        era: snapshot.era,
        last_sync: lists.as_ref().map(|lists| lists.cached.fetched_at),
    }
}
