//! The tools of a connection for people, group by group.

use super::{Context, Definition, Document};
use crate::{text, ui::Facts, wire::splice};
use bytes::Bytes;
use serde_json::Value;
use std::io;

pub(super) fn print(cx: &Context, document: &Document) -> io::Result<()> {
    let out = &cx.out;
    let all = &document.tool_definitions;
    out.line("")?;
    out.heading(&format!("Tools ({})", all.len()))?;
    for group in &document.groups {
        let about = group.about.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
        let line = format!("{}{about} ({})", group.title, group.tools.len());
        out.line("")?;
        out.heading(&text::line(&line, 400))?;
        let here = |tool: &&Definition| group.tools.contains(&tool.name);
        all.iter().filter(here).try_for_each(|tool| one(cx, tool))?;
    }
    let is_grouped =
        |tool: &&Definition| document.groups.iter().any(|group| group.tools.contains(&tool.name));
    let mut rest = all.iter().filter(|tool| !is_grouped(tool)).peekable();
    if !document.groups.is_empty() && rest.peek().is_some() {
        out.line("")?;
        out.heading("In no group")?;
    }
    rest.try_for_each(|tool| one(cx, tool))
}

fn one(cx: &Context, tool: &Definition) -> io::Result<()> {
    let out = &cx.out;
    let marks = match (tool.enabled, tool.state) {
        (true, "ok") => String::new(),
        (true, state) => format!("  ({state})"),
        (false, "ok") => "  (disabled)".to_owned(),
        (false, state) => format!("  (disabled, {state})"),
    };
    out.line(&format!("{}{marks}", tool.name))?;
    let Some(definition) = &tool.json else { return Ok(()) };
    let definition = Bytes::from(definition.get().to_owned());
    if let Some(text) = splice::get_str(&definition, "description") {
        out.paragraphs(2, &text::line(&text, 400))?;
    }
    let schema = splice::get(&definition, "inputSchema").unwrap_or_default();
    let mut facts = Facts::at(4);
    for (name, about) in arguments(&schema) {
        facts.add(&name, Some(&about));
    }
    out.facts(&facts)
}

/// The arguments of a tool: name, then type, whether it must be given, and what it is.
fn arguments(schema: &[u8]) -> Vec<(String, String)> {
    let schema: Value = serde_json::from_slice(schema).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    };
    let line = |(name, about): (&String, &Value)| {
        let mut kind = match (&about["type"], &about["enum"]) {
            (_, Value::Array(values)) => {
                values.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
            }
            (Value::Array(types), _) => {
                types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
            }
            (Value::String(one), _) => one.clone(),
            _ => "any".to_owned(),
        };
        if required(name) {
            kind.push_str(", required");
        }
        let what = match about["description"].as_str() {
            Some(what) => format!(": {}", text::line(what, 200)),
            None => String::new(),
        };
        (text::line(name, 60), format!("{}{what}", text::line(&kind, 80)))
    };
    properties.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_told_as_a_list_of_arguments() {
        let schema = br#"{"type":"object","required":["query"],"properties":{
            "query":{"type":"string","description":"What to\nlook for"},
            "sort":{"enum":["up","down"]},"n":{"type":["integer","null"]},"x":true}}"#;
        assert_eq!(
            arguments(schema).iter().map(|(n, a)| format!("{n}  {a}")).collect::<Vec<_>>(),
            [
                "query  string, required: What to look for",
                "sort  \"up\"|\"down\"",
                "n  integer|null",
                "x  any"
            ]
        );
        assert!(arguments(b"{}").is_empty() && arguments(b"[").is_empty());
    }
}
