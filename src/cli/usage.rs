//! `allmcp usage`: what was called, how often, and how well.

use super::{context::Context, error::CliResult, exit::Exit, grammar::UsageArgs, rows};
use crate::{
    store::{
        Filter, LogReader, Usage,
        usage::{self, Counters},
    },
    ui::{Cell, Table},
};
use serde::Serialize;
use std::time::SystemTime;

/// So wide is the bar of what is called most.
const BAR: u64 = 20;

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
    let most = usage.connections.iter().flat_map(|it| &it.tools).map(|it| it.counters.calls).max();
    let mut table =
        Table::new(["CONNECTION / TOOL", "CALLS", "FAILED", "P50", "P95", "SENT", "RECEIVED", ""]);
    for connection in &usage.connections {
        let name =
            if connection.connection.is_empty() { "(allmcp)" } else { &connection.connection };
        table.row(cells(name.to_owned(), &connection.counters, String::new()));
        for tool in &connection.tools {
            let own = tool.tool.strip_prefix(&format!("{}__", connection.connection));
            let name = own.filter(|_| !connection.connection.is_empty()).unwrap_or(&tool.tool);
            let bar = bar(tool.counters.calls, most.unwrap_or(1));
            let bar = if cx.out.terminal().stdout { bar } else { String::new() };
            table.row(cells(
                format!("  {}", if name.is_empty() { "-" } else { name }),
                &tool.counters,
                bar,
            ));
        }
    }
    if usage.connections.len() > 1 {
        table.row(cells("all".to_owned(), &usage.counters, String::new()));
    }
    cx.out.table(&table)?;
    if let Some(first) = usage.first_call {
        cx.out.note(&format!("since {}", rows::shown_time(cx, &rows::time(first))));
    }
    Ok(Exit::DONE)
}

fn cells(name: String, counters: &Counters, bar: String) -> [Cell; 8] {
    let ms = |time: Option<u64>| time.map(|ms| format!("{ms} ms")).unwrap_or_default();
    [
        name.into(),
        counters.calls.to_string().into(),
        counters.failures.to_string().into(),
        ms(counters.p50_ms).into(),
        ms(counters.p95_ms).into(),
        bytes(counters.request_bytes).into(),
        bytes(counters.response_bytes).into(),
        bar.into(),
    ]
}

fn bar(calls: u64, most: u64) -> String {
    let wide = (calls * BAR).div_ceil(most.max(1)).min(BAR);
    "█".repeat(usize::try_from(wide).unwrap_or(0))
}

/// A size in the unit in which it has at most four digits.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let (mut count, mut unit) = (count, 0);
    while count >= 10_000 && unit + 1 < UNITS.len() {
        count /= 1024;
        unit += 1;
    }
    format!("{count} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_bars_are_short() {
        let told = [0, 9999, 10_000, 10_000_000, 1 << 40].map(bytes);
        assert_eq!(told, ["0 B", "9999 B", "9 KiB", "9765 KiB", "1024 GiB"]);
        assert_eq!(
            (bar(0, 9).len(), bar(1, 1000), bar(9, 9).chars().count()),
            (0, "█".to_owned(), 20)
        );
    }
}
