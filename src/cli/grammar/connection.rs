//! The commands that add, remove and show connections, their tools and their traffic.

use super::value::{Header, HeaderParser, Pair, SecretFile, Since};
use crate::{
    kind::{AuthKind, StoreKind},
    name::{ConnectionName, NameError},
};
use clap::{Args, Subcommand};
use std::{path::PathBuf, str::FromStr};

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp connect https://mcp.example.com/mcp
  allmcp connect https://mcp.example.com/mcp --name shop --auth key
  pass show shop | allmcp connect https://mcp.example.com/mcp --auth key --token-stdin
  allmcp connect https://mcp.example.com/mcp --auth key --header 'X-API-Key: ${secret:token}'
  allmcp connect https://mcp.example.com/mcp --tools 'read_*' --tools search
  allmcp connect https://mcp.example.com/mcp --auth oauth --client-id ID --no-browser
  allmcp connect kommo --param subdomain=acme --auth token

allmcp catalog lists the providers. No flag takes a secret: give it on stdin, in a file, or when asked.")]
pub struct ConnectArgs {
    /// A provider of the catalog, or the server's URL
    #[arg(value_name = "PROVIDER|URL")]
    pub target: String,
    /// Call it this, instead of a name made from the URL
    #[arg(long)]
    pub name: Option<ConnectionName>,
    /// How to prove who you are: none, key, oauth or client-credentials, or a provider's own word
    /// for it; found out when not given
    #[arg(long, value_name = "HOW", value_parser = how)]
    pub auth: Option<String>,
    /// A proxy or a host of your own in the place of the provider's
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Fill ${param:K} in the URL and headers
    #[arg(long = "param", value_name = "K=V")]
    pub params: Vec<Pair>,
    /// Send this header; write ${secret:token} where the secret goes
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = HeaderParser)]
    pub headers: Vec<Header>,
    /// Offer only tools whose name matches (more than once: any of them)
    #[arg(long, value_name = "GLOB")]
    pub tools: Vec<String>,
    /// Where to keep secrets from now on: keychain or file
    #[arg(long, value_parser = store)]
    pub store: Option<StoreKind>,
    /// Replace a connection of this name, and its credential
    #[arg(long)]
    pub force: bool,
    /// Try it out, and save nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub sign_in: SignInArgs,
    #[command(flatten)]
    pub secrets: SecretArgs,
}

/// What a sign-in in the browser needs to know where it cannot find it out.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sign-in")]
pub struct SignInArgs {
    /// The client that you registered with the server
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The https URL of a client ID metadata document
    #[arg(long, value_name = "URL")]
    pub client_metadata_url: Option<String>,
    /// Ask for this scope beside those that the server wants (more than once, or with spaces)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Send this as resource (RFC 8707); none: send none
    #[arg(long, value_name = "URI")]
    pub resource: Option<String>,
    /// Take the answer of the browser on this port
    #[arg(long, value_name = "PORT")]
    pub callback_port: Option<u16>,
    #[command(flatten)]
    pub browser: BrowserArgs,
}

/// How the browser is reached.
#[derive(Debug, Clone, Default, Args)]
pub struct BrowserArgs {
    /// Open no browser: print the URL, and read the pasted answer from stdin
    #[arg(long, help_heading = "Sign-in")]
    pub no_browser: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp reconnect shop
  allmcp reconnect shop --no-browser
  pass show shop | allmcp reconnect shop --token-stdin

The settings of the connection stay as they are.")]
pub struct ReconnectArgs {
    /// The connection's name
    pub name: ConnectionName,
    #[command(flatten)]
    pub browser: BrowserArgs,
    #[command(flatten)]
    pub secrets: SecretArgs,
}

/// Where secrets come from; none of these flags takes one.
#[derive(Debug, Clone, Args)]
pub struct SecretArgs {
    /// Read the key from stdin; one line break at its end is dropped
    #[arg(long, conflicts_with_all = ["token_file", "secrets_stdin"], help_heading = "Secrets")]
    pub token_stdin: bool,
    /// Read the key from this file
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    pub token_file: Option<PathBuf>,
    /// Read the secret ${secret:NAME} from this file
    #[arg(long = "secret-file", value_name = "NAME=PATH", help_heading = "Secrets")]
    pub secret_files: Vec<SecretFile>,
    /// Read the client's secret from stdin
    #[arg(long, conflicts_with_all = ["token_stdin", "secrets_stdin"], help_heading = "Secrets")]
    pub client_secret_stdin: bool,
    /// Read all secrets from stdin, as one JSON object
    #[arg(long, help_heading = "Secrets")]
    pub secrets_stdin: bool,
}

/// A provider may have any word but that of a kind which this version does not know.
fn how(word: &str) -> Result<String, String> {
    match word.parse() {
        Ok(AuthKind::Enterprise) => auth(word).map(|kind| kind.to_string()),
        _ => Ok(word.to_owned()),
    }
}

/// The kind of sign-in that a word means where no provider has words of its own.
pub fn auth(word: &str) -> Result<AuthKind, String> {
    match word.parse() {
        Ok(AuthKind::Enterprise) => {
            Err("not in this version; use none, key, oauth or client-credentials".into())
        }
        Ok(kind) => Ok(kind),
        Err(_) => Err("use none, key, oauth or client-credentials".into()),
    }
}

fn store(word: &str) -> Result<StoreKind, String> {
    match word.parse() {
        Ok(kind @ (StoreKind::Keychain | StoreKind::File)) => Ok(kind),
        Ok(_) => Err("not in this version; use keychain or file".into()),
        Err(_) => Err("use keychain or file".into()),
    }
}

#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Also what `allmcp bridge` has signed in to
    #[arg(long)]
    pub all: bool,
}

/// What is to be given up.
#[derive(Debug, Clone)]
pub enum Leaving {
    Connection(ConnectionName),
    /// What `allmcp bridge` stored for this URL.
    Bridge(String),
}

impl FromStr for Leaving {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains("://") {
            return Ok(Self::Bridge(text.to_owned()));
        }
        text.parse().map(Self::Connection)
    }
}

#[derive(Debug, Clone, Args)]
pub struct DisconnectArgs {
    /// The connection's name, or the URL of a bridge
    #[arg(value_name = "NAME|URL")]
    pub target: Leaving,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Without NAME the exit code is 8 when an enabled connection is needs_auth, error or paused;
with NAME it is 4 or 5."
)]
pub struct StatusArgs {
    /// Only this connection
    pub name: Option<ConnectionName>,
    /// Ask the servers now, instead of showing what was last known
    #[arg(long)]
    pub live: bool,
}

#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  allmcp tools
  allmcp tools kommo
  allmcp tools disable kommo '*_delete'
  allmcp tools approve kommo"
)]
pub struct ToolsArgs {
    /// Only this connection
    pub name: Option<ConnectionName>,
    #[command(subcommand)]
    pub command: Option<ToolsCommand>,
}

/// Patterns are globs on the upstream's own names.
#[derive(Debug, Clone, Subcommand)]
pub enum ToolsCommand {
    /// Offer tools whose name matches
    Enable(PatternArgs),
    /// Hide tools whose name matches
    Disable(PatternArgs),
    /// Accept changed definitions, after showing what changed
    Approve {
        /// The connection's name
        name: ConnectionName,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub struct PatternArgs {
    /// The connection's name
    pub name: ConnectionName,
    /// Globs such as '*_delete'
    #[arg(required = true, value_name = "PATTERN")]
    pub patterns: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp logs --since 1h --failed
  allmcp logs -f --connection kommo
  allmcp logs --json | jq .duration_ms

A line holds no arguments, no results and no secrets.")]
pub struct LogsArgs {
    /// Go on as calls come in
    #[arg(short, long)]
    pub follow: bool,
    /// Only calls younger than this, such as 30m, 1h or 2days, or since a time
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only calls of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<ConnectionName>,
    /// Only calls of this tool, by the name that clients see
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// Only calls that did not end well
    #[arg(long)]
    pub failed: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp usage
  allmcp usage --since 1day --connection kommo
  allmcp usage --json | jq '.connections[] | {connection, calls}'

It is counted from the access log, which keeps the last 8 to 16 MiB.")]
pub struct UsageArgs {
    /// Only calls younger than this, such as 30m, 1h or 2days, or since a time
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only calls of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<ConnectionName>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp report                  Writes it to a file of its own and prints where that is
  allmcp report -o problem.json
  allmcp report --json           Prints it and writes nothing

It holds versions, settings, states, checks, the last errors and the end of the log; no keys,
tokens, arguments or results. Nothing is sent.")]
pub struct ReportArgs {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::grammar::{Cli, Command};
    use clap::Parser as _;

    fn connect(line: &str) -> Result<ConnectArgs, String> {
        let args = ["allmcp", "connect"].into_iter().chain(line.split('|'));
        match Cli::try_parse_from(args).map_err(|e| e.to_string())?.command {
            Some(Command::Connect(args)) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn connect_takes_what_the_contract_names() {
        let args = connect(
            "https://x/mcp|--name|shop|--auth|key|--param|a=b|--header|X-Key: ${secret:token}\
             |--tools|a*|--tools|b|--store|file|--secret-file|token=/f|--secrets-stdin|--force",
        )
        .unwrap();
        assert_eq!(args.auth.as_deref(), Some("key"));
        assert_eq!(args.store, Some(StoreKind::File));
        assert_eq!(args.tools, ["a*", "b"]);
        assert!(args.force && args.secrets.secrets_stdin && !args.dry_run);
    }

    #[test]
    fn what_comes_later_says_so_and_what_conflicts_is_refused() {
        let later = connect("x|--auth|enterprise").unwrap_err();
        assert!(later.contains("not in this version") && later.contains("--auth"), "{later}");
        assert!(connect("x|--token-stdin|--secrets-stdin").is_err());
        assert!(connect("x|--token-stdin|--token-file|f").is_err());
        assert!(connect("x|--store|passphrase").is_err());
        for secret in ["x|--token|hunter2", "x|--token=hunter2", "x|--header=Authorization hunter2"]
        {
            assert!(connect(secret).is_err_and(|e| !e.contains("hunter2")), "{secret}");
        }
    }

    #[test]
    fn tools_is_a_list_or_a_change() {
        let tools = |line: &str| {
            let args = ["allmcp"].into_iter().chain(line.split(' '));
            match Cli::try_parse_from(args).ok()?.command {
                Some(Command::Tools(args)) => Some(args),
                _ => None,
            }
        };
        assert!(tools("tools").is_some_and(|t| t.name.is_none() && t.command.is_none()));
        assert!(tools("tools kommo").is_some_and(|t| t.name.is_some()));
        let disabled = tools("tools disable kommo *_delete x").and_then(|t| t.command);
        assert!(matches!(disabled, Some(ToolsCommand::Disable(p)) if p.patterns.len() == 2));
        assert!(tools("tools disable kommo").is_none());
        assert!(tools("tools kommo disable").is_none());
    }
}
