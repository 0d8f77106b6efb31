//! The commands of the grammar, and lines that use them.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part of this")]

use allmcp::cli::grammar::Cli;
use clap::{Command, CommandFactory as _};

/// Every command as it is typed, `allmcp` first; `root` is built.
pub(crate) fn paths(root: &Command) -> Vec<String> {
    let mut all = vec![root.get_name().to_owned()];
    for command in root.get_subcommands().filter(|it| !it.is_hide_set()) {
        let path = format!("{} {}", root.get_name(), command.get_name());
        for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            assert_eq!(below.get_subcommands().count(), 0, "{path}: pages go no deeper");
            all.push(format!("{path} {}", below.get_name()));
        }
        all.push(path);
    }
    all.sort();
    all
}

/// Checks that every `allmcp …` of a shell line fits the grammar; how many there were.
#[track_caller]
pub(crate) fn understood(line: &str, place: &str) -> usize {
    let line = line.split("   ").next().unwrap();
    let mut count = 0;
    for part in line.split([';', '|']).flat_map(|part| part.split("&&")) {
        let part = part.split(" <").next().unwrap().split(" >").next().unwrap();
        // What stands inside of $(…) is a line of its own.
        let part = part.rsplit("$(").next().unwrap().trim_end_matches(['"', ')']);
        let part = part.rsplit("<(").next().unwrap();
        let Some(words) = shlex::split(part) else { continue };
        let mut words = words.into_iter().skip_while(|word| word != "allmcp").peekable();
        if words.peek().is_none() {
            continue;
        }
        // A variable of a loop stands for a name.
        let words: Vec<String> = words.map(|word| word.replace("$name", "name")).collect();
        if let Err(error) = Cli::command().try_get_matches_from(&words) {
            use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
            let asked = matches!(error.kind(), DisplayHelp | DisplayVersion);
            assert!(asked, "{place}: {line}\n{error}");
        }
        count += 1;
    }
    count
}
