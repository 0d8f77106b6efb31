//! What clients are told outside of their requests: changed lists, and notices of upstreams.

use super::{conversation::Conversation, lists::Topic};
use crate::{
    hub::{Notice, Versions},
    wire::{LogLevel, frame, splice},
};
use bytes::Bytes;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

/// Changes that come this close together are told as one.
const CALM: Duration = Duration::from_millis(50);

/// What a client hears that never said how much it wants to: the server may decide (2025-11-25,
/// server/utilities/logging), and many upstreams behind one server are talkative.
pub(super) const UNASKED: LogLevel = LogLevel::Warning;

pub(super) fn start(talk: &Conversation) {
    let (lists, notices) = (talk.clone(), talk.clone());
    // Before anything can be subscribed to.
    let (heard, mut version) = (talk.hub.notices(), talk.hub.version());
    let before = *version.borrow_and_update();
    talk.shutdown.spawn("list_changed", async move { announce(&lists, version, before).await });
    talk.shutdown.spawn("notices", async move { pass_on(&notices, heard).await });
}

/// Tells the client of every change of a list that it does not know of.
async fn announce(
    talk: &Conversation,
    mut version: watch::Receiver<Versions>,
    mut before: Versions,
) {
    while version.changed().await.is_ok() {
        tokio::time::sleep(CALM).await;
        let now = *version.borrow_and_update();
        for topic in Topic::ALL {
            let new = topic.version(now);
            if new == topic.version(before) || talk.listed.knows(topic, new) {
                continue;
            }
            if hears(talk, topic) {
                talk.outbox.send(frame::notification(topic.list_changed(), None)).await;
            }
            for line in talk.listens.list_changed(topic) {
                talk.outbox.send(line).await;
            }
        }
        before = now;
    }
}

/// A client that said `initialize` hears of what it was offered then.
fn hears(talk: &Conversation, topic: Topic) -> bool {
    let settled = talk.settled();
    let offered = match topic {
        Topic::Tools => true,
        Topic::Prompts => settled.offered.prompts,
        Topic::Resources => settled.offered.resources,
    };
    offered && talk.initialized.load(Ordering::Relaxed)
}

async fn pass_on(talk: &Conversation, mut heard: Receiver<Notice>) {
    loop {
        match heard.recv().await {
            Ok(notice) => tell(talk, notice).await,
            Err(RecvError::Lagged(lost)) => {
                tracing::debug!("the client reads too slowly: {lost} notices are lost");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn tell(talk: &Conversation, notice: Notice) {
    let legacy = talk.initialized.load(Ordering::Relaxed);
    match notice {
        Notice::ResourceUpdated { uri, params } => {
            const METHOD: &str = "notifications/resources/updated";
            let wanted = |all: &Conversation| {
                all.settled().subscribed.iter().any(|subscribed| covers(subscribed, &uri))
            };
            if legacy && wanted(talk) {
                send(talk, METHOD, &params).await;
            }
            for line in talk.listens.updated(METHOD, &uri, &params) {
                talk.outbox.send(line).await;
            }
        }
        // 2026-07-28 has them only inside of requests.
        Notice::Log { level, params } => {
            if legacy && level >= talk.settled().level.unwrap_or(UNASKED) {
                send(talk, "notifications/message", &params).await;
            }
        }
        Notice::ElicitationComplete { params } => {
            let id = splice::get_str(&params, "elicitationId");
            if legacy && id.is_some_and(|id| talk.asks.completed(&id)) {
                send(talk, "notifications/elicitation/complete", &params).await;
            }
        }
        Notice::Task { id, params } => {
            for line in talk.listens.task("notifications/tasks", &id, &params) {
                talk.outbox.send(line).await;
            }
        }
    }
}

async fn send(talk: &Conversation, method: &str, params: &Bytes) {
    let params = splice::one_line(params.clone());
    talk.outbox.send(frame::notification(method, Some(&params))).await;
}

/// An update may be of a part of what was subscribed to (2025-11-25, schema of
/// `ResourceUpdatedNotification`).
pub(super) fn covers(subscribed: &str, updated: &str) -> bool {
    updated.strip_prefix(subscribed).is_some_and(|rest| {
        rest.is_empty() || subscribed.ends_with('/') || rest.starts_with(['/', '#', '?'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_resource_are_its_own() {
        assert!(covers("file:///a", "file:///a") && covers("file:///a", "file:///a/b"));
        assert!(covers("file:///a/", "file:///a/b") && !covers("file:///a", "file:///ab"));
        assert!(!covers("file:///a/b", "file:///a"));
    }
}
