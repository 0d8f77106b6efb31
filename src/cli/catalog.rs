//! `allmcp catalog`: the providers that can be connected by name.

mod own;
mod show;

use super::{
    context::Context,
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::{CatalogArgs, CatalogCommand},
};
use crate::{
    catalog::{CatalogError, Finding, Listed, Manifest, Origin, Registry, manifest},
    config::{Settings, settings::Target},
    text,
    ui::{Cell, Column, Table},
};
use serde::Serialize;
use std::collections::BTreeSet;
use url::Url;

#[derive(Serialize)]
struct Document {
    providers: Vec<Row>,
    /// Files of the user's folder that cannot be used.
    faulty: Vec<Faulty>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    kind: manifest::Kind,
    category: String,
    /// The kinds of sign-in, the simplest first.
    auth: Vec<&'static str>,
    /// None where the server lists them itself.
    tools: Option<usize>,
    verified: Option<String>,
    connected: bool,
    about: String,
    origin: &'static str,
}

#[derive(Serialize)]
struct Faulty {
    id: String,
    file: String,
    findings: Vec<Finding>,
}

pub(super) fn run(cx: &Context, args: CatalogArgs) -> CliResult {
    match args.command {
        None => list(cx, &args.query),
        Some(CatalogCommand::Show { provider }) => show::run(cx, &provider),
        Some(CatalogCommand::Add(args)) => own::add(cx, &args),
        Some(CatalogCommand::Lint(args)) => own::lint(cx, &args),
    }
}

fn list(cx: &Context, query: &[String]) -> CliResult {
    let registry = Registry::new(cx.paths.providers());
    let connected = connected(&cx.settings(), &registry);
    let (mut rows, mut faulty) = (Vec::new(), Vec::new());
    for listed in registry.all() {
        match &listed.manifest {
            Ok(manifest) if fits(manifest, query) => {
                rows.push(row(&listed, manifest, connected.contains(&manifest.id)));
            }
            Ok(_) => {}
            Err(findings) => faulty.push(Faulty {
                id: listed.id.clone(),
                file: file_of(&listed.origin),
                findings: findings.clone(),
            }),
        }
    }
    for bad in &faulty {
        let first = bad.findings.first().map(ToString::to_string).unwrap_or_default();
        cx.out.warn(&format!("{} cannot be used: {first}", bad.file));
    }
    if cx.out.json() {
        cx.out.document("catalog", &Document { providers: rows, faulty })?;
        return Ok(Exit::DONE);
    }
    if rows.is_empty() {
        cx.out
            .note(&format!("no provider fits {:?}; all of them: allmcp catalog", query.join(" ")));
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::name("ID"),
        "NAME".into(),
        Column::from("KIND").spare(3),
        Column::from("CATEGORY").spare(1),
        Column::from("AUTH").spare(0),
        Column::number("TOOLS").spare(4),
        Column::from("VERIFIED").spare(5),
        Column::from("CONNECTED").spare(2),
    ]);
    for row in rows {
        table.row([
            Cell::from(row.id),
            row.name.into(),
            kind_word(row.kind).into(),
            row.category.into(),
            row.auth.join(", ").into(),
            row.tools.map(|count| count.to_string()).unwrap_or_default().into(),
            row.verified.unwrap_or_default().into(),
            if row.connected { "yes" } else { "" }.into(),
        ]);
    }
    cx.out.table(&table)?;
    cx.out.note("more on one: allmcp catalog show ID");
    Ok(Exit::DONE)
}

fn row(listed: &Listed, manifest: &Manifest, connected: bool) -> Row {
    let mut auth: Vec<&'static str> = Vec::new();
    for way in &manifest.auth {
        if !auth.contains(&way.kind.word()) {
            auth.push(way.kind.word());
        }
    }
    Row {
        id: manifest.id.clone(),
        name: manifest.name.clone(),
        kind: manifest.kind,
        category: manifest.category.clone(),
        auth,
        tools: (manifest.kind == manifest::Kind::Http).then_some(manifest.tools.len()),
        verified: manifest.verified.clone(),
        connected,
        about: manifest.about.clone(),
        origin: origin_word(&listed.origin),
    }
}

const fn origin_word(origin: &Origin) -> &'static str {
    match origin {
        Origin::BuiltIn => "built_in",
        Origin::User(_) => "user",
    }
}

fn file_of(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::User(file) => file.display().to_string(),
    }
}

const fn kind_word(kind: manifest::Kind) -> &'static str {
    match kind {
        manifest::Kind::Mcp => "mcp",
        manifest::Kind::Http => "http",
    }
}

/// Every word of the query stands somewhere in what is said of the provider.
fn fits(manifest: &Manifest, query: &[String]) -> bool {
    let Manifest { id, name, category, about, .. } = manifest;
    let all = format!("{id} {name} {category} {about}").to_lowercase();
    query.iter().flat_map(|part| part.split_whitespace()).all(|w| all.contains(&w.to_lowercase()))
}

/// The ids of providers that have a connection, made by id or by URL.
fn connected(settings: &Settings, registry: &Registry) -> BTreeSet<String> {
    let known: BTreeSet<String> = registry.ids().into_iter().map(str::to_owned).collect();
    let of = |target: &Target| match target {
        Target::Provider { id, .. } => known.get(id).cloned(),
        Target::Url(url) => registry.by_url(&Url::parse(url.source()).ok()?),
        Target::Command { .. } | Target::None => None,
    };
    settings.connections.iter().filter_map(|connection| of(&connection.target)).collect()
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        match &error {
            CatalogError::Unknown { near, .. } => {
                let hint = match near.as_slice() {
                    [] => "allmcp catalog".to_owned(),
                    [one] => format!("did you mean {one:?}?"),
                    many => format!("did you mean one of {}?", many.join(", ")),
                };
                Self::new(Kind::NotFound, error.to_string()).hint(hint)
            }
            CatalogError::Bad { file, .. } => {
                let file = text::word(&file.display().to_string(), 400);
                Self::failed(error.to_string()).hint(format!("allmcp catalog lint {file}"))
            }
            CatalogError::Read { .. } => {
                let new = Self::failed(error.to_string());
                match std::error::Error::source(&error) {
                    Some(source) => new.because(source),
                    None => new,
                }
            }
        }
    }
}
