//! `report` and `report_issue`: what is in a report, what never is, and where it goes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use std::{fs, path::Path};
use support::{
    client::Serve,
    env::TestEnv,
    fault::Fault,
    script::{Auth, Script, Tool},
    talk::told,
    upstream::Upstream,
};

const KEY: &str = "report-key-canary-1";

/// Secrets where they belong and where they do not: by hand in the file, in a comment, in what a
/// server answers.
fn env() -> (TestEnv, Upstream) {
    let env = TestEnv::new();
    let script = Script::legacy().auth(Auth::bearer(KEY)).tool(Tool::echo("second"));
    let upstream = Upstream::start(script);
    env.connect_key("shop", &upstream.url(), KEY);
    let config = env.read_config();
    env.config(&format!(
        "# my key is comment-canary\n{config}\
         [connections.shop.headers]\nX-Own = \"header-canary\"\nX-Env = \"${{env:HOME}}\"\n\
         [connections.hook]\nurl = \"https://acme.bitrix24.com/rest/1/path-canary/\"\nauth = \"none\"\nenabled = false\n\
         [connections.query]\nurl = \"https://ann:user-canary@h.example/mcp?token=query-canary\"\nauth = \"none\"\nenabled = false\n\
         [connections.allv]\nprovider = \"allv\"\nway = \"email\"\nenabled = false\n\
         params = {{ workspace = \"w1\", user_email = \"ann.canary@acme.example\" }}\n",
    ));
    let echo = format!("you sent Bearer {KEY} to https://h.example/x?key=answer-canary");
    upstream.fault(Fault::response(500, "text/plain", &echo).on("tools/call"));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    serve.call("shop__echo", json!({ "secret": "argument-canary" }));
    assert_eq!(serve.finish(), 0);
    upstream.clear_faults();
    (env, upstream)
}

#[track_caller]
fn has_no_secret(text: &str) {
    assert!(!text.contains("canary"), "{text}");
}

fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    has_no_secret(&text);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_report_says_what_is_needed_and_no_secret() {
    let (env, _upstream) = env();
    let output = env.cmd(&["report"]).success();
    let file = Path::new(output.stdout().trim());
    assert!(file.starts_with(env.allmcp_home().join("state/reports")), "{}", output.stdout());
    assert!(output.stderr().contains("nothing was sent"), "{}", output.stderr());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let report = read(file);
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let wanted = [
        "schema",
        "created",
        "subject",
        "description",
        "program",
        "folders",
        "config",
        "connections",
        "findings",
        "last_errors",
        "log",
        "file",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(report["schema"], "allmcp.report/1");
    assert_eq!(report["program"]["version"], env!("CARGO_PKG_VERSION"));
    let config = &report["config"]["connections"];
    assert_eq!(config["hook"]["url"], "https://acme.bitrix24.com/rest/1/***/");
    assert_eq!(config["query"]["url"], "https://h.example/mcp");
    assert_eq!(config["shop"]["headers"], json!({ "X-Own": "***", "X-Env": "${env:HOME}" }));
    assert_eq!(config["allv"]["params"]["workspace"], "w1");
    let rows = report["connections"].as_array().unwrap();
    assert_eq!((&rows[0]["name"], &rows[1]["status"]), (&json!("shop"), &json!("disabled")));
    let checks = report["findings"].as_array().unwrap().iter();
    let checks: Vec<_> = checks.filter_map(|it| it["check"].as_str()).collect();
    assert!(
        ["program", "config", "files", "store", "connection"].iter().all(|it| checks.contains(it)),
        "{checks:?}"
    );
    let failed = &report["last_errors"][0];
    assert_eq!((&failed["tool"], &failed["outcome"]), (&json!("shop__echo"), &json!("failed")));
    assert!(failed["error"].as_str().unwrap().contains("HTTP 500"), "{failed}");
    // Nobody's name either.
    assert!(!report.to_string().contains(env.home().to_str().unwrap()), "{report}");
    // A second one is a file of its own.
    let other = env.cmd(&["report"]).success();
    assert_ne!(other.stdout(), output.stdout());
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_that_was_said() {
    let (env, _upstream) = env();
    let file = env.scratch().join("problem.json");
    let path = file.to_str().unwrap();
    let written = env.cmd(&["report", "-o", path]).success();
    assert_eq!(written.stdout().trim(), path);
    read(&file);
    fs::write(&file, "mine").unwrap();
    let refused = env.cmd(&["report", "-o", path]).code(2);
    assert!(refused.stderr().contains("is there already") && refused.stderr().contains("--force"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let both = env.cmd(&["report", "-o", path, "--force", "--json"]).success();
    has_no_secret(both.stdout());
    assert_eq!(both.json()["file"], path);
    assert_eq!(read(&file)["findings"], both.json()["findings"]);
    assert!(!env.allmcp_home().join("state/reports").exists(), "only where it was asked for");
    // Where nothing can be written that is said.
    let nowhere = env.cmd(&["report", "-o", "/proc/nowhere/x.json"]).code(1);
    assert!(nowhere.stderr().contains("could not write /proc/nowhere"), "{}", nowhere.stderr());
}

#[test]
fn a_program_takes_it_from_stdout() {
    let (env, _upstream) = env();
    let before = env.files();
    let output = env.cmd(&["report", "--json"]).success();
    has_no_secret(output.stdout());
    let report = output.json();
    assert!(output.stdout().starts_with("{\"schema\":\"allmcp.report/1\","));
    assert_eq!(report["file"], Value::Null);
    assert_eq!(env.files(), before, "nothing is written");
    // Before anything is configured, and when the settings cannot be read.
    let empty = TestEnv::new();
    assert_eq!(empty.cmd(&["report", "--json"]).success().json()["config"], Value::Null);
    empty.config("[connections.x]\nurl = \"canary\n");
    let broken = empty.cmd(&["report", "--json"]).success();
    has_no_secret(broken.stdout());
    assert!(broken.json()["config"]["error"].is_string(), "{}", broken.stdout());
}

#[test]
fn a_client_can_have_one_made_and_nothing_is_sent() {
    let (env, upstream) = env();
    let requests = upstream.requests().len();
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    let problem =
        json!({ "subject": "echo fails", "description": "It says Bearer told-canary\nand 500." });
    let answer = serve.call("report_issue", problem);
    let content = &answer["result"]["structuredContent"];
    assert_eq!((&answer["result"]["isError"], &content["sent"]), (&json!(false), &json!(false)));
    let report = read(Path::new(content["file"].as_str().unwrap()));
    assert_eq!(report["subject"], "echo fails");
    assert_eq!(report["description"], "It says Bearer ***\nand 500.");
    assert_eq!(report["last_errors"][0]["tool"], "shop__echo");
    let wrong = serve.call("report_issue", json!({ "subject": " ", "description": "x" }));
    assert!(told(&wrong).contains("subject is empty"), "{wrong}");
    let wrong = serve.call("report_issue", json!({ "subject": "x" }));
    assert!(told(&wrong).contains("description"), "{wrong}");
    assert_eq!(serve.finish(), 0);
    let calls =
        |all: &[support::record::Request]| all.iter().filter(|it| it.is("tools/call")).count();
    assert_eq!(calls(&upstream.requests()[requests..]), 0);
    // A command has its own way.
    let output = env.cmd(&["call", "report_issue", "subject=x", "description=y"]);
    assert!(output.mentions("allmcp report"), "{output:?}");
}
