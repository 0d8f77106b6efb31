//! All connections at a glance: how many are well, a line each, and what to do for those that are
//! not.

use super::{Context, Failures, Kind, Status, StatusRow, rows, text};
use crate::{
    cli::error::CliError,
    ui::{Cell, Column, Table},
};
use std::io;

/// In this order they are counted.
const ORDER: [Status; 6] = [
    Status::Connected,
    Status::NeedsAuth,
    Status::Error,
    Status::Paused,
    Status::Unknown,
    Status::Disabled,
];

pub(super) fn print(cx: &Context, all: &[StatusRow], failures: &Failures) -> io::Result<()> {
    let out = &cx.out;
    if all.is_empty() {
        out.note(rows::NONE);
        return Ok(());
    }
    out.heading(&summed_up(&all.iter().map(|row| row.row.status)))?;
    out.line("")?;
    let mut columns = vec![
        Column::name("NAME"),
        "STATUS".into(),
        Column::number("TOOLS"),
        Column::number("LATENCY").spare(2),
        Column::from("SYNCED").spare(1),
    ];
    // Keys have nothing to say here.
    let by_consent = all.iter().any(|row| row.sign_in.is_some());
    columns.extend(by_consent.then(|| Column::from("SIGN-IN").spare(0)));
    let mut table = Table::new(columns);
    for StatusRow { row, health, sign_in, .. } in all {
        let latency = health.latency_ms.map(rows::took).unwrap_or_default();
        let synced = row.last_sync.as_ref().map(|at| rows::shown_time(cx, at));
        let sign_in = sign_in.as_ref().map(|it| it.shown(cx)).unwrap_or_default();
        let cells = [
            Cell::from(row.name.as_str()),
            row.status.into(),
            row.counted().into(),
            latency.into(),
            synced.unwrap_or_default().into(),
        ];
        table.row(cells.into_iter().chain(by_consent.then(|| sign_in.into())));
    }
    out.table(&table)?;
    let ill: Vec<&StatusRow> = all.iter().filter(|row| row.is_ill()).collect();
    if !ill.is_empty() {
        out.line("")?;
    }
    ill.into_iter().try_for_each(|row| tell(cx, row, failures))
}

/// `12 connections: 10 connected, 1 needs_auth, 1 error`.
fn summed_up(all: &(impl Iterator<Item = Status> + Clone)) -> String {
    let of = |status: Status| all.clone().filter(|it| *it == status).count();
    let parts = ORDER.into_iter().map(|status| (of(status), status));
    let parts = parts.filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, status)| format!("{count} {status}")).collect();
    format!("{}: {}", text::count(all.clone().count(), "connection"), parts.join(", "))
}

/// Why it is not well, in full, and the command that mends it.
fn tell(
    cx: &Context,
    StatusRow { row, health, bad_entry, .. }: &StatusRow,
    failures: &Failures,
) -> io::Result<()> {
    let why = health.last_error.clone().unwrap_or_else(|| row.status.to_string());
    cx.out.marked(row.status.into(), &format!("{}: {}", row.name, rows::brief(&row.name, &why)))?;
    let live = format!("allmcp status {} --live", row.name);
    let fix = match failures.get(&row.name) {
        Some(error) => match CliError::from((**error).clone()) {
            // That was it just now.
            CliError { kind: Kind::Unreachable | Kind::Timeout, .. } => {
                Some("check that the server runs, and its URL".to_owned())
            }
            error => error.hint,
        },
        None if *bad_entry => Some("allmcp config edit".to_owned()),
        None if row.status == Status::NeedsAuth => Some(format!("allmcp reconnect {}", row.name)),
        None => Some(live),
    };
    fix.map_or(Ok(()), |fix| cx.out.folded(4, &format!("fix: {fix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_summed_up_in_a_line() {
        use Status::{Connected, Disabled, Error, NeedsAuth};
        let of = |all: &[Status]| summed_up(&all.iter().copied());
        assert_eq!(
            of(&[Connected, Error, Disabled, Connected, NeedsAuth]),
            "5 connections: 2 connected, 1 needs_auth, 1 error, 1 disabled"
        );
        assert_eq!(of(&[Connected]), "1 connection: 1 connected");
    }
}
