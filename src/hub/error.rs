//! Why a call came to nothing. What a client is told of it is decided in `serve`.

use super::policy::Denial;
use crate::{connect::Link, name::ConnectionName, text, upstream::UpstreamError};

/// A call that has no result to pass on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The parameters are not those of a call.
    #[error("{0}")]
    Params(&'static str),
    /// The arguments of a tool of ours are not what it takes; the model can mend them.
    #[error("{tool}: {text}")]
    Arguments {
        tool: &'static str,
        /// Sanitized and cut.
        text: String,
    },
    /// A tool of ours could not do it, whatever the arguments.
    #[error("{tool}: {text}")]
    Failed {
        tool: &'static str,
        /// Sanitized and cut.
        text: String,
    },
    /// Nobody has such a tool.
    #[error("no tool is named {name:?}{}", offer(.nearest))]
    Unknown {
        /// Sanitized and cut.
        name: String,
        nearest: Vec<String>,
    },
    /// Nobody has such a prompt, resource or task.
    #[error("no {what} is known as {name:?}")]
    NotFound {
        what: &'static str,
        /// Sanitized and cut.
        name: String,
    },
    /// The upstream wanted something of the client that it did not get.
    #[error("{text}")]
    Unanswered { connection: ConnectionName, text: String },
    /// It is there and may not be used.
    #[error("{} is denied: {}", .0.tool, .0.reason())]
    Denied(Denied),
    /// The result is longer than the client takes, in bytes.
    #[error("the result of {tool} has {size} bytes, more than the limit of {limit}")]
    TooLarge { tool: String, size: u64, limit: u64 },
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Only the user can help, by the link where there is one.
    #[error("{error}")]
    SignIn { error: UpstreamError, link: Option<Link> },
}

/// What may not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub connection: ConnectionName,
    /// The public name.
    pub tool: String,
    /// The upstream's own name; empty when only the connection is known.
    pub upstream: String,
    pub why: Denial,
}

impl Denied {
    /// One clause without a full stop.
    pub fn reason(&self) -> String {
        let Self { connection, upstream, why, .. } = self;
        match why {
            Denial::Disabled => format!("the connection {connection} is disabled"),
            Denial::NotSelected => format!(
                "the connection {connection} is not among those that this server was started with"
            ),
            Denial::ToolDisabled => {
                format!("the tool {upstream} of {connection} is disabled in the configuration")
            }
            Denial::Policy(class) => {
                format!("the policy of {connection} denies {} tools", class.word())
            }
            Denial::Ask(class) => format!(
                "the policy of {connection} wants to be asked before {} tools, which this version \
                 cannot do",
                class.word()
            ),
            Denial::Held => format!(
                "the definition of {upstream} of {connection} changed since it was approved, so \
                 the tool is held back"
            ),
        }
    }

    /// What changes it, as a sentence to the user.
    pub fn remedy(&self) -> String {
        match self.command() {
            Some(command) if self.why == Denial::Held => {
                format!("The user can look at it and run: {command}")
            }
            Some(command) => format!("The user can run: {command}"),
            None => format!(
                "The user can add {} to --only (or the profile) in the client's configuration of \
                 allmcp.",
                self.connection
            ),
        }
    }

    /// The command that changes it, where one does.
    pub fn command(&self) -> Option<String> {
        let Self { connection, upstream, why, .. } = self;
        Some(match why {
            Denial::NotSelected => return None,
            Denial::Disabled => format!("allmcp enable {connection}"),
            Denial::ToolDisabled => {
                format!("allmcp tools enable {connection} {}", text::word(upstream, 80))
            }
            Denial::Policy(class) | Denial::Ask(class) => {
                format!("allmcp config set connections.{connection}.policy.{} allow", class.word())
            }
            Denial::Held => format!("allmcp tools approve {connection}"),
        })
    }
}

fn offer(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; near it: {}", nearest.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::policy::Class;

    #[test]
    fn every_denial_says_which_and_how_it_is_changed() {
        let denied = |why| Denied {
            connection: "c".parse().unwrap(),
            tool: "c__t".into(),
            upstream: "t x".into(),
            why,
        };
        for (why, command) in [
            (Denial::Disabled, "allmcp enable c"),
            (Denial::NotSelected, "--only"),
            (Denial::ToolDisabled, "allmcp tools enable c 't x'"),
            (Denial::Policy(Class::Write), "allmcp config set connections.c.policy.write allow"),
            (
                Denial::Ask(Class::Destructive),
                "allmcp config set connections.c.policy.destructive allow",
            ),
            (Denial::Held, "allmcp tools approve c"),
        ] {
            let denied = denied(why);
            assert!(denied.remedy().contains(command), "{}", denied.remedy());
            assert!(denied.reason().contains('c'));
        }
    }

    #[test]
    fn an_unknown_name_offers_the_nearest() {
        let error =
            CallError::Unknown { name: "a__b".into(), nearest: vec!["a__c".into(), "a__d".into()] };
        assert_eq!(error.to_string(), "no tool is named \"a__b\"; near it: a__c, a__d");
    }
}
