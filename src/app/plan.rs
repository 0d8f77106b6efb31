//! From settings to what the hub is told to be.

use super::connections::{oauth_read, open_vault};
use crate::{
    auth::{CredentialConfig, Credentials, TokenDeps},
    config::{self, Env, Paths, Settings, Target},
    hub::{Plan, PlanConnection, Rules, Shown, Source},
    kind::{AuthKind, StoreKind, Transport},
    name::{ConnectionName, Tenant},
    template::Template,
    upstream::{BreakerTimes, UpstreamConfig},
    vault::VaultHandle,
};
use std::sync::Arc;

/// Which connections a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    All,
    These(Vec<ConnectionName>),
    /// Exactly one, its names untouched, none of our own tools.
    Plain(ConnectionName),
}

/// Makes plans from settings, the same way at the start and after every change.
pub(super) struct Maker<'a> {
    pub(super) paths: &'a Paths,
    pub(super) env: &'a Arc<Env>,
    pub(super) tenant: &'a Tenant,
    pub(super) only: &'a Only,
    /// What renewing a sign-in stands on.
    pub(super) tokens: &'a TokenDeps,
    /// Streams are kept open for what upstreams say of their own accord.
    pub(super) listen: bool,
}

impl Maker<'_> {
    pub(super) fn plan(&self, settings: &Settings) -> Plan {
        let kind = settings.store.unwrap_or(StoreKind::Keychain);
        let vault = open_vault(self.paths, self.env, kind);
        let wanted = |connection: &&config::Connection| match self.only {
            Only::Plain(name) => *name == connection.name,
            Only::All | Only::These(_) => true,
        };
        let connections = settings.connections.iter().filter(wanted);
        Plan {
            connections: connections.map(|c| self.connection(settings, c, &vault)).collect(),
            plain: matches!(self.only, Only::Plain(_)),
            signs_in: false,
            own_tools: settings.own_tools.clone(),
            max_result: settings.max_result,
            config_error: None,
            with_hidden: false,
        }
    }

    fn connection(
        &self,
        settings: &Settings,
        connection: &config::Connection,
        vault: &VaultHandle,
    ) -> PlanConnection {
        let name = &connection.name;
        let shown = match self.only {
            _ if !connection.enabled => Shown::Disabled,
            Only::These(names) if !names.contains(name) => Shown::NotSelected,
            _ => Shown::Yes,
        };
        let (source, problem) = match self.upstream(connection, vault) {
            Ok(upstream) => (Source::Upstream(Box::new(upstream)), None),
            Err(problem) => (Source::None, Some(problem)),
        };
        PlanConnection {
            name: name.clone(),
            account: self.tenant.account(name),
            auth: connection.auth,
            target: connection.target_source().to_owned(),
            fingerprint: fingerprint(connection, vault),
            shown,
            problem,
            rules: Rules {
                allow: connection.allow.clone(),
                deny: connection.deny.clone(),
                write: connection.write,
                destructive: connection.destructive,
            },
            pin: connection.pin.unwrap_or(settings.pin),
            source,
        }
    }

    fn upstream(
        &self,
        connection: &config::Connection,
        vault: &VaultHandle,
    ) -> Result<UpstreamConfig, String> {
        let url = target(connection)?;
        let (first, max) = (connection.breaker.first, connection.breaker.max);
        Ok(UpstreamConfig {
            name: connection.name.clone(),
            shown_url: url.source().to_owned(),
            credentials: Credentials::with_tokens(
                self.credential(connection, url),
                vault.clone(),
                self.tokens.clone(),
            ),
            timeout: connection.timeout,
            connect_timeout: connection.connect_timeout,
            breaker: BreakerTimes { first, max },
            listen: self.listen,
            known_era: None,
            allow_http: false,
        })
    }

    fn credential(&self, connection: &config::Connection, url: Template) -> CredentialConfig {
        let env = Arc::clone(self.env);
        CredentialConfig {
            name: connection.name.clone(),
            account: self.tenant.account(&connection.name),
            auth: connection.auth,
            oauth: oauth_read(&connection.oauth),
            url,
            headers: connection.headers.clone(),
            params: connection.params.clone(),
            tenant: self.tenant.clone(),
            env: Arc::new(move |name| env.var(name)),
            sign_in_optional: false,
            token_override: self.env.token_for(&connection.name),
        }
    }
}

/// The URL of a connection that this version can serve, or why it cannot.
fn target(connection: &config::Connection) -> Result<Template, String> {
    if let Some(problem) = &connection.problem {
        return Err(problem.clone());
    }
    match connection.auth {
        AuthKind::None | AuthKind::Key | AuthKind::OAuth | AuthKind::ClientCredentials => {}
        other @ AuthKind::Enterprise => {
            return Err(format!("auth = \"{other}\" is not in this version"));
        }
    }
    match connection.transport {
        Transport::Auto | Transport::Http => {}
        other => return Err(format!("transport = \"{other}\" is not in this version")),
    }
    match &connection.target {
        Target::Url(url) => Ok(url.clone()),
        Target::Provider { id, .. } => {
            Err(format!("provider {id:?} is not in this version; give a url"))
        }
        Target::Command { .. } => Err("local servers are not in this version".to_owned()),
        Target::None => Err("it has no url".to_owned()),
    }
}

/// Equal as long as a session may go on. Holds templates, never values.
fn fingerprint(connection: &config::Connection, vault: &VaultHandle) -> String {
    let config::Connection {
        target,
        auth,
        oauth,
        transport,
        timeout,
        headers,
        params,
        breaker,
        connect_timeout,
        problem,
        ..
    } = connection;
    let store = vault.kind();
    format!(
        "{target:?} {auth} {oauth:?} {transport} {timeout:?} {headers:?} {params:?} {breaker:?} \
         {connect_timeout:?} {problem:?} {store}"
    )
}
