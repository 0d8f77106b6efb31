//! The grammar of the command line: names, flags and help, and nothing done yet.

mod bridge;
mod call;
mod catalog;
mod client;
mod completions;
mod connection;
mod import;
mod memory;
mod read;
mod value;

pub use bridge::{BridgeArgs, BridgeTransport};
pub use call::{ArgsSource, CallArgs};
pub use catalog::{CatalogAddArgs, CatalogArgs, CatalogCommand, CatalogLintArgs};
pub use client::{ClientId, InstallArgs, UninstallArgs};
pub use completions::{CompletionsArgs, Shell};
pub use connection::{
    BrowserArgs, ConnectArgs, DisconnectArgs, Leaving, ListArgs, LogsArgs, PatternArgs,
    ReconnectArgs, ReportArgs, SecretArgs, SignInArgs, StatusArgs, ToolsArgs, ToolsCommand,
    UsageArgs, auth,
};
pub use import::ImportArgs;
pub use memory::{Expires, MemoryCommand, MemoryListArgs, MemorySaveArgs, MemorySearchArgs};
pub use read::read;
pub use value::{Header, Pair, SecretFile, Since};

use super::exit::Exit;
use crate::{
    config::Env,
    kind::Mode,
    name::{ConnectionName, Tenant},
    ui::{Look, When},
};
use clap::{
    Args, ColorChoice, Parser, Subcommand,
    builder::{NonEmptyStringValueParser, Styles, styling::AnsiColor},
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  allmcp demo                                     See it work, with nothing but this machine
  allmcp connect https://mcp.example.com/mcp      Add a remote MCP server
  allmcp install claude-desktop                   Let Claude Desktop launch allmcp
  allmcp status                                   How the connections are doing
  allmcp tools --json                             Every tool, for a script";

/// One local MCP server in front of many remote ones.
///
/// Connect remote MCP servers once, keep their keys in the keychain of this machine, and let a
/// client such as Claude Desktop launch `allmcp serve`, which offers the tools of all of them.
#[derive(Debug, Parser)]
#[command(name = "allmcp", version, styles = STYLES, override_usage = "allmcp [OPTIONS] <COMMAND>", after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", Exit::help()),
    disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print one JSON document, and errors as one JSON line
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but data and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log more to stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Never ask: fail and name the flag that answers
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Act for this organization (needs --user)
    #[arg(long, global = true, value_name = "ORG", value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub org: Option<String>,
    /// Use this user's credentials, memory and log entries
    #[arg(long, global = true, value_name = "USER", value_parser = NonEmptyStringValueParser::new(), hide_short_help = true)]
    pub user: Option<String>,
}

impl Global {
    /// How to speak, as the flags and the environment have it.
    pub fn look(&self, env: &Env) -> Look {
        let dumb = env.term.as_deref() == Some("dumb");
        Look {
            json: self.json,
            quiet: self.quiet,
            color: when(self.color),
            columns: env.columns,
            calm: env.ci || env.agent || dumb,
            ascii: env.ascii,
        }
    }

    pub fn tenant(&self) -> Tenant {
        Tenant { org: self.org.clone(), user: self.user.clone() }
    }
}

const fn when(choice: ColorChoice) -> When {
    match choice {
        ColorChoice::Auto => When::Auto,
        ColorChoice::Always => When::Always,
        ColorChoice::Never => When::Never,
    }
}

/// One command with its own arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a connection to a remote MCP server
    Connect(ConnectArgs),
    /// Remove a connection and delete its stored credential
    Disconnect(DisconnectArgs),
    /// Sign in again or give a new key; the connection's settings stay
    Reconnect(ReconnectArgs),
    /// Switch a connection on
    Enable(NameArgs),
    /// Switch a connection off, keeping its settings and credential
    Disable(NameArgs),
    /// List connections
    List(ListArgs),
    /// Show how connections are doing
    Status(StatusArgs),
    /// Show what a connection can do and where its credential is kept
    Inspect(NameArgs),
    /// List tools under the names that clients see, or switch some on and off
    Tools(ToolsArgs),
    /// Call one tool
    Call(CallArgs),
    /// Find tools by what they do
    Search(SearchArgs),
    /// List the providers that can be connected by name, or show, add and check one
    Catalog(CatalogArgs),
    /// Fetch the lists of tools again
    Sync(MaybeNameArgs),
    /// Show or change settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the access log: one line for every call
    Logs(LogsArgs),
    /// Count calls, failures, bytes and times by connection and tool
    Usage(UsageArgs),
    /// List, find, save and delete what is remembered for you and your agents
    #[command(subcommand)]
    Memory(MemoryCommand),
    /// Run the MCP server that a client launches, over stdin and stdout
    Serve(ServeArgs),
    /// Put one remote MCP server on stdin and stdout, without any configuration
    Bridge(BridgeArgs),
    /// Take over the servers that a client knows
    Import(ImportArgs),
    /// Write our entry into a client's configuration
    Install(InstallArgs),
    /// Remove our entry from a client's configuration
    Uninstall(UninstallArgs),
    /// Check the installation, and say how to fix what is wrong
    Doctor,
    /// Write what somebody who helps has to know to a file, without secrets
    Report(ReportArgs),
    /// Print what a shell loads to complete commands, names and files
    Completions(CompletionsArgs),
    /// See it work, with nothing but this machine: connect, list, call
    Demo(DemoArgs),
}

#[derive(Debug, Clone, Args)]
pub struct NameArgs {
    /// The connection's name
    pub name: ConnectionName,
}

#[derive(Debug, Clone, Args)]
pub struct MaybeNameArgs {
    /// Only this connection
    pub name: Option<ConnectionName>,
}

/// `KEY` is the dotted path in config.toml.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "Examples:
  allmcp config get settings.log_level
  allmcp config set connections.kommo.timeout 20s
  allmcp config edit")]
pub enum ConfigCommand {
    /// Print where config.toml is
    Path,
    /// Print one setting
    Get {
        /// The dotted path, such as connections.kommo.timeout
        key: String,
    },
    /// Change one setting; comments and order stay
    Set {
        /// The dotted path, such as connections.kommo.timeout
        key: String,
        /// TOML where it parses, else a string
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Open config.toml in $VISUAL or $EDITOR, and check it afterwards
    Edit,
}

#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  allmcp serve                     Everything that is connected
  allmcp serve --only kommo,sheets
  allmcp serve --profile sales
  allmcp serve --plain kommo       One connection, its names untouched

A client launches this; `allmcp install CLIENT` writes the entry.")]
pub struct ServeArgs {
    /// Serve only these connections
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<ConnectionName>,
    /// Serve the connections of this profile of config.toml
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "plain"])]
    pub profile: Option<String>,
    /// Serve exactly one connection: its names untouched, none of our own tools
    #[arg(long, value_name = "NAME", conflicts_with = "only")]
    pub plain: Option<ConnectionName>,
    /// List every tool (full), only our own that find and call them (smart), or as their number
    /// wants it (auto)
    #[arg(long, value_name = "full|smart|auto", conflicts_with = "plain")]
    pub mode: Option<Mode>,
    /// Show and call only what is marked read-only
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp search create a deal
  allmcp search --group kommo/leads list
  allmcp search --json send a message | jq -r '.tools[0].name'")]
pub struct SearchArgs {
    /// What is to be done, in words
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Only tools of this connection, or of a group of one, such as kommo/leads
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// How many to show, 1 to 50
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub limit: Option<u8>,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Keep running as a stdio MCP server
    #[arg(long)]
    pub serve: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_on_one_short_line() {
        for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let good = !about.is_empty() && about.len() <= 76 && !about.ends_with('.');
            assert!(good, "{}: {about:?}", command.get_name());
        }
    }
}
