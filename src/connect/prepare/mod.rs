//! From what was said of a provider to a request that can be tried: what is missing is asked for,
//! what is pasted is taken apart, what is typed once is exchanged for a key.
//!
//! The same for the terminal, for the page and for whoever gives everything at once: each of them
//! is an [`Asker`].

mod asker;
mod login;
mod sheet;
mod strays;
mod ways;

pub use asker::{Answers, Asker, Choice, ChoiceOf, Chosen, Unanswered};
pub use sheet::{Blank, BlankKind, Sheet, Slot};

use self::strays::every_secret_has_a_place;
use super::{Deps, Provider, Request};
use crate::{
    auth::{CLIENT_SECRET, OAuthConfig, TOKEN},
    catalog::{
        Manifest, PlanError,
        manifest::{Param, Way},
    },
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    secret::Secret,
    upstream::UpstreamError,
};
use std::{collections::BTreeMap, sync::Arc};

pub type Secrets = BTreeMap<String, Secret<String>>;
pub type Params = BTreeMap<String, String>;

/// What was said of a connection to a provider.
#[derive(Debug, Clone)]
pub struct Given {
    pub manifest: Arc<Manifest>,
    pub name: Option<ConnectionName>,
    /// A way's id, or a kind of sign-in.
    pub way: Option<String>,
    pub params: Params,
    pub secrets: Secrets,
    /// Sent besides what the manifest sends, and in its place.
    pub headers: Vec<(String, String)>,
    pub oauth: OAuthConfig,
    pub base_url: Option<String>,
    pub allow: Vec<String>,
    pub force: bool,
    pub dry_run: bool,
    pub tenant: Tenant,
}

impl Given {
    /// Nothing was said but which provider.
    pub fn new(manifest: Arc<Manifest>, tenant: Tenant) -> Self {
        Self {
            manifest,
            name: None,
            way: None,
            params: Params::new(),
            secrets: Secrets::new(),
            headers: Vec::new(),
            oauth: OAuthConfig::default(),
            base_url: None,
            allow: Vec::new(),
            force: false,
            dry_run: false,
            tenant,
        }
    }
}

/// Why there is nothing to try.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something that was given cannot be meant.
    #[error("{text}")]
    Usage { text: String, hint: Option<String> },
    /// The login with what was typed.
    #[error("{error}")]
    Login { name: ConnectionName, error: UpstreamError },
    /// Nobody gave what is missing.
    #[error("{0}")]
    Unanswered(#[from] Unanswered),
}

impl PrepareError {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage { text: text.into(), hint: None }
    }
}

/// Everything that connecting needs, asked for where it is missing.
///
/// # Errors
/// What was given cannot be meant, nobody answers, or the login failed.
pub async fn request(
    deps: &Deps,
    asker: &dyn Asker,
    given: Given,
) -> Result<Request, PrepareError> {
    let Given { manifest, name, headers, mut params, mut secrets, .. } = given;
    asker.warn(&manifest.name, &manifest.warnings);
    let way = ways::pick(&manifest, asker, given.way.as_deref(), &params, &secrets).await?.clone();
    every_secret_has_a_place(&way, &headers, &secrets)?;
    only_one_is_meant(&way, &mut secrets);
    if way.login.is_some() && given.dry_run {
        let text = "a dry run saves nothing, and a login makes a key that would be lost".to_owned();
        let hint = Some("give the key, or leave --dry-run out".to_owned());
        return Err(PrepareError::Usage { text, hint });
    }
    let known = deps.connections.connections().iter().any(|there| {
        there.provider.as_ref().is_some_and(|it| it.manifest.id == manifest.id)
            && name.as_ref().is_none_or(|name| *name == there.name)
    });
    let mut oauth = given.oauth;
    let mut sheet = Sheet::new(&manifest, &way);
    if wants_whole(&way, &params, &secrets) {
        sheet.whole(&way);
    }
    sheet.own_client(&way, &oauth, &secrets, known);
    sheet.params(&way, &missing(&manifest, &way, &params)?, &params);
    sheet.typed(&way, &secrets);
    if name.as_ref().is_none_or(|name| (deps.token)(name).is_none()) {
        sheet.keys(&way, &secrets);
    }
    let mut typed = Secrets::new();
    if sheet.is_needed() {
        let answers = asker.fill(&sheet).await?;
        sort(&sheet, answers, &mut params, &mut secrets, &mut oauth);
    }
    take_typed(&way, &mut secrets, &mut typed);
    params.extend(taken_apart(&way, &mut secrets)?);
    take_shared(&way, &oauth, &mut secrets);
    manifest
        .plan(Some(&way.id), &params)
        .map_err(|error| PrepareError::usage(error.to_string()))?;
    let provider = Provider {
        manifest: Arc::clone(&manifest),
        way: way.id.clone(),
        base_url: given.base_url,
        headers,
        oauth,
    };
    if way.login.is_some() {
        let at = login::At { deps, asker, provider: &provider, tenant: &given.tenant };
        let logged_in = at.log_in(&params, typed, name.as_ref()).await?;
        params.extend(logged_in.params);
        secrets.extend(logged_in.secrets);
    }
    let resolved = provider.resolve(&params, &given.tenant).map_err(PrepareError::usage)?;
    Ok(Request {
        name,
        url: resolved.url,
        auth: Some(resolved.auth),
        headers: resolved.headers,
        params: resolved.params,
        allow: given.allow,
        oauth: resolved.oauth,
        secrets,
        force: given.force,
        dry_run: given.dry_run,
        tenant: given.tenant,
        timeout: None,
        provider: Some(provider),
        known_as: None,
    })
}

/// The secrets for a connection that is there, asked for where they are missing.
///
/// # Errors
/// As [`request`]; and what is pasted is for another account than the connection.
pub async fn again(
    deps: &Deps,
    asker: &dyn Asker,
    name: &ConnectionName,
    tenant: &Tenant,
    mut secrets: Secrets,
) -> Result<Secrets, PrepareError> {
    let there = deps.connections.connections().into_iter().find(|there| there.name == *name);
    let Some((provider, params)) = there.and_then(|it| Some((it.provider?, it.params))) else {
        return Ok(secrets);
    };
    let way = provider.manifest.auth.iter().find(|way| way.id == provider.way).cloned();
    let Some(way) = way.filter(|way| way.kind == AuthKind::Key) else { return Ok(secrets) };
    every_secret_has_a_place(&way, &provider.headers, &secrets)?;
    only_one_is_meant(&way, &mut secrets);
    let mut sheet = Sheet::new(&provider.manifest, &way);
    if wants_whole(&way, &Params::new(), &secrets) {
        sheet.whole(&way);
    }
    sheet.typed(&way, &secrets);
    sheet.keys(&way, &secrets);
    if sheet.is_needed() {
        let answers = asker.fill(&sheet).await?;
        let (mut none, mut oauth) = (Params::new(), OAuthConfig::default());
        sort(&sheet, answers, &mut none, &mut secrets, &mut oauth);
    }
    let mut typed = Secrets::new();
    take_typed(&way, &mut secrets, &mut typed);
    for (part, now) in taken_apart(&way, &mut secrets)? {
        if params.get(&part).is_some_and(|before| *before != now) {
            return Err(PrepareError::usage(format!(
                "it is for another {part} than the connection; connect it under a name of its own"
            )));
        }
    }
    if way.login.is_some() {
        let at = login::At { deps, asker, provider: &provider, tenant };
        let logged_in = at.log_in(&params, typed, Some(name)).await?;
        secrets.extend(logged_in.secrets);
    }
    Ok(secrets)
}

/// The secret of the client that everybody shares, unless the user has a client of their own. It
/// is kept with the tokens, where a renewal looks for it.
fn take_shared(way: &Way, oauth: &OAuthConfig, secrets: &mut Secrets) {
    let shared = way.oauth.as_ref().and_then(|told| told.client_secret.as_ref());
    if let Some(shared) = shared.filter(|_| oauth.client_id.is_none()) {
        let given = secrets.entry(CLIENT_SECRET.to_owned());
        given.or_insert_with(|| Secret::new(shared.clone()));
    }
}

/// The parameters that have to be said and were not.
fn missing(manifest: &Manifest, way: &Way, params: &Params) -> Result<Vec<Param>, PrepareError> {
    match manifest.plan(Some(&way.id), params) {
        Ok(_) => Ok(Vec::new()),
        Err(PlanError::Missing { missing, .. }) => Ok(missing),
        Err(error) => Err(PrepareError::usage(error.to_string())),
    }
}

/// Puts every answer where it belongs.
fn sort(
    sheet: &Sheet,
    answers: Answers,
    params: &mut Params,
    secrets: &mut Secrets,
    oauth: &mut OAuthConfig,
) {
    for (slot, answer) in answers {
        match slot {
            Slot::Param(name) => {
                let accepted = sheet.accept(&name, answer.expose());
                params.insert(name, accepted.unwrap_or_else(|_| answer.into_inner()));
            }
            Slot::Secret(name) => {
                secrets.insert(name, answer);
            }
            Slot::ClientId => oauth.client_id = Some(answer.into_inner().trim().to_owned()),
        }
    }
}

/// What is typed once is no secret of the connection.
fn take_typed(way: &Way, secrets: &mut Secrets, typed: &mut Secrets) {
    for one in way.login.iter().flat_map(|login| &login.asks) {
        if let Some(secret) = secrets.remove(&one.name) {
            typed.insert(one.name.clone(), secret);
        }
    }
}

/// A secret that is pasted whole is missing; not so when all its parts were given by themselves.
fn wants_whole(way: &Way, params: &Params, secrets: &Secrets) -> bool {
    let all_given = || way.params.iter().all(|param| params.contains_key(&param.name));
    way.split.as_ref().is_some_and(|split| {
        !secrets.contains_key(&split.from) && (secrets.is_empty() || !all_given())
    })
}

/// The parameters that a pasted secret holds; its secrets take its place.
fn taken_apart(way: &Way, secrets: &mut Secrets) -> Result<Params, PrepareError> {
    let Some(split) = &way.split else { return Ok(Params::new()) };
    let Some(whole) = secrets.remove(&split.from) else { return Ok(Params::new()) };
    let parts = split.take_apart(&whole).map_err(PrepareError::usage)?;
    secrets.extend(parts.secrets);
    Ok(parts.params)
}

/// `--token-stdin` gives the one secret that there is, whatever its name.
fn only_one_is_meant(way: &Way, secrets: &mut Secrets) {
    if let [only] = way.secrets.as_slice()
        && only.name != TOKEN
        && !secrets.contains_key(&only.name)
        && let Some(token) = secrets.remove(TOKEN)
    {
        secrets.insert(only.name.clone(), token);
    }
}

/// All the names under which secrets may be given for a way.
fn takes(way: &Way, name: &str) -> bool {
    let typed = way.login.iter().flat_map(|login| &login.asks);
    way.secrets.iter().chain(typed).any(|one| one.name == name)
        || (name == TOKEN && way.secrets.len() == 1)
        || (name == CLIENT_SECRET && way.kind != AuthKind::Key)
}
