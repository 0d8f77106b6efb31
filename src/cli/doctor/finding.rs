//! One check and how it came out.

use crate::text;
use serde::Serialize;

/// What was looked at, in the order in which it is told: that of the chain from this program to a
/// client that starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    Program,
    Config,
    Files,
    Store,
    Environment,
    Clock,
    Cache,
    Connection,
    SignIn,
    Client,
}

impl Check {
    /// What it finds ends with the code of connections, and not with that of a failure.
    pub(super) fn is_of_connections(self) -> bool {
        matches!(self, Self::Connection | Self::SignIn)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Config => "config",
            Self::Files => "files",
            Self::Store => "store",
            Self::Environment => "environment",
            Self::Clock => "clock",
            Self::Cache => "cache",
            Self::Connection => "connection",
            Self::SignIn => "sign-in",
            Self::Client => "client",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Error,
}

impl Level {
    /// With its sign, for eyes that run down a column.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Ok => "✓ ok",
            Self::Warning => "! warning",
            Self::Error => "✗ error",
        }
    }
}

/// One check and how it came out.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct Finding {
    pub(super) check: Check,
    pub(super) status: Level,
    /// The connection, client or file that it is about, where it is about one.
    pub(super) about: Option<String>,
    pub(super) message: String,
    /// A command to run, or what to do.
    pub(super) fix: Option<String>,
    /// What was odd on the way and does no harm by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) details: Vec<String>,
}

impl Finding {
    pub(super) fn ok(check: Check, message: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, &message.into(), None)
    }

    pub(super) fn warning(
        check: Check,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(check, Level::Warning, &message.into(), Some(&fix.into()))
    }

    pub(super) fn error(check: Check, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Error, &message.into(), Some(&fix.into()))
    }

    fn new(check: Check, status: Level, message: &str, fix: Option<&str>) -> Self {
        let (message, fix) = (text::line(message, 1000), fix.map(|fix| text::line(fix, 1000)));
        Self { check, status, about: None, message, fix, details: Vec::new() }
    }

    /// Names what it is about.
    #[must_use]
    pub(super) fn on(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// It is wrong, and is about this.
    pub(super) fn is_ill(&self, about: &str) -> bool {
        self.status != Level::Ok && self.about.as_deref() == Some(about)
    }
}
