//! `allmcp call`: arguments as written, results as they came, codes, and one line in the log each.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use support::{
    env::{Output, TestEnv},
    fault::Fault,
    script::{Script, Tool},
    upstream::Upstream,
};

/// An exact result: a number with a point, an odd order of keys, an escape that need not be one.
const EXACT: &str = r#"{"z": 1.0, "content":[{"type":"text","text":"\u0041 é\nsecond"}],"structuredContent":{"b":1e2,"a":12345678901234567890123},"_meta":{}}"#;

fn shop() -> (TestEnv, Upstream) {
    let picture = r#"{"content":[{"type":"image","mimeType":"image/png","data":"AAAABBBB"},{"type":"resource_link","uri":"file:///x","name":"x"}]}"#;
    let upstream = Upstream::start(
        Script::legacy()
            .tool(Tool::echo("exact").result(EXACT))
            .tool(Tool::echo("refuses").tool_error("no such lead"))
            .tool(Tool::echo("fails").rpc_error(-32050, "the quota is used up"))
            .tool(Tool::echo("picture").result(picture))
            .tool(Tool::echo("a.tool/of theirs")),
    );
    let env = TestEnv::new();
    env.connect("shop", &upstream.url());
    (env, upstream)
}

/// The raw `arguments` that the upstream got last.
fn arguments(upstream: &Upstream) -> String {
    let calls = upstream.requests_of("tools/call");
    calls.last().unwrap().rpc.params["arguments"].get().to_owned()
}

fn log(env: &TestEnv, args: &[&str]) -> Vec<Value> {
    let mut all = vec!["logs", "--json"];
    all.extend(args);
    env.cmd(&all).success().json_lines()
}

#[test]
fn arguments_arrive_as_they_were_written() {
    let (env, upstream) = shop();
    let call = |args: &[&str]| {
        let mut all = vec!["call", "shop", "echo"];
        all.extend(args);
        env.cmd(&all).success();
        arguments(&upstream)
    };
    assert_eq!(call(&[]), "{}");
    assert_eq!(call(&["a=b c", "n=3", "eq=x=y"]), r#"{"a":"b c","n":"3","eq":"x=y"}"#);
    assert_eq!(
        call(&["n:=1.0", "big:=12345678901234567890123", "o:={\"z\": [1e0]}", "none:=null"]),
        r#"{"n":1.0,"big":12345678901234567890123,"o":{"z": [1e0]},"none":null}"#
    );
    assert_eq!(call(&["--args", r#"{"b": 1.0 ,"a":"\u0041"}"#]), r#"{"b": 1.0 ,"a":"\u0041"}"#);
    assert_eq!(call(&["--args", r#"{"b":1}"#, "c=2"]), r#"{"b":1,"c":"2"}"#);
    let file = env.scratch().join("arguments.json");
    std::fs::write(&file, "{\n  \"from\": \"a file\"\n}\n").unwrap();
    assert_eq!(call(&["--args", &format!("@{}", file.display())]), "{\n  \"from\": \"a file\"\n}");
    env.command(&["call", "shop__echo", "--args", "-"])
        .stdin("{\"from\":\"stdin\"}\n")
        .run()
        .success();
    assert_eq!(arguments(&upstream), r#"{"from":"stdin"}"#);
    let many: String = "x".repeat(100_000);
    assert_eq!(call(&[&format!("long={many}")]).len(), many.len() + 11);
}

#[test]
fn wrong_arguments_are_named_and_nothing_is_called() {
    let (env, upstream) = shop();
    for (args, said, hint) in [
        (&["a:=oops"][..], "\"a\" is not JSON", "a=oops"),
        (&["a=1", "a=2"], "\"a\" is given twice", ""),
        (&["a=1", "stray"], "\"stray\"", "K=V"),
        (&["--args", "[1]"], "--args is not a JSON object", ""),
        (&["--args", "{\"a\":}"], "--args is not a JSON object", ""),
        (&["--args", "@/nope"], "/nope", ""),
        (&["--args", "-"], "--args is not a JSON object", ""),
        (&["--nope"], "--nope", "allmcp call --help"),
    ] {
        let mut all = vec!["call", "shop", "echo"];
        all.extend(args);
        let failed = env.cmd(&all).code(2);
        assert!(failed.stderr().contains(said), "{args:?}: {}", failed.stderr());
        assert!(failed.stderr().contains(hint), "{args:?}: {}", failed.stderr());
        assert_eq!(failed.stdout(), "");
    }
    assert!(upstream.requests_of("tools/call").is_empty());
    assert!(log(&env, &[]).is_empty());
    let three = env.cmd(&["call", "shop", "echo", "more"]).code(2);
    assert!(three.stderr().contains("\"more\""), "{}", three.stderr());
    assert!(env.cmd(&["call"]).code(2).stderr().contains("allmcp call --help"));
}

#[test]
fn a_tool_goes_by_its_own_and_by_its_public_name() {
    let (env, upstream) = shop();
    let public = |output: Output| output.success().json()["tool"].as_str().unwrap().to_owned();
    for words in [&["shop", "echo"][..], &["shop__echo"], &["shop", "shop__echo"]] {
        let mut all = vec!["call", "--json"];
        all.extend(words);
        assert_eq!(public(env.cmd(&all)), "shop__echo");
    }
    let odd = public(env.cmd(&["call", "shop", "a.tool/of theirs", "--json"]));
    assert!(odd.starts_with("shop__a_tool_of_theirs_"), "{odd}");
    env.cmd(&["call", &odd]).success();
    assert_eq!(upstream.runs("echo"), 3);
    assert_eq!(upstream.runs("a.tool/of theirs"), 2);
    // A tool that came since the list was fetched is found.
    upstream.set_tools([Tool::echo("fresh"), Tool::echo("fresh.er")]);
    env.cmd(&["call", "shop", "fresh.er"]).success();
    env.cmd(&["call", "shop__fresh"]).success();
}

#[test]
fn the_result_is_untouched_in_json_and_its_text_is_shown_to_people() {
    let (env, _upstream) = shop();
    let json = env.cmd(&["call", "shop", "exact", "--json"]).success();
    let told = json.stdout();
    assert!(told.starts_with(
        r#"{"schema":"allmcp.call/1","tool":"shop__exact","connection":"shop","duration_ms":"#
    ));
    assert!(told.ends_with(&format!("\"result\":{EXACT}}}\n")), "{told}");
    assert_eq!(env.cmd(&["call", "shop", "exact"]).success().stdout(), "A é\nsecond\n");
    let picture = env.cmd(&["call", "shop", "picture"]).success();
    assert_eq!(
        picture.stdout(),
        "[image image/png, about 6 bytes; --json shows it]\n[resource allmcp://shop/file:///x]\n"
    );
}

#[test]
fn what_went_wrong_has_its_code_and_the_result_its_place() {
    let (env, upstream) = shop();
    let refused = env.cmd(&["call", "shop", "refuses"]).code(6);
    assert_eq!(refused.stdout(), "no such lead\n");
    assert!(refused.stderr().starts_with("error: shop__refuses answered with an error\n"));
    let refused = env.cmd(&["call", "shop", "refuses", "--json"]).code(6);
    assert_eq!(refused.json()["result"]["isError"], true);
    assert_eq!(
        refused.json_error(),
        json!({"schema": "allmcp.error/1", "kind": "tool_error", "hint": null, "exit": 6,
               "message": "shop__refuses answered with an error", "connection": "shop"})
    );

    let failed = env.cmd(&["call", "shop", "fails", "--json"]).code(1);
    assert_eq!(failed.stdout(), "");
    let message = failed.json_error()["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "shop answered with error -32050: the quota is used up");

    env.cmd(&["tools", "disable", "shop", "pict*"]).success();
    let denied = env.cmd(&["call", "shop", "picture"]).code(9);
    assert!(denied.stderr().contains("hint: allmcp tools enable shop picture\n"));
    env.cmd(&["config", "set", "connections.shop.policy.write", "deny"]).success();
    let denied = env.cmd(&["call", "shop", "exact", "--json"]).code(9).json_error();
    let hint = "allmcp config set connections.shop.policy.write allow";
    assert_eq!((&denied["kind"], &denied["hint"]), (&json!("denied"), &json!(hint)));
    env.cmd(&["config", "set", "connections.shop.policy.write", "allow"]).success();

    for (words, near) in [(&["shop", "ecko"][..], "shop__echo"), (&["shop__exat"], "shop__exact")] {
        let mut all = vec!["call", "--json"];
        all.extend(words);
        let unknown = env.cmd(&all).code(2).json_error();
        assert_eq!(unknown["kind"], "not_found");
        assert!(unknown["hint"].as_str().unwrap().contains(near), "{unknown}");
    }

    upstream.fault(Fault::html().on("tools/call").once());
    assert!(env.cmd(&["call", "shop", "exact"]).code(1).stderr().contains("HTML"));
    env.cmd(&["config", "set", "connections.shop.timeout", "200ms"]).success();
    upstream.fault(Fault::hang().on("tools/call").once());
    assert_eq!(
        env.cmd(&["call", "shop", "exact", "--json"]).code(5).json_error()["kind"],
        "timeout"
    );
    upstream.refuse();
    let gone = env.cmd(&["call", "shop", "exact", "--json"]).code(5).json_error();
    assert_eq!((&gone["kind"], &gone["connection"]), (&json!("unreachable"), &json!("shop")));
    assert_eq!(gone["hint"], "allmcp status shop --live");
}

#[test]
fn every_call_has_its_line_in_the_log() {
    let (env, upstream) = shop();
    env.cmd(&["call", "shop", "echo", "canary=argument"]).success();
    env.cmd(&["call", "shop", "refuses"]).code(6);
    env.cmd(&["call", "shop", "fails"]).code(1);
    env.cmd(&["tools", "disable", "shop", "exact"]).success();
    env.cmd(&["call", "shop__exact"]).code(9);
    env.cmd(&["call", "shop", "nothing"]).code(2);
    env.cmd(&["call", "shop__nothing"]).code(2);
    env.cmd(&["call", "shop", "echo", "--user", "bob"]).success();
    upstream.refuse();
    env.cmd(&["call", "shop", "picture"]).code(5);

    let lines = log(&env, &[]);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", word("tool"), word("decision"), word("outcome"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "shop__echo allow ok",
            "shop__refuses allow tool_error",
            "shop__fails allow failed",
            "shop__exact deny denied",
            "shop__nothing allow failed",
            "shop__nothing allow failed",
            "shop__echo allow ok",
            "shop__picture allow failed",
        ]
    );
    let first = &lines[0];
    let keys: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "time",
            "connection",
            "tool",
            "client",
            "pid",
            "org",
            "user",
            "token",
            "decision",
            "outcome",
            "duration_ms",
            "request_bytes",
            "response_bytes",
            "error"
        ]
    );
    assert_eq!((&first["connection"], &first["client"]), (&json!("shop"), &json!("allmcp-cli")));
    assert!(first["response_bytes"].as_u64().unwrap() > 20 && first["error"].is_null());
    assert!(lines[2]["error"].as_str().unwrap().contains("the quota is used up"));
    assert_eq!((&lines[6]["user"], &first["user"]), (&json!("bob"), &Value::Null));
    // No argument and no result.
    assert!(env.grep_everything("canary").is_empty());

    assert_eq!(log(&env, &["--user", "bob"]).len(), 1);
    assert_eq!(log(&env, &["--tool", "shop__echo"]).len(), 2);
    assert_eq!(log(&env, &["--failed"]).len(), 6);
    assert_eq!(log(&env, &["--connection", "other"]).len(), 0);
    assert_eq!(log(&env, &["--since", "1h"]).len(), 8);
    assert_eq!(log(&env, &["--since", "2999-01-01T00:00:00Z"]).len(), 0);
    let people = env.cmd(&["logs", "--failed", "--tool", "shop__refuses"]).success();
    assert!(people.stdout().contains("  tool_error  shop__refuses "), "{}", people.stdout());
    let wrong = env.cmd(&["logs", "--since", "yesterday"]).code(2);
    assert!(wrong.stderr().contains("--since") && wrong.stderr().contains("'yesterday'"));
}
