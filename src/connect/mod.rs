//! The one way to add a connection: look → ask → try → save.
//!
//! Owns the order in which that happens, so that an interrupted run leaves nothing behind but an
//! orphan secret: the store is tried before anything else, the key is written after a trial
//! session went well, and the config entry last. May name `auth`, `upstream`, `vault`, `store`,
//! `page` and leaves. Called by `cli` and by our own tools.

mod naming;
mod refuse;
mod trial;

pub use naming::default_name;
pub use trial::save_lists;

use crate::{
    auth::{self, CredentialConfig, EnvLookup},
    kind::{AuthKind, StoreKind},
    name::{ConnectionName, Tenant},
    net::Net,
    secret::Secret,
    store::tool_cache::ListCache,
    task::Shutdown,
    upstream::{ErrorKind, Listing, UpstreamError},
    vault::{VaultError, VaultHandle},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

/// What is to be connected.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub name: Option<ConnectionName>,
    /// The URL as the configuration will have it, `${…}` included.
    pub url: String,
    /// `None`: find out.
    pub auth: Option<AuthKind>,
    pub headers: Vec<(String, String)>,
    pub params: BTreeMap<String, String>,
    /// Expose only tools that match one of these globs.
    pub allow: Vec<String>,
    pub secrets: BTreeMap<String, Secret<String>>,
    /// Put this in the place of a connection that has the name already.
    pub force: bool,
    /// Look and try, and save nothing.
    pub dry_run: bool,
    pub tenant: Tenant,
    pub timeout: Option<Duration>,
}

/// A connection as it goes into the configuration.
#[derive(Debug, Clone)]
pub struct NewConnection {
    pub name: ConnectionName,
    pub url: String,
    pub auth: AuthKind,
    pub headers: Vec<(String, String)>,
    pub params: BTreeMap<String, String>,
    pub allow: Vec<String>,
}

/// The configuration, as far as connecting needs it; the composition root implements it.
pub trait ConnectionStore: Send + Sync {
    /// Names and URLs (as written) of all connections.
    fn connections(&self) -> Vec<(ConnectionName, String)>;
    /// Adds the entry under the lock of the file; with `replace` over one of that name. The
    /// error is a text for people.
    fn add(&self, new: &NewConnection, replace: bool) -> Result<(), AddError>;
}

/// Why the entry was not written.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Somebody took the name in the meantime.
    #[error("the name is taken")]
    Taken,
    #[error("{0}")]
    Failed(String),
}

/// Gives a secret that is missing: a prompt, or an error that names the flag.
pub trait Ask: Send + Sync {
    /// `name` as in `${secret:name}`; `why` in a few words.
    fn secret(&self, name: &str, why: &str) -> Result<Secret<String>, String>;
}

/// What connecting stands on.
#[derive(Clone)]
pub struct Deps {
    pub net: Net,
    pub vault: VaultHandle,
    pub cache: ListCache,
    pub shutdown: Shutdown,
    pub connections: Arc<dyn ConnectionStore>,
    pub env: EnvLookup,
}

/// How it ended well.
#[derive(Debug)]
pub enum Connected {
    New {
        name: ConnectionName,
        auth: AuthKind,
        tools: usize,
        dry_run: bool,
    },
    /// The same name with the same target was there before.
    Already {
        name: ConnectionName,
        tools: usize,
    },
}

/// How it ended otherwise; nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{0}")]
    Refused(String),
    #[error("{url:?} is not a URL that can be connected: {why}")]
    Url { url: String, why: String },
    #[error("the name {name} is taken by {target}")]
    Taken { name: ConnectionName, target: String },
    #[error("{0}")]
    Missing(String),
    #[error("the {kind} store cannot keep a secret: {source}")]
    Store { kind: StoreKind, source: VaultError },
    #[error("{0}")]
    Upstream(UpstreamError),
    #[error("the server wants a sign-in, and none was given")]
    SignInWanted { name: ConnectionName },
    #[error("the server refused the key: {detail}")]
    WrongKey { name: ConnectionName, detail: String },
    #[error("could not save the connection: {0}")]
    Save(String),
}

/// Connects `request`, asking `ask` only for what is missing.
pub async fn connect(
    deps: &Deps,
    mut request: Request,
    ask: &dyn Ask,
) -> Result<Connected, ConnectError> {
    let target = refuse::check(&request)?;
    let taken = deps.connections.connections();
    let name = match &request.name {
        Some(name) => name.clone(),
        None => naming::free_name(&target.host, &request.url, &taken),
    };
    if let Some((_, url)) = taken.iter().find(|(other, _)| *other == name)
        && !request.force
    {
        if *url == request.url {
            let account = request.tenant.account(&name);
            let tools = deps.cache.load(&account).map_or(0, |lists| lists.tools.len());
            return Ok(Connected::Already { name, tools });
        }
        return Err(ConnectError::Taken { name, target: url.clone() });
    }

    let wants_key = wants_key(&request, &target);
    if wants_key {
        // Before anything is asked or sent: a key that cannot be kept must not be asked for.
        if !request.dry_run {
            probe(deps).await?;
        }
        fill(&mut request, &target, ask)?;
    }
    let auth = if wants_key { AuthKind::Key } else { request.auth.unwrap_or(AuthKind::None) };
    let (auth, listing) = match trial::run(deps, &request, &target, &name, auth).await {
        Ok(listing) => (auth, listing),
        Err(error) if error.kind == ErrorKind::NeedsAuth && wants_key => {
            return Err(ConnectError::WrongKey { name, detail: error.detail });
        }
        Err(error) if error.kind == ErrorKind::NeedsAuth && request.auth.is_none() => {
            // It found out: there is no getting in without a credential.
            if !request.dry_run {
                probe(deps).await?;
            }
            let key = ask.secret("token", "the server wants a key");
            let Ok(key) = key else { return Err(ConnectError::SignInWanted { name }) };
            request.secrets.insert("token".to_owned(), key);
            let listing = trial::run(deps, &request, &target, &name, AuthKind::Key).await;
            (AuthKind::Key, listing.map_err(|error| refused_key(name.clone(), error))?)
        }
        Err(error) if error.kind == ErrorKind::NeedsAuth => {
            return Err(ConnectError::SignInWanted { name });
        }
        Err(error) => return Err(ConnectError::Upstream(error)),
    };
    let tools = listing.tools.len();
    if !request.dry_run {
        save(deps, &request, &target, &name, auth, &listing).await?;
    }
    Ok(Connected::New { name, auth, tools, dry_run: request.dry_run })
}

fn refused_key(name: ConnectionName, error: UpstreamError) -> ConnectError {
    if error.kind == ErrorKind::NeedsAuth {
        ConnectError::WrongKey { name, detail: error.detail }
    } else {
        ConnectError::Upstream(error)
    }
}

/// True when a secret belongs to this connection: it was said, given, or a template names one.
fn wants_key(request: &Request, target: &refuse::Target) -> bool {
    request.auth == Some(AuthKind::Key)
        || (request.auth.is_none() && (!request.secrets.is_empty() || target.needs_secret()))
}

async fn probe(deps: &Deps) -> Result<(), ConnectError> {
    let kind = deps.vault.kind();
    deps.vault.probe().await.map_err(|source| ConnectError::Store { kind, source })
}

/// Asks for every secret that a template names and nobody gave.
fn fill(request: &mut Request, target: &refuse::Target, ask: &dyn Ask) -> Result<(), ConnectError> {
    let mut names = target.secret_names();
    if names.is_empty() {
        names.insert("token".to_owned());
    }
    for name in names {
        if let Entry::Vacant(missing) = request.secrets.entry(name) {
            let secret = ask.secret(missing.key(), "this connection needs it");
            missing.insert(secret.map_err(ConnectError::Missing)?);
        }
    }
    Ok(())
}

/// Key, lists, config entry: in this order, and the last one is the commit.
async fn save(
    deps: &Deps,
    request: &Request,
    target: &refuse::Target,
    name: &ConnectionName,
    auth: AuthKind,
    listing: &Listing,
) -> Result<(), ConnectError> {
    let account = request.tenant.account(name);
    if auth == AuthKind::Key {
        let kind = deps.vault.kind();
        let config = credential_config(deps, request, target, name, auth);
        let bound = config.bound().map_err(|error| ConnectError::Missing(error.to_string()))?;
        auth::save_secrets(&deps.vault, &account, &bound, request.secrets.clone())
            .await
            .map_err(|source| ConnectError::Store { kind, source })?;
    }
    save_lists(&deps.cache, &account, &request.url, listing);
    let new = NewConnection {
        name: name.clone(),
        url: request.url.clone(),
        auth,
        headers: request.headers.clone(),
        params: request.params.clone(),
        allow: request.allow.clone(),
    };
    deps.connections.add(&new, request.force).map_err(|error| match error {
        AddError::Taken => {
            ConnectError::Taken { name: name.clone(), target: "another connection".into() }
        }
        AddError::Failed(text) => ConnectError::Save(text),
    })
}

/// What the credential of this request is made of.
fn credential_config(
    deps: &Deps,
    request: &Request,
    target: &refuse::Target,
    name: &ConnectionName,
    auth: AuthKind,
) -> CredentialConfig {
    CredentialConfig {
        name: name.clone(),
        account: request.tenant.account(name),
        auth,
        url: target.url.clone(),
        headers: target.headers.clone(),
        params: target.params.clone(),
        tenant: request.tenant.clone(),
        env: Arc::clone(&deps.env),
        token_override: None,
    }
}
