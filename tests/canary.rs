//! Secrets that can be recognized go through everything, past a server that repeats whatever it
//! is sent. Afterwards they are in the secret store, and in no other file, no output and no
//! argument.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::json;
use std::path::PathBuf;
use support::{
    client::Serve,
    env::{Cmd, Output, TestEnv},
    fault::Fault,
    script::{Auth, Script, Tool},
    upstream::Upstream,
};

const KEY: &str = "canary-bearer-0123456789abcdef";
const HOOK: &str = "canary/hook \"2\"";
const ENV: &str = "canary-env-fedcba9876543210";
const WRONG: &str = "canary-wrong-55555555";

/// What every canary looks like, as it is and as it is written in a URL or in JSON.
const SIGNS: [&str; 6] =
    [KEY, ENV, WRONG, HOOK, "canary%2Fhook%20%222%22", "canary/hook \\\"2\\\""];

/// A run under watch.
struct Watch {
    env: TestEnv,
    said: Vec<(String, String)>,
}

impl Watch {
    fn new() -> Self {
        let mut env = TestEnv::new();
        // Everything there is to log is logged.
        env.var("ALLMCP_LOG", "trace");
        env.var("OUR_KEY", ENV);
        Self { env, said: Vec::new() }
    }

    /// Runs a command and keeps what it says, and what others could see of it meanwhile.
    fn run(&mut self, args: &[&str], stdin: &str) -> Output {
        let mut args = args.to_vec();
        if args[0] != "serve" {
            args.push("-vv");
        }
        self.command(&args.join(" "), self.env.command(&args).stdin(stdin))
    }

    fn command(&mut self, what: &str, command: Cmd) -> Output {
        let running = command.start();
        self.look_at(running.pid());
        let output = running.finish();
        self.said.push((format!("stdout of {what}"), output.stdout().to_owned()));
        self.said.push((format!("stderr of {what}"), output.stderr().to_owned()));
        output
    }

    /// The arguments of a process. Only its owner may read its environment, so that may have it.
    fn look_at(&mut self, pid: u32) {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        self.said
            .push((format!("arguments of {pid}"), String::from_utf8_lossy(&line).into_owned()));
    }

    fn serve(&self, args: &[&str]) -> Serve {
        Serve::start(&self.env, args)
    }

    fn end(&mut self, mut serve: Serve) {
        self.look_at(serve.pid());
        serve.close_stdin();
        assert_eq!(serve.wait_exit(), 0);
        let lines = serve.lines().concat();
        self.said.push(("stdout of serve".into(), String::from_utf8_lossy(&lines).into_owned()));
        self.said.push(("stderr of serve".into(), serve.stderr()));
    }

    /// No output and no file but these has a canary in it.
    #[track_caller]
    fn nothing_leaked_but_into(&self, stores: &[&str]) {
        for sign in SIGNS {
            for (what, text) in &self.said {
                assert!(!text.contains(sign), "{sign} is in {what}: {text}");
            }
            let stores: Vec<PathBuf> =
                stores.iter().map(|file| self.env.allmcp_home().join(file)).collect();
            let mut found = self.env.grep_everything(sign);
            found.retain(|file| !stores.contains(file));
            assert!(found.is_empty(), "{sign} is in {found:?}");
        }
    }
}

/// The ways in which a server can repeat what it was sent, one after the other.
fn echoes(sent: &[&str], away: &Upstream) -> Vec<Fault> {
    let all = format!("Authorization: Bearer {}", sent.join(", "));
    // Cut to the length of a message, this would end in the middle of a secret.
    let padded = format!("{} {}", "x".repeat(60), sent.join(" "));
    let rpc = json!({"jsonrpc": "2.0", "id": 0, "error": {"code": -32001, "message": all, "data": {"seen": sent}}});
    let answer = rpc.to_string().replace("\"id\":0", "\"id\":$ID");
    let path = sent[0].replace('/', "%2F").replace([' ', '"'], "%20");
    let redirect = format!("{}/{path}?token={path}#{path}", away.origin());
    let word: String = sent[0].chars().filter(char::is_ascii_alphanumeric).collect();
    vec![
        Fault::response(401, "application/json", &json!({"error": all}).to_string())
            .with_header("www-authenticate", &format!("Bearer error=\"{}\"", sent[0])),
        Fault::response(401, "text/plain", &padded),
        Fault::response(403, "application/json", &rpc.to_string()).with_header(
            "www-authenticate",
            &format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", sent[0]),
        ),
        Fault::response(400, "application/json", &rpc.to_string()),
        Fault::response(404, "text/plain", &all),
        Fault::response(429, "text/plain", &padded).retry_after(60),
        Fault::response(500, "text/plain", &all),
        Fault::response(502, "text/html", &format!("<h1>{all}</h1>")),
        Fault::response(200, "text/html", &format!("<h1>{padded}</h1>")),
        Fault::response(200, &format!("text/{word}"), &padded),
        Fault::json(&format!("{padded} is not JSON")),
        Fault::json(&answer),
        Fault::events(&[&all]),
        Fault::events(&[&answer]),
        Fault::response(302, "text/plain", &all).with_header("location", &redirect),
        Fault::response(307, "text/plain", &all).with_header("location", &redirect),
    ]
}

/// A server, and all that it is sent.
struct Server {
    name: &'static str,
    upstream: Upstream,
    sent: &'static [&'static str],
}

/// One that wants a bearer token, and one that wants another header and gets a query and a value
/// of the environment too. Both have a tool that fails with all of it.
fn servers() -> [Server; 2] {
    let start = |name, script: Script, sent: &'static [&'static str]| {
        let fails = Tool::echo("fails").rpc_error(-32050, &format!("you sent {}", sent.join(", ")));
        Server { name, upstream: Upstream::start(script.tool(fails)), sent }
    };
    [
        start("bear", Script::legacy().auth(Auth::bearer(KEY)), &[KEY]),
        start("header", Script::dual().auth(Auth::header("x-hook", HOOK)), &[HOOK, ENV]),
    ]
}

/// Connects both, as `bear` and `header`.
fn connect(watch: &mut Watch, [bearer, header]: &[Server; 2]) {
    let url = bearer.upstream.url();
    watch.run(&["connect", &url, "--token-stdin"], WRONG).code(4);
    watch.run(&["connect", &url, "--name", "bear", "--token-stdin", "--json"], KEY).success();
    let file = watch.env.home().join("hook");
    std::fs::write(&file, HOOK).unwrap();
    let secret = format!("hook={}", file.display());
    let url = format!("{}?hook=${{secret:hook}}", header.upstream.url());
    let args = [
        "connect",
        &url,
        "--name",
        "header",
        "--secret-file",
        &secret,
        "--header",
        "X-Hook: ${secret:hook}",
        "--header",
        "X-Api-Key: ${env:OUR_KEY}",
    ];
    watch.run(&args, "").success();
    // The user's own file is the user's.
    std::fs::remove_file(file).unwrap();
}

#[test]
fn no_secret_leaves_its_store() {
    let (mut watch, servers, away) = (Watch::new(), servers(), Upstream::start(Script::legacy()));
    connect(&mut watch, &servers);
    for Server { name, upstream, sent } in &servers {
        watch.run(&["call", name, "echo", "a=b"], "").success();
        watch.run(&["call", name, "fails"], "").code(1);
        watch.run(&["call", name, "fails", "--json"], "").code(1);
        for fault in echoes(sent, &away) {
            upstream.fault(fault.clone().on("tools/call"));
            let failed = watch.run(&["call", name, "echo"], "");
            assert_ne!(failed.exit(), 0, "{fault:?}: {failed:?}");
            upstream.clear_faults();
            upstream.fault(fault);
            let _ = watch.run(&["status", name, "--live"], "");
            upstream.clear_faults();
        }
    }
    let bearer = &servers[0].upstream;
    for fault in echoes(&[WRONG], &away) {
        bearer.fault(fault);
        let args = ["connect", &bearer.url(), "--name", "new", "--token-stdin"];
        assert_ne!(watch.run(&args, WRONG).exit(), 0);
        assert_ne!(watch.run(&["reconnect", "bear", "--token-stdin", "--json"], WRONG).exit(), 0);
        bearer.clear_faults();
    }
    for look in [
        &["list", "--json"][..],
        &["inspect", "bear"],
        &["inspect", "header", "--json"],
        &["logs"],
        &["logs", "--json"],
        &["doctor"],
        &["usage", "--json"],
        &["report"],
        &["report", "--json"],
        &["config", "get", "connections"],
    ] {
        let _ = watch.run(look, "");
    }
    assert!(away.requests().is_empty(), "{:#?}", away.requests());
    // The header of the environment went where it should, so it was there to be repeated.
    let sent = servers[1].upstream.requests_of("tools/call");
    assert!(sent.iter().all(|r| r.header("x-api-key") == Some(ENV) && r.mentions("canary%2Fhook")));
    watch.nothing_leaked_but_into(&["data/secrets.json"]);
}

#[test]
fn a_server_tells_no_secret_to_its_client_or_its_log() {
    let (mut watch, servers, away) = (Watch::new(), servers(), Upstream::start(Script::legacy()));
    connect(&mut watch, &servers);
    // What is asked again at once must not be held up by a breaker.
    for name in ["bear", "header"] {
        let key = format!("connections.{name}.breaker_first");
        watch.run(&["config", "set", &key, "1ms"], "").success();
    }
    let mut serve = watch.serve(&["serve", "-vv"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names().len(), 5);
    for Server { name, upstream, sent } in &servers {
        let failed = serve.call(&format!("{name}__fails"), json!({}));
        let stars = vec!["***"; sent.len()].join(", ");
        assert_eq!(failed["error"]["message"], format!("you sent {stars}"), "{failed}");
        // An answer to nobody, under a name that only a log would show.
        let stray = json!({"jsonrpc": "2.0", "id": sent[0], "result": {}}).to_string();
        upstream.fault(Fault::events(&[&stray, "$ANSWER"]).on("tools/call").once());
        let answer = serve.call(&format!("{name}__echo"), json!({}));
        assert!(answer["result"]["isError"].is_null(), "{answer}");
        for fault in echoes(sent, &away) {
            upstream.fault(fault);
            for _ in 0..2 {
                serve.call(&format!("{name}__echo"), json!({}));
            }
            serve.call("list_mcp_connections", json!({}));
            serve.call("describe_provider", json!({"name": name}));
            upstream.clear_faults();
        }
        upstream.push_list_changed();
    }
    serve.call("get_usage", json!({}));
    let told = json!({"subject": format!("{KEY} fails"), "description": format!("Bearer {WRONG}")});
    let reported = serve.call("report_issue", told);
    assert!(reported["result"]["structuredContent"]["file"].is_string(), "{reported}");
    watch.end(serve);
    // The same without an entry; the key comes from the environment.
    let bearer = &servers[0].upstream;
    let (url, header) = (bearer.url(), "Authorization: Bearer ${OUR_KEY}");
    bearer.change(|script| script.auth = Some(Auth::bearer(ENV)));
    let mut bridge = watch.serve(&["bridge", &url, "--header", header, "--debug"]);
    bridge.initialize("2025-06-18");
    assert_eq!(bridge.tool_names(), ["echo", "fails"]);
    bearer.set_tools([Tool::echo("fails").rpc_error(-32050, &format!("{ENV} has no quota"))]);
    assert_eq!(bridge.call("fails", json!({}))["error"]["message"], "*** has no quota");
    bearer.fault(Fault::response(401, "text/plain", &format!("Bearer {ENV} is no good")));
    bridge.call("echo", json!({}));
    watch.end(bridge);

    let log = std::fs::read_to_string(watch.env.allmcp_home().join("state/allmcp.log")).unwrap();
    assert!(log.contains("dropped an answer to no request"), "it was not logged: {log}");
    watch.run(&["logs", "--json"], "").success();
    watch.run(&["status"], "");
    watch.nothing_leaked_but_into(&["data/secrets.json"]);
}

#[test]
fn no_command_line_and_no_configuration_takes_a_secret() {
    let mut watch = Watch::new();
    let server = Upstream::start(Script::legacy().auth(Auth::bearer(KEY)));
    let url = server.url();
    let bearer = format!("Authorization: Bearer {KEY}");
    let query = format!("{url}?api_key={KEY}");
    let user = url.replace("http://", &format!("http://{KEY}@"));
    let flag = format!("--token={KEY}");
    for args in [
        &["connect", &url, "--header", &bearer][..],
        &["connect", &url, "--header", &format!("X-Api-Key:{KEY}")],
        &["connect", &url, "--header", &format!("Cookie: session={KEY}")],
        &["connect", &query],
        &["connect", &user],
        &["connect", &url, &flag],
        &["connect", &url, "--token", KEY],
        &["connect", &url, "--header", &format!("Bearer {KEY}")],
        &["reconnect", "x", &flag],
    ] {
        for json in [false, true] {
            let mut all = args.to_vec();
            all.extend(json.then_some("--json"));
            // Not under watch: this time it is the user who has put it on the command line.
            let refused = watch.env.cmd(&all).code(2);
            assert!(!refused.mentions(KEY), "{args:?}: {refused:?}");
        }
    }
    watch.env.nothing_saved();
    assert!(server.requests().is_empty(), "{:#?}", server.requests());
    // The bridge takes them for compatibility, and says what that means, without saying it.
    let mut bridge = watch.serve(&["bridge", &url, "--header", &bearer]);
    bridge.initialize("2025-11-25");
    assert_eq!(bridge.tool_names(), ["echo"]);
    assert!(bridge.stderr().contains("can be read by others"), "{}", bridge.stderr());
    bridge.close_stdin();
    assert_eq!(bridge.wait_exit(), 0);
    watch.said.push(("stderr of bridge".into(), bridge.stderr()));
    watch.nothing_leaked_but_into(&[]);
}
