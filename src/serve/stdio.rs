//! Serving one client over standard input and output, from its first message to the end.

use super::{
    Options,
    conversation::Conversation,
    input::Input,
    outbox::{self, Sink},
    streams,
};
use crate::{hub::Hub, task::Shutdown, wire::lines::Lines};
use std::{io, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long calls in flight may go on after the client has closed its end.
const AFTER_EOF: Duration = Duration::from_secs(5);

/// The same after a signal; with the closing of sessions it stays within two seconds.
const AFTER_SIGNAL: Duration = Duration::from_millis(800);

/// How long the client may take to read the last answers.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Why serving ended; none of them is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client closed its end.
    Eof,
    /// We were told to stop.
    Signal,
    /// The client does not read any more.
    Gone,
}

/// Serves on this process's standard input and output until the client leaves or a signal comes.
pub async fn run(hub: &Hub, shutdown: &Shutdown, options: &Options) -> io::Result<Ended> {
    let (input, sink, _restore) = streams::open()?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    shutdown.spawn("signals", async move {
        streams::told_to_stop().await;
        told.cancel();
    });
    Ok(serve(input, sink, hub, shutdown, options, stop).await)
}

/// [`run`] on any pair of streams, until `stop` is cancelled.
pub(super) async fn serve(
    input: Input,
    sink: Sink,
    hub: &Hub,
    shutdown: &Shutdown,
    options: &Options,
    stop: CancellationToken,
) -> Ended {
    let (outbox, writer) = outbox::queue();
    let gone = CancellationToken::new();
    let left = gone.clone();
    let writing = shutdown.spawn("stdout", async move {
        // A closed pipe is how a client says goodbye.
        if let Err(error) = writer.run(sink).await {
            tracing::debug!("the client does not read any more: {error}");
        }
        left.cancel();
    });
    let talk = Conversation::new(hub.clone(), outbox.clone(), shutdown, options);
    let ended = tokio::select! {
        () = read(input, &talk) => Ended::Eof,
        () = stop.cancelled() => Ended::Signal,
        () = gone.cancelled() => Ended::Gone,
    };
    if ended == Ended::Eof {
        talk.left();
        tokio::select! {
            () = talk.landed() => {}
            () = tokio::time::sleep(AFTER_EOF) => {}
            () = stop.cancelled() => {}
            () = gone.cancelled() => return Ended::Gone,
        }
    }
    if stop.is_cancelled() {
        let _late = tokio::time::timeout(AFTER_SIGNAL, talk.landed()).await;
    }
    let last_words = async {
        talk.farewell().await;
        outbox.close().await;
        let _written = writing.await;
    };
    let _unread = tokio::time::timeout(LAST_WORDS, last_words).await;
    ended
}

/// Takes every message until there are no more.
async fn read(mut input: Input, talk: &Conversation) {
    let mut lines = Lines::default();
    loop {
        match input.fill(lines.buffer()).await {
            Ok(0) => break,
            Ok(_) => {
                while let Some(line) = lines.next_line() {
                    talk.take(line).await;
                }
            }
            Err(error) => {
                tracing::debug!("the client does not write any more: {error}");
                break;
            }
        }
    }
    if let Some(line) = lines.rest() {
        talk.take(line).await;
    }
}
