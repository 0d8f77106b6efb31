//! Finding out by ourselves that an upstream is back, so that nobody has to try it for us.

use super::{
    Inner,
    deadline::{Deadline, Pulse},
    exchange::Exchange,
    failure::Failure,
};
use crate::kind::{Era, Status};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(10);

impl Inner {
    /// Starts looking while the server is taken to be down, where somebody keeps this connection
    /// alive.
    pub(super) fn recover(self: &Arc<Self>) {
        if !self.config.listen || self.recovering.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = Arc::clone(self);
        self.deps.shutdown.spawn("recover", async move {
            let closed = inner.closed.clone();
            let _ended = closed.run_until_cancelled(inner.look_until_back()).await;
            inner.recovering.store(false, Ordering::SeqCst);
        });
    }

    async fn look_until_back(self: &Arc<Self>) {
        let mut pause = self.config.breaker.first;
        loop {
            let wait = match self.breaker.wait() {
                Some(wait) => wait + Duration::from_millis(20),
                // One failure is no reason to send nothing. But it is what everybody is told
                // until the next call, and that may be long ago by then.
                None if self.track().state == Status::Error => {
                    pause.mul_f64(1.0 + 0.2 * fastrand::f64())
                }
                None => return,
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(self.config.breaker.max);
            let start = Instant::now();
            if self.breaker.wait().is_some() {
                // Somebody's call may be the probe already.
                let Ok(permit) = self.breaker.admit() else { continue };
                let result = self.look().await;
                let _booked = self.settle(permit, result, start, false);
            } else if self.track().state == Status::Error {
                match self.look().await {
                    // Calls may go on failing: the breaker hears nothing of it.
                    Ok(()) => self.note(Status::Connected, None, Some(start.elapsed())),
                    Err(failure) if failure.passes() => {}
                    Err(_) => return,
                }
            }
        }
    }

    /// The cheapest request that shows the server to be there.
    async fn look(self: &Arc<Self>) -> Result<(), Failure> {
        if let Some(rest) = &self.rest {
            return Box::pin(self.rest_check(rest)).await;
        }
        let deadline = Deadline::new(LOOK);
        let session = self.session(&deadline).await?;
        let method = match session.era {
            Era::Legacy => "ping",
            Era::Modern => "server/discover",
        };
        let params = Bytes::from_static(b"{}");
        let exchange = Exchange::own(method, &params);
        match self.exchange(&exchange, &deadline, &Pulse::default()).await {
            // Some servers know no ping; that they say so is what we wanted to hear.
            Err(Failure::Status { error: Some(_), .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}
