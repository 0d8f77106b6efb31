//! Prompts, resources, questions and notices through the hub, over scripted upstreams.

use super::{
    Answered, CallError, Forward, Hub, List, Notice, Request, Shown,
    policy::Denial,
    script::{Does, Rig, Script, ours, scripted},
};
use crate::{
    kind::Era,
    store::OtherLists,
    upstream::Event,
    wire::{Answering, Ask, ClientLink, LogLevel, Outcome, RpcError},
};
use bytes::Bytes;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(20);

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn all(texts: &[&str]) -> Vec<Bytes> {
    texts.iter().map(|text| bytes(text)).collect()
}

fn shelf() -> OtherLists {
    OtherLists {
        prompts: all(&[r#"{"name":"p","x":1.0}"#, r#"{"name":7}"#]),
        resources: all(&[
            r#"{"uri":"file:///a","name":"a","_meta":{"v":1}}"#,
            r#"{"uri":"https://x/1","name":"w"}"#,
            r#"{"uri":"file:///n"}"#,
        ]),
        templates: all(&[r#"{"uriTemplate":"file:///{p}","name":"t"}"#]),
        skills: all(&[r#"{"uri":"skill://s/SKILL.md","resources":"dynamic"}"#]),
    }
}

async fn two() -> (Rig, Arc<Script>, Arc<Script>) {
    let rig = Rig::open();
    let (a, b) = (Script::new(&["t"]), Script::of_era(Era::Modern, &["t"]));
    *a.others.lock().unwrap() = shelf();
    *b.others.lock().unwrap() = shelf();
    rig.hub.apply(ours(vec![scripted("a", &a), scripted("b", &b)]));
    rig.hub.settled(LONG).await;
    (rig, a, b)
}

async fn ask(
    hub: &Hub,
    forward: Forward,
    params: &str,
    link: Option<Arc<dyn ClientLink>>,
) -> Result<Answered, CallError> {
    let request = Request { params: bytes(params), client: None, limit: 1 << 20, link };
    hub.forward(forward, request).await
}

async fn said(hub: &Hub, forward: Forward, params: &str) -> String {
    let answered = ask(hub, forward, params, None).await.unwrap();
    String::from_utf8(answered.outcome.bytes().to_vec()).unwrap()
}

fn listed(hub: &Hub, list: List) -> String {
    String::from_utf8(hub.list(list, Era::Legacy).to_vec()).unwrap()
}

#[tokio::test]
async fn lists_have_the_names_and_uris_that_clients_see() {
    let (rig, ..) = two().await;
    assert_eq!(
        listed(&rig.hub, List::Prompts),
        r#"{"prompts":[{"name":"a__p","x":1.0},{"name":"b__p","x":1.0}]}"#
    );
    assert_eq!(
        listed(&rig.hub, List::Resources),
        concat!(
            r#"{"resources":[{"uri":"allmcp://a/file:///a","name":"a","_meta":{"v":1}},"#,
            r#"{"uri":"https://x/1","name":"w"},"#,
            r#"{"uri":"allmcp://b/file:///a","name":"a","_meta":{"v":1}},"#,
            r#"{"uri":"allmcp://b/https://x/1","name":"w"}]}"#
        )
    );
    assert!(listed(&rig.hub, List::Templates).contains(r#""allmcp://b/file:///{p}""#));
    assert!(listed(&rig.hub, List::Skills).contains(r#""skill://a/s/SKILL.md""#));
    let complaints = rig.hub.index().complaints().join("\n");
    assert!(complaints.contains("left out of the prompts of a"), "{complaints}");
    assert!(complaints.contains("resources of b: \"file:///n\" (it has no name)"), "{complaints}");
}

#[tokio::test]
async fn requests_go_to_their_owner_in_its_own_words() {
    let (rig, a, b) = two().await;
    a.answer("p", Does::Give(r#"{"messages":[{"content":{"type":"resource_link","uri":"x:y"}}]}"#));
    let got = said(&rig.hub, Forward::Prompt, r#"{"name":"a__p","arguments":{"k":"1"}}"#).await;
    assert!(got.contains(r#""uri":"allmcp://a/x:y""#), "{got}");
    assert_eq!(a.calls.lock().unwrap()[0], r#"{"name":"p","arguments":{"k":"1"}}"#);
    b.answer("file:///z", Does::Give(r#"{"contents":[{"uri":"file:///z"}],"ttlMs":5}"#));
    let got = said(&rig.hub, Forward::Read, r#"{"uri":"allmcp://b/file:///z"}"#).await;
    assert_eq!(got, r#"{"contents":[{"uri":"allmcp://b/file:///z"}],"ttlMs":5}"#);
    said(&rig.hub, Forward::Read, r#"{"uri":"https://x/1"}"#).await;
    said(&rig.hub, Forward::Read, r#"{"uri":"allmcp://b/https://x/1"}"#).await;
    assert_eq!(a.calls.lock().unwrap()[1], r#"{"uri":"https://x/1"}"#);
    assert_eq!(b.calls.lock().unwrap()[1], r#"{"uri":"https://x/1"}"#);
    let complete = r#"{"ref":{"type":"ref/resource","uri":"allmcp://b/file:///{p}"},"argument":{"name":"p","value":""}}"#;
    said(&rig.hub, Forward::Complete, complete).await;
    assert_eq!(b.calls.lock().unwrap()[2], complete.replace("allmcp://b/", ""));
    b.answer("t1", Does::Give(r#"{"resultType":"complete","taskId":"t1","status":"working"}"#));
    let got = said(&rig.hub, Forward::TaskGet, r#"{"taskId":"b.t1"}"#).await;
    assert_eq!(got, r#"{"resultType":"complete","taskId":"b.t1","status":"working"}"#);
    assert!(rig.log().is_empty(), "only calls of tools are in the access log");
}

#[tokio::test]
async fn what_nobody_has_or_may_not_be_used_is_said() {
    let (rig, a, _) = two().await;
    for (forward, params, what) in [
        (Forward::Prompt, r#"{"name":"a__q"}"#, "no prompt is known as \"a__q\""),
        (Forward::Read, r#"{"uri":"file:///a"}"#, "no resource is known"),
        (Forward::Read, r#"{"uri":"allmcp://z/x"}"#, "no resource is known"),
        (Forward::TaskGet, r#"{"taskId":"t1"}"#, "no task is known"),
        (Forward::Read, "{}", "\"uri\" is missing"),
        (Forward::Complete, r#"{"ref":{"type":"x"}}"#, "neither a prompt nor a resource"),
    ] {
        let error = ask(&rig.hub, forward, params, None).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    let mut off = scripted("a", &a);
    off.shown = Shown::Disabled;
    rig.hub.apply(ours(vec![off]));
    let params = r#"{"uri":"allmcp://a/file:///a"}"#;
    let Err(CallError::Denied(denied)) = ask(&rig.hub, Forward::Read, params, None).await else {
        panic!("denied")
    };
    assert_eq!(denied.why, Denial::Disabled);
    assert_eq!(listed(&rig.hub, List::Prompts), r#"{"prompts":[]}"#);
}

/// A client of an older revision that answers every question with the same.
#[derive(Default)]
struct Legacy {
    asked: Mutex<Vec<Ask>>,
    refuses: bool,
}

impl ClientLink for Legacy {
    fn capabilities(&self) -> Bytes {
        Bytes::from_static(b"{}")
    }

    fn wants_progress(&self) -> bool {
        false
    }

    fn progress(&self, _params: Bytes) {}

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn log(&self, _params: Bytes) {}

    fn ask(&self, ask: Ask) -> Answering {
        self.asked.lock().unwrap().push(ask);
        let answer = if self.refuses {
            Err(RpcError::new(-32603, "gone"))
        } else {
            Ok(Bytes::from_static(br#"{"action":"accept"}"#))
        };
        Box::pin(std::future::ready(answer))
    }

    fn drives_rounds(&self) -> bool {
        false
    }
}

const ASKS: &str = r#"{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"m"}}},"requestState":"s\u0041"}"#;

#[tokio::test]
async fn an_older_client_is_asked_and_the_upstream_hears_the_answers() {
    let (rig, _, b) = two().await;
    b.answers_in_turn("t", [Does::AskInput(ASKS), Does::Give(r#"{"content":[]}"#)]);
    let link = Arc::new(Legacy::default());
    let asked: Arc<dyn ClientLink> = Arc::<Legacy>::clone(&link);
    let params = bytes(r#"{"name":"b__t","arguments":{}}"#);
    let request = Request { params, client: None, limit: 1 << 20, link: Some(asked) };
    let answered = rig.hub.call(request).await.unwrap();
    assert_eq!(answered.outcome, Outcome::Complete(Bytes::from_static(br#"{"content":[]}"#)));
    assert_eq!(link.asked.lock().unwrap().len(), 1);
    let second = r#"{"inputResponses":{"k":{"action":"accept"}},"requestState":"s\u0041","name":"t","arguments":{}}"#;
    assert_eq!(b.calls.lock().unwrap()[1], second);
    assert_eq!(rig.log(), ["ok b b__t"], "one line for one request of the client");
}

#[tokio::test]
async fn an_upstream_that_never_has_enough_is_given_up() {
    let (rig, _, b) = two().await;
    b.answer("t", Does::AskInput(ASKS));
    let link: Arc<dyn ClientLink> = Arc::new(Legacy { refuses: true, ..Legacy::default() });
    let params = bytes(r#"{"name":"b__t"}"#);
    let request = Request { params, client: None, limit: 1 << 20, link: Some(link) };
    let error = rig.hub.call(request).await.unwrap_err();
    assert!(error.to_string().contains("after 10 rounds"), "{error}");
    let calls = b.calls.lock().unwrap();
    assert_eq!(calls.len(), 11);
    assert!(calls[1].contains(r#""inputResponses":{"k":{"action":"cancel"}}"#), "{}", calls[1]);
}

#[tokio::test]
async fn notices_speak_of_what_clients_know() {
    let (rig, ..) = two().await;
    rig.hub.begin();
    let mut notices = rig.hub.notices();
    rig.say("b", Event::ResourceUpdated(bytes(r#"{"uri":"file:///a","x":1}"#))).await;
    rig.say("b", Event::Log(bytes(r#"{"level":"error","data":"d"}"#))).await;
    rig.say("b", Event::Task(bytes(r#"{"taskId":"t","status":"working"}"#))).await;
    let uri = "allmcp://b/file:///a".to_owned();
    let params = bytes(r#"{"uri":"allmcp://b/file:///a","x":1}"#);
    assert_eq!(notices.recv().await.unwrap(), Notice::ResourceUpdated { uri, params });
    let log = notices.recv().await.unwrap();
    assert!(matches!(log, Notice::Log { level: LogLevel::Error, .. }), "{log:?}");
    let task = notices.recv().await.unwrap();
    assert!(matches!(&task, Notice::Task { id, .. } if id == "b.t"), "{task:?}");
}

#[tokio::test]
async fn each_list_has_its_own_version() {
    let (rig, a, _) = two().await;
    rig.hub.begin();
    let mut versions = rig.hub.version();
    let before = *versions.borrow_and_update();
    a.others.lock().unwrap().prompts.clear();
    rig.say("a", Event::ListsChanged).await;
    versions.changed().await.unwrap();
    let after = *versions.borrow();
    assert_eq!(after.prompts, before.prompts + 1);
    assert_eq!((after.tools, after.resources), (before.tools, before.resources));
    assert!(a.lists.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn an_app_calls_by_the_name_that_its_page_knows() {
    let rig = Rig::open();
    let (a, b) = (Script::new(&[]), Script::new(&["both"]));
    let app = |name: &str| {
        format!(
            r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"_meta":{{"ui":{{"resourceUri":"ui://x","visibility":["app"]}}}}}}"#
        )
    };
    *a.tools.lock().unwrap() = vec![app("refresh"), app("both")];
    rig.hub.apply(ours(vec![scripted("a", &a), scripted("b", &b)]));
    rig.hub.settled(LONG).await;
    assert!(listed(&rig.hub, List::Tools).contains(r#""resourceUri":"ui://a/x""#));
    for (name, there) in [("refresh", true), ("both", false)] {
        let params = bytes(&format!(r#"{{"name":"{name}"}}"#));
        let request = Request { params, client: None, limit: 1 << 20, link: None };
        assert_eq!(rig.hub.call(request).await.is_ok(), there, "{name}");
    }
    assert_eq!(*a.calls.lock().unwrap(), [r#"{"name":"refresh"}"#]);
}
