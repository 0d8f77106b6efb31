//! `allmcp usage`: what was called, how often, and how well.

use super::{context::Context, error::CliResult, exit::Exit, grammar::UsageArgs, rows};
use crate::{
    store::{
        Filter, LogReader, Usage,
        usage::{self, Counters},
    },
    ui::{Bar, Cell, Column, Table},
};
use serde::Serialize;
use std::time::SystemTime;

#[derive(Serialize)]
struct Document {
    /// What was asked for, where it was.
    since: Option<String>,
    #[serde(flatten)]
    usage: Usage,
}

pub(super) fn run(cx: &Context, args: &UsageArgs) -> CliResult {
    let since = args.since.map(|since| since.from(SystemTime::now()));
    let filter = Filter {
        since,
        connection: args.connection.as_ref().map(ToString::to_string),
        org: cx.tenant.org.clone(),
        user: cx.tenant.user.clone(),
        ..Filter::default()
    };
    let usage = usage::read(LogReader::new(cx.paths.access_log()), &filter)?;
    if cx.out.json() {
        cx.out.document("usage", &Document { since: since.map(rows::time), usage })?;
        return Ok(Exit::DONE);
    }
    if usage.counters.calls == 0 {
        cx.out.note("no calls");
        return Ok(Exit::DONE);
    }
    let most = usage.connections.iter().map(|it| it.counters.calls).max().unwrap_or(1);
    let mut table = Table::new([
        Column::name("CONNECTION / TOOL"),
        Column::number("CALLS"),
        Column::bar(),
        Column::number("FAILED"),
        Column::number("P50").spare(1),
        Column::number("P95").spare(2),
        Column::number("SENT").spare(4),
        Column::number("RECEIVED").spare(3),
    ]);
    for connection in &usage.connections {
        let name =
            if connection.connection.is_empty() { "(allmcp)" } else { &connection.connection };
        table.row(cells(name.into(), &connection.counters, most));
        for tool in &connection.tools {
            let own = tool.tool.strip_prefix(&format!("{}__", connection.connection));
            let name = own.filter(|_| !connection.connection.is_empty()).unwrap_or(&tool.tool);
            let name = Cell::from(if name.is_empty() { "-" } else { name });
            table.row(cells(name.indented(2), &tool.counters, most));
        }
    }
    if usage.connections.len() > 1 {
        table.row(cells("all".into(), &usage.counters, 0));
    }
    cx.out.table(&table)?;
    if let Some(first) = usage.first_call {
        cx.out.note(&format!("since {}", rows::shown_time(cx, &rows::time(first))));
    }
    Ok(Exit::DONE)
}

/// All bars are beside that of the connection with the `most` calls; a sum has none.
fn cells(name: Cell, counters: &Counters, most: u64) -> [Cell; 8] {
    let time = |time: Option<u64>| time.map(rows::took).unwrap_or_default();
    let bar = Bar { all: counters.calls, bad: counters.failures, most };
    [
        name,
        counters.calls.to_string().into(),
        if most > 0 { bar.into() } else { Cell::default() },
        counters.failures.to_string().into(),
        time(counters.p50_ms).into(),
        time(counters.p95_ms).into(),
        rows::bytes(counters.request_bytes).into(),
        rows::bytes(counters.response_bytes).into(),
    ]
}
