//! One bad upstream never hurts the others, is told of as it deserves, and comes back by itself.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::{
    client::Serve,
    env::TestEnv,
    fault::{End, Fault},
    script::{Pages, Script, Tool},
    talk::{eventually, text, told},
    upstream::Upstream,
};

const CHANGED: &str = "notifications/tools/list_changed";

/// A connection that does not take long over its failures.
fn entry(name: &str, url: &str) -> String {
    format!(
        "[connections.{name}]\nurl = \"{url}\"\nauth = \"none\"\ntimeout = \"1500ms\"\n\
         connect_timeout = \"1s\"\nbreaker_first = \"50ms\"\nbreaker_max = \"200ms\"\n"
    )
}

/// Three good servers of different kinds, as `g0` to `g8`.
struct Good([Upstream; 3]);

impl Good {
    fn start() -> Self {
        let start = |script: Script| Upstream::start(script);
        Self([start(Script::legacy()), start(Script::modern()), start(Script::legacy().sse())])
    }

    fn entries(&self) -> String {
        (0..9).map(|at| entry(&format!("g{at}"), &self.0[at % 3].url())).collect()
    }

    /// Sends a call to each of the nine; what they answer is looked at later.
    fn call(serve: &mut Serve) -> Vec<(u64, Value)> {
        let call = |at: usize| json!({"name": format!("g{at}__echo"), "arguments": {"at": at}});
        (0..9).map(|at| (serve.send_request("tools/call", call(at)), json!({"at": at}))).collect()
    }

    #[track_caller]
    fn answer(serve: &Serve, calls: Vec<(u64, Value)>) {
        for (id, arguments) in calls {
            let response = serve.response(id);
            assert_eq!(response["result"]["structuredContent"], arguments, "{response}");
        }
    }
}

struct Bad {
    name: &'static str,
    script: Script,
    fault: Option<Fault>,
    /// What its text says.
    wants: &'static str,
    /// It may have run; none where that is no question.
    ran: Option<bool>,
}

fn bad(name: &'static str, fault: Fault, wants: &'static str, ran: bool) -> Bad {
    let fault = Some(fault.on("tools/call"));
    Bad { name, script: Script::legacy(), fault, wants, ran: Some(ran) }
}

/// Faults that a call cannot survive.
fn all_bad() -> Vec<Bad> {
    let late = "did not answer in time";
    let lost = "could not reach";
    let sse = |mut bad: Bad| {
        bad.script = Script::legacy().sse();
        bad
    };
    let json = |result: &str| Fault::json(&format!(r#"{{"jsonrpc":"2.0",{result}}}"#));
    let asks = Tool::echo("echo").asks("elicitation/create", r#"{"message":"who?"}"#);
    vec![
        Bad { fault: None, ..bad("refused", Fault::hang(), "connection refused", false) },
        Bad { fault: None, ..bad("stalled", Fault::hang(), late, true) },
        bad("hang", Fault::hang(), late, true),
        bad("hang-in-body", Fault::hang_in_body(10), late, true),
        bad("trickle", Fault::trickle(1, Duration::from_millis(200)), late, true),
        sse(bad("trickle-sse", Fault::trickle(1, Duration::from_millis(200)), late, true)),
        sse(bad("reset-sse", Fault::cut_after_bytes(10, End::Reset), lost, true)),
        sse(bad("close-sse", Fault::cut_after_bytes(10, End::Close), lost, true)),
        sse(bad("empty-sse", Fault::no_answer_in_stream(), "ended without an answer", true)),
        bad("reset", Fault::no_answer(End::Reset), lost, true),
        bad("close", Fault::work_and_no_answer(End::Close), lost, true),
        bad("s500", Fault::status(500), "HTTP 500", true),
        bad("s502", Fault::status(502), "HTTP 502", true),
        bad("s503", Fault::status(503), "HTTP 503", true),
        bad("s429", Fault::status(429).retry_after(30), "HTTP 429", false),
        bad("s403", Fault::status(403), "HTTP 403", false),
        bad("html", Fault::html(), "an HTML page, not MCP", true),
        bad("cut-json", Fault::invalid_json(), "not valid JSON", true),
        bad("plain", Fault::content_type("text/plain"), "text/plain, not MCP", true),
        bad("foreign", json(r#""id":"x","result":{}"#), "another request", true),
        bad("number", json(r#""id":$ID,"result":7"#), "not an object", true),
        bad("deep", Fault::deep_json(200), "nested deeper", true),
        bad("elsewhere", Fault::redirect(307, "http://127.0.0.1:9/x"), "another origin", true),
        Bad { ran: None, ..bad("s401", Fault::status(401), "needs sign-in", false) },
        Bad {
            ran: None,
            ..bad("scope", Fault::insufficient_scope("a b"), "needs more scope", false)
        },
        Bad {
            script: Script::modern().tools([asks]),
            fault: None,
            ran: None,
            ..bad("asks", Fault::hang(), "before it goes on", false)
        },
    ]
}

#[test]
fn nine_answer_as_if_nothing_were_beside_every_bad_one_and_those_say_what_is_wrong() {
    let env = TestEnv::new();
    let good = Good::start();
    let all = all_bad();
    let servers: Vec<Upstream> =
        all.iter().map(|bad| Upstream::start(bad.script.clone())).collect();
    let bad_entries = all.iter().zip(&servers).map(|(bad, server)| entry(bad.name, &server.url()));
    env.config(&(good.entries() + &bad_entries.collect::<String>()));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names().len(), 1 + 9 + all.len());
    for (bad, server) in all.iter().zip(&servers) {
        match bad.name {
            "refused" => server.refuse(),
            "stalled" => {
                server.stall();
                server.drop_connections();
                // By then it has noticed; else the call might be sent into a closed connection.
                let calls = Good::call(&mut serve);
                Good::answer(&serve, calls);
            }
            _ => {}
        }
        if let Some(fault) = &bad.fault {
            server.fault(fault.clone());
        }
    }
    let call = |bad: &Bad| json!({"name": format!("{}__echo", bad.name), "arguments": {}});
    let calls: Vec<u64> = all.iter().map(|b| serve.send_request("tools/call", call(b))).collect();
    for _ in 0..3 {
        let calls = Good::call(&mut serve);
        Good::answer(&serve, calls);
    }
    assert_eq!(serve.tool_names().len(), 1 + 9 + all.len(), "the lists are what they were");
    for (bad, id) in all.iter().zip(calls) {
        let response = serve.response(id);
        let said = told(&response);
        assert!(said.starts_with("allmcp: ") && said.contains(bad.name), "{said}");
        assert!(said.contains(bad.wants), "{}: {said}", bad.name);
        let may = said.contains("may have been carried out");
        let not = said.contains("was not carried out");
        assert_eq!((may, not), (bad.ran == Some(true), bad.ran == Some(false)), "{said}");
        if ["could not reach", "did not answer in time"].iter().any(|text| said.contains(text)) {
            assert!(said.contains("has been failing since 20"), "{said}");
        }
        let required = &response["result"]["_meta"]["dev.allmcp/oauth_connect_required_mcps"];
        if ["s401", "scope"].contains(&bad.name) {
            assert_eq!(required[0]["backend_id"], bad.name);
            assert_eq!(required[0]["connect_required"], true);
        } else {
            assert!(required.is_null(), "{response}");
        }
        if bad.name == "s429" {
            assert!(said.contains("Try again in 30 s"), "{said}");
        }
    }
    // All are back by themselves, but the one that wants to be asked.
    for server in &servers {
        server.clear_faults();
        server.open();
    }
    for bad in all.iter().filter(|bad| bad.name != "asks") {
        eventually(bad.name, || {
            let response = serve.request("tools/call", call(bad));
            response["result"]["isError"] != true && response["result"].is_object()
        });
    }
    let calls = Good::call(&mut serve);
    Good::answer(&serve, calls);
    for server in &good.0 {
        assert_eq!(server.runs("echo"), 3 * 5, "each call came once, and to its own server");
    }
}

#[test]
fn what_surely_did_not_run_or_may_run_twice_is_sent_again() {
    let env = TestEnv::new();
    let legacy = || Script::legacy().sse().tools([Tool::read_only("echo"), Tool::echo("write")]);
    let sampling = Tool::echo("echo").asks("sampling/createMessage", "{}");
    let cases = [
        ("unknown", legacy(), Some(Fault::unknown_id())),
        ("double", legacy(), Some(Fault::duplicate_id())),
        ("late", legacy(), Some(Fault::late_id())),
        ("busy", legacy(), Some(Fault::status(503).retry_after(0).once())),
        ("many", legacy(), Some(Fault::status(429).retry_after(1).once())),
        (
            "resumed",
            legacy().event_ids().retry(Duration::ZERO),
            Some(Fault::cut_after_events(1, End::Reset).once()),
        ),
        ("moved", legacy(), Some(Fault::redirect(307, "/mcp").once())),
        ("session", legacy(), None),
        ("asks", Script::legacy().sse().tools([sampling]), None),
    ];
    let servers = cases.map(|(name, script, fault)| {
        let server = Upstream::start(script);
        env.config(&(env.read_config() + &entry(name, &server.url())));
        (name, server, fault)
    });
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    for (name, server, fault) in &servers {
        // The answer before, for the late one.
        text(&serve.call(&format!("{name}__echo"), json!({"before": true})));
        if let Some(fault) = fault {
            server.fault(fault.clone().on("tools/call"));
        }
        if *name == "session" {
            server.expire_sessions();
        }
        let response = serve.call(&format!("{name}__echo"), json!({"to": name}));
        if *name == "asks" {
            assert!(text(&response).contains("-32601"), "asked and told no: {response}");
            continue;
        }
        assert_eq!(response["result"]["structuredContent"], json!({"to": name}), "{response}");
        assert_eq!(server.runs("echo"), 2, "{name}");
    }
    assert_eq!(servers[7].1.requests_of("initialize").len(), 2);
    // What is not known to be harmless is not repeated.
    let (_, busy, _) = &servers[3];
    busy.fault(Fault::status(503).retry_after(1).once().on("tools/call"));
    let failed = serve.call("busy__write", json!({}));
    assert!(
        told(&failed).contains("HTTP 503") && told(&failed).contains("Try again in 1 s"),
        "{failed}"
    );
    assert_eq!(busy.runs("write"), 0);
}

#[test]
fn an_open_breaker_is_told_and_nothing_is_sent_until_it_is_time() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    let slow = entry("c", &server.url()).replace("50ms", "60s").replace("200ms", "60s");
    env.config(&slow);
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    server.fault(Fault::status(500).on("tools/call"));
    for _ in 0..5 {
        assert!(told(&serve.call("c__echo", json!({}))).contains("HTTP 500"));
    }
    let sent = server.requests().len();
    for _ in 0..3 {
        let paused = serve.call("c__echo", json!({}));
        let said = told(&paused);
        for part in [
            "paused after failures",
            "HTTP 500",
            "failing since 20",
            "not carried out",
            "Try again in",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
    assert_eq!(server.requests().len(), sent);
    let row = serve.row_until("c", |row| row["auth_status"] == "paused");
    assert_eq!((&row["connected"], &row["tools"]), (&json!(false), &json!(1)));
    // Other processes see it too.
    eventually("the health on the disk", || {
        let status = env.cmd(&["status", "--json"]).json();
        let health = &status["connections"][0]["health"];
        health["state"] == "paused" && health["breaker"] == "open"
    });
    env.cmd(&["status"]).code(8);
}

#[test]
fn a_server_that_starts_again_is_found_again_without_a_call() {
    let env = TestEnv::new();
    let (legacy, modern) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    env.config(&(entry("l", &legacy.url()) + &entry("m", &modern.url())));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    legacy.wait_for_streams(1);
    modern.wait_for_streams(1);
    // Down, up, and with other tools; nobody calls anything.
    for (server, name) in [(&legacy, "l__new"), (&modern, "m__new")] {
        let heard = serve.of_method(CHANGED).len();
        server.refuse();
        server.expire_sessions();
        server.set_tools([Tool::echo("new")]);
        server.open();
        serve.wait_for_count(CHANGED, heard + 1);
        assert!(serve.tool_names().contains(&name.to_owned()));
        text(&serve.call(name, json!({})));
    }
}

#[test]
fn lists_without_end_and_full_of_rubbish_stay_the_trouble_of_their_own() {
    let env = TestEnv::new();
    let good = Good::start();
    let rubbish = (0..3000).map(|_| Tool::raw("7")).chain([Tool::echo("echo")]);
    let servers = [
        ("endless", Script::legacy().pages(Pages::Endless(1))),
        ("same", Script::modern().pages(Pages::SameCursor(1))),
        ("empty", Script::legacy().tool(Tool::echo("two")).pages(Pages::EmptyCursor(1))),
        ("rubbish", Script::legacy().tools(rubbish)),
        ("none", Script::legacy().tools([])),
    ]
    .map(|(name, script)| (name, Upstream::start(script)));
    let entries = servers.iter().map(|(name, server)| entry(name, &server.url()));
    env.config(&(good.entries() + &entries.collect::<String>()));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    let names = ["endless__echo", "same__echo", "empty__two", "rubbish__echo"];
    serve
        .tools_until("all of them", |have| names.iter().all(|name| have.contains(&(*name).into())));
    for name in names {
        text(&serve.call(name, json!({})));
    }
    let calls = Good::call(&mut serve);
    Good::answer(&serve, calls);
    // Others change their lists; what was told of the rubbish is not told again and again.
    for at in 0..3 {
        let heard = serve.of_method(CHANGED).len();
        good.0[0].set_tools([Tool::echo("echo"), Tool::echo(&format!("t{at}"))]);
        good.0[0].push_list_changed();
        serve.wait_for_count(CHANGED, heard + 1);
    }
    let stderr = serve.stderr();
    assert!(
        stderr.contains("rubbish") && stderr.len() < 4000,
        "{} bytes: {stderr:.4000}",
        stderr.len()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn bombs_are_put_out_within_little_memory() {
    let env = TestEnv::new();
    let good = Good::start();
    let bombs = [
        ("gzip", Fault::gzip_bomb(1024), "larger than"),
        ("huge", Fault::huge(256 << 20), "larger than"),
        ("page", Fault::gzip_bomb(1024), "HTTP 500"),
        ("heads", Fault::json("{}").with_header("x-big", &"x".repeat(100_000)), "the headers of"),
    ];
    let servers = bombs.each_ref().map(|(name, _, _)| (*name, Upstream::start(Script::legacy())));
    let entries =
        servers.iter().map(|(name, server)| entry(name, &server.url()).replace("1500ms", "20s"));
    env.config(&(good.entries() + &entries.collect::<String>()));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let mut calls = Vec::new();
    for ((name, fault, wants), (_, server)) in bombs.into_iter().zip(&servers) {
        let fault = if name == "page" { fault.with_status(500) } else { fault };
        server.fault(fault.on("tools/call"));
        for _ in 0..2 {
            let params = json!({"name": format!("{name}__echo"), "arguments": {}});
            calls.push((serve.send_request("tools/call", params), wants));
        }
        let good = Good::call(&mut serve);
        Good::answer(&serve, good);
    }
    for (id, wants) in calls {
        let response = serve.response(id);
        assert!(told(&response).contains(wants), "{wants}: {response}");
    }
    let peak = serve.peak_memory() / 1024;
    assert!(peak < 200, "{peak} MiB");
}

#[test]
fn answers_never_cross_however_equal_names_and_ids_are() {
    let env = TestEnv::new();
    let tools = || [Tool::echo("same"), Tool::echo("slow").delay(Duration::from_millis(3))];
    let scripts =
        [Script::legacy(), Script::legacy().sse(), Script::modern(), Script::modern().sse()];
    let servers = scripts.map(|script| Upstream::start(script.tools(tools())));
    for (at, server) in servers.iter().enumerate() {
        env.config(
            &(env.read_config()
                + &entry(&format!("c{at}"), &server.url()).replace("1500ms", "55s")),
        );
    }
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    // A small generator of our own: the same calls every time.
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..20 {
        let mut calls = Vec::new();
        for at in 0..100 {
            let (to, tool) = (random(4), if random(5) == 0 { "slow" } else { "same" });
            let arguments = json!({"to": to, "round": round, "at": at, "pad": "x".repeat(usize::try_from(random(3000)).unwrap())});
            let params = json!({"name": format!("c{to}__{tool}"), "arguments": arguments});
            let params = if random(2) == 0 { params } else { serve.with_meta(params) };
            calls.push((serve.send_request("tools/call", params), arguments));
        }
        for (id, arguments) in calls {
            assert_eq!(serve.response(id)["result"]["structuredContent"], arguments);
        }
    }
    let mut ran = 0;
    for (at, server) in servers.iter().enumerate() {
        let sent = server.requests_of("tools/call");
        ran += sent.len();
        let mine = format!("\"to\":{at},");
        assert!(sent.iter().all(|request| request.mentions(&mine)), "c{at} got another's call");
    }
    assert_eq!(ran, 2000);
}
