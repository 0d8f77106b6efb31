//! `allmcp completions`: what a shell has to load.

use super::{
    context::Context,
    error::CliResult,
    exit::Exit,
    grammar::{CompletionsArgs, Shell},
};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    shell: &'static str,
    script: &'static str,
}

pub(super) fn completions(cx: &Context, args: &CompletionsArgs) -> CliResult {
    let (shell, script) = stub(args.shell);
    if cx.out.json() {
        cx.out.document("completions", &Document { shell, script })?;
    } else {
        cx.out.content(script)?;
    }
    Ok(Exit::DONE)
}

/// The same for every version: what the shell then runs comes from the program, and so do the
/// answers to it. The two must be of one version.
const fn stub(shell: Shell) -> (&'static str, &'static str) {
    match shell {
        Shell::Bash => ("bash", include_str!("../../completions/allmcp.bash")),
        Shell::Fish => ("fish", include_str!("../../completions/allmcp.fish")),
        Shell::Powershell => ("powershell", include_str!("../../completions/allmcp.ps1")),
        Shell::Zsh => ("zsh", include_str!("../../completions/_allmcp")),
    }
}
