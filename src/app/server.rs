//! Serving one client: from the configuration of the moment to the client's last word.

use super::{App, Only, open_vault, plan::Maker, remember_good};
use crate::{
    auth::TokenDeps,
    catalog::Registry,
    config::{self, ConfigError, Env, Loaded, Paths, Settings, Source, Watch},
    hub::{Hub, Links, Plan, own},
    kind::{Mode, StoreKind},
    name::{ConnectionName, Tenant},
    serve::{self, Options},
    task,
};
use std::{error::Error as _, fmt::Write as _, io, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// What `allmcp serve` was told.
#[derive(Clone, Default)]
pub struct ServeOptions {
    pub only: Vec<ConnectionName>,
    pub plain: Option<ConnectionName>,
    /// The connections of this profile.
    pub profile: Option<String>,
    /// `None`: as the settings say.
    pub mode: Option<Mode>,
    pub read_only: bool,
    pub tenant: Tenant,
    /// Makes the reports that a client asks for.
    pub reporter: Option<Arc<dyn own::Reporter>>,
}

/// Why serving did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("no connection is called {name}")]
    UnknownPlain { name: ConnectionName, known: Vec<String> },
    #[error("no profile is called {name:?}")]
    UnknownProfile { name: String, known: Vec<String> },
    #[error("could not serve on stdin and stdout")]
    Stdio(#[from] io::Error),
}

/// Serves until the client leaves or a signal comes. Starts with any configuration, and follows
/// its changes.
pub async fn serve(paths: &Paths, env: &Arc<Env>, options: ServeOptions) -> Result<(), ServeError> {
    let watch = Watch::new(&paths.config_file);
    let loaded = config::load(paths, env);
    let only = match options.profile {
        Some(name) => profile(&loaded, name)?,
        None => only(&loaded.settings, options.only, options.plain)?,
    };
    let (reload, asked) = Asked::new();
    let app =
        App::serving(paths, env, &loaded.settings, &options.tenant, options.reporter, Some(reload));
    let mut follower = Follower {
        paths: paths.clone(),
        env: Arc::clone(env),
        tenant: options.tenant,
        only,
        mode: options.mode,
        read_only: options.read_only,
        hub: app.hub.clone(),
        links: app.links.clone(),
        tokens: app.tokens.clone(),
        used: None,
    };
    let good = loaded.error.is_none();
    follower.apply(loaded);
    app.shutdown.spawn("config", follower.follow(watch, asked, good));
    let client = Options { client: env.client.clone() };
    let ended = serve::run(&app.hub, &app.shutdown, &client).await?;
    app.end_after(ended).await;
    Ok(())
}

fn only(
    settings: &Settings,
    only: Vec<ConnectionName>,
    plain: Option<ConnectionName>,
) -> Result<Only, ServeError> {
    let known = || settings.connections.iter().map(|c| c.name.to_string()).collect::<Vec<_>>();
    if let Some(name) = plain {
        if settings.connection(name.as_str()).is_none() {
            return Err(ServeError::UnknownPlain { name, known: known() });
        }
        return Ok(Only::Plain(name));
    }
    for name in &only {
        if settings.connection(name.as_str()).is_none() {
            let known = known();
            let near = crate::name::nearest(name.as_str(), known.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            tracing::warn!("--only names {name}, which is not a connection{near}");
        }
    }
    Ok(if only.is_empty() { Only::All } else { Only::These(only) })
}

/// A name that no profile has is an error while somebody reads what is said at the start; a file
/// that does not parse is not, and may have it a moment later.
fn profile(loaded: &Loaded, name: String) -> Result<Only, ServeError> {
    let known = &loaded.settings.profiles;
    if loaded.error.is_none() && !known.contains_key(&name) {
        return Err(ServeError::UnknownProfile { name, known: known.keys().cloned().collect() });
    }
    Ok(Only::Profile(name))
}

/// Keeps a hub at what the configuration says.
struct Follower {
    paths: Paths,
    env: Arc<Env>,
    tenant: Tenant,
    only: Only,
    mode: Option<Mode>,
    read_only: bool,
    hub: Hub,
    links: Option<Links>,
    tokens: TokenDeps,
    /// What was applied last.
    used: Option<Settings>,
}

impl Follower {
    fn apply(&mut self, loaded: Loaded) {
        let Loaded { settings, error, source } = loaded;
        let config_error = error.as_ref().map(whole);
        let settings = match &config_error {
            None => {
                for warning in &settings.warnings {
                    tracing::warn!("{warning}");
                }
                settings
            }
            Some(error) => {
                let stays = if self.used.is_some() || source != Source::Absent {
                    "the last good configuration stays in use"
                } else {
                    "there is no earlier one, so there are no connections"
                };
                tracing::error!("{error}; {stays}");
                // Not the copy on the disk: it may not have been possible to keep one.
                self.used.take().unwrap_or(settings)
            }
        };
        let maker = Maker {
            paths: &self.paths,
            env: &self.env,
            tenant: &self.tenant,
            only: &self.only,
            tokens: &self.tokens,
            mode: self.mode,
            listen: true,
            read_only: self.read_only,
            catalog: Registry::new(self.paths.providers()),
        };
        if let Some(links) = &self.links {
            let kind = settings.store.unwrap_or(StoreKind::Keychain);
            links.keep_in(open_vault(&self.paths, &self.env, kind));
        }
        self.hub.apply(Plan { config_error, ..maker.plan(&settings) });
        self.used = Some(settings);
    }

    /// Takes up every change. `good` says that what is in use came from the file itself.
    async fn follow(mut self, mut watch: Watch, mut asked: Asked, good: bool) {
        if good {
            self.keep().await;
        }
        loop {
            // Whoever asked is told when it is in use, whatever became of it.
            let _told = tokio::select! {
                () = watch.changed() => None,
                told = asked.0.recv() => told,
            };
            let (paths, env) = (self.paths.clone(), Arc::clone(&self.env));
            let Ok(loaded) = task::blocking(move || config::load(&paths, &env)).await else {
                continue;
            };
            let good = loaded.error.is_none();
            self.apply(loaded);
            if good {
                self.keep().await;
            }
        }
    }

    async fn keep(&self) {
        let paths = self.paths.clone();
        let _kept = task::blocking(move || remember_good(&paths)).await;
    }
}

/// Wishes to take the configuration up at once; each is told by the end of its channel.
struct Asked(mpsc::Receiver<oneshot::Sender<()>>);

impl Asked {
    fn new() -> (own::Reload, Self) {
        let (send, receive) = mpsc::channel::<oneshot::Sender<()>>(8);
        let reload: own::Reload = Arc::new(move || {
            let send = send.clone();
            Box::pin(async move {
                let (told, done) = oneshot::channel();
                if send.send(told).await.is_ok() {
                    let _done = done.await;
                }
            })
        });
        (reload, Self(receive))
    }
}

/// An error with all its causes, on one line.
fn whole(error: &ConfigError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
