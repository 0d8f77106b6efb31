//! From settings to what the hub is told to be.

use super::connections::{oauth_read, open_vault, provider_of};
use crate::{
    auth::{CredentialConfig, Credentials, OAuthConfig, TokenDeps},
    catalog::{Manifest, Registry},
    config::{self, Env, Paths, Settings, Target},
    hub::{Patience, Plan, PlanConnection, Policy, Rules, Shown, Source},
    kind::{AuthKind, Mode, StoreKind, Transport},
    name::{ConnectionName, Tenant},
    template::Template,
    upstream::{Api, BreakerTimes, UpstreamConfig},
    vault::VaultHandle,
};
use std::{collections::BTreeMap, sync::Arc};

/// Which connections a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    All,
    These(Vec<ConnectionName>),
    /// Those of a profile, as the configuration of the moment has it.
    Profile(String),
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
    /// How tools are shown, where that was said at the start.
    pub(super) mode: Option<Mode>,
    /// Streams are kept open for what upstreams say of their own accord.
    pub(super) listen: bool,
    /// Only what is marked read-only is shown.
    pub(super) read_only: bool,
    /// Providers by id; those of the user's folder as they are now.
    pub(super) catalog: Registry,
}

impl Maker<'_> {
    pub(super) fn plan(&self, settings: &Settings) -> Plan {
        let kind = settings.store.unwrap_or(StoreKind::Keychain);
        let vault = open_vault(self.paths, self.env, kind);
        let wanted = |connection: &&config::Connection| match self.only {
            Only::Plain(name) => *name == connection.name,
            Only::All | Only::These(_) | Only::Profile(_) => true,
        };
        let connections = settings.connections.iter().filter(wanted);
        Plan {
            connections: connections.map(|c| self.connection(settings, c, &vault)).collect(),
            plain: matches!(self.only, Only::Plain(_)),
            read_only: self.read_only,
            signs_in: false,
            mode: Some(self.mode.unwrap_or(settings.mode)),
            own_tools: settings.own_tools.clone(),
            max_result: settings.max_result,
            config_error: None,
            patience: Patience { wait: settings.approval_wait, life: settings.approval_life },
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
            // One that is gone shows nothing: it was there to show less.
            Only::Profile(profile)
                if !settings.profiles.get(profile).is_some_and(|names| names.contains(name)) =>
            {
                Shown::NotSelected
            }
            _ => Shown::Yes,
        };
        let (auth, manifest, source, problem) = match self.target(connection) {
            Ok(mut at) => {
                let (auth, manifest) = (at.auth, at.manifest.take());
                let upstream = self.upstream(connection, at, vault);
                (auth, manifest, Source::Upstream(Box::new(upstream)), None)
            }
            Err(problem) => (connection.auth, None, Source::None, Some(problem)),
        };
        let config::Policy { write, destructive, tools } = connection.policy.clone();
        PlanConnection {
            name: name.clone(),
            account: self.tenant.account(name),
            auth,
            target: connection.target_source().to_owned(),
            fingerprint: fingerprint(connection, vault),
            shown,
            problem,
            rules: Rules {
                allow: connection.allow.clone(),
                deny: connection.deny.clone(),
                policy: Policy { write, destructive, tools },
                suggested: manifest.as_deref().map(suggested).unwrap_or_default(),
                read_only: self.read_only,
            },
            pin: connection.pin.unwrap_or(settings.pin),
            manifest,
            source,
        }
    }

    fn upstream(
        &self,
        connection: &config::Connection,
        at: Where,
        vault: &VaultHandle,
    ) -> UpstreamConfig {
        let Where { url, headers, params, auth, oauth, api, also, manifest: _ } = at;
        let (first, max) = (connection.breaker.first, connection.breaker.max);
        let env = Arc::clone(self.env);
        let credential = CredentialConfig {
            name: connection.name.clone(),
            account: self.tenant.account(&connection.name),
            auth,
            oauth,
            url: url.clone(),
            headers,
            params,
            tenant: self.tenant.clone(),
            env: Arc::new(move |name| env.var(name)),
            sign_in_optional: false,
            token_override: self.env.token_for(&connection.name),
            also,
        };
        UpstreamConfig {
            name: connection.name.clone(),
            shown_url: url.source().to_owned(),
            credentials: Credentials::with_tokens(credential, vault.clone(), self.tokens.clone()),
            timeout: connection.timeout,
            connect_timeout: connection.connect_timeout,
            breaker: BreakerTimes { first, max },
            listen: self.listen,
            known_era: None,
            allow_http: false,
            api,
        }
    }

    /// Where a connection leads that this version can serve, or why it cannot.
    fn target(&self, connection: &config::Connection) -> Result<Where, String> {
        if let Some(problem) = &connection.problem {
            return Err(problem.clone());
        }
        match connection.transport {
            Transport::Auto | Transport::Http => {}
            other => return Err(format!("transport = \"{other}\" is not in this version")),
        }
        let at = match &connection.target {
            Target::Url(url) => Where {
                url: url.clone(),
                headers: connection.headers.clone(),
                params: connection.params.clone(),
                auth: connection.auth,
                oauth: oauth_read(&connection.oauth),
                api: None,
                also: None,
                manifest: None,
            },
            Target::Provider { .. } => self.provider(connection)?,
            Target::Command { .. } => {
                return Err("local servers are not in this version".to_owned());
            }
            Target::None => return Err("it has no url".to_owned()),
        };
        match at.auth {
            AuthKind::Enterprise => Err(format!("auth = \"{}\" is not in this version", at.auth)),
            AuthKind::None | AuthKind::Key | AuthKind::OAuth | AuthKind::ClientCredentials => {
                Ok(at)
            }
        }
    }

    fn provider(&self, connection: &config::Connection) -> Result<Where, String> {
        let Some(provider) = provider_of(&self.catalog, connection)? else {
            return Err("it names no provider".to_owned());
        };
        let sources = connection.params.iter();
        let params = sources.map(|(name, value)| (name.clone(), value.source().to_owned()));
        let resolved = provider.resolve(&params.collect(), self.tenant)?;
        let template = |text: &str| text.parse::<Template>().map_err(|error| error.to_string());
        let headers = resolved.headers.iter();
        let params = resolved.params.iter();
        Ok(Where {
            url: template(&resolved.url)?,
            headers: headers
                .map(|(name, value)| Ok((name.clone(), template(value)?)))
                .collect::<Result<_, String>>()?,
            params: params
                .map(|(name, value)| Ok((name.clone(), template(value)?)))
                .collect::<Result<_, String>>()?,
            auth: if connection.said_auth { connection.auth } else { resolved.auth },
            oauth: resolved.oauth,
            also: provider.also(),
            manifest: Some(Arc::clone(&provider.manifest)),
            api: provider.is_api().then(|| Api { manifest: provider.manifest, way: provider.way }),
        })
    }
}

/// Where a connection leads, with all that its provider says.
struct Where {
    url: Template,
    headers: Vec<(String, Template)>,
    params: BTreeMap<String, Template>,
    auth: AuthKind,
    oauth: OAuthConfig,
    api: Option<Api>,
    also: Option<Vec<Template>>,
    manifest: Option<Arc<Manifest>>,
}

/// What holds where the user says nothing.
fn suggested(manifest: &Manifest) -> Policy {
    let Some(policy) = &manifest.policy else { return Policy::default() };
    let tools = policy.tools.iter().map(|(pattern, rule)| (pattern.clone(), *rule)).collect();
    Policy { write: policy.write, destructive: policy.destructive, tools }
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
