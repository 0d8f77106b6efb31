//! `subscriptions/listen` (2026-07-28): what a client hears outside of its requests.

use super::{
    capabilities::{self, TASKS},
    conversation::Conversation,
    herald,
    lists::Topic,
};
use crate::{
    hub::Offer,
    wire::{
        Frame, Id, RpcError, error, frame, meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use futures_util::future::join_all;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Most `subscriptions/listen` at a time; a client has use for one.
const MAX_LISTENS: usize = 32;

/// Most resources, and most tasks, of one of them; what is more is not honoured.
const MAX_NAMED: usize = 256;

/// How long the acknowledgement may wait for upstreams.
const PATIENCE: Duration = Duration::from_secs(5);

/// The open ones of a client.
#[derive(Default)]
pub(super) struct Listens(Mutex<State>);

#[derive(Default)]
struct State {
    serials: u64,
    open: Vec<Listen>,
}

struct Listen {
    /// Tells it from a later one under the same id.
    serial: u64,
    id: Id,
    /// The acknowledgement has been sent: the first message under its id.
    ready: bool,
    filter: Filter,
}

/// What is heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Filter {
    /// By [`Topic`].
    lists: [bool; 3],
    /// Public URIs.
    resources: Vec<String>,
    /// SEP-2663.
    tasks: Vec<String>,
}

impl Filter {
    /// The members of the filter of each topic.
    const LISTS: [(Topic, &str); 3] = [
        (Topic::Tools, "toolsListChanged"),
        (Topic::Prompts, "promptsListChanged"),
        (Topic::Resources, "resourcesListChanged"),
    ];

    /// What is asked for and can be had.
    fn read(json: &Bytes, offer: &Offer) -> Self {
        let is_true = |key| splice::get(json, key).is_some_and(|value| value == "true");
        let mut lists = [false; 3];
        for (topic, key) in Self::LISTS {
            let offered = match topic {
                Topic::Tools => true,
                Topic::Prompts => offer.prompts,
                Topic::Resources => offer.resources,
            };
            lists[topic as usize] = offered && is_true(key);
        }
        let named = |key, offered: bool| {
            let list = splice::get(json, key).filter(|_| offered).unwrap_or_default();
            let mut all = Vec::new();
            for one in splice::elements(&list) {
                if let Some(one) = splice::string(&list[one])
                    && all.len() < MAX_NAMED
                    && !all.iter().any(|known| *known == *one)
                {
                    all.push(one.into_owned());
                }
            }
            all
        };
        Self {
            lists,
            resources: named("resourceSubscriptions", offer.resources && offer.subscribe),
            tasks: named("taskIds", capabilities::extends(offer, TASKS)),
        }
    }

    fn json(&self) -> String {
        let mut members = Vec::new();
        for (topic, key) in Self::LISTS {
            if self.lists[topic as usize] {
                members.push(format!("\"{key}\":true"));
            }
        }
        for (key, names) in [("resourceSubscriptions", &self.resources), ("taskIds", &self.tasks)] {
            if !names.is_empty() {
                let names: Vec<String> = names.iter().map(|name| splice::quote(name)).collect();
                members.push(format!("\"{key}\":[{}]", names.join(",")));
            }
        }
        format!("{{{}}}", members.join(","))
    }
}

/// Takes a request. Its acknowledgement is the first message under its id, and says what is
/// honoured, so it waits until upstreams have said whether they tell of their resources.
pub(super) async fn open(talk: &Conversation, frame: &Frame, id: &Id) -> Result<(), RpcError> {
    let filter = frame.param("notifications").filter(|filter| filter.first() == Some(&b'{'));
    let Some(filter) = filter else {
        return Err(RpcError::new(error::INVALID_PARAMS, "\"notifications\" is not an object"));
    };
    let wanted = Filter::read(&filter, &talk.hub.offer());
    let serial = {
        let mut state = talk.listens.lock();
        if state.open.len() >= MAX_LISTENS {
            return Err(RpcError::new(error::INVALID_REQUEST, "too many subscriptions are open"));
        }
        state.serials += 1;
        let serial = state.serials;
        // What is subscribed to is not its own before it has been accepted.
        let filter = Filter { resources: Vec::new(), ..wanted.clone() };
        state.open.push(Listen { serial, id: id.clone(), ready: false, filter });
        serial
    };
    if wanted.resources.is_empty() {
        acknowledge(talk, id, serial, &wanted).await;
        return Ok(());
    }
    let (talk_, id) = (talk.clone(), id.clone());
    talk.shutdown.spawn("subscribe", async move {
        let mut wanted = wanted;
        wanted.resources = accepted(&talk_, std::mem::take(&mut wanted.resources)).await;
        acknowledge(&talk_, &id, serial, &wanted).await;
    });
    Ok(())
}

/// Those resources whose upstreams will tell of them.
async fn accepted(talk: &Conversation, wanted: Vec<String>) -> Vec<String> {
    let all = wanted.into_iter().map(|uri| async move {
        let subscribed = tokio::time::timeout(PATIENCE, talk.hub.subscribe(&uri)).await;
        matches!(subscribed, Ok(Ok(()))).then_some(uri)
    });
    join_all(all).await.into_iter().flatten().collect()
}

async fn acknowledge(talk: &Conversation, id: &Id, serial: u64, honoured: &Filter) {
    let open = {
        let mut state = talk.listens.lock();
        let listen = state.open.iter_mut().find(|listen| listen.serial == serial);
        listen.map(|listen| listen.filter = honoured.clone()).is_some()
    };
    if !open {
        // Cancelled meanwhile.
        return forget(talk, honoured.resources.clone()).await;
    }
    let params = format!("{{\"_meta\":{},\"notifications\":{}}}", tag(id), honoured.json());
    let method = "notifications/subscriptions/acknowledged";
    talk.outbox.send(frame::notification(method, Some(params.as_bytes()))).await;
    let mut state = talk.listens.lock();
    if let Some(listen) = state.open.iter_mut().find(|listen| listen.serial == serial) {
        listen.ready = true;
    }
}

async fn forget(talk: &Conversation, resources: Vec<String>) {
    join_all(resources.iter().map(|uri| talk.hub.unsubscribe(uri))).await;
}

impl Listens {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.lock().open.iter().any(|listen| &listen.id == id)
    }

    /// The client is no longer interested.
    pub(super) fn end(&self, talk: &Conversation, id: &Id) {
        let ended = {
            let mut state = self.lock();
            let at = state.open.iter().position(|listen| &listen.id == id);
            at.map(|at| state.open.remove(at))
        };
        if let Some(listen) = ended
            && !listen.filter.resources.is_empty()
        {
            let this = talk.clone();
            talk.shutdown.spawn("unsubscribe", async move {
                forget(&this, listen.filter.resources).await;
            });
        }
    }

    /// One line for each that `wants` it; `params` is an object.
    fn lines(&self, method: &str, params: &Bytes, wants: impl Fn(&Filter) -> bool) -> Vec<Bytes> {
        let line = |listen: &Listen| {
            let params = tagged(params, &listen.id);
            frame::notification(method, Some(&params))
        };
        let state = self.lock();
        state.open.iter().filter(|it| it.ready && wants(&it.filter)).map(line).collect()
    }

    /// For those who want to know that a list changed.
    pub(super) fn list_changed(&self, topic: Topic) -> Vec<Bytes> {
        let nothing = Bytes::from_static(b"{}");
        self.lines(topic.list_changed(), &nothing, |filter| filter.lists[topic as usize])
    }

    /// For those who are subscribed to a resource.
    pub(super) fn updated(&self, method: &str, uri: &str, params: &Bytes) -> Vec<Bytes> {
        let covers = |subscribed: &String| herald::covers(subscribed, uri);
        self.lines(method, params, |filter| filter.resources.iter().any(covers))
    }

    /// For those who wait for a task.
    pub(super) fn task(&self, method: &str, id: &str, params: &Bytes) -> Vec<Bytes> {
        self.lines(method, params, |filter| filter.tasks.iter().any(|task| task == id))
    }

    /// The results that end them when we go.
    pub(super) fn farewell(&self) -> Vec<Bytes> {
        let line = |listen: Listen| {
            let result = format!("{{\"resultType\":\"complete\",\"_meta\":{}}}", tag(&listen.id));
            frame::response(&listen.id, result.into())
        };
        self.lock().open.drain(..).map(line).collect()
    }
}

/// The `_meta` of every message under a subscription.
fn tag(id: &Id) -> String {
    let id = String::from_utf8_lossy(id.json());
    format!("{{{}:{id}}}", splice::quote(meta::SUBSCRIPTION_ID))
}

/// `params` under a subscription; what else its `_meta` says stays.
fn tagged(params: &Bytes, id: &Id) -> Bytes {
    let own = splice::get(params, "_meta").filter(|own| own.first() == Some(&b'{'));
    let own = own.unwrap_or_else(|| Bytes::from_static(b"{}"));
    let mut inner = Edits::new();
    inner.set(&own, meta::SUBSCRIPTION_ID, id.json().clone());
    let mut edits = Edits::new();
    edits.set(params, "_meta", inner.apply(&own));
    splice::one_line(edits.apply(params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hub::Notice, serve::desk::Ear};

    #[test]
    fn messages_are_tagged_and_keep_what_they_say() {
        let tagged = |params: &'static str| {
            let id = Id::from_json(Bytes::from_static(b"\"l\"")).unwrap();
            String::from_utf8(tagged(&Bytes::from_static(params.as_bytes()), &id).to_vec()).unwrap()
        };
        let tag = r#""io.modelcontextprotocol/subscriptionId":"l""#;
        assert_eq!(tagged("{}"), format!("{{\"_meta\":{{{tag}}}}}"));
        assert_eq!(
            tagged(r#"{"uri":"x","_meta":{"v":1.0}}"#),
            format!("{{\"uri\":\"x\",\"_meta\":{{{tag},\"v\":1.0}}}}")
        );
    }

    #[test]
    fn only_what_is_offered_is_honoured() {
        let asked = Bytes::from_static(
            br#"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":false,"resourceSubscriptions":["a","a",1,"b"],"taskIds":["t"]}"#,
        );
        let tools = Filter { lists: [true, false, false], ..Filter::default() };
        assert_eq!(Filter::read(&asked, &Offer::default()), tools);
        let offer = Offer {
            prompts: true,
            resources: true,
            subscribe: true,
            extensions: vec![(TASKS.to_owned(), Bytes::from_static(b"{}"))],
            ..Offer::default()
        };
        let all = Filter {
            lists: [true, true, false],
            resources: vec!["a".to_owned(), "b".to_owned()],
            tasks: vec!["t".to_owned()],
        };
        assert_eq!(Filter::read(&asked, &offer), all);
    }

    #[test]
    fn nobody_hears_what_they_did_not_ask_for_or_before_the_acknowledgement() {
        let listens = Listens::default();
        let listen =
            |id: u64, ready, filter| Listen { serial: id, id: Id::number(id), ready, filter };
        let filter = Filter {
            lists: [false, true, false],
            resources: vec!["x:a".to_owned()],
            tasks: vec!["t".to_owned()],
        };
        let tools = Filter { lists: [true, false, false], ..Filter::default() };
        listens.lock().open =
            vec![listen(1, true, filter.clone()), listen(2, false, filter), listen(3, true, tools)];
        let params = Bytes::from_static(b"{}");
        let told = |lines: Vec<Bytes>, id: &str| {
            assert_eq!(lines.len(), 1);
            let tag = format!("\"io.modelcontextprotocol/subscriptionId\":{id}}}");
            assert!(String::from_utf8_lossy(&lines[0]).contains(&tag));
        };
        told(listens.list_changed(Topic::Tools), "3");
        told(listens.list_changed(Topic::Prompts), "1");
        assert!(listens.list_changed(Topic::Resources).is_empty());
        told(listens.updated("m", "x:a", &params), "1");
        assert!(listens.updated("m", "x:b", &params).is_empty());
        told(listens.task("m", "t", &params), "1");
        assert!(listens.task("m", "u", &params).is_empty());
        assert!(listens.has(&Id::number(2)) && !listens.has(&Id::number(4)));
    }

    #[tokio::test]
    async fn the_acknowledgement_comes_first_and_not_at_all_after_a_cancel() {
        let mut ear = Ear::open();
        let id = Id::number(7);
        let honoured = Filter { resources: vec!["x:a".to_owned()], ..Filter::default() };
        let waiting = |serial| {
            let filter = Filter::default();
            let listen = Listen { serial, id: id.clone(), ready: false, filter };
            ear.talk.listens.lock().open.push(listen);
        };
        waiting(1);
        ear.talk.listens.end(&ear.talk, &id);
        // The client has used the id again meanwhile.
        waiting(2);
        acknowledge(&ear.talk, &id, 1, &honoured).await;
        acknowledge(&ear.talk, &id, 2, &honoured).await;
        let params = Bytes::from_static(br#"{"uri":"x:a"}"#);
        ear.rig.notice(Notice::ResourceUpdated { uri: "x:a".to_owned(), params });
        let own = r#""_meta":{"io.modelcontextprotocol/subscriptionId":7}"#;
        assert_eq!(
            ear.hear().await,
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{own},"notifications":{{"resourceSubscriptions":["x:a"]}}}}}}"#
            )
        );
        assert_eq!(
            ear.hear().await,
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{{own},"uri":"x:a"}}}}"#
            )
        );
    }

    #[test]
    fn the_honoured_part_is_written_as_it_was_asked_for() {
        let filter = Filter {
            lists: [true, false, true],
            resources: vec!["a\"b".to_owned()],
            tasks: vec!["t".to_owned()],
        };
        assert_eq!(
            filter.json(),
            r#"{"toolsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["a\"b"],"taskIds":["t"]}"#
        );
        assert_eq!(Filter::default().json(), "{}");
    }
}
