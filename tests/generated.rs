//! What is made from the program itself is current: the manual pages, the help of every command,
//! the stubs of completions.
//!
//! `BLESS=1 cargo test --test generated` writes all of it anew.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test says what it expects, and is asked to write by a variable"
)]

#[path = "generated/commands.rs"]
mod commands;
#[path = "generated/config.rs"]
mod config;
#[path = "generated/man.rs"]
mod man;
#[path = "generated/more.rs"]
mod more;
mod support;

use allmcp::{
    cli::{exit::Exit, grammar::Cli},
    config::{Env, Paths, env::VARIABLES, reference::TABLES},
};
use clap::CommandFactory as _;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use support::env::TestEnv;

/// Made by hand.
const BY_HAND: &[&str] = &["allmcp-catalog.5"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a folder with what it should hold, to the byte and to the file.
#[track_caller]
fn current(name: &str, want: &BTreeMap<String, String>, by_hand: &[&str]) {
    let folder = folder(name);
    let there = || -> Vec<String> {
        let files = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().into_string().unwrap());
        names.filter(|name| !by_hand.contains(&name.as_str())).collect()
    };
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for orphan in there().iter().filter(|file| !want.contains_key(*file)) {
            fs::remove_file(folder.join(orphan)).unwrap();
        }
        for (file, text) in want {
            fs::write(folder.join(file), text).unwrap();
        }
    }
    let mut stale: Vec<_> = there().into_iter().filter(|file| !want.contains_key(file)).collect();
    for (file, text) in want {
        let kept = fs::read_to_string(folder.join(file)).unwrap_or_default();
        if kept.replace("\r\n", "\n") != *text {
            stale.push(file.clone());
        }
    }
    assert!(
        stale.is_empty(),
        "{name} is stale, run BLESS=1 cargo test --test generated: {stale:?}"
    );
}

fn pages() -> BTreeMap<String, String> {
    let mut pages = man::pages(&Cli::command());
    pages.insert("allmcp-config.5".to_owned(), config::page());
    pages
}

#[test]
fn the_manual_is_current() {
    current("man", &pages(), BY_HAND);
}

#[test]
fn every_page_has_what_people_look_for() {
    let pages = pages();
    assert!(pages.len() > 25, "{:?}", pages.keys());
    for (file, page) in &pages {
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "ENVIRONMENT", "EXAMPLES", "\"SEE ALSO\""]
        {
            let head = format!("\n.SH {section}\n");
            assert_eq!(page.matches(&head).count(), 1, "{file}: {section}");
        }
        assert!(file.ends_with(".5") || page.contains("\n.SH \"EXIT STATUS\"\n"), "{file}");
        assert!(!page.contains('`'), "{file}: a backtick is left");
    }
    let first = &pages["allmcp.1"];
    for row in Exit::TABLE {
        assert!(first.contains(&format!(
            "\n\\fB{}\\fR\n{}",
            row.exit.code(),
            man::escaped(row.meaning)
        )));
    }
    for variable in VARIABLES {
        assert!(first.contains(&man::escaped(variable.what)), "{}", variable.name);
    }
    for key in TABLES.iter().flat_map(|table| table.keys) {
        assert!(pages["allmcp-config.5"].contains(&man::escaped(key.what)), "{}", key.name);
    }
}

#[test]
fn pages_that_are_named_are_there() {
    let pages = pages();
    for (file, page) in &pages {
        for line in page.lines().filter_map(|line| line.strip_prefix("\\fBallmcp")) {
            let Some((name, section)) = line.split_once("\\fR(") else { continue };
            let named = format!("allmcp{}.{}", name.replace("\\-", "-"), &section[..1]);
            assert!(pages.contains_key(&named) || BY_HAND.contains(&&*named), "{file}: {named}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_files_of_the_manual_are_where_they_are_said_to_be() {
    let env = Env::of([("HOME".to_owned(), "/h".to_owned())]);
    let paths = Paths::resolve(&env).unwrap();
    let real = [
        paths.config_file.clone(),
        paths.providers().join("*.toml"),
        paths.data.join("secrets.json"),
        paths.memory(),
        paths.access_log(),
        paths.log_file(),
        paths.lists(),
    ];
    let said: Vec<_> = more::FILES.iter().map(|(_, path, _)| path.replace('~', "/h")).collect();
    assert_eq!(said, real.map(|path| path.display().to_string()));
}

#[test]
fn every_example_is_a_line_that_is_understood() {
    let mut count = 0;
    for (page, text) in &pages() {
        let examples = text.split("\n.SH EXAMPLES\n").nth(1).unwrap();
        let examples = examples.split("\n.SH ").next().unwrap();
        for line in examples.lines().filter(|line| page.ends_with(".1") && !line.starts_with('.')) {
            let line = line
                .replace("\\-", "-")
                .replace("\\*(Aq", "'")
                .replace("\\\\", "\\")
                .replace("\\&", "");
            count += commands::understood(&line, page);
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn the_sample_of_the_configuration_is_read_without_a_word() {
    let env = TestEnv::new();
    env.config(config::SAMPLE);
    let listed = env.command(&["list", "--json"]).var("ALLV_USER_EMAIL", "a@b.example").run();
    let listed = listed.success();
    assert_eq!(listed.stderr(), "");
    let checked = env.cmd(&["config", "get", "connections.kommo.policy.destructive"]).success();
    assert_eq!((checked.stdout(), checked.stderr()), ("ask\n", ""));
}

#[test]
fn the_help_of_every_command_is_what_it_was() {
    let env = TestEnv::new();
    let mut all = BTreeMap::new();
    let mut root = Cli::command();
    root.build();
    for path in commands::paths(&root) {
        let mut words: Vec<&str> = path.split(' ').skip(1).collect();
        words.push("--help");
        let help = env.cmd(&words).success();
        assert_eq!(help.stderr(), "", "{path}");
        assert!(help.stdout().lines().all(|line| line.chars().count() <= 110), "{path}");
        all.insert(format!("{}.txt", path.replace(' ', "-")), help.stdout().to_owned());
    }
    current("tests/snapshots/help", &all, &[]);
}

#[test]
fn the_stubs_are_what_the_program_prints() {
    let env = TestEnv::new();
    let files = [
        ("bash", "allmcp.bash"),
        ("fish", "allmcp.fish"),
        ("powershell", "allmcp.ps1"),
        ("zsh", "_allmcp"),
    ];
    for (shell, file) in files {
        let printed = env.cmd(&["completions", shell]).success();
        let kept = fs::read_to_string(folder("completions").join(file)).unwrap();
        assert_eq!(printed.stdout(), kept.replace("\r\n", "\n"), "{shell}");
        // What the stub then runs is there too.
        let script = env.command(&[]).var("ALLMCP_COMPLETE", shell).run().success();
        assert!(script.stdout().contains("ALLMCP_COMPLETE"), "{shell}: {script:?}");
        assert!(
            kept.contains(&format!("ALLMCP_COMPLETE={shell}")) || shell == "powershell",
            "{kept}"
        );
    }
    assert_eq!(fs::read_dir(folder("completions")).unwrap().count(), files.len());
    let document = env.cmd(&["completions", "bash", "--json"]).success();
    support::golden::document(&env, "completions", &document);
    assert!(env.cmd(&["completions", "tcsh"]).code(2).stderr().contains("zsh"));
    assert!(!env.allmcp_home().exists());
}
