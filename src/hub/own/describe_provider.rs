//! `describe_provider`: what a connection or a provider can do, and how to work with it.

use super::{args, list_providers::connect_hint, structured};
use crate::{
    catalog::{Manifest, manifest},
    hub::{CallError, Hub, ToolIndex, call::PATIENCE, groups, member::Member, tool::Tool},
    name::nearest,
    task, text,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"describe_provider","title":"Describe a provider","#,
    r#""description":"What a connection or provider can do: its groups of tools, and how to work with it. With group: its tools with their schemas.","#,
    r#""inputSchema":{"type":"object","properties":{"name":{"type":"string"},"group":{"type":"string"}},"required":["name"]},"#,
    r#""outputSchema":{"type":"object","properties":{"groups":{"type":"array"},"tools":{"type":"array"}}},"#,
    r#""annotations":{"readOnlyHint":true,"openWorldHint":false}}"#
);

const NAME: &str = "describe_provider";
/// Bytes of definitions in one answer; the tools after that are named.
const MAX: usize = 60_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    name: String,
    #[serde(default)]
    group: Option<String>,
}

pub(super) async fn run(hub: &Hub, args: Args) -> Result<Bytes, CallError> {
    let Args { name, group } = args;
    let name = name.trim();
    let group = group.as_deref().map(str::trim).filter(|group| !group.is_empty());
    let index = hub.index();
    let is = |member: &&Arc<Member>| {
        member.name().as_str() == name || (member.plan.target == name && !name.contains("://"))
    };
    if index.members().iter().any(|member| is(&member)) {
        hub.settled(PATIENCE).await;
        let index = hub.index();
        // One of that name before one of that provider.
        let named = |member: &&Arc<Member>| member.name().as_str() == name;
        let members = || index.members().iter();
        if let Some(member) = members().find(named).or_else(|| members().find(is)) {
            let mut told = connection(&index, member, group)?;
            let reports = hub.report_with_links().await;
            if let Some(report) = reports.into_iter().find(|it| it.name == *member.name()) {
                told["status"] = report.status.word().into();
            }
            return Ok(structured(&told, None));
        }
    }
    let (deps, id) = (hub.own_deps().clone(), name.to_owned());
    let got = task::blocking(move || {
        let registry = deps.registry();
        let ids = registry.ids().into_iter().map(str::to_owned).collect::<Vec<_>>();
        (registry.get(&id).ok(), ids)
    });
    let (manifest, ids) = got.await.unwrap_or_default();
    if let Some(manifest) = manifest {
        return Ok(structured(&provider(&manifest, group)?, None));
    }
    let members = index.members().iter().map(|member| member.name().as_str());
    let near = nearest(name, members.chain(ids.iter().map(String::as_str)));
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    let shown = text::line(name, 60);
    Err(args::wrong(NAME, &format!("nothing is called {shown}{near} list_providers has all")))
}

/// What is connected, as its server and its manifest tell.
fn connection(
    index: &ToolIndex,
    member: &Arc<Member>,
    group: Option<&str>,
) -> Result<Value, CallError> {
    let connection = member.name().as_str();
    let of = |tool: &&Tool| tool.member.name().as_str() == connection && tool.listed();
    let tools: Vec<&Tool> = index.tools().iter().filter(of).collect();
    let manifest = member.plan.manifest.as_deref();
    let inner = manifest.map(|it| it.groups.as_slice()).unwrap_or_default();
    let rows: Vec<Value> = inner
        .iter()
        .filter_map(|it| row(it, &groups::full(member, &it.id), within(&tools, &it.id).count()))
        .collect();
    let Some(group) = group else {
        let mut out = json!({ "name": connection });
        about(&mut out, manifest);
        let lists = member.session.lists.load();
        let own = lists.as_ref().and_then(|lists| lists.cached.instructions.clone());
        let playbook = manifest.and_then(|it| it.playbook.clone());
        if let Some(text) = playbook.or(own) {
            out["instructions"] = text::clean(text.trim()).into();
        }
        // A server without groups is one.
        let whole = json!([{ "group": connection, "tools": tools.len() }]);
        out["groups"] = if rows.is_empty() { whole } else { rows.into() };
        return Ok(out);
    };
    let prefix = format!("{connection}/");
    let wanted = group.strip_prefix(&prefix).unwrap_or(group);
    let chosen: Vec<&Tool> = if wanted == connection {
        tools
    } else if inner.iter().any(|it| it.id == wanted) {
        within(&tools, wanted).collect()
    } else {
        let valid = rows.iter().filter_map(|row| row["group"].as_str()).map(str::to_owned);
        return Err(no_group(valid.chain([connection.to_owned()])));
    };
    let (mut shown, mut rest, mut size) = (Vec::<Value>::new(), Vec::new(), 0);
    for tool in chosen {
        size += tool.size();
        let definition = (size <= MAX).then(|| serde_json::from_slice(&tool.definition()).ok());
        match definition.flatten() {
            Some(definition) => shown.push(definition),
            None => rest.push(tool.public.as_str()),
        }
    }
    let mut out = json!({ "name": connection, "group": group, "tools": shown });
    if !rest.is_empty() {
        out["more_tools"] = json!(rest);
    }
    Ok(out)
}

fn within<'a>(tools: &'a [&'a Tool], group: &'a str) -> impl Iterator<Item = &'a Tool> {
    tools.iter().copied().filter(move |tool| groups::group_of(tool) == Some(group))
}

/// What could be connected, as its manifest tells.
fn provider(manifest: &Manifest, group: Option<&str>) -> Result<Value, CallError> {
    let rows = manifest.groups.iter();
    let rows = rows.filter_map(|it| row(it, &it.id, of(manifest, &it.id).count()));
    let mut out = json!({ "name": manifest.id });
    about(&mut out, Some(manifest));
    out["status"] = "not connected".into();
    out["connect_hint"] = connect_hint(&manifest.id);
    match group {
        None => {
            out["warnings"] = json!(manifest.warnings);
            out["groups"] = rows.collect();
        }
        Some(group) if manifest.groups.iter().any(|it| it.id == group) => {
            let tool = |it: &manifest::Tool| {
                let required = it.args.iter().filter(|arg| arg.required);
                let required: Vec<&str> = required.map(|arg| arg.name.as_str()).collect();
                json!({ "name": it.name, "description": it.description, "required": required })
            };
            out["group"] = group.into();
            // Under names that are only a part of what they will be called.
            out["note"] = "connect it to call these".into();
            out["tools"] = of(manifest, group).map(tool).collect();
        }
        Some(_) => return Err(no_group(manifest.groups.iter().map(|it| it.id.clone()))),
    }
    Ok(out)
}

fn of<'a>(manifest: &'a Manifest, group: &'a str) -> impl Iterator<Item = &'a manifest::Tool> {
    manifest.tools.iter().filter(move |tool| tool.group.as_deref() == Some(group))
}

fn about(out: &mut Value, manifest: Option<&Manifest>) {
    if let Some(manifest) = manifest {
        out["provider"] = text::line(&manifest.name, 80).into();
        out["about"] = text::line(&manifest.about, 400).into();
    }
}

/// A group that has something in it.
fn row(group: &manifest::Group, name: &str, tools: usize) -> Option<Value> {
    let mut row = json!({ "group": name, "title": group.title, "tools": tools });
    if let Some(about) = &group.about {
        row["about"] = text::line(about, 200).into();
    }
    (tools > 0).then_some(row)
}

fn no_group(valid: impl Iterator<Item = String>) -> CallError {
    let valid: Vec<String> = valid.collect();
    let valid =
        if valid.is_empty() { "none before it is connected".to_owned() } else { valid.join(", ") };
    args::wrong(NAME, &format!("there is no such group; there are: {valid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Registry;

    #[test]
    fn a_provider_that_is_not_connected_is_told_by_its_manifest() {
        let kommo = Registry::default().get("kommo").unwrap();
        let whole = provider(&kommo, None).unwrap();
        assert_eq!(whole["connect_hint"]["arguments"]["provider"], "kommo");
        let counts = whole["groups"].as_array().unwrap().iter();
        let counts: u64 = counts.map(|it| it["tools"].as_u64().unwrap()).sum();
        assert_eq!(counts, kommo.tools.len() as u64);
        let leads = provider(&kommo, Some("leads")).unwrap();
        let tools = leads["tools"].as_array().unwrap();
        assert!(tools.iter().any(|it| it["name"] == "lead_get" && it["required"] == json!(["id"])));
        let wrong = provider(&kommo, Some("x")).unwrap_err().to_string();
        assert!(wrong.contains("leads") && wrong.contains("contacts"), "{wrong}");
        let linear = Registry::default().get("linear").unwrap();
        let wrong = provider(&linear, Some("x")).unwrap_err().to_string();
        assert!(wrong.contains("before it is connected"), "{wrong}");
    }
}
