//! `read_more`: the next part of an answer that was too long for the client.

use crate::hub::{CallError, Hub, Request};
use bytes::Bytes;
use serde::Deserialize;

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"read_more","title":"Read on","#,
    r#""description":"The next part of an answer that was cut. The cursor stands at the end of the part before.","#,
    r#""inputSchema":{"type":"object","properties":{"cursor":{"type":"string"}},"required":["cursor"]},"#,
    r#""outputSchema":{"type":"object","properties":{"cursor":{"type":["string","null"]}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    cursor: String,
}

pub(super) async fn run(hub: &Hub, args: Args, request: &Request) -> Result<Bytes, CallError> {
    hub.longs().read_more(&args.cursor, request.limit).await
}
