//! What is remembered of a server's era, and for how long.

use super::{
    Bench, call,
    stub::{Said, Stub, legacy, modern},
};
use allmcp::kind::Era;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

fn ago(hours: u64) -> SystemTime {
    SystemTime::now() - Duration::from_hours(hours)
}

#[tokio::test]
async fn a_fresh_verdict_is_used_and_an_old_one_is_not() {
    for (at, asked) in [(ago(1), 0), (ago(25), 1)] {
        let stub = Stub::start(|seen| legacy(seen, &json!({})).unwrap_or(Said::Empty(500))).await;
        let bench = Bench::new(&stub.url, |c| c.known_era = Some((Era::Legacy, at)));
        let listing = bench.upstream.list().await.unwrap();
        assert_eq!(stub.all("server/discover").len(), asked);
        let shown = listing.era_at.unwrap();
        assert!(if asked == 0 { shown == at } else { shown > ago(1) }, "{shown:?}");
    }
}

#[tokio::test]
async fn refusals_of_the_caller_or_the_moment_are_no_verdict() {
    for status in [403, 408, 500, 503] {
        let stub = Stub::start(move |seen| match seen.method() {
            "server/discover" => Said::Empty(status),
            _ => legacy(seen, &json!({})).unwrap_or(Said::Empty(500)),
        })
        .await;
        let bench = Bench::new(&stub.url, |_| {});
        let listing = bench.upstream.list().await;
        if let Ok(listing) = listing {
            assert_eq!((listing.era, listing.era_at), (Era::Legacy, None), "{status}");
        }
        assert_eq!(bench.upstream.snapshot().era, None, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_changes_its_era_is_followed_both_ways() {
    for from_modern in [true, false] {
        let changed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&changed);
        let stub = Stub::start(move |seen| {
            let is_modern = flag.load(Ordering::SeqCst) != from_modern;
            let capabilities = json!({"tools": {}});
            if is_modern {
                if seen.header("mcp-method") != Some(seen.method()) {
                    return seen.error(400, -32020);
                }
                return modern(seen, &capabilities).unwrap_or_else(|| seen.result(json!({})));
            }
            let open = seen.header("mcp-session-id").is_some();
            if !open && !["initialize", "server/discover"].contains(&seen.method()) {
                // As the Python SDK says it.
                return seen.error(400, -32600);
            }
            legacy(seen, &capabilities).unwrap_or_else(|| seen.result(json!({})))
        })
        .await;
        let bench = Bench::new(&stub.url, |_| {});
        for want in
            if from_modern { [Era::Modern, Era::Legacy] } else { [Era::Legacy, Era::Modern] }
        {
            let reply = bench.upstream.call(call("t", "{}")).await.unwrap();
            assert_eq!(reply.era, want);
            let listing = bench.upstream.list().await.unwrap();
            assert!(listing.era == want && listing.era_at.is_some());
            changed.store(true, Ordering::SeqCst);
        }
    }
}
