//! Standard input and output as the fastest thing that they can be.
//!
//! Where they are pipes or Unix sockets they are read and written without threads; everything
//! else gets one thread per direction.

use super::{input::Input, outbox::Sink};
use std::io;

/// The client's bytes, the way back, and what undoes our changes to both when it is dropped.
pub(super) fn open() -> io::Result<(Input, Sink, Restore)> {
    #[cfg(unix)]
    if let Some(open) = unix::open_standard() {
        return Ok(open);
    }
    Ok((Input::on_thread(io::stdin())?, Sink::on_thread(stdout())?, Restore::default()))
}

#[expect(clippy::disallowed_methods, reason = "in serve, stdout is the protocol, written here")]
fn stdout() -> io::Stdout {
    io::stdout()
}

/// Puts the streams back as they were: the file descriptions are shared with our parent.
#[derive(Default)]
pub(super) struct Restore {
    #[cfg(unix)]
    _flags: Vec<unix::Flags>,
}

/// Ends when the system or the user wants us to stop.
pub(super) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let both = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut terminate), Ok(mut interrupt)) = both else {
            tracing::warn!("signals cannot be caught; they end the process at once");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(unix)]
mod unix {
    use super::{Input, Restore, Sink, stdout};
    use rustix::{
        fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat},
        net::{AddressFamily, getsockname},
    };
    use std::{
        io,
        os::fd::{AsFd, BorrowedFd, OwnedFd},
        os::unix::net::UnixStream as StdStream,
    };
    use tokio::net::{UnixStream, unix::pipe};

    /// The flags of one file description before we touched it.
    pub(super) struct Flags(OwnedFd, OFlags);

    impl Flags {
        fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
            Ok(Self(fd.try_clone_to_owned()?, fcntl_getfl(fd)?))
        }
    }

    impl Drop for Flags {
        fn drop(&mut self) {
            // Nothing is left that could be told of a failure.
            let _ = fcntl_setfl(&self.0, self.1);
        }
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Shape {
        Pipe,
        Socket,
    }

    /// `None` where threads have to do it.
    pub(super) fn open_standard() -> Option<(Input, Sink, Restore)> {
        let (stdin, stdout, stderr) = (io::stdin(), stdout(), io::stderr());
        open(stdin.as_fd(), stdout.as_fd(), stderr.as_fd())
    }

    /// Not blocking is a property of the open file, not of our descriptor: where standard error
    /// is the same open file, what people read there would get lost.
    pub(super) fn open(
        stdin: BorrowedFd<'_>,
        stdout: BorrowedFd<'_>,
        stderr: BorrowedFd<'_>,
    ) -> Option<(Input, Sink, Restore)> {
        if same(stdin, stderr) || same(stdout, stderr) {
            return None;
        }
        let shapes = (shape(stdin)?, shape(stdout)?);
        let before = Restore { _flags: vec![Flags::of(stdin).ok()?, Flags::of(stdout).ok()?] };
        let from = stdin.try_clone_to_owned().ok()?;
        let input: Input = match shapes.0 {
            Shape::Pipe => Input::Async(Box::new(pipe::Receiver::from_owned_fd(from).ok()?)),
            Shape::Socket => Input::Async(Box::new(socket(from)?)),
        };
        let to = stdout.try_clone_to_owned().ok()?;
        let sink = match shapes.1 {
            Shape::Pipe => {
                #[cfg(any(target_os = "linux", target_os = "android"))]
                widen(&to);
                Sink::Async(Box::new(pipe::Sender::from_owned_fd(to).ok()?))
            }
            Shape::Socket => Sink::Async(Box::new(socket(to)?)),
        };
        Some((input, sink, before))
    }

    /// Room for a long answer in one write: a pipe has 64 KiB, and the rest of an answer would
    /// wait until the client has woken up and read. Where the system has no room to give, the
    /// pipe stays as it is.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn widen(pipe: &OwnedFd) {
        const ROOM: usize = 1 << 20;
        if rustix::pipe::fcntl_getpipe_size(pipe).is_ok_and(|room| room < ROOM) {
            let _as_it_is = rustix::pipe::fcntl_setpipe_size(pipe, ROOM);
        }
    }

    fn socket(fd: OwnedFd) -> Option<UnixStream> {
        let socket = StdStream::from(fd);
        socket.set_nonblocking(true).ok()?;
        UnixStream::from_std(socket).ok()
    }

    fn shape(fd: BorrowedFd<'_>) -> Option<Shape> {
        match FileType::from_raw_mode(fstat(fd).ok()?.st_mode) {
            FileType::Fifo => Some(Shape::Pipe),
            FileType::Socket => {
                let name = getsockname(fd).ok()?;
                (name.address_family() == AddressFamily::UNIX).then_some(Shape::Socket)
            }
            _ => None,
        }
    }

    /// True for one file, opened once or twice; unsure counts as the same.
    fn same(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
        match (fstat(a), fstat(b)) {
            (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
            _ => true,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use bytes::BytesMut;
        use std::io::{Read as _, Write as _};

        fn blocks(fd: impl AsFd) -> bool {
            !fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
        }

        #[tokio::test]
        async fn pipes_are_used_without_threads_and_left_as_they_were() {
            let (stdin, mut client_out) = io::pipe().unwrap();
            let (mut client_in, stdout) = io::pipe().unwrap();
            let stderr = tempfile::tempfile().unwrap();
            let (mut input, sink, restore) =
                open(stdin.as_fd(), stdout.as_fd(), stderr.as_fd()).unwrap();
            assert!(!blocks(&stdin) && !blocks(&stdout));
            client_out.write_all(b"hello").unwrap();
            let mut buffer = BytesMut::new();
            assert_eq!(input.fill(&mut buffer).await.unwrap(), 5);
            let (outbox, writer) = crate::serve::outbox::queue();
            outbox.send(bytes::Bytes::from_static(b"world")).await;
            outbox.close().await;
            writer.run(sink).await.unwrap();
            drop((input, restore));
            assert!(blocks(&stdin) && blocks(&stdout));
            drop(stdout);
            let mut text = String::new();
            client_in.read_to_string(&mut text).unwrap();
            assert_eq!(text, "world\n");
        }

        #[tokio::test]
        async fn sockets_are_used_without_threads_and_left_as_they_were() {
            let (ours, mut client) = StdStream::pair().unwrap();
            let stderr = tempfile::tempfile().unwrap();
            let (mut input, _sink, restore) =
                open(ours.as_fd(), ours.as_fd(), stderr.as_fd()).unwrap();
            client.write_all(b"hello").unwrap();
            assert_eq!(input.fill(&mut BytesMut::new()).await.unwrap(), 5);
            drop((input, restore));
            assert!(blocks(&ours), "one open file on both sides");
        }

        #[tokio::test]
        async fn files_and_a_shared_standard_error_need_threads() {
            let (stdin, _a) = io::pipe().unwrap();
            let (_b, stdout) = io::pipe().unwrap();
            let file = tempfile::tempfile().unwrap();
            assert!(open(stdin.as_fd(), stdout.as_fd(), stdout.as_fd()).is_none());
            assert!(open(file.as_fd(), stdout.as_fd(), stdin.as_fd()).is_none());
            assert!(blocks(&stdin) && blocks(&stdout));
        }
    }
}
