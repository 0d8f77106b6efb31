//! Whose memories are seen by whom.

use super::*;

fn shared(read: &[&str], write: &[&str]) -> Change<Sharing> {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Change::Set(Sharing { read: own(read), write: own(write) })
}

#[test]
fn everybody_sees_their_own_and_nobody_over_a_border() {
    let (_dir, store) = store();
    let people = [
        solo(),
        user(None, "u"),
        user(None, "v"),
        user(Some("o"), "u"),
        user(Some("p"), "u"),
        Tenant { org: Some("o".into()), user: None },
    ];
    let ids: Vec<String> = people
        .iter()
        .map(|who| save(&store, who, draft("the same title", &format!("{who:?}"))).id)
        .collect();
    for (who, id) in people.iter().zip(&ids) {
        let found = store.search(who, &words("title")).unwrap();
        assert_eq!(found.hits.len(), 1, "{who:?}");
        assert_eq!(found.hits[0].memory.content, format!("{who:?}"));
        for other in ids.iter().filter(|other| *other != id) {
            assert_eq!(store.find(who, other).unwrap(), None);
            let change = Draft { id: Some(other.clone()), ..draft("x", "y") };
            assert!(matches!(store.save(who, vec![change]), Err(MemoryError::NotFound(_))));
            assert_eq!(store.delete(who, std::slice::from_ref(other)).unwrap().not_found.len(), 1);
        }
    }
    let empty = Tenant { org: None, user: Some(String::new()) };
    assert!(matches!(store.search(&empty, &all()), Err(MemoryError::Invalid(_))));
}

#[test]
fn shared_for_reading_is_read_and_no_more() {
    let (_dir, store) = store();
    let (owner, reader) = (user(Some("o"), "owner"), user(Some("o"), "reader"));
    let saved = save(
        &store,
        &owner,
        Draft { shared_with: shared(&["reader"], &[]), ..draft("t", "content") },
    );
    let seen = store.find(&reader, &saved.id).unwrap().unwrap();
    assert_eq!((seen.owner.as_deref(), seen.writable), (Some("owner"), false));
    assert_eq!(seen.shared_with, Sharing::default(), "who else sees it is the owner's to know");
    assert_eq!(titles(&store, &reader, &words("content")), ["t"]);
    // The same names elsewhere are other people.
    for other in [user(None, "reader"), user(Some("p"), "reader"), user(Some("o"), "x"), solo()] {
        assert_eq!(store.find(&other, &saved.id).unwrap(), None, "{other:?}");
        assert_eq!(store.search(&other, &words("content")).unwrap().total, 0);
    }
    let change =
        Draft { id: Some(saved.id.clone()), content: Some("x".into()), ..Draft::default() };
    assert!(matches!(store.save(&reader, vec![change]), Err(MemoryError::Denied(_))));
    let both = [save(&store, &reader, draft("mine", "m")).id, saved.id.clone()];
    assert!(matches!(store.delete(&reader, &both), Err(MemoryError::Denied(_))));
    assert!(store.find(&reader, "mine").unwrap().is_some(), "nothing was deleted");
    // The reader's own of the same title is the reader's own.
    assert!(save(&store, &reader, draft("t", "another")).created);
    assert_eq!(store.find(&reader, "t").unwrap().unwrap().content, "another");
    assert_eq!(store.find(&owner, "t").unwrap().unwrap().content, "content");
}

#[test]
fn shared_for_writing_is_changed_and_deleted_but_not_shared_on() {
    let (_dir, store) = store();
    let (owner, writer) = (user(None, "owner"), user(None, "writer"));
    let saved =
        save(&store, &owner, Draft { shared_with: shared(&[], &["writer"]), ..draft("t", "1") });
    let change = |draft: Draft| Draft { id: Some(saved.id.clone()), ..draft };
    let new = Draft { title: Some("u".into()), content: Some("2".into()), ..Draft::default() };
    save(&store, &writer, change(new));
    let kept = store.find(&owner, "u").unwrap().unwrap();
    assert_eq!((kept.content.as_str(), kept.owner), ("2", None));
    assert_eq!(kept.shared_with, Sharing { read: vec![], write: vec!["writer".into()] });
    let on = change(Draft { shared_with: shared(&["x"], &[]), ..Draft::default() });
    assert!(matches!(store.save(&writer, vec![on]), Err(MemoryError::Denied(_))));
    // The title stays unique for the owner.
    save(&store, &owner, draft("taken", "3"));
    let taken = change(Draft { title: Some("taken".into()), ..Draft::default() });
    assert!(store.save(&writer, vec![taken]).unwrap_err().to_string().contains("is taken"));
    assert_eq!(
        store.delete(&writer, std::slice::from_ref(&saved.id)).unwrap().deleted,
        [saved.id.as_str()]
    );
    assert_eq!(store.find(&owner, &saved.id).unwrap(), None);
}

#[test]
fn sharing_ends_when_its_owner_says_so() {
    let (_dir, store) = store();
    let (owner, other) = (user(None, "owner"), user(None, "other"));
    let saved =
        save(&store, &owner, Draft { shared_with: shared(&["other"], &[]), ..draft("t", "1") });
    assert!(store.find(&other, &saved.id).unwrap().is_some());
    // A change of something else leaves it.
    save(&store, &owner, draft("t", "2"));
    assert!(store.find(&other, &saved.id).unwrap().is_some());
    save(&store, &owner, Draft { shared_with: Change::Clear, ..draft("t", "2") });
    assert_eq!(store.find(&other, &saved.id).unwrap(), None);
}
