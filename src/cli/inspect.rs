//! `allmcp inspect`: what a connection can do, and where its credential is kept.

use super::{
    context::{Context, unknown_connection},
    error::CliResult,
    exit::Exit,
    grammar::NameArgs,
    rows::{self, HealthRow, Row},
};
use crate::{
    app::{App, Scope},
    store::tool_cache::ListCache,
    text,
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    row: Row,
    health: HealthRow,
    protocol: Option<String>,
    server_info: Option<Box<RawValue>>,
    capabilities: Option<Box<RawValue>>,
    instructions: Option<String>,
    tool_definitions: Vec<Definition>,
}

#[derive(Serialize)]
struct Definition {
    name: String,
    upstream_name: String,
    enabled: bool,
    state: &'static str,
    /// As clients get it.
    #[serde(rename = "definition")]
    json: Option<Box<RawValue>>,
}

pub(super) async fn run(cx: &Context, args: &NameArgs) -> CliResult {
    let settings = cx.settings();
    let Some(connection) = settings.connection(args.name.as_str()) else {
        return Err(unknown_connection(&args.name, &settings));
    };
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let cache = ListCache::new(cx.paths.lists());
    let account = cx.tenant.account(&args.name);
    let known = || cache.load(&account).filter(|l| l.target == connection.target_source());
    if known().is_none() && connection.enabled {
        // Nothing is known yet: look now, and show what there is when that fails.
        if let Err(error) = app.hub.sync(&args.name).await {
            cx.out.warn(&error.to_string());
        }
        app.end().await;
    }
    let index = app.hub.index();
    let (row, health) = rows::one(cx, &settings, connection, &index);
    let lists = known();
    let definitions: Vec<Definition> = index
        .tools()
        .iter()
        .filter(|tool| *tool.member.name() == args.name)
        .map(|tool| Definition {
            name: tool.public.to_string(),
            upstream_name: tool.upstream.to_string(),
            enabled: tool.enabled,
            state: tool.state.word(),
            json: raw(Some(tool.definition())),
        })
        .collect();
    let instructions = lists.as_ref().and_then(|lists| lists.instructions.clone());
    let document = Document {
        row,
        health,
        protocol: lists.as_ref().and_then(|lists| lists.protocol.clone()),
        server_info: raw(lists.as_ref().and_then(|lists| lists.server_info.clone())),
        capabilities: raw(lists.and_then(|lists| lists.capabilities)),
        instructions: instructions.map(|text| text::clean(&text).into_owned()),
        tool_definitions: definitions,
    };
    if cx.out.json() {
        cx.out.document("inspect", &document)?;
    } else {
        print(cx, &document)?;
    }
    Ok(Exit::DONE)
}

fn raw(bytes: Option<Bytes>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(bytes?.to_vec()).ok()?).ok()
}

fn print(cx: &Context, document: &Document) -> std::io::Result<()> {
    let out = &cx.out;
    let row = &document.row;
    out.heading(&row.name)?;
    let field = |name: &str, value: Option<&str>| match value {
        Some(value) => out.line(&format!("  {name:<11} {}", text::line(value, 400))),
        None => Ok(()),
    };
    field("url", row.url.as_deref().or(row.provider.as_deref()))?;
    field("status", Some(row.status.word()))?;
    field("last error", document.health.last_error.as_deref())?;
    field("auth", Some(row.auth.word()))?;
    let kept = row.credential.as_ref().map(|c| format!("{}, account {}", c.store, c.account));
    field("credential", kept.as_deref())?;
    field("protocol", document.protocol.as_deref())?;
    field("server", document.server_info.as_ref().map(|raw| raw.get()))?;
    field("last sync", row.last_sync.as_deref())?;
    if let Some(instructions) = &document.instructions {
        out.line("")?;
        out.heading("Instructions")?;
        out.content(instructions)?;
    }
    out.line("")?;
    out.heading(&format!("Tools ({})", document.tool_definitions.len()))?;
    for tool in &document.tool_definitions {
        let marks = match (tool.enabled, tool.state) {
            (true, "ok") => String::new(),
            (true, state) => format!("  ({state})"),
            (false, "ok") => "  (disabled)".to_owned(),
            (false, state) => format!("  (disabled, {state})"),
        };
        out.line(&format!("{}{marks}", tool.name))?;
        let Some(definition) = &tool.json else { continue };
        let definition = Bytes::from(definition.get().to_owned());
        if let Some(text) = crate::wire::splice::get_str(&definition, "description") {
            out.line(&format!("  {}", text::line(&text, 400)))?;
        }
        if let Some(schema) = crate::wire::splice::get(&definition, "inputSchema") {
            out.line(&format!("  input  {}", text::line(&String::from_utf8_lossy(&schema), 2000)))?;
        }
    }
    Ok(())
}
