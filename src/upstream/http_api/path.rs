//! The path of a request: no value changes where it leads.

use super::{args::Args, json::plain, request::Wrong};
use crate::catalog::manifest::Tool;
use std::fmt::Write as _;
use url::Url;

/// `base` with an encoded path below it. None where a URL reads it in another way than it is
/// written: nothing is sent to a guessed place.
pub(super) fn join(base: &Url, path: &str) -> Option<Url> {
    let mut url = base.clone();
    let path = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    url.set_path(&path);
    (url.path() == path).then_some(url)
}

/// The tool's path with its arguments in it.
pub(super) fn path(tool: &Tool, args: &Args<'_>) -> Result<String, Wrong> {
    let mut out = String::new();
    let mut rest = tool.path.trim_start_matches('/');
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| Wrong::Manifest("a brace of its path is not closed".to_owned()))?;
        let value = args.get(name).map(|json| plain(json)).unwrap_or_default();
        if value.is_empty() {
            return Err(Wrong::Argument(format!("the argument {name:?} is missing or empty")));
        }
        encode(&value, &mut out);
        rest = after;
    }
    out.push_str(rest);
    // They mean another folder to every server, however they are encoded.
    if out.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Wrong::Argument(
            "an argument that is part of the path cannot be \".\" or \"..\"".to_owned(),
        ));
    }
    Ok(out)
}

/// Everything but the unreserved characters (RFC 3986, 2.3): a value stays one part of the path.
pub(super) fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
