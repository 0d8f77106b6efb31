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
    /// Take the answer of the browser on this port
    #[arg(value_name = "CALLBACK_PORT")]
    pub callback_port: Option<u16>,
    /// Send this header; ${env:X} and ${X} are filled from the environment
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = HeaderParser)]
    pub headers: Vec<Header>,
    /// How to reach the server
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub transport: BridgeTransport,
    /// The host of that callback
    #[arg(long, value_name = "HOST", value_parser = ["127.0.0.1", "localhost", "[::1]"])]
    pub host: Option<String>,
    /// The client that you registered with the server
    #[arg(long, value_name = "ID", help_heading = "Sign-in")]
    pub client_id: Option<String>,
    /// The https URL of a client ID metadata document
    #[arg(long, value_name = "URL", help_heading = "Sign-in")]
    pub client_metadata_url: Option<String>,
    /// Ask for this scope beside those that the server wants (more than once, or with spaces)
    #[arg(long = "scope", value_name = "SCOPE", help_heading = "Sign-in")]
    pub scopes: Vec<String>,
    /// Send this as resource (RFC 8707); none: send none
    #[arg(long, value_name = "URI", help_heading = "Sign-in")]
    pub resource: Option<String>,
    /// How long the browser is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Sign-in")]
    pub auth_timeout: u64,
    /// The registered client, its id and secret, as JSON or @FILE with it
    #[arg(long, value_name = "JSON", help_heading = "Sign-in")]
    pub static_oauth_client_info: Option<String>,
    /// What to say of the client, as JSON or @FILE; its scope is asked for
    #[arg(long, value_name = "JSON", help_heading = "Sign-in")]
    pub static_oauth_client_metadata: Option<String>,
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
