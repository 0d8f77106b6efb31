//! The composition root: settings in, a working whole out. Builds, never decides.
//!
//! Owns how rooms are put together and how a running server follows its configuration. May name
//! every room but `cli` and `ui`. Called by `cli`.

mod bridge;
mod connections;
mod plan;
pub mod report;
mod server;

pub use bridge::{BRIDGE, Bridge, bridge, bridge_name};
pub use connections::{browser, connect_deps, connect_lock, net, open_vault};
pub use plan::Only;
pub use server::{ServeError, ServeOptions, serve};

use crate::{
    auth::TokenDeps,
    catalog::Registry,
    config::{self, Env, Paths, Settings},
    connect::{self, Links, LinksConfig},
    hub::{Hub, HubConfig, Plan, own},
    kind::StoreKind,
    name::{ConnectionName, Tenant},
    page::browser::Browser,
    store::{
        MemoryStore, access_log::AccessLog, grants::GrantStore, health::HealthStore,
        pins::PinStore, tool_cache::ListCache,
    },
    task::Shutdown,
    upstream::{Deps, Event, Limits},
    wire::Declared,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How many things upstreams may have told before the hub has looked at them.
const EVENTS: usize = 64;

/// How long ending all sessions may take, and then the tasks that must not be cut short: after a
/// signal, when two seconds are all, and else. A renewal that is cut between the answer and the
/// vault costs the session (codex#26516).
const CLOSING: Duration = Duration::from_millis(500);
const AFTER_SIGNAL: Duration = Duration::from_millis(300);
const LAST_TASKS: Duration = Duration::from_secs(5);

/// Which connections a command looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that clients see.
    Enabled,
    /// Disabled ones too: their last known lists are read.
    All,
}

/// The hub and what it stands on.
pub struct App {
    pub hub: Hub,
    pub shutdown: Shutdown,
    /// What renewing a sign-in stands on.
    pub tokens: TokenDeps,
    links: Option<Links>,
}

impl App {
    /// For one command: everything that is connected, nothing listened to. Touches no network
    /// and no keychain.
    pub fn build(
        paths: &Paths,
        env: &Arc<Env>,
        settings: &Settings,
        tenant: &Tenant,
        scope: Scope,
    ) -> Self {
        let app = Self::empty(paths, settings, tenant, None, own::Deps::default());
        let (only, tokens) = (&Only::All, &app.tokens);
        let catalog = Registry::new(paths.providers());
        let (listen, read_only, mode) = (false, false, None);
        let maker =
            plan::Maker { paths, env, tenant, only, tokens, mode, listen, read_only, catalog };
        app.hub.apply(Plan { with_hidden: scope == Scope::All, ..maker.plan(settings) });
        app
    }

    /// For a client, which is given links by which its user can sign in.
    /// `reload` takes the configuration up at once.
    fn serving(
        paths: &Paths,
        env: &Arc<Env>,
        settings: &Settings,
        tenant: &Tenant,
        reporter: Option<Arc<dyn own::Reporter>>,
        reload: Option<own::Reload>,
    ) -> Self {
        let kind = settings.store.unwrap_or(StoreKind::Keychain);
        let vault = open_vault(paths, env, kind);
        let deps = connect_deps(paths, env, settings, vault, None);
        let own = own::Deps { reload, reporter, ..own::Deps::default() };
        Self::empty(paths, settings, tenant, Some((deps, browser(env, settings))), own)
    }

    /// A hub without connections.
    fn empty(
        paths: &Paths,
        settings: &Settings,
        tenant: &Tenant,
        connect: Option<(connect::Deps, Browser)>,
        own: own::Deps,
    ) -> Self {
        let shutdown =
            connect.as_ref().map_or_else(Shutdown::new, |(deps, _)| deps.shutdown.clone());
        let life = settings.link_life;
        let links = connect.map(|(deps, browser)| Links::new(deps, LinksConfig { life, browser }));
        let (sender, events) = mpsc::channel::<(ConnectionName, Event)>(EVENTS);
        let net = net(settings);
        let tokens = TokenDeps {
            net: net.clone(),
            grants: GrantStore::new(paths.grants()),
            shutdown: shutdown.clone(),
        };
        let declared = Declared::default();
        let deps = Deps {
            net,
            shutdown: shutdown.clone(),
            events: sender,
            declared,
            limits: Limits::default(),
        };
        let hub = Hub::new(HubConfig {
            cache: ListCache::new(paths.lists()),
            pins: PinStore::new(paths.pins()),
            health: HealthStore::new(paths.health()),
            log: AccessLog::new(paths.access_log()),
            tenant: tenant.clone(),
            deps,
            events,
            links: links.clone(),
            own: own::Deps {
                providers: Some(paths.providers()),
                memory: Some(MemoryStore::new(paths.memory())),
                ..own
            },
        });
        Self { hub, shutdown, tokens, links }
    }

    /// Ends every session and waits for what must not be cut short.
    pub async fn end(&self) {
        self.end_within(LAST_TASKS).await;
    }

    async fn end_after(&self, ended: crate::serve::Ended) {
        let hurry = ended == crate::serve::Ended::Signal;
        self.end_within(if hurry { AFTER_SIGNAL } else { LAST_TASKS }).await;
    }

    async fn end_within(&self, grace: Duration) {
        // After a signal we have two seconds in all: a dead upstream does not get them.
        let _late = tokio::time::timeout(CLOSING, self.hub.close()).await;
        self.shutdown.drain(grace).await;
    }
}

/// Keeps a copy of the configuration for bad times. Without it everything works, but a file that
/// is broken later.
pub fn remember_good(paths: &Paths) {
    if let Err(error) = config::remember_good(paths) {
        tracing::warn!(%error, "no copy of the configuration was kept");
    }
}
