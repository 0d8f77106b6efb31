//! What an answer means that is no success, or that is not MCP at all.

use super::{
    deadline::Deadline,
    failure::Failure,
    said::{passed_on, said},
    streamable::{body, content_type},
};
use crate::{
    auth::Challenge,
    net::Response,
    wire::{Frame, RpcError},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How much of an error page is read.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// What a status that is no success means.
pub(super) async fn refusal(
    response: Response,
    generation: u64,
    epoch: Option<u64>,
    deadline: &Deadline,
) -> Failure {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let challenge = Challenge::of(response.headers());
    let kind = content_type(&response).into_owned();
    let grace = deadline.at_most(Duration::from_secs(5));
    let page = body(response, MAX_ERROR_BODY, &grace).await.unwrap_or_default();
    let error =
        Frame::parse(&page).ok().and_then(|f| f.error).map(RpcError::from_json).map(passed_on);
    let what = match &error {
        Some(error) => said(&error.message(), 200),
        None if kind == "text/html" => "an HTML page".to_owned(),
        None => said(&String::from_utf8_lossy(&page), 80),
    };
    let separator = if what.is_empty() { "" } else { ": " };
    let detail = format!("HTTP {}{separator}{what}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            if challenge.as_ref().is_some_and(Challenge::wants_more_scopes) =>
        {
            Failure::Forbidden { generation, detail, challenge: challenge.map(Box::new) }
        }
        StatusCode::UNAUTHORIZED => {
            Failure::Unauthorized { generation, detail, challenge: challenge.map(Box::new) }
        }
        StatusCode::NOT_FOUND if epoch.is_some() && !method_missing(error.as_ref()) => {
            Failure::SessionGone { epoch: epoch.unwrap_or_default() }
        }
        // Servers on the TypeScript SDK's examples answer 400 after a restart, where the
        // specification says 404 (mcp-remote#307): the request surely did not run.
        StatusCode::BAD_REQUEST if epoch.is_some() && what.to_lowercase().contains("session") => {
            Failure::SessionGone { epoch: epoch.unwrap_or_default() }
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Failure::Busy { status: status.as_u16(), retry_after, detail }
        }
        _ => Failure::Status { status: status.as_u16(), detail, error },
    }
}

/// A modern server says "no such method" with 404 and a JSON-RPC error (SEP-2243).
fn method_missing(error: Option<&RpcError>) -> bool {
    error.is_some_and(|e| e.code == crate::wire::error::METHOD_NOT_FOUND)
}

pub(super) async fn not_mcp(response: Response, deadline: &Deadline) -> Failure {
    let status = response.status().as_u16();
    let kind = content_type(&response).into_owned();
    let grace = deadline.at_most(Duration::from_secs(5));
    let page = body(response, MAX_ERROR_BODY, &grace).await.unwrap_or_default();
    let start = said(&String::from_utf8_lossy(&page), 80);
    let what = match kind.as_str() {
        "text/html" => "an HTML page, not MCP".to_owned(),
        "" => "no content type, not MCP".to_owned(),
        other => format!("{}, not MCP", said(other, 60)),
    };
    Failure::NotMcp {
        detail: format!("the server answered with {what} (HTTP {status}): {start:?}"),
    }
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let value = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap());
        assert_eq!(value("3"), Some(Duration::from_secs(3)));
        assert_eq!(value("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(value("soon"), None);
    }
}
