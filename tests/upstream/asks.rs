//! What the client declared, and what the server may ask it for that.

use super::{
    Bench, call,
    stub::{Client, Lines, Stub, events, legacy, modern},
};
use allmcp::upstream::{Call, ErrorKind};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

const FORM: &str = r#"{"elicitation":{},"roots":{"listChanged":true},"experimental":{"x":{}}}"#;

type Open = Arc<Mutex<Vec<(Value, Lines)>>>;

/// A legacy server whose tools answer when the test says so; `general` takes its GET stream.
async fn server(general: Option<Open>) -> (Stub, Open) {
    let calls = Open::default();
    let open = Arc::clone(&calls);
    let stub = Stub::start(move |seen| {
        if let (Some(general), "GET") = (&general, seen.http.as_str()) {
            let (lines, said) = events();
            general.lock().unwrap().push((Value::Null, lines));
            return said;
        }
        if let Some(said) = legacy(seen, &json!({"tools": {}})) {
            return said;
        }
        let (lines, said) = events();
        open.lock().unwrap().push((seen.body["id"].clone(), lines));
        said
    });
    (stub.await, calls)
}

async fn nth(open: &Open, n: usize) -> (Value, Lines) {
    loop {
        if let Some(one) = open.lock().unwrap().get(n) {
            return one.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn ask(id: &str, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn done((id, lines): &(Value, Lines)) {
    lines.send(json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}})).unwrap();
}

fn of(client: &Arc<Client>) -> Call {
    Call { link: Some(Arc::clone(client) as _), ..call("t", "{}") }
}

#[tokio::test]
async fn the_client_is_asked_for_what_it_declared_and_for_nothing_else() {
    let (stub, calls) = server(None).await;
    let bench = Bench::new(&stub.url, |_| {});
    let client = Arc::new(Client::with(FORM));
    let calling = bench.upstream.call(of(&client));
    let asking = async {
        let one = nth(&calls, 0).await;
        for (id, method, params) in [
            ("form", "elicitation/create", json!({"message": "?"})),
            ("no", "roots/list", json!({"refuse": 1})),
            ("url", "elicitation/create", json!({"mode": "url"})),
            ("sample", "sampling/createMessage", json!({})),
            ("odd", "tools/list", json!({})),
            ("ping", "ping", json!({})),
        ] {
            one.1.send(ask(id, method, params)).unwrap();
        }
        assert_eq!(stub.answer_to("form").await["result"], json!({"message": "?"}));
        assert_eq!(stub.answer_to("no").await["error"]["code"], -1);
        for refused in ["url", "sample", "odd"] {
            assert_eq!(stub.answer_to(refused).await["error"]["code"], -32601, "{refused}");
        }
        assert_eq!(stub.answer_to("ping").await["result"], json!({}));
        done(&one);
    };
    let (reply, ()) = tokio::join!(calling, asking);
    reply.unwrap();
    assert_eq!(client.asked.lock().unwrap().len(), 2);
    let declared = stub.all("initialize")[0].body["params"]["capabilities"].clone();
    assert_eq!(declared, json!({"elicitation": {}, "roots": {"listChanged": true}}));
}

#[tokio::test]
async fn a_person_may_take_longer_than_the_call() {
    let (stub, calls) = server(None).await;
    let bench = Bench::new(&stub.url, |c| c.timeout = Duration::from_secs(1));
    let client = Arc::new(Client { pause: Duration::from_secs(2), ..Client::with(FORM) });
    let asking = async {
        let one = nth(&calls, 0).await;
        one.1.send(ask("q", "elicitation/create", json!({}))).unwrap();
        stub.answer_to("q").await;
        done(&one);
    };
    let (reply, ()) = tokio::join!(bench.upstream.call(of(&client)), asking);
    reply.unwrap();
}

#[tokio::test]
async fn a_question_ends_with_its_call_or_when_it_is_taken_back() {
    for taken_back in [true, false] {
        let (stub, calls) = server(None).await;
        let bench = Bench::new(&stub.url, |_| {});
        let client = Arc::new(Client { pause: Duration::from_mins(5), ..Client::with(FORM) });
        let asking = async {
            let one = nth(&calls, 0).await;
            one.1.send(ask("q", "elicitation/create", json!({}))).unwrap();
            while client.asked.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if taken_back {
                let params = json!({"requestId": "q"});
                let method = "notifications/cancelled";
                let line = json!({"jsonrpc": "2.0", "method": method, "params": params});
                one.1.send(line).unwrap();
                while !client.dropped.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                done(&one);
            }
        };
        let calling = bench.upstream.call(of(&client));
        if taken_back {
            tokio::join!(calling, asking).0.unwrap();
        } else {
            tokio::select! {
                reply = calling => panic!("it waits for ever: {reply:?}"),
                () = asking => {}
            }
        }
        while !client.dropped.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_question_on_the_general_stream_is_for_the_only_call() {
    let general = Open::default();
    let (stub, calls) = server(Some(Arc::clone(&general))).await;
    let bench = Bench::new(&stub.url, |c| c.listen = true);
    bench.declared.set(FORM.into());
    let client = Arc::new(Client::with(FORM));
    let asking = async {
        let (one, (_, get)) = (nth(&calls, 0).await, nth(&general, 0).await);
        get.send(ask("alone", "elicitation/create", json!({"a": 1}))).unwrap();
        assert_eq!(stub.answer_to("alone").await["result"], json!({"a": 1}));
        done(&one);
    };
    let (reply, ()) = tokio::join!(bench.upstream.call(of(&client)), asking);
    reply.unwrap();
    let (_, get) = nth(&general, 0).await;
    get.send(ask("nobody", "elicitation/create", json!({}))).unwrap();
    assert_eq!(stub.answer_to("nobody").await["error"]["code"], -32601);
}

#[tokio::test]
async fn a_client_that_can_do_more_gets_a_wider_session_and_the_old_one_ends_with_its_calls() {
    let (stub, calls) = server(None).await;
    let bench = Bench::new(&stub.url, |_| {});
    let plain = Arc::new(Client::with("{}"));
    let able = Arc::new(Client::with(FORM));
    let first = bench.upstream.call(of(&plain));
    let rest = async {
        let slow = nth(&calls, 0).await;
        let (reply, ()) = tokio::join!(bench.upstream.call(of(&able)), async {
            done(&nth(&calls, 1).await);
        });
        reply.unwrap();
        assert_eq!(stub.all("initialize").len(), 2);
        assert!(stub.all("DELETE").is_empty(), "a call is under way on it");
        done(&slow);
    };
    let (reply, ()) = tokio::join!(first, rest);
    reply.unwrap();
    let sessions: Vec<_> = stub
        .all("tools/call")
        .iter()
        .map(|c| c.header("mcp-session-id").map(str::to_owned))
        .collect();
    let ended = stub.wait("DELETE", 1).await;
    assert_eq!(ended[0].header("mcp-session-id"), sessions[0].as_deref());
    // A narrower one stays on the wider session.
    let (reply, ()) = tokio::join!(bench.upstream.call(of(&plain)), async {
        done(&nth(&calls, 2).await);
    });
    reply.unwrap();
    assert_eq!(stub.all("initialize").len(), 2);
    bench.upstream.close().await;
    assert_eq!(stub.wait("DELETE", 2).await[1].header("mcp-session-id"), sessions[1].as_deref());
}

#[tokio::test]
async fn closing_ends_replaced_sessions_too() {
    let (stub, calls) = server(None).await;
    let bench = Bench::new(&stub.url, |_| {});
    let (plain, able) = (Arc::new(Client::with("{}")), Arc::new(Client::with(FORM)));
    let slow = bench.upstream.call(of(&plain));
    let rest = async {
        nth(&calls, 0).await;
        let (reply, ()) = tokio::join!(bench.upstream.call(of(&able)), async {
            done(&nth(&calls, 1).await);
        });
        reply.unwrap();
        bench.upstream.close().await;
        assert_eq!(stub.all("DELETE").len(), 2);
    };
    tokio::select! {
        reply = slow => panic!("it was never answered: {reply:?}"),
        () = rest => {}
    }
}

#[tokio::test]
async fn a_modern_request_mirrors_its_client_and_tasks_come_only_when_declared() {
    const ALL: &str = r#"{"sampling":{"x":{}},"roots":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{},"vendor/x":{}}}"#;
    let stub = Stub::start(|seen| {
        modern(seen, &json!({"tools": {}}))
            .unwrap_or_else(|| seen.result(json!({"resultType": "task", "taskId": "1"})))
    })
    .await;
    let bench = Bench::new(&stub.url, |_| {});
    let reply = bench.upstream.call(of(&Arc::new(Client::with(ALL)))).await.unwrap();
    assert!(matches!(reply.outcome, allmcp::wire::Outcome::Task(_)));
    let error = bench.upstream.call(of(&Arc::new(Client::with("{}")))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    let said = |n: usize| {
        let meta = &stub.all("tools/call")[n].body["params"]["_meta"];
        meta["io.modelcontextprotocol/clientCapabilities"].clone()
    };
    let tasks = json!({"io.modelcontextprotocol/tasks": {}});
    assert_eq!(said(0), json!({"sampling": {}, "roots": {}, "extensions": tasks}));
    assert_eq!(said(1), json!({}));
}

#[tokio::test]
async fn a_flood_of_questions_is_refused_beyond_a_bound() {
    let (stub, calls) = server(None).await;
    let bench = Bench::new(&stub.url, |_| {});
    let client = Arc::new(Client { pause: Duration::from_mins(5), ..Client::with(FORM) });
    let asking = async {
        let one = nth(&calls, 0).await;
        for n in 0..40 {
            one.1.send(ask(&format!("q{n}"), "elicitation/create", json!({}))).unwrap();
        }
        assert_eq!(stub.answer_to("q39").await["error"]["code"], -32603);
        assert_eq!(client.asked.lock().unwrap().len(), 32);
    };
    tokio::select! {
        reply = bench.upstream.call(of(&client)) => panic!("it waits for ever: {reply:?}"),
        () = asking => {}
    }
}
