//! Keychains that lock, and disks that are full.

use super::*;

#[tokio::test]
async fn what_cannot_be_saved_is_used_kept_from_others_and_saved_later() {
    let site = Site::signed_in(7200).await;
    let (copy, other) = (site.copy(), site.copy());
    copy.vault.no_writes.store(true, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()));
    assert_eq!(site.call(&copy).await, Ok(()));
    let facts = site.facts();
    assert!(facts.unsaved && facts.intent.is_some() && facts.generation == 1);
    transient(site.call(&other).await, "cannot save it");
    assert_eq!(site.server.counts(), (1, 1, 0));

    // Refused meanwhile, it is renewed from memory.
    site.server.state().accepted.clear();
    assert_eq!(site.call(&copy).await, Ok(()));
    assert_eq!(site.server.counts(), (2, 2, 0));

    copy.vault.no_writes.store(false, Ordering::SeqCst);
    while site.facts().unsaved {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((site.facts().intent, site.facts().generation), (None, 3));
    assert_eq!(site.call(&other).await, Ok(()));
    assert_eq!(site.server.counts(), (2, 2, 0));
}

#[tokio::test]
async fn what_is_unsaved_is_saved_at_the_last_moment_or_tried_for_once_more() {
    let site = Site::signed_in(7200).await;
    let copy = site.copy();
    copy.vault.no_writes.store(true, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()));
    copy.vault.no_writes.store(false, Ordering::SeqCst);
    assert!(copy.shutdown.drain(LONG).await);
    assert_eq!(site.facts().generation, 2);
    assert_eq!(site.call(&site.copy()).await, Ok(()));
    assert_eq!(site.server.counts(), (1, 1, 0));

    let site = Site::signed_in(7200).await;
    let copy = site.copy();
    copy.vault.no_writes.store(true, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()));
    assert!(copy.shutdown.drain(LONG).await);
    drop(copy);
    let copies = site.copies(3);
    for answer in site.all_call(&copies).await {
        needs_auth(answer, "(invalid_grant)");
    }
    assert_eq!(site.server.counts(), (2, 1, 1));
}

#[tokio::test]
async fn a_locked_keychain_ends_nothing_and_is_no_reason_to_ask() {
    let site = Site::signed_in(3590).await;
    let copy = site.copy();
    site.server.state().life = Some(50);
    assert_eq!(site.call(&copy).await, Ok(()));
    assert_eq!(site.server.counts().0, 1);
    copy.vault.locked.store(true, Ordering::SeqCst);
    site.ahead.store(47, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()), "what is in memory is still good");
    site.ahead.store(60, Ordering::SeqCst);
    match site.call(&copy).await {
        Err(Failed::Auth(AuthErrorKind::Store, text)) => {
            assert!(text.contains("unlock it"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(site.server.counts().0, 1);
    copy.vault.locked.store(false, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()), "without a restart");
    assert_eq!(site.server.counts(), (2, 2, 0));
}

#[tokio::test]
async fn signed_out_in_the_middle_stays_signed_out() {
    let site = Site::with_latency(Duration::from_millis(200));
    site.sign_in(7200).await;
    let copy = site.copy();
    let out = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        copy.vault.delete("c").unwrap();
    };
    let (answer, ()) = tokio::join!(site.call(&copy), out);
    needs_auth(answer, "signed out");
    assert_eq!(copy.vault.get("c"), Ok(None));
}

/// The disk takes no facts: a folder stands where their file should be.
fn fill_disk(site: &Site) {
    let file = site.folder().join("c.json");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
}

#[tokio::test]
async fn without_an_intent_nothing_is_asked_that_could_not_be_saved() {
    let site = Site::signed_in(7200).await;
    fill_disk(&site);
    let copy = site.copy();
    copy.vault.no_writes.store(true, Ordering::SeqCst);
    let answer = site.call(&copy).await;
    assert!(matches!(answer, Err(Failed::Auth(AuthErrorKind::Store, _))), "{answer:?}");
    assert_eq!(site.server.counts().0, 0, "the session stays");
    copy.vault.no_writes.store(false, Ordering::SeqCst);
    assert_eq!(site.call(&copy).await, Ok(()), "a keychain is not on the full disk");

    let site = Site::signed_in(3590).await;
    fill_disk(&site);
    assert_eq!(site.call(&site.copy()).await, Ok(()));
    assert_eq!(site.server.counts().0, 0, "what is still good can wait for a better disk");
}

#[tokio::test]
async fn a_refusal_that_cannot_be_written_down_is_remembered() {
    let site = Site::signed_in(7200).await;
    fill_disk(&site);
    site.server.state().over = true;
    let copy = site.copy();
    for _ in 0..3 {
        needs_auth(site.call(&copy).await, "(invalid_grant)");
        copy.credentials.forget();
    }
    assert_eq!(site.server.counts().0, 1);
}

#[tokio::test]
async fn without_a_lock_nobody_asks() {
    let site = Site::signed_in(7200).await;
    std::fs::remove_dir_all(site.folder()).unwrap();
    std::fs::write(site.folder(), "").unwrap();
    transient(site.call(&site.copy()).await, "cannot be renewed");
    assert_eq!(site.server.counts().0, 0);
}
