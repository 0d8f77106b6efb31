//! `allmcp logs`: the access log, as lines for people or NDJSON for programs.

mod shown;

use self::shown::Shown;
use super::{context::Context, error::CliResult, exit::Exit, grammar::LogsArgs};
use crate::store::log_reader::{Filter, LogReader};
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
    let mut shown = Shown::default();
    show(cx, &mut reader, &filter, &mut shown)?;
    if !args.follow {
        if shown.count == 0 {
            cx.out.note("no calls");
        }
        return Ok(Exit::DONE);
    }
    if shown.count == 0 && cx.out.terminal().stdout {
        cx.out.note("no calls yet; each is shown here when it has ended");
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => show(cx, &mut reader, &filter, &mut shown)?,
            // Ending it is how it is meant to end.
            _ = tokio::signal::ctrl_c() => {
                tracing::debug!(shown = shown.count, "followed the access log");
                // Behind the ^C of the terminal.
                if cx.out.terminal().stderr {
                    cx.out.note("");
                }
                return Ok(Exit::INTERRUPTED);
            }
        }
    }
}

fn show(
    cx: &Context,
    reader: &mut LogReader,
    filter: &Filter,
    shown: &mut Shown,
) -> io::Result<()> {
    let mut failed = None;
    reader.read(filter, |entry| {
        let written = if cx.out.json() { cx.out.event(&entry) } else { shown.call(cx, &entry) };
        shown.count += 1;
        if let Err(error) = written {
            failed.get_or_insert(error);
        }
    })?;
    failed.map_or(Ok(()), Err)
}
