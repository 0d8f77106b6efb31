//! The breaker of one connection: after enough failures nothing is sent for a while.
//!
//! Opens after 5 transport, 5xx or time-out failures in a row, or 3 failed connects; waits 1 s,
//! doubling to 60 s, with jitter; then lets one probe through at a time. What the upstream says
//! on purpose (4xx, JSON-RPC errors, 401, `isError`) does not count.

use super::BreakerTimes;
use crate::kind::BreakerState;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

const FAILURES: u32 = 5;
const CONNECT_FAILURES: u32 = 3;

#[derive(Debug)]
pub(super) struct Breaker {
    times: BreakerTimes,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    failures: u32,
    connects: u32,
    /// The next wait.
    wait: Duration,
    /// When the present run of failures began.
    since: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open {
        until: Instant,
    },
    /// The wait is over; `busy` while the one probe is under way.
    HalfOpen {
        busy: bool,
    },
}

/// Leave to send. Say how it went; a permit that is dropped (a cancelled call) says nothing.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    open: bool,
}

/// Nothing may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) retry_in: Duration,
    pub(super) since: Option<SystemTime>,
}

impl Breaker {
    pub(super) fn new(times: BreakerTimes) -> Self {
        let state = State {
            phase: Phase::Closed,
            failures: 0,
            connects: 0,
            wait: times.first,
            since: None,
        };
        Self { times, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held leaves plain numbers behind, which are still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn admit(&self) -> Result<Permit<'_>, Refused> {
        let mut state = self.state();
        let now = Instant::now();
        let refused = |retry_in, since| Refused { retry_in, since };
        match state.phase {
            Phase::Closed => {}
            Phase::Open { until } if now < until => return Err(refused(until - now, state.since)),
            Phase::HalfOpen { busy: true } => {
                return Err(refused(self.times.first, state.since));
            }
            Phase::Open { .. } | Phase::HalfOpen { busy: false } => {
                state.phase = Phase::HalfOpen { busy: true };
            }
        }
        Ok(Permit { breaker: self, open: true })
    }

    pub(super) fn phase(&self) -> BreakerState {
        match self.state().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { until } if Instant::now() < until => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// When the present run of failures began.
    pub(super) fn failing_since(&self) -> Option<SystemTime> {
        self.state().since
    }

    /// How long until a probe is let through; `None` while closed.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self.state().phase {
            Phase::Closed => None,
            Phase::Open { until } => Some(until.saturating_duration_since(Instant::now())),
            Phase::HalfOpen { .. } => Some(Duration::ZERO),
        }
    }
}

impl Permit<'_> {
    pub(super) fn success(mut self) {
        self.open = false;
        let mut state = self.breaker.state();
        state.phase = Phase::Closed;
        state.failures = 0;
        state.connects = 0;
        state.since = None;
        state.wait = self.breaker.times.first;
    }

    /// `connect` says that not even a connection came to be.
    pub(super) fn failure(mut self, connect: bool) {
        self.open = false;
        let mut state = self.breaker.state();
        state.failures += 1;
        state.connects = if connect { state.connects + 1 } else { 0 };
        state.since.get_or_insert_with(SystemTime::now);
        let probe_failed = matches!(state.phase, Phase::HalfOpen { .. });
        let tripped = state.phase == Phase::Closed
            && (state.failures >= FAILURES || state.connects >= CONNECT_FAILURES);
        if probe_failed || tripped {
            // Up to a fifth less, so that many copies do not come back at the same instant.
            let wait = state.wait.mul_f64(1.0 - 0.2 * fastrand::f64());
            state.phase = Phase::Open { until: Instant::now() + wait };
            state.wait = (state.wait * 2).min(self.breaker.times.max);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.open {
            let mut state = self.breaker.state();
            if state.phase == (Phase::HalfOpen { busy: true }) {
                state.phase = Phase::HalfOpen { busy: false };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(first: Duration) -> Breaker {
        Breaker::new(BreakerTimes { first, max: first * 4 })
    }

    #[test]
    fn five_failures_or_three_connects_open_it() {
        let slow = breaker(Duration::from_mins(1));
        for _ in 0..4 {
            slow.admit().unwrap().failure(false);
        }
        assert_eq!(slow.phase(), BreakerState::Closed);
        slow.admit().unwrap().failure(false);
        assert_eq!(slow.phase(), BreakerState::Open);
        let refused = slow.admit().unwrap_err();
        assert!(refused.retry_in > Duration::from_secs(40) && refused.since.is_some());

        let dead = breaker(Duration::from_mins(1));
        for _ in 0..3 {
            dead.admit().unwrap().failure(true);
        }
        assert_eq!(dead.phase(), BreakerState::Open);
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let breaker = breaker(Duration::from_mins(1));
        for _ in 0..20 {
            breaker.admit().unwrap().failure(true);
            breaker.admit().unwrap().failure(true);
            breaker.admit().unwrap().success();
        }
        assert_eq!(breaker.phase(), BreakerState::Closed);
    }

    #[test]
    fn one_probe_at_a_time_and_a_dropped_one_frees_the_place() {
        let breaker = breaker(Duration::ZERO);
        for _ in 0..3 {
            breaker.admit().unwrap().failure(true);
        }
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        drop(probe);
        let probe = breaker.admit().unwrap();
        probe.failure(true);
        breaker.admit().unwrap().success();
        assert_eq!(breaker.phase(), BreakerState::Closed);
        assert_eq!(breaker.failing_since(), None);
    }
}
