//! What an upstream was sent, in the order in which it came.

use super::wire::{self, Rpc};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Request {
    pub http_method: String,
    /// Path and query as sent.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub rpc: Rpc,
    pub at: Instant,
    /// Which TCP connection it came on, counted from 0.
    pub connection: usize,
    pub ended: Ended,
}

/// What became of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    NotYet,
    /// All of it was handed to the connection.
    Whole,
    /// A fault cut it.
    Broken,
    /// The client went away first; to a modern server that is a cancellation.
    ClientGone,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn is(&self, rpc_method: &str) -> bool {
        self.rpc.method.as_deref() == Some(rpc_method)
    }

    /// What the client says in it that it can do: with the handshake, or with each request.
    pub fn capabilities(&self) -> Option<Value> {
        let raw = match self.rpc.meta.get(wire::CLIENT_CAPABILITIES) {
            Some(raw) => raw,
            None if self.is("initialize") => self.rpc.params.get("capabilities")?,
            None => return None,
        };
        serde_json::from_str(raw.get()).ok()
    }

    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// True when `needle` is anywhere in it: target, header or body.
    pub fn mentions(&self, needle: &str) -> bool {
        let inside = |bytes: &[u8]| bytes.windows(needle.len()).any(|at| at == needle.as_bytes());
        inside(self.target.as_bytes())
            || inside(&self.body)
            || self.headers.values().any(|value| inside(value.as_bytes()))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http_method, target, connection, ended, .. } = self;
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]);
        write!(f, "#{connection} {http_method} {target} {ended:?} {:?} {body}", self.headers)
    }
}

/// The record, shared by the server and the test.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    inner: Arc<(Mutex<Vec<Request>>, Condvar)>,
}

impl Recorder {
    pub(super) fn add(&self, request: Request) -> Ending {
        let (requests, changed) = &*self.inner;
        let mut requests = requests.lock().unwrap();
        requests.push(request);
        changed.notify_all();
        Ending { recorder: self.clone(), at: requests.len() - 1, how: Ended::ClientGone }
    }

    pub(super) fn all(&self) -> Vec<Request> {
        self.inner.0.lock().unwrap().clone()
    }

    /// Waits until `done` holds, or fails with all that came instead.
    pub(super) fn wait(&self, what: &str, done: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let (requests, changed) = &*self.inner;
        let waited =
            changed.wait_timeout_while(requests.lock().unwrap(), PATIENCE, |all| !done(all));
        let (guard, timeout) = waited.unwrap();
        let requests = guard.clone();
        // Free for the server again before this thread may panic.
        drop(guard);
        assert!(!timeout.timed_out(), "waited in vain for {what}; got {requests:#?}");
        requests
    }

    fn end(&self, at: usize, how: Ended) {
        let (requests, changed) = &*self.inner;
        // A panic elsewhere must not become a second one in a destructor.
        if let Ok(mut requests) = requests.lock() {
            requests[at].ended = how;
        }
        changed.notify_all();
    }
}

/// Says how an answer ended; dropped without [`Ending::is`], the client was gone.
pub(super) struct Ending {
    recorder: Recorder,
    at: usize,
    how: Ended,
}

impl Ending {
    pub(super) fn is(mut self, how: Ended) {
        self.how = how;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.recorder.end(self.at, self.how);
    }
}
