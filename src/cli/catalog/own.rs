//! `allmcp catalog add` and `lint`: manifests that people write.

use super::{CliError, CliResult, Context, Exit, Finding, Manifest, Registry};
use crate::{
    catalog::Level,
    cli::grammar::{CatalogAddArgs, CatalogLintArgs},
    disk::{atomic, lock::FileLock},
    text,
};
use serde::Serialize;
use std::{path::Path, time::Duration};

/// The longest manifest, in bytes.
const MAX_BYTES: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct LintDocument<'a> {
    errors: usize,
    warnings: usize,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

#[derive(Serialize)]
struct AddDocument<'a> {
    id: &'a str,
    file: String,
    /// A built-in one of the same id does not count any more.
    replaces_built_in: bool,
    connect: Vec<String>,
}

pub(super) fn lint(cx: &Context, args: &CatalogLintArgs) -> CliResult {
    if args.schema {
        let schema = serde_json::to_string_pretty(&Manifest::file_schema());
        cx.out.line(&schema.map_err(|error| CliError::internal(error.to_string()))?)?;
        return Ok(Exit::DONE);
    }
    let registry = Registry::new(cx.paths.providers());
    let found = match &args.file {
        Some(file) => {
            let shown = file.display().to_string();
            let (_, findings) = registry.check(&read(file)?);
            findings.into_iter().map(|finding| (shown.clone(), finding)).collect()
        }
        None => registry.lint(),
    };
    let count = |level: Level| found.iter().filter(|(_, f)| f.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if cx.out.json() {
        let findings = found.iter().map(|(file, finding)| Row { file, finding }).collect();
        cx.out.document("catalog-lint", &LintDocument { errors, warnings, findings })?;
    } else {
        for line in lines(&found) {
            cx.out.line(&line)?;
        }
    }
    if errors > 0 {
        return Err(CliError::failed(format!("{} found", text::count(errors, "error"))));
    }
    if found.is_empty() {
        cx.out.note("nothing found");
    }
    Ok(Exit::DONE)
}

fn lines(found: &[(String, Finding)]) -> impl Iterator<Item = String> {
    found.iter().map(|(file, finding)| {
        // `FILE:3:1: error: …`, and `FILE: error: …` where there is no line.
        let gap = if finding.line.is_some() { "" } else { " " };
        text::line(&format!("{file}:{gap}{finding}"), 2000)
    })
}

fn read(file: &Path) -> Result<String, CliError> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        CliError::usage(format!("could not read {}", file.display())).because(error)
    };
    let bytes = atomic::read(file, MAX_BYTES).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

pub(super) fn add(cx: &Context, args: &CatalogAddArgs) -> CliResult {
    let given = read(&args.file)?;
    let folder = cx.paths.providers();
    let shown = args.file.display().to_string();
    let failed = |what: &str, error: &(dyn std::error::Error + 'static)| {
        CliError::failed(format!("could not {what} {}", folder.display())).because(error)
    };
    let lock = atomic::beside(&folder, ".lock");
    let _lock = FileLock::acquire(&lock, PATIENCE).map_err(|error| failed("lock", &error))?;
    let registry = Registry::new(folder.clone());
    let (id, findings) = registry.check(&given);
    let errors: Vec<_> = findings.iter().filter(|f| f.level == Level::Error).collect();
    let Some(id) = id.filter(|_| errors.is_empty()) else {
        let mut error = CliError::usage(format!("{shown} is no manifest that can be used"));
        error.causes = errors.iter().take(5).map(ToString::to_string).collect();
        let file = text::word(&shown, 400);
        return Err(error.hint(format!("allmcp catalog lint {file}")));
    };
    let taken = registry.file_of(&id).map(Path::to_owned);
    if let Some(other) = taken.as_ref().filter(|_| !args.force) {
        return Err(CliError::usage(format!("{id} is there already: {}", other.display()))
            .hint(format!("allmcp catalog add --force {}", text::word(&shown, 400))));
    }
    for finding in &findings {
        cx.out.warn(&format!("{shown}:{finding}"));
    }
    let file = taken.unwrap_or_else(|| folder.join(format!("{id}.toml")));
    atomic::write(&file, given.as_bytes()).map_err(|error| failed("write into", &error))?;
    // As everybody will read it from now on.
    let now = Registry::new(folder);
    let manifest = now.get(&id)?;
    let replaces = now.all().iter().any(|listed| listed.id == id && listed.replaces);
    let connect: Vec<_> = manifest.auth.iter().map(|way| manifest.connect_command(way)).collect();
    if cx.out.json() {
        let document = AddDocument {
            id: &id,
            file: file.display().to_string(),
            replaces_built_in: replaces,
            connect,
        };
        cx.out.document("catalog-add", &document)?;
        return Ok(Exit::DONE);
    }
    if replaces {
        cx.out.note(&format!("{id} now stands in the place of the built-in one"));
    }
    cx.out.note(&format!("{} was added; connect it:", manifest.name));
    for command in connect {
        cx.out.line(&command)?;
    }
    Ok(Exit::DONE)
}
