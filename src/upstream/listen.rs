//! The stream for messages that belong to no call: GET in the legacy era, `subscriptions/listen`
//! in the modern one.

use super::{
    Inner, Transport,
    deadline::{Deadline, Pace},
    failure::Failure,
    incoming::Router,
    modern,
    session::Session,
    streamable::{self, Incoming as _},
    subscriptions::Honoured,
};
use crate::{
    kind::Era,
    net::Response,
    wire::{Frame, Id, Kind, RpcError, frame, meta, sse::Decoder},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How long opening the stream may take.
const OPENING: Duration = Duration::from_secs(30);
/// Streams are opened anew at least this often.
const LONGEST: Duration = Duration::from_hours(24);

const LISTEN: &str = "subscriptions/listen";
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// A stream that is open.
struct Stream {
    response: Response,
    decoder: Decoder,
    pace: Pace,
    deadline: Deadline,
    /// The id of the `subscriptions/listen`, which everything on it carries.
    id: Option<u64>,
}

impl Stream {
    fn new(response: Response, id: Option<u64>) -> Self {
        Self {
            response,
            decoder: Decoder::new(streamable::MAX_MESSAGE),
            pace: Pace::new(),
            deadline: Deadline::new(LONGEST),
            id,
        }
    }

    /// The next messages that are for this stream; `None` at its end.
    async fn next(&mut self) -> Option<Vec<Frame>> {
        loop {
            if let Some(event) = self.decoder.next_event().ok()? {
                if let Ok(Some(message)) = streamable::message(event).await {
                    let mut frames = streamable::frames(message);
                    frames.retain(|frame| self.is_ours(frame));
                    return Some(frames);
                }
                continue;
            }
            let owed = self.decoder.is_mid_event();
            if !owed {
                self.pace.rest();
            }
            let next = streamable::part(&mut self.response, &mut self.pace, owed, &self.deadline);
            self.decoder.push(next.await.ok()??);
        }
    }

    /// False for what names another subscription. What names none is taken: it can be of no
    /// other, for each has a stream of its own.
    fn is_ours(&self, frame: &Frame) -> bool {
        let Some(id) = self.id else { return true };
        let named = frame.params.as_ref().and_then(|p| meta::get(p, meta::SUBSCRIPTION_ID));
        named.and_then(Id::from_json).is_none_or(|named| named == Id::number(id))
    }

    /// Gives on what comes until the stream ends.
    async fn read(&mut self, router: &Router<'_>) {
        while let Some(frames) = self.next().await {
            for frame in frames {
                // The server's graceful end of a subscription.
                if self.id.is_some() && frame.kind() == Kind::Response {
                    return;
                }
                router.message(frame);
            }
        }
    }
}

/// What the failure to open a stream means for the next try.
fn passes(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::NotSent { .. }
            | Failure::Broken { .. }
            | Failure::TimedOut { .. }
            | Failure::Busy { .. }
            | Failure::Status { status: 500.., .. }
    )
}

async fn pause(wait: &mut Duration) {
    tokio::time::sleep(wait.mul_f64(1.0 + 0.2 * fastrand::f64())).await;
    *wait = (*wait * 2).min(MAX_WAIT);
}

impl Inner {
    /// Starts listening on `session`, where the owner wants it and the server may have to say
    /// something.
    pub(super) fn listen(self: &Arc<Self>, session: &Arc<Session>) {
        if !self.config.listen || (session.era == Era::Modern && !session.has_news()) {
            return;
        }
        let (inner, session) = (Arc::clone(self), Arc::clone(session));
        self.deps.shutdown.spawn("listen", async move {
            let (closed, over) = (inner.closed.clone(), session.over.clone());
            let listening = async {
                match session.era {
                    Era::Legacy => inner.keep_listening(session).await,
                    Era::Modern => inner.keep_subscribed(session).await,
                }
            };
            let listening = over.run_until_cancelled(listening);
            let _ended = closed.run_until_cancelled(listening).await;
        });
    }

    fn is_present(&self, session: &Session) -> bool {
        self.session.load().as_ref().is_some_and(|s| s.epoch == session.epoch)
    }

    async fn keep_listening(self: &Arc<Self>, session: Arc<Session>) {
        let router = Router { inner: self, session: &session, link: None, talk: None };
        let mut last_id: Option<Box<str>> = None;
        let mut wait = FIRST_WAIT;
        let (mut again, mut heard) = (false, false);
        while self.is_present(&session) {
            // A box: the stream stays open for as long as we run, what opens it does not.
            let opened = Box::pin(self.open_get(&session, last_id.as_deref())).await;
            session.tuned.cancel();
            match opened {
                Ok(mut stream) => {
                    if again && last_id.is_none() {
                        // What was said in between is lost; the list is the thing to look at.
                        self.lists_changed();
                    }
                    (wait, heard) = (FIRST_WAIT, true);
                    stream.read(&router).await;
                    let decoder = stream.decoder;
                    last_id = decoder.last_id.or(last_id);
                    wait = decoder.retry.unwrap_or(wait).clamp(Duration::from_millis(10), MAX_WAIT);
                }
                Err(failure) if passes(&failure) => {
                    tracing::debug!(connection = %self.config.name, ?failure, "no stream; trying again");
                }
                // The server started again. Looking at its list opens another session, and with
                // it another stream.
                Err(Failure::SessionGone { epoch }) => {
                    self.lost(epoch);
                    return self.lists_changed();
                }
                // 405 and the like: no stream is offered here. Where there was one before, the
                // server is another by now, which its list shows.
                Err(_) if heard => return self.lists_changed(),
                Err(_) => return,
            }
            pause(&mut wait).await;
            again = true;
        }
    }

    async fn open_get(
        self: &Arc<Self>,
        session: &Session,
        last_id: Option<&str>,
    ) -> Result<Stream, Failure> {
        let deadline = Deadline::new(OPENING);
        let Transport { route, prepared } = self.transport(&deadline).await?;
        let epoch = session.epoch_if_held();
        let headers = &session.headers;
        let response =
            streamable::get(&route, &prepared, headers, epoch, last_id, &deadline).await?;
        Ok(Stream::new(response, None))
    }

    /// Keeps one subscription open for all that is wanted. When that changes, the new one is
    /// open before the old one ends.
    async fn keep_subscribed(self: &Arc<Self>, session: Arc<Session>) {
        let router = Router { inner: self, session: &session, link: None, talk: None };
        let mut changes = self.wanted.changes();
        let mut stream: Option<Stream> = None;
        let mut wait = FIRST_WAIT;
        let (mut again, mut heard) = (false, false);
        while self.is_present(&session) {
            let generation = *changes.borrow_and_update();
            let Some(filter) = self.filter(&session) else {
                stream = None;
                self.wanted.listened(Honoured::nothing(generation));
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let opened = {
                let mut opening = Box::pin(self.open_subscription(&session, &filter, &router));
                loop {
                    let Some(old) = &mut stream else { break opening.as_mut().await };
                    tokio::select! {
                        opened = &mut opening => break opened,
                        () = old.read(&router) => stream = None,
                    }
                }
            };
            match opened {
                Ok((new, acknowledged)) => {
                    if again && stream.is_none() {
                        // What was said in between is lost: everything may have changed.
                        self.lists_changed();
                        self.updated_perhaps();
                    }
                    (wait, heard, again) = (FIRST_WAIT, true, false);
                    self.wanted.listened(Honoured { generation, acknowledged });
                    stream = Some(new);
                }
                // Who asked for more is told so, and what is open goes on.
                Err(failure) if stream.is_some() || passes(&failure) => {
                    tracing::debug!(connection = %self.config.name, ?failure, "no new subscription");
                    self.wanted.not_listened(generation);
                }
                Err(failure) => {
                    tracing::debug!(connection = %self.config.name, ?failure, "no subscription");
                    self.wanted.listened(Honoured::nothing(u64::MAX));
                    if heard {
                        self.lists_changed();
                    }
                    return;
                }
            }
            if !read_until_change(stream.as_mut(), &router, &mut changes).await {
                (stream, again) = (None, true);
                pause(&mut wait).await;
            }
        }
    }

    async fn open_subscription(
        self: &Arc<Self>,
        session: &Session,
        filter: &Bytes,
        router: &Router<'_>,
    ) -> Result<(Stream, Bytes), Failure> {
        let deadline = Deadline::new(OPENING);
        let Transport { route, prepared } = self.transport(&deadline).await?;
        let id = self.next_id();
        let params = [b"{\"notifications\":", &filter[..], b"}"].concat().into();
        let params = modern::with_meta(&params, session.version, &self.said(None).modern);
        let body = frame::request(&Id::number(id), LISTEN, Some(&params));
        let headers = modern::headers(session.version, LISTEN, None);
        let response = streamable::post(&route, &prepared, &headers, None, body, &deadline).await?;
        if streamable::content_type(&response) != "text/event-stream" {
            return Err(Failure::NotMcp { detail: "it offers no subscriptions".to_owned() });
        }
        let mut stream = Stream::new(response, Some(id));
        loop {
            let first = deadline.run(stream.next()).await;
            let frames = first.map_err(Failure::elapsed("acknowledgement", true))?;
            let ended = || Failure::Broken { detail: "the subscription ended at once".to_owned() };
            let mut acknowledged = None;
            for frame in frames.ok_or_else(ended)? {
                match (frame.kind(), frame.method.as_deref()) {
                    (Kind::Notification, Some(ACKNOWLEDGED)) => {
                        acknowledged = frame.param("notifications");
                        acknowledged.get_or_insert(Bytes::from_static(b"{}"));
                    }
                    (Kind::Response, _) => match frame.error.map(RpcError::from_json) {
                        Some(error) => {
                            let detail = super::said::said(&error.message(), 200);
                            let error = Some(error);
                            return Err(Failure::Status { status: 400, detail, error });
                        }
                        None => return Err(ended()),
                    },
                    // It skipped the acknowledgement: it does what it was asked.
                    _ => {
                        router.message(frame);
                        acknowledged.get_or_insert(filter.clone());
                    }
                }
            }
            if let Some(acknowledged) = acknowledged {
                return Ok((stream, acknowledged));
            }
        }
    }
}

/// Reads until another subscription is needed. False when there is none, or it ended.
async fn read_until_change(
    stream: Option<&mut Stream>,
    router: &Router<'_>,
    changes: &mut watch::Receiver<u64>,
) -> bool {
    let Some(stream) = stream else { return false };
    tokio::select! {
        () = stream.read(router) => false,
        known = changes.changed() => known.is_ok(),
    }
}

impl Session {
    /// True when a modern server says that it can report anything.
    fn has_news(&self) -> bool {
        let says = |path: &[&str]| self.capability(path).is_some_and(|value| value == "true");
        says(&["tools", "listChanged"])
            || says(&["prompts", "listChanged"])
            || says(&["resources", "listChanged"])
            || says(&["resources", "subscribe"])
            || self.offers_tasks()
    }
}
