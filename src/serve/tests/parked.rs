//! Questions of older upstreams to clients of 2026-07-28, which come back with their answers.

use super::asks::wants_link;
use crate::{
    hub::script::{Does, Script},
    serve::desk::{Desk, modern, one},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const FORM: (&str, &str) =
    ("elicitation/create", r#"{"message":"who?","requestedSchema":{"type":"object"}}"#);
const ROOTS: (&str, &str) = ("roots/list", "{}");
const URL: (&str, &str) = (
    "elicitation/create",
    r#"{"mode":"url","message":"m","url":"https://x.example/","elicitationId":"e1"}"#,
);
const ABLE: &str = r#"{"elicitation":{"form":{},"url":{}},"roots":{}}"#;
const YES: &str = r#"{"action":"accept","content":{"n":"x"}}"#;

fn first(id: &str) -> String {
    modern(id, "tools/call", ABLE, r#""name":"a__t","arguments":{"x":1}"#)
}

fn again(id: &str, state: &Value, responses: &str) -> String {
    let rest = format!(
        r#""name":"a__t","arguments":{{"x":1}},"requestState":{state},"inputResponses":{responses}"#
    );
    modern(id, "tools/call", ABLE, &rest)
}

async fn asking(rounds: &'static [&'static [(&'static str, &'static str)]]) -> (Arc<Script>, Desk) {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(rounds));
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    (a, desk)
}

#[tokio::test]
async fn a_call_goes_on_while_the_client_is_asked() {
    let (a, mut desk) = asking(&[&[FORM, URL], &[ROOTS]]).await;
    let asked = desk.ask(&first("1")).await;
    let result = &asked["result"];
    assert_eq!((&asked["id"], &result["resultType"]), (&json!(1), &json!("input_required")));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "allmcp");
    let questions = result["inputRequests"].as_object().unwrap();
    assert_eq!(questions.len(), 2, "what is asked at once is put at once");
    let form = &questions["ask-1"];
    assert_eq!(form["method"], "elicitation/create");
    assert_eq!(form["params"]["message"], "who?");
    let url = &questions["ask-2"]["params"];
    assert_eq!(url["url"], "https://x.example/");
    assert!(url.get("elicitationId").is_none(), "2026-07-28 has none");
    let responses = format!(r#"{{"ask-1":{YES},"ask-2":{{"action":"decline"}},"more":7}}"#);
    let asked = desk.ask(&again("2", &result["requestState"], &responses)).await;
    let roots = json!({"ask-3": {"method": "roots/list"}});
    assert_eq!((&asked["id"], &asked["result"]["inputRequests"]), (&json!(2), &roots));
    let state = &asked["result"]["requestState"];
    let done = desk.ask(&again("3", state, r#"{"ask-3":{"roots":[]}}"#)).await;
    assert_eq!(done["id"], 3);
    assert_eq!(done["result"]["resultType"], "complete");
    let want = json!([
        {"action": "accept", "content": {"n": "x"}}, {"action": "decline"}, {"roots": []}
    ]);
    assert_eq!(done["result"]["answers"], want);
    assert_eq!(a.calls.lock().unwrap().len(), 1, "it was sent once");
    let late = desk.ask(&again("4", state, r#"{"ask-3":{"roots":[]}}"#)).await;
    assert_eq!(late["error"]["code"], -32602, "a state is good once");
    assert_eq!(a.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_comes_back_speaks_for_the_call() {
    let (_a, mut desk) = asking(&[&[FORM], &[FORM]]).await;
    let with = |text: String, token: &str| {
        let own = format!(r#""_meta":{{"progressToken":{token},"#);
        text.replacen(r#""_meta":{"#, &own, 1)
    };
    let asked = desk.ask(&with(first("1"), "\"a\"")).await;
    let state = &asked["result"]["requestState"];
    let yes = format!(r#"{{"ask-1":{YES}}}"#);
    let progress = desk.ask(&with(again("2", state, &yes), "\"b\"")).await;
    assert_eq!(progress["params"], json!({"progressToken": "b", "progress": 1}));
    let asked = desk.json().await;
    // Without a token nothing is reported, and what can be asked is what this one can be asked.
    let yes = format!(r#"{{"ask-2":{YES}}}"#);
    let done = desk.ask(&again("3", &asked["result"]["requestState"], &yes)).await;
    assert_eq!((&done["id"], &done["result"]["resultType"]), (&json!(3), &json!("complete")));
}

#[tokio::test]
async fn a_state_is_good_for_its_request_only_and_once() {
    let (a, mut desk) = asking(&[&[FORM], &[FORM]]).await;
    let asked = desk.ask(&first("1")).await;
    let state = &asked["result"]["requestState"];
    let yes = format!(r#"{{"ask-1":{YES}}}"#);
    let mut forged = state.as_str().unwrap().to_owned();
    forged.replace_range(7..8, "8");
    let other = again("2", state, &yes).replace(r#""x":1"#, r#""x":2"#);
    let renamed = again("2", state, &yes).replace("a__t", "a__u");
    for wrong in [
        again("2", &json!(forged), &yes),
        again("2", &json!("allmcp:nonsense"), &yes),
        other,
        renamed,
        again("2", state, r#"{"ask-1":{"action":"perhaps"}}"#),
        again("2", state, r#"{"ask-1":7}"#),
        again("2", state, "[]"),
    ] {
        assert_eq!(desk.ask(&wrong).await["error"]["code"], -32602, "{wrong}");
    }
    // None of that has used it up. The order of members is nobody's business.
    let mut retry = again("3", state, &yes);
    retry = retry
        .replace(r#""name":"a__t","arguments":{"x":1}"#, r#""arguments":{ "x":1 },"name":"a__t""#);
    let asked = desk.ask(&retry).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let used = desk.ask(&again("4", state, &yes)).await;
    assert_eq!(used["error"]["code"], -32602);
    let state = &asked["result"]["requestState"];
    let done = desk.ask(&again("5", state, &format!(r#"{{"ask-2":{YES}}}"#))).await;
    assert_eq!(done["result"]["resultType"], "complete");
    assert_eq!(a.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_answered_is_asked_again() {
    let (_a, mut desk) = asking(&[&[FORM, ROOTS]]).await;
    let asked = desk.ask(&first("1")).await;
    let yes = format!(r#"{{"ask-1":{YES}}}"#);
    let asked = desk.ask(&again("2", &asked["result"]["requestState"], &yes)).await;
    let rest = asked["result"]["inputRequests"].as_object().unwrap();
    assert_eq!(rest.keys().collect::<Vec<_>>(), ["ask-2"]);
    let nothing = again("3", &asked["result"]["requestState"], "null");
    let asked = desk.ask(&nothing).await;
    assert_eq!(asked["result"]["inputRequests"].as_object().unwrap().len(), 1);
    let last = again("4", &asked["result"]["requestState"], r#"{"ask-2":{"roots":[]}}"#);
    assert_eq!(desk.ask(&last).await["result"]["answers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_this_request_did_not_declare_is_not_asked() {
    let (_a, mut desk) = asking(&[&[FORM, ROOTS]]).await;
    let plain = modern("1", "tools/call", "{}", r#""name":"a__t""#);
    let answers = desk.ask(&plain).await["result"]["answers"].clone();
    assert_eq!((&answers[0]["code"], &answers[1]["code"]), (&json!(-32601), &json!(-32601)));
}

#[tokio::test]
async fn the_current_request_can_be_cancelled_and_no_other() {
    let a = Script::new(&["t", "wait"]);
    a.answer("t", Does::AskUntilOpen(FORM.0, FORM.1));
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    a.gate.send_replace(false);
    let asked = desk.ask(&first("1")).await;
    let cancelled = |id: u64| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
        )
    };
    // It is answered: there is nothing to cancel.
    desk.say(&cancelled(1)).await;
    // Nothing answered: what is asked again can be cancelled while it is put together.
    desk.say(&again("2", &asked["result"]["requestState"], "{}")).await;
    desk.say(&cancelled(2)).await;
    let ping = desk.ask(&modern("3", "server/discover", ABLE, "")).await;
    assert_eq!(ping["id"], 3);
    let late = desk.ask(&again("4", &asked["result"]["requestState"], "{}")).await;
    assert_eq!(late["error"]["code"], -32602);
    tokio::time::timeout(Duration::from_secs(5), async {
        while desk.rig.log().iter().all(|line| !line.starts_with("cancelled a a__t")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_call_that_ends_meanwhile_keeps_its_result() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::AskUntilOpen(FORM.0, FORM.1));
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    a.gate.send_replace(false);
    let asked = desk.ask(&first("1")).await;
    a.gate.send_replace(true);
    let yes = format!(r#"{{"ask-1":{YES}}}"#);
    let done = desk.ask(&again("2", &asked["result"]["requestState"], &yes)).await;
    assert_eq!(done["result"], json!({"resultType": "complete", "content": []}));
    assert_eq!(a.calls.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_come_back_is_given_up() {
    let (a, mut desk) = asking(&[&[FORM]]).await;
    let asked = desk.ask(&first("1")).await;
    tokio::time::sleep(Duration::from_secs(605)).await;
    let log = desk.rig.log();
    assert!(log.contains(&"ok a a__t".to_owned()), "its upstream heard a cancel: {log:?}");
    let late = again("2", &asked["result"]["requestState"], &format!(r#"{{"ask-1":{YES}}}"#));
    assert_eq!(desk.ask(&late).await["error"]["code"], -32602);
    assert_eq!(a.calls.lock().unwrap().len(), 1, "it is never sent again");
}

#[tokio::test]
async fn parked_calls_end_with_the_client() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(&[&[FORM]]));
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    desk.ask(&first("1")).await;
    drop(desk.to.take());
    tokio::time::timeout(Duration::from_secs(5), async {
        while !desk.rig.log().contains(&"ok a a__t".to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn so_many_calls_wait_and_no_more() {
    let (_a, mut desk) = asking(&[&[FORM]]).await;
    for i in 0..crate::serve::parking::MAX_PARKED {
        desk.say(&first(&format!("\"{i}\""))).await;
    }
    for _ in 0..crate::serve::parking::MAX_PARKED {
        assert_eq!(desk.json().await["result"]["resultType"], "input_required");
    }
    let one_more = desk.ask(&first("9")).await;
    assert_eq!(one_more["result"]["answers"], json!([{"action": "cancel"}]));
}

#[tokio::test]
async fn a_link_that_is_needed_first_is_asked_for_and_the_call_is_sent_again() {
    let a = Script::new(&["t"]);
    a.answer("t", wants_link());
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    let asked = desk.ask(&first("1")).await;
    let question = &asked["result"]["inputRequests"]["ask-1"];
    let want = json!({"mode": "url", "url": "https://x.example/go", "message": "sign"});
    assert_eq!((&question["method"], &question["params"]), (&json!("elicitation/create"), &want));
    let state = &asked["result"]["requestState"];
    let no = desk.ask(&again("2", state, r#"{"ask-1":{"action":"decline"}}"#)).await;
    assert_eq!(no["result"]["isError"], true);
    assert_eq!(a.calls.lock().unwrap().len(), 1);
    let asked = desk.ask(&first("3")).await;
    let state = &asked["result"]["requestState"];
    a.answer("t", Does::Give(r#"{"content":[1.0]}"#));
    let yes = again("4", state, r#"{"ask-1":{"action":"accept"}}"#);
    desk.say(&yes).await;
    assert_eq!(
        desk.hear().await,
        r#"{"jsonrpc":"2.0","id":4,"result":{"resultType":"complete","content":[1.0]}}"#
    );
    let sent = a.calls.lock().unwrap().clone();
    assert_eq!(sent.len(), 3);
    assert!(
        !sent[2].contains("requestState") && !sent[2].contains("inputResponses"),
        "{}",
        sent[2]
    );
    assert_eq!(desk.ask(&yes).await["error"]["code"], -32602);
    a.answer("t", wants_link());
    let unable = modern("5", "tools/call", "{}", r#""name":"a__t""#);
    let text = desk.ask(&unable).await["result"]["content"][0]["text"].to_string();
    assert!(text.contains("https://x.example/go"), "{text}");
}

#[tokio::test]
async fn states_of_modern_upstreams_travel_as_they_are() {
    let a = Script::of_era(crate::kind::Era::Modern, &["t"]);
    a.answer("t", Does::AskInput(r#"{"resultType":"input_required","requestState":"s\u0031"}"#));
    let mut desk = Desk::open(one(&a));
    desk.ask(&modern("0", "tools/list", ABLE, "")).await;
    desk.say(&first("1")).await;
    assert!(desk.hear().await.ends_with(r#""requestState":"s\u0031"}}"#));
    desk.say(&again("2", &json!("s1"), r#"{"k":{ "roots":[]}}"#)).await;
    desk.hear().await;
    let sent = a.calls.lock().unwrap()[1].clone();
    assert!(sent.contains(r#""requestState":"s1","inputResponses":{"k":{ "roots":[]}}"#), "{sent}");
    assert_eq!(a.dropped.load(Ordering::SeqCst), 0);
}
