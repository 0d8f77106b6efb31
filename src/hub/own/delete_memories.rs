//! `delete_memories`: what shall be known no more.

use super::structured;
use crate::hub::{CallError, Hub};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

const TOOL: &str = "delete_memories";

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"delete_memories","title":"Delete memories","#,
    r#""description":"Deletes memories for good, by the ids that search_memories gives.","#,
    r#""inputSchema":{"type":"object","properties":{"ids":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":100}},"required":["ids"]},"#,
    r#""outputSchema":{"type":"object","properties":{"deleted":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":true,"openWorldHint":false}}"#
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::hub) struct Args {
    ids: Vec<String>,
}

pub(in crate::hub) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let ids = args.ids;
    let done = hub.remember(TOOL, move |store, tenant| store.delete(tenant, &ids)).await?;
    hub.remembered(&done.deleted).await;
    Ok(structured(&json!(done), None))
}
