//! Streams of messages, their SSE form, and the task that sends a body in a given shape.

use super::{
    fault::{End, Shape},
    record::{Ended, Ending},
    state::Conn,
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

pub(super) type Body = BoxBody<Bytes, io::Error>;

/// The messages of one stream; may be read from any place in it, more than once.
#[derive(Debug, Default)]
pub(super) struct StreamLog {
    /// What the event ids begin with.
    pub key: String,
    state: Mutex<(Vec<Bytes>, bool)>,
    changed: Notify,
}

impl StreamLog {
    pub(super) fn new(key: String) -> Arc<Self> {
        Arc::new(Self { key, ..Self::default() })
    }

    pub(super) fn push(&self, message: Bytes) {
        self.state.lock().unwrap().0.push(message);
        self.changed.notify_waiters();
    }

    pub(super) fn finish(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_waiters();
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().unwrap().0.len()
    }

    /// The message at `at`, waited for; none at the end of the stream.
    pub(super) async fn get(&self, at: usize) -> Option<Bytes> {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state.lock().unwrap();
                match (state.0.get(at), state.1) {
                    (Some(message), _) => return Some(message.clone()),
                    (None, true) => return None,
                    (None, false) => {}
                }
            }
            changed.await;
        }
    }

    /// The last message, once the stream has ended; none where it has no message.
    pub(super) async fn last(&self) -> Option<Bytes> {
        let mut at = 0;
        while self.get(at).await.is_some() {
            at += 1;
        }
        self.state.lock().unwrap().0.last().cloned()
    }
}

/// `message` as an SSE event: a message of several lines becomes several `data` lines.
pub(super) fn event(message: &[u8], id: Option<&str>) -> Bytes {
    let mut out = BytesMut::new();
    if let Some(id) = id {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    out.extend_from_slice(b"event: message\n");
    for line in message.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
    out.freeze()
}

/// Where the bytes of a body come from. Each piece of an SSE stream is one event.
pub(super) enum Source {
    Whole(Option<Bytes>),
    Repeat { head: Option<Bytes>, unit: Bytes, times: u64, tail: Option<Bytes> },
    Stream(Reader),
}

/// A place in a stream.
pub(super) struct Reader {
    pub log: Arc<StreamLog>,
    pub at: usize,
    pub ids: bool,
    pub opening: Vec<Bytes>,
    /// Cancelled when the client goes away: the work behind the stream may end.
    pub gone: Option<CancellationToken>,
}

impl Source {
    async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => bytes.take(),
            Self::Repeat { head, unit, times, tail } => {
                if head.is_some() || *times == 0 {
                    return head.take().or_else(|| tail.take());
                }
                *times -= 1;
                Some(unit.clone())
            }
            Self::Stream(reader) => {
                if !reader.opening.is_empty() {
                    return Some(reader.opening.remove(0));
                }
                let message = reader.log.get(reader.at).await?;
                let id = reader.ids.then(|| format!("{}-{}", reader.log.key, reader.at));
                reader.at += 1;
                Some(event(&message, id.as_deref()))
            }
        }
    }
}

/// The body that `source` makes, in `shape`; how it ended goes into the record.
pub(super) fn body(source: Source, shape: Option<Shape>, conn: Arc<Conn>, ending: Ending) -> Body {
    let (out, mut pieces) = mpsc::channel::<io::Result<Bytes>>(4);
    let gone = match &source {
        Source::Stream(reader) => reader.gone.clone(),
        _ => None,
    };
    tokio::spawn(async move {
        // The connection was closed by the client, in an idle moment or under our hands.
        let how = tokio::select! {
            how = send(source, shape, &out, &conn) => how,
            () = out.closed() => None,
        };
        match how {
            Some(how) => ending.is(how),
            None => drop(ending),
        }
        if let Some(gone) = gone {
            gone.cancel();
        }
    });
    let pieces = futures_util::stream::poll_fn(move |context| pieces.poll_recv(context));
    let frames = futures_util::StreamExt::map(pieces, |piece| piece.map(Frame::data));
    BodyExt::boxed(StreamBody::new(frames))
}

/// None: the client was gone.
async fn send(
    mut source: Source,
    shape: Option<Shape>,
    out: &mpsc::Sender<io::Result<Bytes>>,
    conn: &Conn,
) -> Option<Ended> {
    let (mut bytes, mut events) = (0, 0);
    loop {
        if let Some(Shape::CutEvents(limit, end)) = shape
            && events == limit
        {
            return cut(end, out, conn).await;
        }
        let Some(mut piece) = source.next().await else { return Some(Ended::Whole) };
        events += 1;
        match shape {
            Some(Shape::HangAfter(limit)) if bytes + piece.len() >= limit => {
                out.send(Ok(piece.split_to(limit - bytes))).await.ok()?;
                std::future::pending::<()>().await;
            }
            Some(Shape::CutBytes(limit, end)) if bytes + piece.len() >= limit => {
                out.send(Ok(piece.split_to(limit - bytes))).await.ok()?;
                return cut(end, out, conn).await;
            }
            Some(Shape::Trickle { bytes: step, every }) => {
                while !piece.is_empty() {
                    out.send(Ok(piece.split_to(step.min(piece.len())))).await.ok()?;
                    tokio::time::sleep(every).await;
                }
            }
            _ => {
                bytes += piece.len();
                out.send(Ok(piece)).await.ok()?;
            }
        }
    }
}

async fn cut(end: End, out: &mpsc::Sender<io::Result<Bytes>>, conn: &Conn) -> Option<Ended> {
    if end != End::Clean {
        // Let the client read what was sent: a reset throws away what is still on its way.
        tokio::time::sleep(Duration::from_millis(20)).await;
        conn.reset.store(end == End::Reset, Ordering::SeqCst);
        out.send(Err(io::Error::other("cut by a fault"))).await.ok()?;
    }
    Some(Ended::Broken)
}
