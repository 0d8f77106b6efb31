//! What an upstream has beside tools: prompts, resources, completions, skills, log levels.

use super::{
    run::{self, Client},
    script::Script,
    state::Shared,
    task,
    tool::Tool,
    wire::{self, Rpc},
};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// All empty at first. An upstream answers for a feature when its capabilities name it.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    pub prompts: Vec<Tool>,
    pub resources: Vec<Tool>,
    pub templates: Vec<Tool>,
    /// The name of a prompt or a URI template, and the values that are offered for it.
    pub completions: Vec<(String, Vec<String>)>,
    /// Raw definitions, each with its `uri`.
    pub skills: Vec<Bytes>,
}

/// The capabilities of a server that does everything in the core of the protocol.
pub const EVERYTHING: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"completions":{},"logging":{}}"#;

impl Script {
    /// Says that it does everything in the core of the protocol.
    pub fn everything(self) -> Self {
        self.capabilities(EVERYTHING)
    }

    /// Declares an extension, with these raw settings.
    pub fn extension(self, id: &str, settings: &str) -> Self {
        let settings: Value = serde_json::from_str(settings).unwrap();
        self.declare(|all| all["extensions"][id] = settings)
    }

    /// Declares the tasks of 2025-11-25, which share no more than a name with the extension.
    pub fn legacy_tasks(self) -> Self {
        let tasks = r#"{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#;
        self.declare(|all| all["tasks"] = serde_json::from_str(tasks).unwrap())
    }

    fn declare(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut all = serde_json::from_str(&self.capabilities).unwrap();
        change(&mut all);
        self.capabilities(&all.to_string())
    }

    pub fn prompt(mut self, prompt: Tool) -> Self {
        self.offers.prompts.push(prompt);
        self
    }

    pub fn resource(mut self, resource: Tool) -> Self {
        self.offers.resources.push(resource);
        self
    }

    pub fn template(mut self, template: Tool) -> Self {
        self.offers.templates.push(template);
        self
    }

    /// What is offered for the arguments of a prompt or a template.
    pub fn completion(mut self, of: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|&one| one.into()).collect();
        self.offers.completions.push((of.into(), values));
        self
    }

    /// A skill from its definition, which has to have a `uri`.
    pub fn skill(mut self, definition: &str) -> Self {
        self.offers.skills.push(Bytes::copy_from_slice(definition.as_bytes()));
        self
    }

    /// True when the capabilities have this path, its parts joined by dots.
    pub(super) fn can(&self, path: &str) -> bool {
        let all: Value = serde_json::from_str(&self.capabilities).unwrap_or_default();
        let pointer = format!("/{}", path.replace('.', "/"));
        all.pointer(&pointer).is_some_and(|value| *value != Value::Bool(false))
    }
}

pub(super) type Answered = Result<String, (i64, String)>;

/// What a request names that has an answer of its own.
pub(super) fn find(script: &Script, rpc: &Rpc) -> Result<Tool, (i64, String)> {
    let among = |all: &[Tool], key: &str| {
        let name = rpc.param(key).unwrap_or_default();
        all.iter().find(|one| one.name == name).cloned().ok_or(name)
    };
    match rpc.method.as_deref() {
        Some("prompts/get") => among(&script.offers.prompts, "name")
            .map_err(|name| (-32602, format!("Unknown prompt: {name}"))),
        Some("resources/read") => among(&script.offers.resources, "uri").or_else(|uri| {
            let fits = |one: &&Tool| uri.starts_with(one.name.split('{').next().unwrap_or("?"));
            let template = script.offers.templates.iter().find(fits).cloned();
            // The code changed with the era.
            let modern = rpc.meta.contains_key(wire::PROTOCOL_VERSION);
            let code = if modern { -32602 } else { -32002 };
            template.ok_or_else(|| (code, format!("Resource not found: {uri}")))
        }),
        _ => among(&script.tools, "name").map_err(|name| (-32602, format!("Unknown tool: {name}"))),
    }
}

/// The answer to a list, where the request is one that this upstream knows.
pub(super) fn list(script: &Script, rpc: &Rpc, extra: &str) -> Option<Answered> {
    let offers = &script.offers;
    let listed = |all: &[Tool]| -> Vec<Bytes> {
        all.iter().filter(|one| !one.unlisted).map(|one| one.definition.clone()).collect()
    };
    let (needs, key, all) = match rpc.method.as_deref()? {
        "tools/list" => (None, "tools", listed(&script.tools)),
        "prompts/list" => (Some("prompts"), "prompts", listed(&offers.prompts)),
        "resources/list" => (Some("resources"), "resources", listed(&offers.resources)),
        "resources/templates/list" => {
            (Some("resources"), "resourceTemplates", listed(&offers.templates))
        }
        "skills/list" => {
            (Some("extensions.io~1modelcontextprotocol~1skills"), "skills", offers.skills.clone())
        }
        _ => return None,
    };
    if !needs.is_none_or(|path| can(script, path)) {
        return None;
    }
    Some(run::page(script, rpc, extra, key, &all).map_err(|message| (-32602, message)))
}

/// As [`Script::can`], for a path whose names hold dots and slashes (`~1`).
fn can(script: &Script, path: &str) -> bool {
    if path.contains('~') {
        return script.capabilities.contains("io.modelcontextprotocol/skills");
    }
    script.can(path)
}

/// The answer to what is neither a list nor a call, where this upstream knows it.
pub(super) fn other(shared: &Arc<Shared>, rpc: &Rpc, client: &Client) -> Option<Answered> {
    let script = shared.script();
    let invalid = |message: String| Err((-32602, message));
    let session = match client {
        Client::Legacy(session) => Some(session.clone()),
        Client::Modern => None,
    };
    let method = rpc.method.as_deref()?;
    Some(match (method, session) {
        ("completion/complete", _) if script.can("completions") => complete(&script, rpc),
        ("logging/setLevel", Some(session)) => {
            let level = rpc.param("level").unwrap_or_default();
            shared.state.lock().unwrap().levels.insert(session, level);
            Ok("{}".into())
        }
        ("resources/subscribe", Some(session)) if script.can("resources.subscribe") => {
            let uri = rpc.param("uri").unwrap_or_default();
            shared.state.lock().unwrap().subscribed.insert((session, uri));
            Ok("{}".into())
        }
        ("resources/unsubscribe", Some(session)) if script.can("resources.subscribe") => {
            let uri = rpc.param("uri").unwrap_or_default();
            shared.state.lock().unwrap().subscribed.remove(&(session, uri));
            Ok("{}".into())
        }
        ("skills/get", _) if can(&script, "~skills") => {
            let uri = rpc.param("uri").unwrap_or_default();
            let named = |one: &&Bytes| {
                let one = wire::object(&String::from_utf8_lossy(one));
                wire::string(&one, "uri").as_deref() == Some(uri.as_str())
            };
            match script.offers.skills.iter().find(named) {
                Some(one) => Ok(format!(r#"{{"skill":{}}}"#, String::from_utf8_lossy(one))),
                None => invalid(format!("Unknown skill: {uri}")),
            }
        }
        ("tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result", _) => {
            task::answer(shared, rpc, client)
        }
        _ => return None,
    })
}

/// The values that begin as the argument does.
fn complete(script: &Script, rpc: &Rpc) -> Answered {
    let of = |key: &str| -> Value {
        rpc.params.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    };
    let (reference, argument) = (of("ref"), of("argument"));
    let key = if reference["type"] == "ref/prompt" { "name" } else { "uri" };
    let name = reference[key].as_str().unwrap_or_default();
    let Some((_, values)) = script.offers.completions.iter().find(|(of, _)| of == name) else {
        return Err((-32602, format!("nothing to complete for {reference}")));
    };
    let begun = argument["value"].as_str().unwrap_or_default();
    let fitting: Vec<_> = values.iter().filter(|value| value.starts_with(begun)).collect();
    let (total, values) = (fitting.len(), serde_json::to_string(&fitting).unwrap());
    Ok(format!(r#"{{"completion":{{"values":{values},"total":{total},"hasMore":false}}}}"#))
}
