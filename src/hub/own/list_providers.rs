//! `list_providers`: what can be connected, and how.

use super::structured;
use crate::{
    catalog::Manifest,
    hub::{CallError, Hub},
    task, text,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"list_providers","title":"List providers","#,
    r#""description":"Lists services that can be connected, such as a CRM or an issue tracker, and which are. To connect one, make the call in connect_hint.","#,
    r#""inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"Words of its name or kind"},"connected_only":{"type":"boolean"}}},"#,
    r#""outputSchema":{"type":"object","properties":{"providers":{"type":"array"},"more":{"type":"integer"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

/// Providers of one answer with all that is said of them.
const ROWS: usize = 12;
/// And so many more by their ids alone.
const IDS: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    connected_only: Option<bool>,
}

pub(super) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let deps = hub.own_deps().clone();
    // Manifests are files: the user's folder is read, the built-in ones are parsed.
    let read = task::blocking(move || {
        let registry = deps.registry();
        let all: Vec<Arc<Manifest>> =
            registry.ids().iter().filter_map(|id| registry.get(id).ok()).collect();
        (registry, all)
    });
    let Ok((registry, all)) = read.await else {
        return Ok(structured(&json!({ "providers": [] }), None));
    };
    let index = hub.index();
    let mut connected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for member in index.members() {
        let target = &member.plan.target;
        let id = match Url::parse(target) {
            Ok(url) => registry.by_url(&url),
            Err(_) => Some(target.clone()),
        };
        match id {
            Some(id) => connected.entry(id).or_default().push(member.name().to_string()),
            None => others.push(member.name().to_string()),
        }
    }
    let only = args.connected_only.unwrap_or(false);
    let wanted = all.iter().filter(|it| !only || connected.contains_key(&it.id));
    let found = ranked(wanted, args.query.as_deref().unwrap_or_default());
    let mut content = content(&found, &connected);
    if !others.is_empty() {
        // Servers that are connected by a URL of their own.
        content["other_connections"] = json!(others);
    }
    Ok(structured(&content, None))
}

fn content(found: &[&Manifest], connected: &BTreeMap<String, Vec<String>>) -> Value {
    let rows: Vec<Value> =
        found.iter().take(ROWS).map(|it| row(it, connected.get(&it.id))).collect();
    let mut content = json!({ "providers": rows });
    if found.len() > ROWS {
        let rest = found[ROWS..].iter().take(IDS).map(|it| it.id.as_str());
        content["more"] = (found.len() - ROWS).into();
        content["more_ids"] = rest.collect();
        content["note"] = "narrow it with query".into();
    }
    if found.is_empty() {
        content["note"] =
            "no provider fits; any MCP server can be connected by its URL: allmcp connect URL"
                .into();
    }
    content
}

fn row(manifest: &Manifest, connections: Option<&Vec<String>>) -> Value {
    let mut ways: Vec<&str> = manifest.auth.iter().map(|way| way.kind.word()).collect();
    ways.dedup();
    json!({
        "id": manifest.id,
        "name": text::line(&manifest.name, 80),
        "category": text::line(&manifest.category, 40),
        "about": text::line(&manifest.about, 160),
        "auth": ways,
        "connections": connections.map_or(json!([]), |names| json!(names)),
        "connect_hint": connect_hint(&manifest.id),
    })
}

/// The call that connects it: whatever else it needs is asked of the user on a page.
pub(super) fn connect_hint(id: &str) -> Value {
    json!({ "name": "connect_provider", "arguments": { "provider": id } })
}

/// Those in which a word of the query stands: the more of its words, and the nearer to the name,
/// the earlier. Without words all, in their order.
fn ranked<'a>(all: impl Iterator<Item = &'a Arc<Manifest>>, query: &str) -> Vec<&'a Manifest> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query
        .split(|c: char| !c.is_alphanumeric())
        // One letter stands in everything.
        .filter(|word| word.chars().count() > 1)
        .collect();
    let score = |manifest: &Manifest| -> usize {
        let name = format!("{} {}", manifest.id, manifest.name).to_lowercase();
        let rest = format!("{} {}", manifest.category, manifest.about).to_lowercase();
        let whole = |text: &str, word: &str| {
            text.split(|c: char| !c.is_alphanumeric()).any(|it| it == word)
        };
        let in_text = |text: &str, word: &str| {
            usize::from(text.contains(word)) + usize::from(whole(text, word))
        };
        let of = |word: &&str| 3 * in_text(&name, word) + in_text(&rest, word);
        words.iter().map(of).sum()
    };
    let mut found: Vec<(usize, &Manifest)> = all.map(|it| (score(it), it.as_ref())).collect();
    if !query.trim().is_empty() {
        found.retain(|(score, _)| *score > 0);
    }
    // What has a shorter id is the more general.
    found.sort_by_key(|(score, it)| {
        (std::cmp::Reverse(*score), (*score > 0).then_some(it.id.len()))
    });
    found.into_iter().map(|(_, manifest)| manifest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Registry;

    fn all() -> Vec<Arc<Manifest>> {
        let registry = Registry::default();
        registry.ids().iter().map(|id| registry.get(id).unwrap()).collect()
    }

    #[test]
    fn what_is_asked_for_is_found_best_first() {
        let all = all();
        let ids = |query: &str| -> Vec<&str> {
            ranked(all.iter(), query).into_iter().map(|it| it.id.as_str()).collect()
        };
        assert_eq!(ids("connect my Kommo")[0], "kommo");
        assert_eq!(ids("Cloudflare")[0], "cloudflare");
        assert!(ids("cloudflare logs")[..3].contains(&"cloudflare-logs"));
        assert!(ids("crm").contains(&"bitrix24"));
        assert_eq!(ids("").len(), all.len());
        assert!(ids("xyzzy").is_empty() && ids("a").is_empty());
    }

    #[test]
    fn an_answer_is_small_and_says_what_it_left_out() {
        let all = all();
        let content = content(&ranked(all.iter(), ""), &BTreeMap::new());
        assert_eq!(content["providers"].as_array().unwrap().len(), ROWS);
        assert_eq!(content["more"], all.len() - ROWS);
        assert!(content.to_string().len() < 6000, "{}", content.to_string().len());
        let hint = &content["providers"][0]["connect_hint"];
        assert_eq!(hint["arguments"]["provider"], content["providers"][0]["id"]);
        assert!(
            super::content(&[], &BTreeMap::new())["note"].as_str().unwrap().contains("by its URL")
        );
    }
}
