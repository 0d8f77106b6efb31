//! `allmcp report`: what somebody who helps has to know, in one file without secrets.

use super::{
    context::Context,
    doctor,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{Global, ReportArgs},
    rows::{self, HealthRow, Row},
};
use crate::{
    app::{
        App, Scope,
        report::{self, Facts},
    },
    config::{self, Env, Loaded, Paths},
    hub::own::{Problem, Reporter},
    name::Tenant,
    task,
    ui::{Audience, Look, Out, Prompter},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) async fn run(cx: &Context, args: &ReportArgs) -> CliResult {
    if let Some(file) = &args.output
        && !args.force
        && file.symlink_metadata().is_ok()
    {
        // Before the work, and not only after it.
        return Err(taken(file));
    }
    let loaded = config::load(&cx.paths, &cx.env);
    let mut findings = doctor::quick(cx, &loaded);
    findings.extend(doctor::store(cx, &loaded).await);
    let mut report =
        report::make(&cx.paths, &cx.env, &cx.tenant, None, facts(cx, &loaded, &findings));
    let file = match &args.output {
        Some(file) => {
            let file = std::path::absolute(file)?;
            report::write(&file, &report, args.force)
                .map_err(|error| not_written(&file, &error))?;
            Some(file)
        }
        // A program takes it from stdout.
        None if cx.out.json() => None,
        None => Some(
            report::keep(&cx.paths, &report)
                .map_err(|error| not_written(&cx.paths.state.join("reports"), &error))?,
        ),
    };
    let shown = file.as_ref().map(|file| file.display().to_string());
    if cx.out.json() {
        report.insert("file".to_owned(), json!(shown));
        cx.out.document("report", &report)?;
    } else if let Some(file) = shown {
        cx.out.line(&file)?;
        cx.out.note("nothing was sent; look at it before you give it to anybody");
    }
    Ok(Exit::DONE)
}

/// What this command finds out, as values.
fn facts(cx: &Context, loaded: &Loaded, findings: &[doctor::Finding]) -> Facts {
    #[derive(Serialize)]
    struct Connection {
        #[serde(flatten)]
        row: Row,
        health: HealthRow,
    }
    let app = App::build(&cx.paths, &cx.env, &loaded.settings, &cx.tenant, Scope::All);
    let rows = rows::all(cx, &loaded.settings, &app.hub.index()).into_iter();
    let rows: Vec<Connection> = rows.map(|(row, health)| Connection { row, health }).collect();
    let value = |it: Result<Value, serde_json::Error>| it.unwrap_or_default();
    Facts {
        findings: value(serde_json::to_value(findings)),
        connections: value(serde_json::to_value(rows)),
    }
}

fn taken(file: &Path) -> CliError {
    CliError::usage(format!("{} is there already", file.display())).hint("--force replaces it")
}

fn not_written(file: &Path, error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return taken(file);
    }
    CliError::failed(format!("could not write {}", file.display())).because(error)
}

/// Makes reports while a server runs, whose client asks for them.
pub(super) struct Reports {
    paths: Paths,
    env: Arc<Env>,
    tenant: Tenant,
}

impl Reports {
    pub(super) fn of(cx: &Context) -> Arc<dyn Reporter> {
        let (paths, env) = (cx.paths.clone(), Arc::clone(&cx.env));
        Arc::new(Self { paths, env, tenant: cx.tenant.clone() })
    }

    /// Who looks for a server: says nothing to anybody, and asks nobody.
    fn silent(&self) -> Context {
        let global = Global { quiet: true, no_input: true, ..Global::default() };
        Context {
            out: Out::new(Look { quiet: true, ..Look::default() }),
            env: Arc::clone(&self.env),
            paths: self.paths.clone(),
            prompter: Prompter::new(Audience { no_input: true, ..Audience::default() }),
            tenant: self.tenant.clone(),
            global,
        }
    }
}

impl Reporter for Reports {
    fn report(&self, problem: Problem) -> BoxFuture<'_, Result<PathBuf, String>> {
        let cx = self.silent();
        // The store is left alone: a keychain may ask the user something.
        let made = task::blocking(move || {
            let loaded = config::load(&cx.paths, &cx.env);
            let findings = doctor::quick(&cx, &loaded);
            let facts = facts(&cx, &loaded, &findings);
            let report = report::make(&cx.paths, &cx.env, &cx.tenant, Some(&problem), facts);
            report::keep(&cx.paths, &report).map_err(|error| error.to_string())
        });
        async move { made.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed()
    }
}
