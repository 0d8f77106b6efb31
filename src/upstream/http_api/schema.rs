//! A tool as clients see it.

use crate::catalog::manifest::{Arg, ArgKind, Effect, Http, Tool};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// The member of a tool's `_meta` that says which group it belongs to.
const GROUP: &str = "dev.allmcp/group";
/// Where to go on, of a tool whose answers have pages.
pub(super) const CURSOR: &str = "cursor";
/// Everything of each item, of a tool that gives less.
pub(super) const FULL: &str = "full";

/// The tool object, the same for the same manifest.
pub(super) fn tool(tool: &Tool) -> Bytes {
    let mut out = Map::new();
    out.insert("name".into(), tool.name.clone().into());
    if let Some(title) = &tool.title {
        out.insert("title".into(), title.clone().into());
    }
    out.insert("description".into(), tool.description.trim().into());
    out.insert("inputSchema".into(), input(tool));
    let reads = tool.effect == Effect::Read;
    let annotations = json!({
        "readOnlyHint": reads,
        "destructiveHint": tool.effect == Effect::Destructive,
        "idempotentHint": reads || tool.idempotent,
        "openWorldHint": true,
    });
    out.insert("annotations".into(), annotations);
    if let Some(group) = &tool.group {
        out.insert("_meta".into(), json!({ GROUP: group }));
    }
    Value::Object(out).to_string().into()
}

fn input(tool: &Tool) -> Value {
    let mut properties = Map::new();
    for arg in &tool.args {
        properties.insert(arg.name.clone(), property(arg));
    }
    if tool.pages.is_some() {
        let about = "next_cursor of the answer before, for its next page";
        properties.insert(CURSOR.into(), json!({ "type": "string", "description": about }));
    }
    if !tool.keep.is_empty() {
        let about = "true: all fields of each item";
        properties.insert(
            FULL.into(),
            json!({ "type": "boolean", "description": about, "default": false }),
        );
    }
    let required: Vec<&str> =
        tool.args.iter().filter(|arg| arg.required).map(|arg| arg.name.as_str()).collect();
    let mut out = Map::new();
    out.insert("type".into(), "object".into());
    out.insert("properties".into(), properties.into());
    if !required.is_empty() {
        out.insert("required".into(), required.into());
    }
    out.insert("additionalProperties".into(), false.into());
    out.into()
}

fn property(arg: &Arg) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), word(arg.kind).into());
    if !arg.description.is_empty() {
        out.insert("description".into(), arg.description.trim().into());
    }
    if !arg.choices.is_empty() {
        out.insert("enum".into(), arg.choices.clone().into());
    }
    let bounds = [("minimum", arg.minimum), ("maximum", arg.maximum)];
    for (name, bound) in bounds {
        if let Some(bound) = bound {
            out.insert(name.into(), bound.into());
        }
    }
    if let Some(default) = &arg.default {
        out.insert("default".into(), default.clone());
    }
    match arg.kind {
        ArgKind::Array => {
            out.insert("items".into(), arg.schema.clone().into());
        }
        _ => out.extend(arg.schema.clone()),
    }
    out.into()
}

pub(super) fn word(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::String => "string",
        ArgKind::Integer => "integer",
        ArgKind::Number => "number",
        ArgKind::Boolean => "boolean",
        ArgKind::Array => "array",
        ArgKind::Object => "object",
    }
}

/// The argument that says how many one page has, if the tool's pages name one.
pub(super) fn limit<'a>(tool: &'a Tool, http: &'a Http) -> Option<&'a Arg> {
    use crate::catalog::manifest::Pages;
    let (Pages::Page { limit, .. } | Pages::Offset { limit, .. }) =
        http.pages.get(tool.pages.as_ref()?)?
    else {
        return None;
    };
    let name = limit.as_ref()?;
    tool.args.iter().find(|arg| arg.name == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(toml: &str) -> Tool {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_tool_is_written_as_clients_read_it() {
        let it = parsed(
            r#"
            name = "deals_list"
            description = "Lists deals."
            group = "deals"
            method = "GET"
            path = "/deals"
            pages = "p"
            keep = ["id"]
            args = [
              { name = "limit", type = "integer", minimum = 1, maximum = 250, default = 50 },
              { name = "with", type = "array", schema = { type = "string", enum = ["a"] }, required = true, description = "More." },
            ]"#,
        );
        let want = concat!(
            r#"{"name":"deals_list","description":"Lists deals.","inputSchema":{"type":"object","properties":{"#,
            r#""limit":{"type":"integer","minimum":1,"maximum":250,"default":50},"#,
            r#""with":{"type":"array","description":"More.","items":{"enum":["a"],"type":"string"}},"#,
            r#""cursor":{"type":"string","description":"next_cursor of the answer before, for its next page"},"#,
            r#""full":{"type":"boolean","description":"true: all fields of each item","default":false}},"#,
            r#""required":["with"],"additionalProperties":false},"#,
            r#""annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":true},"#,
            r#""_meta":{"dev.allmcp/group":"deals"}}"#,
        );
        assert_eq!(tool(&it), want);
    }

    #[test]
    fn what_a_tool_does_becomes_its_annotations() {
        let of = |effect: &str| {
            let it = format!(
                "name='x'\ndescription='x'\nmethod='PUT'\npath='/x'\neffect='{effect}'\nidempotent=true"
            );
            let tool: Value = serde_json::from_slice(&tool(&parsed(&it))).unwrap();
            tool["annotations"].clone()
        };
        assert_eq!(of("destructive")["destructiveHint"], true);
        assert_eq!(of("write")["destructiveHint"], false);
        assert_eq!(of("write")["readOnlyHint"], false);
        assert_eq!(of("write")["idempotentHint"], true);
    }
}
