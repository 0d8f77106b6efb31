//! `allmcp connect PROVIDER`: what its manifest wants to know, asked for only where it is missing.

mod questions;
mod strays;

pub(super) use self::questions::another_key;
use self::{
    questions::{asked, choose, hidden},
    strays::every_secret_has_a_place,
};
use super::{
    connect::oauth,
    context::Context,
    error::{CliError, Kind},
    grammar::ConnectArgs,
    secrets::Terminal,
};
use crate::{
    auth::{CLIENT_SECRET, OAuthConfig, TOKEN},
    catalog::{CatalogError, Manifest, PlanError, Registry, manifest::Way},
    connect::{self, Provider, Request},
    kind::AuthKind,
    name::ConnectionName,
    secret::Secret,
    text,
    upstream::{self, Api, ErrorKind},
};
use futures_util::FutureExt as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

type Secrets = BTreeMap<String, Secret<String>>;
type Params = BTreeMap<String, String>;

/// The manifest of that id.
pub(super) fn find(cx: &Context, id: &str) -> Result<Arc<Manifest>, CliError> {
    Registry::new(cx.paths.providers()).get(id).map_err(|error| {
        let told = CliError::new(Kind::NotFound, error.to_string());
        match &error {
            CatalogError::Unknown { near, .. } => match near.first() {
                Some(near) => told.hint(format!("did you mean {near:?}? allmcp catalog lists all")),
                None => told.hint(
                    "allmcp catalog lists the providers; any MCP server is connected by its URL",
                ),
            },
            _ => told.hint(format!("allmcp catalog show {id}")),
        }
    })
}

/// Everything that connecting needs, asked for where it is missing.
pub(super) async fn request(
    cx: &Context,
    ask: &Terminal<'_>,
    deps: &connect::Deps,
    args: ConnectArgs,
    manifest: Arc<Manifest>,
    mut secrets: Secrets,
) -> Result<Request, CliError> {
    for warning in &manifest.warnings {
        cx.out.warn(&format!("{}: {warning}", manifest.name));
    }
    let mut params: Params = args.params.into_iter().map(|p| (p.key, p.value)).collect();
    let way = way(&manifest, ask, args.auth.as_deref(), &params, &secrets).await?.clone();
    let headers: Vec<_> = args.headers.into_iter().map(|h| (h.name.to_string(), h.value)).collect();
    every_secret_has_a_place(&way, &headers, &secrets)?;
    params.extend(pasted(ask, &way, &params, &mut secrets).await?);
    let known = deps.connections.connections().iter().any(|there| {
        there.provider.as_ref().is_some_and(|it| it.manifest.id == manifest.id)
            && args.name.as_ref().is_none_or(|name| *name == there.name)
    });
    let given = oauth(args.sign_in);
    let oauth = own_client(cx, ask, &way, given, &mut secrets, known).await?;
    let provider = Provider {
        manifest: Arc::clone(&manifest),
        way: way.id.clone(),
        base_url: args.base_url,
        headers,
        oauth,
    };
    complete(&manifest, &way, ask, &mut params).await?;
    if way.login.is_some() {
        if args.dry_run {
            let why = "a dry run saves nothing, and a login makes a key that would be lost";
            return Err(CliError::usage(why).hint("give the key, or leave --dry-run out"));
        }
        log_in(ask, deps, &provider, &way, &mut params, &mut secrets, args.name.as_ref(), cx)
            .await?;
    }
    if !has_token(deps, args.name.as_ref()) {
        keys(ask, &way, &mut secrets).await?;
    }
    let resolved = provider.resolve(&params, &cx.tenant).map_err(CliError::usage)?;
    Ok(Request {
        name: args.name,
        url: resolved.url,
        auth: Some(resolved.auth),
        headers: resolved.headers,
        params: resolved.params,
        allow: args.tools,
        oauth: resolved.oauth,
        secrets,
        force: args.force,
        dry_run: args.dry_run,
        tenant: cx.tenant.clone(),
        timeout: None,
        provider: Some(provider),
        known_as: None,
    })
}

/// The secrets for a connection that is there, asked for where they are missing.
pub(super) async fn again(
    cx: &Context,
    ask: &Terminal<'_>,
    deps: &connect::Deps,
    name: &ConnectionName,
    mut secrets: Secrets,
) -> Result<Secrets, CliError> {
    let there = deps.connections.connections().into_iter().find(|there| there.name == *name);
    let Some((provider, mut params)) = there.and_then(|it| Some((it.provider?, it.params))) else {
        return Ok(secrets);
    };
    let way = provider.manifest.auth.iter().find(|way| way.id == provider.way).cloned();
    let Some(way) = way.filter(|way| way.kind == AuthKind::Key) else { return Ok(secrets) };
    every_secret_has_a_place(&way, &provider.headers, &secrets)?;
    for (name, now) in pasted(ask, &way, &Params::new(), &mut secrets).await? {
        if params.get(&name).is_some_and(|before| *before != now) {
            return Err(CliError::usage(format!(
                "it is for another {name} than the connection; connect it under a name of its own"
            )));
        }
    }
    if way.login.is_some() {
        log_in(ask, deps, &provider, &way, &mut params, &mut secrets, Some(name), cx).await?;
    }
    keys(ask, &way, &mut secrets).await?;
    Ok(secrets)
}

fn has_token(deps: &connect::Deps, name: Option<&ConnectionName>) -> bool {
    name.is_some_and(|name| (deps.token)(name).is_some())
}

/// Takes a secret apart that is pasted whole; the parameters that it holds.
async fn pasted(
    ask: &Terminal<'_>,
    way: &Way,
    params: &Params,
    secrets: &mut Secrets,
) -> Result<Params, CliError> {
    only_one_is_meant(way, secrets);
    let Some(split) = &way.split else { return Ok(Params::new()) };
    let whole = match secrets.remove(&split.from) {
        Some(whole) => whole,
        // All its parts were given by themselves.
        None if !secrets.is_empty() && all_given(way, params) => return Ok(Params::new()),
        None => hidden(ask, way, &split.from).await?,
    };
    let parts = split.take_apart(&whole).map_err(CliError::usage)?;
    secrets.extend(parts.secrets);
    Ok(parts.params)
}

/// Asks for every key of the way that is missing.
async fn keys(ask: &Terminal<'_>, way: &Way, secrets: &mut Secrets) -> Result<(), CliError> {
    if way.kind != AuthKind::Key {
        return Ok(());
    }
    let whole = way.split.as_ref().map(|split| &split.from);
    for one in way.secrets.iter().filter(|one| !one.optional && Some(&one.name) != whole) {
        if !secrets.contains_key(&one.name) {
            let secret = hidden(ask, way, &one.name).await?;
            secrets.insert(one.name.clone(), secret);
        }
    }
    Ok(())
}

/// The way that was named, or that fits what was given; where several are left, the one that the
/// user chooses, else the simplest.
async fn way<'m>(
    manifest: &'m Manifest,
    ask: &Terminal<'_>,
    word: Option<&str>,
    params: &Params,
    secrets: &Secrets,
) -> Result<&'m Way, CliError> {
    let mut ways = manifest.ways(word, params);
    let names = |way: &Way| -> Vec<String> {
        let typed = way.login.iter().flat_map(|login| &login.asks);
        way.secrets.iter().chain(typed).map(|one| one.name.clone()).collect()
    };
    let takes = |way: &&Way| {
        secrets.keys().all(|name| {
            names(way).contains(name)
                || (name == TOKEN && way.secrets.len() == 1)
                || (name == CLIENT_SECRET && way.kind != AuthKind::Key)
        })
    };
    let fitting: Vec<&Way> = ways.iter().copied().filter(takes).collect();
    if !fitting.is_empty() {
        ways = fitting;
    }
    let Some(first) = ways.first().copied() else {
        let known: Vec<_> = manifest.auth.iter().map(|way| way.id.as_str()).collect();
        return Err(CliError::usage(format!(
            "{} has no way to sign in called {:?}; it has {}",
            manifest.id,
            text::line(word.unwrap_or_default(), 60),
            known.join(", ")
        )));
    };
    if ways.len() == 1 || word.is_some() || !secrets.is_empty() || !ask.can_ask() {
        return Ok(first);
    }
    let options = ways.iter().map(|way| (way.id.clone(), way.title.clone())).collect();
    let chosen = choose(ask, "How do you want to sign in?", options, "--auth WORD").await?;
    Ok(ways.into_iter().find(|way| way.id == chosen).unwrap_or(first))
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

fn all_given(way: &Way, params: &Params) -> bool {
    way.params.iter().all(|param| params.contains_key(&param.name))
}

/// Asks for every parameter that is missing.
async fn complete(
    manifest: &Manifest,
    way: &Way,
    ask: &Terminal<'_>,
    params: &mut Params,
) -> Result<(), CliError> {
    let missing = match manifest.plan(Some(&way.id), params) {
        Ok(_) => return Ok(()),
        Err(PlanError::Missing { missing, .. }) => missing,
        Err(error) => return Err(CliError::usage(error.to_string())),
    };
    if !ask.can_ask() {
        let flags: Vec<String> =
            missing.iter().map(|param| format!("--param {}=…", param.name)).collect();
        let error = PlanError::Missing { provider: manifest.id.clone(), missing };
        return Err(CliError::usage(error.to_string()).hint(format!("give {}", flags.join(" "))));
    }
    for param in missing {
        let value = asked(ask, &param).await?;
        params.insert(param.name, value);
    }
    manifest.plan(Some(&way.id), params).map(drop).map_err(|e| CliError::usage(e.to_string()))
}

/// A sign-in that needs a client of the user's own; `known`: there is such a connection, and its
/// secret is stored.
async fn own_client(
    cx: &Context,
    ask: &Terminal<'_>,
    way: &Way,
    mut oauth: OAuthConfig,
    secrets: &mut Secrets,
    known: bool,
) -> Result<OAuthConfig, CliError> {
    let Some(own) = way.oauth.as_ref().and_then(|told| told.own_client.as_ref()) else {
        return Ok(oauth);
    };
    let told = way.oauth.as_ref();
    let port = oauth.callback_port.or(told.and_then(|told| told.callback_port));
    let host = told.and_then(|told| told.callback_host.as_deref()).unwrap_or("127.0.0.1");
    // Without a port of its own it is any, as RFC 8252 section 7.3 has it for loopback.
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let redirect = format!("http://{host}{port}/callback");
    let help = own.help.replace("${redirect_uri}", &redirect);
    let help = [Some(help.as_str()), own.page.as_deref()];
    let help: Vec<&str> = help.into_iter().flatten().collect();
    if oauth.client_id.is_none() && told.is_some_and(|told| told.client_id.is_none()) {
        if !ask.can_ask() {
            let wanted =
                if own.secret { "--client-id ID --client-secret-stdin" } else { "--client-id ID" };
            return Err(CliError::usage(format!("it needs a client of your own: give {wanted}"))
                .hint(help.join(" ")));
        }
        for line in &help {
            cx.out.note(line);
        }
        oauth.client_id = Some(ask.line("Client id (integration id)", "--client-id ID").await?);
    }
    if own.secret && !secrets.contains_key(CLIENT_SECRET) && !known {
        if !ask.can_ask() {
            return Err(CliError::usage("the secret of the client is missing")
                .hint("give --client-secret-stdin, or --secret-file client_secret=FILE"));
        }
        let secret = ask.hidden("Client secret", "--client-secret-stdin").await?;
        secrets.insert(CLIENT_SECRET.to_owned(), secret);
    }
    Ok(oauth)
}

/// Exchanges what is typed once for a key.
#[expect(clippy::too_many_arguments, reason = "the parts of one request under way")]
async fn log_in(
    ask: &Terminal<'_>,
    deps: &connect::Deps,
    provider: &Provider,
    way: &Way,
    params: &mut Params,
    secrets: &mut Secrets,
    name: Option<&ConnectionName>,
    cx: &Context,
) -> Result<(), CliError> {
    let asks = way.login.iter().flat_map(|login| &login.asks);
    let mut typed = Secrets::new();
    for one in asks {
        let secret = match secrets.remove(&one.name) {
            Some(secret) => secret,
            None => hidden(ask, way, &one.name).await?,
        };
        typed.insert(one.name.clone(), secret);
    }
    let resolved = provider.resolve(params, &cx.tenant).map_err(CliError::usage)?;
    let base = connect::provider::public_url(&resolved).map_err(CliError::usage)?;
    let base = Url::parse(&base).map_err(|error| CliError::usage(error.to_string()))?;
    let fallback = || provider.manifest.id.parse().ok();
    let name = name.cloned().or_else(fallback);
    let name = name.ok_or_else(|| CliError::usage("give the connection a --name"))?;
    let api = Api { manifest: Arc::clone(&provider.manifest), way: provider.way.clone() };
    // Why nobody chose, with what to do.
    let refused = Mutex::new(None);
    let choose = |title: String, options: Vec<(String, String)>| {
        let refused = &refused;
        async move {
            let flag = match title.rsplit_once('(') {
                Some((_, param)) => format!("--param {}=…", param.trim_end_matches(')')),
                None => "--param".to_owned(),
            };
            choose(ask, &title, options, &flag).await.map_err(|error| {
                let text = error.message.clone();
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                text
            })
        }
        .boxed()
    };
    let all = upstream::log_in(&deps.net, &name, &api, &base, params.clone(), typed, &choose);
    let logged_in = all.await.map_err(|error| {
        let nobody_chose = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        nobody_chose.unwrap_or_else(|| match error.kind {
            ErrorKind::NeedsAuth | ErrorKind::Refused { status: 400..=403 } => {
                CliError::needs_auth(name.as_str(), error.to_string())
                    .hint("check what was typed, and run the same command again")
            }
            _ => CliError::from(error),
        })
    })?;
    params.extend(logged_in.params);
    secrets.extend(logged_in.secrets);
    Ok(())
}
