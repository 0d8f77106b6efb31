//! What became of a question, in words for models, people and the access log.

use crate::{connect::Link, name::ConnectionName};
use std::time::Duration;

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Approved,
    /// The user said no.
    Refused,
    /// The user closed the question, or left, without an answer.
    Dismissed,
    /// There was no answer in this time.
    Unanswered(Duration),
    /// The user has yet to answer, on this page.
    Asked(Link),
    /// Nobody is there who could be asked.
    Nobody,
}

impl Decision {
    /// As the access log has it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Dismissed => "dismissed",
            Self::Unanswered(_) => "unanswered",
            Self::Asked(_) => "asked",
            Self::Nobody => "deny",
        }
    }
}

/// Something was not done because nobody has approved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapproved {
    /// Whom it concerns; `None`: allmcp itself.
    pub connection: Option<ConnectionName>,
    /// The public name.
    pub tool: String,
    pub decision: Decision,
    /// The command by which the user is not asked any more.
    pub command: Option<String>,
}

impl Unapproved {
    /// One clause without a full stop.
    pub fn reason(&self) -> String {
        let tool = &self.tool;
        match &self.decision {
            Decision::Approved => format!("{tool} was approved"),
            Decision::Refused => {
                format!("the user refused this call of {tool}, so nothing was sent")
            }
            Decision::Dismissed => format!(
                "the user closed the question whether {tool} may be called, so nothing was sent"
            ),
            Decision::Unanswered(wait) => format!(
                "nobody answered within {} whether {tool} may be called, so nothing was sent",
                humantime::format_duration(*wait)
            ),
            Decision::Asked(_) => {
                format!("{tool} was not called yet, for the user is asked first")
            }
            Decision::Nobody => format!(
                "the user is asked before {tool} is called, and here nobody can be; nothing was sent"
            ),
        }
    }

    /// What a model does about it, as sentences.
    pub fn remedy(&self) -> String {
        match &self.decision {
            Decision::Approved => String::new(),
            Decision::Refused => {
                "Do not call it again unless the user asks for exactly that.".to_owned()
            }
            Decision::Dismissed | Decision::Unanswered(_) => {
                "Ask the user; when the call is still wanted, call it again.".to_owned()
            }
            Decision::Asked(link) => format!(
                "Show the user this link: {} (it works on the computer that allmcp runs on, until \
                 {}). There the user sees what would be sent and approves or refuses it. After \
                 that, call {} again with exactly the same arguments.",
                link.url,
                humantime::format_rfc3339_seconds(link.expires_at),
                self.tool
            ),
            Decision::Nobody => match &self.command {
                Some(command) => format!("The user can run: {command}"),
                None => "The user can do it by a command of allmcp.".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn every_ending_has_a_word_and_says_what_to_do() {
        let link = Link { url: "http://127.0.0.1:1/x".into(), expires_at: SystemTime::UNIX_EPOCH };
        for (decision, word, says) in [
            (Decision::Refused, "refused", "refused this call of c__t, so nothing was sent"),
            (Decision::Dismissed, "dismissed", "closed the question"),
            (Decision::Unanswered(Duration::from_mins(5)), "unanswered", "within 5m"),
            (Decision::Asked(link), "asked", "http://127.0.0.1:1/x"),
            (Decision::Nobody, "deny", "nobody can be"),
        ] {
            assert_eq!(decision.word(), word);
            let connection = Some("c".parse().unwrap());
            let (tool, command) = ("c__t".to_owned(), Some("allmcp x".to_owned()));
            let left = Unapproved { connection, tool, decision, command };
            let text = format!("{}. {}", left.reason(), left.remedy());
            assert!(text.contains(says), "{text}");
        }
        assert_eq!(Decision::Approved.word(), "approved");
    }
}
