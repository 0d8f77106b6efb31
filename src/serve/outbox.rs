//! Everything that is written to the client goes through here: one queue, one writer.

use bytes::Bytes;
use std::io::{self, IoSlice, Write as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
};

/// Messages that wait for the writer; whoever has one more waits for a place.
const PLACES: usize = 64;

/// The way to the client; clones share it.
#[derive(Clone)]
pub(super) struct Outbox(mpsc::Sender<Item>);

enum Item {
    Line(Outgoing),
    /// Nothing comes after it.
    Close,
}

/// A message without its line break; what is long comes in parts, because it is not copied.
#[derive(Debug)]
pub(super) enum Outgoing {
    Whole(Bytes),
    Parts([Bytes; 3]),
}

impl From<Bytes> for Outgoing {
    fn from(line: Bytes) -> Self {
        Self::Whole(line)
    }
}

impl Outgoing {
    pub(super) fn parts(&self) -> &[Bytes] {
        match self {
            Self::Whole(line) => std::slice::from_ref(line),
            Self::Parts(parts) => parts,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts().iter().map(Bytes::len).sum()
    }
}

/// The other end, for the one writer.
pub(super) struct Writer(mpsc::Receiver<Item>);

/// Where the writer writes to.
pub(super) enum Sink {
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has pipes that do not block"))]
    Async(Box<dyn AsyncWrite + Send + Unpin>),
    /// A thread that writes what it is sent and says how it went.
    Thread(mpsc::Sender<(Vec<Bytes>, oneshot::Sender<io::Result<()>>)>),
}

pub(super) fn queue() -> (Outbox, Writer) {
    let (send, receive) = mpsc::channel(PLACES);
    (Outbox(send), Writer(receive))
}

impl Outbox {
    /// Queues one message; waits while the client does not read.
    pub(super) async fn send(&self, line: impl Into<Outgoing>) {
        // Without a writer there is no client to tell anything.
        let _gone = self.0.send(Item::Line(line.into())).await;
    }

    /// Queues one message where there is a place: for what a client can do without.
    pub(super) fn offer(&self, line: Bytes) {
        let _full = self.0.try_send(Item::Line(line.into()));
    }

    /// Ends the writer after everything that is queued.
    pub(super) async fn close(&self) {
        let _gone = self.0.send(Item::Close).await;
    }
}

impl Writer {
    /// Writes until the queue is closed or the client is gone; what is ready goes out together.
    pub(super) async fn run(mut self, mut sink: Sink) -> io::Result<()> {
        let mut items = Vec::new();
        let mut parts = Vec::new();
        loop {
            if self.0.recv_many(&mut items, PLACES).await == 0 {
                return Ok(());
            }
            let mut last = false;
            for item in items.drain(..) {
                match item {
                    Item::Line(line) if !last => {
                        match line {
                            Outgoing::Whole(line) => parts.push(line),
                            Outgoing::Parts(all) => parts.extend(all),
                        }
                        parts.push(Bytes::from_static(b"\n"));
                    }
                    Item::Line(_) => {}
                    Item::Close => last = true,
                }
            }
            if !parts.is_empty() {
                sink.write(&mut parts).await?;
            }
            if last {
                return Ok(());
            }
        }
    }
}

impl Sink {
    async fn write(&mut self, parts: &mut Vec<Bytes>) -> io::Result<()> {
        match self {
            Self::Async(out) => {
                write_all(out, parts).await?;
                parts.clear();
                out.flush().await
            }
            Self::Thread(thread) => {
                let (done, wait) = oneshot::channel();
                let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
                thread.send((std::mem::take(parts), done)).await.map_err(|_| gone())?;
                wait.await.map_err(|_| gone())?
            }
        }
    }

    /// A sink that writes on a thread of its own, for outputs that only know how to block.
    pub(super) fn on_thread(mut out: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (send, mut receive) = mpsc::channel::<(Vec<Bytes>, oneshot::Sender<io::Result<()>>)>(1);
        crate::task::detached_thread("stdout", move || {
            while let Some((parts, done)) = receive.blocking_recv() {
                // One write for small messages, no copy of long ones.
                let mut buffered = io::BufWriter::with_capacity(64 * 1024, &mut out);
                let written = parts.iter().try_for_each(|part| buffered.write_all(part));
                let written = written.and_then(|()| buffered.flush());
                // What a failed write left in the buffer has no reader either.
                let _rest = buffered.into_parts();
                let _gone = done.send(written);
            }
        })?;
        Ok(Self::Thread(send))
    }
}

async fn write_all(out: &mut (impl AsyncWrite + Unpin), parts: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut left = &mut slices[..];
    while !left.is_empty() {
        let n = out.write_vectored(left).await?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, n);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn lines_come_out_in_order_and_whole() {
        let (outbox, writer) = queue();
        let (mut client, server) = tokio::io::duplex(16);
        let long = Bytes::from(vec![b'x'; 1000]);
        let lines = async {
            outbox.send(Bytes::from_static(b"a")).await;
            outbox
                .send(Outgoing::Parts([long.slice(..1), long.slice(1..999), long.slice(999..)]))
                .await;
            outbox.close().await;
            outbox.send(Bytes::from_static(b"late")).await;
        };
        let mut text = String::new();
        let (written, (), read) = tokio::join!(
            writer.run(Sink::Async(Box::new(server))),
            lines,
            client.read_to_string(&mut text)
        );
        written.unwrap();
        read.unwrap();
        assert_eq!(text, format!("a\n{}\n", "x".repeat(1000)));
    }

    #[tokio::test]
    async fn a_client_that_is_gone_ends_the_writer() {
        let (outbox, writer) = queue();
        let (client, server) = tokio::io::duplex(16);
        drop(client);
        outbox.send(Bytes::from_static(b"a")).await;
        let error = writer.run(Sink::Async(Box::new(server))).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        outbox.send(Bytes::from_static(b"into the void")).await;
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_thread_writes_the_same() {
        let kept = Kept::default();
        let (outbox, writer) = queue();
        for line in ["a", "b"] {
            outbox.send(Bytes::from_static(line.as_bytes())).await;
        }
        outbox.close().await;
        writer.run(Sink::on_thread(kept.clone()).unwrap()).await.unwrap();
        assert_eq!(&*kept.0.lock().unwrap(), b"a\nb\n");
    }
}
