//! `allmcp bridge`: the flags of `npx mcp-remote`, under their names.

use super::value::{Header, HeaderParser};
use clap::{Args, ValueEnum};

/// Which transport is tried, and in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BridgeTransport {
    /// Streamable HTTP, then SSE
    #[default]
    Auto,
    HttpFirst,
    SseFirst,
    HttpOnly,
    SseOnly,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp bridge https://mcp.example.com/mcp
  allmcp bridge https://mcp.example.com/mcp --header 'X-API-Key: ${API_KEY}'
  allmcp bridge http://10.0.0.7:3000/sse --allow-http --transport sse-only

Takes the command line of `npx mcp-remote`. To keep keys in the keychain and serve many servers
at once, use `allmcp connect` and `allmcp serve` instead.")]
pub struct BridgeArgs {
    /// The remote server
    pub url: String,
    /// Taken for compatibility: the port of the sign-in callback
    #[arg(value_name = "CALLBACK_PORT")]
    pub callback_port: Option<u16>,
    /// Send this header; ${env:X} and ${X} are filled from the environment
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = HeaderParser)]
    pub headers: Vec<Header>,
    /// How to reach the server
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub transport: BridgeTransport,
    /// Taken for compatibility: the host of the sign-in callback
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Allow a server that is not on this machine without TLS
    #[arg(long)]
    pub allow_http: bool,
    /// Offer only tools whose name matches
    #[arg(long = "tool", value_name = "GLOB")]
    pub tools: Vec<String>,
    /// Hide tools whose name matches; wins over --tool
    #[arg(long = "ignore-tool", value_name = "GLOB")]
    pub ignore_tools: Vec<String>,
    /// Log everything to stderr
    #[arg(long, conflicts_with = "silent")]
    pub debug: bool,
    /// Log nothing to stderr
    #[arg(long)]
    pub silent: bool,
}
