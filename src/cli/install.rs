//! `allmcp install` and `allmcp uninstall`: our entry in a client's own configuration.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{ClientId, InstallArgs, UninstallArgs},
};
use crate::{
    clients::{self, Change, Client, ClientError, Dirs, Os, Plan, Server},
    ui::{Cell, Table},
};
use serde::Serialize;
use std::time::SystemTime;

#[derive(Serialize)]
struct Document<'a> {
    client: &'a str,
    path: String,
    changed: bool,
    backup: Option<String>,
    dry_run: bool,
    /// What a dry run would have done.
    diff: Option<String>,
    /// What the user does now, for it to take effect.
    next: Option<&'a str>,
    /// What goes wrong there sooner or later.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ListDocument {
    clients: Vec<ClientRow>,
}

#[derive(Serialize)]
struct ClientRow {
    id: &'static str,
    name: &'static str,
    found: bool,
    installed: bool,
    /// Whether `install` would change nothing.
    current: bool,
    path: Option<String>,
    /// Why its file cannot be changed.
    problem: Option<String>,
}

pub(super) fn install(cx: &Context, args: &InstallArgs) -> CliResult {
    if args.list {
        return list(cx);
    }
    let client = chosen(args.client)?;
    let server = server(cx)?;
    if args.print {
        cx.out.content(&clients::snippet(client, &server))?;
        let place = clients::place(client, &dirs(cx)?).map(|path| path.display().to_string());
        cx.out.note(&format!("this goes into {}", place.unwrap_or_else(|e| e.to_string())));
        if let Some(own) = client.own_way(&server) {
            cx.out.note(&format!("or, by {} itself: {own}", client.title()));
        }
        return Ok(Exit::DONE);
    }
    let dirs = dirs(cx)?;
    let plan = clients::install(client, &dirs, &server).map_err(|error| by_hand(error, client))?;
    if !clients::is_here(client, &dirs) {
        cx.out.note(&format!(
            "{} was not found here; the entry is for when it comes",
            client.title()
        ));
    }
    let (dry_run, yes) = (args.dry_run, args.yes);
    carry_out(cx, "install", client, &plan, dry_run, yes, &|| {
        clients::notes(client, &dirs, &server)
    })
}

pub(super) fn uninstall(cx: &Context, args: &UninstallArgs) -> CliResult {
    let client = chosen(args.client)?;
    let plan = clients::uninstall(client, &dirs(cx)?, &server(cx)?)
        .map_err(|error| by_hand(error, client))?;
    carry_out(cx, "uninstall", client, &plan, args.dry_run, args.yes, &Vec::new)
}

/// A usage error names the clients: who forgot the word does not know it.
fn chosen(client: Option<ClientId>) -> Result<&'static dyn Client, CliError> {
    client.map(|client| client.0).ok_or_else(|| {
        let ids: Vec<_> = clients::ALL.iter().map(|client| client.id()).collect();
        CliError::usage(format!("no client given; it is one of {}", ids.join(", ")))
            .hint("allmcp install --list")
    })
}

/// A file that is not for us to write is for its owner.
fn by_hand(error: ClientError, client: &dyn Client) -> CliError {
    let hand = matches!(
        error,
        ClientError::Syntax { .. }
            | ClientError::Shape { .. }
            | ClientError::Encoding { .. }
            | ClientError::Several { .. }
            | ClientError::Older { .. }
    );
    let new = CliError::from(error);
    if hand {
        let print = format!("allmcp install {} --print", client.id());
        new.hint(format!("{print} gives the entry to paste by hand"))
    } else {
        new
    }
}

fn carry_out(
    cx: &Context,
    command: &str,
    client: &'static dyn Client,
    plan: &Plan,
    dry_run: bool,
    yes: bool,
    notes: &dyn Fn() -> Vec<String>,
) -> CliResult {
    let path = plan.path().display().to_string();
    let next = match command {
        "install" => client.afterwards().to_owned(),
        _ => format!("restart {} for it to take effect", client.title()),
    };
    let tell = |changed: bool, backup: Option<String>, diff: Option<String>| -> CliResult {
        let notes = if dry_run { Vec::new() } else { notes() };
        for note in &notes {
            cx.out.warn(note);
        }
        if cx.out.json() {
            let (path, client) = (path.clone(), client.id());
            let next = changed.then_some(next.as_str());
            let document = Document { client, path, changed, backup, dry_run, diff, next, notes };
            cx.out.document(command, &document)?;
        }
        Ok(Exit::DONE)
    };
    if *plan.change() == Change::Nothing {
        cx.out.note(&format!("{path} is as it should be; nothing to do"));
        return tell(false, None, None);
    }
    let diff = plan.diff();
    if diff.contains("***") {
        cx.out.note("*** stands for texts that are not ours");
    }
    if dry_run {
        if !cx.out.json() {
            cx.out.diff(&diff)?;
        }
        return tell(false, None, Some(diff));
    }
    cx.out.note(&path);
    cx.out.note_diff(&diff);
    if !yes && !cx.prompter.confirm("Write this?", "--yes").map_err(CliError::from)? {
        cx.out.note("nothing was changed");
        return Ok(Exit::FAILED);
    }
    let applied = plan.apply(&cx.paths.state.join("install.lock"), SystemTime::now())?;
    let backup = applied.backup.as_ref().map(|path| path.display().to_string());
    if let Some(backup) = &backup {
        cx.out.note(&format!("the file as it was is kept as {backup}"));
    }
    let done =
        if *plan.change() == Change::Delete { "was ours alone and is gone" } else { "is written" };
    cx.out.note(&format!("{path} {done}; {next}"));
    tell(true, backup, None)
}

fn list(cx: &Context) -> CliResult {
    let (dirs, server) = (dirs(cx)?, server(cx)?);
    let rows: Vec<ClientRow> = clients::ALL
        .iter()
        .map(|client| {
            let (state, problem) = match clients::inspect(*client, &dirs, &server) {
                Ok(state) => (Some(state), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let entry = state.as_ref().and_then(|state| state.entry.as_ref());
            let path = state.as_ref().map(|state| state.path.clone());
            ClientRow {
                id: client.id(),
                name: client.title(),
                found: clients::is_here(*client, &dirs),
                installed: entry.is_some(),
                current: entry.is_some_and(|entry| entry.current),
                path: path
                    .or_else(|| clients::place(*client, &dirs).ok())
                    .map(|p| p.display().to_string()),
                problem,
            }
        })
        .collect();
    if cx.out.json() {
        cx.out.document("install-list", &ListDocument { clients: rows })?;
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["CLIENT", "FOUND", "INSTALLED", "FILE"]);
    for row in &rows {
        let installed = match row {
            ClientRow { problem: Some(_), .. } => "unclear",
            ClientRow { current: true, .. } => "yes",
            ClientRow { installed: true, .. } => "outdated",
            _ => "no",
        };
        table.row([
            Cell::from(row.id),
            if row.found { "yes" } else { "no" }.into(),
            installed.into(),
            row.path.clone().unwrap_or_default().into(),
        ]);
    }
    cx.out.table(&table)?;
    for row in &rows {
        if let Some(problem) = &row.problem {
            cx.out.warn(&format!("{}: {problem}", row.name));
        }
    }
    Ok(Exit::DONE)
}

/// How clients are to start us: this binary, and our home when it is not the usual one.
pub(super) fn server(cx: &Context) -> Result<Server, CliError> {
    Ok(Server::new(&Context::binary()?, cx.paths.root.as_deref())?)
}

pub(super) fn dirs(cx: &Context) -> Result<Dirs, CliError> {
    let home = cx.env.home.clone().ok_or_else(|| CliError::failed("there is no home folder"))?;
    let var = |name: &str| cx.env.var(name).map(crate::secret::Secret::into_inner);
    Ok(Dirs::new(Os::HERE, home, var))
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let new = Self::failed(error.to_string());
        match std::error::Error::source(&error) {
            Some(source) => new.because(source),
            None => new,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::VARIABLES;

    #[test]
    fn every_variable_of_a_client_is_in_the_list_of_variables() {
        let all: Vec<_> = VARIABLES.iter().flat_map(|one| one.name.split(", ")).collect();
        assert!(clients::VARIABLES.iter().all(|name| all.contains(name)), "{all:?}");
    }
}
