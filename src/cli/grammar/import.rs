//! `import`: from where, and how much of it.

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  allmcp import
  allmcp import cursor
  allmcp import cursor --dry-run
  allmcp import ./mcp.json --only linear --yes

Takes over remote servers, and what `npx mcp-remote` reaches, from a client's own file: the one of
CLIENT (allmcp install --list names them), any FILE of such a kind, or those of all clients found
here. Keys that stand there move into the secret store. That file stays as it is.")]
pub struct ImportArgs {
    /// The client to take servers from, or a file
    #[arg(value_name = "CLIENT|FILE")]
    pub source: Option<String>,
    /// Take only the server of this name there (more than once: any of them)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Show what would be taken, and take nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
