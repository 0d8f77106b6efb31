//! From the settings to the hub's plan.

use super::{App, Current};
use crate::{
    auth::{CredentialConfig, Credentials, EnvLookup},
    config::{Connection, Target},
    hub::{Plan, PlanConnection, Rules, Shown, Source},
    kind::{AuthKind, Transport},
    template::Template,
    upstream::{BreakerTimes, UpstreamConfig},
};
use std::sync::Arc;

impl App {
    pub(super) fn plan(&self, current: &Current) -> Plan {
        let settings = &current.settings;
        let kept = |c: &&Connection| {
            self.flags.plain.as_ref().is_none_or(|plain| plain == c.name.as_str())
        };
        let connections = settings.connections.iter().filter(kept);
        Plan {
            connections: connections.map(|c| self.connection(c, current)).collect(),
            plain: self.flags.plain.is_some(),
            own_tools: settings.own_tools.clone(),
            max_result: settings.max_result,
            config_error: current.config_error.clone(),
            with_hidden: self.flags.show_all,
        }
    }

    fn connection(&self, c: &Connection, current: &Current) -> PlanConnection {
        let account = self.flags.tenant.account(&c.name);
        let (source, problem) = match reachable(c) {
            Ok(url) => (self.upstream(c, url, &account, current), None),
            Err(problem) => (Source::None, Some(problem)),
        };
        PlanConnection {
            name: c.name.clone(),
            account,
            auth: c.auth,
            target: c.target_source().to_owned(),
            fingerprint: fingerprint(c, current),
            shown: self.shown(c, current),
            problem,
            rules: Rules {
                allow: c.allow.clone(),
                deny: c.deny.clone(),
                write: c.write,
                destructive: c.destructive,
            },
            pin: c.pin.unwrap_or(current.settings.pin),
            source,
        }
    }

    fn upstream(
        &self,
        c: &Connection,
        url: &Template,
        account: &str,
        current: &Current,
    ) -> Source {
        let env = Arc::clone(&self.env);
        let lookup: EnvLookup = Arc::new(move |name| env.var(name));
        let credentials = CredentialConfig {
            name: c.name.clone(),
            account: account.to_owned(),
            auth: c.auth,
            url: url.clone(),
            headers: c.headers.clone(),
            params: c.params.clone(),
            tenant: self.flags.tenant.clone(),
            env: lookup,
            token_override: self.env.token_for(&c.name),
        };
        Source::Upstream(Box::new(UpstreamConfig {
            name: c.name.clone(),
            shown_url: url.source().to_owned(),
            credentials: Credentials::new(credentials, current.vault.clone()),
            timeout: c.timeout,
            connect_timeout: c.connect_timeout,
            breaker: BreakerTimes { first: c.breaker.first, max: c.breaker.max },
            listen: self.flags.listen,
            known_era: None,
            allow_http: self.flags.allow_http,
        }))
    }

    fn shown(&self, c: &Connection, current: &Current) -> Shown {
        let flags = &self.flags;
        let profile = flags.profile.as_ref().map(|name| {
            current.settings.profiles.get(name).is_some_and(|names| names.contains(&c.name))
        });
        let only = (!flags.only.is_empty())
            .then(|| flags.only.iter().any(|name| name == c.name.as_str()));
        match (c.enabled, only, profile) {
            (false, ..) => Shown::Disabled,
            (true, Some(false), _) | (true, _, Some(false)) => Shown::NotSelected,
            _ => Shown::Yes,
        }
    }
}

/// The URL of a connection that this version can use, or what is wrong with its entry.
fn reachable(c: &Connection) -> Result<&Template, String> {
    if let Some(problem) = &c.problem {
        return Err(problem.clone());
    }
    let later = |what: String| Err(format!("{what} cannot be used in this version"));
    match c.auth {
        AuthKind::None | AuthKind::Key => {}
        other => return later(format!("auth = \"{other}\"")),
    }
    match (&c.target, c.transport) {
        (Target::Url(url), Transport::Auto | Transport::Http) => Ok(url),
        (Target::Url(_), other) => later(format!("transport = \"{other}\"")),
        (Target::Provider { id, .. }, _) => later(format!("provider = {id:?}")),
        (Target::Command { .. }, _) => later("command".to_owned()),
        (Target::None, _) => Err("it has neither url nor provider nor command".to_owned()),
    }
}

/// Everything that a session depends on: what a change of which ends it.
fn fingerprint(c: &Connection, current: &Current) -> String {
    let Connection { target, auth, transport, timeout, headers, params, .. } = c;
    let Connection { breaker, connect_timeout, .. } = c;
    format!(
        "{target:?} {auth} {transport} {timeout:?} {headers:?} {params:?} {breaker:?} \
         {connect_timeout:?} {}",
        current.store
    )
}
