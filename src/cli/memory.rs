//! `allmcp memory`: the memory that the memory tools use.

mod save;
mod show;

use super::{
    context::Context,
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::{MemoryCommand, MemoryListArgs},
    rows,
};
use crate::{
    name::Tenant,
    store::memory::{Found, Hit, Memory, MemoryError, MemoryStore, Search, Sharing, time_text},
    task, text,
    ui::{Cell, Column, Table},
};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    /// Only of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    memories: Vec<Row<'a>>,
    /// How many there are, those beyond the limit too.
    total: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    snippet: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// Of the content, in bytes.
    size: usize,
    tags: &'a [String],
    source: Option<&'a str>,
    expires_at: Option<String>,
    shared_with: &'a Sharing,
    owner: Option<&'a str>,
    writable: bool,
    created_at: String,
    updated_at: String,
}

pub(super) async fn run(cx: &Context, command: MemoryCommand) -> CliResult {
    match command {
        MemoryCommand::List(args) => list(cx, None, args).await,
        MemoryCommand::Search(args) => list(cx, Some(args.query.join(" ")), args.list).await,
        MemoryCommand::Show { memory } => show::run(cx, &memory).await,
        MemoryCommand::Save(args) => save::run(cx, args).await,
        MemoryCommand::Delete { memories, yes } => show::delete(cx, memories, yes).await,
    }
}

/// Runs `job` on the memory of whoever the command acts for.
async fn with_store<T: Send + 'static>(
    cx: &Context,
    job: impl FnOnce(&MemoryStore, &Tenant) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, CliError> {
    let (store, tenant) = (MemoryStore::new(cx.paths.memory()), cx.tenant.clone());
    let done = task::blocking(move || job(&store, &tenant)).await;
    let done =
        done.map_err(|error| CliError::internal("the memory did not answer").because(&error))?;
    done.map_err(CliError::from)
}

async fn list(cx: &Context, query: Option<String>, args: MemoryListArgs) -> CliResult {
    let MemoryListArgs { tags, source, limit, full } = args;
    let search =
        Search { query: query.clone(), ids: Vec::new(), tags, source, limit: limit.into() };
    let Found { hits, total } =
        with_store(cx, move |store, tenant| store.search(tenant, &search)).await?;
    if cx.out.json() {
        let memories = hits.iter().map(|hit| row(hit, full)).collect();
        let name = if query.is_some() { "memory-search" } else { "memory-list" };
        cx.out.document(name, &Document { query: query.as_deref(), memories, total })?;
        return Ok(Exit::DONE);
    }
    if hits.is_empty() {
        cx.out.note("no memories");
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::name("ID"),
        "TITLE".into(),
        Column::from("TAGS").spare(2),
        Column::from("UPDATED").spare(1),
        Column::from("OWNER").spare(3),
        Column::from("CONTENT").spare(4),
    ]);
    for Hit { memory, snippet } in &hits {
        let updated = humantime::format_rfc3339_seconds(memory.updated_at).to_string();
        table.row([
            Cell::from(memory.id.clone()),
            memory.title.clone().into(),
            memory.tags.join(", ").into(),
            rows::shown_time(cx, &updated).into(),
            memory.owner.clone().unwrap_or_default().into(),
            text::line(snippet, 200).into(),
        ]);
    }
    cx.out.table(&table)?;
    if total > hits.len() {
        cx.out.note(&format!("{} more; --limit shows more of them", total - hits.len()));
    }
    Ok(Exit::DONE)
}

fn row(hit: &Hit, full: bool) -> Row<'_> {
    let memory = &hit.memory;
    Row {
        id: &memory.id,
        title: &memory.title,
        snippet: &hit.snippet,
        content: full.then_some(&memory.content),
        size: memory.content.len(),
        tags: &memory.tags,
        source: memory.source.as_deref(),
        expires_at: memory.expires_at.map(time_text),
        shared_with: &memory.shared_with,
        owner: memory.owner.as_deref(),
        writable: memory.writable,
        created_at: time_text(memory.created_at),
        updated_at: time_text(memory.updated_at),
    }
}

/// The memory of this id or title; an error offers the nearest title.
async fn found(cx: &Context, key: &str) -> Result<Memory, CliError> {
    let wanted = key.to_owned();
    let found = with_store(cx, move |store, tenant| {
        let memory = store.find(tenant, &wanted)?;
        let all = Search { limit: 1000, ..Search::default() };
        let near = if memory.is_none() { store.search(tenant, &all)?.hits } else { Vec::new() };
        Ok(memory.ok_or(near))
    });
    found.await?.map_err(|near| {
        let titles = near.iter().map(|hit| hit.memory.title.as_str());
        CliError::not_found("memory", key, titles, "allmcp memory list")
    })
}

impl From<MemoryError> for CliError {
    fn from(error: MemoryError) -> Self {
        let kind = match &error {
            MemoryError::Invalid(_) => Kind::Usage,
            MemoryError::NotFound(_) => Kind::NotFound,
            MemoryError::Denied(_) => Kind::Denied,
            _ => Kind::Failed,
        };
        let new = Self::new(kind, error.to_string());
        match error.remedy() {
            Some(remedy) => new.hint(remedy),
            None if kind == Kind::NotFound => new.hint("allmcp memory list"),
            None => new,
        }
    }
}
