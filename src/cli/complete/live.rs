//! What the configuration and the caches know, read when it is asked for and not before.

use super::line::Line;
use crate::{
    catalog::Registry,
    config::{self, Connection, Env, Paths, Settings, Target},
    text,
};
use clap_complete::engine::CompletionCandidate;
use std::{ffi::OsString, sync::OnceLock};

/// Where the shells `bash`, `elvish` and `zsh` say in which word the cursor is.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// Longest help beside a value, in characters.
const HELP: usize = 60;

pub(super) struct Live {
    pub line: Line,
    /// `None` without a home folder: then nothing is known.
    pub paths: Option<Paths>,
    env: Env,
    settings: OnceLock<Settings>,
}

/// Which connections are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Enabled,
    Disabled,
}

impl Live {
    pub(super) fn new(words: &[OsString]) -> Self {
        let env = Env::read();
        let at = env.var(INDEX).and_then(|index| index.expose().parse().ok());
        let paths = Paths::resolve(&env).ok();
        Self { line: Line::new(words, at), paths, env, settings: OnceLock::new() }
    }

    /// One small file; with a broken one the last good copy.
    pub(super) fn settings(&self) -> &Settings {
        self.settings.get_or_init(|| {
            let load = |paths| config::load(paths, &self.env).settings;
            self.paths.as_ref().map(load).unwrap_or_default()
        })
    }

    pub(super) fn connections(&self, which: Which) -> Vec<CompletionCandidate> {
        let wanted = |connection: &&Connection| match which {
            Which::All => true,
            Which::Enabled => connection.enabled,
            Which::Disabled => !connection.enabled,
        };
        let all = self.settings().connections.iter().filter(wanted);
        all.filter_map(|it| candidate(it.name.as_str(), Some(&told(it)))).collect()
    }

    pub(super) fn registry(&self) -> Registry {
        self.paths.as_ref().map(|paths| Registry::new(paths.providers())).unwrap_or_default()
    }
}

/// A connection in a few words.
fn told(connection: &Connection) -> String {
    let target = match &connection.target {
        Target::Url(url) => host(url.source()),
        Target::Provider { id, .. } => id,
        Target::Command { command, .. } => command,
        Target::None => "",
    };
    match connection {
        it if !it.enabled => format!("{target} (disabled)"),
        it if it.problem.is_some() => format!("{target} (error)"),
        _ => target.to_owned(),
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// A value to offer. Names of tools, providers and profiles are other people's texts, and what
/// is offered ends up in a command line: only what means nothing to any shell is.
pub(super) fn candidate(value: &str, help: Option<&str>) -> Option<CompletionCandidate> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=".contains(c);
    let safe = !value.is_empty() && !value.starts_with('-') && value.chars().all(plain);
    let help = help.map(|help| text::line(help, HELP)).filter(|help| !help.is_empty());
    safe.then(|| CompletionCandidate::new(value).help(help.map(Into::into)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mean_something_to_a_shell_is_not_offered() {
        for bad in ["", "-rf", "a b", "$(x)", "`x`", "a;b", "a\nb", "a'b", "é", "~x", "a*"] {
            assert_eq!(candidate(bad, None), None, "{bad:?}");
        }
        let good = candidate("kommo__leads.list", Some("a\u{1b}[31m\nb")).unwrap();
        let help = good.get_help().unwrap().to_string();
        assert!(!help.contains(['\u{1b}', '\n']), "{help:?}");
    }

    #[test]
    fn a_url_is_told_by_its_host() {
        assert_eq!(host("https://mcp.example.com/mcp?x"), "mcp.example.com");
        assert_eq!(host("https://${param:t}.example.com"), "${param:t}.example.com");
    }
}
