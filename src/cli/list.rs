//! `allmcp list`.

use super::{
    context::Context,
    error::CliResult,
    exit::Exit,
    grammar::ListArgs,
    rows::{self, Row},
};
use crate::{
    app::{App, Scope},
    ui::{Cell, Column, Table},
};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    connections: Vec<Row>,
}

pub(super) fn run(cx: &Context, args: &ListArgs) -> CliResult {
    let settings = cx.settings();
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let mut rows: Vec<Row> =
        rows::all(cx, &settings, &app.hub.index()).into_iter().map(|(row, _)| row).collect();
    if args.all {
        rows.extend(rows::bridges(cx, &settings));
    }
    if cx.out.json() {
        cx.out.document("list", &Document { connections: rows })?;
        return Ok(Exit::DONE);
    }
    if rows.is_empty() {
        cx.out.note(rows::NONE);
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::name("NAME"),
        "STATUS".into(),
        Column::from("AUTH").spare(1),
        Column::number("TOOLS"),
        Column::address("URL").spare(0),
    ]);
    for row in rows {
        table.row([
            Cell::from(row.name.as_str()),
            row.status.into(),
            row.auth.word().into(),
            row.counted().into(),
            row.url.or(row.provider).unwrap_or_default().into(),
        ]);
    }
    cx.out.table(&table)?;
    Ok(Exit::DONE)
}
