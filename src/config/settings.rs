//! What `config.toml` says, checked once and typed.

use super::OAuth;
use crate::{
    kind::{AuthKind, Mode, Pin, Rule, StoreKind, Transport},
    name::ConnectionName,
    template::Template,
};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// The whole file, with defaults for what it leaves out and the environment's word where it has
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub mode: Mode,
    /// `None`: not chosen yet, it is at the first secret.
    pub store: Option<StoreKind>,
    /// As the file has it, whatever the environment says.
    pub remembered_store: Option<StoreKind>,
    /// May hold a password: never print it.
    pub proxy: Option<String>,
    pub no_proxy: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub passphrase_file: Option<PathBuf>,
    pub browser: Option<String>,
    /// A level, or what `ALLMCP_LOG` takes.
    pub log_level: String,
    /// Bytes of one result; `None`: what the client takes.
    pub max_result: Option<u64>,
    /// Globs: which of our own tools are listed.
    pub own_tools: Vec<String>,
    pub pin: Pin,
    /// How long a client's question to its user is waited for.
    pub approval_wait: Duration,
    /// How long a page that asks is good, and what was approved there.
    pub approval_life: Duration,
    /// In the order of the file.
    pub connections: Vec<Connection>,
    pub profiles: BTreeMap<String, Vec<ConnectionName>>,
    /// What is odd but does no harm: unknown keys, wrong values of single settings.
    pub warnings: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            store: None,
            remembered_store: None,
            proxy: None,
            no_proxy: None,
            ca_file: None,
            passphrase_file: None,
            browser: None,
            log_level: "info".to_owned(),
            max_result: None,
            own_tools: vec!["*".to_owned()],
            pin: Pin::Warn,
            approval_wait: Duration::from_mins(5),
            approval_life: Duration::from_mins(10),
            connections: Vec::new(),
            profiles: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }
}

impl Settings {
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|c| c.name.as_str() == name)
    }
}

/// One upstream and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub name: ConnectionName,
    pub target: Target,
    /// Left out, it is `key` where a URL or a header holds a `${secret:…}`, else `none`.
    pub auth: AuthKind,
    /// `auth` stands in the file.
    pub said_auth: bool,
    pub oauth: OAuth,
    pub transport: Transport,
    pub enabled: bool,
    /// The whole of one `tools/call`, session set-up, refresh and retries included.
    pub timeout: Duration,
    /// In the order of the file.
    pub headers: Vec<(String, Template)>,
    pub params: BTreeMap<String, Template>,
    /// Globs on the upstream's tool names; `deny` wins.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub policy: Policy,
    /// `None`: as in the settings.
    pub pin: Option<Pin>,
    pub breaker: BreakerTimes,
    pub connect_timeout: Duration,
    /// A wrong value in this entry: only this connection is in error, the rest works.
    pub problem: Option<String>,
}

impl Connection {
    pub(super) fn new(name: ConnectionName) -> Self {
        Self {
            name,
            target: Target::None,
            auth: AuthKind::None,
            said_auth: false,
            oauth: OAuth::default(),
            transport: Transport::Auto,
            enabled: true,
            timeout: Duration::from_secs(55),
            headers: Vec::new(),
            params: BTreeMap::new(),
            allow: vec!["*".to_owned()],
            deny: Vec::new(),
            policy: Policy::default(),
            pin: None,
            breaker: BreakerTimes::default(),
            connect_timeout: Duration::from_secs(5),
            problem: None,
        }
    }

    /// The text of the target as the file has it: a URL template, a provider's id or a command.
    pub fn target_source(&self) -> &str {
        match &self.target {
            Target::Url(url) => url.source(),
            Target::Provider { id, .. } => id,
            Target::Command { command, .. } => command,
            Target::None => "",
        }
    }
}

/// What is allowed, asked for or denied; what it says nothing of is left to the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub write: Option<Rule>,
    pub destructive: Option<Rule>,
    /// Globs on the upstream's tool names, in the order of the file.
    pub tools: Vec<(String, Rule)>,
}

/// What a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Url(Template),
    Provider {
        id: String,
        /// Which of its ways to sign in; none: the one that fits.
        way: Option<String>,
        base_url: Option<String>,
    },
    Command {
        command: String,
        args: Vec<String>,
        env: BTreeMap<String, Template>,
    },
    /// The entry names none, or more than one: it has a problem.
    None,
}

/// How long a circuit breaker stays open: at first, and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerTimes {
    pub first: Duration,
    pub max: Duration,
}

impl Default for BreakerTimes {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_mins(1) }
    }
}
