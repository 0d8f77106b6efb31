//! `completions`: for which shell.

use clap::{Args, ValueEnum};

/// A shell that we have completions for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Fish,
    Powershell,
    Zsh,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  eval \"$(allmcp completions bash)\"             in ~/.bashrc
  source <(allmcp completions zsh)              in ~/.zshrc, after compinit
  allmcp completions fish | source              in ~/.config/fish/config.fish
  allmcp completions powershell | Out-String | Invoke-Expression        in $PROFILE

Or save what it prints where the shell looks by itself: as _allmcp in a folder of zsh's $fpath, as
allmcp in bash-completion's folder, as allmcp.fish in ~/.config/fish/completions. It calls allmcp
by its name, so that has to be on PATH.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}
