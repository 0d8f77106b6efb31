//! What kind of server an entry of a client's file is, and what we need to know to connect it.
//!
//! Pure: entries in, values out. Secrets that stand there as they are come out as [`Secret`] under
//! a name, with `${secret:NAME}` where they stood; what a client fills in from its environment
//! comes out as `${env:NAME}`.

mod bridge;
mod expand;
mod fields;
mod keep;
#[cfg(test)]
mod tests;
mod words;

pub use expand::Dialect;

use self::{
    expand::{Piece, Source},
    keep::Keeper,
};
use crate::secret::Secret;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an entry is.
#[derive(Debug)]
pub enum Found {
    /// It starts us.
    Ours,
    Remote(Box<Remote>),
    /// Nothing that can be taken over, and why.
    Not(String),
}

/// A remote server, as `connect` wants it.
#[derive(Debug, Default)]
pub struct Remote {
    /// With holes, as are the headers' values.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub secrets: BTreeMap<String, Secret<String>>,
    /// Secrets that stand in the URL or a header and that the client would ask for.
    pub missing: Vec<String>,
    pub sign_in: SignIn,
    /// Globs on tools that are not to be shown.
    pub hidden_tools: Vec<String>,
    /// What could not be taken over with it.
    pub notes: Vec<String>,
}

/// What the entry says of a sign-in in the browser.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub client_id: Option<String>,
    pub client_secret: Option<Secret<String>>,
    pub client_metadata_url: Option<String>,
    pub scopes: Vec<String>,
    pub resource: Option<String>,
    pub callback_port: Option<u16>,
}

/// A remote server before its secrets are put away.
#[derive(Debug, Default)]
struct Raw {
    url: String,
    headers: Vec<(String, String)>,
    sign_in: SignIn,
    hidden_tools: Vec<String>,
    notes: Vec<String>,
}

/// The reason why local servers stay where they are.
const LOCAL: &str = "local servers are not in this version";
const SSE: &str = "the old SSE transport is not in this version";

/// What the entry `name` is. `is_set` says whether a variable of the environment is there: a
/// default counts only where it is not.
pub fn read(entry: &Value, dialect: Dialect, is_set: &dyn Fn(&str) -> bool) -> Found {
    if is_off(entry) {
        return Found::Not("it is switched off there".to_owned());
    }
    let raw = match words::of(entry) {
        Some(words) if bridge::is_ours(&words) => return Found::Ours,
        Some(words) => match bridge::read(&words) {
            Some(raw) => raw,
            None => return Found::Not(LOCAL.to_owned()),
        },
        None => match fields::read(entry) {
            Some(raw) => raw,
            None => return Found::Not("it says neither a URL nor a command".to_owned()),
        },
    };
    match raw {
        Ok(raw) => {
            let source = Source { dialect, env: words::env(entry), is_set };
            match remote(raw, &source) {
                Ok(remote) => Found::Remote(Box::new(remote)),
                Err(why) => Found::Not(why),
            }
        }
        Err(why) => Found::Not(why),
    }
}

/// Whether the client passes over the entry.
pub fn is_off(entry: &Value) -> bool {
    fields::is_off(entry)
}

/// The variables that an entry sets for what it starts.
pub fn variables(entry: &Value) -> Vec<String> {
    words::env(entry).into_keys().collect()
}

/// Puts the secrets away.
fn remote(raw: Raw, source: &Source<'_>) -> Result<Remote, String> {
    let mut keeper = Keeper::default();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &raw.headers {
        // What a session sets itself.
        const OURS: &[&str] = &[
            "accept",
            "connection",
            "content-length",
            "content-type",
            "host",
            "mcp-protocol-version",
            "mcp-session-id",
        ];
        let lower = name.to_ascii_lowercase();
        if OURS.contains(&lower.as_str()) {
            continue;
        }
        // The last one wins, as it does in a map.
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push((name.clone(), keeper.header(name, &source.pieces(value))));
    }
    let url = keeper.url(&source.pieces(&raw.url))?;
    let mut sign_in = raw.sign_in;
    let whole = |pieces: Vec<Piece>| match pieces.as_slice() {
        [Piece::Text(text)] => Some(text.clone()),
        _ => None,
    };
    if let Some(id) = sign_in.client_id.take() {
        sign_in.client_id = whole(source.pieces(&id));
    }
    let mut notes = raw.notes;
    if let Some(secret) = sign_in.client_secret.take() {
        sign_in.client_secret = whole(source.pieces(secret.expose())).map(Secret::new);
        if sign_in.client_secret.is_none() {
            notes.push("the secret of its client is elsewhere".to_owned());
        }
    }
    let Keeper { secrets, missing } = keeper;
    let hidden_tools = raw.hidden_tools;
    Ok(Remote { url, headers, secrets, missing, sign_in, hidden_tools, notes })
}
