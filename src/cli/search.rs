//! `allmcp search`: tools by what they do, as a model finds them.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::SearchArgs,
    rows,
};
use crate::{
    app::{App, Scope},
    hub::find::{Answer, Wanted},
    ui::{Cell, Column, Table},
};

pub(super) async fn run(cx: &Context, args: &SearchArgs) -> CliResult {
    let settings = cx.settings();
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::Enabled);
    let query = args.query.join(" ");
    let limit = args.limit.map(usize::from);
    let wanted = Wanted { query: &query, group: args.group.as_deref(), limit };
    let found = cx.out.waiting("looking", app.hub.find(&wanted)).await;
    app.end().await;
    let answer = found.map_err(|no| {
        let group = args.group.as_deref().unwrap_or_default();
        let valid = no.valid.iter().map(String::as_str);
        CliError::not_found("group", group, valid, "allmcp list")
    })?;
    if cx.out.json() {
        cx.out.document("search", &answer)?;
    } else {
        people(cx, &answer)?;
    }
    Ok(Exit::DONE)
}

fn people(cx: &Context, answer: &Answer) -> CliResult {
    if answer.tools.is_empty() {
        cx.out.note("no tool of the connections fits that");
    } else {
        let mut table = Table::new([
            Column::name("TOOL"),
            Column::from("NEEDS").spare(1),
            Column::from("DESCRIPTION").spare(0),
        ]);
        for row in &answer.tools {
            let needs = row.required.join(", ");
            table.row([Cell::from(row.name.clone()), needs.into(), row.description.clone().into()]);
        }
        cx.out.table(&table)?;
    }
    if answer.more > 0 {
        cx.out.note(&format!("{} more fit; --limit shows more of them", answer.more));
    }
    if answer.low_confidence && !answer.tools.is_empty() {
        cx.out.note("none of them fits well; other words may find more");
    }
    for locked in &answer.locked_groups {
        let (group, reason) = (&locked.group, rows::brief(&locked.group, &locked.reason));
        // Told to a model, of whom it is the user that is meant here.
        let remedy = locked.remedy.trim_start_matches("the user runs: ");
        cx.out.note(&format!("{group}: {reason}\n    fix: {remedy}"));
    }
    Ok(Exit::DONE)
}
