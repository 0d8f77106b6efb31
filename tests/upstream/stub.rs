//! An MCP server of a few lines, for what the scripted one does not do, and a client that can be
//! asked.

use allmcp::wire::{Answering, Ask, ClientLink, LogLevel, RpcError};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Frame, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub http: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Seen {
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer with this result.
    pub fn result(&self, result: Value) -> Said {
        Said::Json(200, json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result}))
    }

    pub fn error(&self, status: u16, code: i64) -> Said {
        let error = json!({"code": code, "message": format!("error {code}")});
        Said::Json(status, json!({"jsonrpc": "2.0", "id": self.body["id"], "error": error}))
    }
}

/// What the server says.
pub enum Said {
    Json(u16, Value),
    Session(Value, String),
    Events(mpsc::UnboundedReceiver<Value>),
    Empty(u16),
}

pub type Lines = mpsc::UnboundedSender<Value>;

pub fn events() -> (Lines, Said) {
    let (lines, events) = mpsc::unbounded_channel();
    (lines, Said::Events(events))
}

#[derive(Clone)]
pub struct Stub {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    pub async fn start(answer: impl Fn(&Seen) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (stub, answer) = (Self { url, seen: Arc::clone(&seen) }, Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let service = service_fn(move |request| {
                    let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                    async move { Ok::<_, Infallible>(serve(request, &seen, &*answer).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        stub
    }

    pub fn all(&self, what: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| one.method() == what || one.http == what).cloned().collect()
    }

    /// Waits until so many of these came.
    pub async fn wait(&self, what: &str, count: usize) -> Vec<Seen> {
        for _ in 0..1000 {
            let all = self.all(what);
            if all.len() >= count {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain for {count} × {what}: {:#?}", self.seen.lock().unwrap());
    }

    /// What came as the answer to our question of this id.
    pub async fn answer_to(&self, id: &str) -> Value {
        for _ in 0..1000 {
            let seen = self.seen.lock().unwrap().clone();
            let ours = |one: &&Seen| one.body.get("method").is_none() && one.body["id"] == id;
            if let Some(one) = seen.iter().find(ours) {
                return one.body.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no answer to {id}: {:#?}", self.seen.lock().unwrap());
    }
}

async fn serve(
    request: Request<Incoming>,
    seen: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> Said + Send + Sync),
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let one = Seen {
        http: head.method.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    seen.lock().unwrap().push(one.clone());
    let said = answer(&one);
    let response = Response::builder();
    let full = |value: Value| Full::new(Bytes::from(value.to_string())).boxed_unsync();
    match said {
        Said::Json(status, value) => response
            .status(StatusCode::from_u16(status).unwrap())
            .header("content-type", "application/json")
            .body(full(value)),
        Said::Session(value, id) => response
            .header("content-type", "application/json")
            .header("mcp-session-id", id)
            .body(full(value)),
        Said::Events(events) => {
            let next = |mut events: mpsc::UnboundedReceiver<Value>| async move {
                let value = events.recv().await?;
                Some((Ok(Frame::data(Bytes::from(format!("data: {value}\n\n")))), events))
            };
            let body = StreamBody::new(Box::pin(stream::unfold(events, next)));
            response.header("content-type", "text/event-stream").body(body.boxed_unsync())
        }
        Said::Empty(status) => {
            let empty = Full::new(Bytes::new()).boxed_unsync();
            response.status(StatusCode::from_u16(status).unwrap()).body(empty)
        }
    }
    .unwrap()
}

/// The answers of a legacy server to all that is not of interest; `None` for what is.
pub fn legacy(seen: &Seen, capabilities: &Value) -> Option<Said> {
    static SESSIONS: AtomicUsize = AtomicUsize::new(0);
    Some(match (seen.http.as_str(), seen.method()) {
        ("DELETE", _) => Said::Empty(200),
        (_, "initialize") => {
            let id = SESSIONS.fetch_add(1, Ordering::SeqCst);
            let result = json!({"protocolVersion": seen.body["params"]["protocolVersion"],
                "capabilities": capabilities, "serverInfo": {"name": "stub", "version": "1"}});
            let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
            Said::Session(body, format!("session-{id}"))
        }
        (_, "server/discover") => seen.error(400, -32601),
        ("POST", "" | "notifications/initialized" | "notifications/cancelled") => Said::Empty(202),
        (_, "tools/list") => seen.result(json!({"tools": []})),
        ("GET", _) => Said::Empty(405),
        _ => return None,
    })
}

/// The same of a modern one.
pub fn modern(seen: &Seen, capabilities: &Value) -> Option<Said> {
    Some(match (seen.http.as_str(), seen.method()) {
        ("GET" | "DELETE", _) => Said::Empty(405),
        (_, "initialize") => seen.error(404, -32601),
        (_, "server/discover") => seen.result(json!({"resultType": "complete",
            "supportedVersions": ["2026-07-28"], "capabilities": capabilities})),
        (_, "tools/list") => seen.result(json!({"resultType": "complete", "tools": []})),
        _ => return None,
    })
}

/// A client that can do what it says, and answers what it is asked with its own question.
pub struct Client {
    pub capabilities: Mutex<&'static str>,
    pub level: Option<LogLevel>,
    /// How long it takes to answer.
    pub pause: Duration,
    pub asked: Mutex<Vec<(String, String)>>,
    pub logs: Mutex<Vec<String>>,
    pub progress: Mutex<Vec<String>>,
    /// A question was dropped before it was answered.
    pub dropped: Arc<AtomicBool>,
}

impl Client {
    pub fn with(capabilities: &'static str) -> Self {
        Self {
            capabilities: Mutex::new(capabilities),
            level: None,
            pause: Duration::ZERO,
            asked: Mutex::default(),
            logs: Mutex::default(),
            progress: Mutex::default(),
            dropped: Arc::default(),
        }
    }
}

struct Dropped(Arc<AtomicBool>, bool);

impl Dropped {
    fn answered(&mut self) {
        self.1 = true;
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.1 {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl ClientLink for Client {
    fn capabilities(&self) -> Bytes {
        Bytes::from_static(self.capabilities.lock().unwrap().as_bytes())
    }

    fn wants_progress(&self) -> bool {
        true
    }

    fn progress(&self, params: Bytes) {
        self.progress.lock().unwrap().push(text(&params));
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.level
    }

    fn log(&self, params: Bytes) {
        self.logs.lock().unwrap().push(text(&params));
    }

    fn ask(&self, ask: Ask) -> Answering {
        self.asked.lock().unwrap().push((ask.method.into(), text(&ask.params)));
        let (pause, mut dropped) = (self.pause, Dropped(Arc::clone(&self.dropped), false));
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            dropped.answered();
            if ask.params == "{\"refuse\":1}" {
                return Err(RpcError::new(-1, "no"));
            }
            Ok(ask.params)
        })
    }

    fn drives_rounds(&self) -> bool {
        true
    }
}
