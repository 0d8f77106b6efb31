//! Very many calls, of both eras, to upstreams of both eras: each answer is that of its call.

use crate::{
    legacy, modern, started,
    support::{client::Serve, talk::times, upstream::Upstream},
};
use serde_json::{Value, json};

/// How many are on their way at the same time.
const WINDOW: usize = 200;

/// 2 · 10⁴ calls here, to be quick in a debug build; `ALLMCP_TEST_CALLS=100000` for the long run.
#[test]
fn random_calls_are_never_cross_routed() {
    let calls = times("ALLMCP_TEST_CALLS", 20_000);
    let servers = [legacy(), modern(), legacy(), modern()].map(Upstream::start);
    let (_env, mut serve) = started(&[&servers[0], &servers[1], &servers[2], &servers[3]]);
    let mut random = fastrand::Rng::with_seed(7);
    let before = serve.lines().len();
    let mut sent = Vec::new();
    while sent.len() < calls {
        for _ in 0..WINDOW.min(calls - sent.len()) {
            sent.push(send(&mut serve, &mut random, sent.len()));
        }
        serve.wait_for_lines(before + sent.len());
    }
    let lines = serve.lines();
    assert_eq!(lines.len(), before + sent.len(), "one answer each");
    let mut answers: Vec<Value> =
        lines[before..].iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    for (answer, (id, is_modern, arguments)) in answers.iter().zip(&sent) {
        let result = &answer["result"];
        assert_eq!((&answer["id"], &result["structuredContent"]), (&json!(id), arguments));
        assert_eq!(result.get("resultType").is_some(), *is_modern, "{answer}");
    }
    for (at, server) in servers.iter().enumerate() {
        let got = server.requests_of("tools/call");
        let to = |request: &crate::support::record::Request| -> Value {
            let arguments = request.rpc.params["arguments"].get();
            serde_json::from_str::<Value>(arguments).unwrap()["to"].clone()
        };
        assert!(got.iter().all(|request| to(request) == at), "c{at} got what is not its own");
        let wanted = sent.iter().filter(|(.., arguments)| arguments["to"] == at).count();
        assert_eq!(got.len(), wanted, "c{at}");
    }
}

/// One call; its id, whether it is a modern one, and its arguments.
fn send(serve: &mut Serve, random: &mut fastrand::Rng, at: usize) -> (u64, bool, Value) {
    let to = random.usize(..4);
    let arguments = json!({"n": at, "to": to});
    let params = json!({"name": format!("c{to}__echo"), "arguments": arguments});
    let is_modern = random.bool();
    let id = if is_modern {
        serve.send_modern("tools/call", params)
    } else {
        serve.send_request("tools/call", params)
    };
    (id, is_modern, arguments)
}
