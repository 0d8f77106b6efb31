//! `catalog`: the providers, and manifests of one's own.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  allmcp catalog
  allmcp catalog crm
  allmcp catalog show github
  allmcp catalog add ./acme.toml
  allmcp catalog lint ./acme.toml"
)]
pub struct CatalogArgs {
    /// Only providers with these words in their id, name, category or description
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    #[command(subcommand)]
    pub command: Option<CatalogCommand>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum CatalogCommand {
    /// Show what a provider is, how one signs in, and the commands that connect it
    Show {
        /// The provider's id
        provider: String,
    },
    /// Check a manifest and add it to the providers of this user
    Add(CatalogAddArgs),
    /// Check one manifest, or all of them
    Lint(CatalogLintArgs),
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The format is described by allmcp-catalog(5) and by `allmcp catalog lint --schema`."
)]
pub struct CatalogAddArgs {
    /// The manifest, a TOML file
    pub file: PathBuf,
    /// Replace the one that has its id
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "One finding a line: FILE:LINE:COLUMN: error|warning: KEY: TEXT. The exit code is 1 when one of them
is an error."
)]
pub struct CatalogLintArgs {
    /// The manifest; without it all that are built in and those of this user
    #[arg(conflicts_with = "schema")]
    pub file: Option<PathBuf>,
    /// Print the JSON Schema of manifests
    #[arg(long)]
    pub schema: bool,
}
