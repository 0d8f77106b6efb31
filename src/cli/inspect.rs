//! `allmcp inspect`: what a connection can do, and where its credential is kept.

mod tools;

use super::{
    context::{Context, unknown_connection},
    error::CliResult,
    exit::Exit,
    grammar::NameArgs,
    rows::{self, HealthRow, Row},
};
use crate::{
    app::{App, Scope},
    catalog::{Manifest, Registry},
    config::Target,
    hub::others::{Entry, Shelf},
    name::ConnectionName,
    store::tool_cache::ListCache,
    text,
    ui::Facts,
    wire::splice,
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
    /// How to work with it, as its manifest says.
    playbook: Option<String>,
    groups: Vec<Group>,
    tool_definitions: Vec<Definition>,
    prompts: Vec<Listed>,
    resources: Vec<Listed>,
    resource_templates: Vec<Listed>,
    skills: Vec<Listed>,
}

/// Tools that belong together, under the names clients see.
#[derive(Serialize)]
struct Group {
    id: String,
    title: String,
    about: Option<String>,
    tools: Vec<String>,
}

/// A prompt by its name, everything else by its URI.
#[derive(Serialize)]
struct Listed {
    name: String,
    upstream_name: String,
    state: &'static str,
    definition: Option<Box<RawValue>>,
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
        let looked = cx.out.waiting("asking the server", app.hub.sync(&args.name)).await;
        if let Err(error) = looked {
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
    let manifest = match &connection.target {
        Target::Provider { id, .. } => Registry::new(cx.paths.providers()).get(id).ok(),
        _ => None,
    };
    let manifest = manifest.as_deref();
    let instructions = lists.as_ref().and_then(|lists| lists.instructions.clone());
    let document = Document {
        row,
        health,
        protocol: lists.as_ref().and_then(|lists| lists.protocol.clone()),
        server_info: raw(lists.as_ref().and_then(|lists| lists.server_info.clone())),
        capabilities: raw(lists.and_then(|lists| lists.capabilities)),
        instructions: instructions.map(|text| text::clean(&text).into_owned()),
        playbook: manifest.and_then(|manifest| manifest.playbook.clone()),
        groups: manifest.map(|manifest| grouped(manifest, &definitions)).unwrap_or_default(),
        tool_definitions: definitions,
        prompts: listed(&index.others.prompts, &args.name),
        resources: listed(&index.others.resources, &args.name),
        resource_templates: listed(&index.others.templates, &args.name),
        skills: listed(&index.others.skills, &args.name),
    };
    if cx.out.json() {
        cx.out.document("inspect", &document)?;
    } else {
        print(cx, &document)?;
    }
    Ok(Exit::DONE)
}

/// The groups of a manifest that some of these tools are in.
fn grouped(manifest: &Manifest, tools: &[Definition]) -> Vec<Group> {
    let group = |group: &crate::catalog::manifest::Group| {
        let here = |tool: &&Definition| {
            manifest.group_of(&tool.upstream_name).is_some_and(|own| own.id == group.id)
        };
        Group {
            id: group.id.clone(),
            title: group.title.clone(),
            about: group.about.clone(),
            tools: tools.iter().filter(here).map(|tool| tool.name.clone()).collect(),
        }
    };
    let groups = manifest.groups.iter().map(group);
    groups.filter(|group| !group.tools.is_empty()).collect()
}

fn listed(shelf: &Shelf, connection: &ConnectionName) -> Vec<Listed> {
    let ours = shelf.entries.iter().filter(|entry| entry.member.name() == connection);
    let listed = |entry: &Entry| Listed {
        name: entry.public.clone(),
        upstream_name: entry.upstream.clone(),
        state: if entry.fault.is_none() { "ok" } else { "invalid" },
        definition: raw(Some(entry.definition.clone())),
    };
    ours.map(listed).collect()
}

fn raw(bytes: Option<Bytes>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(bytes?.to_vec()).ok()?).ok()
}

fn print(cx: &Context, document: &Document) -> std::io::Result<()> {
    let out = &cx.out;
    let row = &document.row;
    out.heading(&row.name)?;
    let kept = row.credential.as_ref().map(|c| format!("{}, account {}", c.store, c.account));
    let mut facts = Facts::at(2);
    facts
        .add("url", row.url.as_deref().or(row.provider.as_deref()))
        .marked("status", row.status.into(), row.status.word())
        .add("last error", document.health.last_error.as_deref())
        .add("auth", Some(row.auth.word()))
        .add("credential", kept.as_deref())
        .add("protocol", document.protocol.as_deref())
        .add("server", document.server_info.as_deref().map(server).as_deref())
        .add("last sync", row.last_sync.as_ref().map(|at| rows::shown_time(cx, at)).as_deref());
    out.facts(&facts)?;
    if let Some(instructions) = &document.instructions {
        out.line("")?;
        out.heading("Instructions")?;
        out.paragraphs(0, instructions)?;
    }
    // An API's instructions are its playbook.
    let playbook =
        document.playbook.as_ref().filter(|it| document.instructions.as_ref() != Some(*it));
    if let Some(playbook) = playbook {
        out.line("")?;
        out.heading("Playbook")?;
        out.paragraphs(0, playbook)?;
    }
    tools::print(cx, document)?;
    for (heading, list) in [
        ("Prompts", &document.prompts),
        ("Resources", &document.resources),
        ("Resource templates", &document.resource_templates),
        ("Skills", &document.skills),
    ] {
        print_list(cx, heading, list)?;
    }
    Ok(())
}

fn print_list(cx: &Context, heading: &str, list: &[Listed]) -> std::io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    cx.out.line("")?;
    cx.out.heading(&format!("{heading} ({})", list.len()))?;
    for one in list {
        let mark = if one.state == "ok" { "" } else { "  (invalid)" };
        cx.out.folded(0, &format!("{}{mark}", text::line(&one.name, 400)))?;
        let Some(definition) = &one.definition else { continue };
        let definition = definition.get().as_bytes();
        let about = splice::get_str(definition, "description")
            .or_else(|| splice::get_str(definition, "title"));
        if let Some(about) = about {
            cx.out.paragraphs(2, &text::line(&about, 400))?;
        }
    }
    Ok(())
}

/// `The Shop 1.2`, from what a server says of itself.
fn server(info: &RawValue) -> String {
    let info = Bytes::from(info.get().to_owned());
    let field = |key: &str| splice::get_str(&info, key).map(|value| text::line(&value, 80));
    let name = field("title").or_else(|| field("name")).unwrap_or_default();
    format!("{name} {}", field("version").unwrap_or_default()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_goes_by_its_title() {
        let info = |json: &str| server(&RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(info(r#"{"name":"shop","title":"The Shop","version":"1.2"}"#), "The Shop 1.2");
        assert_eq!(info(r#"{"name":"shop"}"#), "shop");
    }
}
