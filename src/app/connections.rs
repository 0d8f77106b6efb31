//! The configuration and the secret store, as `connect` wants them.

use crate::{
    auth::{ManualProfile, OAuthConfig, ResourceRule},
    catalog::Registry,
    config::{self, Env, Paths, settings::Settings},
    connect::{self, AddError, ConnectionStore, Entered, Provider},
    disk::{
        atomic,
        lock::{FileLock, LockError},
    },
    kind::StoreKind,
    name::{ConnectionName, Tenant},
    net::{Net, NetConfig},
    page::browser::Browser,
    store::{GrantStore, HealthStore, PinStore, tool_cache::ListCache},
    task::Shutdown,
    vault::{VaultConfig, VaultHandle},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long one who wants to save waits for the others; a keychain may take its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The store of this kind; nothing is touched before the first use.
pub fn open_vault(paths: &Paths, env: &Env, kind: StoreKind) -> VaultHandle {
    VaultHandle::open(VaultConfig {
        kind,
        dir: paths.data.clone(),
        dbus_address: env.dbus_address.clone(),
    })
}

/// The HTTP clients as the settings want them; none is built yet.
pub fn net(settings: &Settings) -> Net {
    Net::new(NetConfig {
        proxy: settings.proxy.clone(),
        no_proxy: settings.no_proxy.clone(),
        ca_file: settings.ca_file.clone(),
    })
}

/// The user's browser, as the settings and the environment say.
pub fn browser(env: &Env, settings: &Settings) -> Browser {
    Browser { command: settings.browser.clone(), desktop: env.desktop }
}

/// What connecting stands on. `remember` is the store that is written into the settings
/// together with the first entry that needs one.
pub fn connect_deps(
    paths: &Paths,
    env: &Arc<Env>,
    settings: &Settings,
    vault: VaultHandle,
    remember: Option<StoreKind>,
) -> connect::Deps {
    let (lookup, tokens) = (Arc::clone(env), Arc::clone(env));
    let kind = vault.kind();
    let connections = ConfigFile { paths: paths.clone(), env: Arc::clone(env), remember, kind };
    connect::Deps {
        net: net(settings),
        vault,
        cache: ListCache::new(paths.lists()),
        grants: GrantStore::new(paths.grants()),
        health: HealthStore::new(paths.health()),
        pins: PinStore::new(paths.pins()),
        shutdown: Shutdown::new(),
        connections: Arc::new(connections),
        env: Arc::new(move |name| lookup.var(name)),
        token: Arc::new(move |name| tokens.token_for(name)),
    }
}

/// config.toml behind the trait that `connect` knows.
struct ConfigFile {
    paths: Paths,
    env: Arc<Env>,
    remember: Option<StoreKind>,
    /// Where secrets go as long as the settings do not say.
    kind: StoreKind,
}

impl ConnectionStore for ConfigFile {
    fn connections(&self) -> Vec<Entered> {
        let settings = config::load(&self.paths, &self.env).settings;
        let registry = Registry::new(self.paths.providers());
        let entered = |c: config::Connection| {
            let headers = c.headers.iter();
            let headers = headers.map(|(k, v)| (k.clone(), v.source().to_owned())).collect();
            let params = c.params.iter();
            let params = params.map(|(k, v)| (k.clone(), v.source().to_owned())).collect();
            let mut entered = Entered {
                url: c.target_source().to_owned(),
                auth: c.auth,
                oauth: oauth_read(&c.oauth),
                headers,
                params,
                allow: c.allow.clone(),
                problem: c.problem.clone(),
                provider: None,
                name: c.name.clone(),
            };
            match provider_of(&registry, &c).transpose() {
                None => {}
                Some(Ok(provider)) => {
                    // The parameters with those that have a default.
                    if let Ok(resolved) = provider.resolve(&entered.params, &Tenant::default()) {
                        entered.params = resolved.params;
                        entered.auth = if c.said_auth { c.auth } else { resolved.auth };
                    }
                    entered.provider = Some(provider);
                }
                Some(Err(problem)) => entered.problem = entered.problem.or(Some(problem)),
            }
            entered
        };
        settings.connections.into_iter().map(entered).collect()
    }

    fn set_auth(&self, name: &ConnectionName, auth: crate::kind::AuthKind) -> Result<(), AddError> {
        let key = format!("connections.{name}.auth");
        let set = config::set_key(&self.paths, &key, auth.word());
        set.map_err(|error| AddError(error.to_string()))?;
        super::remember_good(&self.paths);
        Ok(())
    }

    fn add(&self, new: &Entered, replace: bool) -> Result<(), AddError> {
        let keyed = new.auth != crate::kind::AuthKind::None;
        let entry = config::NewConnection {
            name: new.name.clone(),
            target: match &new.provider {
                None => config::NewTarget::Url(new.url.clone()),
                Some(provider) => config::NewTarget::Provider {
                    id: provider.manifest.id.clone(),
                    way: provider.manifest.has_choice().then(|| provider.way.clone()),
                    base_url: provider.base_url.clone(),
                },
            },
            auth: new.auth,
            oauth: oauth_written(new.provider.as_ref().map_or(&new.oauth, |p| &p.oauth)),
            headers: new.provider.as_ref().map_or(&new.headers, |p| &p.headers).clone(),
            params: new.params.clone(),
            allow: new.allow.clone(),
            enabled: true,
            store: self.store_to_remember().filter(|_| keyed),
        };
        let add = if replace { config::replace_connection } else { config::add_connection };
        add(&self.paths, &entry).map_err(|error| AddError(error.to_string()))?;
        // The copy for bad times; without it everything works but a broken file later.
        if let Err(error) = config::remember_good(&self.paths) {
            tracing::warn!(%error, "no copy of the configuration was kept");
        }
        Ok(())
    }

    fn remove(&self, name: &ConnectionName) -> Result<bool, AddError> {
        let removed = config::remove_connection(&self.paths, name);
        let removed = removed.map_err(|error| AddError(error.to_string()))?;
        if removed {
            super::remember_good(&self.paths);
        }
        Ok(removed)
    }

    fn lock(&self) -> Result<FileLock, AddError> {
        connect_lock(&self.paths).map_err(|error| AddError(error.to_string()))
    }
}

impl ConfigFile {
    /// The first secret decides where all of them are.
    fn store_to_remember(&self) -> Option<StoreKind> {
        self.remember.or_else(|| {
            let settings = config::load(&self.paths, &self.env).settings;
            settings.remembered_store.is_none().then_some(self.kind)
        })
    }
}

/// Whoever changes a credential and its entry together holds this, so that two at once never mix
/// the key of one with the entry of the other. Blocks.
pub fn connect_lock(paths: &Paths) -> Result<FileLock, LockError> {
    FileLock::acquire(&atomic::beside(&paths.config_file, ".connect.lock"), PATIENCE)
}

/// The provider that an entry names; `None` for one that names none.
///
/// # Errors
/// There is none of that name, its manifest has faults, or it has no such way to sign in.
pub(super) fn provider_of(
    registry: &Registry,
    connection: &config::Connection,
) -> Result<Option<Provider>, String> {
    let config::Target::Provider { id, way, base_url } = &connection.target else {
        return Ok(None);
    };
    let manifest = registry.get(id).map_err(|error| error.to_string())?;
    let params: BTreeMap<String, String> = connection
        .params
        .iter()
        .map(|(name, value)| (name.clone(), value.source().to_owned()))
        .collect();
    // Without a way the entry's `auth` says which.
    let kind = connection.said_auth.then(|| connection.auth.word());
    let word = way.as_deref().or(kind);
    let way = manifest.ways(word, &params).first().map(|way| way.id.clone());
    let way = way.ok_or_else(|| {
        format!("the provider {id} has no way to sign in called {:?}", word.unwrap_or_default())
    })?;
    Ok(Some(Provider {
        way,
        base_url: base_url.clone(),
        headers: connection
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.source().to_owned()))
            .collect(),
        oauth: oauth_read(&connection.oauth),
        manifest,
    }))
}

/// What the file says of a sign-in, as `auth` wants it.
pub(super) fn oauth_read(oauth: &config::OAuth) -> OAuthConfig {
    let resource = match &oauth.resource {
        config::Resource::Announced => ResourceRule::Announced,
        config::Resource::Never => ResourceRule::Never,
        config::Resource::Exactly(value) => ResourceRule::Exactly(value.clone()),
    };
    // Half of it is a problem of the connection, for which nothing is sent then.
    let both = oauth.authorize_url.clone().zip(oauth.token_url.clone());
    let manual = both.map(|(authorize_url, token_url)| ManualProfile {
        authorize_url,
        token_url,
        revoke_url: oauth.revoke_url.clone(),
        token_body: oauth.token_body,
        token_params: oauth.token_params.clone(),
        account: None,
    });
    OAuthConfig {
        client_id: oauth.client_id.clone(),
        client_metadata_url: oauth.client_metadata_url.clone(),
        scopes: oauth.scopes.clone(),
        resource,
        issuer: oauth.issuer.clone(),
        callback_port: oauth.callback_port,
        callback_host: oauth.callback_host.clone(),
        authorize_params: oauth.authorize_params.clone(),
        authorize_omit: oauth.authorize_omit.clone(),
        pkce: oauth.pkce,
        registration_url: oauth.registration_url.clone(),
        manual,
    }
}

fn oauth_written(oauth: &OAuthConfig) -> config::OAuth {
    let resource = match &oauth.resource {
        ResourceRule::Announced => config::Resource::Announced,
        ResourceRule::Never => config::Resource::Never,
        ResourceRule::Exactly(value) => config::Resource::Exactly(value.clone()),
    };
    let manual = oauth.manual.as_ref();
    config::OAuth {
        client_id: oauth.client_id.clone(),
        client_metadata_url: oauth.client_metadata_url.clone(),
        scopes: oauth.scopes.clone(),
        resource,
        issuer: oauth.issuer.clone(),
        callback_port: oauth.callback_port,
        callback_host: oauth.callback_host.clone(),
        authorize_params: oauth.authorize_params.clone(),
        authorize_omit: oauth.authorize_omit.clone(),
        pkce: oauth.pkce,
        registration_url: oauth.registration_url.clone(),
        authorize_url: manual.map(|manual| manual.authorize_url.clone()),
        token_url: manual.map(|manual| manual.token_url.clone()),
        revoke_url: manual.and_then(|manual| manual.revoke_url.clone()),
        token_body: manual.map(|manual| manual.token_body).unwrap_or_default(),
        token_params: manual.map(|manual| manual.token_params.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{AuthorizeParam, Pkce, TokenBody};

    #[test]
    fn what_the_file_says_of_a_sign_in_comes_back_to_it() {
        let params = || [("a".to_owned(), "b".to_owned())].into();
        let url = |text: &str| Some(text.parse().unwrap());
        let full = config::OAuth {
            client_id: Some("c".to_owned()),
            client_metadata_url: Some("https://a.example/x".to_owned()),
            scopes: vec!["s".to_owned()],
            resource: config::Resource::Never,
            issuer: Some("https://as.example".to_owned()),
            callback_port: Some(1),
            callback_host: Some("localhost".to_owned()),
            authorize_params: params(),
            authorize_omit: vec![AuthorizeParam::Scope],
            pkce: Some(Pkce::Unsupported),
            registration_url: url("https://as.example/r"),
            authorize_url: url("https://${param:p}.example/a"),
            token_url: url("https://h/t"),
            revoke_url: url("https://h/r"),
            token_body: TokenBody::Json,
            token_params: params(),
        };
        assert_eq!(oauth_written(&oauth_read(&full)), full);
        // A half is never taken for a whole.
        let half = config::OAuth { authorize_url: None, ..full };
        assert_eq!(oauth_read(&half).manual, None);
    }
}
