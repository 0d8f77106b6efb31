//! `find_relevant_tools`: tools by what they do, so that not all of them have to be listed.

use super::{args, structured_json};
use crate::hub::{
    CallError, Hub,
    find::{MOST, Wanted},
};
use bytes::Bytes;
use serde::Deserialize;

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"find_relevant_tools","title":"Find tools","#,
    r#""description":"Finds tools of all connected services for one step of work, best first. Say what is to be done and on what, like 'create a deal in the CRM'. The first row has its input_schema; call a tool by its name with call_tool. Services that need a sign-in are in locked_groups with the remedy.","#,
    r#""inputSchema":{"type":"object","properties":{"query":{"type":"string"},"group":{"type":"string","description":"Only this group, from list_tool_groups"},"#,
    r#""limit":{"type":"integer","minimum":1,"maximum":50,"default":8}},"required":["query"]},"#,
    r#""outputSchema":{"type":"object","properties":{"tools":{"type":"array"},"more":{"type":"integer"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

const NAME: &str = "find_relevant_tools";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    query: String,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

pub(super) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let Args { query, group, limit } = args;
    if query.trim().is_empty() {
        return Err(args::wrong(NAME, "query is empty: say what is to be done"));
    }
    if limit.is_some_and(|limit| !(1..=MOST).contains(&limit)) {
        return Err(args::wrong(NAME, "limit is a whole number from 1 to 50"));
    }
    let wanted = Wanted { query: &query, group: group.as_deref(), limit };
    let answer = hub.find(&wanted).await.map_err(|no| {
        let valid = no.valid.join(", ");
        args::wrong(NAME, &format!("there is no such group; there are: {valid}"))
    })?;
    let content = serde_json::to_string(&answer).map_err(|_| args::wrong(NAME, "no answer"))?;
    Ok(structured_json(&content, None))
}
