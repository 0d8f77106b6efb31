//! `get_usage`: what was called through us, counted from the access log.

use super::structured;
use crate::{
    hub::{CallError, Hub},
    store::{
        Filter, LogReader,
        usage::{self, Counters, Usage},
    },
    task,
};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"get_usage","title":"Usage","#,
    r#""description":"Counts the calls that went through allmcp: calls, failures and times of each tool.","#,
    r#""inputSchema":{"type":"object","properties":{}},"#,
    r#""outputSchema":{"type":"object","properties":{"calls":{"type":"integer"},"tools":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

/// Tools of one answer.
const ROWS: usize = 30;

pub(super) async fn run(hub: &Hub) -> Result<Bytes, CallError> {
    hub.log().write_waiting();
    let path = hub.log().path();
    let tenant = hub.tenant();
    let (org, user) = (tenant.org.clone(), tenant.user.clone());
    let filter = Filter { org, user, ..Filter::default() };
    let read = task::blocking(move || usage::read(LogReader::new(path), &filter)).await;
    Ok(structured(
        &match read {
            Ok(Ok(usage)) => content(&usage),
            // A log that cannot be read fails nobody.
            Ok(Err(_)) | Err(_) => json!({ "calls": 0, "note": "the access log cannot be read" }),
        },
        None,
    ))
}

fn content(usage: &Usage) -> Value {
    let mut rows: Vec<(&str, &Counters)> = Vec::new();
    for connection in &usage.connections {
        rows.extend(connection.tools.iter().map(|it| (it.tool.as_str(), &it.counters)));
    }
    rows.sort_by_key(|(_, counters)| std::cmp::Reverse(counters.calls));
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let row = |(tool, it): (&str, &Counters)| {
        json!({
            "tool": tool, "calls": it.calls, "failures": it.failures,
            "p50_ms": it.p50_ms, "p95_ms": it.p95_ms,
        })
    };
    let all = usage.counters;
    let since = usage.first_call.map(|at| humantime::format_rfc3339_seconds(at).to_string());
    let mut content = json!({
        "since": since, "calls": all.calls, "failures": all.failures,
        "request_bytes": all.request_bytes, "response_bytes": all.response_bytes,
        "p50_ms": all.p50_ms, "p95_ms": all.p95_ms,
        "tools": rows.into_iter().map(row).collect::<Value>(),
    });
    if more > 0 {
        content["more"] = more.into();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::usage::{OfConnection, OfTool};

    #[test]
    fn the_most_called_come_first_and_the_rest_is_counted() {
        let tool = |n: u64| OfTool {
            tool: format!("c__{n}"),
            counters: Counters { calls: n, ..Counters::default() },
        };
        let tools = (0..40).map(tool).collect();
        let of = OfConnection { connection: "c".to_owned(), counters: Counters::default(), tools };
        let content = content(&Usage { connections: vec![of], ..Usage::default() });
        assert_eq!(content["tools"].as_array().unwrap().len(), ROWS);
        assert_eq!((&content["tools"][0]["tool"], &content["more"]), (&json!("c__39"), &json!(10)));
        assert_eq!(content["since"], Value::Null);
    }
}
