//! The way that requests to one server take.

use super::{
    failure::{Class, classify},
    near::{Answer, Near},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::Request;
use url::Url;

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub enum Route {
    /// Cleartext on this machine.
    Near(Near),
    /// Everything else: TLS, proxies, HTTP/2.
    Far(reqwest::Client),
}

impl Route {
    /// Sends one request; on failure how far it came, and a short text for people.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response, (Class, String)> {
        match self {
            Self::Near(near) => {
                near.send(method, url, headers, body.unwrap_or_default()).await.map(Response::Near)
            }
            Self::Far(client) => {
                let mut request = Request::new(method, url.clone());
                *request.headers_mut() = headers;
                *request.body_mut() = body.map(Into::into);
                // A box: a call has room for what it awaits, and there are two ways.
                let sent = Box::pin(client.execute(request)).await;
                sent.map(Response::Far).map_err(|error| classify(&error))
            }
        }
    }
}

/// An answer whose body is still to be read. Dropping it before its end ends the connection.
pub enum Response {
    Near(Answer),
    Far(reqwest::Response),
}

impl Response {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Near(answer) => answer.head.status,
            Self::Far(response) => response.status(),
        }
    }

    pub fn headers(&self) -> &HeaderMap {
        match self {
            Self::Near(answer) => &answer.head.headers,
            Self::Far(response) => response.headers(),
        }
    }

    /// The length of the body, where it is known.
    pub fn content_length(&self) -> Option<u64> {
        match self {
            Self::Near(answer) => answer.length(),
            Self::Far(response) => response.content_length(),
        }
    }

    /// The next part of the body, decoded; `None` at its end. On failure a text for people.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Near(answer) => answer.chunk().await,
            Self::Far(response) => response.chunk().await.map_err(|error| classify(&error).1),
        }
    }
}
