//! How a failure looks from outside: its kind, its exit code, and a hint at what to do.
//!
//! The only place where errors of the rooms become exit codes and hints.

use super::exit::Exit;
use crate::{
    name::nearest,
    text,
    ui::{Out, PromptError},
};
use serde::Serialize;
use std::{error::Error, io};

/// What kind of failure it is, in the words of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Failed,
    Usage,
    NotFound,
    NeedsAuth,
    Unreachable,
    Timeout,
    ToolError,
    Store,
    Denied,
    Internal,
    /// The reader of stdout went away: no failure to anybody, nothing is shown.
    Closed,
    /// Ctrl-C: whoever pressed it knows, nothing is shown.
    Interrupted,
}

impl Kind {
    /// The word in the error line; none where there is no line.
    pub const fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::NeedsAuth => "needs_auth",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::ToolError => "tool_error",
            Self::Store => "store",
            Self::Denied => "denied",
            Self::Internal => "internal",
            Self::Closed | Self::Interrupted => return None,
        })
    }

    pub const fn exit(self) -> Exit {
        match self {
            Self::Failed => Exit::FAILED,
            Self::Usage | Self::NotFound => Exit::USAGE,
            Self::NeedsAuth => Exit::NEEDS_AUTH,
            Self::Unreachable | Self::Timeout => Exit::UNREACHABLE,
            Self::ToolError => Exit::TOOL_ERROR,
            Self::Store => Exit::STORE,
            Self::Denied => Exit::DENIED,
            Self::Internal => Exit::INTERNAL,
            Self::Closed => Exit::DONE,
            Self::Interrupted => Exit::INTERRUPTED,
        }
    }
}

/// A failure that ends a command.
///
/// Texts are lower-case fragments that never hold a secret; a hint holds a command to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    pub kind: Kind,
    pub message: String,
    /// What lies behind, nearest first.
    pub causes: Vec<String>,
    pub hint: Option<String>,
    pub connection: Option<String>,
}

/// What a command's function gives back.
pub type CliResult = Result<Exit, CliError>;

impl CliError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None, connection: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// There is no `what` called `name`. Offers the nearest of `known`, else `otherwise`, which
    /// is a command that lists them.
    pub fn not_found<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
        otherwise: &str,
    ) -> Self {
        let hint = nearest(name, known)
            .map_or_else(|| otherwise.to_owned(), |near| format!("did you mean {near:?}?"));
        Self::new(Kind::NotFound, format!("no {what} {name:?}")).hint(hint)
    }

    pub fn needs_auth(connection: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::NeedsAuth, message).on(connection)
    }

    pub fn unreachable(connection: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
            .on(connection)
            .hint(format!("allmcp status {connection} --live"))
    }

    pub fn timeout(connection: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::Timeout, message)
            .on(connection)
            .hint(format!("allmcp status {connection} --live"))
    }

    pub fn tool_error(connection: &str, tool: &str) -> Self {
        Self::new(Kind::ToolError, format!("{tool} answered with an error")).on(connection)
    }

    pub fn store(message: impl Into<String>) -> Self {
        Self::new(Kind::Store, message).hint("allmcp doctor")
    }

    pub fn denied(connection: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::Denied, message).on(connection)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message).hint("this is a bug in allmcp; please report it")
    }

    /// A command or flag of the contract that this version does not have.
    pub fn not_in_this_version(what: &str) -> Self {
        Self::usage(format!("{what} is not in this version")).hint("allmcp --help")
    }

    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// Names the connection it is about.
    #[must_use]
    pub fn on(mut self, connection: &str) -> Self {
        self.connection = Some(connection.to_owned());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// In the place of the hint, where there is one that says more.
    #[must_use]
    pub fn better_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds `error` and what lies behind it as causes, leaving out what was already said.
    #[must_use]
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            let said = self.causes.last().unwrap_or(&self.message);
            if !said.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Shows it to whoever asked, and gives the code to end with.
    pub fn report(&self, out: &Out) -> Exit {
        if let Some(kind) = self.kind.word() {
            if out.json() {
                out.error_json(&self.line(kind));
            } else {
                out.error(&self.message, &self.causes, self.hint.as_deref());
            }
        }
        self.kind.exit()
    }

    fn line(&self, kind: &'static str) -> Line<'_> {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        Line {
            schema: "allmcp.error/1",
            kind,
            message: text::line(&message, 4000),
            hint: self.hint.as_deref(),
            connection: self.connection.as_deref(),
            exit: self.kind.exit().code(),
        }
    }
}

/// The error as one JSON object (contract section 2).
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    kind: &'static str,
    message: String,
    hint: Option<&'a str>,
    connection: Option<&'a str>,
    exit: u8,
}

/// Writing the output failed.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::Closed, "the reader went away");
        }
        Self::failed("could not write the output").because(&error)
    }
}

impl From<PromptError> for CliError {
    fn from(error: PromptError) -> Self {
        match &error {
            PromptError::Refused { instead, .. } | PromptError::Ended { instead, .. } => {
                Self::usage(error.to_string()).hint(format!("give {instead}"))
            }
            PromptError::Interrupted => Self::interrupted(),
            PromptError::Io { .. } => {
                let mut failed = Self::failed(error.to_string());
                if let Some(source) = error.source() {
                    failed = failed.because(source);
                }
                failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Look, Refusal, Terminal, capture::Buffer};

    fn shown(error: &CliError, json: bool) -> (String, u8) {
        let people = Buffer::default();
        let look = Look { json, ..Look::default() };
        let out =
            Out::to(look, Terminal::default(), Box::new(io::sink()), Box::new(people.clone()));
        let exit = error.report(&out).code();
        (people.text(), exit)
    }

    #[test]
    fn an_error_is_three_kinds_of_lines_or_one_of_json() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error = CliError::unreachable("kommo", "could not reach kommo").because(&refused);
        assert_eq!(
            shown(&error, false),
            (
                "error: could not reach kommo\ncaused by: connection refused\n\
                 hint: allmcp status kommo --live\n"
                    .into(),
                5
            )
        );
        assert_eq!(
            shown(&error, true).0,
            "{\"schema\":\"allmcp.error/1\",\"kind\":\"unreachable\",\
             \"message\":\"could not reach kommo: connection refused\",\
             \"hint\":\"allmcp status kommo --live\",\"connection\":\"kommo\",\"exit\":5}\n"
        );
        let bare = shown(&CliError::usage("no"), true).0;
        assert!(bare.contains("\"hint\":null,\"connection\":null,\"exit\":2"), "{bare}");
    }

    #[test]
    fn every_kind_has_its_word_and_code() {
        let all = [
            (Kind::Failed, "failed", 1),
            (Kind::Usage, "usage", 2),
            (Kind::NotFound, "not_found", 2),
            (Kind::NeedsAuth, "needs_auth", 4),
            (Kind::Unreachable, "unreachable", 5),
            (Kind::Timeout, "timeout", 5),
            (Kind::ToolError, "tool_error", 6),
            (Kind::Store, "store", 7),
            (Kind::Denied, "denied", 9),
            (Kind::Internal, "internal", 70),
        ];
        for (kind, word, code) in all {
            assert_eq!((kind.word(), kind.exit().code()), (Some(word), code));
        }
    }

    #[test]
    fn a_closed_pipe_and_ctrl_c_say_nothing() {
        let closed = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(shown(&closed, false), (String::new(), 0));
        assert_eq!(shown(&CliError::interrupted(), true), (String::new(), 130));
        let full = CliError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(shown(&full, false).1, 1);
    }

    #[test]
    fn an_unknown_name_offers_the_nearest_or_a_command() {
        let near = CliError::not_found("connection", "komo", ["kommo", "x"], "allmcp list");
        assert_eq!(near.message, "no connection \"komo\"");
        assert_eq!(near.hint.as_deref(), Some("did you mean \"kommo\"?"));
        let far = CliError::not_found("connection", "komo", [], "allmcp list");
        assert_eq!(far.hint.as_deref(), Some("allmcp list"));
    }

    #[test]
    fn a_question_that_cannot_be_asked_names_its_flag() {
        let refused = PromptError::Refused {
            what: "a confirmation".into(),
            why: Refusal::Ci,
            instead: "--yes".into(),
        };
        let (text, exit) = shown(&refused.into(), false);
        assert_eq!(exit, 2);
        assert!(text.contains("CI is set") && text.ends_with("hint: give --yes\n"), "{text}");
    }

    #[test]
    fn causes_do_not_repeat_what_was_said_and_cannot_forge_lines() {
        let inner = io::Error::other("disk\nerror: all is well");
        let error = CliError::failed("could not save: disk\nerror: all is well").because(&inner);
        assert!(error.causes.is_empty());
        let error = CliError::failed("could not save").because(&inner);
        assert_eq!(shown(&error, false).0.lines().count(), 2);
    }
}
