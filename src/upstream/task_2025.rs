//! Tools that run only as a task of the 2025-11-25 kind (`execution.taskSupport` "required"):
//! the task is made, watched and ended here, and the call gets its result.
//!
//! These tasks share method names with those of SEP-2663, and nothing else.

use super::{
    Exchange, Inner, Reply,
    asks::Talk,
    deadline::{Deadline, HARD_END, Pulse},
    failure::Failure,
    said::said,
    session::Session,
};
use crate::{
    kind::Era,
    wire::{Id, Outcome, frame, splice, splice::Edits},
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Between two looks, where the server says nothing, and at least and at most.
const POLL: Duration = Duration::from_secs(1);
const POLL_LEAST: Duration = Duration::from_millis(200);
const POLL_MOST: Duration = Duration::from_secs(5);
/// One look.
const LOOK: Duration = Duration::from_secs(30);
/// So many looks in a row may fail.
const MAX_FAILED: u32 = 3;

/// Cancels the task of a call that nobody waits for any more.
struct TaskGuard {
    inner: Arc<Inner>,
    session: Arc<Session>,
    params: Bytes,
    armed: bool,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if !self.armed || self.session.capability(&["tasks", "cancel"]).is_none() {
            return;
        }
        let (inner, session) = (Arc::clone(&self.inner), Arc::clone(&self.session));
        let id = Id::number(inner.next_id());
        let body = frame::request(&id, "tasks/cancel", Some(&self.params));
        crate::task::brief("cancel task", Duration::from_secs(2), async move {
            let _untold = inner.tell_server(&session, body).await;
        });
    }
}

impl Session {
    fn runs_tools_as_tasks(&self) -> bool {
        self.era == Era::Legacy
            && self.version == "2025-11-25"
            && self.capability(&["tasks", "requests", "tools", "call"]).is_some()
    }
}

impl Inner {
    /// Runs a call whose tool wants a task. Where the server offers none, it is a plain call.
    pub(super) async fn task_call(
        self: &Arc<Self>,
        call: &Exchange<'_>,
        deadline: &Deadline,
        pulse: &Pulse,
    ) -> Result<Reply, Failure> {
        let said = self.said(call.link);
        let session = self.session_for(call.link.map(|_| &said.caps), deadline).await?;
        if !session.runs_tools_as_tasks() {
            return self.exchange(call, deadline, pulse).await;
        }
        // The token of the call goes on for as long as the task does.
        let token = self.next_id();
        let _progress = call
            .link
            .filter(|link| link.wants_progress())
            .map(|link| self.expect_progress(token, link, pulse));
        let mut edits = Edits::new();
        edits.set(call.params, "task", format!("{{\"ttl\":{}}}", HARD_END.as_millis()));
        let params = edits.apply(call.params);
        let create =
            Exchange { params: &params, token: Some(token), left: AtomicBool::new(false), ..*call };
        let made = self.exchange(&create, deadline, pulse).await;
        call.left.store(create.left.into_inner(), std::sync::atomic::Ordering::Relaxed);
        let made = made?;
        let Some(task) = splice::get(made.outcome.bytes(), "task") else { return Ok(made) };
        let Some(id) = splice::get(&task, "taskId").filter(|id| id.first() == Some(&b'"')) else {
            return Err(Failure::NotMcp { detail: "it made a task without an id".to_owned() });
        };
        let params: Bytes = [b"{\"taskId\":", &id[..], b"}"].concat().into();
        // The session that made it: it may be another than the one we looked at.
        let session = self.session(deadline).await?;
        let mut guard = TaskGuard {
            inner: Arc::clone(self),
            session: Arc::clone(&session),
            params: params.clone(),
            armed: true,
        };
        // What the server asks while nothing of the call is open comes on the GET stream.
        let asking = call.link.map(|link| Talk::begin(&session, token, link, &said, pulse));
        let whole = Deadline::extended_by(HARD_END, pulse.clone());
        whole
            .run(self.until_it_rests(task, &params))
            .await
            .map_err(Failure::elapsed("end of the task", true))??;
        drop(asking);
        let result = Exchange {
            method: "tasks/result",
            params: &params,
            name: None,
            replay_safe: true,
            link: call.link,
            tool: None,
            later_round: false,
            token: Some(token),
            left: AtomicBool::new(false),
        };
        // It waits for the end of the task, and carries the questions of one that wants input.
        let result = self.exchange(&result, &whole, pulse).await;
        guard.armed = matches!(result, Err(Failure::TimedOut { .. } | Failure::Broken { .. }));
        result
    }

    /// Looks at the task until it is over or wants input.
    async fn until_it_rests(
        self: &Arc<Self>,
        mut task: Bytes,
        params: &Bytes,
    ) -> Result<(), Failure> {
        let mut failed = 0;
        loop {
            match splice::get_str(&task, "status").as_deref() {
                Some("completed" | "failed" | "cancelled" | "input_required") => return Ok(()),
                Some("working") => {}
                other => {
                    let word = said(other.unwrap_or_default(), 40);
                    let detail = format!("its task has the unknown status {word:?}");
                    return Err(Failure::NotMcp { detail });
                }
            }
            tokio::time::sleep(pause(&task)).await;
            let look = Exchange::own("tasks/get", params);
            match self.exchange(&look, &Deadline::new(LOOK), &Pulse::default()).await {
                Ok(Reply { outcome: Outcome::Complete(now), .. }) => (task, failed) = (now, 0),
                Ok(_) => return Err(Failure::NotMcp { detail: "it lost the task".to_owned() }),
                // It ran for a while, and what it did is unknown.
                Err(Failure::Status { status: ..=499, detail, .. }) => {
                    let detail = format!("it lost the task: {detail}");
                    return Err(Failure::NotMcp { detail });
                }
                Err(failure) if failed + 1 < MAX_FAILED && failure.passes() => failed += 1,
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// How long until the next look at a task, as its server wishes within our bounds.
fn pause(task: &Bytes) -> Duration {
    let wish = splice::get(task, "pollInterval");
    let wish = wish.and_then(|json| std::str::from_utf8(&json).ok()?.parse::<f64>().ok());
    let wish = wish.filter(|ms| ms.is_finite() && *ms >= 0.0);
    wish.map_or(POLL, |ms| Duration::from_secs_f64(ms.min(60_000.0) / 1000.0))
        .clamp(POLL_LEAST, POLL_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_pace_is_kept_within_bounds() {
        let pause = |text: &'static str| pause(&Bytes::from_static(text.as_bytes()));
        assert_eq!(pause(r#"{"pollInterval":1500}"#), Duration::from_millis(1500));
        assert_eq!(pause(r#"{"pollInterval":0}"#), POLL_LEAST);
        assert_eq!(pause(r#"{"pollInterval":1e300}"#), POLL_MOST);
        assert_eq!(pause(r#"{"pollInterval":-5}"#), POLL);
        assert_eq!(pause("{}"), POLL);
    }
}
