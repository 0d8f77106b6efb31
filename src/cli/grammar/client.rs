//! `install` and `uninstall`: which client, and how much of it to do.

use crate::clients::{self, Client};
use clap::Args;
use std::str::FromStr;

/// A client that we know the configuration of.
#[derive(Clone, Copy)]
pub struct ClientId(pub &'static dyn Client);

impl std::fmt::Debug for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.id())
    }
}

impl FromStr for ClientId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        clients::by_id(text).map(Self).ok_or_else(|| {
            let ids: Vec<_> = clients::ALL.iter().map(|client| client.id()).collect();
            format!("use {}", ids.join(", "))
        })
    }
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp install claude-desktop
  allmcp install claude-desktop --dry-run
  allmcp install --list

Shows the change, asks, and keeps a dated copy of the file beside it. Clients: claude-desktop.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct InstallArgs {
    /// The client to install into
    #[arg(required_unless_present = "list", conflicts_with = "list")]
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
#[command(
    after_help = "Puts the file back byte for byte when nothing else changed it since; else takes out our entry
and nothing more."
)]
pub struct UninstallArgs {
    /// The client to remove our entry from
    pub client: ClientId,
    /// Show the change and make none
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
