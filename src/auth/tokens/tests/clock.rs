//! Clocks that jump, and machines that sleep.

use super::*;

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn a_clock_that_jumps_costs_a_renewal_at_most() {
    for jump in [DAY, -DAY, 2 * DAY] {
        let site = Site::signed_in(0).await;
        let copies = site.copies(5);
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        site.ahead.store(jump, Ordering::SeqCst);
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        let asked = usize::from(jump > 0);
        assert_eq!(site.server.counts(), (asked, asked, 0));
        site.ahead.store(0, Ordering::SeqCst);
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        assert_eq!(site.server.counts(), (asked, asked, 0));
        // And when the tokens really end, the server says so.
        site.server.state().accepted.clear();
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
        assert_eq!(site.server.counts(), (asked + 1, asked + 1, 0));
    }
}

#[tokio::test]
async fn two_days_asleep() {
    let site = Site::signed_in(0).await;
    let copies = site.copies(5);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    site.ahead.store(2 * DAY, Ordering::SeqCst);
    site.server.state().accepted.clear();
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_token_of_unknown_life_is_used_until_it_is_refused() {
    let site = Site::new();
    site.server.state().life = None;
    site.sign_in_with(2 * DAY, |grant| grant.expires_at = None).await;
    let copies = site.copies(5);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    site.ahead.store(DAY, Ordering::SeqCst);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts().0, 0);
    site.server.state().accepted.clear();
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
}

#[test]
fn tokens_are_renewed_a_tenth_of_their_life_before_its_end_and_a_minute_at_most() {
    let held = |life: u64| {
        let start = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        let grant = format!(
            r#"{{"generation":1,"kind":"code","access_token":"canary","refresh_token":"canary",
                "issued_at":{},"expires_at":{},"issuer":"i","token_endpoint":"t"}}"#,
            3_600_000,
            3_600_000 + life
        );
        let grant: Grant = serde_json::from_str(&grant).unwrap();
        let held = Held {
            bound: URL.to_owned(),
            secrets: std::collections::BTreeMap::new(),
            client: Some(client()),
            hash: TokenHash::of(&grant.access_token),
            grant,
        };
        move |at: u64| held.is_due(start + Duration::from_secs(at))
    };
    for (life, due) in [(3600, 3540), (100, 90), (86_400, 86_340)] {
        let is_due = held(life);
        assert!(!is_due(due - 1) && is_due(due) && is_due(life + 1), "{life}");
    }
}
