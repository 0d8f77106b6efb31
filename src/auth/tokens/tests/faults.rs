//! Authorization servers that are away, and processes that died.

use super::*;

#[tokio::test]
async fn one_failure_is_not_noticed_and_more_are_no_logout() {
    let site = Site::signed_in(7200).await;
    let copy = site.copy();
    site.server.state().script.push_back(unavailable());
    assert_eq!(site.call(&copy).await, Ok(()));

    let site = Site::signed_in(7200).await;
    let copy = site.copy();
    site.server.state().script.extend([unavailable(), unavailable()]);
    transient(site.call(&copy).await, "could not be renewed: HTTP 503");
    // Nobody hammers a server that is down.
    transient(site.call(&copy).await, "could not be renewed: HTTP 503");
    assert_eq!(site.server.counts(), (2, 0, 0));
    let facts = site.facts();
    assert_eq!((facts.intent, facts.rejected), (None, None));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(site.call(&copy).await, Ok(()));
}

#[tokio::test]
async fn what_is_still_good_goes_on_while_the_server_is_away() {
    let site = Site::signed_in(3590).await;
    site.server.state().script.extend((0..50).map(|_| unavailable()));
    let copies = site.copies(5);
    for _ in 0..3 {
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    }
    let asked = site.server.counts().0;
    assert!(asked <= 2 * copies.len(), "{asked}");
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let site = Site::signed_in(7200).await;
    let retry_after = Some(Duration::from_secs(7));
    let busy = Refused::Transient { detail: "HTTP 429".to_owned(), retry_after };
    site.server.state().script.push_back(busy);
    let error = site.copy().credentials.prepare().await.unwrap_err();
    assert!(
        matches!(error, AuthError::Transient { retry_in: Some(wait), .. } if wait.as_secs() == 7)
    );
    assert_eq!(site.server.counts().0, 1);
}

fn died(site: &Site, again: bool) {
    let token = Secret::new(site.server.state().refresh.clone());
    let token_hash = TokenHash::of(&token).text().to_owned();
    let intent = Intent { generation: 1, token_hash, started: SystemTime::now(), again };
    site.grants().update("c", |facts| facts.intent = Some(intent)).unwrap();
}

#[tokio::test]
async fn after_a_crash_before_the_request_it_is_tried_once_more() {
    let site = Site::signed_in(7200).await;
    died(&site, false);
    let copies = site.copies(5);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
    assert_eq!(site.facts().intent, None);
}

#[tokio::test]
async fn after_a_crash_behind_the_request_it_is_tried_once_and_never_again() {
    let site = Site::signed_in(7200).await;
    died(&site, false);
    // The server has given out a successor that nobody has.
    Server::next(&mut site.server.state());
    let copies = site.copies(5);
    for _ in 0..2 {
        for answer in site.all_call(&copies).await {
            needs_auth(answer, "(invalid_grant)");
        }
    }
    assert_eq!(site.server.counts(), (1, 0, 1));
}

#[tokio::test]
async fn the_second_try_is_marked_and_there_is_no_third() {
    let site = Site::with_latency(Duration::from_millis(400));
    site.sign_in(7200).await;
    died(&site, false);
    let copy = site.copy();
    let marked = async {
        // It ends only when the mark is there before the answer is.
        while !site.facts().intent.is_some_and(|intent| intent.again) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let (answer, ()) = tokio::join!(site.call(&copy), marked);
    assert_eq!(answer, Ok(()));

    let site = Site::signed_in(7200).await;
    died(&site, true);
    for _ in 0..2 {
        needs_auth(site.call(&site.copy()).await, "was lost");
    }
    assert_eq!(site.server.counts().0, 0);
    assert_eq!(site.facts().rejected.unwrap().code, "reply_lost");
}

#[tokio::test]
async fn a_try_that_was_refused_for_a_moment_does_not_count() {
    let site = Site::signed_in(7200).await;
    died(&site, false);
    let copy = site.copy();
    site.server.state().script.extend([unavailable(), unavailable()]);
    transient(site.call(&copy).await, "HTTP 503");
    assert!(!site.facts().intent.unwrap().again);
    copy.credentials.forget();
    assert_eq!(site.call(&copy).await, Ok(()));
}

#[tokio::test]
async fn another_intent_or_none_that_can_be_read_is_as_good_as_none() {
    let site = Site::signed_in(7200).await;
    died(&site, true);
    site.grants()
        .update("c", |facts| facts.intent.as_mut().unwrap().token_hash = "00".to_owned())
        .unwrap();
    assert_eq!(site.call(&site.copy()).await, Ok(()));

    let site = Site::signed_in(7200).await;
    std::fs::write(site.folder().join("c.json"), "{").unwrap();
    assert_eq!(site.call(&site.copy()).await, Ok(()));
    assert_eq!(site.facts().generation, 2);
    std::fs::remove_dir_all(site.folder()).unwrap();
    assert_eq!(site.call(&site.copy()).await, Ok(()), "a lost state folder costs nothing");
}
