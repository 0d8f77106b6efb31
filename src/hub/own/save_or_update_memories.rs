//! `save_or_update_memories`: what the user or the model wants to know in later chats.

use super::structured;
use crate::{
    hub::{CallError, Hub},
    store::memory::{Change, Draft, Sharing, moment},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

const TOOL: &str = "save_or_update_memories";

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"save_or_update_memories","title":"Save memories","#,
    r#""description":"Remembers facts, preferences and decisions for later chats. An id, else an equal title, changes that memory: fields left out stay, empty ones are cleared, content is replaced (search_memories first). All are saved or none. No passwords or keys.","#,
    r#""inputSchema":{"type":"object","properties":{"memories":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","properties":{"id":{"type":"string"},"#,
    r#""title":{"type":"string","maxLength":200,"description":"Unique; needed without id"},"content":{"type":"string","description":"Text, up to 64 KiB; needed for a new one"},"#,
    r#""tags":{"type":"array","items":{"type":"string"}},"source":{"type":"string","description":"Where it comes from"},"expires_at":{"type":"string","#,
    r#""description":"RFC 3339; hidden from then on"},"shared_with":{"type":"object","description":"User ids of the same org; write includes read","properties":{"read":{"type":"array","items":{"type":"string"}},"write":{"type":"array","items":{"type":"string"}}}}}}}},"required":["memories"]},"#,
    r#""outputSchema":{"type":"object","properties":{"memories":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":true,"openWorldHint":false}}"#
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::hub) struct Args {
    memories: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tags: Change<Vec<String>>,
    #[serde(default)]
    source: Change<String>,
    #[serde(default)]
    expires_at: Change<String>,
    #[serde(default)]
    shared_with: Change<Sharing>,
}

pub(in crate::hub) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let drafts = args.memories.into_iter().enumerate();
    let drafts = drafts.map(|(at, item)| item.draft(at)).collect::<Result<Vec<_>, _>>()?;
    let saved = hub.remember(TOOL, move |store, tenant| store.save(tenant, drafts)).await?;
    let ids: Vec<String> = saved.iter().map(|saved| saved.id.clone()).collect();
    hub.remembered(&ids).await;
    Ok(structured(&json!({ "memories": saved }), None))
}

impl Item {
    fn draft(self, at: usize) -> Result<Draft, CallError> {
        let Self { id, title, content, tags, source, expires_at, shared_with } = self;
        let expires_at = match expires_at {
            Change::Set(text) if text.trim().is_empty() => Change::Clear,
            other => other,
        };
        let expires_at = expires_at.try_map(|text| moment(&text)).map_err(|error| {
            super::args::wrong(TOOL, &format!("memory {}: \"expires_at\": {error}", at + 1))
        })?;
        // Models fill in what they do not have.
        let id = id.filter(|id| !id.trim().is_empty()).map(|id| id.trim().to_owned());
        Ok(Draft { id, title, content, tags, source, expires_at, shared_with })
    }
}
