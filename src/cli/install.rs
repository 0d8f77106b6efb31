//! `allmcp install` and `allmcp uninstall`: our entry in a client's own configuration.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{InstallArgs, UninstallArgs},
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
    path: Option<String>,
}

pub(super) fn install(cx: &Context, args: &InstallArgs) -> CliResult {
    if args.list {
        return list(cx);
    }
    let Some(client) = args.client else { return Err(CliError::usage("a client is missing")) };
    let client = client.0;
    let server = server(cx)?;
    if args.print {
        cx.out.content(&clients::snippet(client, &server))?;
        return Ok(Exit::DONE);
    }
    let dirs = dirs(cx)?;
    let plan = clients::install(client, &dirs, &server)?;
    if !client.is_here(&dirs) {
        cx.out.note(&format!(
            "{} was not found here; the entry is for when it comes",
            client.title()
        ));
    }
    carry_out(cx, "install", client, &plan, args.dry_run, args.yes)
}

pub(super) fn uninstall(cx: &Context, args: &UninstallArgs) -> CliResult {
    let client = args.client.0;
    let plan = clients::uninstall(client, &dirs(cx)?, &server(cx)?)?;
    carry_out(cx, "uninstall", client, &plan, args.dry_run, args.yes)
}

fn carry_out(
    cx: &Context,
    command: &str,
    client: &'static dyn Client,
    plan: &Plan,
    dry_run: bool,
    yes: bool,
) -> CliResult {
    let path = plan.path().display().to_string();
    let tell = |changed: bool, backup: Option<String>, diff: Option<String>| -> CliResult {
        if cx.out.json() {
            let path = path.clone();
            let document = Document { client: client.id(), path, changed, backup, dry_run, diff };
            cx.out.document(command, &document)?;
        }
        Ok(Exit::DONE)
    };
    if *plan.change() == Change::Nothing {
        cx.out.note(&format!("{path} is as it should be; nothing to do"));
        return tell(false, None, None);
    }
    let diff = plan.diff();
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
    cx.out.note(&format!("{path} is written; {}", client.afterwards()));
    tell(true, backup, None)
}

fn list(cx: &Context) -> CliResult {
    let (dirs, server) = (dirs(cx)?, server(cx)?);
    let rows: Vec<ClientRow> = clients::ALL
        .iter()
        .map(|client| {
            let state = clients::inspect(*client, &dirs, &server).ok();
            ClientRow {
                id: client.id(),
                name: client.title(),
                found: client.is_here(&dirs),
                installed: state.as_ref().is_some_and(|s| s.entry.is_some()),
                path: state.map(|s| s.path.display().to_string()),
            }
        })
        .collect();
    if cx.out.json() {
        cx.out.document("install-list", &ListDocument { clients: rows })?;
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["CLIENT", "FOUND", "INSTALLED", "FILE"]);
    let yes = |b: bool| if b { "yes" } else { "no" };
    for row in rows {
        table.row([
            Cell::from(row.id),
            yes(row.found).into(),
            yes(row.installed).into(),
            row.path.unwrap_or_default().into(),
        ]);
    }
    cx.out.table(&table)?;
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
        let new = match std::error::Error::source(&error) {
            Some(source) => new.because(source),
            None => new,
        };
        match error {
            ClientError::Several { .. } => {
                new.hint("allmcp install claude-desktop --print, and paste the entry by hand")
            }
            _ => new,
        }
    }
}
