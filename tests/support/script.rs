//! What an upstream is: its era, its tools, and its habits on the wire.

pub use super::tool::{Answer, Tool};
use super::{offer::Offers, record::Request, wire};
use bytes::Bytes;
use std::{fmt, pin::Pin, sync::Arc, time::Duration};

/// A whole upstream as data. Start it with `Upstream::start`; most of it can be changed while it
/// runs with `Upstream::change`.
#[derive(Debug, Clone)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Script {
    pub legacy: bool,
    pub modern: bool,
    /// The revisions with a handshake that it speaks, oldest first.
    pub revisions: Vec<&'static str>,
    /// Raw JSON.
    pub server_info: String,
    /// Raw JSON.
    pub capabilities: String,
    pub instructions: Option<String>,
    pub tools: Vec<Tool>,
    /// Prompts, resources and what else there is beside tools.
    pub offers: Offers,
    pub answers: Answers,
    pub pages: Pages,
    /// Hands out `Mcp-Session-Id` and wants it back (legacy only).
    pub sessions: bool,
    /// Offers the GET stream (legacy only); else GET is 405.
    pub get_stream: bool,
    /// Gives every SSE event an id and resumes by `Last-Event-ID` (legacy only).
    pub event_ids: bool,
    /// Opens each SSE stream with an empty event that carries this reconnection time.
    pub retry: Option<Duration>,
    /// Opens each SSE stream with a comment line.
    pub comments: bool,
    /// Refuses what the revision forbids: missing version header, `Accept` without both types.
    pub strict: bool,
    /// Answers also what the client has cancelled.
    pub ignores_cancel: bool,
    pub auth: Option<Auth>,
    /// Meets every request before all else here.
    pub front: Option<Arc<dyn Front>>,
    /// Has `$ID` and `$RESULT`.
    pub envelope: String,
    /// Raw members put in front of `tools` in a list, with their comma: `"x":1,`.
    pub list_extra: String,
    pub ttl_ms: u64,
    pub path: String,
}

/// How requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Json,
    Sse,
    /// SSE for tools that send something before their answer, JSON for all else.
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    One,
    By(usize),
    /// As `By`, and the first cursor is the empty string.
    EmptyCursor(usize),
    /// Every page has a new cursor, for ever.
    Endless(usize),
    /// Every page has the same cursor, for ever.
    SameCursor(usize),
}

/// A header that every request must carry.
#[derive(Debug, Clone)]
pub struct Auth {
    pub header: String,
    pub value: String,
    /// The `WWW-Authenticate` of a 401; none: a bare 401.
    pub challenge: Option<String>,
}

impl Auth {
    pub fn bearer(token: &str) -> Self {
        Self::header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(header: &str, value: &str) -> Self {
        Self { header: header.into(), value: value.into(), challenge: Some("Bearer".into()) }
    }

    /// A 401 without `WWW-Authenticate`.
    pub fn bare(mut self) -> Self {
        self.challenge = None;
        self
    }
}

/// Somebody who stands in front of a script: an authorization check, or a whole other server.
pub trait Front: Send + Sync {
    fn meet<'a>(&'a self, request: &'a Request) -> Meeting<'a>;
}

pub type Meeting<'a> = Pin<Box<dyn Future<Output = Met> + Send + 'a>>;

/// What comes of it; who never answers just does not return.
#[derive(Debug)]
pub enum Met {
    /// The script answers.
    Pass,
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    },
    /// The connection ends without an answer.
    Cut,
}

impl fmt::Debug for dyn Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Front")
    }
}

impl Script {
    /// Streamable HTTP with a handshake, sessions, a GET stream and JSON answers; one tool, `echo`.
    pub fn legacy() -> Self {
        Self {
            legacy: true,
            modern: false,
            revisions: wire::LEGACY.to_vec(),
            server_info: r#"{"name":"scripted","version":"1.0.0"}"#.into(),
            capabilities: r#"{"tools":{"listChanged":true}}"#.into(),
            instructions: None,
            tools: vec![Tool::echo("echo")],
            offers: Offers::default(),
            answers: Answers::Json,
            pages: Pages::One,
            sessions: true,
            get_stream: true,
            event_ids: false,
            retry: None,
            comments: false,
            strict: true,
            ignores_cancel: false,
            auth: None,
            front: None,
            envelope: r#"{"jsonrpc":"2.0","id":$ID,"result":$RESULT}"#.into(),
            list_extra: String::new(),
            ttl_ms: 0,
            path: "/mcp".into(),
        }
    }

    /// Stateless 2026-07-28 and nothing else.
    pub fn modern() -> Self {
        Self { legacy: false, modern: true, ..Self::legacy() }
    }

    /// Both eras on one endpoint.
    pub fn dual() -> Self {
        Self { modern: true, ..Self::legacy() }
    }

    /// Adds a tool after `echo`; [`Script::tools`] replaces them all.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools = tools.into_iter().collect();
        self
    }

    pub fn answers(mut self, answers: Answers) -> Self {
        self.answers = answers;
        self
    }

    pub fn sse(self) -> Self {
        self.answers(Answers::Sse)
    }

    pub fn pages(mut self, pages: Pages) -> Self {
        self.pages = pages;
        self
    }

    /// Speaks these revisions with a handshake and no other.
    pub fn revisions(mut self, revisions: &[&'static str]) -> Self {
        self.revisions = revisions.to_vec();
        self
    }

    pub fn sessions(mut self, sessions: bool) -> Self {
        self.sessions = sessions;
        self
    }

    pub fn get_stream(mut self, offered: bool) -> Self {
        self.get_stream = offered;
        self
    }

    pub fn event_ids(mut self) -> Self {
        self.event_ids = true;
        self
    }

    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    pub fn lenient(mut self) -> Self {
        self.strict = false;
        self
    }

    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    pub fn instructions(mut self, text: &str) -> Self {
        self.instructions = Some(text.into());
        self
    }

    pub fn server_info(mut self, raw: &str) -> Self {
        self.server_info = raw.into();
        self
    }

    pub fn capabilities(mut self, raw: &str) -> Self {
        self.capabilities = raw.into();
        self
    }

    /// The text around every result, with `$ID` and `$RESULT` in it.
    pub fn envelope(mut self, template: &str) -> Self {
        self.envelope = template.into();
        self
    }
}
