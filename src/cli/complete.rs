//! Completions: what fits at the cursor, told to a shell.
//!
//! A shell starts us with `ALLMCP_COMPLETE` and, after `--`, the words of the line. The grammar
//! answers for commands, flags and files; [`live`] for names that only the configuration and the
//! caches know. Nothing else is read: no network, no keychain, no lock, no runtime. Nothing is
//! ever said to the user, who is in the middle of typing.

mod line;
mod live;
mod tools;
mod values;

use super::{
    error::CliError,
    exit::Exit,
    grammar::{Cli, ClientId, Leaving},
};
use crate::{
    config::env::ALLMCP_COMPLETE,
    kind::{Mode, StoreKind},
    name::ConnectionName,
    ui::{Look, Out},
};
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
};
use live::{Live, Which};
use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

/// What fits at one place: all that is known and the word as far as it is typed.
type Source = fn(&Live, &str) -> Vec<CompletionCandidate>;

/// Answers a shell; `None` when nobody asked and the line is to be run.
///
/// A line with a command is never taken for a question: whatever else is in the environment of a
/// client, `allmcp serve` serves.
pub(super) fn complete(args: &[OsString]) -> Option<ExitCode> {
    let (program, words) = match args {
        [program] => (program, &[][..]),
        [program, dashes, words @ ..] if dashes == "--" => (program, words),
        _ => return None,
    };
    let env = CompleteEnv::with_factory(|| grammar(words)).var(ALLMCP_COMPLETE);
    // The script must find us again from any other folder.
    let at = Path::new(program);
    let env = match std::path::absolute(at) {
        Ok(path) if at.components().count() > 1 => env.completer(path.to_string_lossy()),
        _ => env,
    };
    match env.try_complete(args.to_vec(), Some(Path::new("."))) {
        Ok(false) => None,
        Err(error) if words.is_empty() && error.to_string().contains("unknown shell") => {
            let text = error.to_string();
            let text = text.trim().trim_start_matches("error: ");
            Some(CliError::usage(text).report(&Out::new(Look::default())).into())
        }
        Ok(true) | Err(_) => Some(Exit::DONE.into()),
    }
}

/// The grammar with a source of values wherever there is one.
fn grammar(words: &[OsString]) -> Command {
    let live = Arc::new(Live::new(words));
    let mut command = attach(Cli::command(), "", &live);
    if live.line.current().is_empty() {
        // Who has typed nothing yet is offered values and commands, and flags where there is
        // nothing else. After `build` also those that clap itself adds are there.
        command.build();
        command = without_flags(command);
    }
    command
}

fn attach(command: Command, path: &str, live: &Arc<Live>) -> Command {
    command
        .mut_args(|arg| match source(path, &arg) {
            Some(source) => {
                let live = Arc::clone(live);
                let fits = move |word: &OsStr| -> Vec<CompletionCandidate> {
                    let Some(word) = word.to_str() else { return Vec::new() };
                    let mut all = source(&live, word);
                    all.retain(|it| it.get_value().to_string_lossy().starts_with(word));
                    all
                };
                arg.add(ArgValueCompleter::new(fits))
            }
            None => arg,
        })
        .mut_subcommands(|sub| {
            let path = format!("{path} {}", sub.get_name());
            attach(sub, path.trim_start(), live)
        })
}

fn without_flags(command: Command) -> Command {
    command
        .mut_args(|arg| if arg.is_positional() { arg } else { arg.hide(true) })
        .mut_subcommands(without_flags)
}

/// Where values come from, by the command and the argument; else by the argument's type.
const PLACES: &[(&str, &str, Source)] = &[
    ("connect", "target", values::providers),
    ("connect", "auth", values::ways),
    ("connect", "params", values::params),
    ("catalog show", "provider", values::providers),
    ("enable", "name", |live, _| live.connections(Which::Disabled)),
    ("disable", "name", |live, _| live.connections(Which::Enabled)),
    ("call", "words", tools::call),
    ("logs", "tool", tools::public),
    ("tools enable", "patterns", tools::own),
    ("tools disable", "patterns", tools::own),
    ("search", "group", values::groups),
    ("config get", "key", values::keys),
    ("config set", "key", values::keys),
    ("config set", "value", values::value),
    ("serve", "profile", values::profiles),
];

/// Names that are new by their nature.
const NEW: &[(&str, &str)] = &[("connect", "name")];

fn source(path: &str, arg: &Arg) -> Option<Source> {
    let id = arg.get_id().as_str();
    if NEW.contains(&(path, id)) {
        return None;
    }
    if path == "import" && arg.is_positional() {
        return Some(values::clients_and_files);
    }
    let at = PLACES.iter().find(|(command, arg, _)| (*command, *arg) == (path, id));
    if let Some((_, _, source)) = at {
        return Some(*source);
    }
    let kind = arg.get_value_parser().type_id();
    let types: [(TypeId, Source); 5] = [
        (TypeId::of::<ConnectionName>(), |live, _| live.connections(Which::All)),
        (TypeId::of::<Leaving>(), |live, _| live.connections(Which::All)),
        (TypeId::of::<ClientId>(), |_, _| values::clients()),
        (TypeId::of::<Mode>(), |_, _| values::words(Mode::WORDS)),
        (TypeId::of::<StoreKind>(), |_, _| values::words(&["keychain", "file"])),
    ];
    types.into_iter().find(|(known, _)| kind == *known).map(|(_, source)| source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_one_of_the_grammar() {
        let grammar = Cli::command();
        for (path, id) in
            PLACES.iter().map(|(path, id, _)| (path, id)).chain(NEW.iter().map(|(p, i)| (p, i)))
        {
            let mut command = Some(&grammar);
            for word in path.split(' ') {
                command = command.and_then(|it| it.find_subcommand(word));
            }
            let found = command.is_some_and(|it| it.get_arguments().any(|arg| arg.get_id() == *id));
            assert!(found, "{path}: {id}");
        }
    }

    #[test]
    fn a_line_with_a_command_is_no_question() {
        for line in [&["allmcp", "serve"][..], &["allmcp", "list", "--"], &[]] {
            let args: Vec<OsString> = line.iter().map(OsString::from).collect();
            assert_eq!(complete(&args), None, "{line:?}");
        }
    }
}
