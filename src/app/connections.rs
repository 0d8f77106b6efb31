//! The configuration and the secret store, as `connect` wants them.

use crate::{
    config::{self, ConfigError, Env, Paths, settings::Settings},
    connect::{self, AddError, ConnectionStore, NewConnection},
    kind::StoreKind,
    name::ConnectionName,
    net::{Net, NetConfig},
    store::tool_cache::ListCache,
    task::Shutdown,
    vault::{VaultConfig, VaultHandle},
};
use std::sync::Arc;

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

/// What connecting stands on. `remember` is the store that is written into the settings
/// together with the first entry that needs one.
pub fn connect_deps(
    paths: &Paths,
    env: &Arc<Env>,
    settings: &Settings,
    vault: VaultHandle,
    remember: Option<StoreKind>,
) -> connect::Deps {
    let lookup = Arc::clone(env);
    connect::Deps {
        net: net(settings),
        vault,
        cache: ListCache::new(paths.lists()),
        shutdown: Shutdown::new(),
        connections: Arc::new(ConfigFile { paths: paths.clone(), env: Arc::clone(env), remember }),
        env: Arc::new(move |name| lookup.var(name)),
    }
}

/// config.toml behind the trait that `connect` knows.
struct ConfigFile {
    paths: Paths,
    env: Arc<Env>,
    remember: Option<StoreKind>,
}

impl ConnectionStore for ConfigFile {
    fn connections(&self) -> Vec<(ConnectionName, String)> {
        let settings = config::load(&self.paths, &self.env).settings;
        let target =
            |c: &config::settings::Connection| (c.name.clone(), c.target_source().to_owned());
        settings.connections.iter().map(target).collect()
    }

    fn add(&self, new: &NewConnection, replace: bool) -> Result<(), AddError> {
        let entry = config::NewConnection {
            name: new.name.clone(),
            url: new.url.clone(),
            auth: new.auth,
            headers: new.headers.clone(),
            params: new.params.clone(),
            allow: new.allow.clone(),
            enabled: true,
        };
        let failed = |error: ConfigError| match error {
            ConfigError::Taken { .. } => AddError::Taken,
            other => AddError::Failed(other.to_string()),
        };
        if let Some(kind) = self.remember
            && new.auth != crate::kind::AuthKind::None
        {
            config::set_store(&self.paths, kind).map_err(failed)?;
        }
        let add = if replace { config::replace_connection } else { config::add_connection };
        add(&self.paths, &entry).map_err(failed)?;
        // The copy for bad times; without it everything works but a broken file later.
        if let Err(error) = config::remember_good(&self.paths) {
            tracing::warn!(%error, "no copy of the configuration was kept");
        }
        Ok(())
    }
}
