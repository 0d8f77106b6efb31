//! `allmcp status`: how the connections are doing, at a glance or one in full.

mod glance;
mod one;

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::StatusArgs,
    interrupt,
    rows::{self, HealthRow, Row, SignIn},
};
use crate::{
    app::{App, Scope},
    config::Settings,
    kind::Status,
    name::ConnectionName,
    text,
    ui::After,
    upstream::UpstreamError,
};
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};

#[derive(Serialize)]
struct Document {
    connections: Vec<StatusRow>,
}

#[derive(Serialize)]
struct StatusRow {
    #[serde(flatten)]
    row: Row,
    health: HealthRow,
    sign_in: Option<SignIn>,
    /// Its entry cannot be used.
    #[serde(skip)]
    bad_entry: bool,
}

impl StatusRow {
    fn is_ill(&self) -> bool {
        matches!(self.row.status, Status::NeedsAuth | Status::Error | Status::Paused)
    }
}

/// Why those that were asked just now did not answer.
type Failures = HashMap<String, Arc<UpstreamError>>;

pub(super) async fn run(cx: &Context, args: &StatusArgs) -> CliResult {
    let settings = cx.settings();
    if let Some(name) = &args.name
        && settings.connection(name.as_str()).is_none()
    {
        return Err(unknown_connection(name, &settings));
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let mut failures = Failures::new();
    if args.live {
        let looking = look(cx, &app, &settings, args.name.as_ref());
        failures = interrupt::unless(&app, looking).await??;
        app.end().await;
    }
    let rows: Vec<StatusRow> = rows::all(cx, &settings, &app.hub.index())
        .into_iter()
        .filter(|(row, _)| args.name.as_ref().is_none_or(|name| name.as_str() == row.name))
        .map(|(row, health)| {
            let connection = settings.connection(&row.name);
            let sign_in = connection.and_then(|c| SignIn::known(cx, c));
            let bad_entry = connection.is_some_and(|c| c.problem.is_some());
            StatusRow { row, health, sign_in, bad_entry }
        })
        .collect();
    let ill = rows.iter().any(StatusRow::is_ill);
    let one = args.name.is_some().then(|| rows.first()).flatten();
    let verdict = match one {
        Some(only) if ill => Some(verdict(only, &failures)),
        _ => None,
    };
    match one {
        _ if cx.out.json() => cx.out.document("status", &Document { connections: rows })?,
        Some(one) => one::print(cx, one)?,
        None => glance::print(cx, &rows, &failures)?,
    }
    match verdict {
        Some(error) => Err(error),
        None if ill => Ok(Exit::UNHEALTHY),
        None => Ok(Exit::DONE),
    }
}

/// Asks every enabled connection, side by side, through the whole chain.
async fn look(
    cx: &Context,
    app: &App,
    settings: &Settings,
    only: Option<&ConnectionName>,
) -> std::io::Result<Failures> {
    let wanted =
        settings.connections.iter().filter(|c| c.enabled && only.is_none_or(|n| *n == c.name));
    // How each is doing is told when all have answered.
    let progress = cx.out.progress(After::Wipe);
    let all: Vec<_> = wanted
        .map(|connection| {
            let line = progress.line(connection.name.as_str(), "asking the server");
            async move {
                match app.hub.sync(&connection.name).await {
                    Ok(()) => {
                        let tools = rows::tools_of(app, &connection.name);
                        line.good(&text::count(tools, "tool"));
                        None
                    }
                    Err(error) => {
                        line.bad(&rows::brief(connection.name.as_str(), &error.to_string()));
                        Some((connection.name.to_string(), error))
                    }
                }
            }
        })
        .collect();
    let all = progress.watch(futures_util::future::join_all(all)).await?;
    Ok(all.into_iter().flatten().collect())
}

/// What a connection that was asked for by name ends with.
fn verdict(row: &StatusRow, failures: &Failures) -> CliError {
    let name = &row.row.name;
    if let Some(error) = failures.get(name) {
        return CliError::from((**error).clone());
    }
    let why =
        row.health.last_error.clone().unwrap_or_else(|| format!("{name} is {}", row.row.status));
    let (kind, hint) = match row.row.status {
        _ if row.bad_entry => (Kind::Unreachable, "allmcp config edit".to_owned()),
        Status::NeedsAuth => (Kind::NeedsAuth, format!("allmcp reconnect {name}")),
        _ => (Kind::Unreachable, format!("allmcp status {name} --live")),
    };
    CliError::new(kind, why).on(name).hint(hint)
}
