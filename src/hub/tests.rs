//! The hub as a whole, over scripted upstreams.

use super::{
    Answered, CallError, Denied, Hub, Request, Shown,
    own::Own,
    pins,
    policy::Denial,
    script::{Does, Rig, Script, ours, plan, scripted, tool},
};
use crate::{
    kind::{Era, Pin, Rule, Status},
    name::ConnectionName,
    upstream::{ErrorKind, Event, UpstreamError},
    wire::Outcome,
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(20);

async fn call_with(hub: &Hub, params: &str, limit: u64) -> Result<Answered, CallError> {
    let params = Bytes::copy_from_slice(params.as_bytes());
    hub.call(Request { params, client: Some("t".into()), limit, link: None }).await
}

async fn call(hub: &Hub, name: &str) -> Result<String, CallError> {
    let answered = call_with(hub, &format!(r#"{{"name":"{name}"}}"#), 1 << 20).await?;
    let Outcome::Complete(bytes) = answered.outcome else { panic!("complete") };
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

fn listed(hub: &Hub) -> String {
    String::from_utf8(hub.index().rendered(Era::Legacy).to_vec()).unwrap()
}

fn unreachable(name: &str) -> UpstreamError {
    let name: ConnectionName = name.parse().unwrap();
    UpstreamError::new(&name, ErrorKind::Unreachable, "connection refused")
}

#[tokio::test]
async fn a_call_goes_to_its_upstream_with_one_splice_and_comes_back_as_it_is() {
    let rig = Rig::open();
    let (a, b) = (Script::new(&["t.x"]), Script::new(&["t.x"]));
    let odd = "{ \"content\" : [ ], \"n\":1.0e0,\"vendor\":{\"isError\":true} }";
    b.answer("t.x", Does::Give(odd));
    rig.hub.apply(ours(vec![scripted("a", &a), scripted("b", &b)]));
    rig.hub.settled(LONG).await;
    let name = super::names::public(&"b".parse().unwrap(), "t.x");
    let params =
        format!(r#"{{ "arguments":{{"k": 1.0}}, "name" : "{name}" ,"_meta":{{"x/y":[]}}}}"#);
    let answered = call_with(&rig.hub, &params, 1 << 20).await.unwrap();
    assert_eq!(answered.outcome, Outcome::Complete(Bytes::from_static(odd.as_bytes())));
    assert_eq!(answered.era, Some(Era::Legacy));
    assert_eq!(*b.calls.lock().unwrap(), [params.replace(name.as_str(), "t.x")]);
    assert!(a.calls.lock().unwrap().is_empty(), "nobody else is called");
    assert_eq!(rig.log(), [format!("ok b {name}")]);
}

#[tokio::test]
async fn what_may_not_be_used_is_denied_and_logged() {
    let rig = Rig::open();
    let s = Script::new(&["t"]);
    let mut all: Vec<_> = ["off", "out", "glob", "rule", "read"].map(|n| scripted(n, &s)).into();
    all[0].shown = Shown::Disabled;
    all[1].shown = Shown::NotSelected;
    all[2].rules.deny = vec!["t".into()];
    all[3].rules.policy.write = Some(Rule::Deny);
    all[4].rules.read_only = true;
    rig.hub.apply(ours(all));
    rig.hub.settled(LONG).await;
    let list = listed(&rig.hub);
    assert!(!list.contains("__t"), "{list}");
    for (name, want) in [
        ("off__t", "allmcp enable off"),
        ("out__t", "--only"),
        ("glob__t", "allmcp tools enable glob t"),
        ("rule__t", "connections.rule.policy.write"),
        ("read__t", "take --read-only out"),
    ] {
        let Err(CallError::Denied(denied)) = call(&rig.hub, name).await else { panic!("{name}") };
        assert!(denied.remedy().contains(want), "{}", denied.remedy());
    }
    assert!(s.calls.lock().unwrap().is_empty());
    assert_eq!(rig.log().len(), 5);
    assert!(rig.log().iter().all(|line| line.starts_with("denied ")), "{:?}", rig.log());
}

#[tokio::test]
async fn an_unknown_name_gets_the_nearest_ones() {
    let rig = Rig::open();
    rig.hub.apply(ours(vec![scripted("a", &Script::new(&["get_item", "get_items", "zzz"]))]));
    rig.hub.settled(LONG).await;
    let Err(CallError::Unknown { nearest, .. }) = call(&rig.hub, "a__get_itm").await else {
        panic!("unknown")
    };
    assert_eq!(nearest, ["a__get_item", "a__get_items"]);
    assert!(matches!(call(&rig.hub, "b__x").await, Err(CallError::Unknown { .. })));
    for params in ["{}", r#"{"name":7}"#] {
        assert!(matches!(call_with(&rig.hub, params, 9).await, Err(CallError::Params(_))));
    }
    assert_eq!(rig.log().len(), 4);
    assert!(rig.log().iter().all(|line| line.starts_with("failed")));
}

#[tokio::test]
async fn a_tool_of_a_connection_never_seen_is_asked_for_and_called() {
    let rig = Rig::open();
    let (a, dead) = (Script::new(&["t"]), Script::new(&[]));
    *dead.list_error.lock().unwrap() = Some(unreachable("dead"));
    rig.hub.apply(ours(vec![scripted("a", &a), scripted("dead", &dead)]));
    assert_eq!(call(&rig.hub, "a__t").await.unwrap(), r#"{"content":[]}"#);
    let Err(CallError::Upstream(error)) = call(&rig.hub, "dead__t").await else { panic!("error") };
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(matches!(call(&rig.hub, "a__u").await, Err(CallError::Unknown { .. })));
    assert_eq!(a.lists.load(Ordering::SeqCst), 1, "a list that is fresh is not fetched again");
    let mut broken = plan("broken");
    broken.problem = Some("timeout is not a duration".into());
    rig.hub.apply(ours(vec![broken]));
    let Err(CallError::Upstream(error)) = call(&rig.hub, "broken__t").await else { panic!() };
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (ErrorKind::Config, "timeout is not a duration")
    );
}

#[tokio::test]
async fn a_dropped_call_is_dropped_upstream_and_logged_once() {
    let rig = Rig::open();
    let a = Script::new(&["hang"]);
    a.answer("hang", Does::Hang);
    rig.hub.apply(ours(vec![scripted("a", &a)]));
    rig.hub.settled(LONG).await;
    let hub = rig.hub.clone();
    let task = rig.shutdown.spawn("call", async move {
        let _never = call(&hub, "a__hang").await;
    });
    while a.calls.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(a.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(rig.log(), ["cancelled a a__hang"]);
}

#[tokio::test]
async fn results_are_measured_and_their_errors_counted() {
    let rig = Rig::open();
    let a = Script::new(&["long", "bad", "fails"]);
    a.answer("long", Does::Give(r#"{"content":[{"type":"text","text":"0123456789"}]}"#));
    a.answer("bad", Does::Give(r#"{"content":[],"isError": true}"#));
    a.answer("fails", Does::Fail(unreachable("a")));
    rig.hub.apply(ours(vec![scripted("a", &a)]));
    rig.hub.settled(LONG).await;
    let long = call_with(&rig.hub, r#"{"name":"a__long"}"#, 20).await;
    assert!(matches!(long, Err(CallError::TooLarge { size: 49, limit: 20, .. })), "{long:?}");
    call(&rig.hub, "a__bad").await.unwrap();
    call(&rig.hub, "a__fails").await.unwrap_err();
    assert_eq!(rig.log(), ["failed a a__long", "tool_error a a__bad", "failed a a__fails"]);
}

#[tokio::test]
async fn a_changed_list_is_fetched_again_and_told_only_when_it_differs() {
    let rig = Rig::open();
    let a = Script::new(&["t"]);
    rig.hub.apply(ours(vec![scripted("a", &a)]));
    rig.hub.begin();
    rig.hub.settled(LONG).await;
    let mut version = rig.hub.version();
    let first = *version.borrow_and_update();
    rig.say("a", Event::ListsChanged).await;
    while a.lists.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    *a.tools.lock().unwrap() = vec![tool("u")];
    rig.say("a", Event::ListsChanged).await;
    version.changed().await.unwrap();
    assert!(listed(&rig.hub).contains("a__u"));
    assert_eq!(version.borrow().tools, first.tools + 1, "the same list again is no news");
}

#[tokio::test]
async fn a_new_plan_keeps_what_it_does_not_change() {
    let rig = Rig::open();
    let (a, b) = (Script::new(&["t", "u"]), Script::new(&["t"]));
    rig.hub.apply(ours(vec![scripted("a", &a), scripted("b", &b)]));
    rig.hub.settled(LONG).await;
    let mut narrowed = scripted("a", &a);
    narrowed.rules.deny = vec!["u".into()];
    rig.hub.apply(ours(vec![narrowed.clone()]));
    let list = listed(&rig.hub);
    assert!(list.contains("a__t") && !list.contains("a__u") && !list.contains("b__t"));
    while !b.closed.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert!(!a.closed.load(Ordering::SeqCst), "its session goes on");
    assert_eq!(a.lists.load(Ordering::SeqCst), 1, "and its list is not fetched again");
    let other = Script::new(&["v"]);
    let mut moved = scripted("a", &other);
    moved.fingerprint = "another URL".into();
    moved.target = "https://y.example/mcp".into();
    rig.hub.apply(ours(vec![moved]));
    rig.hub.settled(LONG).await;
    assert!(listed(&rig.hub).contains("a__v") && !listed(&rig.hub).contains("a__t"));
}

#[tokio::test]
async fn lists_of_last_time_serve_until_there_are_newer_ones() {
    let rig = Rig::open();
    let a = Script::new(&["t"]);
    rig.hub.apply(ours(vec![scripted("a", &a)]));
    rig.hub.settled(LONG).await;
    let dead = Script::new(&[]);
    *dead.list_error.lock().unwrap() = Some(unreachable("a"));
    let later = rig.again();
    later.apply(ours(vec![scripted("a", &dead)]));
    assert!(listed(&later).contains("a__t"));
    assert!(later.index().is_complete());
    assert!(later.instructions().unwrap().contains("## a\nBe kind."));
    let elsewhere = rig.again();
    let mut moved = scripted("a", &dead);
    moved.target = "https://y.example/mcp".into();
    elsewhere.apply(ours(vec![moved]));
    assert!(!listed(&elsewhere).contains("a__t"), "lists of another target are void");
}

#[tokio::test]
async fn waiting_for_lists_ends_with_the_last_or_the_deadline() {
    let rig = Rig::open();
    let (quick, stuck, dead) = (Script::new(&["t"]), Script::new(&["t"]), Script::new(&[]));
    stuck.gate.send_replace(false);
    *dead.list_error.lock().unwrap() = Some(unreachable("dead"));
    let all = [("quick", &quick), ("stuck", &stuck), ("dead", &dead)];
    rig.hub.apply(ours(all.map(|(n, s)| scripted(n, s)).into()));
    rig.hub.settled(Duration::from_millis(1500)).await;
    assert!(listed(&rig.hub).contains("quick__t") && !listed(&rig.hub).contains("stuck__t"));
    assert!(!rig.hub.index().is_complete());
    // Not waited for again, or this would take for ever.
    let long = Duration::from_hours(1);
    tokio::time::timeout(LONG, rig.hub.settled(long)).await.unwrap();
    let mut version = rig.hub.version();
    version.mark_unchanged();
    stuck.gate.send_replace(true);
    tokio::time::timeout(LONG, version.changed()).await.unwrap().unwrap();
    assert!(listed(&rig.hub).contains("stuck__t"));
    assert_eq!(quick.lists.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_blocked_definition_waits_for_an_approval_from_anywhere() {
    let rig = Rig::open();
    let a = Script::new(&["t"]);
    let mut strict = scripted("a", &a);
    strict.pin = Pin::Block;
    rig.hub.apply(ours(vec![strict.clone()]));
    rig.hub.settled(LONG).await;
    call(&rig.hub, "a__t").await.unwrap();
    *a.tools.lock().unwrap() = vec![r#"{"name":"t","inputSchema":{"type":"object"},"x":1}"#.into()];
    rig.hub.sync(&"a".parse().unwrap()).await.unwrap();
    assert!(!listed(&rig.hub).contains("a__t"));
    let held = call(&rig.hub, "a__t").await;
    assert!(matches!(held, Err(CallError::Denied(Denied { why: Denial::Held, .. }))), "{held:?}");
    let again = rig.again();
    again.apply(ours(vec![strict]));
    assert!(!listed(&again).contains("a__t"), "also in the next process");
    pins::approve(&rig.hub.0.pins, "a", None).unwrap();
    rig.hub.look_for_approvals().await;
    assert!(listed(&rig.hub).contains("a__t"));
    call(&rig.hub, "a__t").await.unwrap();
}

#[tokio::test]
async fn our_own_tool_answers_without_any_upstream() {
    let rig = Rig::open();
    let mut off = plan("off");
    off.shown = Shown::Disabled;
    let mut plan = ours(vec![off, scripted("a", &Script::new(&["t"]))]);
    plan.config_error = Some("config.toml:3:1: no".into());
    rig.hub.apply(plan);
    let result = call(&rig.hub, Own::ListMcpConnections.name()).await.unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let content = &result["structuredContent"];
    assert_eq!(content["config_error"], "config.toml:3:1: no");
    assert_eq!(content["connections"][0]["auth_status"], "disabled");
    assert_eq!(content["connections"][1]["auth_status"], "unknown");
    assert_eq!(rig.log().len(), 1);
}

#[tokio::test]
async fn closing_ends_every_session() {
    let rig = Rig::open();
    let all = [Script::new(&[]), Script::new(&[])];
    rig.hub.apply(ours(vec![scripted("a", &all[0]), scripted("b", &all[1])]));
    *all[0].state.lock().unwrap() = Status::NeedsAuth;
    rig.hub.close().await;
    let next = rig.again();
    next.apply(ours(vec![plan("a"), plan("b")]));
    let known: Vec<_> = next.report().iter().map(|r| r.status).collect();
    assert_eq!(known, [Status::NeedsAuth, Status::Unknown], "what was used is remembered");
    assert!(all.iter().all(|s: &Arc<Script>| s.closed.load(Ordering::SeqCst)));
}
