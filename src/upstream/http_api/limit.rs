//! The vendor's limits, kept on our side: a short wait is waited for, a long one is told.

use crate::catalog::manifest::Rate;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A call that would have to wait longer fails at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause that is believed.
const MAX_PAUSE: Duration = Duration::from_hours(1);
/// Most accounts that are kept count of.
const MAX_ACCOUNTS: usize = 1024;

/// The counts of all accounts of a process; clones share them.
#[derive(Clone, Default)]
pub struct Limits(Arc<Mutex<HashMap<String, Account>>>);

/// One account at one vendor.
#[derive(Default)]
struct Account {
    /// For each rate of the manifest.
    counts: Vec<Count>,
    /// The vendor said to wait until then.
    paused: Option<Instant>,
    used: Option<Instant>,
}

/// What one rate remembers. Places in the future are those of calls that wait.
enum Count {
    /// When the latest requests were or will be sent, as many as there may be.
    Window(VecDeque<Instant>),
    /// What is in the bucket, at a time; less than nothing when calls wait for it.
    Bucket(f64, Instant),
}

impl Limits {
    /// Takes a place for one request of `group`, and says when it may be sent. The error is how
    /// long it would have to wait: then no place is taken.
    pub(super) fn take(
        &self,
        account: &str,
        rates: &[Rate],
        group: Option<&str>,
        patience: Duration,
    ) -> Result<Instant, Duration> {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = entry(&mut all, account, now);
        if account.counts.len() != rates.len() {
            account.counts = rates.iter().map(|rate| Count::new(rate, now)).collect();
        }
        let applies = |rate: &Rate| {
            rate.groups.is_empty()
                || group.is_some_and(|group| rate.groups.iter().any(|one| one == group))
        };
        let counted = account.counts.iter_mut().zip(rates).filter(|(_, rate)| applies(rate));
        let mut counted: Vec<_> = counted.collect();
        let free = counted.iter().map(|(count, rate)| count.free(rate, now));
        let at = free.chain(account.paused).max().unwrap_or(now).max(now);
        let wait = at.saturating_duration_since(now);
        if wait > patience {
            return Err(wait);
        }
        for (count, rate) in &mut counted {
            count.book(rate, at);
        }
        Ok(at)
    }

    /// The vendor wants a pause.
    pub(super) fn pause(&self, account: &str, pause: Duration) {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = entry(&mut all, account, now);
        let until = now + pause.min(MAX_PAUSE);
        account.paused = Some(account.paused.map_or(until, |old| old.max(until)));
    }
}

fn entry<'a>(all: &'a mut HashMap<String, Account>, name: &str, now: Instant) -> &'a mut Account {
    if all.len() >= MAX_ACCOUNTS
        && !all.contains_key(name)
        && let Some(oldest) = all.iter().min_by_key(|(_, it)| it.used).map(|(key, _)| key.clone())
    {
        all.remove(&oldest);
    }
    let account = all.entry(name.to_owned()).or_default();
    account.used = Some(now);
    account
}

/// How long to wait where a vendor says "too many" and not how long: no longer than it takes
/// until the shortest window is over.
pub(super) fn usual_pause(rates: &[Rate]) -> Duration {
    let shortest = rates.iter().map(|rate| rate.seconds).fold(f64::INFINITY, f64::min);
    seconds(if shortest.is_finite() { shortest.clamp(1.0, 60.0) } else { 1.0 })
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(MAX_PAUSE)
}

impl Count {
    fn new(rate: &Rate, now: Instant) -> Self {
        match rate.burst {
            Some(burst) => Self::Bucket(f64::from(burst), now),
            None => Self::Window(VecDeque::new()),
        }
    }

    /// When one more may be sent.
    fn free(&self, rate: &Rate, now: Instant) -> Instant {
        match self {
            Self::Window(sent) => {
                let most = rate.requests.max(1) as usize;
                match sent.len().checked_sub(most).and_then(|at| sent.get(at)) {
                    Some(first) => (*first + seconds(rate.seconds)).max(now),
                    None => now,
                }
            }
            Self::Bucket(level, at) => {
                let level = refilled(*level, *at, rate, now);
                now + seconds(((1.0 - level) / pace(rate)).max(0.0))
            }
        }
    }

    fn book(&mut self, rate: &Rate, at: Instant) {
        match self {
            Self::Window(sent) => {
                sent.push_back(at);
                while sent.len() > rate.requests.max(1) as usize {
                    sent.pop_front();
                }
            }
            Self::Bucket(level, since) => {
                // One that waits has a place in the future: the bucket is then a debt.
                let now = Instant::now();
                *level = refilled(*level, *since, rate, now) - 1.0;
                *since = now;
            }
        }
    }
}

fn pace(rate: &Rate) -> f64 {
    (f64::from(rate.requests.max(1)) / rate.seconds.max(0.001)).max(1e-6)
}

fn refilled(level: f64, at: Instant, rate: &Rate, now: Instant) -> f64 {
    let most = f64::from(rate.burst.unwrap_or(rate.requests).max(1));
    (level + now.saturating_duration_since(at).as_secs_f64() * pace(rate)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn rate(requests: u32, seconds: f64, burst: Option<u32>) -> Rate {
        Rate { requests, seconds, burst, groups: Vec::new() }
    }

    /// How long each of `count` calls has to wait, in milliseconds; `None`: it is refused.
    fn waits(limits: &Limits, rates: &[Rate], count: usize) -> Vec<Option<u128>> {
        let one = |_| {
            let taken = limits.take("a", rates, None, PATIENCE).ok()?;
            Some(taken.saturating_duration_since(Instant::now()).as_millis())
        };
        (0..count).map(one).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_holds_exactly_so_many() {
        let limits = Limits::default();
        let rates = [rate(2, 1.0, None)];
        let soon = [Some(0), Some(0), Some(1000), Some(1000), Some(2000), Some(2000), None];
        assert_eq!(waits(&limits, &rates, 7), soon);
        let wait = limits.take("a", &rates, None, PATIENCE).unwrap_err();
        assert_eq!(wait, Duration::from_secs(3));
        assert!(limits.take("b", &rates, None, PATIENCE).is_ok(), "another account");
        advance(Duration::from_secs(3)).await;
        assert_eq!(waits(&limits, &rates, 1), [Some(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_lets_a_burst_through_and_then_its_pace() {
        let limits = Limits::default();
        let rates = [rate(2, 1.0, Some(3))];
        let all = [Some(0), Some(0), Some(0), Some(500), Some(1000), Some(1500), Some(2000), None];
        assert_eq!(waits(&limits, &rates, 8), all);
        advance(Duration::from_mins(1)).await;
        assert_eq!(waits(&limits, &rates, 4), [Some(0), Some(0), Some(0), Some(500)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_vendor_is_remembered() {
        let limits = Limits::default();
        limits.pause("a", Duration::from_secs(30));
        limits.pause("a", Duration::from_secs(1));
        let wait = limits.take("a", &[], None, PATIENCE).unwrap_err();
        assert_eq!(wait, Duration::from_secs(30));
        advance(Duration::from_secs(30)).await;
        assert!(limits.take("a", &[], None, PATIENCE).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_a_group_counts_only_its_tools() {
        let limits = Limits::default();
        let rates = [Rate { groups: vec!["lists".to_owned()], ..rate(1, 60.0, None) }];
        let take = |group| limits.take("a", &rates, group, PATIENCE).is_ok();
        assert!(take(Some("lists")) && !take(Some("lists")));
        assert!(take(Some("other")) && take(None));
    }

    #[test]
    fn accounts_are_not_kept_without_end() {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let limits = Limits::default();
            for i in 0..MAX_ACCOUNTS + 10 {
                limits.pause(&i.to_string(), Duration::ZERO);
            }
            assert_eq!(limits.0.lock().unwrap().len(), MAX_ACCOUNTS);
        });
    }
}
