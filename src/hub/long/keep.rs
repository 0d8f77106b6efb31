//! Where answers are kept that were too long to be given at once.

use super::pieces::Pieces;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long an answer is kept after it was read last.
const LIFE: Duration = Duration::from_mins(15);
/// How many are kept.
const COUNT: usize = 16;
/// How many bytes of them; the newest is kept whatever it takes.
const BYTES: usize = 32 << 20;

/// The answers of one process that have more to give; clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::hub) struct Longs(Arc<Mutex<VecDeque<Entry>>>);

#[derive(Debug)]
struct Entry {
    id: String,
    pieces: Arc<Pieces>,
    read: Instant,
}

impl Longs {
    /// Keeps an answer; its id, and how long it stays.
    pub(super) fn keep(&self, pieces: Pieces) -> (String, Duration) {
        let id: String = std::iter::repeat_with(fastrand::alphanumeric).take(10).collect();
        let mut all = self.all();
        all.push_back(Entry { id: id.clone(), pieces: Arc::new(pieces), read: Instant::now() });
        let mut bytes: usize = all.iter().map(|entry| entry.pieces.size()).sum();
        while all.len() > COUNT || (bytes > BYTES && all.len() > 1) {
            bytes -= all.pop_front().map_or(0, |entry| entry.pieces.size());
        }
        (id, LIFE)
    }

    /// An answer, and how long it still stays.
    pub(super) fn kept(&self, id: &str) -> Option<(Arc<Pieces>, Duration)> {
        let mut all = self.all();
        let entry = all.iter_mut().find(|entry| entry.id == id)?;
        entry.read = Instant::now();
        Some((Arc::clone(&entry.pieces), LIFE))
    }

    /// Without those that nobody has read for long.
    fn all(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // Every statement leaves the row whole.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|entry| entry.read.elapsed() < LIFE);
        all
    }
}
