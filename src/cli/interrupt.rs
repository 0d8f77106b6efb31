//! Ctrl-C while servers are asked.

use super::error::CliError;
use crate::app::App;

/// Runs `work` until Ctrl-C, which leaves nothing half drawn on the terminal, and lets a renewal
/// that is under way end in the store; a second one waits for nothing.
pub(super) async fn unless<T>(app: &App, work: impl Future<Output = T>) -> Result<T, CliError> {
    let mut work = Box::pin(work);
    tokio::select! {
        done = &mut work => return Ok(done),
        _ = tokio::signal::ctrl_c() => drop(work),
    }
    tokio::select! {
        () = app.end() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Err(CliError::interrupted())
}
