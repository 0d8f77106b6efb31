//! Taking changes of the configuration up while a server runs.

use super::{App, Current, open_vault};
use crate::{
    config::{self, ConfigError, Loaded, Settings, Watch},
    kind::StoreKind,
    task, text,
};
use std::{error::Error as _, path::PathBuf, sync::Arc, time::Duration};

/// How long after the start the copy of a good configuration is kept: not in the way of the
/// first answers.
const SETTLED: Duration = Duration::from_secs(1);

impl App {
    pub(super) async fn follow(self: Arc<Self>, mut watch: Watch) {
        if self.config_error().is_none() {
            tokio::time::sleep(SETTLED).await;
            self.remember().await;
        }
        loop {
            watch.changed().await;
            let app = Arc::clone(&self);
            let loaded = task::blocking(move || config::load(&app.paths, &app.env)).await;
            if let Ok(loaded) = loaded {
                self.take_up(loaded).await;
            }
        }
    }

    /// Becomes what the file says now. One that cannot be used changes nothing but the message
    /// that says so.
    pub(super) async fn take_up(&self, loaded: Loaded) {
        let before = self.current.load_full();
        let next = match loaded.error {
            Some(error) => {
                let error = told(&error);
                tracing::warn!("the configuration cannot be used, the last good one goes on: {error}");
                Current {
                    settings: before.settings.clone(),
                    vault: before.vault.clone(),
                    store: before.store,
                    config_error: Some(error),
                }
            }
            None => {
                let settings = loaded.settings;
                for warning in &settings.warnings {
                    if !before.settings.warnings.contains(warning) {
                        tracing::warn!("{warning}");
                    }
                }
                if network(&settings) != network(&before.settings) {
                    tracing::warn!("the proxy and the certificates are taken up after a restart");
                }
                let store = settings.store.unwrap_or(StoreKind::Keychain);
                let vault = if store == before.store {
                    before.vault.clone()
                } else {
                    open_vault(store, &self.paths, &self.env)
                };
                Current { settings, vault, store, config_error: None }
            }
        };
        let good = next.config_error.is_none();
        self.hub.apply(self.plan(&next));
        self.current.store(Arc::new(next));
        if good {
            self.remember().await;
        }
    }

    /// Keeps a copy of the configuration for the day when it is broken.
    async fn remember(&self) {
        let paths = self.paths.clone();
        if let Ok(Err(error)) = task::blocking(move || config::remember_good(&paths)).await {
            tracing::debug!("no copy of the configuration is kept: {error}");
        }
    }
}

/// What the one client factory was built from.
fn network(settings: &Settings) -> (&Option<String>, &Option<String>, &Option<PathBuf>) {
    (&settings.proxy, &settings.no_proxy, &settings.ca_file)
}

/// The error in one line, with its causes.
pub(super) fn told(error: &ConfigError) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out.push_str(": ");
        out.push_str(&error.to_string());
        cause = error.source();
    }
    text::line(&out, 500)
}
