//! The file: opened for one operation, made by the first save, brought up to date in one go.
//!
//! A rollback journal, not a write-ahead log: the file is whole whenever nobody writes, can be
//! copied as one file and be read from a folder that cannot be written. Writers queue.

use super::{MemoryError, MemoryStore};
use crate::disk::atomic;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};
use std::{
    cell::Cell,
    fs::{self, OpenOptions},
    io,
    path::Path,
    time::{Duration, Instant},
};

/// "allm": what tells our file from other databases (`PRAGMA application_id`).
const APPLICATION: i32 = 0x616c_6c6d;

/// What brings a file of each version to the next; its version is how many of them it has seen
/// (`PRAGMA user_version`). A step is added only where an older reader would misread or break
/// what a newer one writes: a column with a default and a table of its own need none.
const STEPS: &[&str] = &[FIRST];

const FIRST: &str = "
CREATE TABLE memories (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    org TEXT NOT NULL,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    source TEXT,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (org, owner, title)
) STRICT;
CREATE INDEX memories_by_age ON memories (org, updated_at, owner, expires_at);
CREATE INDEX memories_by_expiry ON memories (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE tags (
    memory INTEGER NOT NULL REFERENCES memories (n) ON DELETE CASCADE,
    key TEXT NOT NULL,
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (memory, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE shares (
    memory INTEGER NOT NULL REFERENCES memories (n) ON DELETE CASCADE,
    user TEXT NOT NULL,
    may_write INTEGER NOT NULL,
    PRIMARY KEY (memory, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_by_user ON shares (user);
CREATE VIRTUAL TABLE words USING fts5 (
    title, tags, content, tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER forget_words AFTER DELETE ON memories BEGIN
    DELETE FROM words WHERE rowid = old.n;
END;
";

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(10);

impl MemoryStore {
    /// Runs `work` over one state of the file; `None` where nothing was ever saved.
    pub(super) fn reading<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, MemoryError> {
        let fail = |error: rusqlite::Error| MemoryError::of(&self.path, &error);
        let Some(mut connection) = open(&self.path)? else { return Ok(None) };
        match version(&self.path, &connection)? {
            0 => return Ok(None),
            now if now < STEPS.len() => migrate(&self.path, &mut connection, STEPS)?,
            _ => {}
        }
        let transaction = connection.transaction().map_err(fail)?;
        work(&transaction).map(Some).map_err(fail)
    }

    /// Runs `work` and keeps all that it did, or nothing when it fails. The file is made where
    /// it is missing.
    pub(super) fn writing<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, MemoryError> {
        let fail = |error: rusqlite::Error| MemoryError::of(&self.path, &error);
        let opened = open(&self.path)?;
        let opened = match opened {
            None => {
                create(&self.path)?;
                open(&self.path)?
            }
            opened => opened,
        };
        let mut connection = opened.ok_or_else(|| MemoryError::Open {
            path: self.path.clone(),
            source: io::ErrorKind::NotFound.into(),
        })?;
        if version(&self.path, &connection)? < STEPS.len() {
            migrate(&self.path, &mut connection, STEPS)?;
        }
        let immediate = TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(immediate).map_err(fail)?;
        let done = work(&transaction).map_err(|failed| match failed {
            Failed::Sqlite(error) => fail(error),
            Failed::Memory(error) => error,
        })?;
        transaction.commit().map_err(fail)?;
        Ok(done)
    }
}

/// Why a transaction came to nothing.
pub(super) enum Failed {
    Sqlite(rusqlite::Error),
    Memory(MemoryError),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<MemoryError> for Failed {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

/// An empty file that only this user can read: SQLite would make one that others can, too.
fn create(path: &Path) -> Result<(), MemoryError> {
    let fail = |source| MemoryError::Open { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        atomic::create_dir(folder).map_err(fail)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    atomic::private(&mut options).open(path).map(drop).map_err(fail)
}

/// `None`: there is no file.
fn open(path: &Path) -> Result<Option<Connection>, MemoryError> {
    let fail = |source| MemoryError::Open { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
        Ok(meta) if !meta.is_file() => {
            return Err(fail(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a plain file",
            )));
        }
        Ok(_) => {}
    }
    let fail = |error: rusqlite::Error| MemoryError::of(path, &error);
    // Not `CREATE`, and no URI: the name is a path and nothing else.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    prepare(&mut connection).map_err(fail)?;
    Ok(Some(connection))
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait))?;
    // A file from elsewhere runs nothing of its own and writes where only we do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    // A user's own tool may have made it a file with a log: that takes all readers to be undone,
    // and works as well.
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    connection.query_row("PRAGMA journal_mode = TRUNCATE", [], |_| Ok(()))
}

/// Writers of several processes take turns: SQLite's own waits grow to a tenth of a second, in
/// which whoever writes in a row keeps all others out.
fn wait(tries: i32) -> bool {
    thread_local!(static SINCE: Cell<Option<Instant>> = const { Cell::new(None) });
    let now = Instant::now();
    let since = SINCE.with(|since| {
        let begun = since.get().filter(|_| tries > 0).unwrap_or(now);
        since.set(Some(begun));
        begun
    });
    if now.duration_since(since) >= PATIENCE {
        return false;
    }
    std::thread::sleep(Duration::from_micros(fastrand::u64(300..4000)));
    true
}

/// How many of [`STEPS`] the file has seen; 0 for an empty one.
fn version(path: &Path, connection: &Connection) -> Result<usize, MemoryError> {
    let fail = |error: rusqlite::Error| MemoryError::of(path, &error);
    let number =
        |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(fail);
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let empty = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if application != i64::from(APPLICATION) && !(empty && version == 0) {
        return Err(MemoryError::corrupt(path, "it is a database of another program"));
    }
    match usize::try_from(version) {
        Ok(version) if version > STEPS.len() => Err(MemoryError::Newer { path: path.to_owned() }),
        Ok(version) => Ok(version),
        Err(_) => Err(MemoryError::corrupt(path, "its version is negative")),
    }
}

/// Takes the steps that are missing; another process may have taken them meanwhile.
fn migrate(path: &Path, connection: &mut Connection, steps: &[&str]) -> Result<(), MemoryError> {
    let fail = |error: rusqlite::Error| MemoryError::of(path, &error);
    let immediate = TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(immediate).map_err(fail)?;
    let seen: usize = transaction
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map_err(fail)?
        .try_into()
        .unwrap_or(usize::MAX);
    for step in steps.iter().skip(seen) {
        transaction.execute_batch(step).map_err(fail)?;
    }
    if seen < steps.len() {
        let head = format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {};",
            steps.len()
        );
        transaction.execute_batch(&head).map_err(fail)?;
    }
    transaction.commit().map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_version_is_brought_up_to_date_and_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.db");
        let first = "CREATE TABLE a (x TEXT) STRICT;";
        let second = "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'new';";
        create(&path).unwrap();
        let mut connection = open(&path).unwrap().unwrap();
        migrate(&path, &mut connection, &[first]).unwrap();
        connection.execute("INSERT INTO a (x) VALUES ('old')", []).unwrap();
        migrate(&path, &mut connection, &[first, second]).unwrap();
        // Twice, as two processes do that start at once.
        migrate(&path, &mut connection, &[first, second]).unwrap();
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let kept = connection.query_row("SELECT x, y FROM a", [], row).unwrap();
        assert_eq!(kept, ("old".to_owned(), "new".to_owned()));
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
        assert_eq!(version, Ok(2));
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.db");
        create(&path).unwrap();
        let mut connection = open(&path).unwrap().unwrap();
        let steps = ["CREATE TABLE a (x TEXT) STRICT; CREATE TABLE a (y TEXT) STRICT;"];
        assert!(migrate(&path, &mut connection, &steps).is_err());
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0));
        assert_eq!(tables, Ok(0));
    }
}
