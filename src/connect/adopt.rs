//! A connection that another program had: it is taken over as it is, and nobody is asked.

use super::{
    ConnectError, Connected, Deps, How, Request, credential_config,
    refuse::{self, Target},
    save, trial,
};
use crate::{
    auth::{self, Challenge, OAuthHttp, SignInError},
    kind::{AuthKind, BreakerState, Status},
    name::ConnectionName,
    store::Health,
    template::{Hole, Template},
    upstream::{ErrorKind, Listing, UpstreamError},
};
use http::{StatusCode, header::AUTHORIZATION};
use std::time::SystemTime;

/// Why a connection that was taken over does not work yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It wants a sign-in, or another key.
    NeedsAuth(String),
    /// The server could not be reached, or something that it needs is not there.
    Error(String),
}

impl Trouble {
    pub fn text(&self) -> &str {
        let (Self::NeedsAuth(text) | Self::Error(text)) = self;
        text
    }
}

/// A server that was tried and is not saved yet.
pub struct Tried {
    request: Request,
    target: Target,
    name: ConnectionName,
    ending: Ending,
}

/// Tries what another program had connected, and saves nothing. That a server does not answer,
/// does not take the key or wants a sign-in is told by [`adopt`], and is no failure.
///
/// # Errors
/// It must not be saved, or its name is taken.
pub async fn consider(deps: &Deps, request: Request) -> Result<Tried, ConnectError> {
    let target = refuse::check(&request)?;
    let known = deps.connections.connections();
    let name = super::naming::pick(&request, &target.host, &known);
    let ending = match known.iter().find(|other| other.name == name) {
        Some(there) if request.is_for(there) => Ending::well(there.auth, None),
        Some(there) => {
            let target = there.target().to_owned();
            return Err(ConnectError::Taken { name, target });
        }
        None => Box::pin(try_it(deps, &request, &target, &name)).await,
    };
    Ok(Tried { request, target, name, ending })
}

/// Saves what was tried, whether or not it works yet: nothing that worked there is lost on the
/// way. What is there already is left as it is.
///
/// # Errors
/// Its name was taken meanwhile, or it cannot be saved; nothing is left behind.
pub async fn adopt(
    deps: &Deps,
    tried: Tried,
) -> Result<(Connected, Option<Trouble>), ConnectError> {
    let Tried { request, target, name, ending } = tried;
    let Ending { auth, listing, trouble } = ending;
    let account = request.tenant.account(&name);
    let is_there = deps.connections.connections().iter().any(|other| other.name == name);
    // What the client of a sign-in shows of itself; a key is kept together with the entry.
    let kept = !is_there && auth == AuthKind::OAuth && !request.secrets.is_empty();
    if kept {
        let config = credential_config(deps, &request, &target, &name, auth);
        let saved = deps.place(&config)?.save_secrets(request.secrets.clone()).await;
        saved.map_err(ConnectError::Auth)?;
    }
    let saved = save::new(deps, request, target, name, auth, listing).await;
    if saved.is_err()
        && kept
        && let Err(error) = deps.vault.delete(&account).await
    {
        tracing::warn!(account, "the secret of its client could not be taken back: {error}");
    }
    let connected = saved?;
    if matches!(connected.how, How::Already { .. }) {
        return Ok((connected, None));
    }
    if let Some(trouble) = &trouble {
        remember(deps, &account, trouble);
    }
    Ok((connected, trouble))
}

/// What a trial showed.
struct Ending {
    auth: AuthKind,
    listing: Option<Listing>,
    trouble: Option<Trouble>,
}

impl Ending {
    fn well(auth: AuthKind, listing: Option<Listing>) -> Self {
        Self { auth, listing, trouble: None }
    }

    fn ill(auth: AuthKind, trouble: Trouble) -> Self {
        Self { auth, listing: None, trouble: Some(trouble) }
    }
}

async fn try_it(deps: &Deps, request: &Request, target: &Target, name: &ConnectionName) -> Ending {
    let keyed = target.needs_secret() || request.auth == Some(AuthKind::Key);
    let said = request.auth.or(keyed.then_some(AuthKind::Key));
    let auth = said.unwrap_or(AuthKind::None);
    if let Err(ConnectError::Unset { hole }) = target.all_set(request, &deps.env) {
        let what = match hole {
            Hole::Env(variable) => format!("{variable} is not set in the environment"),
            hole => format!("{hole} is not set"),
        };
        return Ending::ill(auth, Trouble::Error(what));
    }
    if matches!(auth, AuthKind::OAuth | AuthKind::ClientCredentials) {
        return Ending::ill(auth, Trouble::NeedsAuth("it wants a sign-in".to_owned()));
    }
    let names = target.secret_names();
    if let Some(missing) = names.iter().find(|name| !request.secrets.contains_key(*name)) {
        let text = format!("the secret {missing:?} is missing");
        return Ending::ill(auth, Trouble::NeedsAuth(text));
    }
    match trial::run(deps, request, target, name, auth).await {
        Ok(listing) => Ending::well(auth, Some(listing)),
        Err(error) if error.kind == ErrorKind::NeedsAuth => {
            refused(deps, request, target, name, auth, error).await
        }
        Err(error) => Ending::ill(auth, Trouble::Error(error.to_string())),
    }
}

/// The server wants something else: a sign-in where nothing was sent, another key where one was.
async fn refused(
    deps: &Deps,
    request: &Request,
    target: &Target,
    name: &ConnectionName,
    auth: AuthKind,
    error: UpstreamError,
) -> Ending {
    let host = &target.host;
    let sends = |(name, _): &(String, Template)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
    if auth == AuthKind::Key || target.headers.iter().any(sends) {
        let text = format!("{host} did not accept the key");
        return Ending::ill(auth, Trouble::NeedsAuth(text));
    }
    let auth = if offers_sign_in(deps, request, target, name, error.challenge.as_deref()).await {
        AuthKind::OAuth
    } else {
        AuthKind::Key
    };
    let what = if auth == AuthKind::OAuth { "a sign-in" } else { "a key" };
    Ending::ill(auth, Trouble::NeedsAuth(format!("{host} wants {what}")))
}

/// Whether the server describes a sign-in, or may do so later.
async fn offers_sign_in(
    deps: &Deps,
    request: &Request,
    target: &Target,
    name: &ConnectionName,
    challenge: Option<&Challenge>,
) -> bool {
    let config = credential_config(deps, request, target, name, AuthKind::OAuth);
    let Ok(server) = config.public_url() else { return false };
    let http = OAuthHttp::new(deps.net.clone(), &server);
    let found = match auth::discover(&http, &server, challenge, &config.oauth).await {
        Ok(found) => found,
        Err(error) => return matches!(error, SignInError::Transient { .. }),
    };
    if !found.assumed {
        return true;
    }
    // Nothing is described: is there somebody where the revision 2025-03-26 has them?
    let Some(page) = &found.server.authorization_endpoint else { return false };
    let bearer = challenge.is_none_or(Challenge::is_oauth);
    let missing = |status: StatusCode| status == StatusCode::NOT_FOUND;
    bearer && !matches!(http.get_json(page).await, Ok(reply) if missing(reply.status))
}

/// What `status` shows until it is used.
fn remember(deps: &Deps, account: &str, trouble: &Trouble) {
    let state = match trouble {
        Trouble::NeedsAuth(_) => Status::NeedsAuth,
        Trouble::Error(_) => Status::Error,
    };
    let health = Health {
        state,
        since: SystemTime::now(),
        last_error: Some(trouble.text().to_owned()),
        breaker: BreakerState::Closed,
        latency_ms: None,
        era: None,
        last_sync: None,
    };
    if let Err(error) = deps.health.save(account, &health) {
        tracing::warn!(account, %error, "how it fared was not written down");
    }
}
