//! `allmcp list` and `allmcp status`.

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::{ListArgs, StatusArgs},
    rows::{self, HealthRow, Row, SignIn},
};
use crate::{
    app::{App, Scope},
    config::Settings,
    kind::Status,
    name::ConnectionName,
    ui::{Cell, Table},
    upstream::UpstreamError,
};
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};

#[derive(Serialize)]
struct ListDocument {
    connections: Vec<Row>,
}

#[derive(Serialize)]
struct StatusDocument {
    connections: Vec<StatusRow>,
}

#[derive(Serialize)]
struct StatusRow {
    #[serde(flatten)]
    row: Row,
    health: HealthRow,
    sign_in: Option<SignIn>,
}

pub(super) fn list(cx: &Context, args: &ListArgs) -> CliResult {
    let settings = cx.settings();
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let mut rows: Vec<Row> =
        rows::all(cx, &settings, &app.hub.index()).into_iter().map(|(row, _)| row).collect();
    if args.all {
        rows.extend(rows::bridges(cx, &settings));
    }
    if cx.out.json() {
        cx.out.document("list", &ListDocument { connections: rows })?;
        return Ok(Exit::DONE);
    }
    if rows.is_empty() {
        cx.out.note("no connections yet; add one: allmcp connect https://…/mcp");
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["NAME", "STATUS", "AUTH", "TOOLS", "URL"]);
    for row in rows {
        table.row([
            Cell::from(row.name),
            row.status.into(),
            row.auth.word().into(),
            counted(row.enabled_tools, row.tools).into(),
            row.url.or(row.provider).unwrap_or_default().into(),
        ]);
    }
    cx.out.table(&table)?;
    Ok(Exit::DONE)
}

fn counted(enabled: usize, all: usize) -> String {
    if enabled == all { all.to_string() } else { format!("{enabled} of {all}") }
}

pub(super) async fn status(cx: &Context, args: &StatusArgs) -> CliResult {
    let settings = cx.settings();
    if let Some(name) = &args.name
        && settings.connection(name.as_str()).is_none()
    {
        return Err(unknown_connection(name, &settings));
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let failures = if args.live {
        cx.out.waiting("asking the servers", look(&app, &settings, args.name.as_ref())).await
    } else {
        HashMap::new()
    };
    if args.live {
        app.end().await;
    }
    let rows: Vec<StatusRow> = rows::all(cx, &settings, &app.hub.index())
        .into_iter()
        .filter(|(row, _)| args.name.as_ref().is_none_or(|name| name.as_str() == row.name))
        .map(|(row, health)| {
            let sign_in = settings.connection(&row.name).and_then(|c| SignIn::known(cx, c));
            StatusRow { row, health, sign_in }
        })
        .collect();
    let ill = rows
        .iter()
        .any(|r| matches!(r.row.status, Status::NeedsAuth | Status::Error | Status::Paused));
    let one = args.name.is_some().then(|| rows.first()).flatten();
    let verdict = match one {
        Some(only) if ill => Some(verdict(only, &failures)),
        _ => None,
    };
    print(cx, rows)?;
    match verdict {
        Some(error) => Err(error),
        None if ill => Ok(Exit::UNHEALTHY),
        None => Ok(Exit::DONE),
    }
}

/// Asks every enabled connection, side by side, through the whole chain.
async fn look(
    app: &App,
    settings: &Settings,
    only: Option<&ConnectionName>,
) -> HashMap<String, Arc<UpstreamError>> {
    let wanted =
        settings.connections.iter().filter(|c| c.enabled && only.is_none_or(|n| *n == c.name));
    let all = wanted.map(|connection| async {
        let error = app.hub.sync(&connection.name).await.err()?;
        Some((connection.name.to_string(), error))
    });
    futures_util::future::join_all(all).await.into_iter().flatten().collect()
}

/// What a connection that was asked for by name ends with.
fn verdict(row: &StatusRow, failures: &HashMap<String, Arc<UpstreamError>>) -> CliError {
    let name = &row.row.name;
    if let Some(error) = failures.get(name) {
        return CliError::from((**error).clone());
    }
    let why =
        row.health.last_error.clone().unwrap_or_else(|| format!("{name} is {}", row.row.status));
    let (kind, hint) = match row.row.status {
        Status::NeedsAuth => (Kind::NeedsAuth, format!("allmcp reconnect {name}")),
        _ => (Kind::Unreachable, format!("allmcp status {name} --live")),
    };
    CliError::new(kind, why).on(name).hint(hint)
}

fn print(cx: &Context, rows: Vec<StatusRow>) -> Result<(), CliError> {
    if cx.out.json() {
        cx.out.document("status", &StatusDocument { connections: rows })?;
        return Ok(());
    }
    if rows.is_empty() {
        cx.out.note("no connections yet; add one: allmcp connect https://…/mcp");
        return Ok(());
    }
    let mut heads = vec!["NAME", "STATUS", "TOOLS", "LATENCY", "LAST SYNC", "LAST ERROR"];
    // Keys have nothing to say here.
    let sign_ins = rows.iter().any(|row| row.sign_in.is_some());
    if sign_ins {
        heads.insert(2, "SIGN-IN");
    }
    let mut table = Table::new(heads);
    for StatusRow { row, health, sign_in } in rows {
        let how = sign_in.map_or_else(|| row.auth.word().to_owned(), |it| it.shown(cx));
        let mut cells = vec![
            Cell::from(row.name),
            row.status.into(),
            counted(row.enabled_tools, row.tools).into(),
            health.latency_ms.map(|ms| format!("{ms} ms")).unwrap_or_default().into(),
            row.last_sync.map(|at| rows::shown_time(cx, &at)).unwrap_or_default().into(),
            health.last_error.unwrap_or_default().into(),
        ];
        if sign_ins {
            cells.insert(2, how.into());
        }
        table.row(cells);
    }
    cx.out.table(&table)?;
    Ok(())
}
