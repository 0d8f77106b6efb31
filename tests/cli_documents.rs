//! Every command has a document for programs, and every document is kept in `tests/snapshots`.

mod support;

use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use support::{
    env::TestEnv,
    golden,
    script::{Script, Tool},
    upstream::Upstream,
};

/// What a document is made of, where its values differ from run to run: a kind for each value, and
/// of a list the kinds of its members, once each.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) if text.starts_with("allmcp.") => text.clone().into(),
        Value::String(text) if is_time(text) => "2000-01-01T00:00:00Z".into(),
        Value::String(_) => "text".into(),
        Value::Array(all) => {
            let kinds: BTreeMap<String, Value> =
                all.iter().map(shape).map(|it| (it.to_string(), it)).collect();
            kinds.into_values().collect()
        }
        Value::Object(all) => {
            Value::Object(all.iter().map(|(k, v)| (k.clone(), shape(v))).collect::<Map<_, _>>())
        }
    }
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[4] == b'-' && text.contains('T')
}

#[test]
fn rarer_documents_are_what_they_were() {
    let env = TestEnv::new();
    let failing = Tool::echo("refuses").tool_error("no");
    let server = Upstream::start(Script::legacy().tools([Tool::echo("echo"), failing]));
    let url = server.url();
    let check = |name: &str, args: &[&str], code: i32| {
        let output = env.cmd(&[args, &["--json"]].concat()).code(code);
        golden::document(&env, name, &output);
    };
    check("connect_dry_run", &["connect", &url, "--name", "shop", "--dry-run"], 0);
    let _ = env.cmd(&["connect", &url, "--name", "shop"]).success();
    check("tools_enable", &["tools", "enable", "shop", "echo"], 0);
    check("status_one", &["status", "shop", "--live"], 0);
    check("list_all", &["list", "--all"], 0);
    check("call_tool_error", &["call", "shop", "refuses"], 6);
    check("disconnect_nothing", &["disconnect", "nobody", "--yes"], 0);
    for (name, args) in [("report", &["report"][..]), ("demo", &["demo"])] {
        let mut document = env.cmd(&[args, &["--json"]].concat()).success().json();
        // How many there are and what they say is the machine's.
        if let Some(findings) = document["findings"].as_array_mut() {
            findings.truncate(1);
        }
        if let Some(log) = document["log"].as_array_mut() {
            log.clear();
        }
        golden::value(&env, name, shape(&document));
    }
}

/// What the contract calls the schema of each command's document.
#[test]
fn every_command_has_a_document_that_is_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let mut kept = BTreeSet::from(["logs".to_owned()]);
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let Some(schema) = value["schema"].as_str() else { continue };
        let name = schema.strip_prefix("allmcp.").and_then(|it| it.strip_suffix("/1"));
        kept.insert(name.unwrap_or_else(|| panic!("{schema}")).to_owned());
    }
    let help = TestEnv::new().cmd(&["--help"]).success();
    let (_, rest) = help.stdout().split_once("Commands:\n").unwrap();
    let (commands, _) = rest.split_once("\n\n").unwrap();
    let named = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    // A server has its stdout for its protocol, and a shell reads what `completions` prints.
    let others = ["serve", "bridge", "completions"];
    for command in named.filter_map(|line| line.split_whitespace().next()) {
        let of_it = |name: &String| *name == command || name.starts_with(&format!("{command}-"));
        assert!(
            others.contains(&command) || kept.iter().any(of_it),
            "no snapshot of allmcp.{command}/1"
        );
    }
}

/// Streams are one object a line, each of the same shape.
#[test]
fn a_stream_is_one_object_a_line() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    let output = env.cmd(&["connect", &server.url(), "--name", "shop", "--json"]).success();
    let events = output.json_lines();
    assert_eq!(events.last().unwrap()["event"], "connected", "{events:?}");
    for _ in 0..3 {
        let _ = env.cmd(&["call", "shop", "echo"]).success();
    }
    let logs = env.cmd(&["logs", "--json"]).success().json_lines();
    let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(logs.len(), 3);
    assert!(logs.iter().all(|one| keys(one) == keys(&logs[0])), "{logs:?}");
    let wanted = [
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
        "error",
    ];
    let has = |name: &&str| logs[0].as_object().unwrap().contains_key(*name);
    assert!(wanted.iter().all(has), "{}", json!(logs[0]));
}

#[test]
fn an_unknown_connection_is_named_with_the_nearest() {
    let (env, upstream) = (TestEnv::new(), Upstream::start(Script::legacy()));
    let _ = env.cmd(&["connect", &upstream.url(), "--name", "kommo"]).success();
    for command in [
        &["inspect", "komo"][..],
        &["status", "komo"],
        &["status", "komo", "--live"],
        &["tools", "komo"],
        &["tools", "disable", "komo", "x"],
        &["tools", "approve", "komo"],
        &["sync", "komo"],
        &["enable", "komo"],
        &["disable", "komo"],
        &["reconnect", "komo"],
        &["call", "komo", "echo"],
        &["config", "get", "connections.komo.url"],
        &["config", "set", "connections.komo.timeout", "9s"],
        &["serve", "--plain", "komo"],
    ] {
        let mut args = command.to_vec();
        args.push("--json");
        let error = env.cmd(&args).code(2).json_error();
        assert_eq!(error["kind"], "not_found", "{command:?}: {error}");
        let said = format!("{}{}", error["message"], error["hint"]);
        assert!(said.contains("komo") && said.contains("kommo"), "{command:?}: {error}");
    }
    let stranger = env.cmd(&["inspect", "linear"]).code(2);
    assert!(stranger.stderr().contains("hint: allmcp list\n"), "{}", stranger.stderr());
}
