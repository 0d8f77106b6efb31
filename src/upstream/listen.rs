//! The stream for messages that belong to no call: GET in the legacy era, `subscriptions/listen`
//! in the modern one.

use super::{
    Inner, Transport,
    deadline::{Deadline, Pace},
    failure::Failure,
    incoming::Router,
    modern,
    session::{Session, with_meta},
    streamable::{self, Incoming as _},
};
use crate::{
    kind::Era,
    net::Response,
    wire::{Id, frame, splice, sse::Decoder},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How long opening the stream may take.
const OPENING: Duration = Duration::from_secs(30);
/// Streams are opened anew at least this often.
const LONGEST: Duration = Duration::from_hours(24);

impl Inner {
    /// Starts listening on `session`, where the owner wants it and the server offers it.
    pub(super) fn listen(self: &Arc<Self>, session: &Arc<Session>) {
        if !self.config.listen || (session.era == Era::Modern && !announces_changes(session)) {
            return;
        }
        let (inner, session) = (Arc::clone(self), Arc::clone(session));
        self.deps.shutdown.spawn("listen", async move {
            let (closed, over) = (inner.closed.clone(), session.over.clone());
            let listening = over.run_until_cancelled(inner.keep_listening(session));
            let _ended = closed.run_until_cancelled(listening).await;
        });
    }

    async fn keep_listening(self: Arc<Self>, session: Arc<Session>) {
        let router = Router { inner: Arc::clone(&self), session: Arc::clone(&session) };
        let mut last_id: Option<Box<str>> = None;
        let mut wait = FIRST_WAIT;
        let (mut again, mut heard) = (false, false);
        while self.session.load().as_ref().is_some_and(|s| s.epoch == session.epoch) {
            // A box: the stream stays open for as long as we run, what opens it does not.
            match Box::pin(self.open_stream(&session, last_id.as_deref())).await {
                Ok(response) => {
                    if again && last_id.is_none() {
                        // What was said in between is lost; the list is the thing to look at.
                        self.tools_changed();
                    }
                    (wait, heard) = (FIRST_WAIT, true);
                    let decoder = read(response, &router).await;
                    last_id = decoder.last_id.or(last_id).filter(|_| session.era == Era::Legacy);
                    wait = decoder.retry.unwrap_or(wait).clamp(Duration::from_millis(10), MAX_WAIT);
                }
                Err(
                    failure @ (Failure::NotSent { .. }
                    | Failure::Broken { .. }
                    | Failure::TimedOut { .. }
                    | Failure::Busy { .. }
                    | Failure::Status { status: 500.., .. }),
                ) => {
                    tracing::debug!(connection = %self.config.name, ?failure, "no stream; trying again");
                }
                // The server started again. Looking at its list opens another session, and with
                // it another stream.
                Err(Failure::SessionGone { epoch }) => {
                    self.lost(epoch);
                    return self.tools_changed();
                }
                // 405 and the like: no stream is offered here. Where there was one before, the
                // server is another by now, which its list shows.
                Err(_) if heard => return self.tools_changed(),
                Err(_) => return,
            }
            tokio::time::sleep(wait.mul_f64(1.0 + 0.2 * fastrand::f64())).await;
            wait = (wait * 2).min(MAX_WAIT);
            again = true;
        }
    }

    async fn open_stream(
        self: &Arc<Self>,
        session: &Session,
        last_id: Option<&str>,
    ) -> Result<Response, Failure> {
        let deadline = Deadline::new(OPENING);
        let Transport { route, prepared } = self.transport(&deadline).await?;
        if session.era == Era::Legacy {
            let epoch = session.epoch_if_held();
            let headers = &session.headers;
            return streamable::get(&route, &prepared, headers, epoch, last_id, &deadline).await;
        }
        let method = "subscriptions/listen";
        let filter = Bytes::from_static(b"{\"notifications\":{\"toolsListChanged\":true}}");
        let params = with_meta(&filter, session.version);
        let body = frame::request(&Id::number(self.next_id()), method, Some(&params));
        let headers = modern::headers(session.version, method, None);
        let response = streamable::post(&route, &prepared, &headers, None, body, &deadline).await?;
        if streamable::content_type(&response) == "text/event-stream" {
            Ok(response)
        } else {
            Err(Failure::NotMcp { detail: "it offers no subscriptions".to_owned() })
        }
    }
}

/// Reads events until the stream ends.
async fn read(mut response: Response, router: &Router) -> Decoder {
    let mut decoder = Decoder::new(streamable::MAX_MESSAGE);
    let mut pace = Pace::new();
    let deadline = Deadline::new(LONGEST);
    loop {
        match decoder.next_event() {
            Ok(Some(event)) => {
                if let Ok(Some(message)) = streamable::message(event).await {
                    for frame in streamable::frames(message) {
                        router.message(frame);
                    }
                }
                continue;
            }
            Ok(None) => {}
            Err(_) => return decoder,
        }
        let owed = decoder.is_mid_event();
        if !owed {
            pace.rest();
        }
        match streamable::part(&mut response, &mut pace, owed, &deadline).await {
            Ok(Some(chunk)) => decoder.push(chunk),
            Ok(None) | Err(_) => return decoder,
        }
    }
}

/// True when a modern server says that it reports changes of its tools.
fn announces_changes(session: &Session) -> bool {
    let tools = session.about.capabilities.as_ref().and_then(|c| splice::get(c, "tools"));
    tools.and_then(|t| splice::get(&t, "listChanged")).is_some_and(|b| &*b == b"true")
}
