//! Why a call came to nothing. What a client is told of it is decided in `serve`.

use super::{
    approval::Unapproved,
    policy::{Because, Denial},
};
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
    /// The user has not said yes to it.
    #[error("{}", .0.reason())]
    Unapproved(Unapproved),
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
    /// `None`: it is a tool of ours.
    pub connection: Option<ConnectionName>,
    /// The public name.
    pub tool: String,
    /// The upstream's own name; empty when only the connection is known.
    pub upstream: String,
    pub why: Denial,
}

impl Denied {
    /// The connection's name; empty for a tool of ours.
    pub fn connection(&self) -> &str {
        self.connection.as_ref().map_or("", ConnectionName::as_str)
    }

    /// One clause without a full stop.
    pub fn reason(&self) -> String {
        let Self { upstream, why, .. } = self;
        let connection = self.connection();
        match why {
            Denial::Disabled => format!("the connection {connection} is disabled"),
            Denial::NotSelected => format!(
                "the connection {connection} is not among those that this server was started with"
            ),
            Denial::ToolDisabled => {
                format!("the tool {upstream} of {connection} is disabled in the configuration")
            }
            Denial::ReadOnly => format!(
                "this server was started with --read-only, and {} is not marked as read-only",
                if upstream.is_empty() { &self.tool } else { upstream }
            ),
            Denial::Policy(Because::Class(class)) => {
                format!("the policy of {connection} denies {} tools", class.word())
            }
            Denial::Policy(Because::Tool) => {
                format!("the policy of {connection} denies the tool {upstream}")
            }
            Denial::Ask(_) => {
                format!("the policy of {connection} asks the user before {upstream} is called")
            }
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
            None if self.why == Denial::ReadOnly => "The user can take --read-only out of the \
                 client's configuration of allmcp."
                .to_owned(),
            None => format!(
                "The user can add {} to --only (or the profile) in the client's configuration of \
                 allmcp.",
                self.connection()
            ),
        }
    }

    /// The command that changes it, where one does.
    pub fn command(&self) -> Option<String> {
        let Self { upstream, why, .. } = self;
        let connection = self.connection();
        Some(match why {
            Denial::NotSelected | Denial::ReadOnly => return None,
            Denial::Disabled => format!("allmcp enable {connection}"),
            Denial::ToolDisabled => {
                format!("allmcp tools enable {connection} {}", text::word(upstream, 80))
            }
            Denial::Policy(Because::Class(class)) | Denial::Ask(Because::Class(class)) => {
                format!("allmcp config set connections.{connection}.policy.{} allow", class.word())
            }
            Denial::Policy(Because::Tool) | Denial::Ask(Because::Tool) => {
                let key = format!("connections.{connection}.policy.tools.{}", key(upstream));
                format!("allmcp config set {} allow", text::word(&key, 200))
            }
            Denial::Held => format!("allmcp tools approve {connection}"),
        })
    }
}

/// `name` as one part of a dotted path of TOML.
fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        serde_json::Value::from(name).to_string()
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
            connection: Some("c".parse().unwrap()),
            tool: "c__t".into(),
            upstream: "t x".into(),
            why,
        };
        for (why, command) in [
            (Denial::Disabled, "allmcp enable c"),
            (Denial::NotSelected, "--only"),
            (Denial::ToolDisabled, "allmcp tools enable c 't x'"),
            (Denial::ReadOnly, "--read-only"),
            (
                Denial::Policy(Because::Class(Class::Write)),
                "allmcp config set connections.c.policy.write allow",
            ),
            (
                Denial::Ask(Because::Class(Class::Destructive)),
                "allmcp config set connections.c.policy.destructive allow",
            ),
            (
                Denial::Policy(Because::Tool),
                "allmcp config set 'connections.c.policy.tools.\"t x\"' allow",
            ),
            (Denial::Held, "allmcp tools approve c"),
        ] {
            let denied = denied(why);
            assert!(denied.remedy().contains(command), "{}", denied.remedy());
            assert!(denied.reason().contains('c') || why == Denial::ReadOnly);
        }
    }

    #[test]
    fn an_unknown_name_offers_the_nearest() {
        let error =
            CallError::Unknown { name: "a__b".into(), nearest: vec!["a__c".into(), "a__d".into()] };
        assert_eq!(error.to_string(), "no tool is named \"a__b\"; near it: a__c, a__d");
    }
}
