//! Names of tools, from the last known list of a connection: never from all of them at once,
//! unless that is asked for.

use super::live::{Live, Which, candidate};
use crate::{
    config::{Connection, Target},
    hub::{glob, names},
    store::tool_cache::ListCache,
    wire::splice,
};
use bytes::Bytes;
use clap_complete::engine::CompletionCandidate;
use serde_json::Value;

/// The words of `allmcp call`: a connection, or a tool by its public name; then the tool of that
/// connection; then the tool's arguments.
pub(super) fn call(live: &Live, word: &str) -> Vec<CompletionCandidate> {
    let before = live.line.after("call");
    let named: Vec<_> = before.iter().copied().take_while(|word| !word.contains('=')).collect();
    match named[..] {
        [] => {
            let mut all = live.connections(Which::Enabled);
            let mut fitting = enabled(live).filter(|it| fits(it, word));
            // Which connection is meant has to be plain before a list is read.
            if let (Some(only), None) = (fitting.next(), fitting.next()) {
                all.extend(public_of(live, only));
            }
            all
        }
        [name] if live.settings().connection(name).is_some() => {
            let connection = live.settings().connection(name);
            connection.map(|it| offered(live, it, true)).unwrap_or_default()
        }
        [name] => {
            let owner = enabled(live)
                .find(|it| name.starts_with(&format!("{}{}", it.name, names::SEPARATOR)));
            owner
                .map(|it| {
                    arguments(
                        live,
                        it,
                        |tool| names::public(&it.name, tool).as_str() == name,
                        &before,
                    )
                })
                .unwrap_or_default()
        }
        [name, tool] => {
            let owner = live.settings().connection(name);
            owner.map(|it| arguments(live, it, |own| own == tool, &before)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Public names, of every connection that the word fits.
pub(super) fn public(live: &Live, word: &str) -> Vec<CompletionCandidate> {
    enabled(live).filter(|it| fits(it, word)).flat_map(|it| public_of(live, it)).collect()
}

/// The upstream's own names, of the connection that the line names.
pub(super) fn own(live: &Live, _: &str) -> Vec<CompletionCandidate> {
    let mut words = ["enable", "disable"].into_iter().flat_map(|verb| live.line.after(verb));
    let connection = words.find_map(|word| live.settings().connection(word));
    connection.map(|it| offered(live, it, false)).unwrap_or_default()
}

fn enabled(live: &Live) -> impl Iterator<Item = &Connection> {
    live.settings().connections.iter().filter(|it| it.enabled)
}

/// Whether `word` may become a public name of this connection.
fn fits(connection: &Connection, word: &str) -> bool {
    let prefix = format!("{}{}", connection.name, names::SEPARATOR);
    prefix.starts_with(word) || word.starts_with(&prefix)
}

fn public_of(live: &Live, connection: &Connection) -> Vec<CompletionCandidate> {
    let tools = tools(live, connection).into_iter().filter(|tool| callable(connection, tool));
    tools
        .filter_map(|tool| candidate(names::public(&connection.name, &tool).as_str(), None))
        .collect()
}

fn offered(live: &Live, connection: &Connection, only_callable: bool) -> Vec<CompletionCandidate> {
    let wanted = |tool: &String| !only_callable || callable(connection, tool);
    let tools = tools(live, connection).into_iter().filter(wanted);
    tools.filter_map(|tool| candidate(&tool, None)).collect()
}

fn callable(connection: &Connection, tool: &str) -> bool {
    glob::any(&connection.allow, tool) && !glob::any(&connection.deny, tool)
}

/// The upstream's own names.
fn tools(live: &Live, connection: &Connection) -> Vec<String> {
    if let Some(raw) = cached(live, connection) {
        return raw.iter().filter_map(|tool| name(tool)).collect();
    }
    match &connection.target {
        Target::Provider { id, .. } => {
            let manifest = live.registry().get(id);
            manifest
                .map(|it| it.tools.iter().map(|tool| tool.name.clone()).collect())
                .unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The last known list, where it is one of the present target.
fn cached(live: &Live, connection: &Connection) -> Option<Vec<Bytes>> {
    let cache = ListCache::new(live.paths.as_ref()?.lists());
    let lists = cache.load(&live.line.tenant().account(&connection.name))?;
    (lists.target == connection.target_source()).then_some(lists.tools)
}

fn name(tool: &[u8]) -> Option<String> {
    splice::get_str(tool, "name").map(Into::into)
}

/// `k=` for what is a string and `k:=` for the rest, without those that are given.
fn arguments(
    live: &Live,
    connection: &Connection,
    is_it: impl Fn(&str) -> bool,
    given: &[&str],
) -> Vec<CompletionCandidate> {
    let lists = cached(live, connection).unwrap_or_default();
    let tool = lists.iter().find(|tool| name(tool).is_some_and(|name| is_it(&name)));
    let tool: Value = tool.and_then(|raw| serde_json::from_slice(raw).ok()).unwrap_or_default();
    let properties = tool["inputSchema"]["properties"].as_object();
    let all = properties.into_iter().flatten().filter(|(key, _)| {
        !given.iter().any(|word| word.split([':', '=']).next() == Some(key.as_str()))
    });
    all.filter_map(|(key, schema)| {
        let sign = if schema["type"] == "string" { "=" } else { ":=" };
        candidate(&format!("{key}{sign}"), schema["description"].as_str())
    })
    .collect()
}
