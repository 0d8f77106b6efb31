//! `list_tool_groups`: what there is to be found, and how each connection is doing.

use super::{CONNECT_REQUIRED, all_required, structured};
use crate::{
    hub::{CallError, Hub, ToolIndex, groups, report::Report},
    name::ConnectionName,
};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"list_tool_groups","title":"List groups of tools","#,
    r#""description":"Lists the connected services and their groups of tools, with counts and whether each can be used.","#,
    r#""inputSchema":{"type":"object","properties":{}},"#,
    r#""outputSchema":{"type":"object","properties":{"groups":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

pub(super) async fn run(hub: &Hub) -> Result<Bytes, CallError> {
    hub.settled(crate::hub::call::PATIENCE).await;
    let reports = hub.report_with_links().await;
    let index = hub.index();
    let rows: Vec<Value> = reports.iter().map(|report| row(&index, report)).collect();
    let meta = Some((CONNECT_REQUIRED, all_required(&reports)));
    Ok(structured(&json!({ "groups": rows }), meta))
}

fn row(index: &ToolIndex, report: &Report) -> Value {
    let manifest = manifest(index, &report.name);
    let mut row = json!({
        "group": report.name.as_str(),
        "tools": report.tools,
        "status": report.status.word(),
    });
    if let Some(manifest) = manifest {
        row["provider"] = json!(manifest.name);
        let listed = || index.tools().iter().filter(|tool| tool.listed());
        let inner = manifest.groups.iter().filter_map(|group| {
            let name = format!("{}/{}", report.name, group.id);
            let found = groups::find(index, &name)?;
            let tools = listed().filter(|tool| found.has(tool)).count();
            (tools > 0).then(|| json!({ "group": name, "title": group.title, "tools": tools }))
        });
        let inner: Vec<Value> = inner.collect();
        if !inner.is_empty() {
            row["groups"] = json!(inner);
        }
    }
    if report.connect_required() {
        row["connect_required"] = json!(true);
        row["connect_url"] = json!(report.link.as_ref().map(|link| link.url.as_str()));
    }
    if let Some(error) = &report.last_error {
        row["last_error"] = json!(error);
    }
    row
}

fn manifest<'a>(
    index: &'a ToolIndex,
    name: &ConnectionName,
) -> Option<&'a crate::catalog::Manifest> {
    let member = index.members().iter().find(|member| member.name() == name)?;
    member.plan.manifest.as_deref()
}
