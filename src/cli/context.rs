//! What every command stands on: who runs it, where the files are, how to speak.

use super::{
    error::CliError,
    grammar::{BrowserArgs, Global},
};
use crate::{
    app,
    config::{self, ConfigError, Env, Paths, settings::Settings},
    kind::StoreKind,
    name::{ConnectionName, Tenant},
    page::browser::Browser,
    ui::{Audience, Out, Prompter},
    vault::VaultHandle,
};
use std::{io::IsTerminal as _, path::PathBuf, sync::Arc};

/// Made once a run; reads the environment and no file.
pub(super) struct Context {
    pub global: Global,
    pub out: Out,
    pub env: Arc<Env>,
    pub paths: Paths,
    pub prompter: Prompter,
    pub tenant: Tenant,
}

impl Context {
    pub(super) fn new(global: Global, env: Env, out: Out) -> Result<Self, (CliError, Out)> {
        let paths = match Paths::resolve(&env) {
            Ok(paths) => paths,
            Err(error) => return Err((error.into(), out)),
        };
        let prompter = Prompter::new(Audience {
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            no_input: global.no_input || env.no_input,
            ci: env.ci,
            agent: env.agent,
        });
        let tenant = global.tenant();
        Ok(Self { global, out, env: Arc::new(env), paths, prompter, tenant })
    }

    /// The settings for a command that only reads: with a broken file the last good copy, and
    /// one warning.
    pub(super) fn settings(&self) -> Settings {
        let loaded = config::load(&self.paths, &self.env);
        if let Some(error) = &loaded.error {
            self.out.warn(&format!("{error}; {}", loaded.source.in_use()));
        }
        for warning in &loaded.settings.warnings {
            self.out.warn(warning);
        }
        loaded.settings
    }

    /// The settings for a command that will write: a broken file is an error, so that nothing is
    /// built on an old copy.
    pub(super) fn settings_to_change(&self) -> Result<Settings, CliError> {
        let loaded = config::load(&self.paths, &self.env);
        match loaded.error {
            Some(error) => Err(error.into()),
            None => Ok(loaded.settings),
        }
    }

    /// The secret store: as given, else as remembered, else the keychain.
    pub(super) fn vault(&self, settings: &Settings, given: Option<StoreKind>) -> VaultHandle {
        let kind = given.or(settings.store).unwrap_or(StoreKind::Keychain);
        app::open_vault(&self.paths, &self.env, kind)
    }

    /// The user's browser; `None` when the answer is to be pasted.
    pub(super) fn browser(&self, settings: &Settings, args: &BrowserArgs) -> Option<Browser> {
        (!args.no_browser).then(|| app::browser(&self.env, settings))
    }

    /// Where this program is, as others are to start it.
    pub(super) fn binary() -> Result<PathBuf, CliError> {
        std::env::current_exe()
            .map_err(|error| CliError::failed("could not find this program").because(&error))
    }
}

/// There is no connection of this name; the nearest one is offered.
pub(super) fn unknown_connection(name: &ConnectionName, settings: &Settings) -> CliError {
    let known = settings.connections.iter().map(|c| c.name.as_str());
    CliError::not_found("connection", name.as_str(), known, "allmcp list").on(name.as_str())
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let hint = match &error {
            ConfigError::Parse { .. } => Some("allmcp config edit"),
            ConfigError::UnknownConnection { .. } => Some("allmcp list"),
            _ => None,
        };
        let new = match &error {
            ConfigError::UnknownConnection { .. } => {
                Self::new(super::error::Kind::NotFound, error.to_string())
            }
            ConfigError::UnknownKey { .. }
            | ConfigError::BadValue { .. }
            | ConfigError::Taken { .. } => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        let new = match std::error::Error::source(&error) {
            Some(source) => new.because(source),
            None => new,
        };
        match hint {
            Some(hint) => new.hint(hint),
            None => new,
        }
    }
}
