//! What must not leave this machine: secrets, wherever somebody has put them, and who the user is.

use crate::{
    log::scrub,
    name::Tenant,
    secret::{RedactedUrl, holds_credential, path_secret},
};
use serde_json::Value;
use std::path::Path;
use url::Url;

const STARS: &str = "***";

pub(super) struct Redactor {
    /// Texts that say who the user is, and what stands for each; the longest first.
    people: Vec<(String, &'static str)>,
}

impl Redactor {
    pub(super) fn new(home: Option<&Path>, tenant: &Tenant) -> Self {
        let mut people = Vec::new();
        if let Some(home) = home.and_then(Path::to_str).filter(|home| home.len() > 1) {
            people.push((home.trim_end_matches('/').to_owned(), "~"));
        }
        for who in [&tenant.org, &tenant.user].into_iter().flatten() {
            let encoded = url::form_urlencoded::byte_serialize(who.as_bytes()).collect();
            people.extend([(who.clone(), STARS), (encoded, STARS)]);
        }
        people.retain(|(text, _)| text.len() > 2 || *text == "~");
        people.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Self { people }
    }

    /// All texts in it.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(all) => all.into_iter().map(|one| self.value(one)).collect(),
            Value::Object(all) => {
                all.into_iter().map(|(key, value)| (key, self.value(value))).collect()
            }
            other => other,
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = mails(&urls(&scrub(text)));
        for (who, instead) in &self.people {
            text = text.replace(who, instead);
        }
        text
    }
}

/// The settings: what may hold a secret although it should not is left out whole.
pub(super) fn config(value: Value) -> Value {
    within("", value)
}

/// `key` is that of the table or list in which `value` stands.
fn within(key: &str, value: Value) -> Value {
    match value {
        Value::Object(all) => all
            .into_iter()
            .map(|(own, value)| {
                let value = match value {
                    // Headers and variables of programs are secrets more often than not.
                    Value::String(text) if matches!(key, "headers" | "env") => masked(&text).into(),
                    Value::String(text) if holds_credential(&own) => masked(&text).into(),
                    value => within(&own, value),
                };
                (own, value)
            })
            .collect(),
        Value::Array(all) if key == "args" => all.into_iter().map(|_| STARS).collect(),
        Value::Array(all) => all.into_iter().map(|one| within(key, one)).collect(),
        other => other,
    }
}

/// A template without what stands in it as it is; `Bearer ` and the like may stay.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let literal = |part: &str| {
        let is_scheme = ["", "Bearer ", "Basic ", "Token ", "Token token="].contains(&part);
        if is_scheme { part.to_owned() } else { STARS.to_owned() }
    };
    while let Some((before, after)) = rest.split_once("${") {
        let Some((hole, after)) = after.split_once('}') else { break };
        out.push_str(&literal(before));
        out.push_str("${");
        out.push_str(hole);
        out.push('}');
        rest = after;
    }
    out + &literal(rest)
}

/// Every URL without user, query, fragment and what is known to be a secret in its path.
fn urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = ["https://", "http://"].iter().filter_map(|it| rest.find(it)).min() {
        let (before, url) = rest.split_at(at);
        out.push_str(before);
        let is_end = |c: char| c.is_whitespace() || "\"'<>`|\\^,;".contains(c);
        let (url, after) = url.split_at(url.find(is_end).unwrap_or(url.len()));
        out.push_str(&one_url(url));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn one_url(url: &str) -> String {
    // With a hole it is a template and no URL, and is kept as it is written.
    if let Ok(parsed) = Url::parse(url)
        && !url.contains("${")
    {
        let shown = RedactedUrl::new(parsed).to_string();
        // Parsing adds a slash that somebody did not write.
        return if url.ends_with('/') { shown } else { shown.trim_end_matches('/').to_owned() };
    }
    let (scheme, whole) = url.split_once("://").unwrap_or(("", url));
    let bare = whole.split(['?', '#']).next().unwrap_or_default();
    let bare = bare.rsplit_once('@').map_or(bare, |(_, host)| host);
    let host = bare.split(['/', ':']).next().unwrap_or_default();
    let bare = match path_secret(host, bare) {
        Some(secret) => bare.replacen(secret, STARS, 1),
        None => bare.to_owned(),
    };
    format!("{scheme}://{bare}")
}

/// Every e-mail address without the name in it.
fn mails(text: &str) -> String {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let local = before.len() - before.trim_end_matches(is_local).len();
        let host = after.split(|c: char| !(c.is_alphanumeric() || "-.".contains(c))).next();
        let is_mail = local > 0 && host.unwrap_or_default().trim_end_matches('.').contains('.');
        if is_mail {
            out.push_str(&before[..before.len() - local]);
            out.push_str(STARS);
        } else {
            out.push_str(before);
        }
        out.push('@');
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn urls_lose_what_may_be_a_secret() {
        for (text, shown) in [
            ("at https://u:canary@h.example/mcp?key=canary#x.", "at https://h.example/mcp"),
            ("https://h.example", "https://h.example"),
            (
                "(https://a.bitrix24.com/rest/1/canary/profile)",
                "(https://a.bitrix24.com/rest/1/***/profile)",
            ),
            ("https://h.example/${param:w}/x?k=${secret:k}", "https://h.example/${param:w}/x"),
            (
                "https://mcp.firecrawl.dev/fc-canary/${param:v}",
                "https://mcp.firecrawl.dev/***/${param:v}",
            ),
            ("no url: http:/x", "no url: http:/x"),
            ("\"http://127.0.0.1:8/a\", b", "\"http://127.0.0.1:8/a\", b"),
        ] {
            assert_eq!(urls(text), shown);
        }
    }

    #[test]
    fn people_are_not_named() {
        let tenant =
            Tenant { org: Some("acme corp".into()), user: Some("ann@acme.example".into()) };
        let redactor = Redactor::new(Some(Path::new("/home/ann")), &tenant);
        let text = |text: &str| redactor.text(text);
        assert_eq!(text("/home/ann/.config by bob.x@b.example."), "~/.config by ***@b.example.");
        assert_eq!(
            text("acme+corp/kommo, acme corp, npx x@latest"),
            "***/kommo, ***, npx x@latest"
        );
    }

    #[test]
    fn settings_keep_their_shape_and_no_value_that_may_be_a_secret() {
        let value = json!({
            "settings": { "store": "file", "passphrase_file": "/x" },
            "connections": { "c": {
                "url": "https://h.example/${param:w}",
                "headers": { "Authorization": "Bearer ${secret:token}", "x-user": "canary-user", "X": "canary ${env:A}b" },
                "env": { "A": "canary", "B": "${secret:b}" },
                "args": ["-y", "canary"],
                "params": { "subdomain": "acme", "api_key": "canary" },
                "timeout": 5, "tools": { "deny": ["*_delete"] },
            } },
        });
        let shown = config(value);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        let c = &shown["connections"]["c"];
        assert_eq!(c["headers"]["Authorization"], "Bearer ${secret:token}");
        assert_eq!(c["headers"]["X"], "***${env:A}***");
        assert_eq!(c["args"], json!(["***", "***"]));
        assert_eq!(c["params"], json!({ "subdomain": "acme", "api_key": "***" }));
        assert_eq!((&c["tools"]["deny"][0], &c["timeout"]), (&json!("*_delete"), &json!(5)));
        assert_eq!(shown["settings"]["passphrase_file"], "/x");
    }
}
