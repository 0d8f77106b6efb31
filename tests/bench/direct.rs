//! The same calls without allmcp: reqwest, one thread, straight to the upstream, in a session.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) struct Direct {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
}

impl Direct {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http =
            reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert("mcp-protocol-version", HeaderValue::from_static("2025-11-25"));
        let mut direct = Self { runtime, http, url: url.parse().expect("a URL"), headers };
        let hello = direct
            .http
            .post(direct.url.clone())
            .headers(direct.headers.clone())
            .body(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#);
        let answer = direct.runtime.block_on(hello.send()).expect("initialize");
        let session = answer.headers().get("mcp-session-id").expect("a session").clone();
        direct.headers.insert("mcp-session-id", session);
        direct
    }

    /// One call; the whole message that came back.
    pub(crate) fn call(&self, size: usize, delay_ms: u64) -> Bytes {
        let body =
            self.runtime.block_on(one(&self.http, &self.url, &self.headers, 1, size, delay_ms));
        let start = if body.starts_with(b"event:") { b"event: message\ndata: ".len() } else { 0 };
        body.slice(start..).slice_ref(body[start..].trim_ascii_end())
    }

    /// `calls` calls by `width` callers, each with the next one when it has its answer; answers a
    /// second.
    pub(crate) fn flood(&self, width: usize, calls: usize, delay_ms: u64) -> f64 {
        let left = Arc::new(AtomicUsize::new(calls));
        let time = self.runtime.block_on(async {
            let start = Instant::now();
            let mut callers = tokio::task::JoinSet::new();
            for caller in 0..width {
                let (http, url, headers) =
                    (self.http.clone(), self.url.clone(), self.headers.clone());
                let left = Arc::clone(&left);
                callers.spawn(async move {
                    let take = |left: usize| left.checked_sub(1);
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                        one(&http, &url, &headers, caller, 16, delay_ms).await;
                    }
                });
            }
            callers.join_all().await;
            start.elapsed()
        });
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let calls = calls as f64;
        calls / time.as_secs_f64()
    }

    /// `width` calls at once; the time until the last has its answer.
    pub(crate) fn burst(&self, width: usize, delay_ms: u64) -> Duration {
        self.runtime.block_on(async {
            let start = Instant::now();
            let mut callers = tokio::task::JoinSet::new();
            for caller in 0..width {
                let (http, url, headers) =
                    (self.http.clone(), self.url.clone(), self.headers.clone());
                callers
                    .spawn(async move { one(&http, &url, &headers, caller, 16, delay_ms).await });
            }
            callers.join_all().await;
            start.elapsed()
        })
    }
}

async fn one(
    http: &reqwest::Client,
    url: &reqwest::Url,
    headers: &HeaderMap,
    id: usize,
    size: usize,
    delay_ms: u64,
) -> Bytes {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"tool_0","arguments":{{"size":{size},"delay_ms":{delay_ms}}}}}}}"#
    );
    let answer =
        http.post(url.clone()).headers(headers.clone()).body(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "the upstream said {}", answer.status());
    let body = answer.bytes().await.expect("a body");
    assert!(body.len() > size, "the upstream's answer is cut");
    crate::client::alive();
    body
}
