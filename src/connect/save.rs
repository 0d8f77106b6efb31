//! Key, lists, config entry: in this order, one process at a time, and all of it or nothing.

use super::{
    AddError, ConnectError, Connected, Deps, Entered, How, Request, credential_config, naming,
    refuse::Target,
};
use crate::{
    auth,
    disk::lock::FileLock,
    kind::AuthKind,
    name::ConnectionName,
    secret::Secret,
    store::tool_cache::{CachedLists, ListCache},
    task,
    upstream::Listing,
};
use std::{sync::Arc, time::SystemTime};

/// Saves a new connection. It is carried through even when nobody waits for it any more. Without a
/// listing nobody knows yet what it offers.
pub(super) async fn new(
    deps: &Deps,
    request: Request,
    target: Target,
    name: ConnectionName,
    auth: AuthKind,
    listing: Option<Listing>,
) -> Result<Connected, ConnectError> {
    let work = add(deps.clone(), request, target, name, auth, listing);
    through(deps, work).await
}

/// Saves a credential for a connection that is there.
pub(super) async fn renewed(
    deps: &Deps,
    request: Request,
    target: Target,
    there: Entered,
    auth: AuthKind,
    listing: Listing,
) -> Result<Connected, ConnectError> {
    let deps_ = deps.clone();
    let work = async move {
        let deps = deps_;
        let _lock = lock(&deps).await?;
        if !deps.connections.connections().contains(&there) {
            return Err(ConnectError::Save(format!("{} was changed meanwhile", there.name)));
        }
        keep_key(&deps, &request, &target, &there.name, auth).await?;
        let account = request.tenant.account(&there.name);
        save_lists(&deps.cache, &account, there.target(), &listing);
        deps.forget(&account, false, false);
        if auth != there.auth {
            let said = deps.connections.set_auth(&there.name, auth);
            said.map_err(|AddError(text)| ConnectError::Save(text))?;
        }
        let tools = listing.tools.len();
        Ok(Connected { name: there.name, auth, tools, how: How::Renewed })
    };
    through(deps, work).await
}

async fn through<F>(deps: &Deps, work: F) -> Result<Connected, ConnectError>
where
    F: Future<Output = Result<Connected, ConnectError>> + Send + 'static,
{
    let saved = deps.shutdown.spawn_firm("save connection", work).await;
    saved.unwrap_or_else(|_| Err(ConnectError::Save("it stopped half-way".to_owned())))
}

async fn add(
    deps: Deps,
    request: Request,
    target: Target,
    name: ConnectionName,
    auth: AuthKind,
    listing: Option<Listing>,
) -> Result<Connected, ConnectError> {
    let tools = listing.as_ref().map_or(0, |listing| listing.tools.len());
    let _lock = lock(&deps).await?;
    // Others may have saved since the name was picked.
    let known = deps.connections.connections();
    let name =
        if request.name.is_some() { name } else { naming::pick(&request, &target.host, &known) };
    let there = known.into_iter().find(|other| other.name == name);
    if let Some(there) = &there
        && !request.force
    {
        if !request.is_for(there) {
            return Err(ConnectError::Taken { name, target: there.target().to_owned() });
        }
        let how = How::Already { key_unused: !request.secrets.is_empty() };
        return Ok(Connected { name, auth: there.auth, tools, how });
    }
    let account = request.tenant.account(&name);
    let before = keep_key(&deps, &request, &target, &name, auth).await?;
    if let Some(listing) = &listing {
        save_lists(&deps.cache, &account, request.target(), listing);
    }
    let entry = Entered {
        name: name.clone(),
        url: request.url.clone(),
        auth,
        headers: request.headers.clone(),
        params: request.params.clone(),
        allow: request.allow.clone(),
        oauth: request.oauth.clone(),
        problem: None,
        provider: request.provider.clone(),
    };
    if let Err(AddError(text)) = deps.connections.add(&entry, request.force) {
        undo(&deps, &account, before).await;
        return Err(ConnectError::Save(text));
    }
    if auth == AuthKind::None && there.as_ref().is_some_and(|t| t.auth != AuthKind::None) {
        // Nobody would find it any more.
        if let Err(error) = deps.vault.delete(&account).await {
            tracing::warn!("the old credential of {name} could not be deleted: {error}");
        }
    }
    let replaced = there.is_some_and(|there| !request.is_for(&there));
    deps.forget(&account, replaced, false);
    // What was there when the user connected is what was approved.
    let seen = listing.as_ref().map_or(&[][..], |listing| &listing.tools);
    let approved = deps.pins.update(&account, |pins| ((), pins.approve_new(seen)));
    if let Err(error) = approved {
        tracing::warn!(
            "the tools of {name} are approved as they are when it is first used: {error}"
        );
    }
    let how = if replaced { How::Replaced } else { How::New };
    Ok(Connected { name, auth, tools, how })
}

async fn lock(deps: &Deps) -> Result<FileLock, ConnectError> {
    let connections = Arc::clone(&deps.connections);
    let locked = task::blocking(move || connections.lock()).await;
    match locked {
        Ok(Ok(lock)) => Ok(lock),
        Ok(Err(AddError(text))) => Err(ConnectError::Save(text)),
        Err(error) => Err(ConnectError::Save(error.to_string())),
    }
}

/// What the vault held before; `None` when nothing of it was changed.
type Before = Option<Option<Secret<String>>>;

async fn keep_key(
    deps: &Deps,
    request: &Request,
    target: &Target,
    name: &ConnectionName,
    auth: AuthKind,
) -> Result<Before, ConnectError> {
    if auth != AuthKind::Key || request.secrets.is_empty() {
        return Ok(None);
    }
    let kind = deps.vault.kind();
    let store = |source| ConnectError::Store { kind, source };
    let config = credential_config(deps, request, target, name, auth);
    let bound = config.bound().map_err(|error| ConnectError::Save(error.to_string()))?;
    let before = deps.vault.get(&config.account).await.map_err(store)?;
    auth::save_secrets(&deps.vault, &config.account, &bound, request.secrets.clone())
        .await
        .map_err(store)?;
    Ok(Some(before))
}

/// The entry was not written: what was written for it goes again.
async fn undo(deps: &Deps, account: &str, before: Before) {
    let undone = match before {
        None => Ok(()),
        Some(None) => deps.vault.delete(account).await.map(drop),
        Some(Some(old)) => deps.vault.set(account, &old).await,
    };
    if let Err(error) = undone {
        tracing::warn!(account, "the credential could not be taken back: {error}");
    }
    if let Err(error) = deps.cache.remove(account) {
        tracing::warn!(account, "the list of tools could not be taken back: {error}");
    }
}

/// Fills the cache of last known lists, so that the next start has them.
pub fn save_lists(cache: &ListCache, account: &str, target: &str, listing: &Listing) {
    let lists = CachedLists {
        target: target.to_owned(),
        fetched_at: SystemTime::now(),
        era: Some(listing.era),
        protocol: Some(listing.protocol.clone()),
        server_info: listing.server_info.clone(),
        capabilities: listing.capabilities.clone(),
        instructions: listing.instructions.clone(),
        era_at: listing.era_at,
        tools: listing.tools.clone(),
        others: listing.others.clone(),
    };
    if let Err(error) = cache.save(account, &lists) {
        tracing::warn!(account, %error, "the list of tools was not kept");
    }
}
