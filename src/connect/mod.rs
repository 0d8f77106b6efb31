//! The one way to add a connection: look → ask → try → save.
//!
//! Owns the order in which that happens, so that nothing is ever half saved: the store is tried
//! before anything else, and the key, the lists and the config entry are written in one go after
//! a trial session went well, by one process at a time. May name `auth`, `upstream`, `vault`,
//! `store`, `page` and leaves. Called by `cli` and by our own tools.

mod naming;
mod refuse;
mod renew;
mod save;
mod trial;

pub use naming::default_name;
pub use renew::reconnect;
pub use save::save_lists;

use self::refuse::Target;
use crate::{
    auth::{CredentialConfig, EnvLookup, OAuthConfig, TOKEN},
    disk::lock::FileLock,
    kind::{AuthKind, StoreKind},
    name::{ConnectionName, Tenant},
    net::Net,
    secret::Secret,
    store::tool_cache::ListCache,
    task::Shutdown,
    template::Hole,
    upstream::{ErrorKind, Listing, UpstreamError},
    vault::{VaultError, VaultHandle},
};
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
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
    pub oauth: OAuthConfig,
    pub secrets: BTreeMap<String, Secret<String>>,
    /// Put this in the place of a connection that has the name already.
    pub force: bool,
    /// Look and try, and save nothing.
    pub dry_run: bool,
    pub tenant: Tenant,
    pub timeout: Option<Duration>,
}

/// A connection as it goes into the configuration, and as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    pub name: ConnectionName,
    pub url: String,
    pub auth: AuthKind,
    pub headers: Vec<(String, String)>,
    pub params: BTreeMap<String, String>,
    pub allow: Vec<String>,
    pub oauth: OAuthConfig,
}

/// The configuration, as far as connecting needs it; the composition root implements it.
pub trait ConnectionStore: Send + Sync {
    /// All connections, in order.
    fn connections(&self) -> Vec<Entered>;
    /// Adds the entry under the lock of the file; with `replace` over one of that name.
    fn add(&self, new: &Entered, replace: bool) -> Result<(), AddError>;
    /// While it is held no other process saves a connection. Blocks.
    fn lock(&self) -> Result<FileLock, AddError>;
}

/// Why the entry was not written, as a text for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AddError(pub String);

/// Gives a secret that is missing: a prompt, or an error that names the flag.
pub trait Ask: Send + Sync {
    /// `name` as in `${secret:name}`; `host` is who wants it.
    fn secret<'a>(
        &'a self,
        name: &'a str,
        host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>>;
}

/// `ALLMCP_TOKEN_<NAME>`: a key for this process, used and never stored.
pub type TokenLookup = Arc<dyn Fn(&ConnectionName) -> Option<Secret<String>> + Send + Sync>;

/// What connecting stands on.
#[derive(Clone)]
pub struct Deps {
    pub net: Net,
    pub vault: VaultHandle,
    pub cache: ListCache,
    pub shutdown: Shutdown,
    pub connections: Arc<dyn ConnectionStore>,
    pub env: EnvLookup,
    pub token: TokenLookup,
}

/// How it ended well.
#[derive(Debug)]
pub struct Connected {
    pub name: ConnectionName,
    pub auth: AuthKind,
    pub tools: usize,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    New,
    /// In the place of another target of that name.
    Replaced,
    /// It was there; it has a credential that it had not, or another one.
    Renewed,
    /// The same name with the same target was there before, credential and all. A key that was
    /// given all the same was not used.
    Already {
        key_unused: bool,
    },
    /// A dry run: nothing was saved.
    WouldBe,
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
    #[error("{hole} is not set")]
    Unset { hole: Hole },
    #[error("the {kind} store cannot keep a secret: {source}")]
    Store { kind: StoreKind, source: VaultError },
    #[error("{0}")]
    Upstream(UpstreamError),
    #[error("{host} wants a sign-in, and none was given")]
    SignInWanted { name: ConnectionName, host: String },
    #[error("{host} did not accept the key")]
    WrongKey { name: ConnectionName, host: String },
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
    let known = deps.connections.connections();
    let name = naming::pick(&request, &target.host, &known);
    if let Some(there) = known.iter().find(|other| other.name == name)
        && !request.force
    {
        return renew::again(deps, request, there, ask).await;
    }
    let (auth, listing) = find_way_in(deps, &mut request, &target, &name, ask).await?;
    if request.dry_run {
        return Ok(Connected { name, auth, tools: listing.tools.len(), how: How::WouldBe });
    }
    save::new(deps, request, target, name, auth, listing).await
}

/// Tries until there is a session, with what was given and what `ask` gives.
async fn find_way_in(
    deps: &Deps,
    request: &mut Request,
    target: &Target,
    name: &ConnectionName,
    ask: &dyn Ask,
) -> Result<(AuthKind, Listing), ConnectError> {
    target.all_set(request, &deps.env)?;
    let host = &target.host;
    let wants_key = wants_key(deps, request, target, name);
    if wants_key {
        fill(deps, request, target, name, ask).await?;
    }
    let auth = if wants_key { AuthKind::Key } else { request.auth.unwrap_or(AuthKind::None) };
    let shut = |error: UpstreamError| match error.kind {
        ErrorKind::NeedsAuth => ConnectError::WrongKey { name: name.clone(), host: host.clone() },
        _ => ConnectError::Upstream(error),
    };
    match trial::run(deps, request, target, name, auth).await {
        Ok(listing) => Ok((auth, listing)),
        Err(error) if error.kind == ErrorKind::NeedsAuth && !wants_key => {
            let wanted = || ConnectError::SignInWanted { name: name.clone(), host: host.clone() };
            if request.auth.is_some() {
                return Err(wanted());
            }
            // It found out: there is no getting in without a credential.
            probe(deps, request).await?;
            let key = ask.secret(TOKEN, host).await.map_err(|_| wanted())?;
            request.secrets.insert(TOKEN.to_owned(), key);
            let listing = trial::run(deps, request, target, name, AuthKind::Key).await;
            Ok((AuthKind::Key, listing.map_err(shut)?))
        }
        Err(error) => Err(shut(error)),
    }
}

/// True when a secret belongs to this connection: it was said, given, or a template names one.
fn wants_key(deps: &Deps, request: &Request, target: &Target, name: &ConnectionName) -> bool {
    let given = || !request.secrets.is_empty() || (deps.token)(name).is_some();
    request.auth == Some(AuthKind::Key)
        || (request.auth.is_none() && (target.needs_secret() || given()))
}

/// A key that cannot be kept must not be asked for: this comes before any question.
async fn probe(deps: &Deps, request: &Request) -> Result<(), ConnectError> {
    if request.dry_run {
        return Ok(());
    }
    let kind = deps.vault.kind();
    deps.vault.probe().await.map_err(|source| ConnectError::Store { kind, source })
}

/// Asks for every secret that a template names and nobody gave.
async fn fill(
    deps: &Deps,
    request: &mut Request,
    target: &Target,
    name: &ConnectionName,
    ask: &dyn Ask,
) -> Result<(), ConnectError> {
    let mut names: BTreeSet<String> = target.secret_names();
    if names.is_empty() {
        names.insert(TOKEN.to_owned());
    }
    if (deps.token)(name).is_some() {
        names.remove(TOKEN);
    }
    if !names.is_empty() || !request.secrets.is_empty() {
        probe(deps, request).await?;
    }
    for secret in names {
        if let Entry::Vacant(missing) = request.secrets.entry(secret) {
            let answer = ask.secret(missing.key(), &target.host).await;
            missing.insert(answer.map_err(ConnectError::Missing)?);
        }
    }
    Ok(())
}

/// What the credential of this request is made of.
fn credential_config(
    deps: &Deps,
    request: &Request,
    target: &Target,
    name: &ConnectionName,
    auth: AuthKind,
) -> CredentialConfig {
    let given = request.secrets.contains_key(TOKEN);
    CredentialConfig {
        name: name.clone(),
        account: request.tenant.account(name),
        auth,
        oauth: request.oauth.clone(),
        url: target.url.clone(),
        headers: target.headers.clone(),
        params: target.params.clone(),
        tenant: request.tenant.clone(),
        env: Arc::clone(&deps.env),
        // What is given now is what is to be tried and kept.
        token_override: if given { None } else { (deps.token)(name) },
    }
}
