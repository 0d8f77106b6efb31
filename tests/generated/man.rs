//! The pages of section 1, from the grammar and [`more`].

use super::more::{self, FILES, More};
use allmcp::{cli::exit::Exit, config::env::VARIABLES};
use clap::Command;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};
use std::collections::BTreeMap;

const VERSION: &str = concat!("allmcp ", env!("CARGO_PKG_VERSION"));

/// Every command a page of its own, its subcommands sections in it.
pub(crate) fn pages(root: &Command) -> BTreeMap<String, String> {
    let mut root = root.clone();
    root.build();
    let commands = root.get_subcommands().filter(|it| !it.is_hide_set());
    let mut all: BTreeMap<_, _> = commands
        .map(|it| (format!("allmcp-{}.1", it.get_name()), page(it, &more::of(it.get_name()))))
        .collect();
    all.insert("allmcp.1".to_owned(), first(&root));
    all
}

/// What [`finish`] puts before everything: once a page, not once a section.
fn preamble() -> String {
    Roff::new().render()
}

pub(crate) fn finish(sections: &[String]) -> String {
    let mut page =
        String::from(".\\\" Made by BLESS=1 cargo test --test generated; do not edit.\n");
    page.push_str(&preamble());
    let mut heads = false;
    for line in sections.iter().flat_map(|section| section.lines()) {
        // The first paragraph below a heading needs no break.
        if !(heads && line == ".PP") {
            page.push_str(line);
            page.push('\n');
        }
        heads = line.starts_with(".SH") || line.starts_with(".SS");
    }
    page
}

/// A text as it stands in a page.
pub(crate) fn escaped(text: &str) -> String {
    section(|roff| {
        roff.text(prose(text));
    })
    .trim_end()
    .to_owned()
}

pub(crate) fn section(write: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    write(&mut roff);
    roff.render()[preamble().len()..].to_owned()
}

/// Words between backticks become bold.
fn prose(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(at, part)| if at % 2 == 0 { roman(part) } else { bold(part) }).collect()
}

pub(crate) fn paragraph(roff: &mut Roff, text: &str) {
    roff.control("PP", []);
    roff.text(prose(text));
}

pub(crate) fn term(roff: &mut Roff, term: Vec<Inline>, what: &str) {
    roff.control("TP", []);
    roff.text(term);
    roff.text(prose(what));
}

pub(crate) fn title(name: &str, number: &str) -> String {
    let manual = if number == "1" { "User commands" } else { "File formats" };
    // Without a date: the same source gives the same bytes.
    format!(".TH {} {number} \"\" \"{VERSION}\" \"{manual}\"\n", name.to_uppercase())
}

pub(crate) fn name(name: &str, about: &str) -> String {
    section(|roff| {
        roff.control("SH", ["NAME"]);
        roff.text([roman(name), roman(" - "), roman(lower(about))]);
    })
}

/// Its first letter small, unless the word is a name.
fn lower(about: &str) -> String {
    let mut chars = about.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase()).into_iter();
    first.chain(chars).collect()
}

/// The lines of `Usage:`.
fn usage(command: &Command) -> Vec<String> {
    let text = command.clone().render_usage().to_string();
    let lines = text.trim_start_matches("Usage:").lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn synopsis(command: &Command, heading: bool) -> String {
    let name = command.get_bin_name().unwrap_or("allmcp");
    section(|roff| {
        if heading {
            roff.control("SH", ["SYNOPSIS"]);
        }
        for (at, line) in usage(command).iter().enumerate() {
            if at > 0 {
                roff.control("br", []);
            }
            let rest = line.strip_prefix(name).unwrap_or(line);
            roff.text([bold(name), roman(rest)]);
        }
    })
}

/// What stands below the options of a help text: examples, and paragraphs.
fn below(command: &Command) -> (Vec<String>, Vec<String>) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (mut examples, mut told) = (Vec::new(), Vec::new());
    for part in text.split("\n\n") {
        match part.strip_prefix("Examples:\n") {
            Some(lines) => examples.extend(lines.lines().map(|line| line.trim_start().to_owned())),
            None if part.trim().is_empty() => {}
            None => told.push(part.replace('\n', " ")),
        }
    }
    (examples, told)
}

fn describe(roff: &mut Roff, command: &Command) {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    for part in about.split("\n\n") {
        let part = part.replace('\n', " ");
        let end = if part.ends_with(['.', ':']) { "" } else { "." };
        paragraph(roff, &format!("{part}{end}"));
    }
    for part in below(command).1 {
        paragraph(roff, &part);
    }
}

/// Arguments and options by their headings; of the global ones only those of `global`.
fn options(command: &Command, global: bool) -> String {
    let own = |arg: &clap::Arg| {
        arg.is_global_set() == global && arg.get_id() != "help" && !arg.is_hide_set()
    };
    let render = |positional: bool| {
        let some = command.get_arguments().any(|arg| own(arg) && arg.is_positional() == positional);
        let shown = command.clone().mut_args(|arg| {
            let hide = !own(&arg) || arg.is_positional() != positional;
            let help = told(&arg);
            arg.hide(hide).hide_short_help(false).hide_possible_values(true).help(help)
        });
        let mut out = Vec::new();
        if some && Man::new(shown).render_options_section(&mut out).is_ok() {
            String::from_utf8_lossy(&out)[preamble().len()..].to_owned()
        } else {
            String::new()
        }
    };
    render(true).replace(".SH OPTIONS", ".SH ARGUMENTS") + &render(false)
}

/// The help of an argument, with the values that there are. Nothing in it is bold.
fn told(arg: &clap::Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(|help| help.to_string().replace('`', "")).unwrap_or_default();
    let values = arg.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set()).map(|value| {
        let more = value.get_help().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}{more}", value.get_name())
    });
    let values = values.collect::<Vec<_>>().join(", ");
    if values.is_empty() { help } else { format!("{help}: {values}") }
}

fn subcommands(command: &Command) -> String {
    let mut out = String::new();
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let name = below.get_bin_name().unwrap_or_default();
        out.push_str(&section(|roff| {
            roff.control("SS", [name]);
        }));
        out.push_str(&synopsis(below, false));
        out.push_str(&section(|roff| describe(roff, below)));
        let options = options(below, false);
        out.extend(
            options.lines().filter(|line| !line.starts_with(".SH")).map(|line| format!("{line}\n")),
        );
    }
    if out.is_empty() { out } else { format!(".SH SUBCOMMANDS\n{out}") }
}

pub(crate) fn verbatim(heading: &str, lines: &[String]) -> String {
    section(|roff| {
        roff.control("SH", [heading]);
        roff.control("EX", []);
        for line in lines {
            roff.text([roman(line)]);
        }
        roff.control("EE", []);
    })
}

pub(crate) fn files(wanted: &[&str]) -> String {
    section(|roff| {
        roff.control("SH", ["FILES"]);
        for (id, path, what) in FILES {
            if *id == "config" || wanted.contains(id) {
                term(roff, vec![italic(*path)], what);
            }
        }
        paragraph(
            roff,
            "With `ALLMCP_HOME` all of it is in that folder; on Windows it is in `%USERPROFILE%\\.allmcp`.",
        );
    })
}

pub(crate) fn environment(wanted: &[&str], all: bool) -> String {
    for name in wanted {
        assert!(VARIABLES.iter().any(|it| it.name == *name), "{name} is no variable");
    }
    section(|roff| {
        roff.control("SH", ["ENVIRONMENT"]);
        for variable in VARIABLES {
            if all || variable.name == "ALLMCP_HOME" || wanted.contains(&variable.name) {
                term(roff, vec![bold(variable.name)], variable.what);
            }
        }
        if !all {
            roff.control("PP", []);
            roff.text([roman("All variables are in")]);
            see(roff, &[("allmcp".to_owned(), '1')], ".");
        }
    })
}

fn exits() -> String {
    section(|roff| {
        roff.control("SH", ["EXIT STATUS"]);
        for row in Exit::TABLE {
            term(roff, vec![bold(row.exit.code().to_string())], &format!("{}.", row.meaning));
        }
    })
}

/// Pages of a list, a line each, and what ends it.
fn see(roff: &mut Roff, pages: &[(String, char)], end: &str) {
    for (at, (page, number)) in pages.iter().enumerate() {
        let end = if at + 1 == pages.len() { end } else { "," };
        roff.text([bold(page), roman(format!("({number}){end}"))]);
    }
}

pub(crate) fn see_also(pages: &[&str]) -> String {
    let of = |page: &&str| {
        let (name, rest) = page.split_once('(').unwrap_or((page, "1)"));
        let dash = if name.is_empty() { "" } else { "-" };
        (format!("allmcp{dash}{name}"), rest.chars().next().unwrap_or('1'))
    };
    section(|roff| {
        roff.control("SH", ["SEE ALSO"]);
        see(roff, &pages.iter().map(of).collect::<Vec<_>>(), "");
    })
}

fn page(command: &Command, more: &More) -> String {
    let path = format!("allmcp-{}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut examples = below(command).0;
    examples.extend(more.examples.iter().map(ToString::to_string));
    let also: Vec<&str> = std::iter::once("(1)").chain(more.see.iter().copied()).collect();
    finish(&[
        title(&path, "1"),
        name(&path, &about),
        synopsis(command, true),
        section(|roff| {
            roff.control("SH", ["DESCRIPTION"]);
            describe(roff, command);
            roff.control("PP", []);
            roff.text([roman("The options that every command takes are in")]);
            see(roff, &[("allmcp".to_owned(), '1')], ".");
        }),
        options(command, false),
        subcommands(command),
        exits(),
        environment(more.variables, false),
        files(more.files),
        verbatim("EXAMPLES", &examples),
        see_also(&also),
    ])
}

/// The page of the program itself.
fn first(root: &Command) -> String {
    let about = root.get_about().map(ToString::to_string).unwrap_or_default();
    let commands: Vec<&Command> = root.get_subcommands().filter(|it| !it.is_hide_set()).collect();
    let also: Vec<String> = commands.iter().map(|it| format!("{}(1)", it.get_name())).collect();
    let mut also: Vec<&str> = also.iter().map(String::as_str).collect();
    also.extend(["catalog(5)", "config(5)"]);
    let all: Vec<&str> = FILES.iter().map(|(id, _, _)| *id).collect();
    finish(&[
        title("allmcp", "1"),
        name("allmcp", about.trim_end_matches('.')),
        synopsis(root, true),
        section(|roff| {
            roff.control("SH", ["DESCRIPTION"]);
            describe(roff, root);
            paragraph(
                roff,
                "Data goes to stdout, everything else to stderr. With `--json` stdout is one JSON document, whose first member `schema` names its shape; an error is one JSON line on stderr. Off a terminal nothing ever waits for an answer: the command fails and names the flag that gives it.",
            );
        }),
        section(|roff| {
            roff.control("SH", ["COMMANDS"]);
            for command in &commands {
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                roff.control("TP", []);
                roff.text([bold(format!("allmcp-{}", command.get_name())), roman("(1)")]);
                roff.text(prose(&format!("{about}.")));
            }
        }),
        options(root, true),
        exits(),
        environment(&[], true),
        files(&all),
        verbatim("EXAMPLES", &below(root).0),
        see_also(&also),
    ])
}
