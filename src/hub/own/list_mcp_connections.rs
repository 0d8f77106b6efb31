//! `list_mcp_connections`: how every connection is doing, and what the user has to do.

use super::{CONNECT_REQUIRED, all_required, expires_at, structured};
use crate::{
    hub::{CallError, Hub, report::Report},
    kind::Status,
};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"list_mcp_connections","title":"List connections","#,
    r#""description":"Lists the connected services: whether each works, needs a sign-in, or has failed and why. Use it when a tool is missing or a call failed.","#,
    r#""inputSchema":{"type":"object","properties":{}},"#,
    r#""outputSchema":{"type":"object","properties":{"connections":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

pub(in crate::hub) async fn run(hub: &Hub) -> Result<Bytes, CallError> {
    let reports = hub.report_with_links().await;
    Ok(result(&reports, hub.plan().config_error.as_deref()))
}

/// `config_error` says why the settings in use are not those in the file.
fn result(reports: &[Report], config_error: Option<&str>) -> Bytes {
    let connections: Vec<Value> = reports.iter().map(row).collect();
    let content = json!({ "connections": connections, "config_error": config_error });
    structured(&content, Some((CONNECT_REQUIRED, all_required(reports))))
}

fn row(report: &Report) -> Value {
    json!({
        "name": report.name.as_str(),
        "connected": report.status == Status::Connected,
        "connect_required": report.connect_required(),
        "auth_status": report.status.word(),
        "connect_url": report.link.as_ref().map(|link| link.url.as_str()),
        "connect_url_expires_at": report.link.as_ref().map(expires_at),
        "tools": report.tools,
        "last_error": report.last_error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_a_row_and_those_that_need_the_user_are_named() {
        let report = |name: &str, status, last_error: Option<&str>| Report {
            name: name.parse().unwrap(),
            status,
            tools: 3,
            last_error: last_error.map(Into::into),
            link: None,
        };
        let reports = [
            report("a", Status::Connected, None),
            report("b", Status::NeedsAuth, Some("the key was refused")),
        ];
        let result: Value = serde_json::from_slice(&result(&reports, Some("line 3"))).unwrap();
        let content = &result["structuredContent"];
        assert_eq!(content["config_error"], "line 3");
        assert_eq!(content["connections"][0]["connected"], true);
        assert_eq!(content["connections"][1]["connect_required"], true);
        assert_eq!(content["connections"][1]["last_error"], "the key was refused");
        assert_eq!(content["connections"][1]["connect_url"], Value::Null);
        let required = result["_meta"][CONNECT_REQUIRED].as_array().unwrap();
        assert_eq!(required.len(), 1);
        assert_eq!(required[0]["backend_id"], "b");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), content);
    }
}
