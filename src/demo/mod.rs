//! The MCP servers of `allmcp demo`, inside this process and on loopback only.
//!
//! Owns their listeners and what they answer. May name the leaves. Called by `app` and `cli`. They
//! touch no file, no keychain and no environment, so that a demo runs with a read-only home.
//! [`tools`] is what the open server can do, [`notes`] what the one behind the sign-in can,
//! [`handler`] makes servers of them, and [`authorization`] lets clients in.

mod authorization;
mod handler;
mod notes;
mod tools;

use authorization::Authorization;
use handler::{Handler, Toolbox};

use crate::task::Shutdown;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use std::{convert::Infallible, io, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const PATH: &str = "/mcp";

/// A running demo server. It stops with the [`Shutdown`] that it was started under.
#[derive(Debug, Clone)]
pub struct DemoServer {
    /// The MCP endpoint: `http://127.0.0.1:<port>/mcp`.
    pub url: String,
}

/// Starts the server that wants no credential, on a free port. It listens when this returns.
///
/// # Errors
/// When no port on loopback can be had.
pub async fn start_open(shutdown: &Shutdown) -> io::Result<DemoServer> {
    listen(shutdown, false, Arc::new(tools::Tools)).await
}

/// Starts the server that wants a sign-in, and its authorization server, on a free port. A
/// consent is given at once.
///
/// # Errors
/// When no port on loopback can be had.
pub async fn start_protected(shutdown: &Shutdown) -> io::Result<DemoServer> {
    listen(shutdown, true, Arc::new(notes::Notes::default())).await
}

type Service = StreamableHttpService<Handler, LocalSessionManager>;

/// Serves `toolbox` over Streamable HTTP, in both eras, at [`PATH`] of a free port.
async fn listen(
    shutdown: &Shutdown,
    protected: bool,
    toolbox: Arc<dyn Toolbox>,
) -> io::Result<DemoServer> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let guard = protected.then(|| Arc::new(Authorization::new(&origin, PATH)));
    let url = format!("{origin}{PATH}");
    let stop = CancellationToken::new();
    // Only loopback names are taken as `Host`, which is rmcp's default, and no web page at all
    // may call: a browser always says its origin.
    let config = StreamableHttpServerConfig::default()
        .enforce_origin_validation()
        .with_cancellation_token(stop.clone());
    let sessions = Arc::new(LocalSessionManager::default());
    let handler = Handler(toolbox);
    let service = Service::new(move || Ok(handler.clone()), sessions, config);
    let connections = shutdown.clone();
    shutdown.spawn("demo listener", async move {
        // Dropped with this task when shutdown begins: it ends the sessions, which rmcp spawns.
        let _stop = stop.drop_guard();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let work = connection(service.clone(), guard.clone(), stream);
                    connections.spawn("demo connection", work);
                }
                // Out of file handles, mostly: some will come back.
                Err(error) => {
                    tracing::debug!(%error, "the demo server could not take a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
    Ok(DemoServer { url })
}

async fn connection(service: Service, guard: Option<Arc<Authorization>>, stream: TcpStream) {
    // Without it each answer waits 40 ms for the ACK of the one before.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (service, guard) = (service.clone(), guard.clone());
        async move {
            let response = if request.uri().path() == PATH {
                match guard.and_then(|guard| guard.refuse(&request)) {
                    Some(refused) => refused.map(http_body_util::BodyExt::boxed),
                    None => service.handle(request).await,
                }
            } else if let Some(guard) = guard {
                guard.answer(request).await.map(http_body_util::BodyExt::boxed)
            } else {
                let mut nothing = http::Response::new(Full::from("Not Found").boxed());
                *nothing.status_mut() = http::StatusCode::NOT_FOUND;
                nothing
            };
            Ok::<_, Infallible>(response)
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the demo server ended early");
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    reason = "the client here is the other side, and it takes `json!` as it comes"
)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Posts one JSON-RPC message; status, session and the last message of the answer.
    async fn post(
        url: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Option<String>, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        let session = response.headers().get("mcp-session-id");
        let session = session.map(|id| id.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back();
        let message = serde_json::from_str(last.unwrap_or(&text)).unwrap_or_default();
        (status, session, message)
    }

    fn request(id: u32, method: &str, params: Value) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    #[tokio::test]
    async fn a_legacy_client_is_served_in_a_session() {
        let shutdown = Shutdown::new();
        let DemoServer { url } = start_open(&shutdown).await.unwrap();
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        });
        let (status, session, answer) = post(&url, &[], &request(0, "initialize", hello)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
        assert_eq!(answer["result"]["serverInfo"]["name"], "allmcp-demo");

        let session = session.unwrap();
        let headers =
            [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-06-18")];
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(post(&url, &headers, &initialized).await.0, 202);
        let (_, _, list) = post(&url, &headers, &request(1, "tools/list", json!({}))).await;
        let tools = list["result"]["tools"].as_array().unwrap();
        let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(names, ["add", "echo", "now"]);
        assert_eq!(tools[0]["annotations"]["readOnlyHint"], true);
        assert_eq!(tools[0]["outputSchema"]["properties"]["sum"]["type"], "integer");

        let call = async |name: &str, arguments: Value| {
            let params = json!({"name": name, "arguments": arguments});
            post(&url, &headers, &request(2, "tools/call", params)).await.2["result"].clone()
        };
        assert_eq!(call("add", json!({"a": 2, "b": 40})).await["structuredContent"]["sum"], 42);
        let too_much = call("add", json!({"a": i64::MAX, "b": 1})).await;
        assert_eq!(too_much["isError"], true, "{too_much}");
        assert_eq!(call("echo", json!({"text": "hi"})).await["content"][0]["text"], "hi");
        let now = call("now", json!({})).await;
        let now = now["content"][0]["text"].as_str().unwrap();
        assert!(humantime::parse_rfc3339(now).is_ok(), "{now}");
        assert!(shutdown.drain(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_modern_client_is_served_without_one() {
        let shutdown = Shutdown::new();
        let DemoServer { url } = start_open(&shutdown).await.unwrap();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let ask = async |method: &str, mut params: Value, name: Option<&str>| {
            params["_meta"] = meta.clone();
            let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
            headers.extend(name.map(|name| ("mcp-name", name)));
            let (status, session, answer) = post(&url, &headers, &request(0, method, params)).await;
            assert_eq!((status, session), (200, None), "{answer}");
            answer["result"].clone()
        };
        let discovered = ask("server/discover", json!({}), None).await;
        let versions = discovered["supportedVersions"].as_array().unwrap();
        assert!(versions.contains(&json!("2026-07-28")), "{discovered}");
        let list = ask("tools/list", json!({}), None).await;
        assert_eq!(
            (list["tools"].as_array().unwrap().len(), &list["cacheScope"]),
            (3, &json!("private"))
        );
        let params = json!({"name": "add", "arguments": {"a": 1, "b": 2}});
        let sum = ask("tools/call", params, Some("add")).await;
        assert_eq!(sum["structuredContent"]["sum"], 3, "{sum}");
    }

    #[tokio::test]
    async fn strangers_and_other_paths_are_refused() {
        let shutdown = Shutdown::new();
        let DemoServer { url } = start_open(&shutdown).await.unwrap();
        let list = request(0, "tools/list", json!({}));
        assert_eq!(post(&url, &[("host", "evil.example")], &list).await.0, 403);
        assert_eq!(post(&url, &[("origin", "https://evil.example")], &list).await.0, 403);
        assert_eq!(post(&url.replace("/mcp", "/other"), &[], &list).await.0, 404);
        shutdown.begin();
        assert!(shutdown.drain(Duration::from_secs(5)).await);
        assert!(TcpStream::connect(url.split('/').nth(2).unwrap()).await.is_err());
    }
}
