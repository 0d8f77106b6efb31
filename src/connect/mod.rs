//! The one way to add a connection: look → ask → try → save.
//!
//! Owns the order in which that happens, so that nothing is ever half saved: the store is tried
//! before anything else, and the key, the lists and the config entry are written in one go after
//! a trial session went well, by one process at a time. May name `auth`, `upstream`, `vault`,
//! `store`, `page` and leaves. Called by `cli` and by our own tools.

mod adopt;
mod base_url;
mod direct;
mod leave;
mod links;
mod naming;
pub mod prepare;
pub mod provider;
mod refuse;
mod renew;
mod save;
pub mod sign_in;
mod trial;
mod way;

pub use adopt::{Tried, Trouble, adopt, consider};
pub use direct::{Direct, renew_directly};
pub use leave::{LeaveError, Leaving, Left, disconnect, is_anything_kept, leave};
pub use links::{Ending, Link, Links, LinksConfig, Outcome, Wish};
pub use naming::default_name;
pub use provider::{Provider, Resolved};
pub use renew::reconnect;
pub use save::save_lists;
pub use sign_in::Consent;

use self::refuse::Target;
use crate::{
    auth::{
        AuthError, CredentialConfig, EnvLookup, OAuthConfig, Place, SignInError, TOKEN, TokenDeps,
    },
    disk::lock::FileLock,
    kind::{AuthKind, StoreKind},
    name::{ConnectionName, Tenant},
    net::Net,
    secret::Secret,
    store::{GrantStore, HealthStore, PinStore, tool_cache::ListCache},
    task::Shutdown,
    template::Hole,
    upstream::UpstreamError,
    vault::{VaultError, VaultHandle},
};
use futures_util::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
    /// What all of this was made of, where it is a provider's.
    pub provider: Option<Provider>,
    /// What the URL is known as, for a connection that is given no name.
    pub known_as: Option<ConnectionName>,
}

impl Request {
    /// The target as the configuration names it.
    fn target(&self) -> &str {
        self.provider.as_ref().map_or(&self.url, |provider| &provider.manifest.id)
    }

    /// It leads where `there` leads.
    fn is_for(&self, there: &Entered) -> bool {
        match &self.provider {
            None => there.provider.is_none() && self.url == there.url,
            // Its URL may be another for each user.
            same => *same == there.provider && self.params == there.params,
        }
    }
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
    /// What is wrong with the entry: nothing is sent for one that is only half understood.
    pub problem: Option<String>,
    pub provider: Option<Provider>,
}

impl Entered {
    /// The target as the configuration names it.
    fn target(&self) -> &str {
        self.provider.as_ref().map_or(&self.url, |provider| &provider.manifest.id)
    }
}

/// The configuration, as far as connecting needs it; the composition root implements it.
pub trait ConnectionStore: Send + Sync {
    /// All connections, in order.
    fn connections(&self) -> Vec<Entered>;
    /// Adds the entry under the lock of the file; with `replace` over one of that name.
    fn add(&self, new: &Entered, replace: bool) -> Result<(), AddError>;
    /// Says how it proves who the user is; all else of the entry stays.
    fn set_auth(&self, name: &ConnectionName, auth: AuthKind) -> Result<(), AddError>;
    /// Takes the entry out; false when there is none of that name.
    fn remove(&self, name: &ConnectionName) -> Result<bool, AddError>;
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
    pub grants: GrantStore,
    pub health: HealthStore,
    pub pins: PinStore,
    pub shutdown: Shutdown,
    pub connections: Arc<dyn ConnectionStore>,
    pub env: EnvLookup,
    pub token: TokenLookup,
}

impl Deps {
    /// Where the sign-in of a connection is kept.
    fn place(&self, config: &CredentialConfig) -> Result<Place, ConnectError> {
        Ok(Place {
            name: config.name.clone(),
            account: config.account.clone(),
            bound: config.bound().map_err(ConnectError::Auth)?,
            vault: self.vault.clone(),
            grants: self.grants.clone(),
        })
    }

    /// Keeps one secret of the client of a connection.
    pub async fn keep(
        &self,
        config: &CredentialConfig,
        name: &str,
        secret: &Secret<String>,
    ) -> Result<(), ConnectError> {
        let secrets = BTreeMap::from([(name.to_owned(), secret.clone())]);
        self.place(config)?.save_secrets(secrets).await.map_err(ConnectError::Auth)
    }

    /// How it was doing says nothing of how it will do; what was approved of another server and
    /// its lists say nothing either.
    fn forget(&self, account: &str, approvals: bool, lists: bool) {
        let health = Some(self.health.remove(account));
        let pins = approvals.then(|| self.pins.remove(account));
        let lists = lists.then(|| self.cache.remove(account));
        for error in [health, pins, lists].into_iter().flatten().filter_map(Result::err) {
            tracing::warn!(account, "something remembered could not be removed: {error}");
        }
    }

    fn tokens(&self) -> TokenDeps {
        TokenDeps {
            net: self.net.clone(),
            grants: self.grants.clone(),
            shutdown: self.shutdown.clone(),
        }
    }
}

/// Whom connecting may turn to.
#[derive(Clone, Copy)]
pub struct People<'a> {
    pub ask: &'a dyn Ask,
    pub consent: &'a dyn Consent,
    /// How long a consent is waited for.
    pub patience: Duration,
}

/// How it ended well.
#[derive(Debug, Clone)]
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
    /// The sign-in went well, and the server wants none of it.
    #[error("{host} did not accept the new sign-in: {detail}")]
    NotTaken { name: ConnectionName, host: String, detail: String },
    #[error("{error}")]
    SignIn { name: ConnectionName, error: SignInError },
    #[error("{0}")]
    Auth(AuthError),
    #[error("the answer of the browser cannot be taken on port {port}: {why}")]
    Port { name: ConnectionName, port: u16, why: String },
    #[error("could not save the connection: {0}")]
    Save(String),
}

/// Connects `request`, asking `ask` only for what is missing.
pub async fn connect(
    deps: &Deps,
    mut request: Request,
    people: People<'_>,
) -> Result<Connected, ConnectError> {
    let target = refuse::check(&request)?;
    let known = deps.connections.connections();
    let name = naming::pick(&request, &target.host, &known);
    if let Some(there) = known.iter().find(|other| other.name == name)
        && !request.force
    {
        return renew::again(deps, request, there, people).await;
    }
    let found = way::find(deps, &mut request, &target, &name, people, 0);
    let (auth, listing) = Box::pin(found).await?;
    if request.dry_run {
        return Ok(Connected { name, auth, tools: listing.tools.len(), how: How::WouldBe });
    }
    save::new(deps, request, target, name, auth, Some(listing)).await
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
        sign_in_optional: false,
        token_override: if given { None } else { (deps.token)(name) },
        also: request.provider.as_ref().and_then(Provider::also),
    }
}
