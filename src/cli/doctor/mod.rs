//! `allmcp doctor`: what could be wrong on this machine, and the command that mends each.
//!
//! One file per kind of check, each a function from what is there to findings.

mod caches;
mod clients;
mod clock;
mod connections;
mod environment;
mod files;
mod finding;
mod process;
mod program;
mod shown;
mod sign_in;
mod store;

use self::finding::{Check, Level};
pub(super) use self::{finding::Finding, store::store};
use super::{context::Context, error::CliResult, exit::Exit};
use crate::{
    app,
    config::{self, Loaded, Source},
    text,
};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    findings: Vec<Finding>,
}

pub(super) async fn run(cx: &Context) -> CliResult {
    let loaded = config::load(&cx.paths, &cx.env);
    let looked = cx.out.waiting("looking", thorough(cx, &loaded));
    let findings = looked.await;
    let ill = |of: fn(Check) -> bool| {
        findings.iter().any(|finding| finding.status == Level::Error && of(finding.check))
    };
    let exit = if ill(|check| !check.is_of_connections()) {
        Exit::FAILED
    } else if ill(Check::is_of_connections) {
        Exit::UNHEALTHY
    } else {
        Exit::DONE
    };
    if cx.out.json() {
        cx.out.document("doctor", &Document { findings })?;
    } else {
        shown::print(cx, &findings)?;
    }
    Ok(exit)
}

/// Everything, also what takes a moment: the store, the servers, and whether clients start us.
async fn thorough(cx: &Context, loaded: &Loaded) -> Vec<Finding> {
    let settings = &loaded.settings;
    let entries = clients::entries(cx);
    let deps = app::connect_deps(&cx.paths, &cx.env, settings, cx.vault(settings, None), None);
    let signed = sign_in::Signed::all(cx, &deps, settings);
    let known: Vec<Finding> = signed.iter().flat_map(sign_in::known).collect();
    // Before the store is tried: a file that others can read is written anew by that.
    let mut findings = quick_but_clients(cx, loaded, &entries);
    let (stored, starts, clock, chains, signature, held) = tokio::join!(
        store(cx, loaded),
        clients::starts(cx, &entries),
        clock::against(&deps, settings),
        sign_in::chains(&deps, &signed, &known),
        program::signature(),
        files::held(cx),
    );
    findings.extend(stored);
    findings.extend(program::on_path(cx));
    findings.extend(signature);
    findings.extend(held);
    findings.extend(clock);
    findings.extend(chains);
    findings.extend(clients::findings(&entries, Some(&starts)));
    in_order(findings)
}

/// Everything that needs no secret store, no network and no other program. Blocks for as long as
/// small files take.
pub(super) fn quick(cx: &Context, loaded: &Loaded) -> Vec<Finding> {
    let entries = clients::entries(cx);
    let mut findings = quick_but_clients(cx, loaded, &entries);
    findings.extend(clients::findings(&entries, None));
    in_order(findings)
}

fn quick_but_clients(cx: &Context, loaded: &Loaded, entries: &[clients::Entry]) -> Vec<Finding> {
    let settings = &loaded.settings;
    let deps = app::connect_deps(&cx.paths, &cx.env, settings, cx.vault(settings, None), None);
    let mut findings = vec![program::program(), configuration(cx, loaded)];
    findings.extend(settings.warnings.iter().map(|warning| odd(warning)));
    findings.extend(files::files(cx, settings));
    findings.extend(clock::future(cx, settings));
    let connections = connections::connections(cx, settings);
    let signed = sign_in::Signed::all(cx, &deps, settings);
    findings.extend(signed.iter().flat_map(sign_in::known));
    if loaded.error.is_none() {
        findings.extend(environment::environment(cx, settings, entries));
        findings.extend(caches::leftovers(cx, settings));
        findings.extend(caches::old(cx, settings, &connections));
    }
    findings.extend(connections);
    findings
}

/// In the order of the chain, and each thing once.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.check);
    // A secret and lists that were left behind by one connection go with one command.
    let told: Vec<String> = findings
        .iter()
        .filter(|finding| finding.check == Check::Store)
        .filter_map(|finding| finding.about.clone())
        .collect();
    findings.retain(|finding| {
        finding.check != Check::Cache || finding.about.as_ref().is_none_or(|it| !told.contains(it))
    });
    findings
}

fn configuration(cx: &Context, loaded: &Loaded) -> Finding {
    let file = cx.paths.config_file.display();
    match (&loaded.error, loaded.source) {
        (Some(error), source) => {
            let message = format!("{error}; {}", source.in_use());
            Finding::error(Check::Config, message, "allmcp config edit")
        }
        (None, Source::Absent) => Finding::warning(
            Check::Config,
            format!("{file} is not there yet"),
            "allmcp connect https://…/mcp",
        ),
        (None, _) => {
            let count = text::count(loaded.settings.connections.len(), "connection");
            Finding::ok(Check::Config, format!("{file}, {count}"))
        }
    }
}

/// Something in the file that does no harm. Some such texts end with their own remedy.
fn odd(warning: &str) -> Finding {
    let (message, fix) = warning.split_once("; run: ").unwrap_or((warning, "allmcp config edit"));
    Finding::warning(Check::Config, message, fix)
}
