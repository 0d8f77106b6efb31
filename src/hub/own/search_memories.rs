//! `search_memories`: what was saved before, as short as it can be.

use super::{args, structured};
use crate::{
    hub::{CallError, Hub},
    store::memory::{Found, Hit, Search, time_text},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

const TOOL: &str = "search_memories";

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"search_memories","title":"Search memories","#,
    r#""description":"Finds what was saved with save_or_update_memories; without arguments the newest. A query matches any of its words, best first. A snippet stands for a long content: ask for its id to read all of it.","#,
    r#""inputSchema":{"type":"object","properties":{"query":{"type":"string"},"queries":{"type":"array","items":{"type":"string"},"maxItems":10,"#,
    r#""description":"Several at once"},"ids":{"type":"array","items":{"type":"string"}},"tags":{"type":"array","items":{"type":"string"},"description":"Has all of them"},"source":{"type":"string"},"full":{"type":"boolean","description":"Whole contents"},"limit":{"type":"integer","minimum":1,"maximum":50,"default":10}}},"#,
    r#""outputSchema":{"type":"object","properties":{"memories":{"type":"array"},"results":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

/// Memories of one query where the caller names no number, and most of them.
const USUAL: usize = 10;
const MOST: usize = 50;

/// Queries in one call.
const QUERIES: usize = 10;

/// A content of this many characters costs hardly more than a snippet, and no second call.
const SHORT: usize = 400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::hub) struct Args {
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    queries: Vec<String>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    full: Option<bool>,
    #[serde(default)]
    limit: Option<usize>,
}

pub(in crate::hub) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let Args { query, queries, ids, tags, source, full, limit } = args;
    if queries.len() > QUERIES {
        let why = format!("\"queries\" has {} entries; {QUERIES} is the most", queries.len());
        return Err(args::wrong(TOOL, &why));
    }
    // By id one is asked for to be read.
    let full = full.unwrap_or(!ids.is_empty());
    let usual = if ids.is_empty() { USUAL } else { ids.len().clamp(1, MOST) };
    let limit = limit.unwrap_or(usual);
    if !(1..=MOST).contains(&limit) {
        return Err(args::wrong(TOOL, &format!("\"limit\" is {limit}; use 1 to {MOST}")));
    }
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let source = source.filter(|source| !source.trim().is_empty());
    let many = !queries.is_empty();
    let all: Vec<Option<String>> = match (given(&query), many) {
        (true, _) => std::iter::once(query).chain(queries.into_iter().map(Some)).collect(),
        (false, true) => queries.into_iter().map(Some).collect(),
        (false, false) => vec![None],
    };
    let wanted = ids.clone();
    let found = hub.remember(TOOL, move |store, tenant| {
        let one = |query: Option<String>| {
            let (ids, tags, source) = (ids.clone(), tags.clone(), source.clone());
            let search = Search { query, ids, tags, source, limit };
            let found = store.search(tenant, &search)?;
            Ok((search.query, found))
        };
        all.into_iter().map(one).collect::<Result<Vec<_>, _>>()
    });
    let mut found = found.await?;
    if many {
        let mut shown = HashSet::new();
        let results: Vec<Value> = found
            .iter()
            .map(|(query, found)| {
                let rows = found.hits.iter().map(|hit| {
                    if shown.insert(hit.memory.id.clone()) {
                        row(hit, full)
                    } else {
                        json!({ "id": hit.memory.id, "title": hit.memory.title })
                    }
                });
                let rows: Vec<Value> = rows.collect();
                json!({ "query": query, "memories": rows, "total": found.total })
            })
            .collect();
        return Ok(structured(&json!({ "results": results }), None));
    }
    let (_, Found { hits, total }) = found.pop().unwrap_or_default();
    let rows: Vec<Value> = hits.iter().map(|hit| row(hit, full)).collect();
    let mut content = json!({ "memories": rows, "total": total });
    if total < wanted.len() {
        let there = |id: &&String| hits.iter().any(|hit| hit.memory.id == id.trim());
        let missing: Vec<&String> = wanted.iter().filter(|id| !there(id)).collect();
        content["not_found"] = json!(missing);
    }
    Ok(structured(&content, None))
}

/// What is empty is left out: a model reads every word.
fn row(hit: &Hit, full: bool) -> Value {
    let memory = &hit.memory;
    let mut row = Map::new();
    let mut put = |key: &str, value: Value| {
        row.insert(key.to_owned(), value);
    };
    put("id", json!(memory.id));
    put("title", json!(memory.title));
    if full || memory.content.chars().nth(SHORT).is_none() {
        put("content", json!(memory.content));
    } else {
        put("snippet", json!(hit.snippet));
    }
    if !memory.tags.is_empty() {
        put("tags", json!(memory.tags));
    }
    if let Some(source) = &memory.source {
        put("source", json!(source));
    }
    if let Some(at) = memory.expires_at {
        put("expires_at", json!(time_text(at)));
    }
    if !memory.shared_with.is_empty() {
        put("shared_with", json!(memory.shared_with));
    }
    if let Some(owner) = &memory.owner {
        put("owner", json!(owner));
        put("writable", json!(memory.writable));
    }
    put("updated_at", json!(time_text(memory.updated_at)));
    Value::Object(row)
}
