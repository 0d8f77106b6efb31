//! Saving: all memories of a batch, or none.

use super::{
    Draft, MemoryError, MemoryStore, Scope, Sharing,
    database::Failed,
    draft, limits,
    row::{VISIBLE, count, millis, reader},
    words,
};
use crate::name::Tenant;
use rusqlite::{OptionalExtension as _, Transaction, params, params_from_iter};
use serde::Serialize;

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    pub id: String,
    pub title: String,
    /// It was not there before.
    pub created: bool,
}

/// The row that a draft is about.
struct Target {
    n: i64,
    id: String,
    title: String,
    own: bool,
}

impl MemoryStore {
    /// Saves `drafts` for `tenant`, in order. Blocks: call it on a blocking thread.
    pub fn save(&self, tenant: &Tenant, drafts: Vec<Draft>) -> Result<Vec<Saved>, MemoryError> {
        let scope = Scope::of(tenant)?;
        let drafts = draft::checked(drafts, (self.now)())?;
        let now = self.now();
        self.writing(|db| {
            forget_expired(db, now)?;
            let saved = drafts
                .iter()
                .map(|draft| save(db, &scope, draft, now))
                .collect::<Result<_, _>>()?;
            not_too_many(db, &scope)?;
            Ok(saved)
        })
    }
}

/// Nobody sees them any more, and their titles are free again.
pub(super) fn forget_expired(db: &Transaction<'_>, now: i64) -> rusqlite::Result<usize> {
    db.execute("DELETE FROM memories WHERE expires_at <= ?1", [now])
}

fn save(db: &Transaction<'_>, scope: &Scope<'_>, draft: &Draft, now: i64) -> Result<Saved, Failed> {
    let target = match (&draft.id, &draft.title) {
        (Some(id), _) => Some(by_id(db, scope, id, now)?),
        (None, Some(title)) => by_title(db, scope, title)?,
        (None, None) => None,
    };
    let created = target.is_none();
    let target = match target {
        Some(target) => target,
        None => create(db, scope, draft, now)?,
    };
    if !created {
        update(db, &target, draft, now)?;
    }
    if !draft.tags.is_kept() {
        put_tags(db, target.n, draft.tags.new_value().map_or(&[], Vec::as_slice))?;
    }
    if !draft.shared_with.is_kept() {
        if !target.own {
            let why = format!("only the owner of {} can share it with others", target.id);
            return Err(MemoryError::Denied(why).into());
        }
        put_shares(db, target.n, draft.shared_with.new_value())?;
    }
    index(db, target.n)?;
    let title = draft.title.clone().unwrap_or(target.title);
    Ok(Saved { id: target.id, title, created })
}

fn not_too_many(db: &Transaction<'_>, scope: &Scope<'_>) -> Result<(), Failed> {
    let sql = "SELECT count(*) FROM memories WHERE org = ?1 AND owner = ?2";
    let count = db.query_row(sql, [scope.org, scope.user], count)?;
    if count <= limits::MEMORIES {
        return Ok(());
    }
    let most = limits::MEMORIES;
    let why = format!("there would be {count} memories, and {most} is the most; delete some");
    Err(MemoryError::Invalid(why).into())
}

/// One that may be changed.
fn by_id(db: &Transaction<'_>, scope: &Scope<'_>, id: &str, now: i64) -> Result<Target, Failed> {
    let sql = format!(
        "SELECT m.n, m.title, m.owner = ?2, m.owner = ?2 OR EXISTS (SELECT 1 FROM shares s \
         WHERE s.memory = m.n AND s.user = ?2 AND s.may_write) \
         FROM memories m WHERE m.id = ?4 AND {VISIBLE}"
    );
    let mut parameters = reader(scope, now);
    parameters.push(id.to_owned().into());
    let found = db
        .query_row(&sql, params_from_iter(parameters), |row| {
            let target =
                Target { n: row.get(0)?, id: id.to_owned(), title: row.get(1)?, own: row.get(2)? };
            Ok((target, row.get::<_, bool>(3)?))
        })
        .optional()?;
    match found {
        None => Err(MemoryError::NotFound(crate::text::line(id, 80)).into()),
        Some((_, false)) => {
            Err(MemoryError::Denied(format!("{id} is shared with you for reading only")).into())
        }
        Some((target, true)) => Ok(target),
    }
}

/// The user's own of this title.
fn by_title(
    db: &Transaction<'_>,
    scope: &Scope<'_>,
    title: &str,
) -> rusqlite::Result<Option<Target>> {
    let sql = "SELECT n, id FROM memories WHERE org = ?1 AND owner = ?2 AND title = ?3";
    db.query_row(sql, params![scope.org, scope.user, title], |row| {
        Ok(Target { n: row.get(0)?, id: row.get(1)?, title: title.to_owned(), own: true })
    })
    .optional()
}

fn create(
    db: &Transaction<'_>,
    scope: &Scope<'_>,
    draft: &Draft,
    now: i64,
) -> Result<Target, Failed> {
    let title = draft.title.clone().unwrap_or_default();
    let Some(content) = &draft.content else {
        let why = format!("there is no memory {title:?} yet, and a new one needs \"content\"");
        return Err(MemoryError::Invalid(why).into());
    };
    let id = unused_id(db)?;
    let (source, expires_at) = (source(draft), expiry(draft));
    db.execute(
        "INSERT INTO memories (id, org, owner, title, content, source, expires_at, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        params![id, scope.org, scope.user, title, content, source, expires_at, now],
    )?;
    Ok(Target { n: db.last_insert_rowid(), id, title, own: true })
}

/// Short, because models have to repeat it; that it cannot be guessed matters to nobody.
fn unused_id(db: &Transaction<'_>) -> rusqlite::Result<String> {
    loop {
        let id: String = db.query_row("SELECT lower(hex(randomblob(6)))", [], |row| row.get(0))?;
        let sql = "SELECT EXISTS (SELECT 1 FROM memories WHERE id = ?1)";
        if !db.query_row(sql, [&id], |row| row.get::<_, bool>(0))? {
            return Ok(id);
        }
    }
}

fn source(draft: &Draft) -> Option<&String> {
    draft.source.new_value()
}

fn expiry(draft: &Draft) -> Option<i64> {
    draft.expires_at.new_value().map(|at| millis(*at))
}

fn update(db: &Transaction<'_>, target: &Target, draft: &Draft, now: i64) -> Result<(), Failed> {
    if let Some(title) = draft.title.as_ref().filter(|title| **title != target.title) {
        let sql = "SELECT o.id FROM memories o JOIN memories m ON m.org = o.org AND m.owner = o.owner \
                   WHERE m.n = ?1 AND o.title = ?2";
        let taken: Option<String> =
            db.query_row(sql, params![target.n, title], |row| row.get(0)).optional()?;
        if let Some(id) = taken {
            let why = format!("the title {title:?} is taken by the memory {id}");
            return Err(MemoryError::Invalid(why).into());
        }
    }
    db.execute(
        "UPDATE memories SET title = coalesce(?2, title), content = coalesce(?3, content), \
         source = iif(?4, ?5, source), expires_at = iif(?6, ?7, expires_at), updated_at = ?8 \
         WHERE n = ?1",
        params![
            target.n,
            draft.title,
            draft.content,
            !draft.source.is_kept(),
            source(draft),
            !draft.expires_at.is_kept(),
            expiry(draft),
            now,
        ],
    )?;
    Ok(())
}

fn put_tags(db: &Transaction<'_>, n: i64, tags: &[String]) -> rusqlite::Result<()> {
    db.execute("DELETE FROM tags WHERE memory = ?1", [n])?;
    let sql = "INSERT INTO tags (memory, key, tag, position) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = db.prepare(sql)?;
    for (position, tag) in (0_i64..).zip(tags) {
        insert.execute(params![n, tag.to_lowercase(), tag, position])?;
    }
    Ok(())
}

fn put_shares(db: &Transaction<'_>, n: i64, shared: Option<&Sharing>) -> rusqlite::Result<()> {
    db.execute("DELETE FROM shares WHERE memory = ?1", [n])?;
    let Some(Sharing { read, write }) = shared else { return Ok(()) };
    let sql = "INSERT INTO shares (memory, user, may_write) VALUES (?1, ?2, ?3)";
    let mut insert = db.prepare(sql)?;
    for (users, may_write) in [(read, false), (write, true)] {
        for user in users {
            insert.execute(params![n, user, may_write])?;
        }
    }
    Ok(())
}

/// Brings the index to what the row says now.
fn index(db: &Transaction<'_>, n: i64) -> rusqlite::Result<()> {
    let sql = "SELECT title, content, coalesce((SELECT group_concat(tag, ' ' ORDER BY position) \
               FROM tags WHERE memory = n), '') FROM memories WHERE n = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    let [title, content, tags]: [String; 3] = db.query_row(sql, [n], row)?;
    db.execute("DELETE FROM words WHERE rowid = ?1", [n])?;
    db.execute(
        "INSERT INTO words (rowid, title, tags, content) VALUES (?1, ?2, ?3, ?4)",
        params![n, words::indexed(&title), words::indexed(&tags), words::indexed(&content)],
    )?;
    Ok(())
}
