//! Finding memories: by words, ids, tags and source, or the newest.

use super::{
    Memory, MemoryError, MemoryStore, Scope, limits,
    row::{COLUMNS, VISIBLE, count, reader, too_long},
    words,
};
use crate::name::Tenant;
use rusqlite::{OptionalExtension as _, Transaction, params_from_iter, types::Value};
use std::fmt::Write as _;

/// What to look for; all that is given has to fit.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Any of its words; the best fit comes first. Without it the newest.
    pub query: Option<String>,
    pub ids: Vec<String>,
    /// All of them; upper and lower case are the same.
    pub tags: Vec<String>,
    pub source: Option<String>,
    /// Most memories in the answer.
    pub limit: usize,
}

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// How many fit, those beyond the limit too.
    pub total: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub memory: Memory,
    /// The part of the content that fits best.
    pub snippet: String,
}

/// Words of a snippet for FTS5 (64 is its most), and characters of one from the beginning.
const SNIPPET: i32 = 40;
const BEGINNING: usize = 240;

/// What the words of title, tags and content count for.
const RANK: &str = "bm25(words, 6.0, 4.0, 1.0)";

impl MemoryStore {
    /// What `tenant` sees of that. Blocks: call it on a blocking thread.
    pub fn search(&self, tenant: &Tenant, search: &Search) -> Result<Found, MemoryError> {
        let scope = Scope::of(tenant)?;
        let wanted = Wanted::of(search)?;
        if wanted.hopeless {
            return Ok(Found::default());
        }
        let now = self.now();
        let found = self.reading(|db| wanted.find(db, &scope, now))?;
        Ok(found.unwrap_or_default())
    }

    /// One by its id or, where there is none, by its title: the tenant's own before others.
    pub fn find(&self, tenant: &Tenant, key: &str) -> Result<Option<Memory>, MemoryError> {
        let scope = Scope::of(tenant)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM memories m WHERE {VISIBLE} AND (m.id = ?4 OR m.title = ?4) \
             ORDER BY m.id = ?4 DESC, m.owner = ?2 DESC, m.updated_at DESC LIMIT 1"
        );
        let mut parameters = reader(&scope, self.now());
        parameters.push(key.trim().to_owned().into());
        let found = self.reading(|db| {
            let row = |row: &rusqlite::Row<'_>| Memory::read(row, &scope);
            db.query_row(&sql, params_from_iter(parameters), row).optional()
        })?;
        Ok(found.flatten())
    }
}

/// A search within the limits.
struct Wanted<'a> {
    search: &'a Search,
    /// For FTS5.
    query: Option<String>,
    /// There is a query and no word in it: nothing fits.
    hopeless: bool,
    tags: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn of(search: &'a Search) -> Result<Self, MemoryError> {
        let given = search.query.as_deref().map(str::trim).filter(|query| !query.is_empty());
        let count = given.map_or(0, |query| query.chars().count());
        if count > limits::QUERY {
            return Err(too_long("the query", count, limits::QUERY, "characters"));
        }
        if search.ids.len() > limits::BATCH {
            return Err(too_long("the list of ids", search.ids.len(), limits::BATCH, "entries"));
        }
        if search.tags.len() > limits::TAGS {
            return Err(too_long("the list of tags", search.tags.len(), limits::TAGS, "entries"));
        }
        if search.limit == 0 || search.limit > limits::ANSWER {
            let why = format!("the limit is {}; use 1 to {}", search.limit, limits::ANSWER);
            return Err(MemoryError::Invalid(why));
        }
        let tags = search.tags.iter().map(|tag| tag.trim().to_lowercase()).collect();
        let query = given.and_then(words::query);
        let hopeless = given.is_some() && query.is_none();
        Ok(Self { search, query, hopeless, tags })
    }

    fn find(&self, db: &Transaction<'_>, scope: &Scope<'_>, now: i64) -> rusqlite::Result<Found> {
        let query = self.query.as_deref();
        let (conditions, mut parameters) = self.conditions(scope, now);
        let from = if query.is_some() {
            "words JOIN memories m ON m.n = words.rowid"
        } else {
            "memories m"
        };
        let sql = format!("SELECT count(*) FROM {from} WHERE {conditions}");
        let total = db.query_row(&sql, params_from_iter(&parameters), count)?;
        let order = if query.is_some() { format!("{RANK}, ") } else { String::new() };
        let sql = format!(
            "SELECT m.n FROM {from} WHERE {conditions} \
             ORDER BY {order}m.updated_at DESC, m.n DESC LIMIT ?{}",
            parameters.len() + 1
        );
        parameters.push(i64::try_from(self.search.limit).unwrap_or(i64::MAX).into());
        let mut statement = db.prepare(&sql)?;
        let best: Vec<i64> = statement
            .query_map(params_from_iter(&parameters), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let read = format!("SELECT {COLUMNS}, ?3 FROM memories m WHERE m.n = ?4");
        let mut read = db.prepare(&read)?;
        let mut cut = db.prepare(
            "SELECT snippet(words, 2, '', '', '…', ?3) FROM words WHERE words MATCH ?1 AND rowid = ?2",
        )?;
        let mut hits = Vec::with_capacity(best.len());
        for n in best {
            let mut parameters = reader(scope, now);
            parameters.push(n.into());
            let memory =
                read.query_row(params_from_iter(parameters), |row| Memory::read(row, scope))?;
            let snippet = match query {
                Some(query) => {
                    let row = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
                    let cut =
                        cut.query_row(rusqlite::params![query, n, SNIPPET], row).optional()?;
                    cut.map(|cut| words::shown(&cut))
                }
                None => None,
            };
            let snippet = snippet.unwrap_or_else(|| beginning(&memory.content));
            hits.push(Hit { memory, snippet });
        }
        Ok(Found { hits, total })
    }

    /// What has to hold of `m`, and the parameters for it.
    fn conditions(&self, scope: &Scope<'_>, now: i64) -> (String, Vec<Value>) {
        let mut sql = VISIBLE.to_owned();
        let mut parameters = reader(scope, now);
        let mut number = |value: &str| {
            parameters.push(value.to_owned().into());
            parameters.len()
        };
        if let Some(query) = &self.query {
            let _ = write!(sql, " AND words MATCH ?{}", number(query));
        }
        if !self.search.ids.is_empty() {
            let all: Vec<String> =
                self.search.ids.iter().map(|id| format!("?{}", number(id.trim()))).collect();
            let _ = write!(sql, " AND m.id IN ({})", all.join(", "));
        }
        for tag in &self.tags {
            let _ = write!(
                sql,
                " AND EXISTS (SELECT 1 FROM tags t WHERE t.memory = m.n AND t.key = ?{})",
                number(tag)
            );
        }
        if let Some(source) = &self.search.source {
            let _ = write!(sql, " AND m.source = ?{}", number(source.trim()));
        }
        (sql, parameters)
    }
}

/// The first words of a content.
fn beginning(content: &str) -> String {
    let mut cut = match content.char_indices().nth(BEGINNING) {
        None => return content.to_owned(),
        Some((at, _)) => &content[..at],
    };
    if let Some(space) = cut.rfind(char::is_whitespace).filter(|at| *at > cut.len() / 2) {
        cut = &cut[..space];
    }
    format!("{}…", cut.trim_end())
}
