//! One connection against a real HTTP server, in both eras and with everything that goes wrong.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    reason = "a test says what it expects, and plays the other side"
)]

mod support;

#[path = "upstream/asks.rs"]
mod asks;
#[path = "upstream/eras.rs"]
mod eras;
#[path = "upstream/listening.rs"]
mod listening;
#[path = "upstream/lists.rs"]
mod lists;
#[path = "upstream/requests.rs"]
mod requests;
#[path = "upstream/stub.rs"]
mod stub;
#[path = "upstream/tasks.rs"]
mod tasks;

use allmcp::{
    auth::{CredentialConfig, Credentials},
    kind::{AuthKind, BreakerState, Era, Status},
    name::Tenant,
    net::{CONNECT_TIMEOUT, Net, NetConfig},
    task::Shutdown,
    upstream::{
        BreakerTimes, Call, Deps, ErrorKind, Event, Upstream, UpstreamConfig, UpstreamError,
    },
    vault::{MemoryVault, VaultHandle},
    wire::{Answering, Ask as Question, ClientLink, Declared, LogLevel, Outcome, RpcError},
};
use bytes::Bytes;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    fault::{End, Fault},
    script::{Script, Tool},
    upstream::{DeadPort, Upstream as Server},
};
use tokio::sync::mpsc::{self, Receiver};

/// One connection to `url` and what it tells its owner.
struct Bench {
    upstream: Upstream,
    events: Receiver<(allmcp::name::ConnectionName, Event)>,
    shutdown: Shutdown,
    declared: Declared,
}

impl Bench {
    fn new(url: &str, change: impl FnOnce(&mut UpstreamConfig)) -> Self {
        let name: allmcp::name::ConnectionName = "c".parse().unwrap();
        let credentials = Credentials::new(
            CredentialConfig {
                name: name.clone(),
                account: "c".into(),
                auth: AuthKind::None,
                oauth: allmcp::auth::OAuthConfig::default(),
                url: url.parse().unwrap(),
                headers: Vec::new(),
                params: std::collections::BTreeMap::new(),
                tenant: Tenant::default(),
                env: Arc::new(|_| None),
                sign_in_optional: false,
                token_override: None,
                also: None,
            },
            VaultHandle::of(Arc::new(MemoryVault::default())),
        );
        let mut config = UpstreamConfig {
            name,
            shown_url: url.to_owned(),
            credentials,
            timeout: Duration::from_secs(20),
            connect_timeout: CONNECT_TIMEOUT,
            breaker: BreakerTimes { first: Duration::from_mins(1), max: Duration::from_mins(1) },
            listen: false,
            known_era: None,
            allow_http: false,
            api: None,
        };
        change(&mut config);
        let (sender, events) = mpsc::channel(16);
        let shutdown = Shutdown::new();
        let net = Net::new(NetConfig::default());
        let declared = Declared::default();
        let deps = Deps {
            net,
            shutdown: shutdown.clone(),
            events: sender,
            declared: declared.clone(),
            limits: allmcp::upstream::Limits::default(),
        };
        Self { upstream: Upstream::new(config, deps), events, shutdown, declared }
    }

    fn to(server: &Server) -> Self {
        Self::new(&server.url(), |_| {})
    }

    async fn call(&self, tool: &str, arguments: &str) -> Result<String, UpstreamError> {
        match self.upstream.call(call(tool, arguments)).await?.outcome {
            Outcome::Complete(result) => Ok(String::from_utf8(result.to_vec()).unwrap()),
            other => panic!("not done: {other:?}"),
        }
    }
}

fn call(tool: &str, arguments: &str) -> Call {
    Call {
        method: "tools/call",
        params: format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#).into(),
        name: Some(tool.to_owned()),
        replay_safe: false,
        link: None,
        tool: None,
        later_round: false,
    }
}

#[derive(Default)]
struct Progress(Mutex<Vec<String>>);

impl ClientLink for Progress {
    fn capabilities(&self) -> Bytes {
        Bytes::from_static(b"{}")
    }

    fn wants_progress(&self) -> bool {
        true
    }

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn log(&self, _params: Bytes) {}

    fn ask(&self, _ask: Question) -> Answering {
        Box::pin(async { Err(RpcError::new(-32601, "nobody is there")) })
    }

    fn drives_rounds(&self) -> bool {
        false
    }

    fn progress(&self, params: Bytes) {
        self.0.lock().unwrap().push(String::from_utf8_lossy(&params).into_owned());
    }
}

#[tokio::test]
async fn results_arrive_byte_for_byte_in_every_shape() {
    let odd = "{ \"b\" : 1.0, \"a\":12345678901234567890123,\"content\":[{\"type\":\"video\",\"x\":1e400}],\r\n \"é\\u00e9\":\"\\ud800\" }";
    let shapes = [
        Script::legacy(),
        Script::legacy().sse(),
        Script::legacy().sessions(false).get_stream(false),
        Script::legacy().sse().event_ids().retry(Duration::from_millis(1)),
    ];
    for script in shapes {
        let server = Server::start(script.tool(Tool::echo("odd").result(odd)));
        let bench = Bench::to(&server);
        // A line break inside an SSE event cannot arrive as it was: the server had to split the
        // event's data there, and joins it by a single line feed.
        let got = bench.call("odd", "{}").await.unwrap();
        assert_eq!(got.replace("\r\n", "\n"), odd.replace("\r\n", "\n"));
        assert_eq!(bench.upstream.snapshot().era, Some(Era::Legacy));
    }
    let server = Server::start(Script::modern().tool(Tool::echo("odd").result(odd)));
    let bench = Bench::to(&server);
    let got = bench.call("odd", "{}").await.unwrap();
    assert_eq!(got, odd.replacen('{', "{\"resultType\":\"complete\",", 1));
    assert_eq!(bench.upstream.snapshot().era, Some(Era::Modern));
}

#[tokio::test]
async fn arguments_and_foreign_meta_travel_as_they_are() {
    let server = Server::start(Script::dual());
    let bench = Bench::to(&server);
    let mut odd = call("echo", "null");
    odd.params = Bytes::from_static(
        b"{\"arguments\" : {\"n\":1.0},\"name\":\"echo\",\"vendor\":[],\"_meta\":{\"traceparent\":\"00-x\",\"io.modelcontextprotocol/protocolVersion\":\"1999\",\"progressToken\":\"t\"}}",
    );
    bench.upstream.call(odd).await.unwrap();
    let sent = server.requests_of("tools/call")[0].body_text();
    assert!(
        sent.contains("\"arguments\" : {\"n\":1.0}") && sent.contains("\"vendor\":[]"),
        "{sent}"
    );
    assert!(sent.contains("\"traceparent\":\"00-x\"") && !sent.contains("1999"), "{sent}");
    assert!(!sent.contains("progressToken"), "no progress wanted, none asked for: {sent}");
}

#[tokio::test]
async fn one_session_serves_all_and_a_lost_one_is_opened_once() {
    let server =
        Server::start(Script::legacy().tool(Tool::echo("slow").delay(Duration::from_millis(100))));
    let bench = Bench::to(&server);
    let calls = |n: usize| futures_util::future::join_all((0..n).map(|_| bench.call("slow", "{}")));
    assert!(calls(20).await.iter().all(Result::is_ok));
    assert_eq!(server.requests_of("initialize").len(), 1);
    assert!(server.peak_in_flight() >= 20, "calls run side by side");
    server.expire_sessions();
    assert!(calls(20).await.iter().all(Result::is_ok), "404: one new session for all of them");
    assert_eq!(server.requests_of("initialize").len(), 2);
    assert_eq!(server.runs("slow"), 40, "no call ran twice");
}

#[tokio::test]
async fn a_call_that_may_have_run_is_not_sent_again() {
    let server = Server::start(Script::legacy());
    let bench = Bench::to(&server);
    bench.call("echo", "{}").await.unwrap();
    server.fault(Fault::work_and_no_answer(End::Reset).on_tool("echo").once());
    let error = bench.call("echo", "{}").await.unwrap_err();
    assert_eq!((error.kind.clone(), error.may_have_run), (ErrorKind::Unreachable, true), "{error}");
    assert_eq!(server.runs("echo"), 2);
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_by_its_last_event() {
    let slow = Tool::echo("slow").progress(3, Duration::from_millis(10));
    let server = Server::start(Script::legacy().sse().event_ids().tool(slow));
    let bench = Bench::to(&server);
    server.fault(Fault::cut_after_events(2, End::Reset).on_tool("slow").once());
    let link = Arc::new(Progress::default());
    let wanted = Call { link: Some(link.clone()), ..call("slow", "{\"a\":1}") };
    bench.upstream.call(wanted).await.unwrap();
    assert_eq!(server.runs("slow"), 1);
    assert_eq!(link.0.lock().unwrap().len(), 3, "progress before and after the cut");
    assert!(server.http_requests_of("GET").iter().any(|r| r.header("last-event-id").is_some()));
}

#[tokio::test]
async fn a_broken_stream_without_ids_says_that_it_may_have_run() {
    let server = Server::start(
        Script::legacy().sse().tool(Tool::echo("slow").progress(3, Duration::from_millis(10))),
    );
    let bench = Bench::to(&server);
    server.fault(Fault::cut_after_events(0, End::Clean).on_tool("slow").once());
    let error = bench.call("slow", "{}").await.unwrap_err();
    assert!(error.may_have_run && error.kind == ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn progress_keeps_a_call_alive_beyond_its_time() {
    let slow = Tool::echo("slow").progress(10, Duration::from_millis(300));
    let server = Server::start(Script::legacy().sse().tool(slow));
    let bench = Bench::new(&server.url(), |c| c.timeout = Duration::from_secs(1));
    let link = Arc::new(Progress::default());
    bench.upstream.call(Call { link: Some(link), ..call("slow", "{}") }).await.unwrap();
    let error = bench.call("slow", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "without a token the time is the time");
    assert!(error.may_have_run);
    while server.requests_of("notifications/cancelled").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_upstream_in_both_eras() {
    let slow = || Tool::echo("slow").delay(Duration::from_mins(1));
    for script in [
        Script::legacy().tool(slow()),
        Script::legacy().sse().tool(slow()),
        Script::modern().sse().tool(slow()),
    ] {
        let modern = script.modern;
        let server = Server::start(script);
        let bench = Bench::to(&server);
        tokio::select! {
            _ = bench.call("slow", "{}") => panic!("it takes a minute"),
            () = async { while server.in_flight() == 0 { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
        if modern {
            while server.in_flight() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } else {
            while server.requests_of("notifications/cancelled").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_mcp_is_named_for_what_it_is() {
    let server = Server::start(Script::legacy());
    for (fault, words) in [
        (Fault::html(), "HTML page"),
        (Fault::invalid_json(), "not valid JSON"),
        (Fault::content_type("text/plain"), "text/plain"),
        (Fault::deep_json(200), "nested deeper"),
        (Fault::huge(17 * 1024 * 1024), "larger than"),
        (Fault::gzip_bomb(64), "larger than"),
        (Fault::redirect(302, "/other"), "has moved"),
        (Fault::redirect(307, "http://127.0.0.2:1/"), "another origin"),
        (Fault::status(418), "HTTP 418"),
    ] {
        let bench = Bench::to(&server);
        bench.call("echo", "{}").await.unwrap();
        server.fault(fault.on_tool("echo").once());
        let error = bench.call("echo", "{}").await.unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(bench.call("echo", "{}").await.is_ok(), "the session is kept after: {words}");
    }
}

#[tokio::test]
async fn answers_for_others_never_reach_this_request() {
    let server = Server::start(Script::legacy().sse());
    let bench = Bench::to(&server);
    bench.call("echo", "{\"n\":0}").await.unwrap();
    for (n, fault) in [(1, Fault::unknown_id()), (2, Fault::duplicate_id()), (3, Fault::late_id())]
    {
        server.fault(fault.on_tool("echo").once());
        let arguments = format!("{{\"n\":{n}}}");
        let got = bench.call("echo", &arguments).await.unwrap();
        assert!(got.contains(&format!("\\\"n\\\":{n}")), "{got}");
    }
}

#[tokio::test]
async fn busy_servers_are_asked_again_only_where_that_is_safe() {
    let server = Server::start(Script::legacy().tool(Tool::read_only("look")));
    let bench = Bench::to(&server);
    bench.call("echo", "{}").await.unwrap();
    server.fault(Fault::status(503).retry_after(1).on_tool("look").once());
    let look = Call { replay_safe: true, ..call("look", "{}") };
    assert!(bench.upstream.call(look).await.is_ok());
    server.fault(Fault::status(429).retry_after(1).on_tool("echo").once());
    let error = bench.call("echo", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused { status: 429 });
    assert_eq!(error.retry_in, Some(Duration::from_secs(1)));
    assert!(!error.may_have_run);
}

#[tokio::test]
async fn the_breaker_opens_and_closes_by_itself() {
    let server = Server::start(Script::legacy().get_stream(false));
    let quick = BreakerTimes { first: Duration::from_millis(50), max: Duration::from_millis(200) };
    let mut bench = Bench::new(&server.url(), |c| {
        c.breaker = quick;
        c.listen = true;
    });
    bench.call("echo", "{}").await.unwrap();
    server.fault(Fault::status(500).on_http("POST"));
    for _ in 0..5 {
        assert_eq!(bench.call("echo", "{}").await.unwrap_err().kind, ErrorKind::Unreachable);
    }
    assert_ne!(bench.upstream.snapshot().breaker, BreakerState::Closed);
    assert_eq!(bench.upstream.snapshot().state, Status::Paused);
    server.clear_faults();
    while bench.upstream.snapshot().breaker != BreakerState::Closed {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(bench.upstream.snapshot().state, Status::Connected);
    assert!(bench.events.recv().await.is_some());
    bench.call("echo", "{}").await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_told_quickly_and_then_not_even_tried() {
    let dead = DeadPort::new();
    let bench = Bench::new(&dead.url(), |_| {});
    for _ in 0..3 {
        let error = bench.call("echo", "{}").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(!error.may_have_run && error.to_string().contains("connection refused"), "{error}");
    }
    let error = bench.call("echo", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Paused);
    assert!(error.since.is_some() && error.retry_in.is_some());
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn eras_are_found_out_and_doubt_is_not_remembered() {
    for (script, era, fault) in [
        (Script::legacy(), Era::Legacy, None),
        (Script::modern(), Era::Modern, None),
        (Script::dual(), Era::Modern, None),
        (Script::legacy().lenient(), Era::Legacy, Some(Fault::status(500).on("server/discover"))),
        (Script::legacy().lenient(), Era::Legacy, Some(Fault::html().on("server/discover"))),
        (Script::legacy(), Era::Legacy, Some(Fault::status(404).on("server/discover"))),
    ] {
        let server = Server::start(script);
        if let Some(fault) = fault {
            server.fault(fault);
        }
        let bench = Bench::to(&server);
        let listing = bench.upstream.list().await.unwrap();
        assert_eq!(listing.era, era);
    }
}

#[tokio::test]
async fn old_revisions_are_spoken_to_in_their_own() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let server = Server::start(Script::legacy().revisions(&[revision]));
        let bench = Bench::to(&server);
        let listing = bench.upstream.list().await.unwrap();
        assert_eq!(listing.protocol, revision);
    }
}

#[tokio::test]
async fn questions_of_the_server_are_answered() {
    let asking = |name: &str, method: &str| Tool::echo(name).asks(method, "{}");
    let server = Server::start(
        Script::legacy()
            .sse()
            .tools([asking("pings", "ping"), asking("samples", "sampling/createMessage")]),
    );
    let bench = Bench::to(&server);
    bench.call("pings", "{}").await.unwrap();
    // A refused question is the tool's to deal with; the call itself goes on.
    let _either = bench.call("samples", "{}").await;
    let answers = server.answers();
    assert!(answers.iter().any(|(_, a)| a == "{}"), "{answers:?}");
    assert!(answers.iter().any(|(_, a)| a.contains("-32601")), "{answers:?}");
}

#[tokio::test]
async fn a_session_is_ended_at_exit() {
    let server = Server::start(Script::legacy());
    let bench = Bench::new(&server.url(), |c| c.listen = true);
    bench.call("echo", "{}").await.unwrap();
    bench.upstream.close().await;
    assert_eq!(server.http_requests_of("DELETE").len(), 1);
    assert!(bench.shutdown.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn cleartext_leaves_only_for_loopback() {
    let bench = Bench::new("http://10.1.2.3/mcp", |_| {});
    let error = bench.call("echo", "{}").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("cleartext"), "{error}");
}
