//! A connection that is there already: a credential for it, and nothing else of it changed.

use super::{
    ConnectError, Connected, Deps, Entered, How, People, Request, credential_config, refuse, save,
    way,
};
use crate::{
    auth::{self, CLIENT_SECRET, PRIVATE_KEY},
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    secret::Secret,
};
use std::collections::BTreeMap;

/// `connect` of what is there. "Already connected" is only what has its credential: another
/// tenant has one of its own, and a URL that was edited wants it again.
pub(super) async fn again(
    deps: &Deps,
    request: Request,
    there: &Entered,
    people: People<'_>,
) -> Result<Connected, ConnectError> {
    if !request.is_for(there) {
        let (name, target) = (there.name.clone(), there.target().to_owned());
        return Err(ConnectError::Taken { name, target });
    }
    if !has_credential(deps, there, &request.tenant).await? {
        let Request { secrets, tenant, dry_run, .. } = request;
        return renew(deps, there, secrets, tenant, dry_run, people, 0).await;
    }
    let lists = deps.cache.load(&request.tenant.account(&there.name));
    Ok(Connected {
        name: there.name.clone(),
        auth: there.auth,
        tools: lists.map_or(0, |lists| lists.tools.len()),
        how: How::Already { key_unused: !request.secrets.is_empty() },
    })
}

/// Takes a new credential for the connection `there`, tries it, and keeps it. Its settings stay.
pub async fn reconnect(
    deps: &Deps,
    name: &ConnectionName,
    secrets: BTreeMap<String, Secret<String>>,
    tenant: Tenant,
    people: People<'_>,
) -> Result<Connected, ConnectError> {
    let known = deps.connections.connections();
    let there = known.iter().find(|other| other.name == *name).ok_or_else(|| {
        ConnectError::Refused(format!("there is no connection {name} with a URL"))
    })?;
    let signs_in = matches!(there.auth, AuthKind::OAuth | AuthKind::ClientCredentials);
    let takes = |secret: &String| match there.auth {
        AuthKind::Key => true,
        AuthKind::None => there.provider.is_none(),
        _ => signs_in && matches!(secret.as_str(), CLIENT_SECRET | PRIVATE_KEY),
    };
    if !secrets.keys().all(takes) {
        return Err(ConnectError::Refused(format!(
            "{name} has auth = \"{}\" and takes no key",
            there.auth
        )));
    }
    let mut instead_of = 0;
    if signs_in {
        // Whatever there is, the user wants a new sign-in.
        let request = as_request(there, tenant.clone())?;
        let target = refuse::parse(&request)?;
        let config = credential_config(deps, &request, &target, name, there.auth);
        let (stored, facts) = deps.place(&config)?.read().await.map_err(ConnectError::Auth)?;
        instead_of = stored.grant.map_or(0, |grant| grant.generation).max(facts.generation);
    }
    renew(deps, there, secrets, tenant, false, people, instead_of).await
}

async fn renew(
    deps: &Deps,
    there: &Entered,
    secrets: BTreeMap<String, Secret<String>>,
    tenant: Tenant,
    dry_run: bool,
    people: People<'_>,
    instead_of: u64,
) -> Result<Connected, ConnectError> {
    if let Some(problem) = &there.problem {
        // A credential could go where the user did not mean it to.
        return Err(ConnectError::Refused(format!("{}: {problem}", there.name)));
    }
    let mut request = Request { secrets, dry_run, ..as_request(there, tenant)? };
    if there.auth == AuthKind::None && there.provider.is_none() {
        // A server that was open once may want something now, and says what.
        request.auth = None;
    }
    let target = refuse::parse(&request)?;
    let name = there.name.clone();
    let found = way::find(deps, &mut request, &target, &name, people, instead_of);
    let (auth, listing) = Box::pin(found).await?;
    if dry_run {
        return Ok(Connected { name, auth, tools: listing.tools.len(), how: How::WouldBe });
    }
    save::renewed(deps, request, target, there.clone(), auth, listing).await
}

/// What is there as it is for one user.
fn as_request(there: &Entered, tenant: Tenant) -> Result<Request, ConnectError> {
    let request = Request {
        name: Some(there.name.clone()),
        url: there.url.clone(),
        auth: Some(there.auth),
        headers: there.headers.clone(),
        params: there.params.clone(),
        oauth: there.oauth.clone(),
        provider: there.provider.clone(),
        tenant,
        ..Request::default()
    };
    let Some(provider) = &there.provider else { return Ok(request) };
    let resolved = provider.resolve(&there.params, &request.tenant);
    let resolved =
        resolved.map_err(|why| ConnectError::Refused(format!("{}: {why}", there.name)))?;
    Ok(Request {
        url: resolved.url,
        headers: resolved.headers,
        params: resolved.params,
        oauth: resolved.oauth,
        ..request
    })
}

/// Whether what is stored may be sent to where the connection now points.
async fn has_credential(
    deps: &Deps,
    there: &Entered,
    tenant: &Tenant,
) -> Result<bool, ConnectError> {
    let request = as_request(there, tenant.clone())?;
    let Ok(target) = refuse::parse(&request) else { return Ok(true) };
    let config = credential_config(deps, &request, &target, &there.name, there.auth);
    if !config.uses_vault() {
        return Ok(true);
    }
    if config.uses_tokens() {
        let (stored, facts) = deps.place(&config)?.read().await.map_err(ConnectError::Auth)?;
        return Ok(stored.grant.is_some_and(|grant| !facts.has_refused(grant.generation)));
    }
    let kind = deps.vault.kind();
    let record = auth::read_record(&deps.vault, &config.account)
        .await
        .map_err(|source| ConnectError::Store { kind, source })?;
    Ok(record.is_some_and(|record| {
        config.bound().is_ok_and(|bound| bound == record.bound)
            && target.secret_names().iter().all(|name| record.secrets.contains_key(name))
    }))
}
