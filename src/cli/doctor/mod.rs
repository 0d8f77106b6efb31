//! `allmcp doctor`: what could be wrong on this machine, and the command that mends each.

use super::{context::Context, error::CliResult, exit::Exit, install, rows};
use crate::{
    app::{App, Scope},
    clients,
    config::{self, Settings, Source},
    kind::{AuthKind, Status},
    text,
};
use serde::Serialize;
use std::{collections::BTreeSet, path::Path};

#[derive(Serialize)]
struct Document {
    findings: Vec<Finding>,
}

/// One check and how it came out.
#[derive(Serialize)]
pub(super) struct Finding {
    check: &'static str,
    status: &'static str,
    message: String,
    /// A command to run.
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: "ok", message: message.into(), fix: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: "warning", message: message.into(), fix: Some(fix.into()) }
    }

    fn error(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: "error", message: message.into(), fix: Some(fix.into()) }
    }
}

pub(super) async fn run(cx: &Context) -> CliResult {
    let loaded = config::load(&cx.paths, &cx.env);
    let mut findings = quick(cx, &loaded);
    // Where the order is that of the chain: program, settings, files, secrets, connections.
    let at = findings.iter().position(|it| it.check == "files").map_or(0, |at| at + 1);
    let rest = findings.split_off(at);
    findings.extend(store(cx, &loaded.settings).await);
    findings.extend(rest);
    let ill = |what: fn(&str) -> bool| {
        findings.iter().any(|finding| finding.status == "error" && what(finding.check))
    };
    let exit = if ill(|check| check != "connection") {
        Exit::FAILED
    } else if ill(|check| check == "connection") {
        Exit::UNHEALTHY
    } else {
        Exit::DONE
    };
    if cx.out.json() {
        cx.out.document("doctor", &Document { findings })?;
        return Ok(exit);
    }
    // Lines and no table: a finding and its fix are of no use when they are cut.
    for Finding { check, status, message, fix } in findings {
        cx.out.line(&format!("{status:<8} {check:<11} {}", text::line(&message, 1000)))?;
        if let Some(fix) = fix {
            cx.out.line(&format!("{:<20} fix: {}", "", text::line(&fix, 1000)))?;
        }
    }
    Ok(exit)
}

/// Everything that needs no secret store. Blocks for as long as small files take.
pub(super) fn quick(cx: &Context, loaded: &config::Loaded) -> Vec<Finding> {
    let mut findings = vec![program(), configuration(cx, loaded)];
    findings.extend(
        loaded
            .settings
            .warnings
            .iter()
            .map(|warning| Finding::warning("config", warning.clone(), "allmcp config edit")),
    );
    findings.push(folder(&cx.paths.state));
    findings.extend(connections(cx, &loaded.settings));
    findings.extend(client_entries(cx));
    findings
}

fn program() -> Finding {
    match Context::binary() {
        Ok(path) => {
            Finding::ok("program", format!("{} {}", path.display(), env!("CARGO_PKG_VERSION")))
        }
        Err(error) => Finding::error("program", error.message, "install allmcp again"),
    }
}

fn configuration(cx: &Context, loaded: &config::Loaded) -> Finding {
    let file = cx.paths.config_file.display();
    match (&loaded.error, loaded.source) {
        (Some(error), source) => {
            let message = format!("{error}; {}", source.in_use());
            Finding::error("config", message, "allmcp config edit")
        }
        (None, Source::Absent) => Finding::warning(
            "config",
            format!("{file} is not there yet"),
            "allmcp connect https://…/mcp",
        ),
        (None, _) => {
            let count = text::count(loaded.settings.connections.len(), "connection");
            Finding::ok("config", format!("{file}, {count}"))
        }
    }
}

/// Logs, health and pins need a folder that can be written; without it serving goes on.
fn folder(state: &Path) -> Finding {
    let nearest = state.ancestors().find(|path| path.exists()).unwrap_or(state);
    match tempfile::Builder::new().prefix(".allmcp-").tempfile_in(nearest) {
        Ok(_) => Finding::ok("files", format!("{} can be written", state.display())),
        Err(error) => Finding::warning(
            "files",
            format!(
                "{} cannot be written: {error}; logs and last known lists are off",
                nearest.display()
            ),
            format!("make {} writable", nearest.display()),
        ),
    }
}

pub(super) async fn store(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let vault = cx.vault(settings, None);
    let kind = vault.kind();
    let needed = settings.connections.iter().any(|c| c.auth != AuthKind::None);
    if !needed && settings.store.is_none() {
        return vec![Finding::ok("store", "no connection needs a secret")];
    }
    if let Err(error) = vault.probe().await {
        return vec![Finding::error(
            "store",
            format!("{kind}: {error}"),
            "allmcp config set settings.store file",
        )];
    }
    let what = match kind {
        crate::kind::StoreKind::File => "file: any program that runs as you can read it".to_owned(),
        other => format!("{other}: written, read and deleted"),
    };
    let mut findings = vec![Finding::ok("store", what)];
    if let Ok(Some(accounts)) = vault.accounts().await {
        let known: BTreeSet<&str> = settings.connections.iter().map(|c| c.name.as_str()).collect();
        for account in accounts {
            let name = account.rsplit('/').next().unwrap_or_default();
            if !known.contains(name) {
                findings.push(Finding::warning(
                    "store",
                    format!("a secret of {account} is kept, and no connection has that name"),
                    format!("connect it again, or delete the item {account:?} of service allmcp"),
                ));
            }
        }
    }
    findings
}

fn connections(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let app = App::build(&cx.paths, &cx.env, settings, &cx.tenant, Scope::All);
    let rows = rows::all(cx, settings, &app.hub.index());
    let finding = |(row, health): (rows::Row, rows::HealthRow)| {
        let name = &row.name;
        let why = health.last_error.unwrap_or_default();
        let message =
            format!("{name}: {}{}{why}", row.status, if why.is_empty() { "" } else { ", " });
        match row.status {
            Status::NeedsAuth => {
                Finding::error("connection", message, format!("allmcp reconnect {name}"))
            }
            Status::Error | Status::Paused => {
                Finding::error("connection", message, format!("allmcp status {name} --live"))
            }
            Status::Unknown => {
                Finding::warning("connection", message, format!("allmcp sync {name}"))
            }
            Status::Connected | Status::Disabled => Finding::ok("connection", message),
        }
    };
    rows.into_iter().map(finding).collect()
}

fn client_entries(cx: &Context) -> Vec<Finding> {
    let (Ok(dirs), Ok(server)) = (install::dirs(cx), install::server(cx)) else {
        return Vec::new();
    };
    let look = |client: &&'static dyn clients::Client| {
        let fix = format!("allmcp install {}", client.id());
        let title = client.title();
        match clients::inspect(*client, &dirs, &server) {
            Err(error) => Finding::error("client", format!("{title}: {error}"), fix),
            Ok(state) => match state.entry {
                None if state.is_here => {
                    Finding::warning("client", format!("{title} does not know allmcp"), fix)
                }
                None => Finding::ok("client", format!("{title} is not on this machine")),
                Some(entry) if !entry.exists => Finding::error(
                    "client",
                    format!(
                        "{title} starts {}, which is not there",
                        entry.command.unwrap_or_default()
                    ),
                    fix,
                ),
                Some(entry) if !entry.current => Finding::warning(
                    "client",
                    format!("{title} starts another allmcp or an old entry"),
                    fix,
                ),
                Some(_) => Finding::ok("client", format!("{title} starts this allmcp")),
            },
        }
    };
    clients::ALL.iter().map(look).collect()
}
