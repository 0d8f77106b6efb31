//! What a user should know about a client beside the change itself.

use super::{ALL, Client, Dirs, Server, format::File, place, plan};
use serde_json::Value;

/// Traps of `client` as it is now, one sentence each. What cannot be read is no trap: whoever
/// changes it is told. Blocks.
pub fn notes(client: &'static dyn Client, dirs: &Dirs, server: &Server) -> Vec<String> {
    let mut notes = client.traps(dirs, server);
    if let Some((name, entry)) = entry(client, dirs, server) {
        let is = |key: &str, value: bool| entry.get(key) == Some(&Value::Bool(value));
        let off = [("disabled", true), ("enabled", false)].into_iter().find(|(k, v)| is(k, *v));
        notes.extend(
            off.map(|(key, value)| format!("{name:?} is switched off there: {key:?} is {value}")),
        );
    }
    notes.extend(twice(client, dirs, server));
    notes
}

/// One client starts what another lists: with our entry in both it would start us twice.
fn twice(client: &'static dyn Client, dirs: &Dirs, server: &Server) -> Vec<String> {
    let has = |other: &'static dyn Client| entry(other, dirs, server).is_some();
    let pairs = ALL.iter().copied().flat_map(|reader| {
        let listed = ALL.iter().copied().filter(|it| reader.also_starts().contains(&it.id()));
        listed.map(move |listed| (reader, listed))
    });
    pairs
        .filter(|(reader, listed)| {
            let other = if reader.id() == client.id() { listed } else { reader };
            [reader.id(), listed.id()].contains(&client.id()) && has(*other)
        })
        .map(|(reader, listed)| {
            format!(
                "{0} can start what {1} lists, and allmcp is in both: switch file-based servers off \
                 in {0}, or allmcp uninstall {2}",
                reader.title(),
                listed.title(),
                reader.id()
            )
        })
        .collect()
}

fn entry(client: &'static dyn Client, dirs: &Dirs, server: &Server) -> Option<(String, Value)> {
    let path = place(client, dirs).ok()?;
    let bytes = plan::read(&path).ok()??;
    let file = File::parse(client.format(), &path, Some(&bytes)).ok()?;
    plan::ours(client, &file, server)
}
