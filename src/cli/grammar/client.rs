//! `install` and `uninstall`: which client, and how much of it to do.

use crate::clients::{self, Client};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

/// A client that we know the configuration of.
#[derive(Clone, Copy)]
pub struct ClientId(pub &'static dyn Client);

impl std::fmt::Debug for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.id())
    }
}

/// Takes the ids, and suggests the nearest one.
fn client() -> impl TypedValueParser<Value = ClientId> {
    PossibleValuesParser::new(clients::ALL.iter().map(|client| client.id()))
        .try_map(|id| clients::by_id(&id).map(ClientId).ok_or("no such client"))
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp install --list
  allmcp install claude-desktop
  allmcp install codex --dry-run
  allmcp install vscode --print

Shows the change, asks, and keeps a dated copy of the file beside it. Comments and everything else
in the file stay as they are. No secret is written.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct InstallArgs {
    /// The client to install into
    #[arg(conflicts_with = "list", value_parser = client())]
    pub client: Option<ClientId>,
    /// Print the entry, ready to paste, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "yes"])]
    pub print: bool,
    /// Show the change and make none
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// List the clients, and which of them are found here
    #[arg(long, conflicts_with_all = ["print", "dry_run", "yes"])]
    pub list: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp uninstall claude-desktop
  allmcp uninstall cursor --dry-run

Puts the file back byte for byte when nothing else changed it since; else takes out our entry
and nothing more.")]
pub struct UninstallArgs {
    /// The client to remove our entry from
    #[arg(value_parser = client())]
    pub client: Option<ClientId>,
    /// Show the change and make none
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
