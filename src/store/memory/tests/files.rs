//! The file: many at once, damaged, of another version, of another program.

use super::*;
use rusqlite::Connection;
use std::fs;

#[cfg(unix)]
#[test]
fn only_this_user_can_read_it_and_links_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, store) = store();
    save(&store, &solo(), draft("t", "c"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = file(&dir);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600, "the journal too");
    }
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = MemoryStore::new(link);
    assert!(matches!(store.search(&solo(), &all()), Err(MemoryError::Open { .. })));
    assert!(matches!(store.save(&solo(), vec![draft("t", "c")]), Err(MemoryError::Open { .. })));
}

#[test]
fn a_damaged_file_is_an_error_and_stays_as_it_was() {
    let (dir, store) = store();
    save(&store, &solo(), draft("t", &"c".repeat(60_000)));
    let path = file(&dir);
    let whole = fs::read(&path).unwrap();
    let garbage = b"this was never a database, whatever its name says".repeat(200);
    let mut torn = whole.clone();
    torn[100..].fill(0xa5);
    let short = whole[..whole.len() / 2].to_vec();
    for (what, bytes) in [("garbage", garbage), ("torn", torn), ("short", short)] {
        fs::write(&path, &bytes).unwrap();
        for error in [
            store.search(&solo(), &words("c")).unwrap_err(),
            store.save(&solo(), vec![draft("t", "new")]).unwrap_err(),
        ] {
            assert!(matches!(error, MemoryError::Corrupt { .. }), "{what}: {error}");
            assert!(error.to_string().contains("memory.db") && error.remedy().is_some());
        }
        assert!(fs::read(&path).unwrap() == bytes, "{what}");
    }
    // An empty one holds nothing that could be lost.
    fs::write(&path, b"").unwrap();
    assert!(store.is_unused());
    save(&store, &solo(), draft("t", "c"));
}

#[test]
fn a_newer_file_and_one_of_another_program_are_refused() {
    let (dir, store) = store();
    save(&store, &solo(), draft("t", "c"));
    let path = file(&dir);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    for error in [
        store.search(&solo(), &all()).unwrap_err(),
        store.delete(&solo(), &["x".into()]).unwrap_err(),
        store.save(&solo(), vec![draft("t", "c")]).unwrap_err(),
    ] {
        assert!(matches!(error, MemoryError::Newer { .. }), "{error}");
    }
    assert!(fs::read(&path).unwrap() == before);
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let error = store.save(&solo(), vec![draft("t", "c")]).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn what_a_later_version_adds_is_left_alone() {
    let (dir, store) = store();
    let saved = save(&store, &solo(), draft("t", "c"));
    let path = file(&dir);
    let later = Connection::open(&path).unwrap();
    later
        .execute_batch(
            "ALTER TABLE memories ADD COLUMN colour TEXT NOT NULL DEFAULT 'none';
             UPDATE memories SET colour = 'red';
             CREATE TABLE links (a INTEGER, b INTEGER);",
        )
        .unwrap();
    save(&store, &solo(), draft("t", "changed"));
    save(&store, &solo(), draft("u", "new"));
    assert_eq!(store.find(&solo(), &saved.id).unwrap().unwrap().content, "changed");
    let colour = |title: &str| {
        let sql = "SELECT colour FROM memories WHERE title = ?1";
        later.query_row(sql, [title], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!((colour("t").as_str(), colour("u").as_str()), ("red", "none"));
}

#[test]
fn a_writer_that_never_ends_is_named() {
    let (dir, store) = store();
    save(&store, &solo(), draft("t", "c"));
    let other = Connection::open(file(&dir)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = MemoryError::of(&file(&dir), &{
        let third = Connection::open(file(&dir)).unwrap();
        third.busy_timeout(Duration::ZERO).unwrap();
        third.execute_batch("BEGIN IMMEDIATE").unwrap_err()
    });
    assert!(matches!(error, MemoryError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    save(&store, &solo(), draft("t", "d"));
}

#[test]
fn a_file_of_a_write_ahead_log_is_read_and_written_all_the_same() {
    let (dir, store) = store();
    save(&store, &solo(), draft("t", "c"));
    let other = Connection::open(file(&dir)).unwrap();
    other.pragma_update(None, "journal_mode", "wal").unwrap();
    other.execute("UPDATE memories SET content = 'in the log'", []).unwrap();
    assert_eq!(store.find(&solo(), "t").unwrap().unwrap().content, "in the log");
    save(&store, &solo(), draft("u", "d"));
    drop(other);
    assert_eq!(titles(&store, &solo(), &all()).len(), 2);
}
