//! What upstreams tell outside of calls, with the names and URIs that clients know.

use super::{CallError, Hub, member::Member, rewrite};
use crate::{
    name::ConnectionName,
    upstream::Event,
    wire::{LogLevel, splice},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// Something for whoever wants to hear of it; the `params` are those of the notification, without
/// the keys of any hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `notifications/resources/updated`.
    ResourceUpdated { uri: String, params: Bytes },
    /// `notifications/message`.
    Log { level: LogLevel, params: Bytes },
    /// `notifications/elicitation/complete` (2025-11-25).
    ElicitationComplete { params: Bytes },
    /// `notifications/tasks` (SEP-2663).
    Task { id: String, params: Bytes },
}

/// What clients follow, as they know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Resource(String),
    Task(String),
}

impl Hub {
    /// Tells whoever wants to hear it.
    pub(super) fn notify(&self, notice: Notice) {
        let _nobody = self.0.notices.send(notice);
    }

    /// Does something beside all requests.
    pub(super) fn background(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.0.deps.shutdown.spawn(name, work);
    }

    /// Everything that is told from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Wants to hear of changes of a resource, by its public URI. Each success is undone by one
    /// [`Hub::unsubscribe`].
    pub async fn subscribe(&self, uri: &str) -> Result<(), CallError> {
        if let Some(id) = self.memory_id(uri) {
            return self.memory_at(id).await.map(drop);
        }
        let (member, own) = self.resource(uri).await?;
        self.follow_topic(Topic::Resource(uri.to_owned()), &member, &own).await
    }

    pub async fn unsubscribe(&self, uri: &str) {
        if self.is_last(&Topic::Resource(uri.to_owned()))
            && let Ok((member, own)) = self.resource(uri).await
        {
            member.session.route.unsubscribe(&own).await;
        }
    }

    /// Wants to hear of a task, by its public id (SEP-2663). Each success is undone by one
    /// [`Hub::unwatch_task`].
    pub async fn watch_task(&self, id: &str) -> Result<(), CallError> {
        let (member, own) = self.task(id)?;
        self.follow_topic(Topic::Task(id.to_owned()), &member, &own).await
    }

    pub fn unwatch_task(&self, id: &str) {
        if self.is_last(&Topic::Task(id.to_owned()))
            && let Ok((member, own)) = self.task(id)
        {
            member.session.route.unwatch_task(&own);
        }
    }

    async fn follow_topic(
        &self,
        topic: Topic,
        member: &Arc<Member>,
        own: &str,
    ) -> Result<(), CallError> {
        if let Some(count) = self.subscriptions().get_mut(&topic) {
            *count += 1;
            return Ok(());
        }
        let route = &member.session.route;
        let followed = match topic {
            Topic::Resource(_) => route.subscribe(member.name(), own).await,
            Topic::Task(_) => route.watch_task(member.name(), own).await,
        };
        if let Err(error) = followed {
            return Err(Box::pin(self.told(error)).await);
        }
        *self.subscriptions().entry(topic).or_default() += 1;
        Ok(())
    }

    /// True when nobody follows it any more.
    fn is_last(&self, topic: &Topic) -> bool {
        let mut all = self.subscriptions();
        match all.get_mut(topic) {
            None => false,
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => all.remove(topic).is_some(),
        }
    }

    /// A connection has another session: it hears again of what clients want to know.
    pub(super) fn subscribe_again(&self, member: &Arc<Member>) {
        let all: Vec<Topic> = self.subscriptions().keys().cloned().collect();
        if all.is_empty() {
            return;
        }
        let (hub, member) = (self.clone(), Arc::clone(member));
        self.0.deps.shutdown.spawn("subscribe again", async move {
            for topic in all {
                let found = match &topic {
                    Topic::Resource(uri) => hub.resource(uri).await,
                    Topic::Task(id) => hub.task(id),
                };
                let Ok((owner, own)) = found else { continue };
                if !Arc::ptr_eq(&owner.session, &member.session) {
                    continue;
                }
                let route = &owner.session.route;
                let again = match topic {
                    Topic::Resource(_) => route.subscribe(owner.name(), &own).await,
                    Topic::Task(_) => route.watch_task(owner.name(), &own).await,
                };
                if let Err(error) = again {
                    tracing::debug!(connection = %owner.name(), %error, "no subscription");
                }
            }
        });
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<Topic, usize>> {
        self.0.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what a connection told.
    pub(super) fn tell(&self, name: &ConnectionName, event: &Event) {
        let Some(member) = self.member(name) else { return };
        if let Some(notice) = self.notice(&member, event) {
            // Nobody listens: a command, or a client that has not begun.
            let _unheard = self.0.notices.send(notice);
        }
    }

    fn notice(&self, member: &Member, event: &Event) -> Option<Notice> {
        let plain = self.index().is_plain();
        let to = |uri: &str| self.outward(member, uri);
        Some(match event {
            Event::ResourceUpdated(params) => {
                let params = if plain { params.clone() } else { rewrite::updated(params, &to) };
                let uri = splice::get_str(&params, "uri")?.into_owned();
                Notice::ResourceUpdated { uri, params }
            }
            Event::Log(params) => {
                let level = splice::get_str(params, "level")?.parse().ok()?;
                Notice::Log { level, params: params.clone() }
            }
            Event::ElicitationComplete(params) => {
                Notice::ElicitationComplete { params: params.clone() }
            }
            Event::Task(params) => {
                let params =
                    if plain { params.clone() } else { rewrite::task(params, member.name(), &to) };
                let id = splice::get_str(&params, "taskId")?.into_owned();
                Notice::Task { id, params }
            }
            Event::ListsChanged | Event::State => return None,
        })
    }
}
