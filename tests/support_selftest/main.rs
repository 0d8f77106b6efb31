//! The fixtures of `tests/support` do what they say: nobody believes a test that stands on a
//! broken one.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test helpers; the HTTP client here is the other side of the fixture"
)]

#[cfg(unix)]
mod deviations;
mod faults;
mod features;
mod process;
#[cfg(unix)]
mod sign_in;
mod speech;
#[cfg(unix)]
mod strictness;
#[path = "../support/mod.rs"]
mod support;
#[cfg(unix)]
mod token_deviations;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use support::upstream::Upstream;

/// A client that does nothing by itself.
struct Client {
    http: reqwest::Client,
    url: String,
    session: Option<String>,
}

impl Client {
    fn new(upstream: &Upstream) -> Self {
        let no_redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(no_redirect).build().unwrap();
        Self { http, url: upstream.url(), session: None }
    }

    async fn initialized(upstream: &Upstream) -> Self {
        let mut client = Self::new(upstream);
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
        let response = client.post("initialize", params).await;
        let session = response.headers().get("mcp-session-id");
        client.session = session.map(|value| value.to_str().unwrap().to_owned());
        client
    }

    fn request(&self, method: Method) -> RequestBuilder {
        let mut request = self
            .http
            .request(method, &self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
            request = request.header("mcp-protocol-version", "2025-11-25");
        }
        request
    }

    fn raw(&self, body: &str) -> RequestBuilder {
        self.request(Method::POST).body(body.to_owned())
    }

    async fn post(&self, method: &str, params: Value) -> Response {
        self.try_post(method, params).await.unwrap()
    }

    async fn try_post(&self, method: &str, params: Value) -> reqwest::Result<Response> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.raw(&body.to_string()).send().await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Response {
        let meta = json!({"progressToken": "p"});
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        self.post("tools/call", params).await
    }

    /// A stateless request with all that belongs to it.
    fn modern(&self, method: &str, mut params: Value) -> RequestBuilder {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let body = json!({"jsonrpc": "2.0", "id": "m", "method": method, "params": params});
        let mut request = self
            .raw(&body.to_string())
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        if method == "tools/call" {
            request = request.header("mcp-name", params["name"].as_str().unwrap());
        }
        request
    }
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// The messages of an SSE stream that has ended.
async fn events_of(response: Response) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| !data.is_empty())
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// Reads an open stream until `needle` has come.
async fn read_until(response: &mut Response, needle: &str) -> String {
    let mut text = String::new();
    while !text.contains(needle) {
        let piece = response.chunk().await.unwrap().unwrap_or_else(|| panic!("ended: {text}"));
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    text
}
