//! `allmcp sync`: fetch the lists again, of one connection or of all, side by side.

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult},
    exit::Exit,
    grammar::MaybeNameArgs,
};
use crate::{
    app::{App, Scope},
    text,
};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    connections: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    tools: usize,
    error: Option<String>,
}

pub(super) async fn run(cx: &Context, args: &MaybeNameArgs) -> CliResult {
    let settings = cx.settings();
    if let Some(name) = &args.name {
        match settings.connection(name.as_str()) {
            None => return Err(unknown_connection(name, &settings)),
            Some(connection) if !connection.enabled => {
                return Err(CliError::denied(name.as_str(), format!("{name} is disabled"))
                    .hint(format!("allmcp enable {name}")));
            }
            Some(_) => {}
        }
    }
    if settings.connections.is_empty() {
        cx.out.note("no connections yet; add one: allmcp connect https://…/mcp");
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::Enabled);
    let wanted = settings
        .connections
        .iter()
        .filter(|c| c.enabled && args.name.as_ref().is_none_or(|name| *name == c.name));
    let all = wanted.map(|connection| async {
        (connection.name.clone(), app.hub.sync(&connection.name).await.err())
    });
    let all = futures_util::future::join_all(all);
    let outcomes = cx.out.waiting("asking the servers", all).await;
    let index = app.hub.index();
    let mut rows = Vec::new();
    let mut first = None;
    for (name, error) in outcomes {
        let tools = index.tools().iter().filter(|tool| *tool.member.name() == name).count();
        if !cx.out.json() {
            match &error {
                None => cx.out.line(&format!("{name}: {}", text::count(tools, "tool")))?,
                Some(error) if args.name.is_none() => cx.out.warn(&error.to_string()),
                Some(_) => {}
            }
        }
        rows.push(Row {
            name: name.to_string(),
            tools,
            error: error.as_ref().map(ToString::to_string),
        });
        first = first.or(error);
    }
    app.end().await;
    if cx.out.json() {
        cx.out.document("sync", &Document { connections: rows })?;
    }
    match first {
        None => Ok(Exit::DONE),
        Some(error) if args.name.is_some() => Err(CliError::from((*error).clone())),
        Some(_) => Ok(Exit::UNHEALTHY),
    }
}
