//! From the words of a command line to a command, or to the answer why there is none.

use super::{Cli, Command, Global, ServeArgs, when};
use crate::{
    cli::{error::CliError, exit::Exit},
    name::nearest,
    ui::{Look, Out},
};
use clap::{
    ColorChoice, CommandFactory as _, FromArgMatches as _,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{ffi::OsString, io::Write as _};

/// Commands that are known to come, so that nobody is sent to another one.
const LATER: &[&str] = &["login", "logout", "token", "whoami"];

/// The same of flags, by command.
const LATER_FLAGS: &[(&str, &str)] =
    &[("allmcp connect", "--stdio"), ("allmcp serve", "--http"), ("allmcp serve", "--platform")];

/// Reads `args` (the program's name first). Whatever is not a command to run is answered here:
/// help and version on stdout, mistakes on stderr.
pub fn read(
    args: impl IntoIterator<Item = OsString>,
    stdin_is_terminal: bool,
) -> Result<(Global, Command), Exit> {
    let args: Vec<OsString> = args.into_iter().collect();
    let (json, color) = peek(&args);
    understand(args, stdin_is_terminal).map_err(|answer| match answer {
        // Clap writes these itself; that nobody reads them is no failure.
        Answer::Asked(error) => {
            let _unread = error.print();
            if error.use_stderr() { Exit::USAGE } else { Exit::DONE }
        }
        Answer::Help(help) => {
            let choice = match color {
                ColorChoice::Auto => anstream::AutoStream::choice(&std::io::stderr()),
                ColorChoice::Always => anstream::ColorChoice::Always,
                ColorChoice::Never => anstream::ColorChoice::Never,
            };
            let mut stderr = anstream::AutoStream::new(std::io::stderr(), choice);
            let _unread = writeln!(stderr, "{}", help.ansi());
            Exit::USAGE
        }
        Answer::Error(error) => {
            error.report(&Out::new(Look { json, color: when(color), ..Look::default() }))
        }
    })
}

/// Why there is no command to run.
#[derive(Debug)]
enum Answer {
    /// Help or version.
    Asked(clap::Error),
    /// Nothing was asked for, by a person.
    Help(StyledStr),
    Error(CliError),
}

fn understand(args: Vec<OsString>, stdin_is_terminal: bool) -> Result<(Global, Command), Answer> {
    match launched(&args) {
        Some(launched) => Ok(launched),
        None => parse(args, stdin_is_terminal),
    }
}

/// The one line that clients launch, many copies of it and each on the way to its first answer:
/// the whole grammar of all commands is built and thrown away for it otherwise.
fn launched(args: &[OsString]) -> Option<(Global, Command)> {
    match args {
        [_, command] if command == "serve" => {
            Some((Global::default(), Command::Serve(ServeArgs::default())))
        }
        _ => None,
    }
}

fn parse(args: Vec<OsString>, stdin_is_terminal: bool) -> Result<(Global, Command), Answer> {
    let (json, color) = peek(&args);
    let mut grammar = Cli::command().color(color);
    let asked = asked_for(&grammar, &args);
    let parsed = grammar
        .try_get_matches_from_mut(args)
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Answer::Asked(error),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => Answer::Asked(error),
            _ => Answer::Error(usage(&error, &asked)),
        })?;
    let Some(command) = parsed.command else {
        return Err(if stdin_is_terminal && !json {
            Answer::Help(grammar.render_help())
        } else {
            // A client that launches us without a command closes stderr's reader after a line.
            Answer::Error(CliError::usage(
                "no command given; to run the MCP server, use `allmcp serve`",
            ))
        });
    };
    if parsed.global.org.is_some() && parsed.global.user.is_none() {
        let error = CliError::usage("--org needs --user").hint("--org ORG --user USER");
        return Err(Answer::Error(error));
    }
    Ok((parsed.global, command))
}

/// The command that a line is about, as far as it names one: `allmcp tools disable`.
fn asked_for(grammar: &clap::Command, args: &[OsString]) -> String {
    let (mut path, mut at) = ("allmcp".to_owned(), grammar);
    for word in args.iter().skip(1).map(|word| word.to_string_lossy()) {
        if let Some(command) = at.find_subcommand(&*word) {
            path.push(' ');
            path.push_str(&word);
            at = command;
        }
    }
    path
}

/// `--json` and `--color`, known before the rest is understood: a mistake is shown as asked for.
fn peek(args: &[OsString]) -> (bool, ColorChoice) {
    let mut words =
        args.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    let (mut json, mut color) = (false, ColorChoice::Auto);
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('=').map(|v| v.to_owned().into()),
            None => None,
        };
        match value.as_deref() {
            Some("always") => color = ColorChoice::Always,
            Some("never") => color = ColorChoice::Never,
            _ => json |= word == "--json",
        }
    }
    (json, color)
}

/// Clap's message as one of ours: one line, and as the hint the nearest right word, else the help.
fn usage(error: &clap::Error, asked: &str) -> CliError {
    let text = error.render().to_string();
    let help = format!("{asked} --help");
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && LATER.contains(&word.as_str())
        && asked == "allmcp"
    {
        return CliError::not_in_this_version(&format!("`allmcp {word}`"));
    }
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && LATER_FLAGS.contains(&(asked, flag.as_str()))
    {
        return CliError::not_in_this_version(&format!("`{asked} {flag}`"));
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return CliError::usage("a subcommand is missing").hint(help);
    }
    let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    CliError::usage(message).hint(nearest_right_word(error).unwrap_or(help))
}

fn nearest_right_word(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(vec![text.clone()]),
        ContextValue::Strings(texts) => Some(texts.clone()),
        _ => None,
    };
    let (wrong, right) = [
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ]
    .into_iter()
    .find_map(|(wrong, right)| Some((text(wrong)?, text(right)?)))?;
    let near = nearest(wrong.first()?, right.iter().map(String::as_str))?;
    Some(format!("did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str, stdin_is_terminal: bool) -> Result<(Global, Command), Answer> {
        let args = std::iter::once("allmcp").chain(line.split_whitespace());
        understand(args.map(OsString::from).collect(), stdin_is_terminal)
    }

    fn error(line: &str) -> CliError {
        match given(line, true).unwrap_err() {
            Answer::Error(error) => error,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_short_way_to_serve_ends_where_the_long_one_does() {
        let args = ["allmcp", "serve"].map(OsString::from);
        let short = launched(&args).unwrap();
        let long = parse(args.to_vec(), false).unwrap();
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        let other = ["allmcp", "serve", "-v"].map(OsString::from);
        assert!(launched(&other).is_none() && launched(&args[..1]).is_none());
    }

    #[test]
    fn flags_that_are_to_come_are_no_mistakes_of_spelling() {
        for (line, flag) in [
            ("serve --http 127.0.0.1:1", "serve --http"),
            ("connect x --stdio -- npx y", "connect --stdio"),
        ] {
            let said = error(line).message;
            assert_eq!(said, format!("`allmcp {flag}` is not in this version"));
        }
        assert!(
            error("list --http").message.contains("unexpected"),
            "{}",
            error("list --http").message
        );
    }

    #[test]
    fn global_flags_stand_before_and_after_the_command() {
        for line in ["--json -q list", "list --json -q", "list --json --quiet --user u --org o"] {
            let (global, command) = given(line, true).unwrap();
            assert!(global.json && global.quiet, "{line}");
            assert!(matches!(command, Command::List(_)), "{line}");
        }
        let (global, _) = given("--user u list -vv --color never", true).unwrap();
        assert_eq!((global.verbose, global.color), (2, ColorChoice::Never));
        assert_eq!(global.tenant().user.as_deref(), Some("u"));
        assert!(given("list -q -v", true).is_err());
    }

    #[test]
    fn a_bare_call_shows_help_to_a_person_and_one_line_to_a_program() {
        assert!(matches!(given("", true), Err(Answer::Help(_))));
        assert!(matches!(given("-v", true), Err(Answer::Help(_))));
        for (line, terminal) in [("", false), ("--json", true)] {
            let Err(Answer::Error(error)) = given(line, terminal) else { panic!("{line}") };
            assert_eq!(error.kind.exit(), Exit::USAGE);
            assert!(error.message.contains("allmcp serve") && error.hint.is_none());
        }
    }

    #[test]
    fn mistakes_are_one_line_and_offer_the_nearest() {
        for (line, message, hint) in [
            ("conect", "unrecognized subcommand 'conect'", "did you mean connect?"),
            ("connect x --forse", "unexpected argument '--forse' found", "did you mean --force?"),
            ("xyzzy", "unrecognized subcommand 'xyzzy'", "allmcp --help"),
            (
                "enable",
                "the following required arguments were not provided: <NAME>",
                "allmcp enable --help",
            ),
            (
                "tools disable kommo",
                "the following required arguments were not provided: <PATTERN>...",
                "allmcp tools disable --help",
            ),
            ("--json config", "a subcommand is missing", "allmcp config --help"),
            ("list --nope", "unexpected argument '--nope' found", "allmcp list --help"),
        ] {
            let error = error(line);
            let shown = crate::text::line(&error.message, 400);
            assert_eq!((shown.as_str(), error.hint.as_deref()), (message, Some(hint)), "{line}");
            assert_eq!(error.kind.exit(), Exit::USAGE);
        }
        let since = error("logs --since yesterday");
        assert_eq!(since.hint.as_deref(), Some("allmcp logs --help"));
        let client = error("install claude-desktp");
        assert_eq!(client.hint.as_deref(), Some("did you mean claude-desktop?"));
        assert!(client.message.contains("claude-code, cursor"), "{client:?}");
        let name = error("enable Kommo");
        assert!(name.message.contains("<NAME>") && name.message.contains("Kommo"), "{name:?}");
    }

    #[test]
    fn help_and_version_are_no_mistakes() {
        for (line, stderr) in [("connect --help --json", false), ("-V", false), ("config", true)] {
            let Err(Answer::Asked(answer)) = given(line, true) else { panic!("{line}") };
            assert_eq!(answer.use_stderr(), stderr, "{line}");
        }
    }

    #[test]
    fn commands_of_a_later_version_say_so() {
        for line in ["login https://idp.example --json", "whoami --platform"] {
            let error = error(line);
            assert!(error.message.ends_with("is not in this version"), "{line}");
            assert_eq!(error.kind.exit().code(), 2);
        }
    }

    #[test]
    fn an_org_needs_a_user() {
        assert_eq!(error("list --org o").message, "--org needs --user");
        assert!(given("list --org= --user u", true).is_err());
    }

    #[test]
    fn colour_and_json_are_seen_in_a_line_that_makes_no_sense() {
        let peeked = |line: &str| peek(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(peeked("allmcp --color never x --json"), (true, ColorChoice::Never));
        assert_eq!(peeked("allmcp --color=always x"), (false, ColorChoice::Always));
        assert_eq!(peeked("allmcp x -- --json"), (false, ColorChoice::Auto));
    }
}
