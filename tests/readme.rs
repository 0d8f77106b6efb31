//! The README says what is so: its lists are those of the program, its examples are understood,
//! those marked `run` do run, and its transcript is what the demo prints.
//!
//! `BLESS=1 cargo test --test readme` writes the lists anew. Examples with `jq` run in
//! `tests/interop`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test says what it expects, and is asked to write by a variable"
)]

#[path = "generated/commands.rs"]
mod commands;
mod support;

use allmcp::cli::grammar::Cli;
use clap::CommandFactory as _;
use std::{fmt::Write as _, fs, path::Path};
use support::{
    env::TestEnv,
    script::{Script, Tool},
    upstream::Upstream,
};

fn readme() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(file).unwrap().replace("\r\n", "\n")
}

/// Compares what stands between two comments with what should.
#[track_caller]
fn current(name: &str, want: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = readme();
    let begin = readme.find(&format!("<!-- begin {name}: ")).unwrap();
    let begin = begin + readme[begin..].find("-->\n").unwrap() + 4;
    let end = begin + readme[begin..].find(&format!("<!-- end {name} -->")).unwrap();
    if std::env::var_os("BLESS").is_some() && readme[begin..end] != *want {
        fs::write(&file, format!("{}{want}{}", &readme[..begin], &readme[end..])).unwrap();
        return;
    }
    assert_eq!(&readme[begin..end], want, "BLESS=1 cargo test --test readme");
}

/// The blocks of a language and marks: `sh`, or `sh run`.
fn blocks(mark: &str) -> Vec<String> {
    let readme = readme();
    let parts = readme.split("\n```").collect::<Vec<_>>();
    // Every second fence closes a block.
    let inside = parts.iter().skip(1).step_by(2);
    let blocks = inside.filter_map(|part| part.split_once('\n'));
    blocks.filter(|(info, _)| *info == mark).map(|(_, block)| block.to_owned()).collect()
}

/// One test, because it writes one file when it is blessed.
#[test]
fn its_lists_are_those_of_the_program() {
    let mut list = String::from("```text\n");
    for command in Cli::command().get_subcommands().filter(|it| !it.is_hide_set()) {
        let about = command.get_about().unwrap().to_string();
        writeln!(list, "allmcp {:<12} {about}", command.get_name()).unwrap();
    }
    current("commands", &(list + "```\n"));

    let env = TestEnv::new();
    let clients = env.cmd(&["install", "--list", "--json"]).success().json();
    let mut table = String::from("| client | command | file on Linux |\n|---|---|---|\n");
    let home = env.home().display().to_string();
    for client in clients["clients"].as_array().unwrap() {
        let text = |key: &str| client[key].as_str().unwrap_or("").replace(&home, "~");
        let file = Some(text("path")).filter(|path| !path.is_empty());
        let file = file.map(|path| format!("`{path}`")).unwrap_or_default();
        writeln!(table, "| {} | `allmcp install {}` | {file} |", text("name"), text("id")).unwrap();
    }
    if cfg!(target_os = "linux") {
        current("clients", &table);
    }
}

#[test]
fn its_transcript_is_what_the_demo_prints() {
    let env = TestEnv::new();
    let printed = env.cmd(&["demo"]).success();
    let mut said = String::new();
    for (at, part) in printed.stdout().split("127.0.0.1:").enumerate() {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        said.push_str(if at == 0 { "" } else { "127.0.0.1:PORT" });
        said.push_str(if at == 0 { part } else { rest });
    }
    let transcript = blocks("text").into_iter().find(|block| block.contains("PORT")).unwrap();
    let mut rest = said.as_str();
    for (at, part) in transcript.split("\n…").enumerate() {
        let part = part.trim_start_matches('\n');
        let found = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not in {rest}"));
        assert!(at > 0 || found == 0, "it does not begin so: {said}");
        rest = &rest[found + part.len()..];
    }
}

#[test]
fn every_example_is_a_line_that_is_understood() {
    let mut count = 0;
    for mark in ["sh", "sh run", "sh run jq"] {
        for line in blocks(mark).iter().flat_map(|block| block.lines()) {
            let (code, _) = line.split_once(" # ").unwrap_or((line, ""));
            count += commands::understood(code, "README.md");
        }
    }
    assert!(count > 25, "{count}");
}

#[cfg(unix)]
#[test]
fn examples_that_are_marked_do_run() {
    let mut env = TestEnv::new();
    let upstream = Upstream::start(Script::legacy().tool(Tool::echo("echo")));
    let binary = Path::new(env!("CARGO_BIN_EXE_allmcp"));
    let path = std::env::var("PATH").unwrap();
    env.var("PATH", format!("{}:{path}", binary.parent().unwrap().display()));
    let blocks = blocks("sh run");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let script = block.replace("https://mcp.example.com/mcp", &upstream.url());
        let ran = env.program("/bin/sh", &["-eux", "-c", &script]).run();
        let ran = ran.success();
        assert!(!ran.stdout().is_empty(), "{ran:?}");
    }
    // The last of them leaves no connection behind.
    let left = env.cmd(&["list", "--json"]).success().json();
    assert_eq!(left["connections"].as_array().map(Vec::len), Some(0), "{left}");
}

#[test]
fn it_is_short_enough_to_be_read() {
    assert!(readme().lines().count() <= 260);
}
