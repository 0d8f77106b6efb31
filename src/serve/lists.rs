//! The lists: one page each, given once every connection has been heard.

use super::{
    answer,
    batch::Outlet,
    conversation::{Conversation, line},
    modern,
};
use crate::{
    hub::{List, Versions},
    kind::Era,
    wire::{Frame, Id, RpcError, error},
};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const NEVER: u64 = u64::MAX;

/// What clients are told of a change by: prompts are another topic than tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Tools,
    Prompts,
    Resources,
}

impl Topic {
    pub(super) const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    fn of(list: List) -> Self {
        match list {
            List::Tools => Self::Tools,
            List::Prompts => Self::Prompts,
            List::Resources | List::Templates | List::Skills => Self::Resources,
        }
    }

    pub(super) fn version(self, versions: Versions) -> u64 {
        match self {
            Self::Tools => versions.tools,
            Self::Prompts => versions.prompts,
            Self::Resources => versions.resources,
        }
    }

    /// The notification, which has one name in every revision.
    pub(super) fn list_changed(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
        }
    }
}

/// Which lists the client has.
pub(super) struct Listed {
    /// By [`List`]: the version of the last one that it was given.
    versions: [AtomicU64; 5],
    /// By [`Topic`]: lists that are about to be given.
    coming: [AtomicUsize; 3],
}

impl Default for Listed {
    fn default() -> Self {
        let never = || AtomicU64::new(NEVER);
        let versions = [never(), never(), never(), never(), never()];
        Self { versions, coming: Default::default() }
    }
}

impl Listed {
    const LISTS: [List; 5] =
        [List::Tools, List::Prompts, List::Resources, List::Templates, List::Skills];

    /// The client has this version, or is about to get it: it need not be told of it.
    pub(super) fn knows(&self, topic: Topic, version: u64) -> bool {
        if self.coming[topic as usize].load(Ordering::Relaxed) > 0 {
            return true;
        }
        let of_topic = Self::LISTS.iter().filter(|list| Topic::of(**list) == topic);
        let given: Vec<u64> = of_topic
            .map(|list| self.versions[*list as usize].load(Ordering::Relaxed))
            .filter(|given| *given != NEVER)
            .collect();
        !given.is_empty() && given.iter().all(|given| *given == version)
    }
}

/// Answers one of the lists, once every connection has one or the client's patience ends.
pub(super) async fn answer(
    talk: &Conversation,
    list: List,
    frame: &Frame,
    id: Id,
    outlet: Outlet,
    era: Era,
) {
    if frame.param("cursor").is_some_and(|cursor| cursor != "null") {
        let error = RpcError::new(error::INVALID_PARAMS, "there is only one page: no cursor");
        return talk.answer(&id, outlet, Err(error)).await;
    }
    let recalls = talk.hub.recalls(list);
    if talk.hub.index().is_complete() && !recalls {
        let result = rendered(talk, list, era);
        return talk.answer(&id, outlet, Ok(result)).await;
    }
    let coming = Coming::of(talk, list);
    let signs_in = talk.hub.plan().signs_in;
    let wait = talk.client.load().list_wait(signs_in);
    talk.flights.start("list", &id.clone(), outlet, async move {
        let talk = &coming.talk;
        talk.hub.settled(wait).await;
        if recalls {
            talk.hub.recall().await;
        }
        line(&id, Ok(rendered(talk, list, era)))
    });
}

fn rendered(talk: &Conversation, list: List, era: Era) -> Bytes {
    // The version first: a change in between is then told once too often, not once too few.
    let version = Topic::of(list).version(*talk.hub.version().borrow());
    talk.listed.versions[list as usize].store(version, Ordering::Relaxed);
    let complete = talk.hub.index().is_complete();
    let body = if list == List::Tools && talk.hub.wants_sign_in() {
        Bytes::from_static(answer::SIGN_IN_LIST.as_bytes())
    } else {
        talk.hub.list(list, era)
    };
    match era {
        Era::Legacy => body,
        Era::Modern => modern::list(&talk.hub, &body, complete),
    }
}

/// A list is about to be given.
struct Coming {
    talk: Conversation,
    topic: Topic,
}

impl Coming {
    fn of(talk: &Conversation, list: List) -> Self {
        let topic = Topic::of(list);
        talk.listed.coming[topic as usize].fetch_add(1, Ordering::Relaxed);
        Self { talk: talk.clone(), topic }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.talk.listed.coming[self.topic as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_news_until_every_list_of_its_topic_has_it() {
        let listed = Listed::default();
        assert!(!listed.knows(Topic::Resources, 1), "a client that never listed is told");
        listed.versions[List::Resources as usize].store(1, Ordering::Relaxed);
        assert!(listed.knows(Topic::Resources, 1));
        listed.versions[List::Templates as usize].store(0, Ordering::Relaxed);
        assert!(!listed.knows(Topic::Resources, 1), "its templates are old");
        assert!(!listed.knows(Topic::Tools, 1));
        listed.coming[Topic::Tools as usize].store(1, Ordering::Relaxed);
        assert!(listed.knows(Topic::Tools, 1));
    }
}
