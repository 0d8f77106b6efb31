//! How it ended for one entry.

use super::plan::{Candidate, Verdict, Wanted};
use crate::{
    connect::{ConnectError, Connected, How, Trouble},
    kind::AuthKind,
    text,
};
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is connected, or would be.
    Imported,
    Already,
    Skipped,
    Failed,
}

/// As `--json` gives it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) name: String,
    /// The name in the client's file.
    pub(super) entry: String,
    pub(super) from: String,
    pub(super) url: Option<String>,
    pub(super) auth: Option<AuthKind>,
    /// The names of what was put into the store, or has to be.
    pub(super) secrets: Vec<String>,
    pub(super) state: State,
    /// Why it did not come, or does not work yet.
    pub(super) reason: Option<String>,
    /// A command that helps.
    pub(super) hint: Option<String>,
    pub(super) tools: Option<usize>,
}

impl Outcome {
    /// Nothing was done with it.
    pub(super) fn planned(candidate: Candidate) -> Self {
        let (state, reason, notes) = match &candidate.verdict {
            Verdict::Take(wanted) => (State::Imported, None, wanted.notes.clone()),
            Verdict::Already => (State::Already, None, Vec::new()),
            Verdict::Skip(why) => (State::Skipped, Some(why.clone()), Vec::new()),
        };
        let mut outcome = Self { reason, ..Self::bare(candidate, state) };
        for note in &notes {
            outcome.note(note);
        }
        outcome
    }

    /// It is connected, whether or not it works yet.
    pub(super) fn of(
        candidate: Candidate,
        connected: &Connected,
        trouble: Option<Trouble>,
    ) -> Self {
        let name = connected.name.to_string();
        let already = matches!(connected.how, How::Already { .. });
        let state = if already { State::Already } else { State::Imported };
        let mut outcome = Self::planned(candidate);
        outcome.state = state;
        outcome.auth = Some(connected.auth);
        outcome.tools = (trouble.is_none() && !already).then_some(connected.tools);
        outcome.hint = trouble.as_ref().map(|trouble| match trouble {
            Trouble::NeedsAuth(_) => format!("allmcp reconnect {name}"),
            Trouble::Error(_) => format!("allmcp sync {name}"),
        });
        if let Some(trouble) = trouble {
            outcome.note(trouble.text());
        }
        outcome.name = name;
        outcome
    }

    pub(super) fn failed(candidate: Candidate, error: &ConnectError) -> Self {
        let mut outcome = Self::planned(candidate);
        outcome.state = State::Failed;
        outcome.note(&error.to_string());
        outcome
    }

    pub(super) fn note(&mut self, text: &str) {
        let text = text::line(text, 400);
        self.reason = Some(match self.reason.take() {
            Some(reason) => format!("{reason}; {text}"),
            None => text,
        });
    }

    fn bare(candidate: Candidate, state: State) -> Self {
        let Candidate { entry, name, from, url, verdict } = candidate;
        let wanted: Option<Box<Wanted>> = match verdict {
            Verdict::Take(wanted) => Some(wanted),
            _ => None,
        };
        Self {
            name: text::line(&name, 100),
            entry: text::line(&entry, 100),
            from,
            url: url.map(|url| text::line(&url, 500)),
            auth: wanted.as_ref().and_then(|wanted| wanted.auth()),
            secrets: wanted.map(|wanted| wanted.secrets()).unwrap_or_default(),
            state,
            reason: None,
            hint: None,
            tools: None,
        }
    }
}
