//! What is saved is found, by those who may see it and as long as it lasts.

mod files;
mod finding;
mod sharing;

use super::*;
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tempfile::TempDir;

/// Seconds that the clock of these tests is ahead.
static AHEAD: AtomicU64 = AtomicU64::new(0);

fn clock() -> SystemTime {
    SystemTime::now() + Duration::from_secs(AHEAD.load(Ordering::Relaxed))
}

fn store() -> (TempDir, MemoryStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = MemoryStore::new(dir.path().join("data/memory.db"));
    (dir, store)
}

fn solo() -> Tenant {
    Tenant::default()
}

fn user(org: Option<&str>, user: &str) -> Tenant {
    Tenant { org: org.map(Into::into), user: Some(user.into()) }
}

fn draft(title: &str, content: &str) -> Draft {
    Draft { title: Some(title.into()), content: Some(content.into()), ..Draft::default() }
}

fn save(store: &MemoryStore, who: &Tenant, draft: Draft) -> Saved {
    store.save(who, vec![draft]).unwrap().remove(0)
}

fn words(query: &str) -> Search {
    Search { query: Some(query.into()), ..all() }
}

fn all() -> Search {
    Search { limit: 100, ..Search::default() }
}

fn titles(store: &MemoryStore, who: &Tenant, search: &Search) -> Vec<String> {
    let found = store.search(who, search).unwrap();
    assert_eq!(found.total, found.hits.len());
    found.hits.into_iter().map(|hit| hit.memory.title).collect()
}

#[test]
fn a_memory_is_saved_changed_and_deleted() {
    let (_dir, store) = store();
    assert!(store.is_unused());
    assert_eq!(store.search(&solo(), &all()).unwrap(), Found::default());
    let nothing = store.delete(&solo(), &["x".into()]).unwrap();
    assert_eq!(nothing.not_found, ["x"]);
    assert!(store.is_unused(), "looking makes no file");

    let new = Draft {
        tags: Change::Set(vec!["Work".into(), "b".into()]),
        source: Change::Set("chat".into()),
        ..draft("Plan", "Ship it in May")
    };
    let saved = save(&store, &solo(), new);
    assert!(saved.created && !store.is_unused() && !saved.id.contains('/'));
    let kept = store.find(&solo(), "Plan").unwrap().unwrap();
    assert_eq!((kept.id.as_str(), kept.content.as_str()), (saved.id.as_str(), "Ship it in May"));
    assert_eq!(
        (kept.tags, kept.source.as_deref()),
        (vec!["Work".to_owned(), "b".into()], Some("chat"))
    );
    assert_eq!((kept.owner, kept.writable, kept.created_at), (None, true, kept.updated_at));

    // By title; what is left out stays.
    let again = save(&store, &solo(), draft("Plan", "Ship it in June"));
    assert_eq!((again.id.as_str(), again.created), (saved.id.as_str(), false));
    let kept = store.find(&solo(), &saved.id).unwrap().unwrap();
    assert_eq!((kept.content.as_str(), kept.tags.len()), ("Ship it in June", 2));
    // By id; the title may change, and null clears.
    let change = Draft {
        id: Some(saved.id.clone()),
        title: Some("The plan".into()),
        tags: Change::Clear,
        source: Change::Clear,
        ..Draft::default()
    };
    save(&store, &solo(), change);
    let kept = store.find(&solo(), "The plan").unwrap().unwrap();
    assert_eq!((kept.content.as_str(), kept.source), ("Ship it in June", None));
    assert!(kept.tags.is_empty());
    assert!(store.find(&solo(), "Plan").unwrap().is_none());
    assert_eq!(titles(&store, &solo(), &words("may")), [""; 0], "the index follows");
    assert_eq!(titles(&store, &solo(), &words("june")), ["The plan"]);

    let gone = store.delete(&solo(), &[saved.id.clone(), "x".into(), saved.id.clone()]).unwrap();
    assert_eq!((gone.deleted, gone.not_found), (vec![saved.id], vec!["x".to_owned()]));
    assert_eq!(titles(&store, &solo(), &words("june")), [""; 0]);
}

#[test]
fn titles_are_unique_and_a_batch_is_all_or_nothing() {
    let (_dir, store) = store();
    let first = save(&store, &solo(), draft("a", "1"));
    let second = save(&store, &solo(), draft("b", "2"));
    let rename = Draft { id: Some(second.id), title: Some("a".into()), ..Draft::default() };
    let error = store.save(&solo(), vec![draft("c", "3"), rename]).unwrap_err().to_string();
    assert!(error.contains("\"a\"") && error.contains(&first.id), "{error}");
    assert_eq!(titles(&store, &solo(), &all()), ["b", "a"], "nothing of the batch was saved");
    for (bad, part) in [
        (Draft { id: Some("nope".into()), ..draft("x", "y") }, "no memory has the id \"nope\""),
        (Draft { title: Some("new".into()), ..Draft::default() }, "needs \"content\""),
    ] {
        let error = store.save(&solo(), vec![draft("c", "3"), bad]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(titles(&store, &solo(), &all()).len(), 2);
}

#[test]
fn what_has_expired_is_not_there_and_makes_room() {
    let (dir, store) = store();
    let store = MemoryStore { now: clock, ..store };
    let until = clock() + Duration::from_hours(1);
    let saved =
        save(&store, &solo(), Draft { expires_at: Change::Set(until), ..draft("t", "old canary") });
    let other = save(&store, &solo(), draft("kept", "for ever"));
    assert_eq!(titles(&store, &solo(), &all()).len(), 2);
    AHEAD.store(7200, Ordering::Relaxed);
    assert_eq!(titles(&store, &solo(), &all()), ["kept"]);
    assert_eq!(titles(&store, &solo(), &words("canary")), [""; 0]);
    assert_eq!(store.find(&solo(), "t").unwrap(), None);
    assert_eq!(
        store.delete(&solo(), std::slice::from_ref(&saved.id)).unwrap().not_found,
        [saved.id.as_str()]
    );
    let error = store.save(&solo(), vec![Draft { id: Some(saved.id.clone()), ..draft("t", "x") }]);
    assert!(matches!(error, Err(MemoryError::NotFound(_))));
    // The deletion above has cleaned up, and its title is free.
    let bytes = std::fs::read(dir.path().join("data/memory.db")).unwrap();
    assert!(!contains(&bytes, b"canary"), "what is gone is gone from the file");
    let new = save(&store, &solo(), draft("t", "new"));
    assert!(new.created && new.id != saved.id && new.id != other.id);
}

#[test]
fn many_at_once_lose_nothing() {
    let (_dir, store) = store();
    let one = |worker: usize| {
        let store = store.clone();
        move || {
            for i in 0..10 {
                let title = format!("{worker} {i}");
                save(&store, &solo(), draft(&title, "content"));
                save(&store, &solo(), draft("all", &title));
                store.search(&solo(), &words("content")).unwrap();
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "five processes, for the file")]
    let workers: Vec<_> = (0..5).map(|worker| std::thread::spawn(one(worker))).collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(titles(&store, &solo(), &all()).len(), 51);
    assert_eq!(titles(&store, &solo(), &words("content")).len(), 50);
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|at| at == needle)
}

fn file(dir: &TempDir) -> PathBuf {
    Path::new(dir.path()).join("data/memory.db")
}
