//! What travels through `serve` arrives byte for byte, whoever is at either end.

mod support;

use serde_json::json;
use support::{
    client::{Serve, raw_result},
    env::TestEnv,
    script::{Answer, Script, Tool},
    talk::call_params,
    upstream::Upstream,
    wire,
};

/// Result objects, by the tool that gives them.
const CORPUS: &[(&str, &str)] = &[
    (
        "unknown_fields",
        r#"{"x-first":null,"content":[{"type":"text","text":"t","annotations":{"x":[]},"_meta":{"v":1},"y":{}}],"vendor/deep":[{"a":{"b":[[]]}}],"isError":false,"structuredContent":{"z":1,"a":2},"_meta":{"progressToken":9,"x":1,"io.modelcontextprotocol/serverInfo":{"name":"them","version":"9"}}}"#,
    ),
    (
        "unknown_types",
        r#"{"content":[{"type":"video","src":"x:y"},{"type":7},"bare",null,3,[],{"type":"resource","resource":{"uri":"http://x/a b","blob":"!"}},{"type":"resource_link","uri":"","name":null}]}"#,
    ),
    (
        "numbers",
        r#"{"content":[],"structuredContent":{"a":1.0,"b":1e400,"c":12345678901234567890123,"d":0.1000000000000000055,"e":-0,"f":1E+2,"g":-0.0e-0,"h":9007199254740993,"i":1e-999}}"#,
    ),
    ("key_order", r#"{"z":1,"isError":false,"content":[],"a":{"z":1,"b":2,"a":3},"m":0,"":""}"#),
    ("keys_twice", r#"{"a":1,"content":[],"a":{"a":1,"a":2}}"#),
    (
        "unicode",
        "{\"content\":[{\"type\":\"text\",\"text\":\"é \\u00e9 \\u00E9 😀 \\ud83d\\ude00 \\/ / \\u0000 \\u0041 \\b\\f\\n\\t \\u2028 \u{2028}\u{85}\u{202e}\u{200b}\u{feff}\u{e0041}\u{7f}\"}],\"ключ\":\"\\u043a\"}",
    ),
    (
        "surrogates",
        r#"{"content":[{"type":"text","text":"\ud800 \udc00\ud800 \uDFFF"}],"\ud800":1,"k\udfff":[]}"#,
    ),
    ("white_space", "{ \"content\" : [ ] ,\t\"a\" :{ } , \"b\":\t1 }"),
    (
        "pretty",
        "{\n  \"content\": [\n    {\r\n      \"type\": \"text\",\n      \"text\": \"a\\nb\"\n    }\n  ],\n\n  \"x\": 1.0\n}",
    ),
    ("escaped_keys", r#"{"cont\u0065nt":[],"is\u0045rror":true,"re\u0073ultTypes":1}"#),
    ("tool_error", "{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"no\u{202e}!\"}]}"),
    ("inside", r#"{"content":[{"resultType":"task","type":"text","text":"resultType"}]}"#),
    ("empty", "{}"),
];

/// 110 levels with those of the envelope are within the 128 that we take.
fn deep() -> String {
    format!(r#"{{"content":[],"deep":{}1.0{}}}"#, "[{\"a\":".repeat(54), "}]".repeat(54))
}

fn corpus() -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = CORPUS.iter().map(|(name, raw)| (*name, (*raw).to_owned())).collect();
    all.push(("deep", deep()));
    all
}

struct Kind {
    name: &'static str,
    script: Script,
    modern: bool,
    sse: bool,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, script, modern, sse| Kind { name, script, modern, sse };
    let odd = "{ \"x\":[1.0] ,\"result\" : $RESULT,\"jsonrpc\":\"2.0\", \"y\":null,\"id\":$ID}";
    vec![
        kind("legacy-json", Script::legacy(), false, false),
        kind("legacy-sse", Script::legacy().sse().event_ids(), false, true),
        kind("bare", Script::legacy().sessions(false).get_stream(false), false, false),
        kind("odd", Script::legacy().envelope(odd), false, false),
        kind("modern-json", Script::modern(), true, false),
        kind("modern-sse", Script::modern().sse().envelope(odd), true, true),
        kind("dual", Script::dual(), true, false),
    ]
}

/// What the client gets of `raw`: the era's own key and line breaks are all that changes.
fn expected(raw: &str, kind: &Kind, modern_client: bool) -> String {
    let comma = if raw == "{}" { "" } else { "," };
    let typed = raw.replacen('{', &format!("{{\"resultType\":\"complete\"{comma}"), 1);
    let text = match (kind.modern, modern_client) {
        (_, true) => typed,
        (false, false) => raw.to_owned(),
        // The key goes with the white space behind its comma.
        (true, false) => format!("{{{}", raw[1..].trim_start()),
    };
    // A line break in an event was a split for the server, joined by a single line feed.
    let text = if kind.sse { text.replace("\r\n", "\n") } else { text };
    text.replace(['\r', '\n'], " ")
}

#[test]
fn results_arrive_byte_for_byte_over_every_edge() {
    let env = TestEnv::new();
    let kinds = kinds();
    let servers: Vec<Upstream> = kinds
        .iter()
        .map(|kind| {
            let tools = corpus().into_iter().map(|(name, raw)| Tool::echo(name).result(raw));
            let server = Upstream::start(kind.script.clone().tools(tools));
            env.connection(kind.name, &server.url());
            server
        })
        .collect();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    for kind in &kinds {
        for (tool, raw) in corpus() {
            let params = call_params(&format!("{}__{tool}", kind.name), "{}");
            let got = serve.raw_call(&params);
            assert_eq!(got, expected(&raw, kind, false), "{} {tool}, legacy client", kind.name);
            let params = serve.raw_modern(&params);
            let got = serve.raw_call(&params);
            assert_eq!(got, expected(&raw, kind, true), "{} {tool}, modern client", kind.name);
        }
    }
    for (kind, server) in kinds.iter().zip(&servers) {
        assert_eq!(server.runs("numbers"), 2, "{}: once for each client", kind.name);
    }
}

#[test]
fn what_an_older_revision_cannot_carry_is_left_out_and_nothing_else() {
    let env = TestEnv::new();
    let raw = r#"{ "structuredContent":[1.0] ,"content":[],"resultType" : "complete","x":1e400}"#;
    let server = Upstream::start(Script::modern().tools([Tool::echo("t").result(raw)]));
    env.connection("m", &server.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-06-18");
    serve.tools();
    let params = call_params("m__t", "{}");
    assert_eq!(serve.raw_call(&params), r#"{ "content":[],"x":1e400}"#);
    let params = serve.raw_modern(&params);
    assert_eq!(serve.raw_call(&params), raw);
}

#[test]
fn eight_mebibytes_pass_in_every_era() {
    let env = TestEnv::new();
    let dense = format!(
        r#"{{"content":[],"structuredContent":{{"n":[{}0]}}}}"#,
        "1.0,{\"a\":\"\\u00e9\"},".repeat((1 << 20) / 20)
    );
    let tools = || {
        [Tool::echo("one").sized(8 << 20), Tool::echo("dense").result(dense.clone())].into_iter()
    };
    let legacy = Upstream::start(Script::legacy().tools(tools()));
    let modern = Upstream::start(Script::modern().sse().tools(tools()));
    env.connection("l", &legacy.url()).connection("m", &modern.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let one = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(8 << 20));
    // Not by assert_eq: nobody wants to read the difference.
    assert!(serve.raw_call(&call_params("l__one", "{}")) == one);
    assert!(serve.raw_call(&call_params("m__one", "{}")) == one);
    assert!(serve.raw_call(&call_params("l__dense", "{}")) == dense);
    let params = serve.raw_modern(&call_params("m__dense", "{}"));
    let typed = dense.replacen('{', r#"{"resultType":"complete","#, 1);
    assert!(serve.raw_call(&params) == typed);
}

/// Definitions as an upstream may write them; `$NAME` is the name with its quotes.
const DEFINITIONS: &[(&str, &str)] = &[
    (
        "get",
        r#"{"x-vendor":{"z":1.0,"a":1e400},"description":"d","name":$NAME,"inputSchema":{"type":"object","required":["b","a"],"properties":{"b":{"minimum":-0.0,"maximum":12345678901234567890123,"default":1E2},"a":{"$ref":"http://10.0.0.1/x"}},"$schema":"x"},"execution":{"taskSupport":"optional","y":[]},"annotations":{"readOnlyHint":true,"x-hint":1.0},"icons":[{"src":"data:,"}],"_meta":{"ui":{"resourceUri":"ui://x"},"n":0.10},"outputSchema":{"type":"object","x":[1.0]}}"#,
    ),
    (
        "put",
        "{ \"inputSchema\" : { \"type\" : \"object\" } ,\t\"name\" : $NAME , \"title\":\"\\u0422 Т \\ud83d\\ude00\" }",
    ),
    ("pretty", "{\n  \"name\": $NAME,\r\n  \"inputSchema\": {\n    \"type\": \"object\"\n  }\n}"),
    ("old", r#"{"name":"shadowed","inputSchema":{"type":"object"},"name":$NAME}"#),
];

/// Each is left out alone.
const BAD: &[&str] = &[
    "7",
    "null",
    "[]",
    "{}",
    r#"{"name":null,"inputSchema":{"type":"object"}}"#,
    r#"{"name":"","inputSchema":{"type":"object"}}"#,
    r#"{"name":"\ud800","inputSchema":{"type":"object"}}"#,
    r#"{"name":"none"}"#,
    r#"{"name":"list","inputSchema":[]}"#,
    r#"{"name":"array","inputSchema":{"type":"array"}}"#,
    r#"{"name":"untold","inputSchema":{"type":"object"},"description":7}"#,
];

#[test]
fn definitions_change_in_their_name_only_and_bad_ones_go_alone() {
    let env = TestEnv::new();
    let mut tools = Vec::new();
    let mut want = Vec::new();
    for (at, (name, template)) in DEFINITIONS.iter().enumerate() {
        tools.extend(BAD.iter().skip(at * 3).take(3).map(|bad| Tool::raw(bad)));
        let mut tool = Tool::raw(&template.replace("$NAME", &format!("\"{name}\"")));
        tool.name = (*name).to_owned();
        tools.push(tool);
        let public = template.replace("$NAME", &format!("\"linear__{name}\""));
        // The resource of an MCP App is read through us.
        let public = public.replace("\"ui://", "\"ui://linear/");
        want.push(public.replace(['\r', '\n'], " "));
    }
    // Not a plain name: its upstream writes it with an escape, and gets it back like that.
    tools.push(Tool::raw(r#"{"name":"get\u002eissue","inputSchema":{"type":"object"}}"#));
    want.push(r#"{"name":"linear__get_issue_22nrnf","inputSchema":{"type":"object"}}"#.to_owned());
    let server = Upstream::start(Script::legacy().tools(tools));
    env.config(&format!(
        "[settings]\nown_tools = []\n[connections.linear]\nurl = \"{}\"\nauth = \"none\"\n",
        server.url()
    ));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    let got = raw_result(&serve.request_raw("tools/list", "{}"));
    let want = format!(r#"{{"tools":[{}]}}"#, want.join(","));
    assert_eq!(got, want);
    let params = serve.raw_modern("{}");
    let modern = raw_result(&serve.request_raw("tools/list", &params));
    let own = r#","resultType":"complete","ttlMs":60000,"cacheScope":"private","_meta":{"#;
    assert!(modern.starts_with(&format!("{}{own}", &want[..want.len() - 1])), "{modern}");
    for (name, _) in DEFINITIONS {
        serve.raw_call(&call_params(&format!("linear__{name}"), "{}"));
        assert_eq!(server.runs(name), 1);
    }
    serve.raw_call(&call_params("linear__get_issue_22nrnf", "{}"));
    let sent = server.requests_of("tools/call").pop().unwrap().body_text();
    assert!(sent.contains(r#""params":{"name":"get\u002eissue","arguments":{}}"#), "{sent}");

    // The same from the disk.
    drop(serve);
    server.refuse();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert_eq!(raw_result(&serve.request_raw("tools/list", "{}")), want);
}

/// Params as a client may write them.
const PARAMS: &[&str] = &[
    r#"{"name":"$C__echo"}"#,
    r#"{"name":"$C__echo","arguments":null}"#,
    r#"{"name":"$C__echo","arguments":{}}"#,
    r#"{"arguments":{"n":[1.0,1e400,12345678901234567890123,-0],"u":"\u00e9é\ud800","a":{"z":1,"a":1,"z":2}},"name":"$C__echo"}"#,
    r#"{ "arguments" : { "name" : "$C__other" } ,"x-vendor":[{}], "name" : "$C__echo"	}"#,
    r#"{"name":"$C__ech\u006f","arguments":7,"task":{"ttl":1.0}}"#,
    r#"{"arguments":[1, "x"],"name":"$C__echo","requestState":"\ud83d\ude00","inputResponses":{}}"#,
];

#[test]
fn params_change_in_the_name_only() {
    let env = TestEnv::new();
    let legacy = Upstream::start(Script::legacy());
    let modern = Upstream::start(Script::modern());
    env.connection("l", &legacy.url()).connection("m", &modern.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    for template in PARAMS {
        let plain = |name: &str| {
            let text = template.replace("$C__ech\\u006f", "$C__echo");
            text.replace("\"$C__echo\"", "\"echo\"").replace("$C", name)
        };
        serve.request_raw("tools/call", &template.replace("$C", "l"));
        let sent = legacy.requests_of("tools/call").pop().unwrap().body_text();
        assert!(sent.ends_with(&format!("\"params\":{}}}", plain("l"))), "{sent}");
        serve.request_raw("tools/call", &template.replace("$C", "m"));
        let sent = modern.requests_of("tools/call").pop().unwrap().body_text();
        assert!(sent.ends_with(&format!("{}}}", &plain("m")[1..])), "{sent}");
        if template.contains("requestState") {
            // To an old server it is nothing; from a new client it is a later round.
            continue;
        }
        let params = serve.raw_modern(&template.replace("$C", "l").replace("	}", "}"));
        serve.request_raw("tools/call", &params);
        let sent = legacy.requests_of("tools/call").pop().unwrap().body_text();
        let kept = plain("l").replace("	}", "}");
        assert!(sent.contains(&format!("\"params\":{}", &kept[..kept.len() - 1])), "{sent}");
        assert!(!sent.contains("io.modelcontextprotocol"), "{sent}");
    }
}

#[test]
fn of_meta_each_hop_says_its_own_and_the_rest_travels() {
    let env = TestEnv::new();
    let legacy = Upstream::start(Script::legacy());
    let modern = Upstream::start(Script::modern());
    env.connection("l", &legacy.url()).connection("m", &modern.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let rest = r#""traceparent":"00-4bf92f-01", "tracestate":"a=1","baggage":"x=\u00e9","vendor/x":[1.0],"io.modelcontextprotocol/other":{"z":1,"a":2}"#;
    for (server, name, modern_client) in
        [(&legacy, "l", false), (&legacy, "l", true), (&modern, "m", false), (&modern, "m", true)]
    {
        let own = if modern_client {
            let meta = serve.with_meta(json!({}))["_meta"].to_string();
            format!(",{}", &meta[1..meta.len() - 1])
        } else {
            String::new()
        };
        let params = format!(
            r#"{{"name":"{name}__echo","_meta":{{"progressToken":"mine"{own},{rest},"io.modelcontextprotocol/logLevel":"debug"}},"arguments":{{"a":1}}}}"#
        );
        serve.request_raw("tools/call", &params);
        let sent = server.requests_of("tools/call").pop().unwrap();
        let body = sent.body_text();
        assert!(body.contains(rest), "{body}");
        assert!(!body.contains("mine") && !body.contains("allmcp-tests"), "{body}");
        // The level that this client wants is what we ask for; it is said anew on each hop.
        let level = sent.rpc.meta_string(wire::LOG_LEVEL);
        let wanted = (modern_client && name == "m").then_some("debug");
        assert_eq!(level.as_deref(), wanted, "{body}");
        let token = sent.rpc.meta["progressToken"].get();
        assert!(token.parse::<u64>().is_ok(), "a token of ours: {token}");
        let version = sent.rpc.meta_string(wire::PROTOCOL_VERSION);
        assert_eq!(version.as_deref(), (name == "m").then_some(wire::MODERN));
        let info = sent.rpc.meta.get(wire::CLIENT_INFO);
        assert_eq!(info.is_some_and(|i| i.get().contains("\"allmcp\"")), name == "m");
    }
}

#[test]
fn errors_of_an_upstream_pass_as_they_came() {
    let env = TestEnv::new();
    let raw = "{ \"x\":1.0,\"message\":\"no\\u00e9 é\",\"data\":{\"z\":[1e400,\"\\ud800\"],\"a\":null},\"code\":-31999 , \"y\":{}}";
    let mut tool = Tool::echo("t");
    tool.answer = Answer::Error(raw.into());
    let legacy = Upstream::start(Script::legacy().tools([tool.clone()]));
    let modern = Upstream::start(Script::modern().sse().tools([tool]));
    env.connection("l", &legacy.url()).connection("m", &modern.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    for name in ["l__t", "m__t"] {
        for params in [call_params(name, "{}"), serve.raw_modern(&call_params(name, "{}"))] {
            let line = serve.request_raw("tools/call", &params);
            assert_eq!(wire::Rpc::parse(&line).unwrap().error.as_deref(), Some(raw));
        }
    }
}

#[test]
fn ids_come_back_as_they_were_written() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.connection("c", &server.url());
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.tools();
    let huge = format!("\"{}\"", "i".repeat(5000));
    // 0 is the id of `initialize` here.
    let ids = [
        "-1",
        "-0",
        "1.0",
        "1e3",
        "12345678901234567890123",
        "\"\"",
        "\"1\"",
        "\"0\"",
        "\"\\u0061\"",
        "\"a\\\"b\\\\\"",
        "\"💩 \\ud83d\\ude00\"",
        "\"\\ud800\"",
        &huge,
    ];
    for id in ids {
        serve.send_line(&format!(
            r#"{{"method":"tools/call","params":{},"id":{id},"jsonrpc":"2.0"}}"#,
            call_params("c__echo", &format!("{{\"id\":{id}}}"))
        ));
    }
    for id in ids {
        let line = String::from_utf8(serve.response_line(id)).unwrap();
        assert!(line.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"#)), "{line}");
        assert!(line.contains(&format!(r#""structuredContent":{{"id":{id}}}"#)), "{line}");
    }
    assert_eq!(server.runs("echo"), ids.len());
    let ours: Vec<_> = server.requests_of("tools/call").iter().map(|r| r.rpc.id.clone()).collect();
    assert!(ours.iter().all(|id| id.as_ref().unwrap().parse::<u64>().is_ok()), "{ours:?}");
}
