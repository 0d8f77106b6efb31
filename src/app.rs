//! The composition root: what the user has decided becomes a running aggregate.
//!
//! Owns the order in which the rooms are built, the hot reload of the configuration and the
//! shutdown. May name every room but `cli` and `ui`. Called by `cli`. It builds and never decides.
//!
//! Building touches two things on the disk: the configuration and the last known lists. No
//! network, no keychain, no TLS before something asks for them.

mod plan;
mod reload;

use crate::{
    config::{self, Env, Loaded, Paths, Settings, Watch},
    hub::{Hub, HubConfig},
    kind::StoreKind,
    name::{Tenant, nearest},
    net::{Net, NetConfig},
    serve,
    store::{AccessLog, HealthStore, ListCache, LogReader, PinStore},
    task::Shutdown,
    upstream::{Deps, Event},
    vault::{VaultConfig, VaultHandle},
};
use arc_swap::ArcSwap;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// Events of upstreams that may wait for the hub; more make an upstream wait.
const EVENTS: usize = 64;

/// How long the sessions have to say goodbye.
const GOODBYE: Duration = Duration::from_millis(700);

/// How long whatever must not be lost may take to be written.
const SAVING: Duration = Duration::from_secs(5);

/// What a command line says of the whole process.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Only these connections; empty: all. Unknown ones are warned of.
    pub only: Vec<String>,
    /// Only the connections of this profile.
    pub profile: Option<String>,
    /// Exactly this connection, its names untouched, none of our own tools.
    pub plain: Option<String>,
    pub tenant: Tenant,
    /// Cleartext http is taken off loopback too (`bridge --allow-http`).
    pub allow_http: bool,
    /// Look at the last known lists of hidden connections too, and at changed definitions: for
    /// commands that show them.
    pub show_all: bool,
    /// Keep streams open on which upstreams tell of changes: for servers, not for commands.
    pub listen: bool,
}

/// Why there is no aggregate.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("no {what} is called {name:?}{}", .nearest.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// "connection" or "profile".
        what: &'static str,
        name: String,
        nearest: Option<String>,
    },
}

/// Everything that a command works with.
pub struct App {
    pub paths: Paths,
    pub env: Arc<Env>,
    pub flags: Flags,
    pub hub: Hub,
    pub net: Net,
    pub lists: ListCache,
    pub pins: PinStore,
    pub health: HealthStore,
    pub log: AccessLog,
    pub shutdown: Shutdown,
    current: ArcSwap<Current>,
    /// Made before the configuration is read, so that no change falls in between.
    watch: Mutex<Option<Watch>>,
}

/// What a change of the configuration replaces.
struct Current {
    settings: Settings,
    vault: VaultHandle,
    store: StoreKind,
    /// Why the file cannot be used; the settings are then those of before.
    config_error: Option<String>,
}

impl App {
    /// Reads the configuration and builds what it says; a file that cannot be used leaves the
    /// last good one in use.
    pub fn open(paths: Paths, env: Env, flags: Flags) -> Result<Self, AppError> {
        let watch = Watch::new(&paths.config_file);
        let Loaded { settings, error, .. } = config::load(&paths, &env);
        Self::build(paths, env, flags, settings, error.map(|e| reload::told(&e)), Some(watch))
    }

    /// The same for settings that stand in no file, such as those of `bridge`.
    pub fn of(paths: Paths, env: Env, flags: Flags, settings: Settings) -> Result<Self, AppError> {
        Self::build(paths, env, flags, settings, None, None)
    }

    fn build(
        paths: Paths,
        env: Env,
        flags: Flags,
        settings: Settings,
        config_error: Option<String>,
        watch: Option<Watch>,
    ) -> Result<Self, AppError> {
        check(&settings, &flags)?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(error) = &config_error {
            tracing::warn!("the configuration cannot be used: {error}");
        }
        let shutdown = Shutdown::new();
        let net = Net::new(net_config(&settings));
        let (events, received) = mpsc::channel::<(_, Event)>(EVENTS);
        let lists = ListCache::new(paths.cache.join("lists"));
        let pins = PinStore::new(paths.state.join("pins"));
        let health = HealthStore::new(paths.state.join("health"));
        let log = AccessLog::new(paths.state.join(ACCESS_LOG));
        let hub = Hub::new(HubConfig {
            cache: lists.clone(),
            pins: pins.clone(),
            health: health.clone(),
            log: log.clone(),
            tenant: flags.tenant.clone(),
            deps: Deps { net: net.clone(), shutdown: shutdown.clone(), events },
            events: received,
        });
        let store = settings.store.unwrap_or(StoreKind::Keychain);
        let vault = open_vault(store, &paths, &env);
        let current = Current { settings, vault, store, config_error };
        let app = Self {
            paths,
            env: Arc::new(env),
            flags,
            hub,
            net,
            lists,
            pins,
            health,
            log,
            shutdown,
            current: ArcSwap::from_pointee(current),
            watch: Mutex::new(watch),
        };
        app.hub.apply(app.plan(&app.current.load()));
        Ok(app)
    }

    /// The settings in use.
    pub fn settings(&self) -> Settings {
        self.current.load().settings.clone()
    }

    /// Why the configuration that stands in the file is not the one in use.
    pub fn config_error(&self) -> Option<String> {
        self.current.load().config_error.clone()
    }

    /// Where secrets are kept now.
    pub fn vault(&self) -> VaultHandle {
        self.current.load().vault.clone()
    }

    /// A reader of the access log.
    pub fn log_reader(&self) -> LogReader {
        LogReader::new(self.paths.state.join(ACCESS_LOG))
    }

    /// Serves one client on standard input and output to its end, and closes everything. Takes
    /// changes of the configuration up while it runs.
    pub async fn serve(self: Arc<Self>) -> io::Result<serve::Ended> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watch) = watch {
            let app = Arc::clone(&self);
            self.shutdown.spawn("config", async move { app.follow(watch).await });
        }
        let options = serve::Options { client: self.env.client.clone() };
        let ended = serve::run(&self.hub, &self.shutdown, &options).await;
        self.close().await;
        ended
    }

    /// Ends every session and every task; what must not be lost is written first.
    pub async fn close(&self) {
        let _late = tokio::time::timeout(GOODBYE, self.hub.close()).await;
        if !self.shutdown.drain(SAVING).await {
            tracing::warn!("not everything could be finished before the end");
        }
    }
}

const ACCESS_LOG: &str = "access.log";

/// Names on the command line that are nobody's.
fn check(settings: &Settings, flags: &Flags) -> Result<(), AppError> {
    let connections = || settings.connections.iter().map(|c| c.name.as_str());
    if let Some(name) = &flags.plain
        && settings.connection(name).is_none()
    {
        return Err(unknown("connection", name, connections()));
    }
    if let Some(name) = &flags.profile
        && !settings.profiles.contains_key(name)
    {
        return Err(unknown("profile", name, settings.profiles.keys().map(String::as_str)));
    }
    for name in flags.only.iter().filter(|name| settings.connection(name).is_none()) {
        tracing::warn!("--only: {}", unknown("connection", name, connections()));
    }
    Ok(())
}

fn unknown<'a>(
    what: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> AppError {
    let nearest = nearest(name, known).map(str::to_owned);
    AppError::Unknown { what, name: name.to_owned(), nearest }
}

fn net_config(settings: &Settings) -> NetConfig {
    NetConfig {
        proxy: settings.proxy.clone(),
        no_proxy: settings.no_proxy.clone(),
        ca_file: settings.ca_file.clone(),
    }
}

fn open_vault(kind: StoreKind, paths: &Paths, env: &Env) -> VaultHandle {
    let (dir, dbus_address) = (paths.data.clone(), env.dbus_address.clone());
    VaultHandle::open(VaultConfig { kind, dir, dbus_address })
}

#[cfg(test)]
mod tests;
