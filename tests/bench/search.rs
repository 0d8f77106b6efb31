//! How well tools are found, and how fast.
//!
//! `cargo bench --profile dist --bench search`; README.md beside this file says what is measured.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring program: it prints what it measured"
)]
#![allow(unreachable_pub, reason = "some of the files are shared with tests/search.rs")]

#[path = "../search/baseline.rs"]
mod baseline;
#[path = "../search/corpus.rs"]
#[allow(dead_code, reason = "the corpus of the test is another")]
mod corpus;
#[path = "search/data.rs"]
mod data;
#[path = "../search/measure.rs"]
mod measure;
#[path = "search/quality.rs"]
mod quality;
#[allow(dead_code, reason = "shared with the other benches")]
mod report;
#[path = "search/speed.rs"]
mod speed;
#[allow(dead_code, reason = "shared with the other benches")]
mod stats;

use allmcp::hub::search::{Searcher, Source};
use corpus::Tool;
use std::{path::PathBuf, process::ExitCode};

const HELP: &str = "\
usage: cargo bench --profile dist --bench search -- [options]
  --data FILE      measure on this set (../shared/data/toolsearch/dev.json beside the package)
  --report         exit 0 also when a row is missed";

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!(
            "error: a debug build measures nothing; run `cargo bench --profile dist --bench search`"
        );
        return ExitCode::FAILURE;
    }
    let mut path = data::default();
    let mut only_report = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), argument == "--data") {
            // Cargo says this to every bench.
            ("--bench", _) => {}
            ("--report", _) => only_report = true,
            (_, true) => match arguments.next() {
                Some(file) => path = PathBuf::from(file),
                None => return wrong("error: --data needs a file\n"),
            },
            _ => return wrong(""),
        }
    }
    let set = match data::Set::read(&path) {
        Ok(set) => set,
        Err(text) => return wrong(&format!("{text}\n")),
    };
    let mut report = report::Report::default();
    quality::all(&set, &mut report);
    speed::all(&set, &mut report);
    report.close();
    if report.missed() == 0 || only_report { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wrong(text: &str) -> ExitCode {
    eprintln!("{text}{HELP}");
    ExitCode::from(2)
}

fn definitions(tools: &[Tool]) -> Vec<Vec<u8>> {
    tools.iter().map(Tool::definition).collect()
}

fn searcher(tools: &[Tool]) -> Searcher {
    searcher_of(tools, &definitions(tools))
}

/// The index as the hub makes it: one connection a server, which says of itself what the set has.
fn searcher_of(tools: &[Tool], definitions: &[Vec<u8>]) -> Searcher {
    Searcher::build(tools.iter().zip(definitions).map(|(tool, definition)| Source {
        connection: &tool.connection,
        provider: None,
        group: None,
        group_text: Some(&tool.connection_text),
        definition,
    }))
}
