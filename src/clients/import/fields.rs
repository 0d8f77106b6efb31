//! An entry that names its server by a URL.

use super::{Raw, SSE, SignIn};
use crate::secret::Secret;
use serde_json::{Map, Value};

/// The entry is there and not used.
pub(super) fn is_off(entry: &Value) -> bool {
    let flag = |key: &str| entry.get(key).and_then(Value::as_bool);
    flag("disabled") == Some(true) || flag("enabled") == Some(false)
}

/// What the fields say; nothing where there is no URL, an error where it is one that we cannot
/// connect.
pub(super) fn read(entry: &Value) -> Option<Result<Raw, String>> {
    let keys = ["url", "serverUrl", "httpUrl", "uri"];
    let (key, url) = keys.iter().find_map(|key| Some((*key, entry.get(key)?.as_str()?)))?;
    let kind = ["type", "transport"].iter().find_map(|key| entry.get(key)?.as_str());
    // Gemini CLI's `url` without a type was SSE once, and is tried both ways now.
    if kind == Some("sse") && key != "httpUrl" {
        return Some(Err(SSE.to_owned()));
    }
    let mut headers = Vec::new();
    for place in ["headers", "http_headers"] {
        take(entry.get(place), &mut headers, str::to_owned);
    }
    take(entry.pointer("/requestOptions/headers"), &mut headers, str::to_owned);
    // Codex names variables in a table of their own.
    take(entry.get("env_http_headers"), &mut headers, |name| format!("${{env:{name}}}"));
    if let Some(name) = entry.get("bearer_token_env_var").and_then(Value::as_str) {
        headers.push(("Authorization".to_owned(), format!("Bearer ${{env:{name}}}")));
    }
    let sign_in = ["oauth", "auth"].iter().find_map(|key| entry.get(key)?.as_object());
    let sign_in = sign_in.map(sign_in_of).unwrap_or_default();
    Some(Ok(Raw { url: url.to_owned(), headers, sign_in, ..Raw::default() }))
}

fn take(
    table: Option<&Value>,
    headers: &mut Vec<(String, String)>,
    value: impl Fn(&str) -> String,
) {
    let table = table.and_then(Value::as_object).into_iter().flatten();
    headers.extend(table.filter_map(|(name, text)| Some((name.clone(), value(text.as_str()?)))));
}

/// A client that was registered by hand, in the words of any of them.
fn sign_in_of(table: &Map<String, Value>) -> SignIn {
    let find = |names: &[&str]| names.iter().find_map(|name| table.get(*name));
    let text = |names: &[&str]| find(names).and_then(Value::as_str).map(str::to_owned);
    let port = find(&["callbackPort", "callback_port", "redirectPort"]).and_then(Value::as_u64);
    SignIn {
        client_id: text(&["clientId", "client_id", "CLIENT_ID"]),
        client_secret: text(&["clientSecret", "client_secret", "CLIENT_SECRET"]).map(Secret::new),
        scopes: find(&["scopes", "scope"]).map(scopes).unwrap_or_default(),
        callback_port: port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0),
        ..SignIn::default()
    }
}

/// A list of texts, or one text with spaces.
pub(super) fn scopes(value: &Value) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match value {
        Value::String(text) => words(text),
        Value::Array(all) => all.iter().filter_map(Value::as_str).flat_map(words).collect(),
        _ => Vec::new(),
    }
}
