//! Questions of upstreams to clients that can be asked (2025-11-25 and before).

use crate::{
    hub::{
        ErrorKind, Notice, UpstreamError,
        script::{Does, Script, ours, scripted},
    },
    serve::{
        Ended,
        desk::{Desk, call, initialize, one},
    },
    wire::RpcError,
};
use bytes::Bytes;
use serde_json::{Value, json};

const FORM: (&str, &str) =
    ("elicitation/create", r#"{"message":"who?","requestedSchema":{"type":"object"}}"#);
const URL: (&str, &str) =
    ("elicitation/create", r#"{"mode":"url","message":"m","url":"https://x.example/"}"#);
const NAMED: (&str, &str) = (
    "elicitation/create",
    r#"{"mode":"url","message":"m","url":"https://x.example/","elicitationId":"e1"}"#,
);
const SAMPLE: (&str, &str) = ("sampling/createMessage", r#"{"messages":[],"maxTokens":1.0}"#);
const ROOTS: (&str, &str) = ("roots/list", "{}");

#[tokio::test]
async fn questions_of_two_upstreams_get_their_own_answers() {
    let (a, b) = (Script::new(&["t"]), Script::new(&["t"]));
    a.answer("t", Does::Ask(&[&[FORM, ROOTS]]));
    b.answer("t", Does::Ask(&[&[SAMPLE]]));
    let plan = ours(vec![scripted("a", &a), scripted("b", &b)]);
    let able = r#"{"elicitation":{},"roots":{},"sampling":{}}"#;
    let mut desk = Desk::able(plan, "2025-11-25", able).await;
    assert_eq!(desk.rig.declared(), able);
    // The client has requests under the ids that ours could have.
    desk.say(&call("1", "a__t")).await;
    desk.say(&call("2", "b__t")).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        let one = desk.json().await;
        assert!(one["id"].is_string() && one["jsonrpc"] == "2.0", "{one}");
        asked.push(one);
    }
    let find = |method: &str| asked.iter().find(|one| one["method"] == method).unwrap().clone();
    assert_eq!(find("sampling/createMessage")["params"], json!({"messages": [], "maxTokens": 1.0}));
    desk.reply(&find("sampling/createMessage"), r#"{ "role":"assistant","n":1.0}"#).await;
    let answer = desk.hear().await;
    assert_eq!(
        answer,
        r#"{"jsonrpc":"2.0","id":2,"result":{"content":[],"answers":[{ "role":"assistant","n":1.0}]}}"#
    );
    let roots = find("roots/list");
    let error = r#""error":{"code":-1,"message":"no roots","data":[1.0]}"#;
    desk.say(&format!(r#"{{"jsonrpc":"2.0","id":{},{error}}}"#, roots["id"])).await;
    desk.reply(&find("elicitation/create"), r#"{"action":"accept","content":{"n":"x"}}"#).await;
    let answer = desk.json().await;
    assert_eq!(answer["id"], 1);
    let answers = &answer["result"]["answers"];
    assert_eq!(answers[0], json!({"action": "accept", "content": {"n": "x"}}));
    assert_eq!(answers[1], json!({"code": -1, "message": "no roots", "data": [1.0]}));
    // Answered once more, or never asked: passed over.
    desk.reply(&roots, "{}").await;
    desk.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
    assert_eq!(desk.ask(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#).await["id"], 9);
}

#[tokio::test]
async fn what_was_not_declared_is_not_asked() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(&[&[FORM, URL, SAMPLE, ROOTS, ("odd/method", "{}")]]));
    for (able, refused) in
        [("{}", [0, 1, 2, 3, 4].as_slice()), (r#"{"elicitation":{}}"#, &[1, 2, 3, 4])]
    {
        let mut desk = Desk::able(one(&a), "2025-11-25", able).await;
        desk.say(&call("1", "a__t")).await;
        if refused.len() < 5 {
            let asked = desk.json().await;
            desk.reply(&asked, r#"{"action":"decline"}"#).await;
        }
        let answer = desk.json().await;
        for i in refused {
            assert_eq!(answer["result"]["answers"][i]["code"], -32601, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_question_that_is_taken_back_is_cancelled() {
    let a = Script::new(&["t", "hang"]);
    a.answer("t", Does::AskUntilOpen(FORM.0, FORM.1));
    let mut desk = Desk::able(one(&a), "2025-11-25", r#"{"elicitation":{}}"#).await;
    a.gate.send_replace(false);
    desk.say(&call("1", "a__t")).await;
    let asked = desk.json().await;
    a.gate.send_replace(true);
    let mut heard = [desk.json().await, desk.json().await];
    heard.sort_by_key(|one| one.get("id").is_some());
    assert_eq!(heard[0]["method"], "notifications/cancelled");
    assert_eq!(heard[0]["params"], json!({"requestId": asked["id"]}));
    assert_eq!(heard[1]["id"], 1);
    // So is one whose call the client has cancelled.
    a.gate.send_replace(false);
    desk.say(&call("2", "a__t")).await;
    let asked = desk.json().await;
    desk.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#)
        .await;
    assert_eq!(desk.json().await["params"], json!({"requestId": asked["id"]}));
    desk.reply(&asked, "{}").await;
    assert_eq!(desk.ask(r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#).await["id"], 3);
}

#[tokio::test]
async fn a_link_gets_an_id_and_the_client_hears_when_it_is_done() {
    let a = Script::of_era(crate::kind::Era::Modern, &["t"]);
    a.answer("t", Does::Ask(&[&[URL]]));
    let able = r#"{"elicitation":{"url":{}}}"#;
    let mut desk = Desk::able(one(&a), "2025-11-25", able).await;
    for (action, told) in [("accept", true), ("decline", false)] {
        desk.say(&call("1", "a__t")).await;
        let asked = desk.json().await;
        let id = asked["params"]["elicitationId"].as_str().unwrap().to_owned();
        assert!(id.len() > 20 && asked["params"]["url"] == "https://x.example/");
        desk.reply(&asked, &format!(r#"{{"action":"{action}"}}"#)).await;
        if told {
            let done = desk.json().await;
            assert_eq!(done["method"], "notifications/elicitation/complete");
            assert_eq!(done["params"], json!({"elicitationId": id}));
        }
        assert_eq!(desk.json().await["id"], 1);
    }
}

#[tokio::test]
async fn completion_is_told_to_who_was_sent_to_that_link() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(&[&[NAMED]]));
    let mut desk = Desk::able(one(&a), "2025-11-25", r#"{"elicitation":{"url":{}}}"#).await;
    let complete = |id: &str| {
        let params = Bytes::from(format!(r#"{{"elicitationId":"{id}"}}"#));
        Notice::ElicitationComplete { params }
    };
    desk.rig.notice(complete("e1"));
    desk.say(&call("1", "a__t")).await;
    let asked = desk.json().await;
    assert_eq!(asked["params"]["elicitationId"], "e1");
    desk.reply(&asked, r#"{"action":"accept"}"#).await;
    assert_eq!(desk.json().await["id"], 1, "it is the upstream that says when it is done");
    desk.rig.notice(complete("e2"));
    desk.rig.notice(complete("e1"));
    let told = desk.json().await;
    assert_eq!(told["method"], "notifications/elicitation/complete");
    assert_eq!(told["params"]["elicitationId"], "e1");
}

pub(super) fn wants_link() -> Does {
    let json = r#"{"code":-32042,"message":"open it","data":{"elicitations":[{"mode":"url","elicitationId":"e1","url":"https://x.example/go","message":"sign"}]}}"#;
    let kind = ErrorKind::Rpc(RpcError::from_json(Bytes::from_static(json.as_bytes())));
    Does::Fail(UpstreamError::new(&"a".parse().unwrap(), kind, "open it"))
}

#[tokio::test]
async fn the_error_with_links_is_for_those_who_know_it() {
    let a = Script::new(&["t"]);
    a.answer("t", wants_link());
    let url = r#"{"elicitation":{"url":{}}}"#;
    for (version, able, passed) in
        [("2025-11-25", url, true), ("2025-11-25", "{}", false), ("2025-06-18", url, false)]
    {
        let mut desk = Desk::able(one(&a), version, able).await;
        let answer = desk.ask(&call("1", "a__t")).await;
        if passed {
            assert_eq!(answer["error"]["code"], -32042);
            desk.rig.notice(Notice::ElicitationComplete {
                params: Bytes::from_static(br#"{"elicitationId":"e1"}"#),
            });
            assert_eq!(desk.json().await["params"]["elicitationId"], "e1");
        } else {
            let text = answer["result"]["content"][0]["text"].as_str().unwrap();
            assert!(text.contains("https://x.example/go") && text.contains("open it"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_batch_may_hold_answers() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(&[&[ROOTS]]));
    let mut desk = Desk::able(one(&a), "2025-03-26", r#"{"roots":{}}"#).await;
    desk.say(&format!("[{}]", call("1", "a__t"))).await;
    let asked = desk.json().await;
    assert_eq!(asked["method"], "roots/list");
    let reply = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"roots":[]}}}}"#, asked["id"]);
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    desk.say(&format!("[{reply},{ping}]")).await;
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..2 {
        answers.extend(desk.json().await.as_array().unwrap().clone());
    }
    let of = |id: u64| answers.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(of(1)["result"]["answers"], json!([{"roots": []}]));
    assert_eq!(answers.len(), 2);
}

#[tokio::test]
async fn nobody_answers_after_the_client_has_left() {
    let a = Script::new(&["t"]);
    a.answer("t", Does::Ask(&[&[FORM, ROOTS], &[FORM]]));
    let mut desk = Desk::able(one(&a), "2025-11-25", r#"{"elicitation":{},"roots":{}}"#).await;
    desk.say(&call("1", "a__t")).await;
    desk.json().await;
    desk.json().await;
    let (rest, ended) = desk.leave().await;
    assert_eq!((rest.len(), ended), (1, Ended::Eof), "{rest:?}");
    let answer: Value = serde_json::from_str(&rest[0]).unwrap();
    let answers = &answer["result"]["answers"];
    assert_eq!(answers[0], json!({"action": "cancel"}));
    assert_eq!(answers[1]["code"], -32603);
    assert_eq!(answers[2], json!({"action": "cancel"}));
}

#[tokio::test]
async fn a_new_initialize_declares_anew() {
    let mut desk = Desk::able(one(&Script::new(&[])), "2025-11-25", r#"{"roots":{}}"#).await;
    assert_eq!(desk.rig.declared(), r#"{"roots":{}}"#);
    desk.ask(&initialize("2025-11-25")).await;
    assert_eq!(desk.rig.declared(), "{}");
}
