//! The scripted upstream breaks in every way that it can be told to.

use crate::{
    Client, events_of,
    support::{
        fault::{End, Fault},
        record::Ended,
        script::{Script, Tool},
        upstream::{DeadPort, Upstream},
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{io::ErrorKind, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_stream_is_resumed_by_its_last_event_id() {
    for end in [End::Clean, End::Close, End::Reset] {
        let tool = Tool::echo("slow").progress(3, Duration::from_millis(5));
        let upstream = Upstream::start(Script::legacy().sse().event_ids().tool(tool));
        let client = Client::initialized(&upstream).await;
        upstream.fault(Fault::cut_after_events(2, end).on("tools/call").once());
        let mut stream = client.call("slow", json!({})).await;
        let mut seen = String::new();
        let broken = loop {
            match stream.chunk().await {
                Ok(Some(piece)) => seen.push_str(&String::from_utf8_lossy(&piece)),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert_eq!(broken, end != End::Clean);
        assert!(seen.contains("step 2") && !seen.contains("step 3"), "{seen}");
        let last = seen.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
        let rest = client.request(Method::GET).header("last-event-id", last).send().await.unwrap();
        let rest = events_of(rest).await;
        assert_eq!(rest[0]["params"]["message"], "step 3");
        assert!(rest[1]["result"].is_object() && rest.len() == 2, "{rest:?}");
        assert_eq!(
            (upstream.runs("slow"), upstream.requests_of("tools/call")[0].ended),
            (1, Ended::Broken)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn canned_faults_come_so_often_and_where_they_are_wanted() {
    let upstream = Upstream::start(Script::legacy().sessions(false));
    let client = Client::new(&upstream);
    upstream.fault(Fault::status(503).retry_after(2).on("tools/call").times(2));
    assert_eq!(client.post("tools/list", json!({})).await.status(), 200);
    for _ in 0..2 {
        let response = client.call("echo", json!({})).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"2".parse().unwrap())
        );
    }
    assert_eq!(client.call("echo", json!({})).await.status(), 200);
    assert_eq!(upstream.runs("echo"), 1);

    let next = async |fault: Fault| {
        upstream.fault(fault.once());
        let response = client.call("echo", json!({})).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.text().await.unwrap())
    };
    let (status, headers, _) = next(Fault::redirect(307, "http://127.0.0.1:1/x")).await;
    assert_eq!((status, &headers["location"]), (307, &"http://127.0.0.1:1/x".parse().unwrap()));
    let (_, headers, body) = next(Fault::html()).await;
    assert!(
        headers["content-type"].to_str().unwrap().starts_with("text/html")
            && body.starts_with("<!")
    );
    let (_, headers, body) = next(Fault::content_type("text/plain")).await;
    assert_eq!(headers["content-type"], "text/plain");
    assert!(serde_json::from_str::<Value>(&body).unwrap()["result"].is_object());
    assert!(serde_json::from_str::<Value>(&next(Fault::invalid_json()).await.2).is_err());
    assert!(next(Fault::deep_json(500)).await.2.contains(&"[".repeat(500)));
    assert_eq!(next(Fault::huge(10_000_000)).await.2.len() / 100_000, 99);
    let (status, headers, _) = next(Fault::insufficient_scope("a b")).await;
    assert!(
        status == 403 && headers["www-authenticate"].to_str().unwrap().contains(r#"scope="a b""#)
    );
    assert_eq!(next(Fault::status(404)).await.0, 404);

    let ids = async |fault: Fault| {
        upstream.fault(fault.once());
        let body = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
        let events = events_of(client.raw(body).send().await.unwrap()).await;
        events.iter().map(|event| event["id"].to_string()).collect::<Vec<_>>()
    };
    client.post("ping", json!({})).await;
    assert_eq!(ids(Fault::late_id()).await, ["1", "7"]);
    assert_eq!(ids(Fault::unknown_id()).await, ["\"nobody asked\"", "7"]);
    assert_eq!(ids(Fault::duplicate_id()).await, ["7", "7"]);
    assert!(ids(Fault::no_answer_in_stream()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_is_small_on_the_wire_and_sound() {
    let upstream = Upstream::start(Script::legacy().sessions(false));
    upstream.fault(Fault::gzip_bomb(8));
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", upstream.port())).await.unwrap();
    stream.write_all(b"POST /mcp HTTP/1.0\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut wire = Vec::new();
    stream.read_to_end(&mut wire).await.unwrap();
    assert!(wire.len() < 20_000, "{}", wire.len());

    let client = Client::new(&upstream);
    let text = client.call("echo", json!({})).await.text().await.unwrap();
    assert_eq!(text.len() >> 20, 8);
    assert!(text.ends_with(r#"0"}]}}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_break_in_every_way() {
    let upstream = Upstream::start(Script::legacy().sessions(false));
    let client = Client::new(&upstream);
    for (fault, runs) in [
        (Fault::no_answer(End::Close), 0),
        (Fault::no_answer(End::Reset), 0),
        (Fault::work_and_no_answer(End::Close), 1),
    ] {
        upstream.fault(fault.once());
        let params = json!({"name": "echo"});
        assert!(client.try_post("tools/call", params).await.is_err());
        assert_eq!(upstream.runs("echo"), runs);
    }
    for fault in [Fault::cut_after_bytes(10, End::Close), Fault::cut_after_bytes(10, End::Reset)] {
        upstream.fault(fault.once());
        assert!(client.call("echo", json!({})).await.text().await.is_err());
    }
    for (end, error) in [(End::Close, None), (End::Reset, Some(ErrorKind::ConnectionReset))] {
        upstream.fault(Fault::no_answer(end).once());
        let mut stream =
            tokio::net::TcpStream::connect(("127.0.0.1", upstream.port())).await.unwrap();
        stream.write_all(b"GET /mcp HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.map_err(|error| error.kind()).err(), error);
    }
    let ping = || client.raw(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).send();
    let patience = Duration::from_millis(200);
    upstream.fault(Fault::hang().once());
    assert!(tokio::time::timeout(patience, ping()).await.is_err());
    for fault in [Fault::hang_in_body(5), Fault::trickle(1, Duration::from_secs(1))] {
        upstream.fault(fault.once());
        let body = ping().await.unwrap().text();
        assert!(tokio::time::timeout(patience, body).await.is_err());
    }
    upstream.wait_for("the client leaving", |all| {
        all.iter().filter(|request| request.ended == Ended::ClientGone).count() == 3
    });

    let before = upstream.connections();
    assert_eq!(client.post("ping", json!({})).await.status(), 200);
    upstream.refuse();
    upstream.poll("closed connections", || upstream.open_connections() == 0);
    // A new client each time: a pool may not have noticed yet.
    let refused = Client::new(&upstream).try_post("ping", json!({})).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    upstream.open();
    assert_eq!(Client::new(&upstream).post("ping", json!({})).await.status(), 200);
    assert!(upstream.connections() > before);
    upstream.stall();
    let stalled = Client::new(&upstream)
        .request(Method::GET)
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(stalled.unwrap_err().is_timeout());
    let dead = DeadPort::new();
    assert!(client.http.get(dead.url()).send().await.unwrap_err().is_connect());
}
