//! Stand-ins for the vendors of the catalog: real HTTP on loopback, built from what the vendors
//! document. None of them is the vendor's own; each says where its behaviour comes from.
//!
//! Used by the tests of `upstream::http_api` and by those that drive the binary.

#![allow(dead_code, unreachable_pub, reason = "each test crate uses its part")]

pub mod bitrix24;
pub mod kommo;
pub mod yougile;

use serde_json::Value;
use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// As it was sent, without the query.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The first value of a query parameter.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str, default: usize) -> usize {
        self.asked(name).and_then(|it| it.parse().ok()).unwrap_or(default)
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }
}

/// An answer to be sent.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Said {
    pub fn new(status: u16, kind: &str, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub fn nothing() -> Self {
        Self { status: 204, headers: Vec::new(), body: String::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A server on a port of its own, until it is dropped.
pub struct Site {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    next: Arc<Mutex<VecDeque<Said>>>,
    closed: Arc<AtomicBool>,
}

impl Site {
    /// Serves what `answer` says, each request on a thread of its own.
    #[expect(clippy::disallowed_methods, reason = "a server of a test, with no runtime")]
    pub fn serve(answer: impl Fn(&Seen) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            next: Arc::default(),
            closed: Arc::default(),
        };
        let (seen, next) = (Arc::clone(&site.seen), Arc::clone(&site.next));
        let closed = Arc::clone(&site.closed);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (seen, next) = (Arc::clone(&seen), Arc::clone(&next));
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    seen.lock().unwrap().push(request.clone());
                    let canned = next.lock().unwrap().pop_front();
                    write(stream, &canned.unwrap_or_else(|| answer(&request)));
                });
            }
        });
        site
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().unwrap()
    }

    /// The next request gets this answer, whatever it asks for.
    pub fn then(&self, said: Said) {
        self.next.lock().unwrap().push_back(said);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the one who waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let body = String::from_utf8(body).ok()?;
    Some(Seen { method, path: path.to_owned(), query, headers, body })
}

fn write(mut stream: TcpStream, said: &Said) {
    use std::fmt::Write as _;
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", said.status);
    for (name, value) in &said.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if said.status != 204 {
        let _ = write!(head, "content-length: {}\r\n", said.body.len());
    }
    head.push_str("\r\n");
    head.push_str(&said.body);
    let _ = stream.write_all(head.as_bytes());
}
