//! The loopback pages: where a browser comes back to after a consent, and where one begins.
//!
//! Owns the listeners, what they refuse, and how pages look; what a visit means is told by a
//! [`Visitor`] that is given to it. May name `text`, `task` and `secret`. Called by `connect`.
//!
//! A web page of a stranger may send a browser here, under any name that resolves to loopback:
//! so only the own addresses as `Host`, forms only from our own pages, nothing of a request in an
//! answer, no script. A form is answered by a redirect to a page (Post/Redirect/Get), so that
//! nothing is ever sent twice by a reload.

pub mod browser;
mod form;
mod frame;
mod host;
mod html;

pub use form::{Button, ButtonStyle, Field, FieldKind, Form, Sent, WebLink};
pub use html::{Page, Said, Sign};

use self::host::Host;
use crate::{secret::Secret, task::Shutdown};
use futures_util::future::BoxFuture;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// Browsers open a few connections ahead; nobody needs more.
const MAX_CONNECTIONS: usize = 32;
/// How long a browser may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);
/// How long the last answers may take to leave.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What a browser asks for.
#[derive(Debug)]
pub struct Visit {
    /// As it was sent, percent-encoding and all.
    pub path: String,
    /// Of a callback it holds a code, which is as good as a token.
    pub query: Secret<String>,
    /// The form that it brings; `None` for one that only looks.
    pub sent: Option<Sent>,
}

/// What it gets.
#[derive(Debug)]
pub enum Answer {
    Page(Page),
    Form(Box<Form>),
    /// On to this URL, which must be one that a browser may be sent to.
    Redirect(String),
    /// The answer to every form that was taken: on to this path of ours, by a GET.
    See(String),
}

/// Tells what a visit means.
pub trait Visitor: Send + Sync + 'static {
    /// `None` when there is nothing at that path.
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>>;

    /// Whether [`Visit::sent`] is ever looked at; else every form is refused unread.
    fn takes_forms(&self) -> bool {
        false
    }
}

/// Listeners on one port of loopback. They close when this is dropped.
#[derive(Debug)]
pub struct Pages {
    port: u16,
    stop: CancellationToken,
    answers: TaskTracker,
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Pages {
    /// Listens on the first port of `ports` that is free, for IPv4 and, where there is one, IPv6
    /// loopback. 0 is any free port.
    ///
    /// # Errors
    /// When none of them can be had.
    pub async fn open(
        shutdown: &Shutdown,
        ports: &[u16],
        visitor: Arc<dyn Visitor>,
    ) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for port in ports {
            match bind(*port).await {
                Ok((port, listeners)) => {
                    let pages =
                        Self { port, stop: CancellationToken::new(), answers: TaskTracker::new() };
                    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
                    for listener in listeners {
                        let host = Arc::new(Host { port, visitor: Arc::clone(&visitor) });
                        let work = pages.accept(shutdown, listener, host, Arc::clone(&room));
                        shutdown.spawn("pages", work);
                    }
                    return Ok(pages);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes no more visits, and waits a moment for the answers that are on their way.
    pub async fn close(self) {
        self.stop.cancel();
        self.answers.close();
        let _late = tokio::time::timeout(LAST_ANSWERS, self.answers.wait()).await;
    }

    fn accept(
        &self,
        shutdown: &Shutdown,
        listener: TcpListener,
        host: Arc<Host>,
        room: Arc<Semaphore>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (stop, answers, shutdown) = (self.stop.clone(), self.answers.clone(), shutdown.clone());
        let work = async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file handles, mostly: some will come back.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                let (host, token) = (Arc::clone(&host), answers.token());
                shutdown.spawn("page", async move {
                    serve(host, stream, token).await;
                    drop(permit);
                });
            }
        };
        async move {
            let _stopped = stop.run_until_cancelled(work).await;
        }
    }
}

/// One port under both addresses: a browser may take `localhost` for either.
async fn bind(port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = v4.local_addr()?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(v6) => Ok((port, vec![v4, v6])),
        // Somebody else there would get what is meant for us.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => Ok((port, vec![v4])),
    }
}

async fn serve(host: Arc<Host>, stream: TcpStream, _token: TaskTrackerToken) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let host = Arc::clone(&host);
        async move { Ok::<_, Infallible>(host.answer(request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a visit to a page ended early");
    }
}

#[cfg(test)]
mod tests;
