//! The other end of every call: a Streamable HTTP MCP server that answers as fast as it can, in a
//! process of its own, with `TCP_NODELAY`. `/json` answers with JSON, `/sse` with an event stream.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::convert::Infallible;
use std::io::{BufRead, Read, Write};
use std::pin::Pin;
use std::process::{Child, Command, ExitCode, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

/// Tools that one connection offers.
pub(crate) const TOOLS: usize = 10;
const SESSION: &str = "mcp-session-id";

/// The process, seen from the driver; it ends with its owner.
pub(crate) struct Upstream {
    child: Child,
    pub(crate) port: u16,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("our own path"))
            .arg("--upstream")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the upstream starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        std::io::BufReader::new(stdout).read_line(&mut line).expect("the upstream's port");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Serves until stdin ends.
pub(crate) fn run() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (ended, mut end) = tokio::sync::mpsc::channel::<()>(1);
    std::thread::spawn(move || {
        let _eof = std::io::stdin().read_to_end(&mut Vec::new());
        drop(ended);
    });
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        println!("{}", listener.local_addr().expect("an address").port());
        std::io::stdout().flush().expect("stdout");
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    stream.set_nodelay(true).expect("nodelay");
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let service = hyper::service::service_fn(answer);
                    connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
                }
                Some(_) = connections.join_next() => {}
                _ = end.recv() => break,
            }
        }
    });
    ExitCode::SUCCESS
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    params: Option<Params>,
}

#[derive(Default, Deserialize)]
struct Params {
    arguments: Option<Arguments>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Arguments {
    /// Length of the text in the answer as it stands in JSON, in bytes.
    size: usize,
    delay_ms: u64,
}

async fn answer(request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    let sse = request.uri().path() == "/sse";
    match *request.method() {
        Method::POST => {}
        Method::DELETE => return Ok(bare_status(StatusCode::OK)),
        _ => return Ok(bare_status(StatusCode::METHOD_NOT_ALLOWED)),
    }
    let in_session = request.headers().contains_key(SESSION);
    let Ok(body) = request.into_body().collect().await else {
        return Ok(bare_status(StatusCode::BAD_REQUEST));
    };
    let body = body.to_bytes();
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return Ok(bare_status(StatusCode::BAD_REQUEST));
    };
    let Some(id) = message.id.map(RawValue::get) else {
        return Ok(bare_status(StatusCode::ACCEPTED));
    };
    let payload = match &*message.method {
        "tools/call" if in_session => {
            let arguments = message.params.and_then(|p| p.arguments).unwrap_or_default();
            if arguments.delay_ms > 0 {
                tokio::time::sleep(Duration::from_millis(arguments.delay_ms)).await;
            }
            call_result(id, arguments.size, sse)
        }
        "tools/list" if in_session => around(id, &tools(), sse),
        "tools/call" | "tools/list" => return Ok(bare_status(StatusCode::BAD_REQUEST)),
        "ping" => around(id, "{}", sse),
        "initialize" => around(
            id,
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}"#,
            sse,
        ),
        _ => {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#
            );
            if sse { format!("event: message\ndata: {text}\n\n").into() } else { text.into() }
        }
    };
    let kind = if sse { "text/event-stream" } else { "application/json" };
    let mut response = Response::new(Reply { bytes: Some(payload), sized: !sse });
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if message.method == "initialize" {
        response.headers_mut().insert(SESSION, HeaderValue::from_static("bench-session"));
    }
    Ok(response)
}

fn bare_status(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply { bytes: None, sized: true });
    *response.status_mut() = status;
    response
}

/// A whole response around a result, as JSON or as one event.
fn around(id: &str, result: &str, sse: bool) -> Bytes {
    if sse {
        format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n\n")
            .into()
    } else {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into()
    }
}

/// Text with the escapes that real texts have, so that nobody may run through it in one leap.
const PROSE: &str = r#"Order 1042 \u2014 \"two chairs\", paid, shipped on Monday; the customer asked for a call back.\nNote: C:\\orders\\1042.pdf, 3 pages.\n"#;

fn call_result(id: &str, size: usize, sse: bool) -> Bytes {
    let mut out = String::with_capacity(size + 160);
    if sse {
        out.push_str("event: message\ndata: ");
    }
    out.push_str(r#"{"jsonrpc":"2.0","id":"#);
    out.push_str(id);
    out.push_str(r#","result":{"content":[{"type":"text","text":""#);
    for _ in 0..size / PROSE.len() {
        out.push_str(PROSE);
    }
    out.extend(std::iter::repeat_n('x', size % PROSE.len()));
    out.push_str(r#""}]}}"#);
    if sse {
        out.push_str("\n\n");
    }
    out.into()
}

/// Definitions of the length that real ones have (about 700 bytes each).
fn tools() -> String {
    let one = |n: usize| {
        format!(
            r#"{{"name":"tool_{n}","title":"Tool number {n}","description":"Looks up orders by number, customer or date and returns them as text. Use it when the user asks about an order, its state or its papers; give at least one of the filters, dates as YYYY-MM-DD. Returns at most limit orders, newest first.","inputSchema":{{"type":"object","properties":{{"size":{{"type":"integer","minimum":0,"description":"Length of the text, in bytes"}},"delay_ms":{{"type":"integer","minimum":0,"description":"Time to wait before the answer, in milliseconds"}},"customer":{{"type":"string","description":"Name or number of the customer"}}}},"required":["size"],"additionalProperties":false}},"annotations":{{"readOnlyHint":true,"openWorldHint":true}}}}"#
        )
    };
    format!(r#"{{"tools":[{}]}}"#, (0..TOOLS).map(one).collect::<Vec<_>>().join(","))
}

/// A body in one piece: with its length for JSON, chunked for an event stream.
struct Reply {
    bytes: Option<Bytes>,
    sized: bool,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized {
            SizeHint::with_exact(self.bytes.as_ref().map_or(0, |b| b.len() as u64))
        } else {
            SizeHint::default()
        }
    }
}
