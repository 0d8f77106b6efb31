//! A tool, and all that can happen in a call of it before the answer.
//!
//! Prompts and resources are the same thing to the upstream: a name, a definition, an answer.

use super::wire;
use bytes::Bytes;
use std::time::Duration;

/// Its definition is served as the bytes given, and a call of it goes through log messages,
/// progress, the questions to the client, the hold and the delay, each where asked for, to its
/// answer.
#[derive(Debug, Clone)]
#[must_use]
pub struct Tool {
    /// The name, or the URI of a resource.
    pub name: String,
    pub definition: Bytes,
    /// Left out of lists; it is there all the same.
    pub unlisted: bool,
    pub answer: Answer,
    pub delay: Duration,
    /// How often, and the pause before each.
    pub progress: Option<(u32, Duration)>,
    /// The questions to the client: those of one round are asked at once.
    pub rounds: Vec<Vec<Ask>>,
    /// The last round is asked again and again.
    pub endless: bool,
    pub undeclared: Undeclared,
    /// Log messages: level, and raw JSON data.
    pub logs: Vec<(Level, String)>,
    /// Waits until `Upstream::release` says its name.
    pub held: bool,
    /// The page that the user has to visit first, as `Upstream::visit` says: -32042 to a legacy
    /// client, an elicitation to a modern one. URL and elicitation id.
    pub url_first: Option<(String, String)>,
    /// Runs as a task.
    pub task: Option<Plan>,
}

/// The levels of RFC 5424, as the protocol spells them.
pub type Level = &'static str;

/// The levels, least severe first.
pub const LEVELS: [Level; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What becomes of a question that the client did not declare it can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// It is asked all the same.
    Ask,
    /// The tool answers at once, with the text `fallback`.
    Fallback,
    /// -32021 to a modern client, as `Fallback` to a legacy one.
    Refuse,
}

#[derive(Debug, Clone)]
pub enum Answer {
    /// The result object, sent as it is. Served to a modern client it gets
    /// `"resultType":"complete",` behind its `{` when it has no such member.
    Result(Bytes),
    /// The text content is what the client answered to the questions (an array, when there were
    /// several), else the raw `arguments` (`absent` without any), and `structuredContent` is the
    /// arguments too when they are an object. A resource's text is its URI.
    Echo,
    /// A JSON-RPC error object, sent as it is.
    Error(Bytes),
    /// A result whose one text is this many bytes.
    Sized(usize),
    /// None at all.
    Never,
}

/// A request to the client in the middle of a call; a modern client gets `input_required`.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    /// Raw JSON; `$TAG` in it becomes the string in the call's `arguments.tag`.
    pub params: String,
    /// On the GET stream and not in the answer to the call (legacy only).
    pub on_get: bool,
    /// The raw id of the request (legacy only); else it is one nobody had before.
    pub id: Option<String>,
}

/// How a tool runs as a task.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// It runs in no other way: `execution.taskSupport` of 2025-11-25, -32021 in 2026-07-28.
    pub required: bool,
    /// So often it is `working` still when it is asked.
    pub polls: u32,
    /// It asks its client in between (2026-07-28).
    pub asks: Vec<Ask>,
}

impl Ask {
    pub fn new(method: &str, params: &str) -> Self {
        Self { method: method.into(), params: params.into(), on_get: false, id: None }
    }
}

impl Tool {
    /// A tool from its definition, which has to have a `name`; answers by echo.
    pub fn raw(definition: &str) -> Self {
        Self::named_by("name", definition)
    }

    /// A resource from its definition, which has to have a `uri`.
    pub fn raw_resource(definition: &str) -> Self {
        Self::named_by("uri", definition)
    }

    /// A template from its definition: whatever begins as it does, up to its first `{`, is read.
    pub fn raw_template(definition: &str) -> Self {
        Self::named_by("uriTemplate", definition)
    }

    fn named_by(key: &str, definition: &str) -> Self {
        Self {
            name: wire::string(&wire::object(definition), key).unwrap_or_default(),
            definition: Bytes::copy_from_slice(definition.as_bytes()),
            unlisted: false,
            answer: Answer::Echo,
            delay: Duration::ZERO,
            progress: None,
            rounds: Vec::new(),
            endless: false,
            undeclared: Undeclared::Ask,
            logs: Vec::new(),
            held: false,
            url_first: None,
            task: None,
        }
    }

    /// A tool with a small sound definition; answers by echo.
    pub fn echo(name: &str) -> Self {
        Self::raw(&format!(
            r#"{{"name":{},"description":"Says what it was told.","inputSchema":{{"type":"object"}}}}"#,
            wire::quote(name)
        ))
    }

    /// As [`Tool::echo`], marked read-only, so that a call of it may be sent again.
    pub fn read_only(name: &str) -> Self {
        Self::raw(&format!(
            r#"{{"name":{},"inputSchema":{{"type":"object"}},"annotations":{{"readOnlyHint":true}}}}"#,
            wire::quote(name)
        ))
    }

    /// A prompt that says what it was told.
    pub fn prompt(name: &str) -> Self {
        Self::raw(&format!(
            r#"{{"name":{},"description":"A prompt.","arguments":[{{"name":"about"}}]}}"#,
            wire::quote(name)
        ))
    }

    /// A resource whose text is its URI.
    pub fn resource(uri: &str) -> Self {
        let uri = wire::quote(uri);
        Self::raw_resource(&format!(r#"{{"uri":{uri},"name":"a resource"}}"#))
    }

    pub fn template(template: &str) -> Self {
        let template = wire::quote(template);
        Self::raw_template(&format!(r#"{{"uriTemplate":{template},"name":"a template"}}"#))
    }

    pub fn unlisted(mut self) -> Self {
        self.unlisted = true;
        self
    }

    /// Answers with this result object, byte for byte.
    pub fn result(mut self, raw: impl Into<Bytes>) -> Self {
        self.answer = Answer::Result(raw.into());
        self
    }

    pub fn text(self, text: &str) -> Self {
        let text = wire::quote(text);
        self.result(format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#))
    }

    /// Answers with `isError`.
    pub fn tool_error(self, text: &str) -> Self {
        let text = wire::quote(text);
        self.result(format!(r#"{{"content":[{{"type":"text","text":{text}}}],"isError":true}}"#))
    }

    /// Answers with a JSON-RPC error.
    pub fn rpc_error(mut self, code: i64, message: &str) -> Self {
        let message = wire::quote(message);
        self.answer = Answer::Error(format!(r#"{{"code":{code},"message":{message}}}"#).into());
        self
    }

    pub fn sized(mut self, bytes: usize) -> Self {
        self.answer = Answer::Sized(bytes);
        self
    }

    pub fn never(mut self) -> Self {
        self.answer = Answer::Never;
        self
    }

    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits for `Upstream::release` before it answers.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// Sends progress `times` times, where the client gave a token, each after `pause`.
    pub fn progress(mut self, times: u32, pause: Duration) -> Self {
        self.progress = Some((times, pause));
        self
    }

    /// Sends a log message with this raw data, where the level that was set lets it pass. Who
    /// set none gets all (legacy) or nothing (modern).
    pub fn logs(mut self, level: Level, data: &str) -> Self {
        self.logs.push((level, data.into()));
        self
    }

    /// Asks the client before it answers, at once with what it asks already.
    pub fn asks(self, method: &str, params: &str) -> Self {
        self.ask(Ask::new(method, params))
    }

    /// As [`Tool::asks`], over the GET stream.
    pub fn asks_on_get(self, method: &str, params: &str) -> Self {
        self.ask(Ask { on_get: true, ..Ask::new(method, params) })
    }

    /// As [`Tool::asks`], under this raw id (legacy only).
    pub fn asks_as(self, id: &str, method: &str, params: &str) -> Self {
        self.ask(Ask { id: Some(id.into()), ..Ask::new(method, params) })
    }

    fn ask(mut self, ask: Ask) -> Self {
        match self.rounds.last_mut() {
            Some(round) => round.push(ask),
            None => self.rounds.push(vec![ask]),
        }
        self
    }

    /// Asks this when all that it asks already is answered.
    pub fn then_asks(mut self, method: &str, params: &str) -> Self {
        self.rounds.push(vec![Ask::new(method, params)]);
        self
    }

    /// A round without any question: `requestState` alone (modern only).
    pub fn postpones(mut self) -> Self {
        self.rounds.push(Vec::new());
        self
    }

    /// Asks its last round again and again.
    pub fn endlessly(mut self) -> Self {
        self.endless = true;
        self
    }

    /// Asks only who declared that it can answer, as an honest server does.
    pub fn if_declared(mut self) -> Self {
        self.undeclared = Undeclared::Fallback;
        self
    }

    /// As [`Tool::if_declared`], and refuses the others with -32021 (modern only).
    pub fn or_refuses(mut self) -> Self {
        self.undeclared = Undeclared::Refuse;
        self
    }

    /// Wants a page visited first.
    pub fn url_first(mut self, url: &str, elicitation: &str) -> Self {
        self.url_first = Some((url.into(), elicitation.into()));
        self
    }

    /// May run as a task, and is `working` for so many polls.
    pub fn task(mut self, polls: u32) -> Self {
        self.task = Some(Plan { polls, ..Plan::default() });
        self
    }

    /// Runs only as a task.
    pub fn only_task(mut self, polls: u32) -> Self {
        self.task = Some(Plan { required: true, polls, asks: Vec::new() });
        self
    }

    /// The task asks this before it goes on (modern only).
    pub fn task_asks(mut self, method: &str, params: &str) -> Self {
        self.task.get_or_insert_default().asks.push(Ask::new(method, params));
        self
    }

    /// True when something goes out before the answer.
    pub fn is_chatty(&self) -> bool {
        self.progress.is_some() || !self.rounds.is_empty() || !self.logs.is_empty()
    }
}
