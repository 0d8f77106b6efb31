//! What the hub is told to be: plain values, made by the composition root from the settings.

use crate::{
    catalog::Manifest,
    kind::{AuthKind, Mode, Pin, Rule},
    name::ConnectionName,
    upstream::UpstreamConfig,
};
use std::{sync::Arc, time::Duration};

/// All connections of this process and how their tools are shown.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Plan {
    /// In the order of the configuration.
    pub connections: Vec<PlanConnection>,
    /// Exactly one connection, its names untouched, none of our own tools.
    pub plain: bool,
    /// `serve --read-only`: of our own tools too, only those that change nothing.
    pub read_only: bool,
    /// Of a plain one: it signs in by itself, and shows a tool to do so as long as it has not.
    pub signs_in: bool,
    /// Whether the tools of connections are listed or found; `None` is [`Mode::Auto`].
    pub mode: Option<Mode>,
    /// Globs: which of our own tools are listed.
    pub own_tools: Vec<String>,
    /// Bytes of one result, whatever the client; `None`: what the client takes.
    pub max_result: Option<u64>,
    /// Why the configuration that stands in the file is not the one in use.
    pub config_error: Option<String>,
    /// How long the user is waited for where the policy asks.
    pub patience: Patience,
    /// Read the last known lists of hidden connections too, for a command that shows them.
    pub with_hidden: bool,
}

/// How long an answer of the user is waited for, and how long it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A question in the client; after it nothing is done.
    pub wait: Duration,
    /// The link of a page, and an approval that was given there and not used.
    pub life: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { wait: Duration::from_mins(5), life: Duration::from_mins(10) }
    }
}

/// One connection, as the configuration has it.
#[derive(Clone)]
pub struct PlanConnection {
    pub name: ConnectionName,
    /// The account under which its credential, lists, pins and health are kept.
    pub account: String,
    pub auth: AuthKind,
    /// The target as the configuration has it; lists of another target are void.
    pub target: String,
    /// Equal as long as the session may go on: everything but rules and visibility.
    pub fingerprint: String,
    pub shown: Shown,
    /// A wrong value in this entry: the connection is in error, the others work.
    pub problem: Option<String>,
    pub rules: Rules,
    pub pin: Pin,
    /// Of its provider, where it is one of the catalog.
    pub manifest: Option<Arc<Manifest>>,
    pub source: Source,
}

/// Whether clients see a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Yes,
    /// `enabled = false`.
    Disabled,
    /// Left out by `--only` or a profile.
    NotSelected,
}

/// Which tools may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Globs on the upstream's names; `deny` wins.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    /// What the user says.
    pub policy: Policy,
    /// What the provider's manifest says where the user says nothing.
    pub suggested: Policy,
    /// Only what is marked read-only.
    pub read_only: bool,
}

/// What is allowed, asked for or denied; what it says nothing of is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub write: Option<Rule>,
    pub destructive: Option<Rule>,
    /// Globs on the upstream's names.
    pub tools: Vec<(String, Rule)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            allow: vec!["*".to_owned()],
            deny: Vec::new(),
            policy: Policy::default(),
            suggested: Policy::default(),
            read_only: false,
        }
    }
}

/// What answers for a connection.
#[derive(Clone)]
pub enum Source {
    Upstream(Box<UpstreamConfig>),
    /// Nothing can: the entry has a problem.
    None,
    #[cfg(test)]
    Script(Arc<super::script::Script>),
}
