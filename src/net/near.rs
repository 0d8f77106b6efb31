//! HTTP/1.1 to servers on this machine, in clear: the short way.
//!
//! There is no TLS, no proxy and no name to look up, and the round trip is so short that what a
//! general client does beside it is most of the time that a call takes. So a connection has no
//! task of its own here: whoever waits for an answer drives the connection that it comes on. An
//! event of the socket wakes the call itself, and dropping the call closes the connection.

use super::failure::{self, Class};
use crate::task;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{CONTENT_ENCODING, HOST, USER_AGENT},
    response,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    client::conn::http1::{self, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    future::{Future, Ready, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};
use tower_http::decompression::{Decompression, DecompressionBody};
use tower_service::Service;
use url::{Host, Position, Url};

const AGENT: HeaderValue = HeaderValue::from_static(super::AGENT);

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_mins(1);

/// The class of a failure, and a short text for people.
pub(super) type Failed = (Class, String);

/// Sends to servers on this machine; clones share the connections.
#[derive(Clone)]
pub struct Near {
    pool: Arc<Pool>,
    connect_timeout: Duration,
}

impl Near {
    pub(super) fn new(pool: Arc<Pool>, connect_timeout: Duration) -> Self {
        Self { pool, connect_timeout }
    }

    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Failed> {
        let wrong = |what: &str| (Class::Request, what.to_owned());
        if !super::is_near(url) {
            return Err(wrong("cleartext does not leave this machine"));
        }
        let at = &url[Position::BeforeHost..Position::AfterPort];
        let host = HeaderValue::from_str(at).map_err(|_| wrong("its URL has a strange host"))?;
        headers.insert(HOST, host);
        headers.entry(USER_AGENT).or_insert(AGENT);
        let uri = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.map_err(|_| wrong("its URL has a strange path"))?;
        *request.headers_mut() = headers;
        loop {
            let (mut line, is_fresh) = match self.pool.take(at) {
                Some(line) => (line, false),
                // A box for this and the like: a call has room for all that it may await.
                None => (Box::pin(self.connect(url, at)).await?, true),
            };
            let sent = line.send.try_send_request(request);
            match line.drive(sent).await {
                Ok(response) => {
                    let (head, incoming) = response.into_parts();
                    let rest = Rest { incoming, line: Some((line, Arc::clone(&self.pool))) };
                    return Answer::new(head, rest);
                }
                Err(mut error) => match error.take_message() {
                    // The server had closed the connection before anything of this was sent.
                    Some(unsent) if !is_fresh => request = unsent,
                    _ => return Err((Class::Broken, failure::words(&error.into_error()))),
                },
            }
        }
    }

    async fn connect(&self, url: &Url, at: &str) -> Result<Box<Line>, Failed> {
        let connecting = async {
            let stream = open(url).await?;
            stream.set_nodelay(true)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok((send, connection))) => {
                Ok(Box::new(Line { send, connection: Some(connection), at: at.into() }))
            }
            Ok(Err(error)) => Err((Class::Connect, failure::words(&error))),
            Err(_) => Err((Class::ConnectTimeout, failure::LATE.to_owned())),
        }
    }
}

async fn open(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(80);
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return TcpStream::connect((ip, port)).await,
        Some(Host::Ipv6(ip)) => return TcpStream::connect((ip, port)).await,
        Some(Host::Domain(name)) => name,
        None => "",
    };
    let found = tokio::net::lookup_host((name, port)).await?;
    // Whatever else the system says of `localhost`.
    let found: Vec<SocketAddr> = found.filter(|address| address.ip().is_loopback()).collect();
    if found.is_empty() {
        return Err(io::Error::other("dns error"));
    }
    TcpStream::connect(&*found).await
}

/// One connection.
struct Line {
    send: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<Connection<TokioIo<TcpStream>, Full<Bytes>>>,
    /// Host and port.
    at: Box<str>,
}

impl Line {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // What went wrong, if anything, whoever waits for the answer is told; dropping the
            // connection tells them that there is no more to come.
            self.connection = None;
        }
    }

    /// Runs `work`, which waits for nothing but this connection.
    fn poll_work<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        cx: &mut Context<'_>,
    ) -> Poll<T> {
        // Only the connection wakes the work, and it is polled below whenever that may be.
        let mut deaf = Context::from_waker(Waker::noop());
        if let Poll::Ready(done) = work.as_mut().poll(&mut deaf) {
            return Poll::Ready(done);
        }
        self.poll(cx);
        if self.connection.is_some() { work.poll(&mut deaf) } else { work.poll(cx) }
    }

    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| self.poll_work(work.as_mut(), cx)).await
    }
}

/// Connections that nobody uses, by host and port.
#[derive(Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    lines: HashMap<Box<str>, Vec<(Box<Line>, Instant)>>,
    is_swept: bool,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last.
    fn take(&self, at: &str) -> Option<Box<Line>> {
        let (line, since) = self.idle().lines.get_mut(at)?.pop()?;
        (since.elapsed() < IDLE).then_some(line)
    }

    fn put(self: &Arc<Self>, mut line: Box<Line>) {
        if !line.send.is_ready() {
            // It looks for the end of the answer, which is usually here.
            line.poll(&mut Context::from_waker(Waker::noop()));
        }
        if line.connection.is_none() || !line.send.is_ready() {
            return;
        }
        let mut idle = self.idle();
        let is_swept = std::mem::replace(&mut idle.is_swept, true);
        let since = Instant::now();
        match idle.lines.get_mut(&line.at) {
            Some(lines) => lines.push((line, since)),
            None => {
                let _new = idle.lines.insert(line.at.clone(), vec![(line, since)]);
            }
        }
        drop(idle);
        if !is_swept {
            sweep(Arc::downgrade(self));
        }
    }
}

/// Closes what was idle for too long, for as long as anything is idle.
fn sweep(pool: Weak<Pool>) {
    task::brief("idle connections", 2 * IDLE, async move {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        idle.lines.retain(|_, lines| {
            lines.retain(|(_, since)| since.elapsed() < IDLE);
            !lines.is_empty()
        });
        idle.is_swept = !idle.lines.is_empty();
        let goes_on = idle.is_swept;
        drop(idle);
        if goes_on {
            sweep(Arc::downgrade(&pool));
        }
    });
}

/// An answer whose body is still to be read.
pub struct Answer {
    pub(super) head: response::Parts,
    body: Body,
}

enum Body {
    Plain(Rest),
    Decoded(Pin<Box<DecompressionBody<Rest>>>),
}

impl Answer {
    fn new(head: response::Parts, mut rest: Rest) -> Result<Self, Failed> {
        rest.release_at_end();
        if !head.headers.contains_key(CONTENT_ENCODING) {
            return Ok(Self { head, body: Body::Plain(rest) });
        }
        // We asked for none: on this machine it costs more than it saves. Some do it all the same.
        let answer = http::Response::from_parts(head, rest);
        let decoded = Decompression::new(Given(Some(answer))).call(Request::new(()));
        let decoded = decoded.now_or_never().unwrap_or(Err((Class::Broken, String::new())));
        let (head, body) = decoded?.into_parts();
        Ok(Self { head, body: Body::Decoded(Box::pin(body)) })
    }

    /// The length of the body, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.body {
            Body::Plain(rest) => rest.incoming.size_hint().exact(),
            Body::Decoded(_) => None,
        }
    }

    /// The next part of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            let frame = match &mut self.body {
                Body::Plain(rest) => {
                    rest.frame().await.map(|frame| frame.map_err(|e| failure::words(&e)))
                }
                Body::Decoded(body) => {
                    let frame = body.as_mut().frame().await;
                    frame.map(|frame| frame.map_err(|e| failure::words(&*e)))
                }
            };
            match frame {
                None => return Ok(None),
                Some(Err(detail)) => return Err(detail),
                // Trailers are of no use to us.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// The rest of an answer, and the connection that it comes on until its end.
struct Rest {
    incoming: Incoming,
    line: Option<(Box<Line>, Arc<Pool>)>,
}

impl Rest {
    /// Gives the connection back once everything of the answer is here.
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some((line, pool)) = self.line.take() {
            pool.put(line);
        }
    }
}

impl hyper::body::Body for Rest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming, line } = &mut *self;
        let Some((line, _)) = line else { return Poll::Ready(None) };
        let frame = ready!(line.poll_work(pin!(incoming.frame()), cx));
        match &frame {
            Some(Ok(_)) => self.release_at_end(),
            Some(Err(_)) => self.line = None,
            None => self.release(),
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A service that has one answer: what decodes bodies wants to be around one.
struct Given(Option<http::Response<Rest>>);

impl Service<Request<()>> for Given {
    type Response = http::Response<Rest>;
    type Error = Failed;
    type Future = Ready<Result<Self::Response, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(self.0.take().ok_or((Class::Broken, String::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Shutdown;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    fn near() -> Near {
        Near::new(Arc::default(), Duration::from_secs(5))
    }

    async fn asked(near: &Near, url: &Url) -> Result<String, Failed> {
        let mut answer = near.send(Method::GET, url, HeaderMap::new(), Bytes::new()).await?;
        let mut text = String::new();
        while let Some(chunk) = answer.chunk().await.map_err(|detail| (Class::Broken, detail))? {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        Ok(text)
    }

    /// Answers `per` requests a connection, each with the number of the connection and its own.
    async fn server(per: usize) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a?b", listener.local_addr().unwrap());
        Shutdown::new().spawn("server", async move {
            for connection in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                for request in 0..per {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { break };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
                    assert!(head.contains("host: 127.0.0.1:") && head.contains("user-agent: allmcp/"));
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{connection}\r\n1\r\n{request}\r\n0\r\n\r\n"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_one_that_was_closed_meanwhile_is_no_failure() {
        let (near, url) = (near(), server(2).await);
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(asked(&near, &url).await.unwrap());
            // The server closes after two.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(answers, ["00", "01", "10", "11", "20"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_is_closed_after_a_while() {
        let pool = Arc::new(Pool::default());
        let near = Near::new(Arc::clone(&pool), Duration::from_secs(5));
        asked(&near, &server(2).await).await.unwrap();
        assert_eq!(pool.idle().lines.len(), 1);
        tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
        assert!(pool.idle().lines.is_empty() && !pool.idle().is_swept);
    }

    #[tokio::test]
    async fn cleartext_stays_on_this_machine_and_silence_is_broken() {
        let error = asked(&near(), &"http://192.0.2.1/".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.0, Class::Request);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let near = near();
        let (answer, ()) = tokio::join!(asked(&near, &url), hang_up);
        assert_eq!(answer.unwrap_err().0, Class::Broken);
        drop(listener);
        let refused = asked(&near, &url).await.unwrap_err();
        assert_eq!(refused, (Class::Connect, "connection refused".to_owned()));
    }
}
