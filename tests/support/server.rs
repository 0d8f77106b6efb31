//! One HTTP request: recorded, met by its fault, answered by its era.

use super::{
    fault::{self, Canned, End, What},
    legacy, modern,
    record::{Ended, Ending, Request},
    script::Met,
    sse::{self, Body, Reader, Source, StreamLog},
    state::{Conn, Shared},
    wire::{self, Rpc},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Response, body::Incoming};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

pub(super) type Status = u16;
type Headers = Vec<(&'static str, String)>;

pub(super) enum Reply {
    Plain(Status, Headers, Bytes),
    Stream(Headers, Reader),
}

impl Reply {
    pub(super) fn json(status: Status, body: Bytes) -> Self {
        Self::Plain(status, vec![("content-type", "application/json".into())], body)
    }

    pub(super) fn empty(status: Status) -> Self {
        Self::Plain(status, Vec::new(), Bytes::new())
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        let (Self::Plain(_, headers, _) | Self::Stream(headers, _)) = &mut self;
        headers.push((name, value.to_owned()));
        self
    }

    /// The last message, once it is there.
    async fn answer(&self) -> String {
        let answer = match self {
            Self::Plain(_, _, body) => body.clone(),
            Self::Stream(_, reader) => reader.log.last().await.unwrap_or_default(),
        };
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub(super) fn accepts(request: &Request, media_type: &str) -> bool {
    let all = request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(','))
        .map(|one| one.split(';').next().unwrap_or("").trim())
        .any(|one| one == media_type || one == "*/*")
}

/// An error closes the connection without an answer.
pub(super) async fn handle(
    shared: Arc<Shared>,
    conn: Arc<Conn>,
    request: hyper::Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request {
        http_method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers,
        rpc: Rpc::parse(&body).unwrap_or_default(),
        body,
        at: Instant::now(),
        connection: conn.number,
        ended: Ended::NotYet,
    };
    let ending = shared.recorder.add(request.clone());
    let fault = shared.fault_for(&request).map(|fault| fault.what);
    match &fault {
        Some(What::Hang) => return std::future::pending().await,
        Some(What::NoAnswer { worked: false, end }) => return Err(break_off(*end, &conn, ending)),
        Some(What::Response(canned)) => return Ok(response(canned, &request, conn, ending)),
        _ => {}
    }
    let last = shared.state.lock().unwrap().last_answer.clone();
    let Some(mut reply) = answer(&shared, &request).await else {
        return Err(break_off(End::Close, &conn, ending));
    };
    let mut shape = None;
    match fault {
        Some(What::NoAnswer { end, .. }) => {
            reply.answer().await;
            return Err(break_off(end, &conn, ending));
        }
        Some(What::Shape(wanted)) => shape = Some(wanted),
        Some(What::ContentType(content_type)) => {
            let (Reply::Plain(_, headers, _) | Reply::Stream(headers, _)) = &mut reply;
            headers.retain(|(name, _)| *name != "content-type");
            headers.push(("content-type", content_type));
        }
        Some(What::Events(templates)) => {
            let answer = reply.answer().await;
            let log = StreamLog::new(format!("s{}", shared.next()));
            for template in &templates {
                log.push(fault::fill(template, request.rpc.id.as_deref(), &answer, &last).into());
            }
            log.finish();
            let reader = Reader { log, at: 0, ids: false, opening: Vec::new(), gone: None };
            reply = Reply::Stream(Vec::new(), reader);
        }
        _ => {}
    }
    let mut out = Response::builder();
    let body = match reply {
        Reply::Plain(status, headers, body) => {
            out = out.status(status);
            out = headers.into_iter().fold(out, |out, (name, value)| out.header(name, value));
            if shape.is_some() {
                out = out.header("content-length", body.len());
                sse::body(Source::Whole(Some(body)), shape, conn, ending)
            } else {
                ending.is(Ended::Whole);
                Full::new(body).map_err(|never| match never {}).boxed()
            }
        }
        Reply::Stream(headers, reader) => {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                out = out.header("content-type", "text/event-stream");
            }
            out = out.header("cache-control", "no-cache");
            out = headers.into_iter().fold(out, |out, (name, value)| out.header(name, value));
            sse::body(Source::Stream(reader), shape, conn, ending)
        }
    };
    out.body(body).map_err(io::Error::other)
}

/// Nothing where the connection has to end instead.
async fn answer(shared: &Arc<Shared>, request: &Request) -> Option<Reply> {
    let front = shared.script().front.clone();
    if let Some(front) = front {
        match front.meet(request).await {
            Met::Pass => {}
            Met::Answer { status, headers, body } => {
                return Some(Reply::Plain(status, headers, body));
            }
            Met::Cut => return None,
        }
    }
    Some(by_script(shared, request).await)
}

async fn by_script(shared: &Arc<Shared>, request: &Request) -> Reply {
    let script = shared.script();
    if request.target.split('?').next() != Some(&script.path) {
        return Reply::Plain(404, vec![("content-type", "text/plain".into())], "Not Found".into());
    }
    if let Some(auth) = &script.auth
        && request.header(&auth.header) != Some(&auth.value)
    {
        let body = r#"{"error":"invalid_token","error_description":"No valid credential"}"#;
        let reply = Reply::json(401, body.into());
        return match &auth.challenge {
            Some(challenge) => reply.with("www-authenticate", challenge),
            None => reply,
        };
    }
    match request.http_method.as_str() {
        "POST" => {
            let speaks_modern = request.rpc.meta.contains_key(wire::PROTOCOL_VERSION)
                || request.header("mcp-protocol-version") == Some(wire::MODERN);
            let initializes = request.is("initialize");
            if script.modern && (!script.legacy || (speaks_modern && !initializes)) {
                modern::post(shared, request).await
            } else {
                legacy::post(shared, request).await
            }
        }
        "GET" => legacy::get(shared, request),
        "DELETE" => legacy::delete(shared, request),
        _ => Reply::empty(405).with("allow", "POST"),
    }
}

fn break_off(end: End, conn: &Conn, ending: Ending) -> io::Error {
    conn.reset.store(end == End::Reset, Ordering::SeqCst);
    ending.is(Ended::Broken);
    io::Error::other("no answer, by a fault")
}

fn response(canned: &Canned, request: &Request, conn: Arc<Conn>, ending: Ending) -> Response<Body> {
    let mut out = Response::builder().status(canned.status);
    for (name, value) in &canned.headers {
        out = out.header(name, value);
    }
    let body = match &canned.body {
        fault::Body::Text(text) => {
            ending.is(Ended::Whole);
            let text = fault::fill(text, request.rpc.id.as_deref(), "", "");
            Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed()
        }
        fault::Body::Repeat { head, unit, times, tail } => {
            let (head, tail) = (Some(head.clone()), Some(tail.clone()));
            let source = Source::Repeat { head, unit: unit.clone(), times: *times, tail };
            sse::body(source, None, conn, ending)
        }
    };
    out.body(body).expect("a canned response is sound")
}
