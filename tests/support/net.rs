//! Sockets: the accept loop with its gate, and connections that can be killed.

use super::{
    server,
    state::{Conn, Shared},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering, mpsc as sync_mpsc},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, watch},
};

/// What happens to new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Refused, and those that were open are closed.
    Refuse,
    /// Made by the kernel, but never taken up.
    Stall,
    /// Not changed; those that are open are closed.
    Drop,
}

/// A change of the gate, and where to say that it is in force.
pub(super) type Order = (Gate, sync_mpsc::Sender<()>);

/// A socket that holds its port and refuses connections, because it does not listen.
pub(super) fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Without it the port is not free again while old connections linger.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    Ok(socket)
}

/// As [`hold`], of a port that was listened to just now: a process that another test starts at
/// this moment has our listener too, until it becomes another program.
async fn hold_again(address: SocketAddr) -> io::Result<TcpSocket> {
    for _ in 0..5000 {
        match hold(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            done => return done,
        }
    }
    hold(address)
}

pub(super) async fn serve(
    shared: Arc<Shared>,
    socket: TcpSocket,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> io::Result<()> {
    let address = socket.local_addr()?;
    let (kill, _) = watch::channel(());
    let mut listener = Some(socket.listen(1024)?);
    let mut held: Option<TcpSocket> = None;
    let mut gate = Gate::Open;
    loop {
        tokio::select! {
            taken = accept(listener.as_ref().filter(|_| gate == Gate::Open)) => {
                if let Ok(stream) = taken {
                    tokio::spawn(connection(Arc::clone(&shared), stream, kill.subscribe()));
                }
            }
            order = orders.recv() => {
                let Some((wanted, done)) = order else { return Ok(()) };
                match wanted {
                    Gate::Drop => kill.send_replace(()),
                    Gate::Refuse => {
                        listener = None;
                        kill.send_replace(());
                        if held.is_none() {
                            held = Some(hold_again(address).await?);
                        }
                    }
                    Gate::Open | Gate::Stall => {
                        if let Some(socket) = held.take() {
                            listener = Some(socket.listen(1024)?);
                        }
                    }
                }
                if wanted != Gate::Drop {
                    gate = wanted;
                }
                let _nobody_waits = done.send(());
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, mut killed: watch::Receiver<()>) {
    // Nagle and delayed ACK together cost 40 ms an answer.
    let _ = stream.set_nodelay(true);
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    let conn = Arc::new(Conn { number, ..Conn::default() });
    let _open = Open::new(&shared);
    let io = TokioIo::new(Socket { stream, conn: Arc::clone(&conn) });
    let service = hyper::service::service_fn(move |request| {
        server::handle(Arc::clone(&shared), Arc::clone(&conn), request)
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(io, service);
    tokio::select! {
        // An error is a client that left, or a fault of ours.
        _ended = http => {}
        _killed = killed.changed() => {}
    }
}

struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open_connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A TCP stream that ends with RST when its connection says so.
struct Socket {
    stream: TcpStream,
    conn: Arc<Conn>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.conn.reset.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.conn.reset.load(Ordering::SeqCst) {
            // A FIN now would be all the client sees.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
