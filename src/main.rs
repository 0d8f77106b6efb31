//! `allmcp`: one local MCP server in front of many remote ones.

use std::process::ExitCode;

fn main() -> ExitCode {
    allmcp::cli::run(std::env::args_os())
}
