//! `allmcp logs`: the access log, as lines for people or NDJSON for programs.

use super::{context::Context, error::CliResult, exit::Exit, grammar::LogsArgs};
use crate::store::{
    access_log::Entry,
    log_reader::{Filter, LogReader},
};
use std::{
    io,
    time::{Duration, SystemTime},
};

/// How often the file is looked at with `-f`.
const EVERY: Duration = Duration::from_millis(200);

pub(super) async fn run(cx: &Context, args: LogsArgs) -> CliResult {
    let filter = Filter {
        since: args.since.map(|since| since.from(SystemTime::now())),
        connection: args.connection.as_ref().map(ToString::to_string),
        tool: args.tool,
        failed: args.failed,
        org: cx.tenant.org.clone(),
        user: cx.tenant.user.clone(),
    };
    let mut reader = LogReader::new(cx.paths.access_log());
    let mut shown = show(cx, &mut reader, &filter)?;
    if !args.follow {
        if shown == 0 {
            cx.out.note("no calls");
        }
        return Ok(Exit::DONE);
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => shown += show(cx, &mut reader, &filter)?,
            // Ending it is how it is meant to end.
            _ = tokio::signal::ctrl_c() => {
                tracing::debug!(shown, "followed the access log");
                return Ok(Exit::INTERRUPTED);
            }
        }
    }
}

fn show(cx: &Context, reader: &mut LogReader, filter: &Filter) -> io::Result<usize> {
    let mut shown = 0;
    let mut failed = None;
    reader.read(filter, |entry| {
        shown += 1;
        let written = if cx.out.json() { cx.out.event(&entry) } else { cx.out.line(&line(&entry)) };
        if let Err(error) = written {
            failed.get_or_insert(error);
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(shown),
    }
}

/// One call on one line.
fn line(entry: &Entry) -> String {
    let time = humantime::format_rfc3339_seconds(entry.time);
    let tool = if entry.tool.is_empty() { "-" } else { &entry.tool };
    // Lines come one by one, so the columns are as wide as most names are.
    let mut line = format!(
        "{time}  {:<10}  {tool:<36}  {:>6} ms  {:>8} B",
        entry.outcome.word(),
        entry.duration_ms,
        entry.response_bytes
    );
    // The outcome says whether it was allowed; this, whether somebody was asked.
    if !matches!(&*entry.decision, "" | "allow" | "deny") {
        line.push_str("  ");
        line.push_str(&entry.decision);
    }
    if let Some(client) = &entry.client {
        line.push_str("  ");
        line.push_str(client);
    }
    if let Some(error) = &entry.error {
        line.push_str("  ");
        line.push_str(error);
    }
    line
}
