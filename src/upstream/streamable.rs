//! One exchange over the Streamable HTTP transport: a POST, and its answer as JSON or SSE.

use super::{
    deadline::{Deadline, Elapsed, Pace},
    failure::Failure,
    refusal::{not_mcp, refusal},
    said::said,
};
use crate::{
    auth::Prepared,
    net::{self, Response, Route},
    wire::{
        Frame, Id, Kind, Message, RpcError,
        frame::FrameError,
        sse::{Decoder, Event},
    },
};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, LOCATION},
};
use std::{borrow::Cow, time::Duration};

/// Longest message that is taken from an upstream, in bytes, counted after decompression.
pub(super) const MAX_MESSAGE: usize = 16 * 1024 * 1024;
const MAX_REDIRECTS: usize = 3;
/// Most that the headers of an answer may have, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a POST of a request brought.
#[derive(Debug)]
pub(super) enum Answer {
    Result(Bytes),
    Error(RpcError),
}

/// Where messages go that are not the answer: notifications, and requests of the server.
pub(super) trait Incoming: Sync {
    fn message(&self, frame: Frame);
}

/// Sends `body` and returns a response with a success status.
///
/// `own` are the headers of this hop (session, version, method); they win over the configured
/// ones. `epoch` names the session that they belong to, if any.
pub(super) async fn post(
    route: &Route,
    prepared: &Prepared,
    own: &HeaderMap,
    epoch: Option<u64>,
    body: Bytes,
    deadline: &Deadline,
) -> Result<Response, Failure> {
    let headers = || {
        let mut headers = head(prepared, own, BOTH);
        headers.insert(CONTENT_TYPE, JSON);
        headers
    };
    let response = follow(route, prepared, Method::POST, headers, Some(body), deadline).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    // A box for this and the like: a call has room for all that it may await.
    Err(Box::pin(refusal(response, prepared.generation, epoch, deadline)).await)
}

/// Opens the stream for messages that belong to no request, or resumes one after `last_id`.
pub(super) async fn get(
    route: &Route,
    prepared: &Prepared,
    own: &HeaderMap,
    epoch: Option<u64>,
    last_id: Option<&str>,
    deadline: &Deadline,
) -> Result<Response, Failure> {
    let headers = || {
        let mut headers = head(prepared, own, EVENTS);
        if let Some(id) = last_id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
            headers.insert(LAST_EVENT_ID, id);
        }
        headers
    };
    let response = follow(route, prepared, Method::GET, headers, None, deadline).await?;
    if !response.status().is_success() {
        return Err(Box::pin(refusal(response, prepared.generation, epoch, deadline)).await);
    }
    if content_type(&response) != "text/event-stream" {
        return Err(Box::pin(not_mcp(response, deadline)).await);
    }
    Ok(response)
}

/// Ends the session at the server.
pub(super) async fn delete(
    route: &Route,
    prepared: &Prepared,
    own: &HeaderMap,
    deadline: &Deadline,
) -> Result<(), Failure> {
    let headers = || head(prepared, own, BOTH);
    follow(route, prepared, Method::DELETE, headers, None, deadline).await.map(drop)
}

fn head(prepared: &Prepared, own: &HeaderMap, accept: HeaderValue) -> HeaderMap {
    let mut headers = prepared.headers.clone();
    // What the client adds finds room too.
    headers.reserve(own.len() + 8);
    headers.insert(ACCEPT, accept);
    for (name, value) in own {
        headers.insert(name, value.clone());
    }
    headers
}

/// Sends, and follows redirects that stay on the origin and keep the method (307, 308).
async fn follow(
    route: &Route,
    prepared: &Prepared,
    method: Method,
    headers: impl Fn() -> HeaderMap,
    body: Option<Bytes>,
    deadline: &Deadline,
) -> Result<Response, Failure> {
    let mut moved_to = None;
    for _ in 0..=MAX_REDIRECTS {
        let url = moved_to.as_ref().unwrap_or(prepared.url.expose());
        let response = deadline
            .run(route.send(method.clone(), url, headers(), body.clone()))
            .await
            .map_err(Failure::elapsed("answer", true))?
            .map_err(|failed| match failed {
                (net::Class::Connect, detail) => Failure::NotSent { detail, timed_out: false },
                (net::Class::ConnectTimeout, detail) => {
                    Failure::NotSent { detail, timed_out: true }
                }
                (net::Class::Broken, detail) => Failure::Broken { detail },
                (net::Class::Request, detail) => Failure::NotMcp { detail },
            })?;
        let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        if response.headers().iter().map(size).sum::<usize>() > MAX_HEADERS {
            let detail = format!("the headers of its answer are larger than {MAX_HEADERS} bytes");
            return Err(Failure::TooLarge { detail });
        }
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|to| url.join(to.to_str().ok()?).ok())
            .ok_or_else(|| Failure::NotMcp { detail: "a redirect to nowhere".to_owned() })?;
        let shown = said(&crate::secret::RedactedUrl::new(target.clone()).to_string(), 400);
        if !net::same_origin(url, &target) {
            return Err(Failure::NotMcp {
                detail: format!(
                    "it redirects to another origin, {shown}; connect that URL if you trust it"
                ),
            });
        }
        let keeps = matches!(response.status().as_u16(), 307 | 308);
        if !keeps {
            let status = response.status();
            return Err(Failure::NotMcp {
                detail: format!(
                    "it has moved to {shown} (HTTP {}); connect that URL",
                    status.as_u16()
                ),
            });
        }
        moved_to = Some(target);
    }
    Err(Failure::NotMcp { detail: format!("more than {MAX_REDIRECTS} redirects") })
}

/// Reads the answer to request `id` out of a response.
pub(super) async fn answer(
    response: Response,
    id: u64,
    deadline: &Deadline,
    incoming: &dyn Incoming,
) -> Result<Answer, (Failure, Option<Resume>)> {
    match &*content_type(&response) {
        "text/event-stream" => events(response, id, deadline, incoming).await,
        "application/json" => {
            let body = body(response, MAX_MESSAGE, deadline).await.map_err(|f| (f, None))?;
            json(body, id, incoming).await.map_err(|f| (f, None))
        }
        _ => Err((Box::pin(not_mcp(response, deadline)).await, None)),
    }
}

async fn json(body: Bytes, id: u64, incoming: &dyn Incoming) -> Result<Answer, Failure> {
    // Not valid in JSON, and written all the same (RFC 8259, 8.1).
    let body = if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body };
    let start = body.slice(..body.len().min(8 * 1024));
    let not_json = |detail: String| Failure::NotMcp {
        detail: format!("{detail}: {:?}", said(&String::from_utf8_lossy(&start), 80)),
    };
    let foreign = || not_json("the answer belongs to another request".to_owned());
    let message = Message::read(body).await;
    let message = message.map_err(|error| not_json(format!("the answer is {error}")))?;
    let all = match message {
        Message::Single(frame) => {
            let answer = sort(frame, id, incoming, true);
            return answer.ok_or_else(foreign);
        }
        all @ Message::Batch(_) => frames(all),
    };
    let mut found = None;
    for frame in all {
        if let Some(answer) = sort(frame, id, incoming, true) {
            found.get_or_insert(answer);
        }
    }
    found.ok_or_else(foreign)
}

/// The answer if `frame` is one to request `id`; everything else goes to `incoming`. In a JSON
/// body an error without an id can only be about this request.
fn sort(frame: Frame, id: u64, incoming: &dyn Incoming, only: bool) -> Option<Answer> {
    if frame.kind() != Kind::Response {
        incoming.message(frame);
        return None;
    }
    let ours = match &frame.id {
        Some(theirs) => *theirs == Id::number(id),
        None => only && frame.error.is_some(),
    };
    if !ours {
        // Unknown, late or double: never given to another request.
        tracing::debug!(id = ?frame.id, "dropped an answer to no request of this stream");
        return None;
    }
    match (frame.error, frame.result) {
        (Some(error), _) => Some(Answer::Error(RpcError::from_json(error))),
        (None, Some(result)) => Some(Answer::Result(result)),
        (None, None) => None,
    }
}

/// Reads events until the answer. On failure also the id to resume after, where there is one.
pub(super) async fn events(
    mut response: Response,
    id: u64,
    deadline: &Deadline,
    incoming: &dyn Incoming,
) -> Result<Answer, (Failure, Option<Resume>)> {
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut pace = Pace::new();
    // What an event was that is no message: perhaps the answer.
    let mut odd = String::new();
    loop {
        while let Some(event) = decoder
            .next_event()
            .map_err(|large| (Failure::TooLarge { detail: large.to_string() }, None))?
        {
            let message = match message(event).await {
                Ok(message) => message,
                Err(error) => {
                    odd = format!("; an event of it is {error}");
                    continue;
                }
            };
            for frame in message.into_iter().flat_map(frames) {
                if let Some(answer) = sort(frame, id, incoming, false) {
                    release(response);
                    return Ok(answer);
                }
            }
        }
        if !decoder.is_mid_event() {
            pace.rest();
        }
        match part(&mut response, &mut pace, decoder.is_mid_event(), deadline).await {
            Ok(Some(chunk)) => decoder.push(chunk),
            Ok(None) => {
                let detail = format!("the stream ended without an answer{odd}");
                return Err((Failure::Broken { detail }, resume(&decoder)));
            }
            Err(failure) => {
                let at = matches!(failure, Failure::Broken { .. }).then(|| resume(&decoder));
                return Err((failure, at.flatten()));
            }
        }
    }
}

/// Where a stream that broke can be taken up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) last_id: Box<str>,
    /// The pause that the server asked for (SEP-1699).
    pub(super) wait: Duration,
}

fn resume(decoder: &Decoder) -> Option<Resume> {
    let last_id = decoder.last_id.clone()?;
    Some(Resume { last_id, wait: decoder.retry.unwrap_or_default() })
}

/// The message of an event; none where it is of another kind or empty.
pub(super) async fn message(event: Event) -> Result<Option<Message>, FrameError> {
    if event.name.is_some() || event.data.is_empty() {
        return Ok(None);
    }
    let read = Message::read(event.data).await;
    if let Err(error) = &read {
        // Not a warning: a server can send any number of them.
        tracing::debug!(%error, "an event that is not a message was passed over");
    }
    read.map(Some)
}

/// The messages of a batch (2025-03-26), or the one.
pub(super) fn frames(message: Message) -> Vec<Frame> {
    match message {
        Message::Single(frame) => vec![frame],
        Message::Batch(all) => all.into_iter().flatten().collect(),
    }
}

/// Waits for the next part of a body. `owed` says that the peer is in the middle of something.
pub(super) async fn part(
    response: &mut Response,
    pace: &mut Pace,
    owed: bool,
    deadline: &Deadline,
) -> Result<Option<Bytes>, Failure> {
    let stalled =
        || Failure::TimedOut { detail: "the answer stopped in the middle".to_owned(), sent: true };
    let next = async {
        if owed {
            let within = pace.left();
            tokio::time::timeout(within, response.chunk()).await.map_err(|_| stalled())
        } else {
            Ok(response.chunk().await)
        }
    };
    let chunk = deadline
        .run(next)
        .await
        .map_err(Failure::elapsed("whole answer", true))??
        .map_err(|detail| Failure::Broken { detail })?;
    if let Some(chunk) = &chunk
        && !pace.moved(chunk.len())
        && owed
    {
        return Err(stalled());
    }
    Ok(chunk)
}

/// Reads a whole body of at most `max` bytes.
pub(super) async fn body(
    mut response: Response,
    max: usize,
    deadline: &Deadline,
) -> Result<Bytes, Failure> {
    let too_large =
        || Failure::TooLarge { detail: format!("the answer is larger than {max} bytes") };
    let expected = response.content_length().and_then(|n| usize::try_from(n).ok());
    if expected.is_some_and(|n| n > max) {
        return Err(too_large());
    }
    let mut pace = Pace::new();
    let mut whole = BytesMut::new();
    while let Some(chunk) = part(&mut response, &mut pace, true, deadline).await? {
        if whole.is_empty() && expected == Some(chunk.len()) {
            return Ok(chunk);
        }
        if whole.len() + chunk.len() > max {
            return Err(too_large());
        }
        whole.reserve(chunk.len().max(expected.unwrap_or(0).saturating_sub(whole.len())));
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Lets the connection go back to the pool: the end of the stream is usually already here.
fn release(mut response: Response) {
    use futures_util::FutureExt as _;
    // An SSE stream that stays open after its answer is closed by dropping it, which costs a
    // connection; the common server ends the stream in the same write.
    for _ in 0..4 {
        match response.chunk().now_or_never() {
            Some(Ok(Some(_))) => {}
            Some(Ok(None) | Err(_)) => return,
            None => break,
        }
    }
    crate::task::brief("drain", Duration::from_millis(500), async move {
        while let Ok(Some(_)) = response.chunk().await {}
    });
}

/// The media type in lower case, without its parameters.
pub(super) fn content_type(response: &Response) -> Cow<'_, str> {
    let value = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let kind = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(kind.to_ascii_lowercase())
    } else {
        Cow::Borrowed(kind)
    }
}

/// Turns an elapsed deadline into the failure of a request that had left.
impl From<Elapsed> for Failure {
    fn from(_: Elapsed) -> Self {
        Self::TimedOut { detail: "no answer within the time".to_owned(), sent: true }
    }
}
