//! `allmcp`: one local MCP server in front of many remote ones.

use std::{ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    allmcp::cli::complete(&args).unwrap_or_else(|| allmcp::cli::run(args))
}
