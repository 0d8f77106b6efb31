//! What a call gets that only the user can help: a link that begins the consent.

use super::{
    CallError, Hub, Inner,
    member::{Done, Member},
    plan::Source,
};
use crate::{
    connect::{Link, Links, Outcome},
    name::ConnectionName,
    upstream::{ErrorKind, UpstreamConfig, UpstreamError},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

impl Hub {
    /// From now on a sign-in by a link of this process is taken up at once.
    pub(super) fn hear_of_sign_ins(&self) {
        if let Some(links) = &self.0.links {
            let inner: Weak<Inner> = Arc::downgrade(&self.0);
            links.on_done(Box::new(move |outcome| {
                let (hub, outcome) = (inner.upgrade().map(Self), outcome.clone());
                Box::pin(async move {
                    if let Some(hub) = hub {
                        hub.linked(&outcome).await;
                    }
                })
            }));
        }
    }

    /// Where users are sent; commands have none.
    pub(super) fn links(&self) -> Option<&Links> {
        self.0.links.as_ref()
    }

    /// The connection needs the user; with the link, where there is one. `None`: it does not.
    pub(super) async fn required(&self, name: &ConnectionName) -> Option<Option<Link>> {
        let reports = self.report_with_links().await;
        let report = reports.into_iter().find(|report| report.name == *name)?;
        report.connect_required().then_some(report.link)
    }

    /// A link of this process has done its work.
    pub(super) async fn linked(&self, outcome: &Outcome) {
        if !matches!(outcome, Outcome::SignedIn(_)) {
            self.own_deps().take_up().await;
        }
        match outcome {
            Outcome::SignedIn(name) => self.signed_in(name),
            Outcome::Connected(connected) => self.signed_in(&connected.name),
            _ => {}
        }
    }

    /// There are new tokens for this connection, wherever they came from.
    pub fn signed_in(&self, name: &ConnectionName) {
        let Some(member) = self.member(name) else { return };
        if let Some(upstream) = upstream(&member) {
            upstream.credentials.forget();
        }
        self.start_refresher(&member, Some(Duration::ZERO));
        member.session.wake.notify_one();
    }

    /// Waits until the connection asks for a sign-in; `None` when it has let us in.
    pub async fn refused(&self, name: &ConnectionName) -> Option<Arc<UpstreamError>> {
        let member = self.member(name)?;
        let mut done = member.session.done.subscribe();
        let wants = |error: &Arc<UpstreamError>| error.kind == ErrorKind::NeedsAuth;
        let known = done.wait_for(|now| now.fresh || now.error.as_ref().is_some_and(wants)).await;
        known.ok()?.error.clone().filter(wants)
    }

    /// True for a bridge whose user has yet to sign in.
    pub fn wants_sign_in(&self) -> bool {
        let wants = |member: &Arc<Member>| {
            let done = member.session.done.borrow();
            let error = done.error.as_ref();
            member.is_unlisted() && error.is_some_and(|it| it.kind == ErrorKind::NeedsAuth)
        };
        self.plan().signs_in && self.index().members().iter().any(wants)
    }

    /// Waits until a sign-in has brought the list.
    pub(super) async fn signed_in_and_listed(&self) {
        let index = self.index();
        for member in index.members() {
            let mut done = member.session.done.subscribe();
            let passed = |error: &Arc<UpstreamError>| error.kind != ErrorKind::NeedsAuth;
            let over = |now: &Done| now.fresh || now.error.as_ref().is_some_and(passed);
            let _gone = done.wait_for(over).await;
        }
    }

    /// True for a connection that cannot work before somebody signs in.
    pub(super) async fn nobody_signed_in(&self, name: &ConnectionName) -> bool {
        let Some(member) = self.member(name) else { return false };
        let Some(upstream) = upstream(&member) else { return false };
        let config = upstream.credentials.config();
        config.signs_in_by_consent()
            && !config.sign_in_optional
            && upstream.credentials.known_generation().await == 0
    }

    /// The generation of the tokens that are known of a connection; 0: nobody has signed in.
    pub async fn known_generation(&self, name: &ConnectionName) -> u64 {
        let Some(member) = self.member(name) else { return 0 };
        match upstream(&member) {
            Some(upstream) => upstream.credentials.known_generation().await,
            None => 0,
        }
    }

    /// Where the user goes to sign in, for a connection that is signed in to; `refused` is what
    /// it said last.
    pub(super) async fn link(
        &self,
        member: &Member,
        refused: Option<&UpstreamError>,
    ) -> Option<Link> {
        let config = upstream(member)?.credentials.config();
        // A bridge has no entry that could take another key.
        if config.takes_keys() && !config.name.as_str().starts_with("bridge-") {
            let renewed = self.0.links.as_ref()?.renew(&config.name, &config.tenant).await;
            return renewed.map(|(link, _)| link);
        }
        if !config.signs_in_by_consent() {
            return None;
        }
        let challenge = refused.and_then(|error| error.challenge.as_deref());
        self.0.links.as_ref()?.link(config, challenge).await
    }

    /// The same error, with the link where only the user can help.
    pub(super) async fn told(&self, error: UpstreamError) -> CallError {
        if !matches!(error.kind, ErrorKind::NeedsAuth | ErrorKind::NeedsScope { .. }) {
            return CallError::Upstream(error);
        }
        let link = match self.member(&error.connection) {
            Some(member) => self.link(&member, Some(&error)).await,
            None => None,
        };
        CallError::SignIn { error, link }
    }
}

fn upstream(member: &Member) -> Option<&UpstreamConfig> {
    match &member.plan.source {
        Source::Upstream(config) => Some(config),
        Source::None => None,
        #[cfg(test)]
        Source::Script(_) => None,
    }
}
