//! Taking secrets out of texts: those we were told of, and what looks like one.

use crate::secret::Secret;
use std::{
    borrow::Cow,
    ops::Range,
    sync::{PoisonError, RwLock},
};

/// What stands for a secret.
const STARS: &str = "***";
/// Shorter values are no secrets, and blotting them out would blot out everything.
const MIN: usize = 4;
/// Tokens rotate: the oldest of this many forms is forgotten.
const MAX: usize = 1024;

/// The texts to blot out, longest first, each with the order in which it came.
static KNOWN: RwLock<(u64, Vec<(u64, String)>)> = RwLock::new((0, Vec::new()));

/// From now on this value is `***` in every log line, also as it looks inside a URL or JSON.
/// Values of fewer than four characters are left alone.
pub fn redact(secret: &Secret<String>) {
    let value = secret.expose().trim();
    if value.chars().count() < MIN {
        return;
    }
    let json = serde_json::to_string(value).unwrap_or_default();
    // One quote at either end: the value may have quotes of its own there.
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
    let forms = [
        value.to_owned(),
        json.to_owned(),
        // A `Debug` of JSON text escapes once more.
        json.escape_debug().to_string(),
        url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        url::form_urlencoded::byte_serialize(value.as_bytes())
            .collect::<String>()
            .replace('+', "%20"),
    ];
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let (count, texts) = &mut *known;
    for form in forms {
        if texts.iter().any(|(_, text)| *text == form) {
            continue;
        }
        if texts.len() >= MAX
            && let Some(oldest) = (0..texts.len()).min_by_key(|&i| texts[i].0)
        {
            texts.remove(oldest);
        }
        *count += 1;
        let at = texts.partition_point(|(_, text)| text.len() > form.len());
        texts.insert(at, (*count, form));
    }
}

/// `text` with `***` for every known secret and for whatever has the shape of one.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let out = scrub_known(text);
    match without_shapes(&out) {
        Some(blotted) => Cow::Owned(blotted),
        None => out,
    }
}

/// `text` with `***` for every known secret, and nothing else changed.
pub fn scrub_known(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    for (_, secret) in &known.1 {
        if out.contains(secret.as_str()) {
            out = Cow::Owned(out.replace(secret.as_str(), STARS));
        }
    }
    out
}

fn without_shapes(text: &str) -> Option<String> {
    // The same length as `text`, so that places found in it are places there.
    let low = text.to_ascii_lowercase();
    let mut found = Vec::new();
    schemes(text, &low, &mut found);
    named_values(text, &low, &mut found);
    user_info(text, &mut found);
    found.retain(|range| !range.is_empty() && &text[range.clone()] != STARS);
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in found {
        if range.start >= at {
            out.push_str(&text[at..range.start]);
            out.push_str(STARS);
        }
        at = at.max(range.end);
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// `Bearer x` and `Basic x`, but not the words of a sentence or of a challenge.
fn schemes(text: &str, low: &str, found: &mut Vec<Range<usize>>) {
    for scheme in ["bearer", "basic"] {
        for (at, _) in low.match_indices(scheme) {
            // `…:jwt-bearer` is the name of a grant type (RFC 7523).
            let before = &low[..at];
            let inside_a_word =
                before.ends_with(|c: char| c.is_ascii_alphanumeric()) || before.ends_with("jwt-");
            let rest = &text[at + scheme.len()..];
            let value = rest.trim_start_matches(' ');
            if inside_a_word || value.len() == rest.len() {
                continue;
            }
            let start = text.len() - value.len();
            let len = run(value, |c| c.is_ascii_alphanumeric() || "-._~+/=%".contains(c));
            let token = &value[..len];
            let is_word = ["token", "tokens", "auth", "scheme", "header"].contains(&token)
                || (scheme == "basic" && token.chars().all(|c| c.is_ascii_lowercase()));
            let is_challenge = token.ends_with('=') && value[len..].starts_with('"');
            if !is_word && !is_challenge {
                found.push(start..start + len);
            }
        }
    }
}

const NAMES: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "client_secret",
    "secret",
    "password",
    "api_key",
    "api-key",
    "apikey",
    "x-api-key",
    "key",
    "code",
    "code_verifier",
    "assertion",
    "client_assertion",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "sig",
    "signature",
];

/// Names that as a header, `name: value`, can only be followed by a secret.
const HEADERS: &[&str] =
    &["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", "set-cookie"];

/// `?name=value` in a URL, `"name": "value"` in JSON and `name: value` of a header.
fn named_values(text: &str, low: &str, found: &mut Vec<Range<usize>>) {
    for name in NAMES {
        for (at, _) in low.match_indices(name) {
            let (before, after) = (&low[..at], &text[at + name.len()..]);
            let value = if before.ends_with(['?', '&', ';', '#']) {
                after.strip_prefix('=').map(|value| (value, "&#;\"'<> \t)"))
            } else if before.ends_with('"') {
                json_value(after).map(|value| (value, "\"\\"))
            } else if HEADERS.contains(name)
                && !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
            {
                let value = after.strip_prefix(':').map(str::trim_start);
                value.filter(|v| !starts_with_scheme(v)).map(|value| (value, ",\"' \t"))
            } else {
                None
            };
            if let Some((value, end)) = value {
                let start = text.len() - value.len();
                found.push(start..start + run(value, |c| !end.contains(c)));
            }
        }
    }
}

/// What follows `": "` after a JSON name, its quotes escaped or not.
fn json_value(after: &str) -> Option<&str> {
    let quote = |text: &'_ str| -> Option<usize> {
        let escapes = run(text, |c| c == '\\');
        text[escapes..].starts_with('"').then_some(escapes + 1)
    };
    let rest = &after[quote(after)?..];
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    Some(&rest[quote(rest)?..])
}

fn starts_with_scheme(value: &str) -> bool {
    ["bearer ", "basic "]
        .iter()
        .any(|s| value.get(..s.len()).is_some_and(|v| v.eq_ignore_ascii_case(s)))
}

/// `user:password@` of a URL.
fn user_info(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let authority = run(&text[start..], |c| !"/?#\"'<> \t\\".contains(c));
        if let Some(user) = text[start..start + authority].rfind('@') {
            found.push(start..start + user);
        }
    }
}

/// The length in bytes of the characters at the start of `text` that pass.
fn run(text: &str, pass: impl Fn(char) -> bool) -> usize {
    text.find(|c| !pass(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_goes_in_every_form() {
        let quoted = "s3cr\\\"t\"";
        redact(&Secret::new(quoted.to_owned()));
        let json = serde_json::to_string(&[quoted]).unwrap();
        assert_eq!((&*scrub(&json), &*scrub(quoted)), ("[\"***\"]", "***"));
        let secret = "s3cr/t \"q\" +1";
        redact(&Secret::new(format!("{secret}\n")));
        let json = serde_json::to_string(secret).unwrap();
        for text in [
            secret.to_owned(),
            json.clone(),
            format!("{json:?}"),
            "https://h/?q=s3cr%2Ft+%22q%22+%2B1".to_owned(),
            "https://h/s3cr%2Ft%20%22q%22%20%2B1/x".to_owned(),
        ] {
            let out = scrub(&text);
            assert!(out.contains("***") && !out.contains("s3cr"), "{text} → {out}");
        }
        redact(&Secret::new("ab".to_owned()));
        assert_eq!(scrub("about"), "about");
    }

    #[test]
    fn a_secret_inside_another_does_not_uncover_the_rest() {
        redact(&Secret::new("inner-part".to_owned()));
        redact(&Secret::new("outer-inner-part-rest".to_owned()));
        assert_eq!(scrub("x outer-inner-part-rest y"), "x *** y");
    }

    #[test]
    fn what_looks_like_a_secret_goes() {
        for (text, want) in [
            ("authorization: Bearer abc.DEF-1 next", "authorization: Bearer *** next"),
            ("\"Authorization\":\"bearer abc\"", "\"Authorization\":\"***\""),
            ("Basic dXNlcjpwYXNz,", "Basic ***,"),
            ("X-API-Key: abc, y", "X-API-Key: ***, y"),
            (
                "https://u:p@h.example/a?x=1&access_token=abc&y=2#z",
                "https://***@h.example/a?x=1&access_token=***&y=2#z",
            ),
            ("{\"refresh_token\" : \"abc\", \"a\": 1}", "{\"refresh_token\" : \"***\", \"a\": 1}"),
            ("\"{\\\"client_secret\\\":\\\"abc\\\"}\"", "\"{\\\"client_secret\\\":\\\"***\\\"}\""),
            ("GET /cb?code=abc&state=s", "GET /cb?code=***&state=s"),
        ] {
            assert_eq!(scrub(text), want);
        }
    }

    #[test]
    fn plain_words_stay() {
        for text in [
            "the server wants a Bearer token",
            "only urn:ietf:params:oauth:grant-type:jwt-bearer is supported",
            "WWW-Authenticate: Bearer realm=\"mcp\", error=\"invalid_token\"",
            "basic authentication is not supported",
            "header Authorization: Bearer ${secret:token}",
            "token: expired, code: -32602, https://h.example/a@b",
            "{\"code\":-32601,\"message\":\"no key\"}",
        ] {
            assert_eq!(scrub(text), text);
            assert!(matches!(scrub(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
