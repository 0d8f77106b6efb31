//! How long things may take: one call as a whole, and a body that must keep moving.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// The longest that progress, a question to a person or a task can keep a call alive.
pub(super) const HARD_END: Duration = Duration::from_mins(10);

/// A body that moves fewer bytes than this per [`WINDOW`] has stalled.
const MIN_BYTES: usize = 1024;
const WINDOW: Duration = Duration::from_secs(10);

/// While a person answers, the end is looked at this often: the answer moves it nearer.
const HELD: Duration = Duration::from_secs(1);

/// The last sign of life of a call; shared with the streams that progress may come on.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Life>>);

#[derive(Debug, Default)]
struct Life {
    last: Option<Instant>,
    /// Questions to the client that are open.
    holds: usize,
}

/// Stops the clock of a call until it is dropped: the client has been asked something.
#[derive(Debug)]
pub(super) struct Hold(Pulse);

impl Pulse {
    pub(super) fn beat(&self) {
        self.life().last = Some(Instant::now());
    }

    pub(super) fn hold(&self) -> Hold {
        self.life().holds += 1;
        Hold(self.clone())
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        // Plain values; a panic in between leaves them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut life = self.0.life();
        life.holds -= 1;
        // The upstream has its whole time again for what it does with the answer.
        life.last = Some(Instant::now());
    }
}

/// The end of a call. Progress moves it, to at most ten minutes after the start.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    start: Instant,
    budget: Duration,
    pulse: Option<Pulse>,
}

/// The deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elapsed;

impl Deadline {
    pub(super) fn new(budget: Duration) -> Self {
        Self { start: Instant::now(), budget, pulse: None }
    }

    pub(super) fn extended_by(budget: Duration, pulse: Pulse) -> Self {
        Self { pulse: Some(pulse), ..Self::new(budget) }
    }

    /// The same end, or `most` from now, whichever is first.
    pub(super) fn at_most(&self, most: Duration) -> Self {
        Self::new(self.left().min(most))
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn left(&self) -> Duration {
        self.at().0.saturating_duration_since(Instant::now())
    }

    /// The end as it stands, and whether the clock is stopped.
    fn at(&self) -> (Instant, bool) {
        let plain = self.start + self.budget;
        let Some(pulse) = &self.pulse else { return (plain, false) };
        let life = pulse.life();
        let hard = plain.max(self.start + HARD_END);
        match life.last {
            _ if life.holds > 0 => (hard, true),
            Some(beat) => ((beat.max(self.start) + self.budget).min(hard), false),
            None => (plain, false),
        }
    }

    /// Runs `work` until the deadline, looked at again whenever it was moved.
    pub(super) async fn run<F: Future>(&self, work: F) -> Result<F::Output, Elapsed> {
        let mut work = pin!(work);
        loop {
            let (end, held) = self.at();
            let at = if held { end.min(Instant::now() + HELD) } else { end };
            match timeout_at(at, work.as_mut()).await {
                Ok(value) => return Ok(value),
                Err(_) if self.at().0 > Instant::now() => {}
                Err(_) => return Err(Elapsed),
            }
        }
    }
}

/// Watches that a body moves: at least 1 KiB per 10 s while something is owed.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    bytes: usize,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), bytes: 0 }
    }

    /// Counts what came. False when it was too little for too long.
    pub(super) fn moved(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        if self.bytes >= MIN_BYTES {
            *self = Self::new();
            return true;
        }
        self.start.elapsed() < WINDOW
    }

    /// Nothing is owed just now: the window starts again.
    pub(super) fn rest(&mut self) {
        *self = Self::new();
    }

    /// How long to wait for the next part at most.
    pub(super) fn left(&self) -> Duration {
        (self.start + WINDOW).saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    #[tokio::test(start_paused = true)]
    async fn progress_moves_the_end_and_ten_minutes_end_it() {
        let pulse = Pulse::default();
        let deadline = Deadline::extended_by(Duration::from_secs(55), pulse.clone());
        let beating = async {
            loop {
                sleep(Duration::from_secs(50)).await;
                pulse.beat();
            }
        };
        tokio::select! {
            ended = deadline.run(std::future::pending::<()>()) => assert_eq!(ended, Err(Elapsed)),
            () = beating => {}
        }
        assert_eq!(deadline.elapsed().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn without_progress_the_budget_is_the_end() {
        let deadline = Deadline::extended_by(Duration::from_secs(55), Pulse::default());
        assert_eq!(deadline.run(std::future::pending::<()>()).await, Err(Elapsed));
        assert_eq!(deadline.elapsed().as_secs(), 55);
        assert_eq!(Deadline::new(Duration::from_secs(1)).run(async { 7 }).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_stops_the_clock_until_it_is_answered() {
        let pulse = Pulse::default();
        let deadline = Deadline::extended_by(Duration::from_secs(55), pulse.clone());
        let answering = async {
            let hold = pulse.hold();
            sleep(Duration::from_mins(5)).await;
            drop(hold);
            std::future::pending::<()>().await;
        };
        assert_eq!(deadline.run(answering).await, Err(Elapsed));
        assert!((355..=356).contains(&deadline.elapsed().as_secs()), "{:?}", deadline.elapsed());
        let deadline = Deadline::extended_by(Duration::from_secs(55), pulse.clone());
        let _for_ever = pulse.hold();
        assert_eq!(deadline.run(std::future::pending::<()>()).await, Err(Elapsed));
        assert_eq!(deadline.elapsed().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_a_second_is_a_stall() {
        let mut pace = Pace::new();
        let mut seconds = 0;
        while pace.moved(1) {
            advance(Duration::from_secs(1)).await;
            seconds += 1;
        }
        assert_eq!(seconds, 10);
        let mut pace = Pace::new();
        for _ in 0..100 {
            advance(Duration::from_secs(9)).await;
            assert!(pace.moved(1024));
        }
    }
}
