//! What came back over HTTP, by its shape.

use http::StatusCode;
use serde_json::Value;
use std::{fmt, time::Duration};

/// Longer pauses are taken for this one: no arithmetic on them goes wrong.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// An answer of an authorization server. `Debug` shows no content: it may be a token.
pub struct HttpReply {
    pub status: StatusCode,
    /// The pause that the server asked for.
    pub retry_after: Option<Duration>,
    pub body: Shape,
}

/// What an answer looks like; what it calls itself is only a hint (deviations 3 and 31).
#[derive(Clone, PartialEq)]
pub enum Shape {
    Json(Value),
    Form(Vec<(String, String)>),
    /// A page for people: a login, a single-page app, a gateway's error.
    Html,
    Empty,
    Other,
}

impl fmt::Debug for HttpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpReply({}, {:?})", self.status.as_u16(), self.body)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl HttpReply {
    /// What it was, for our own words: `HTTP 404 with an HTML page`.
    pub fn describe(&self) -> String {
        format!("HTTP {} with {}", self.status.as_u16(), self.body.name())
    }

    /// True where the same may work later, whatever the body says (deviation 26).
    pub fn is_transient(&self) -> bool {
        self.status.is_server_error() || matches!(self.status.as_u16(), 408 | 425 | 429)
    }
}

impl Shape {
    pub(super) fn of(bytes: &[u8], content_type: &str) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
        if bytes.is_empty() {
            return Self::Empty;
        }
        if let Ok(value) = serde_json::from_slice(bytes) {
            return Self::Json(value);
        }
        if bytes.starts_with(b"<") {
            return Self::Html;
        }
        let is_form = content_type == "application/x-www-form-urlencoded"
            || content_type.starts_with("text/plain")
            || content_type.is_empty();
        let looks_so = bytes.contains(&b'=') && bytes.iter().all(u8::is_ascii_graphic);
        if is_form && looks_so && !bytes.starts_with(b"{") {
            return Self::Form(url::form_urlencoded::parse(bytes).into_owned().collect());
        }
        Self::Other
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Json(_) => "JSON",
            Self::Form(_) => "a form",
            Self::Html => "an HTML page",
            Self::Empty => "nothing",
            Self::Other => "something that is not JSON",
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let pause = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let then = httpdate::parse_http_date(value).ok()?;
        then.duration_since(std::time::SystemTime::now()).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_by_its_shape() {
        let form = "application/x-www-form-urlencoded";
        for (body, kind, want) in [
            ("\u{feff} {\"a\":1}", "text/html", "JSON"),
            ("<!doctype html>", "application/json", "an HTML page"),
            ("access_token=a&token_type=bearer", form, "a form"),
            ("access_token=a", "text/plain; charset=utf-8", "a form"),
            ("a=b c", form, "something that is not JSON"),
            ("{\"a\"=1", form, "something that is not JSON"),
            (" \n", "", "nothing"),
        ] {
            assert_eq!(Shape::of(body.as_bytes(), kind).name(), want, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Shape::of(deep.as_bytes(), ""), Shape::Other);
    }

    #[test]
    fn a_pause_is_seconds_or_a_date_and_never_absurd() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("18446744073709551615"), Some(LONGEST_PAUSE));
        assert_eq!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_PAUSE));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn a_token_is_not_shown() {
        let body = Shape::of(b"{\"access_token\":\"canary\"}", "");
        let reply = HttpReply { status: StatusCode::OK, retry_after: None, body };
        assert_eq!(
            format!("{reply:?} {}", reply.describe()),
            "HttpReply(200, JSON) HTTP 200 with JSON"
        );
    }
}
