//! `allmcp sync`: fetch the lists again, of one connection or of all, side by side.

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult},
    exit::Exit,
    grammar::MaybeNameArgs,
    interrupt, rows,
};
use crate::{
    app::{App, Scope},
    text,
    ui::After,
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
        cx.out.note(rows::NONE);
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::Enabled);
    let wanted = settings
        .connections
        .iter()
        .filter(|c| c.enabled && args.name.as_ref().is_none_or(|name| *name == c.name));
    let progress = cx.out.progress(After::Keep);
    let (app_of, alone) = (&app, args.name.is_some());
    let all: Vec<_> = wanted
        .map(|connection| {
            let name = &connection.name;
            let line = progress.line(name.as_str(), "asking the server");
            async move {
                let error = app_of.hub.sync(name).await.err();
                let tools = rows::tools_of(app_of, name);
                match &error {
                    None => line.good(&text::count(tools, "tool")),
                    // One that was asked for by name ends with its error.
                    Some(_) if alone => {}
                    Some(error) => line.bad(&rows::brief(name.as_str(), &error.to_string())),
                }
                (name.to_string(), tools, error)
            }
        })
        .collect();
    let asking = progress.watch(futures_util::future::join_all(all));
    let outcomes = interrupt::unless(&app, asking).await??;
    let mut rows = Vec::new();
    let mut first = None;
    for (name, tools, error) in outcomes {
        rows.push(Row { name, tools, error: error.as_ref().map(ToString::to_string) });
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
