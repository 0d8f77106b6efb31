//! What the client writes, however its end of the pipe is made.

use bytes::{Bytes, BytesMut};
use std::io::{self, Read};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
};

/// Room that a read has at least.
const ROOM: usize = 16 * 1024;

/// Where the client's bytes come from.
pub(super) enum Input {
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has pipes that do not block"))]
    Async(Box<dyn AsyncRead + Send + Unpin>),
    /// A thread that reads and blocks.
    Thread(mpsc::Receiver<io::Result<Bytes>>),
}

impl Input {
    /// Appends what there is to `buffer`; 0 when there is nothing more to come. May be dropped
    /// and called again.
    pub(super) async fn fill(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Async(from) => {
                // A long message gets room in steps that grow with it.
                buffer.reserve(ROOM.max(buffer.len().min(1 << 20)));
                from.read_buf(buffer).await
            }
            Self::Thread(from) => match from.recv().await {
                None => Ok(0),
                Some(chunk) => {
                    let chunk = chunk?;
                    buffer.extend_from_slice(&chunk);
                    Ok(chunk.len())
                }
            },
        }
    }

    /// An input that is read on a thread of its own, for files and terminals.
    pub(super) fn on_thread(mut from: impl Read + Send + 'static) -> io::Result<Self> {
        let (send, receive) = mpsc::channel(4);
        crate::task::detached_thread("stdin", move || {
            let mut chunk = vec![0; 4 * ROOM];
            loop {
                let read = from.read(&mut chunk).map(|n| Bytes::copy_from_slice(&chunk[..n]));
                let last = !read.as_ref().is_ok_and(|bytes| !bytes.is_empty());
                let again = matches!(&read, Err(e) if e.kind() == io::ErrorKind::Interrupted);
                if again {
                    continue;
                }
                if send.blocking_send(read).is_err() || last {
                    return;
                }
            }
        })?;
        Ok(Self::Thread(receive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_reads_to_the_end() {
        let mut input = Input::on_thread(io::Cursor::new(vec![b'x'; 200_000])).unwrap();
        let mut buffer = BytesMut::new();
        while input.fill(&mut buffer).await.unwrap() > 0 {}
        assert_eq!(buffer.len(), 200_000);
        assert_eq!(input.fill(&mut buffer).await.unwrap(), 0);
    }
}
