//! What a list of tools costs a model, in full and in smart mode.
//!
//! `cargo bench --profile dist --bench tokens`; README.md beside this file says what is counted.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring program: it prints, it waits in threads, and a failure is a panic with its reason"
)]
#![allow(unreachable_pub, reason = "some of the files are shared with tests/search.rs")]

#[allow(dead_code, reason = "shared with the other benches")]
mod client;
#[path = "../search/corpus.rs"]
#[allow(dead_code, reason = "shared with tests/search.rs")]
mod corpus;
#[path = "search/data.rs"]
#[allow(dead_code, reason = "the requests are for another bench")]
mod data;
#[allow(dead_code, reason = "shared with the other benches")]
mod report;
#[path = "tokens/servers.rs"]
mod servers;

use client::Client;
use report::{Promise, Report, head};
use serde_json::Value;
use servers::Servers;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

const TOOLS: usize = 300;
/// Tokens of what a model needs to call our own tools; contract, section 7.
const OURS: f64 = 2_200.0;
/// Of the tokens of the full list.
const MOST: f64 = 5.0;
const HELP: &str = "\
usage: cargo bench --bench tokens -- [options]
  --data FILE      take the tools from here (../shared/data/toolsearch/dev.json beside the package)
  --binary PATH    measure this allmcp instead of the one just built
  --report         exit 0 also when a row is missed";

fn main() -> ExitCode {
    let mut path = data::default();
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_allmcp"));
    let mut only_report = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says this to every bench.
            "--bench" => {}
            "--report" => only_report = true,
            "--data" | "--binary" => {
                let Some(value) = arguments.next() else {
                    return wrong(&format!("error: {argument} needs a value\n"));
                };
                *(if argument == "--data" { &mut path } else { &mut binary }) = value.into();
            }
            _ => return wrong(""),
        }
    }
    let set = match data::Set::read(&path) {
        Ok(set) => set,
        Err(text) => return wrong(&format!("{text}\n")),
    };
    let Some(tools) = set.tools.get(..TOOLS) else {
        return wrong(&format!("error: {}: fewer than {TOOLS} tools\n", path.display()));
    };
    client::watch_for_silence();
    let servers = Servers::start(tools);
    let folder = tempfile::Builder::new().prefix("allmcp-bench-").tempdir().expect("a folder");
    let mut config = String::from("version = 1\n");
    for (name, url) in servers.connections() {
        let _memory = writeln!(config, "[connections.{name}]\nurl = \"{url}\"\nauth = \"none\"");
    }
    std::fs::write(folder.path().join("config.toml"), config).expect("a config");
    let allmcp = |arguments: &[&str]| command(&binary, folder.path(), arguments);
    let synced = allmcp(&["sync"]).output().expect("allmcp runs");
    assert!(synced.status.success(), "sync: {}", String::from_utf8_lossy(&synced.stderr));

    let [full, smart] = ["full", "smart"].map(|mode| List::of(allmcp(&["serve", "--mode", mode])));
    assert!(full.tools >= TOOLS, "the full list has {} tools", full.tools);
    head(&format!(
        "tokens (o200k_base) of tools/list, {TOOLS} tools behind {} servers",
        servers.len()
    ));
    let mut report = Report::default();
    for (mode, list) in [("full", &full), ("smart", &smart)] {
        let note = format!("{} tools, {} bytes", list.tools, list.bytes);
        report.row(mode, Promise::None, Some(list.tokens), "tokens", &note);
    }
    let own: f64 = smart.each.iter().map(|(_, called, _)| called).sum();
    let what = "smart: names, descriptions, inputs";
    report.row(what, Promise::AtMost(OURS), Some(own), "tokens", "");
    let share = 100.0 * smart.tokens / full.tokens;
    report.row("smart, of full", Promise::AtMost(MOST), Some(share), "%", "");
    head("tokens of each tool in smart mode: name, description and input schema; all of it");
    for (name, called, whole) in &smart.each {
        println!("  {name:<28}{called:>6}{whole:>6}");
    }
    report.close();
    if report.missed() == 0 || only_report { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wrong(text: &str) -> ExitCode {
    eprintln!("{text}{HELP}");
    ExitCode::from(2)
}

/// The program in a home of its own, with the environment that desktop clients give.
fn command(binary: &Path, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).env_clear().env("ALLMCP_HOME", home).env("HOME", home);
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// What a client was given to list.
struct List {
    tools: usize,
    bytes: usize,
    tokens: f64,
    /// By tool: the tokens of what is needed to call it, and of all of it.
    each: Vec<(String, f64, f64)>,
}

impl List {
    /// Starts the server and asks.
    fn of(serve: Command) -> Self {
        let mut client = Client::start(serve);
        client.initialize();
        client.initialized();
        let answer = client.list().to_vec();
        let result: Value =
            serde_json::from_str(client::result_of(&answer)).expect("the result is JSON");
        assert!(result["nextCursor"].is_null(), "the list has more pages");
        // Every field of every tool, as a client may hand it on; not the envelope.
        let tools = result["tools"].as_array().expect("a list");
        let text = result["tools"].to_string();
        client.finish();
        Self {
            tools: tools.len(),
            bytes: text.len(),
            tokens: tokens(&text),
            each: tools.iter().map(each).collect(),
        }
    }
}

fn each(tool: &Value) -> (String, f64, f64) {
    let name = tool["name"].as_str().unwrap_or_default().to_owned();
    let mut called = tool.clone();
    if let Some(fields) = called.as_object_mut() {
        fields.retain(|key, _| matches!(key.as_str(), "name" | "description" | "inputSchema"));
    }
    (name, tokens(&called.to_string()), tokens(&tool.to_string()))
}

#[expect(clippy::cast_precision_loss, reason = "a count of tokens")]
fn tokens(text: &str) -> f64 {
    tiktoken_rs::o200k_base_singleton().count_ordinary(text) as f64
}
