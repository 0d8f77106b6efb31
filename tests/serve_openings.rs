//! How real clients begin, as they were recorded: each is served from its first message on, out
//! of what is known from the last time, with upstreams that do not answer at all.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    upstream::Upstream,
    wire,
};

const PROBE: &str = "\"server-discover-probe-1\"";
const LISTEN: &str = "\"listen:0\"";

/// Far more than it takes, and less than a list may wait for a connection that was never listed.
const SOON: Duration = Duration::from_secs(4);

/// One opening: the value of `ALLMCP_CLIENT`, and the lines in their order.
struct Opening {
    client: &'static str,
    lines: Vec<String>,
}

/// The `_meta` of a client of 2026-07-28.
fn meta(info: &str, capabilities: &str) -> String {
    format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{info},"io.modelcontextprotocol/clientCapabilities":{capabilities}}}"#
    )
}

fn request(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"method":"{method}","params":{{{params}}},"jsonrpc":"2.0","id":{id}}}"#)
}

/// Claude Code 2.1.329, captured on 2026-11-19: a probe, a subscription, another probe, lists.
fn claude_code() -> Opening {
    let meta = meta(
        r#"{"name":"claude-code","title":"Claude Code","version":"2.1.329","websiteUrl":"https://claude.com/claude-code"}"#,
        r#"{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}}}"#,
    );
    let filter = r#""notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#;
    let lines = vec![
        request(PROBE, "server/discover", &meta),
        request(LISTEN, "subscriptions/listen", &format!("{filter},{meta}")),
        request("0", "server/discover", &meta),
        request("1", "tools/list", &meta),
        request("2", "prompts/list", &meta),
        request("3", "resources/list", &meta),
    ];
    Opening { client: "claude-code", lines }
}

/// The handshake of 2025, with what comes right behind it.
fn handshake(version: &str, capabilities: &str, info: &str) -> Vec<String> {
    let params = format!(
        r#""protocolVersion":"{version}","capabilities":{capabilities},"clientInfo":{info}"#
    );
    vec![
        request("0", "initialize", &params),
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
    ]
}

/// Codex 0.169: no probe by default, and the oldest revision of those that are in use.
fn codex() -> Opening {
    let info = r#"{"name":"codex-mcp-client","title":"Codex","version":"0.169.0"}"#;
    let mut lines = handshake("2025-06-18", r#"{"elicitation":{}}"#, info);
    for (id, method) in
        [("1", "tools/list"), ("2", "resources/list"), ("3", "resources/templates/list")]
    {
        let token = format!(r#""_meta":{{"progressToken":{id}}}"#);
        lines.push(request(id, method, &token));
    }
    Opening { client: "codex", lines }
}

/// `FastMCP` on the Python SDK 2.3: a probe, then the era that it learned of.
fn fast_mcp() -> Opening {
    let meta = meta(r#"{"name":"mcp","version":"0.1.0"}"#, r#"{"sampling":{},"roots":{}}"#);
    let lines = vec![
        request("0", "server/discover", &meta),
        request("1", "tools/list", &meta),
        request("2", "resources/list", &meta),
        request("3", "resources/templates/list", &meta),
        request("4", "prompts/list", &meta),
    ];
    Opening { client: "fastmcp", lines }
}

/// The same with an older `FastMCP` behind it, which goes back to the handshake all the same.
fn fast_mcp_of_old() -> Opening {
    let info = r#"{"name":"mcp","version":"0.1.0"}"#;
    let probe = meta(info, "{}");
    let mut lines = vec![request("\"probe\"", "server/discover", &probe)];
    lines.extend(handshake("2025-11-25", "{}", info));
    for (id, method) in [("1", "tools/list"), ("2", "prompts/list"), ("3", "resources/list")] {
        // It leaves out what it has nothing to put into.
        lines.push(format!(r#"{{"method":"{method}","jsonrpc":"2.0","id":{id}}}"#));
    }
    Opening { client: "fastmcp", lines }
}

/// Claude Desktop: without any ability, or with Apps.
fn claude_desktop(capabilities: &str) -> Opening {
    let mut lines =
        handshake("2025-11-25", capabilities, r#"{"name":"claude-ai","version":"0.1.0"}"#);
    for (id, method) in [("1", "tools/list"), ("2", "prompts/list"), ("3", "resources/list")] {
        lines.push(request(id, method, ""));
    }
    Opening { client: "claude-desktop", lines }
}

const APPS: &str =
    r#"{"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}"#;

fn cursor() -> Opening {
    let can = r#"{"elicitation":{"form":{}},"roots":{"listChanged":false},"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}"#;
    let mut lines = handshake("2025-11-25", can, r#"{"name":"cursor-vscode","version":"1.0.0"}"#);
    for (id, method) in [
        ("1", "tools/list"),
        ("2", "prompts/list"),
        ("3", "resources/list"),
        ("4", "resources/templates/list"),
    ] {
        lines.push(request(id, method, ""));
    }
    Opening { client: "cursor", lines }
}

/// One upstream of each era that has one of everything, listed once and silent ever since.
fn silent() -> (TestEnv, [Upstream; 2]) {
    let offers = |script: Script| {
        let script = script.everything().prompt(Tool::prompt("p"));
        script.resource(Tool::resource("db:1")).template(Tool::template("db:{id}"))
    };
    let servers = [offers(Script::legacy()), offers(Script::modern())].map(Upstream::start);
    let env = TestEnv::new();
    for (at, server) in servers.iter().enumerate() {
        env.connection(&format!("c{at}"), &server.url());
    }
    env.cmd(&["sync"]).success();
    for server in &servers {
        server.stall();
        server.drop_connections();
    }
    (env, servers)
}

/// The raw id of a line, if it is a request.
fn id_of(line: &str) -> Option<String> {
    wire::Rpc::parse(line.as_bytes()).unwrap().id
}

fn method_of(line: &str) -> String {
    wire::Rpc::parse(line.as_bytes()).unwrap().method.unwrap()
}

/// Waits for what ends the client's waiting for this line.
#[track_caller]
fn wait_answer(serve: &Serve, line: &str) -> Option<Value> {
    let id = id_of(line)?;
    if method_of(line) == "subscriptions/listen" {
        return Some(serve.wait_for_method("notifications/subscriptions/acknowledged"));
    }
    Some(serde_json::from_slice(&serve.response_line(&id)).unwrap())
}

/// What is in the answer is what was known.
#[track_caller]
fn check(method: &str, answer: &Value) {
    let result = &answer["result"];
    let names = |list: &str, key: &str| -> Vec<String> {
        let all = result[list].as_array().unwrap_or_else(|| panic!("{method}: {answer}"));
        all.iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };
    match method {
        "tools/list" => {
            let all = names("tools", "name");
            assert!(all.ends_with(&["c0__echo".into(), "c1__echo".into()]), "{all:?}");
        }
        "prompts/list" => assert_eq!(names("prompts", "name"), ["c0__p", "c1__p"]),
        "resources/list" => {
            let wanted = ["allmcp://c0/db:1", "allmcp://c1/db:1"];
            let all = names("resources", "uri");
            assert!(wanted.iter().all(|uri| all.iter().any(|one| one == uri)), "{all:?}");
        }
        "resources/templates/list" => {
            let all = names("resourceTemplates", "uriTemplate");
            assert!(all.contains(&"allmcp://c1/db:{id}".to_owned()), "{all:?}");
        }
        "subscriptions/listen" => {
            let wanted = json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true});
            assert_eq!(answer["params"]["notifications"], wanted);
        }
        "initialize" | "server/discover" => {
            // What is asked for next has to be offered first.
            let can = &result["capabilities"];
            for key in ["tools", "prompts", "resources"] {
                assert!(can[key].is_object(), "{method}: {answer}");
            }
        }
        other => panic!("{other}: {answer}"),
    }
}

#[track_caller]
fn replay(opening: &Opening, at_once: bool) {
    let (env, _servers) = silent();
    let mut serve = Serve::spawn(env.command(&["serve"]).var("ALLMCP_CLIENT", opening.client));
    let start = Instant::now();
    if at_once {
        serve.send_bytes(format!("{}\n", opening.lines.join("\n")).as_bytes());
    }
    for line in &opening.lines {
        if !at_once {
            serve.send_line(line);
        }
        if let Some(answer) = wait_answer(&serve, line) {
            check(&method_of(line), &answer);
        }
    }
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}: it waited for somebody: {}", serve.story());
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    for id in opening.lines.iter().filter_map(|line| id_of(line)) {
        // A subscription is answered as well: when it ends.
        assert_eq!(serve.responses(&id).len(), 1, "{id}: {}", serve.story());
    }
    assert_eq!(serve.stderr(), "", "{}", serve.story());
}

#[test]
fn claude_code_looks_first_and_listens_before_it_lists() {
    for at_once in [false, true] {
        replay(&claude_code(), at_once);
    }
}

#[test]
fn codex_shakes_hands_in_an_old_revision() {
    for at_once in [false, true] {
        replay(&codex(), at_once);
    }
}

#[test]
fn fast_mcp_probes_and_goes_either_way() {
    for at_once in [false, true] {
        replay(&fast_mcp(), at_once);
        replay(&fast_mcp_of_old(), at_once);
    }
}

#[test]
fn claude_desktop_shakes_hands_with_and_without_apps() {
    for capabilities in ["{}", APPS] {
        for at_once in [false, true] {
            replay(&claude_desktop(capabilities), at_once);
        }
    }
}

#[test]
fn cursor_shakes_hands_and_can_be_asked() {
    for at_once in [false, true] {
        replay(&cursor(), at_once);
    }
}

#[test]
fn the_same_without_anything_known_is_served_too() {
    // Nothing was ever listed: lists come late, but every id has its one answer.
    let server = Upstream::start(Script::modern().everything().prompt(Tool::prompt("p")));
    let env = TestEnv::new();
    env.connection("c0", &server.url());
    for opening in [claude_code(), codex(), claude_desktop("{}")] {
        let mut serve = Serve::spawn(env.command(&["serve"]).var("ALLMCP_CLIENT", opening.client));
        for line in &opening.lines {
            serve.send_line(line);
            let Some(answer) = wait_answer(&serve, line) else { continue };
            // A list that nobody offers may be refused.
            let refused = answer["error"]["code"] == -32601;
            let answered = answer["result"].is_object() || answer["params"].is_object();
            assert!(answered || refused, "{answer}");
        }
        serve.close_stdin();
        assert_eq!(serve.wait_exit(), 0);
        for id in opening.lines.iter().filter_map(|line| id_of(line)) {
            assert_eq!(serve.responses(&id).len(), 1, "{id}: {}", serve.story());
        }
    }
}
