//! `memory`: what the memory tools use, by hand.

use clap::{Args, Subcommand};
use std::{path::PathBuf, str::FromStr, time::Duration};

/// `--org` and `--user` say whose.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "Examples:
  allmcp memory list
  allmcp memory search coffee
  allmcp memory save --title 'Coffee' --content 'Flat white, no sugar' --tag taste
  allmcp memory save --title Notes --file notes.md --expires 90d
  allmcp memory show Coffee
  allmcp memory delete Coffee --yes")]
pub enum MemoryCommand {
    /// List memories, the newest first
    List(MemoryListArgs),
    /// Find memories by their words
    Search(MemorySearchArgs),
    /// Print one memory
    Show {
        /// Its id or its title
        memory: String,
    },
    /// Save a memory, or change one
    Save(MemorySaveArgs),
    /// Delete memories for good
    Delete {
        /// Their ids or titles
        #[arg(required = true, value_name = "MEMORY")]
        memories: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub struct MemoryListArgs {
    /// Only those with this tag; all of them when given more than once
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only those from this source
    #[arg(long)]
    pub source: Option<String>,
    /// Most memories in the answer
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// With --json: whole contents
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Clone, Args)]
pub struct MemorySearchArgs {
    /// Any of these words; the best fit comes first
    #[arg(required = true)]
    pub query: Vec<String>,
    #[command(flatten)]
    pub list: MemoryListArgs,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The memory with --id is changed, else the one of that title, else a new one is made. In a change,
what is not given stays as it was; an empty value clears it. The content comes from --content, from
--file, or from stdin where that is no terminal.")]
pub struct MemorySaveArgs {
    /// The title, unique among the memories of one user
    #[arg(long, required_unless_present = "id")]
    pub title: Option<String>,
    /// Change the memory of this id
    #[arg(long)]
    pub id: Option<String>,
    /// The content
    #[arg(long, value_name = "TEXT", conflicts_with = "file", allow_hyphen_values = true)]
    pub content: Option<String>,
    /// Read the content from a file; - for stdin
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A tag; may be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Where it comes from
    #[arg(long)]
    pub source: Option<String>,
    /// When it is hidden: 90d, 2026-12-31T18:00:00Z, or never
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<Expires>,
    /// A user of the same org who may read it; may be given more than once
    #[arg(long = "share-read", value_name = "USER")]
    pub share_read: Vec<String>,
    /// A user of the same org who may change and delete it, too
    #[arg(long = "share-write", value_name = "USER")]
    pub share_write: Vec<String>,
}

/// A span from now, a point in time, or never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expires {
    In(Duration),
    /// Read by the store, which knows the forms.
    At(String),
    Never,
}

impl FromStr for Expires {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text == "never" {
            return Ok(Self::Never);
        }
        if let Ok(span) = humantime::parse_duration(text) {
            return Ok(Self::In(span));
        }
        crate::store::memory::moment(text)
            .map(|_| Self::At(text.to_owned()))
            .map_err(|_| "write a span such as 90d, a time such as 2026-12-31T18:00:00Z, or never")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_span_a_time_or_never() {
        let of = |text: &str| text.parse::<Expires>();
        assert_eq!(of("90d"), Ok(Expires::In(Duration::from_hours(90 * 24))));
        assert_eq!(of("never"), Ok(Expires::Never));
        assert_eq!(of("2026-12-31"), Ok(Expires::At("2026-12-31".into())));
        assert!(of("soon").is_err());
    }
}
