//! Answers, good and bad.

use super::super::script::Met;
use bytes::Bytes;
use serde_json::{Value, json};

/// One HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", content_type.into())], body: body.into() }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(super) fn html(status: u16, body: &str) -> Self {
        let page = format!("<!doctype html><title>stand-in</title>{body}");
        Self::new(status, "text/html; charset=utf-8", page)
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body.to_owned())
    }

    pub(super) fn redirect(status: u16, location: &str) -> Self {
        Self::text(status, "elsewhere").with("location", location)
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// RFC 6749 section 5.1 wants it of everything with a token in it.
    pub(super) fn no_store(self) -> Self {
        self.with("cache-control", "no-store")
    }
}

impl From<Answer> for Met {
    fn from(answer: Answer) -> Self {
        let Answer { status, headers, body } = answer;
        Self::Answer { status, headers, body }
    }
}

/// An OAuth error, before it is known how it goes out.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub status: u16,
    pub error: String,
    pub text: String,
    /// The client tried `Authorization: Basic`, so a 401 has to name that scheme.
    pub basic: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, error: &str, text: &str) -> Self {
        Self { status, error: error.into(), text: text.into(), basic: false }
    }

    /// As an answer of the token endpoint.
    pub(super) fn answer(&self) -> Answer {
        let body = json!({"error": self.error, "error_description": self.text});
        let answer = Answer::json(self.status, &body).no_store();
        if self.basic && self.status == 401 {
            return answer.with("www-authenticate", r#"Basic realm="stand-in""#);
        }
        answer
    }
}
