//! The only place that starts work beside the current task.
//!
//! Owns every spawned task and every blocking job: each has a name, is tracked, and ends when the
//! [`Shutdown`] that started it says so. May name nothing. Called by every room with work of its
//! own; clippy's `disallowed-methods` keeps `tokio::spawn` out of all others.

use std::{future::Future, pin::Pin, time::Duration};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::error::Elapsed,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// Work as a runtime sees it. In a box, because each wrapper around it would keep a place as large
/// as the work itself, and the machinery of a task would be compiled once for each kind of work.
type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Enough to read what is there.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// Owner of tasks: cancels those that may be cut short, and waits for those that must end.
///
/// Clones share the same tasks. Only the composition root calls [`Shutdown::drain`].
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    /// Tasks that are dropped at their next await once `token` is cancelled.
    loose: TaskTracker,
    /// Tasks that hold something that must not be lost (a rotated token, a half-written file).
    firm: TaskTracker,
}

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` until it ends or shutdown begins, whichever is first.
    #[expect(clippy::disallowed_methods, reason = "this is the one spawn")]
    pub fn spawn<F>(&self, name: &'static str, work: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let token = self.token.clone();
        let work: Work<()> = Box::pin(work);
        let work = async move {
            let _ended = token.run_until_cancelled(work).await;
        };
        tokio::spawn(self.loose.track_future(work.instrument(tracing::debug_span!("task", name))))
    }

    /// Runs `work` to its end, also when shutdown begins in between; [`Shutdown::drain`] waits
    /// for it.
    #[expect(clippy::disallowed_methods, reason = "this is the one spawn")]
    pub fn spawn_firm<F>(&self, name: &'static str, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let work: Work<F::Output> = Box::pin(work);
        tokio::spawn(self.firm.track_future(work.instrument(tracing::debug_span!("task", name))))
    }

    /// True from the moment shutdown begins.
    pub fn is_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends when shutdown begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Begins shutdown: loose tasks end at their next await.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Begins shutdown and waits up to `grace` for all tasks. False when some did not end in time.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.begin();
        self.loose.close();
        self.firm.close();
        let all = async {
            self.firm.wait().await;
            self.loose.wait().await;
        };
        tokio::time::timeout(grace, all).await.is_ok()
    }
}

/// Runs `work` for at most `limit`, owned by nobody: for tidying up that may as well not happen.
pub fn brief<F>(name: &'static str, limit: Duration, work: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let work: Work<()> = Box::pin(work);
    let work = async move {
        let _ended = tokio::time::timeout(limit, work).await;
    };
    // Outside of a runtime there is nothing to tidy up.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work.instrument(tracing::debug_span!("task", name)));
    }
}

/// Runs `job` once everything that is ready now has had its turn, before what becomes ready after
/// this; outside of a runtime at once. It is run also when the runtime ends before.
pub fn at_end_of_turn<F: FnOnce() + Send + 'static>(job: F) {
    struct OnDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            if let Some(job) = self.0.take() {
                job();
            }
        }
    }
    // A task that is never polled is dropped, and that is all it does.
    let job = OnDrop(Some(job));
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { drop(job) });
    }
}

/// Runs `work` for at most `limit`, and a moment longer when the time was over all at once: a
/// process that was stopped (SIGSTOP, a frozen container) finds its timers expired before it has
/// read its sockets, and would throw away an answer that is there.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(limit, &mut work).await {
        Ok(done) => Ok(done),
        Err(_) => tokio::time::timeout(LAST_LOOK, work).await,
    }
}

/// Why a blocking job gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockingError {
    #[error("it did not answer in time")]
    TimedOut,
    #[error("it stopped without an answer")]
    Panicked,
}

/// So many of them run at a time. Each has a thread to itself, and what a thread has touched of
/// its stack and its heap stays in memory when it is done: thirty connections that look at their
/// files at once would cost more than all that they read.
const JOBS: usize = 4;

/// Runs `job` on tokio's blocking pool, when its turn has come.
///
/// For short work on files. A job that may hang for ever belongs to [`on_thread`]: a runtime
/// waits for its blocking pool when it is dropped.
#[expect(clippy::disallowed_methods, reason = "this is the one spawn")]
pub async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BlockingError> {
    static TURNS: Semaphore = Semaphore::const_new(JOBS);
    // It is never closed; and the turn ends with the job, also when nobody waits for it.
    let turn = TURNS.acquire().await;
    let (answer, wait) = oneshot::channel();
    let job: Box<dyn FnOnce() + Send> = Box::new(move || {
        let _turn = turn;
        let _nobody_waits = answer.send(job());
    });
    drop(tokio::task::spawn_blocking(job));
    wait.await.map_err(|_| BlockingError::Panicked)
}

/// Runs `job` on a thread of its own and waits at most `deadline` for it. The thread is left
/// behind when it hangs (a keychain prompt nobody sees), and does not hold up the exit.
pub async fn on_thread<T: Send + 'static>(
    name: &'static str,
    deadline: Duration,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BlockingError> {
    let (answer, wait) = oneshot::channel();
    detached_thread(name, move || {
        // The receiver is gone when the deadline has passed: nobody wants the answer any more.
        let _late = answer.send(job());
    })
    .map_err(|_| BlockingError::Panicked)?;
    match tokio::time::timeout(deadline, wait).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(BlockingError::Panicked),
        Err(_) => Err(BlockingError::TimedOut),
    }
}

/// Starts a thread that nobody joins: for the sides of a pipe, which block for ever by nature.
#[expect(clippy::disallowed_methods, reason = "this is the one spawn")]
pub fn detached_thread(
    name: &'static str,
    job: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let job: Box<dyn FnOnce() + Send> = Box::new(job);
    std::thread::Builder::new().name(name.to_owned()).spawn(job).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    #[tokio::test]
    async fn drain_cuts_loose_tasks_and_waits_for_firm_ones() {
        let shutdown = Shutdown::new();
        let saved = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&saved);
        shutdown.spawn("for ever", std::future::pending());
        shutdown.spawn_firm("save", async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            flag.store(true, Ordering::SeqCst);
        });
        assert!(shutdown.drain(Duration::from_secs(5)).await);
        assert!(saved.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn an_answer_that_came_while_the_process_was_stopped_is_read() {
        let (answer, wait) = oneshot::channel();
        Shutdown::new().spawn("answer", async move {
            // As the task that reads the socket: it has its turn after the timer.
            tokio::time::sleep(Duration::from_millis(30)).await;
            tokio::task::yield_now().await;
            let _read = answer.send(7);
        });
        let stopped = async {
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(60));
            wait.await
        };
        assert_eq!(within(Duration::from_millis(20), stopped).await, Ok(Ok(7)));
        assert!(within(Duration::from_millis(5), std::future::pending::<()>()).await.is_err());
    }

    #[tokio::test]
    async fn a_hung_thread_costs_only_its_deadline() {
        let hung = on_thread("hung", Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_hours(1));
        });
        assert_eq!(hung.await, Err(BlockingError::TimedOut));
        assert_eq!(on_thread("quick", Duration::from_secs(5), || 7).await, Ok(7));
    }
}
