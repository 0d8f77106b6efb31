//! `report_issue`: a report of a problem for the user to send, if they want to.

use super::{Problem, args, structured};
use crate::hub::{CallError, Hub};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"report_issue","title":"Report a problem","#,
    r#""description":"Writes a report of a problem with allmcp, without secrets, to a file that the user can look at and send. Nothing is sent.","#,
    r#""inputSchema":{"type":"object","properties":{"subject":{"type":"string"},"description":{"type":"string","description":"What was tried, expected and seen"}},"#,
    r#""required":["subject","description"]},"#,
    r#""outputSchema":{"type":"object","properties":{"file":{"type":"string"}}},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":false,"openWorldHint":false}}"#
);

const NAME: &str = "report_issue";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    subject: String,
    description: String,
}

pub(super) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let Args { subject, description } = args;
    if subject.trim().is_empty() {
        return Err(args::wrong(NAME, "subject is empty: say in a few words what is wrong"));
    }
    let Some(reporter) = hub.own_deps().reporter.clone() else {
        return Err(args::wrong(
            NAME,
            "no report can be made here; the user can run: allmcp report",
        ));
    };
    let made = reporter.report(Problem { subject, description }).await;
    let file = made.map_err(|why| args::wrong(NAME, &format!("no report was made: {why}")))?;
    let content = json!({
        "file": file.display().to_string(),
        "sent": false,
        "note": "Nothing was sent. The user should look at the file before giving it to anybody.",
    });
    Ok(structured(&content, None))
}
