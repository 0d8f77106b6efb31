//! What a failed HTTP exchange means, in words that hold no URL.

use std::error::Error;

/// How far a request came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No byte of the request left: refused, DNS, TLS, no route.
    Connect,
    /// The connection was not there in time.
    ConnectTimeout,
    /// It broke after something may have been sent.
    Broken,
    /// The request could not be made at all.
    Request,
}

/// The class of a failure and a short text for people.
pub fn classify(error: &reqwest::Error) -> (Class, String) {
    let class = if error.is_connect() && error.is_timeout() {
        Class::ConnectTimeout
    } else if error.is_connect() {
        Class::Connect
    } else if error.is_builder() || error.is_redirect() {
        Class::Request
    } else {
        Class::Broken
    };
    (class, text(error))
}

/// What is said of a connection that took too long.
pub(super) const LATE: &str = "the connection was not established in time";

/// The deepest cause that says something, without the URL (it may hold a secret).
pub fn text(error: &reqwest::Error) -> String {
    if error.is_timeout() && error.is_connect() {
        return LATE.to_owned();
    }
    deepest(error.source())
}

/// The same for what is no error of a client, and names no URL.
pub(super) fn words(error: &(dyn Error + 'static)) -> String {
    deepest(Some(error))
}

fn deepest(mut next: Option<&(dyn Error + 'static)>) -> String {
    let mut causes = Vec::new();
    while let Some(cause) = next {
        if let Some(known) = known(cause) {
            return known;
        }
        causes.push(cause.to_string());
        next = cause.source();
    }
    let deepest = causes.pop().unwrap_or_else(|| "the request failed".to_owned());
    crate::text::line(&deepest, 200)
}

fn known(cause: &(dyn Error + 'static)) -> Option<String> {
    let text = cause.to_string();
    if let Some(io) = cause.downcast_ref::<std::io::Error>() {
        let words = match io.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused",
            std::io::ErrorKind::ConnectionReset => "the connection was reset",
            std::io::ErrorKind::BrokenPipe => "the connection was closed",
            std::io::ErrorKind::NetworkUnreachable => "the network is unreachable",
            std::io::ErrorKind::HostUnreachable => "the host is unreachable",
            std::io::ErrorKind::TimedOut => "the connection timed out",
            _ => return None,
        };
        return Some(words.to_owned());
    }
    if text.starts_with("dns error") {
        return Some("the host name was not found (DNS)".to_owned());
    }
    if text.contains("certificate") {
        return Some(format!("TLS: {}", crate::text::line(&text, 160)));
    }
    (text.contains("connection closed before message completed"))
        .then(|| "the connection was closed before an answer came".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, NetConfig};

    #[tokio::test]
    async fn refused_and_dns_are_told_apart_and_no_url_is_shown() {
        let net = Net::new(NetConfig::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("http://127.0.0.1:{port}/?canary=1").parse().unwrap();
        let client = net.client(&url, crate::net::CONNECT_TIMEOUT).await.unwrap();
        let error = client.get(url).send().await.unwrap_err();
        assert_eq!(classify(&error), (Class::Connect, "connection refused".to_owned()));
    }
}
