//! Many copies that want new tokens at the same time: one asks, nobody fails.

use super::*;

const COPIES: [usize; 3] = [2, 5, 20];
/// Races like these showed in 10 to 20 of 100 runs of others.
const RUNS: usize = 3;

#[tokio::test]
async fn expired_tokens_are_renewed_once() {
    for n in COPIES {
        for _ in 0..RUNS {
            let site = Site::signed_in(7200).await;
            let copies = site.copies(n);
            assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
            assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
            assert_eq!(site.server.counts(), (1, 1, 0));
            let facts = site.facts();
            assert_eq!((facts.generation, facts.intent, facts.unsaved), (2, None, false));
        }
    }
}

#[tokio::test]
async fn tokens_that_are_rejected_early_are_renewed_once() {
    for n in COPIES {
        for warm in [true, false] {
            let site = Site::signed_in(0).await;
            let copies = site.copies(n);
            if warm {
                assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
            }
            site.server.state().accepted.clear();
            assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
            assert_eq!(site.server.counts(), (1, 1, 0));
        }
    }
}

#[tokio::test]
async fn no_ping_pong_where_a_renewal_ends_older_tokens() {
    let site = Site::signed_in(0).await;
    site.server.state().one_at_a_time = true;
    let copies = site.copies(5);
    for round in 1..=3 {
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        site.server.state().accepted.clear();
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        assert_eq!(site.server.counts(), (round, round, 0));
    }
}

#[tokio::test]
async fn soon_to_end_they_are_renewed_once_and_nobody_else_waits() {
    let mut site = Site::with_latency(Duration::from_millis(600));
    site.patience = Duration::from_millis(1);
    site.sign_in(3590).await;
    let copies = site.copies(5);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
    tokio::time::sleep(SOMEBODY_ELSE_IS_DONE).await;
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
}

const SOMEBODY_ELSE_IS_DONE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing() {
    let site = Site::signed_in(7200).await;
    let copy = site.copy();
    let gone = tokio::time::timeout(Duration::from_millis(20), site.call(&copy)).await;
    assert!(gone.is_err());
    while site.server.counts().1 == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The answer is on its way; the client leaves and everything ends.
    assert!(copy.shutdown.drain(LONG).await);
    assert_eq!(site.facts().generation, 2);
    assert_eq!(site.call(&site.copy()).await, Ok(()));
    assert_eq!(site.server.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_copy_that_slept_adopts_what_the_others_have() {
    let site = Site::signed_in(0).await;
    let (awake, asleep) = (site.copy(), site.copy());
    assert_eq!(site.call(&asleep).await, Ok(()));
    for _ in 0..2 {
        site.server.state().accepted.clear();
        assert_eq!(site.call(&awake).await, Ok(()));
    }
    assert_eq!(site.call(&asleep).await, Ok(()));
    assert_eq!(site.server.counts(), (2, 2, 0));
}

#[tokio::test]
async fn while_a_holder_is_stopped_nobody_else_asks() {
    let mut site = Site::signed_in(7200).await;
    site.patience = Duration::from_millis(50);
    let stopped = site.grants().lock("c", Duration::ZERO).unwrap();
    let copy = site.copy();
    transient(site.call(&copy).await, "another process is renewing its sign-in");
    assert_eq!(site.server.counts(), (0, 0, 0));
    drop(stopped);
    assert_eq!(site.call(&copy).await, Ok(()));
}
