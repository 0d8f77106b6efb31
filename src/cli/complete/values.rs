//! Values of everything but connections and tools.

use super::live::{Live, candidate};
use crate::{
    catalog::Manifest,
    cli::grammar,
    clients,
    config::{
        Target,
        reference::{Kind, TABLES, Table},
    },
    kind::AuthKind,
    name::ConnectionName,
};
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use std::{ffi::OsStr, sync::Arc};

pub(super) fn words(words: &[&str]) -> Vec<CompletionCandidate> {
    words.iter().map(|word| CompletionCandidate::new(*word)).collect()
}

/// By id, with the name as help.
pub(super) fn providers(live: &Live, word: &str) -> Vec<CompletionCandidate> {
    let registry = live.registry();
    let all = registry.names().into_iter().filter(|(id, _)| id.starts_with(word));
    all.filter_map(|(id, name)| candidate(id, name)).collect()
}

/// The provider that the line is about.
fn provider(live: &Live) -> Option<Arc<Manifest>> {
    let registry = live.registry();
    let words = live.line.after("connect");
    let known = words.into_iter().find(|word| registry.ids().contains(word))?;
    registry.get(known).ok()
}

/// The ways to sign in: those of the provider that the line names, else the kinds there are.
pub(super) fn ways(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    match provider(live) {
        Some(provider) => {
            provider.auth.iter().filter_map(|way| candidate(&way.id, Some(&way.title))).collect()
        }
        None => AuthKind::WORDS
            .iter()
            .filter(|word| grammar::auth(word).is_ok())
            .map(|word| CompletionCandidate::new(*word))
            .collect(),
    }
}

/// The parameters of the provider that the line names.
pub(super) fn params(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let Some(provider) = provider(live) else { return Vec::new() };
    let ways = provider.auth.iter().flat_map(|way| way.params.iter());
    let all = provider.params.iter().chain(ways);
    let mut out: Vec<_> =
        all.filter_map(|it| candidate(&format!("{}=", it.name), Some(&it.title))).collect();
    out.sort();
    out.dedup();
    out
}

/// Connections, and the groups of those that have some.
pub(super) fn groups(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let registry = live.registry();
    let mut out = Vec::new();
    for connection in live.settings().connections.iter().filter(|it| it.enabled) {
        let name = &connection.name;
        out.extend(candidate(name.as_str(), None));
        if let Target::Provider { id, .. } = &connection.target
            && let Ok(manifest) = registry.get(id)
        {
            let groups = manifest.groups.iter();
            out.extend(
                groups.filter_map(|it| candidate(&format!("{name}/{}", it.id), Some(&it.title))),
            );
        }
    }
    out
}

pub(super) fn profiles(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let named = |names: &[ConnectionName]| {
        names.iter().map(ConnectionName::as_str).collect::<Vec<_>>().join(", ")
    };
    let all = live.settings().profiles.iter();
    all.filter_map(|(name, connections)| candidate(name, Some(&named(connections)))).collect()
}

pub(super) fn clients() -> Vec<CompletionCandidate> {
    clients::ALL.iter().filter_map(|it| candidate(it.id(), Some(it.title()))).collect()
}

/// What `import` takes: a client, or any file.
pub(super) fn clients_and_files(_: &Live, word: &str) -> Vec<CompletionCandidate> {
    let mut all = clients();
    all.extend(PathCompleter::file().current_dir(".").complete(OsStr::new(word)));
    all
}

/// Every key that has a value, for the connections and profiles that there are.
pub(super) fn keys(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let settings = live.settings();
    let mut out = Vec::new();
    for table in TABLES.iter().filter(|table| !table.path.is_empty()) {
        let names: Vec<&str> = match table.path.split_once('.') {
            Some(("connections", _)) => {
                settings.connections.iter().map(|it| it.name.as_str()).collect()
            }
            Some(_) => settings.profiles.keys().map(String::as_str).collect(),
            None => vec![""],
        };
        for name in names {
            let path = table.path.replacen("NAME", name, 1);
            let keys = table.keys.iter().filter(|key| key.kind != Kind::Table);
            out.extend(
                keys.filter_map(|it| candidate(&format!("{path}.{}", it.name), Some(it.what))),
            );
        }
    }
    out
}

/// The values of the key that the line names, where they can be counted.
pub(super) fn value(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let Some(key) = live.line.after("set").first().copied() else { return Vec::new() };
    let Some((path, name)) = key.rsplit_once('.') else { return Vec::new() };
    let is_it = |table: &&Table| {
        let (known, given) = (table.path.split('.'), path.split('.'));
        known.clone().count() == given.clone().count()
            && known.zip(given).all(|(known, given)| known == "NAME" || known == given)
    };
    let keys = TABLES.iter().filter(is_it).flat_map(|table| table.keys);
    keys.filter(|key| key.name == name).flat_map(|key| words(key.kind.words())).collect()
}
