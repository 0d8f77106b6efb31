//! What an answer means, and what of it an agent gets.

use super::{
    args::Args,
    json,
    less::{Less, trimmed},
    pages,
};
use crate::{
    catalog::manifest::{Effect, ErrorRule, Http, Meaning, Tool},
    log, text,
    upstream::said::said,
    wire::splice,
};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

/// Most characters of a vendor's own words.
const MAX_WORDS: usize = 600;

/// An answer, read.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) html: bool,
    pub(super) body: Bytes,
}

/// What it means.
pub(super) enum Means {
    Success(Bytes),
    /// A success with nothing in it.
    Nothing,
    Refused(Refusal),
    /// Neither a success nor an error as this API has them.
    Odd(String),
}

pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) meaning: Meaning,
    /// The status and the vendor's words, without secrets.
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

pub(super) fn understand(http: &Http, got: &Got) -> Means {
    let json = json::valid(&got.body);
    let is_success = (200..300).contains(&got.status);
    let rule = http.errors.iter().find(|rule| fits(rule, got.status, json.as_ref()));
    let meaning = match rule {
        Some(rule) => rule.means,
        None if is_success => {
            return match json {
                Some(json) => Means::Success(json),
                None if got.body.iter().all(u8::is_ascii_whitespace) => Means::Nothing,
                None => Means::Odd(format!(
                    "the answer is {}, not JSON (HTTP {})",
                    start(got),
                    got.status
                )),
            };
        }
        None => match of_status(got.status) {
            Some(meaning) => meaning,
            None => return Means::Odd(format!("it answered with HTTP {}", got.status)),
        },
    };
    if meaning == Meaning::Empty {
        return Means::Nothing;
    }
    let words = words(http, got, json.as_ref());
    let separator = if words.is_empty() { "" } else { ": " };
    Means::Refused(Refusal {
        status: got.status,
        meaning,
        detail: format!("HTTP {}{separator}{words}", got.status),
        hint: rule.and_then(|rule| rule.hint.clone()),
    })
}

fn fits(rule: &ErrorRule, status: u16, json: Option<&Bytes>) -> bool {
    if !rule.status.is_empty() && !rule.status.contains(&status) {
        return false;
    }
    let Some(place) = &rule.at else { return true };
    let Some(found) = json.and_then(|json| json::at(json, place)) else { return false };
    if rule.is.is_empty() {
        return &found[..] != b"null";
    }
    serde_json::from_slice::<Value>(&found).is_ok_and(|found| rule.is.contains(&found))
}

fn of_status(status: u16) -> Option<Meaning> {
    Some(match status {
        401 => Meaning::NeedsAuth,
        402 | 403 => Meaning::Denied,
        404 | 410 => Meaning::NotFound,
        429 => Meaning::RateLimited,
        400..500 => Meaning::Invalid,
        500..600 => Meaning::Unavailable,
        _ => return None,
    })
}

/// The vendor's words for an error.
fn words(http: &Http, got: &Got, json: Option<&Bytes>) -> String {
    let Some(json) = json else { return start(got) };
    let found = http.error_text.iter().filter_map(|place| json::at(json, place));
    let mut all: Vec<String> = Vec::new();
    for one in found.filter(|one| json::is_something(one)) {
        let text = match one.first() {
            // Without what only looks like a secret: `"code":"NotFound"` is what it is about.
            Some(b'{' | b'[') => {
                let json = trimmed(&one, Less::default());
                text::line(&log::scrub_known(&String::from_utf8_lossy(&json)), MAX_WORDS)
            }
            _ => said(&json::plain(&one), MAX_WORDS),
        };
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }
    if all.is_empty() { said(&String::from_utf8_lossy(json), 200) } else { all.join("; ") }
}

fn start(got: &Got) -> String {
    if got.html {
        return "an HTML page".to_owned();
    }
    let start = got.body.slice(..got.body.len().min(4096));
    said(&String::from_utf8_lossy(&start), 120)
}

/// The arguments that the vendor's words name, by the names that the model knows.
pub(super) fn blamed(tool: &Tool, words: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    // A whole word, and not the key of a member.
    let is_named = |leaf: &str| {
        words.match_indices(leaf).any(|(at, _)| {
            let (before, after) = (&words[..at], &words[at + leaf.len()..]);
            !before.ends_with(is_word) && !after.starts_with(is_word) && !after.starts_with("\":")
        })
    };
    let mut names: Vec<&str> = Vec::new();
    for arg in &tool.args {
        let key = arg.key.as_deref().unwrap_or(&arg.name);
        let leaf = key.rsplit(['.', '[']).find(|part| !part.trim_end_matches(']').is_empty());
        let leaf = leaf.unwrap_or(key).trim_end_matches(']');
        if leaf.len() > 2 && is_named(leaf) {
            names.push(&arg.name);
        }
    }
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("this is about the argument {one:?}")),
        all => Some(format!("this may be about the arguments {}", all.join(", "))),
    }
}

/// The result of a call that went well.
pub(super) fn result(tool: &Tool, http: &Http, args: &Args<'_>, answer: Option<&Bytes>) -> Bytes {
    let Some(answer) = answer else {
        return structured(match (tool.effect, &tool.pages) {
            (_, Some(_)) => br#"{"items":[]}"#,
            (Effect::Read, None) => br#"{"item":null}"#,
            _ => br#"{"ok":true}"#,
        });
    };
    let found = match &tool.result {
        Some(place) => json::at(answer, place),
        None => Some(answer.clone()),
    };
    // A list that is not there is empty; anything else is shown whole.
    let found = found.unwrap_or_else(|| match tool.pages {
        Some(_) => Bytes::from_static(b"[]"),
        None => answer.clone(),
    });
    let keep: &[String] = if args.full { &[] } else { &tool.keep };
    let less = Less { drop: &http.drop, keep };
    let is_list = found.first() == Some(&b'[');
    let items = if is_list { splice::elements(&found).count() } else { 0 };
    let mut out = Vec::with_capacity(found.len() + 64);
    out.extend_from_slice(if is_list { br#"{"items":"# } else { br#"{"item":"# });
    out.extend_from_slice(&trimmed(&found, less));
    if let Some(next) = pages::next(tool, http, args, answer, items) {
        out.extend_from_slice(br#","next_cursor":"#);
        out.extend_from_slice(splice::quote(&next).as_bytes());
    }
    let total = http.total.as_ref().filter(|_| tool.pages.is_some());
    if let Some(total) = total.and_then(|place| json::at(answer, place))
        && total.iter().all(u8::is_ascii_digit)
    {
        out.extend_from_slice(br#","total":"#);
        out.extend_from_slice(&total);
    }
    out.push(b'}');
    structured(&out)
}

/// The same as text and as structure.
fn structured(json: &[u8]) -> Bytes {
    let text = splice::quote(&String::from_utf8_lossy(json));
    let mut out = Vec::with_capacity(json.len() + text.len() + 96);
    out.extend_from_slice(br#"{"content":[{"type":"text","text":"#);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(br#"}],"structuredContent":"#);
    out.extend_from_slice(json);
    out.extend_from_slice(br#","isError":false}"#);
    out.into()
}

/// A result that tells the model what is wrong.
pub(super) fn error(text: &str) -> Bytes {
    let text = splice::quote(text);
    format!("{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"isError\":true}}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> Http {
        toml::from_str(
            r#"
            base_url = "https://h"
            check = { method = "GET", path = "/" }
            error_text = ["detail", "errors"]
            errors = [
              { status = [200], at = "status", is = ["error"], means = "failed", hint = "Read it." },
              { status = [403], at = "code", is = [7, "x"], means = "needs_auth" },
              { status = [404], means = "empty" },
            ]"#,
        )
        .unwrap()
    }

    fn means(status: u16, body: &str) -> String {
        let body = Bytes::from(body.to_owned());
        let got = Got { status, retry_after: None, html: body.starts_with(b"<"), body };
        match understand(&http(), &got) {
            Means::Success(json) => format!("success {}", String::from_utf8_lossy(&json)),
            Means::Nothing => "nothing".to_owned(),
            Means::Odd(text) => format!("odd: {text}"),
            Means::Refused(it) => {
                format!("{:?} {} {}", it.meaning, it.detail, it.hint.unwrap_or_default())
            }
        }
    }

    #[test]
    fn the_first_rule_that_fits_wins_and_then_the_status() {
        assert_eq!(means(200, "{\"a\":1}"), "success {\"a\":1}");
        assert_eq!(means(204, ""), "nothing");
        assert_eq!(means(404, "{}"), "nothing");
        assert_eq!(
            means(200, r#"{"status":"error","detail":"no"}"#),
            "Failed HTTP 200: no Read it."
        );
        assert_eq!(means(403, r#"{"code":7}"#), "NeedsAuth HTTP 403: {\"code\":7} ");
        assert_eq!(means(403, r#"{"code":8,"detail":"d"}"#), "Denied HTTP 403: d ");
        assert_eq!(
            means(422, r#"{"detail":"d","errors":[ {"path": "0.name"} ]}"#),
            "Invalid HTTP 422: d; [{\"path\":\"0.name\"}] "
        );
        assert_eq!(means(429, "slow down"), "RateLimited HTTP 429: slow down ");
        assert_eq!(means(502, "<html>"), "Unavailable HTTP 502: an HTML page ");
        assert_eq!(means(200, "<html>"), "odd: the answer is an HTML page, not JSON (HTTP 200)");
        assert_eq!(means(302, ""), "odd: it answered with HTTP 302");
    }
}
