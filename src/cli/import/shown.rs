//! What came of it, for people and for programs.

use super::{
    outcome::{Outcome, State},
    plan::{self, Candidate, Verdict},
    sources::Origin,
};
use crate::{
    cli::{context::Context, error::CliResult, exit::Exit},
    clients::ENTRY,
    text,
    ui::{Cell, Table},
};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct Document<'a> {
    /// What was asked for: a client, a file, or everything.
    source: Option<&'a str>,
    dry_run: bool,
    servers: Vec<Outcome>,
}

/// What is about to be done.
pub(super) fn table(candidates: &[Candidate]) -> Table {
    let mut table = Table::new(["NAME", "FROM", "AUTH", "WHAT", "URL"]);
    for candidate in candidates {
        let auth = match &candidate.verdict {
            Verdict::Take(wanted) => wanted.auth().map_or("found out", |auth| auth.word()),
            _ => "",
        };
        table.row([
            Cell::from(text::line(&candidate.name, 100)),
            candidate.from.clone().into(),
            auth.into(),
            plan::word(candidate).into(),
            candidate.url.clone().unwrap_or_default().into(),
        ]);
    }
    table
}

/// Tells how it ended.
pub(super) fn tell(
    cx: &Context,
    source: Option<&str>,
    dry_run: bool,
    outcomes: Vec<Outcome>,
    origins: &[Origin],
) -> CliResult {
    let failed = outcomes.iter().any(|it| it.state == State::Failed);
    let exit = if failed { Exit::FAILED } else { Exit::DONE };
    if cx.out.json() {
        cx.out.document("import", &Document { source, dry_run, servers: outcomes })?;
        return Ok(exit);
    }
    if outcomes.is_empty() {
        cx.out.note("there is nothing to take over");
        return Ok(exit);
    }
    for outcome in &outcomes {
        cx.out.line(&line(outcome, dry_run))?;
        if let Some(hint) = &outcome.hint {
            cx.out.line(&format!("  then: {hint}"))?;
        }
    }
    afterwards(cx, dry_run, &outcomes, origins);
    Ok(exit)
}

fn line(outcome: &Outcome, dry_run: bool) -> String {
    let Outcome { name, entry, from, state, reason, tools, secrets, .. } = outcome;
    let what = match state {
        State::Imported if dry_run => "would be taken over",
        State::Imported => "taken over",
        State::Already => "already connected",
        State::Skipped => "stays there",
        State::Failed => "not taken over",
    };
    let mut line = format!("{name}: {what}");
    if name != entry && *state != State::Already {
        let _ = write!(line, " ({entry} in {from})");
    } else {
        let _ = write!(line, " ({from})");
    }
    if let Some(tools) = tools {
        let _ = write!(line, ", {}", text::count(*tools, "tool"));
    }
    if *state == State::Imported && !secrets.is_empty() {
        let where_to = if dry_run { "goes into" } else { "is in" };
        let _ = write!(line, ", {} {where_to} the store", secrets.join(", "));
    }
    if let Some(reason) = reason {
        let _ = write!(line, ", {reason}");
    }
    line
}

/// What is left to be done where they came from.
fn afterwards(cx: &Context, dry_run: bool, outcomes: &[Outcome], origins: &[Origin]) {
    for origin in origins {
        let of_it = outcomes.iter().filter(|it| it.from == origin.from);
        let taken = of_it.filter(|it| it.state == State::Imported);
        let taken: Vec<&str> = taken.map(|it| it.entry.as_str()).collect();
        if taken.is_empty() || dry_run {
            continue;
        }
        let path = origin.path.display();
        let names = taken.join(", ");
        let (title, both) = (&origin.title, "has them twice: take out");
        cx.out.note(&match origin.client {
            None => format!("{path} is as it was; take out {names} there when you want them here"),
            Some(_) if origin.entries.iter().any(|(name, _)| name == ENTRY) => {
                format!("{path} is as it was; {title} starts allmcp too, and {both} {names} there")
            }
            Some(client) => format!(
                "{path} is as it was; after `allmcp install {}` {title} {both} {names} there",
                client.id()
            ),
        });
    }
}
