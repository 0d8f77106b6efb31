//! A call for people: whole on one line in a pipe; on a terminal in columns that fit, under the
//! day, and what went wrong below it.

use super::Context;
use crate::{
    cli::rows,
    store::access_log::{Entry, Outcome},
    ui::{Cell, Mark, Side},
};
use std::io;

/// The longest public name.
const NAME: usize = 51;
/// Below a terminal of this width a column gives way to the tool's name.
const SIZES: usize = 76;
const CLIENTS: usize = 100;
const TIMES: usize = 50;
const CLOCK: usize = 34;

/// What was shown before.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) count: usize,
    day: String,
}

impl Shown {
    pub(super) fn call(&mut self, cx: &Context, entry: &Entry) -> io::Result<()> {
        let Some(columns) = cx.out.terminal().columns else { return cx.out.line(&line(entry)) };
        let time = humantime::format_rfc3339_seconds(entry.time).to_string();
        let (day, clock) = time.split_once('T').unwrap_or(("", &time));
        if day != self.day {
            day.clone_into(&mut self.day);
            cx.out.heading(&format!("{day} UTC"))?;
        }
        cx.out.cells(&cells(entry, clock.trim_end_matches('Z'), columns.into()))?;
        let asked = asked(entry).map(str::to_owned);
        let more: Vec<String> = asked.into_iter().chain(entry.error.clone()).collect();
        let indent = if usize::from(columns) < CLOCK { 2 } else { 10 };
        if more.is_empty() { Ok(()) } else { cx.out.paragraphs(indent, &more.join(": ")) }
    }
}

/// Together no wider than `columns`.
fn cells(entry: &Entry, clock: &str, columns: usize) -> Vec<(Cell, usize, Side)> {
    let mark = match entry.outcome {
        Outcome::Ok => Mark::Good,
        Outcome::Cancelled => Mark::Off,
        Outcome::Other => Mark::Unknown,
        Outcome::ToolError | Outcome::Failed | Outcome::Denied => Mark::Bad,
    };
    let mut cells = Vec::new();
    if columns >= CLOCK {
        cells.push((clock.into(), 8, Side::Left));
    }
    cells.push((Cell::marked(mark, entry.outcome.word()), 12, Side::Left));
    let mut behind = Vec::new();
    if columns >= TIMES {
        behind.push((rows::took(entry.duration_ms).into(), 9, Side::Right));
    }
    if columns >= SIZES {
        behind.push((rows::bytes(entry.response_bytes).into(), 8, Side::Right));
    }
    if columns >= CLIENTS {
        behind.push((entry.client.as_deref().unwrap_or_default().into(), 18, Side::Left));
    }
    let taken: usize = cells.iter().chain(&behind).map(|(_, wide, _)| wide + 2).sum();
    let tool = if entry.tool.is_empty() { "-" } else { &entry.tool };
    cells.push((tool.into(), columns.saturating_sub(taken).min(NAME), Side::Left));
    cells.append(&mut behind);
    cells
}

/// The outcome says whether it was allowed; this, whether somebody was asked.
fn asked(entry: &Entry) -> Option<&str> {
    Some(&*entry.decision).filter(|decision| !matches!(*decision, "" | "allow" | "deny"))
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
    for more in
        asked(entry).into_iter().chain(entry.client.as_deref()).chain(entry.error.as_deref())
    {
        line.push_str("  ");
        line.push_str(more);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn entry(tool: &str) -> Entry {
        Entry {
            time: SystemTime::UNIX_EPOCH,
            connection: "kommo".into(),
            tool: tool.into(),
            client: Some("claude-ai".into()),
            pid: 1,
            org: None,
            user: None,
            token: None,
            decision: "refused".into(),
            outcome: Outcome::Denied,
            duration_ms: 1234,
            request_bytes: 1,
            response_bytes: 20_000,
            error: Some("the user refused".into()),
        }
    }

    #[test]
    fn a_pipe_gets_one_line_with_all_of_it() {
        assert_eq!(
            line(&entry("kommo__leads_list")),
            "1970-01-01T00:00:00Z  denied      kommo__leads_list                       1234 ms     \
             20000 B  refused  claude-ai  the user refused"
        );
    }

    #[test]
    fn columns_fit_every_terminal() {
        for columns in 20..200 {
            let cells = cells(&entry("kommo__leads_list"), "00:00:00", columns);
            let wide: usize = cells.iter().map(|(_, wide, _)| wide + 2).sum();
            assert!(wide - 2 <= columns, "{columns}: {cells:?}");
            assert!(cells.iter().all(|(_, wide, _)| *wide >= 6), "{columns}: {cells:?}");
        }
    }
}
