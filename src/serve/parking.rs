//! The places of parked calls: how many there are, and who may come back to which.

use super::{
    link::{Link, Said},
    parked::{Parked, unknown},
    state::{self, Claim, Seal},
};
use crate::wire::{Ask, RpcError};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::time::Instant;

/// Most calls that wait at a time.
pub(super) const MAX_PARKED: usize = 256;

/// All parked calls of one client.
#[derive(Default)]
pub(super) struct Parking {
    calls: Mutex<HashMap<u64, Arc<Parked>>>,
    seal: Seal,
    serials: AtomicU64,
    /// The clock of the states that we sign.
    began: OnceLock<Instant>,
    /// The client has left: nobody will come back.
    closed: AtomicBool,
}

impl Parking {
    fn calls(&self) -> MutexGuard<'_, HashMap<u64, Arc<Parked>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a call; `None` where there is none.
    pub(super) fn open(
        &self,
        method: &str,
        params: &Bytes,
        link: Weak<Link>,
    ) -> Option<Arc<Parked>> {
        self.admit(state::digest(method, params), link)
    }

    /// A place for questions after whose answers the call is sent again (-32042).
    pub(super) fn open_again(
        &self,
        method: &str,
        params: &Bytes,
        questions: Vec<Ask>,
    ) -> Option<Arc<Parked>> {
        let parked = self.admit(state::digest(method, params), Weak::new())?;
        parked.needs(questions);
        Some(parked)
    }

    fn admit(&self, request: [u8; 32], link: Weak<Link>) -> Option<Arc<Parked>> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let mut calls = self.calls();
        let now = Instant::now();
        // What runs ends by itself; this is for results and questions that nobody came back for.
        calls.retain(|_, parked| !parked.is_over(now));
        if calls.len() >= MAX_PARKED {
            return None;
        }
        let number = self.serials.fetch_add(1, Ordering::Relaxed);
        let parked = Arc::new(Parked::new(number, request, link));
        calls.insert(number, Arc::clone(&parked));
        Some(parked)
    }

    /// Takes the answers that come with a state of ours. What comes back is the call, which from
    /// now on has a request that waits for it.
    pub(super) fn resume(
        &self,
        state: &str,
        method: &str,
        params: &Bytes,
        said: Said,
    ) -> Result<Arc<Parked>, RpcError> {
        let request = state::digest(method, params);
        let claim = self.seal.read(state, &request).ok_or_else(unknown)?;
        if self.seconds(Instant::now()) >= claim.expires {
            return Err(unknown());
        }
        let parked = self.calls().get(&claim.call).cloned().ok_or_else(unknown)?;
        parked.answer(claim.round, params)?;
        parked.speak(said);
        Ok(parked)
    }

    pub(super) fn forget(&self, parked: &Parked) {
        self.calls().remove(&parked.number());
    }

    /// The state under which a client may come back until then; `None`: nobody may.
    pub(super) fn sign(
        &self,
        call: u64,
        round: u64,
        ends: Instant,
        request: &[u8; 32],
    ) -> Option<String> {
        let expires = self.seconds(ends);
        self.seal.sign(Claim { call, round, expires }, request)
    }

    fn seconds(&self, at: Instant) -> u64 {
        at.saturating_duration_since(*self.began.get_or_init(Instant::now)).as_secs()
    }

    /// Nobody will come back: every question is answered with that.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let all: Vec<_> = self.calls().values().cloned().collect();
        for parked in all {
            parked.give_up();
        }
    }
}
