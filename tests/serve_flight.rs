//! Calls in flight: cancelled, reported on, and cut short by the end of either side.

mod support;

use serde_json::json;
use std::time::Duration;
use support::{
    client::Serve,
    env::TestEnv,
    record::Ended,
    script::{Answers, Script, Tool},
    talk::{eventually, text, told},
    upstream::Upstream,
};

/// A server in front of these, `c0`, `c1` and so on, and a legacy client that has listed.
fn started(servers: &[&Upstream]) -> (TestEnv, Serve) {
    let env = TestEnv::new();
    for (at, server) in servers.iter().enumerate() {
        env.connection(&format!("c{at}"), &server.url());
    }
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    (env, serve)
}

#[test]
fn what_a_client_cancels_is_cancelled_upstream_and_never_answered() {
    let slow = || Tool::echo("slow").delay(Duration::from_mins(1));
    let legacy = Upstream::start(Script::legacy().tool(slow()));
    let sse = Upstream::start(Script::legacy().sse().tool(slow()));
    let modern = Upstream::start(Script::modern().tool(slow()));
    // Answers what was cancelled all the same.
    let mut deaf = Script::legacy().tool(Tool::echo("slow").delay(Duration::from_millis(200)));
    deaf.ignores_cancel = true;
    let deaf = Upstream::start(deaf);
    let (_env, mut serve) = started(&[&legacy, &sse, &modern, &deaf]);
    let mut cancelled = Vec::new();
    for (at, server) in [&legacy, &sse, &modern, &deaf].into_iter().enumerate() {
        for modern_client in [false, true] {
            let params = json!({"name": format!("c{at}__slow"), "arguments": {}});
            let params = if modern_client { serve.with_meta(params) } else { params };
            let id = serve.send_request("tools/call", params);
            let sent = server.wait_for_method("tools/call", 1 + usize::from(modern_client));
            serve.cancel(id);
            cancelled.push(id);
            if at == 2 {
                server.wait_for("the end of the stream", |all| {
                    let calls = all.iter().filter(|request| request.is("tools/call"));
                    calls.clone().count() == calls.filter(|r| r.ended == Ended::ClientGone).count()
                });
            } else {
                let told = server.wait_for_method("notifications/cancelled", sent.len());
                let ours = sent.last().unwrap().rpc.id.clone().unwrap();
                let id = told.last().unwrap().rpc.params["requestId"].get();
                assert_eq!(id, ours, "under the id of that hop");
            }
        }
        eventually("rest", || server.in_flight() == 0);
    }
    // Of what is not in flight nothing is to be cancelled.
    serve.cancel(cancelled[0]);
    serve.notify("notifications/cancelled", json!({"requestId": "none"}));
    serve.notify("notifications/cancelled", json!({}));
    for at in 0..4 {
        text(&serve.call(&format!("c{at}__echo"), json!({})));
    }
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    for id in cancelled {
        assert!(serve.responses(&id.to_string()).is_empty(), "{id} was cancelled");
    }
}

#[test]
fn progress_comes_under_the_clients_own_token() {
    let tool = || Tool::echo("work").progress(3, Duration::from_millis(5));
    let legacy = Upstream::start(Script::legacy().answers(Answers::Mixed).tool(tool()));
    let modern = Upstream::start(Script::modern().sse().tool(tool()));
    let (_env, mut serve) = started(&[&legacy, &modern]);
    let of_modern = serve.with_meta(json!({}))["_meta"].to_string();
    let of_modern = &of_modern[1..of_modern.len() - 1];
    let mut heard = 0;
    for (server, name) in [(&legacy, "c0__work"), (&modern, "c1__work")] {
        for token in [r#""a""#, r#""\u0062\"""#, "7", "12345678901234567890123", "0"] {
            for meta in [String::new(), format!(",{of_modern}")] {
                let meta = format!(r#"{{"progressToken":{token}{meta}}}"#);
                serve.raw_call(&format!(r#"{{"name":"{name}","_meta":{meta}}}"#));
                // All there is to hear has come before the answer.
                let lines = serve.raw_of_method("notifications/progress");
                assert_eq!(lines.len(), heard + 3);
                for (step, line) in (1..=3).zip(&lines[heard..]) {
                    let want = format!(
                        r#""params":{{"progressToken":{token},"progress":{step},"total":3,"message":"step {step}"}}"#
                    );
                    assert!(line.contains(&want), "{line}");
                }
                heard += 3;
            }
        }
        // Without a token nothing is asked for, and an odd one is none.
        serve.raw_call(&format!(r#"{{"name":"{name}"}}"#));
        serve.raw_call(&format!(r#"{{"name":"{name}","_meta":{{"progressToken":{{}}}}}}"#));
        assert_eq!(serve.of_method("notifications/progress").len(), heard);
        let last = server.requests_of("tools/call").pop().unwrap();
        assert!(!last.rpc.meta.contains_key("progressToken"));
    }
}

#[test]
fn progress_keeps_a_call_alive_that_would_be_late_without() {
    let env = TestEnv::new();
    let tool = Tool::echo("work").progress(8, Duration::from_millis(400));
    let server = Upstream::start(Script::modern().sse().tool(tool));
    let entry =
        format!("[connections.c]\nurl = \"{}\"\nauth = \"none\"\ntimeout = \"2s\"\n", server.url());
    env.config(&entry);
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let with = json!({"name": "c__work", "arguments": {}, "_meta": {"progressToken": 1}});
    let with = serve.send_request("tools/call", with);
    let without = serve.send_request("tools/call", json!({"name": "c__work"}));
    assert!(told(&serve.response(without)).contains("did not answer in time"));
    text(&serve.response(with));
}

#[test]
fn calls_run_side_by_side() {
    let slow = || Tool::echo("slow").delay(Duration::from_mins(1));
    let legacy = Upstream::start(Script::legacy().tool(slow()));
    let modern = Upstream::start(Script::modern().sse().tool(slow()));
    let (_env, mut serve) = started(&[&legacy, &modern]);
    let mut call = |name: &str| serve.send_request("tools/call", json!({"name": name}));
    let slow: Vec<u64> = (0..128).map(|i| call(&format!("c{}__slow", i % 2))).collect();
    let quick = [call("c0__echo"), call("c1__echo")];
    for id in quick {
        text(&serve.response(id));
    }
    for server in [&legacy, &modern] {
        server.poll("64 in flight", || server.in_flight() == 64);
    }
    for id in slow {
        serve.cancel(id);
    }
    for server in [&legacy, &modern] {
        server.poll("none in flight", || server.in_flight() == 0);
    }
}

/// Each of so many calls in flight, by id.
fn in_flight(serve: &mut Serve, server: &Upstream, count: usize, name: &str) -> Vec<u64> {
    let params = json!({"name": name, "arguments": {}});
    let ids = (0..count).map(|_| serve.send_request("tools/call", params.clone())).collect();
    server.wait_for_method("tools/call", count);
    ids
}

#[test]
fn a_client_that_leaves_gets_what_is_on_its_way() {
    let slow = Tool::echo("slow").delay(Duration::from_millis(500));
    let server = Upstream::start(Script::legacy().tool(slow));
    let (_env, mut serve) = started(&[&server]);
    let ids = in_flight(&mut serve, &server, 100, "c0__slow");
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    for id in ids {
        text(&serve.response(id));
    }
    assert_eq!(server.sessions(), 0, "the session was ended");
}

#[test]
fn a_client_that_leaves_is_told_of_every_call_that_does_not_end() {
    let (server, tool) =
        (Upstream::start(Script::legacy().tool(Tool::echo("hang").never())), "c0__hang");
    let (_env, mut serve) = started(&[&server]);
    let ids = in_flight(&mut serve, &server, 150, tool);
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    for id in ids {
        let answer = serve.response(id);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("may have been carried out"), "{answer}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_0_and_every_call_with_an_answer() {
    use rustix::process::Signal;
    let server = Upstream::start(Script::modern().tool(Tool::echo("hang").never()));
    for signal in [Signal::TERM, Signal::INT] {
        let (_env, mut serve) = started(&[&server]);
        let before = server.requests_of("tools/call").len();
        let params = json!({"name": "c0__hang", "arguments": {}});
        let ids: Vec<u64> =
            (0..150).map(|_| serve.send_request("tools/call", params.clone())).collect();
        server.wait_for_method("tools/call", before + 150);
        serve.signal(signal);
        assert_eq!(serve.wait_exit(), 0, "{signal:?}");
        for id in ids {
            assert_eq!(serve.response(id)["error"]["code"], -32603);
        }
        server.poll("no streams left", || server.in_flight() == 0);
    }
    // Also when nothing was said yet, and with a request that nobody waits for.
    let env = TestEnv::new();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.request("ping", json!({}));
    serve.signal(Signal::TERM);
    assert_eq!(serve.wait_exit(), 0);
}

#[test]
fn a_client_that_reads_no_more_ends_it_with_0() {
    let server = Upstream::start(Script::legacy().tool(Tool::echo("hang").never()));
    let (_env, mut serve) = started(&[&server]);
    in_flight(&mut serve, &server, 3, "c0__hang");
    serve.hang_up();
    serve.send_request("ping", json!({}));
    eventually("the end of stdout", || serve.has_hung_up());
    serve.send_request("ping", json!({}));
    assert_eq!(serve.wait_exit(), 0);
    assert_eq!(serve.stderr(), "", "a client that leaves is no failure");
}
