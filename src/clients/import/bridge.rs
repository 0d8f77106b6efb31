//! An entry that starts a bridge to a remote server: `npx mcp-remote URL` and its like.

use super::{Raw, SSE, SignIn, fields};
use crate::secret::Secret;
use serde_json::Value;
use std::path::Path;

/// Programs that do nothing but reach one remote server.
const BRIDGES: &[&str] =
    &["mcp-remote", "mcp-proxy", "mcp-stdio", "hyper-mcp-remote", "fastmcp-remote", "supergateway"];
/// Flags of any of them that take a value that means nothing to us.
const PASSED_OVER: &[&str] = &[
    "--auth-timeout",
    "--callback-path",
    "--connect-timeout",
    "--headers-timeout",
    "--body-timeout",
    "--ping-interval",
    "--protocol",
    "--host",
    "--log-level",
    "--logLevel",
    "--outputTransport",
    "--port",
];

/// The entry starts this very program as a server.
pub(super) fn is_ours(words: &[String]) -> bool {
    let [program, first, ..] = words else { return false };
    base(program) == "allmcp" && first == "serve"
}

/// What a bridge was told; nothing for another program, an error where it reaches its server in a
/// way that we do not have.
pub(super) fn read(words: &[String]) -> Option<Result<Raw, String>> {
    let (name, args) = bridge(words)?;
    let raw = Reader { name, rest: args, raw: Raw::default(), old: None }.read();
    // Some of them go the other way round, and start a local server.
    if matches!(&raw, Ok(raw) if raw.url.is_empty()) {
        return None;
    }
    Some(raw)
}

/// The bridge among the words, and its own arguments. Package runners come before it: `npx -y`,
/// `bunx`, `pnpm dlx`, `uvx`, `cmd /c npx`, `node FILE`.
fn bridge(words: &[String]) -> Option<(&'static str, &[String])> {
    if let [program, first, rest @ ..] = words
        && base(program) == "allmcp"
        && first == "bridge"
    {
        return Some(("mcp-remote", rest));
    }
    // Arguments of the runner; further on, the name would be somebody's argument.
    let runners = [
        "npx", "bunx", "bun", "pnpm", "yarn", "npm", "node", "deno", "uvx", "uv", "pipx", "cmd",
        "env",
    ];
    for (at, word) in words.iter().enumerate() {
        if let Some(name) = name_of(word) {
            return Some((name, &words[at + 1..]));
        }
        let is_runner = at == 0 && runners.contains(&base(word).as_str());
        let is_own = ["x", "dlx", "exec", "run", "tool", "/c", "/C", "--"].contains(&word.as_str())
            || (at > 0 && runners.contains(&base(word).as_str()));
        let is_flag = at > 0 && word.starts_with('-');
        if !(is_runner || is_own || is_flag) {
            return None;
        }
    }
    None
}

/// `mcp-remote`, `mcp-remote@latest`, `npm:mcp-remote@0.1`, `/x/node_modules/mcp-remote/dist/proxy.js`.
fn name_of(word: &str) -> Option<&'static str> {
    let word = word.strip_prefix("npm:").unwrap_or(word);
    let bare = word.split(['@', '=']).next().unwrap_or_default();
    let is = |name: &&&str| {
        let file = base(bare);
        let inside = word.contains("node_modules")
            || Path::new(word).extension().is_some_and(|end| end == "js");
        file == ***name || (inside && word.split(['/', '\\']).any(|part| part == **name))
    };
    BRIDGES.iter().find(is).copied()
}

/// A program by its file's name, without what Windows adds.
fn base(program: &str) -> String {
    let file = program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let cut = [".exe", ".cmd", ".bat"].iter().find_map(|end| file.strip_suffix(end));
    cut.map_or(file.clone(), str::to_owned)
}

struct Reader<'a> {
    name: &'static str,
    rest: &'a [String],
    raw: Raw,
    /// It was told which transport: true for the old one.
    old: Option<bool>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Raw, String> {
        while let Some(word) = self.next() {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            if flag.starts_with('-') {
                self.flag(flag, value)?;
            } else {
                self.positional(&word);
            }
        }
        if self.old == Some(true) {
            return Err(SSE.to_owned());
        }
        Ok(self.raw)
    }

    fn next(&mut self) -> Option<String> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first.clone())
    }

    fn positional(&mut self, word: &str) {
        let lower = word.to_ascii_lowercase();
        let is_url = lower.starts_with("http://") || lower.starts_with("https://");
        if self.raw.url.is_empty() && (is_url || word.starts_with("${")) {
            word.clone_into(&mut self.raw.url);
        } else if self.name == "mcp-remote" && !self.raw.url.is_empty() {
            let port = word.parse().ok().filter(|port| *port != 0);
            self.raw.sign_in.callback_port = self.raw.sign_in.callback_port.or(port);
        }
    }

    fn flag(&mut self, flag: &str, mut given: Option<String>) -> Result<(), String> {
        let mut value = |it: &mut Self| given.take().or_else(|| it.next()).unwrap_or_default();
        match flag {
            "--header" | "-H" | "--headers" => {
                let first = value(self);
                let pair = if self.name == "mcp-proxy" {
                    (first, value(self))
                } else {
                    let (name, value) = first.split_once(':').unwrap_or((&first, ""));
                    (name.trim().to_owned(), value.trim().to_owned())
                };
                if !pair.0.is_empty() {
                    self.raw.headers.push(pair);
                }
            }
            "--oauth2Bearer" | "--bearer" => {
                let header = ("Authorization".to_owned(), format!("Bearer {}", value(self)));
                self.raw.headers.push(header);
            }
            "--streamableHttp" => {
                let url = value(self);
                self.positional(&url);
            }
            "--sse" => {
                let url = value(self);
                self.positional(&url);
                self.old = Some(true);
            }
            "--transport" => {
                let how = value(self);
                self.old = Some(matches!(how.as_str(), "sse" | "sse-only"));
            }
            "--resource" | "--oauth-resource" => self.raw.sign_in.resource = Some(value(self)),
            "--disable-resource-parameter" | "--no-resource-indicator" => {
                self.raw.sign_in.resource = Some("none".to_owned());
            }
            "--client-metadata-url" => self.raw.sign_in.client_metadata_url = Some(value(self)),
            "--client-id" => self.raw.sign_in.client_id = Some(value(self)),
            "--scope" | "--oauth-scope" => {
                let scopes = value(self);
                self.raw.sign_in.scopes.extend(scopes.split_whitespace().map(str::to_owned));
            }
            "--ignore-tool" | "--deny-tool" => {
                let pattern = value(self);
                self.raw.hidden_tools.push(pattern);
            }
            "--static-oauth-client-info" => {
                let text = value(self);
                self.client_info(&text)?;
            }
            "--static-oauth-client-metadata" => {
                let text = value(self);
                self.client_metadata(&text);
            }
            "--header-file" => {
                let _file = value(self);
                self.raw.notes.push("the headers of its --header-file are not with it".to_owned());
            }
            "--stdio" => return Err(super::LOCAL.to_owned()),
            other if PASSED_OVER.contains(&other) => {
                let _passed_over = value(self);
            }
            _ => {}
        }
        Ok(())
    }

    /// `{"client_id": …, "client_secret": …}`.
    fn client_info(&mut self, text: &str) -> Result<(), String> {
        if text.starts_with('@') {
            self.raw
                .notes
                .push("the client of its --static-oauth-client-info is in a file".to_owned());
            return Ok(());
        }
        // The parser's own text could quote what it read.
        let info: Value = serde_json::from_str(text)
            .map_err(|_| "its --static-oauth-client-info is no JSON".to_owned())?;
        let field = |name: &str| info.get(name).and_then(Value::as_str).map(str::to_owned);
        let SignIn { client_id, client_secret, .. } = &mut self.raw.sign_in;
        *client_id = field("client_id");
        *client_secret = field("client_secret").map(Secret::new);
        Ok(())
    }

    /// Only what is asked for means something to us.
    fn client_metadata(&mut self, text: &str) {
        let Ok(metadata) = serde_json::from_str::<Value>(text) else { return };
        if let Some(scope) = metadata.get("scope") {
            self.raw.sign_in.scopes.extend(fields::scopes(scope));
        }
    }
}
