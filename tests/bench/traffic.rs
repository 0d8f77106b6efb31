//! The rows of "Time" in promises: what allmcp adds to the same work done directly.
//!
//! `cargo bench --profile dist --bench traffic`; README.md beside this file says what each row means.
//! The program is its own cast: it starts itself again as the upstream and as the bare stdio server.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring program: it prints, it waits in threads, and a failure is a panic with its reason"
)]

mod bare;
mod client;
mod direct;
mod home;
mod options;
mod process;
mod report;
mod rows;
mod stats;
mod upstream;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--upstream") => return upstream::run(),
        Some("--bare") => return bare::run(),
        _ => {}
    }
    if cfg!(debug_assertions) {
        eprintln!(
            "error: a debug build measures nothing; run `cargo bench --profile dist --bench traffic`"
        );
        return ExitCode::FAILURE;
    }
    let options = match options::Options::parse(&arguments) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    client::watch_for_silence();
    let report = rows::all(&options);
    report.close();
    if report.missed() == 0 || options.report { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
