//! What a model wants connected: a provider or a URL, new or there already.

use super::{
    args,
    connect_provider::{Args, NAME},
};
use crate::{
    catalog::{CatalogError, Manifest, PlanError},
    connect::{
        self, Entered, Wish,
        prepare::{Given, Params, Secrets},
    },
    hub::{CallError, Hub},
    name::ConnectionName,
    secret::Secret,
    text,
};
use serde_json::Value;
use std::{fmt::Write as _, sync::Arc};
use url::Url;

/// What is wanted.
pub(super) enum Wanted {
    /// It is connected, or was.
    There(There),
    New {
        /// The same for the same arguments.
        purpose: String,
        wish: Box<Wish>,
    },
}

pub(super) struct There {
    pub(super) name: ConnectionName,
    pub(super) secrets: Secrets,
}

/// Under which a client's id may be given with the credentials: it is no secret.
const CLIENT_ID: &str = "client_id";

pub(super) fn read(hub: &Hub, deps: &connect::Deps, args: Args) -> Result<Wanted, CallError> {
    let wrong = |why: &str| args::wrong(NAME, why);
    let name = args.name.map(|name| name.parse::<ConnectionName>()).transpose();
    let name = name.map_err(|error| wrong(&format!("name: {error}")))?;
    let mut params = Params::new();
    for (key, value) in args.params.unwrap_or_default() {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            _ => return Err(wrong(&format!("params.{} must be a string", text::line(&key, 60)))),
        };
        params.insert(key, text);
    }
    let mut secrets: Secrets = args
        .credentials
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
    secrets.values().for_each(crate::log::redact);
    let client_id = secrets.remove(CLIENT_ID).map(Secret::into_inner);
    let target = args.provider.trim();
    let is_url = target.contains("://");
    let manifest = if is_url { None } else { Some(provider(hub, target)?) };
    let known = deps.connections.connections();
    if let Some(there) = same(&known, manifest.as_deref(), target, name.as_ref(), &params) {
        return Ok(Wanted::There(There { name: there.name.clone(), secrets }));
    }
    if let Some(taken) = name.as_ref().and_then(|name| known.iter().find(|it| it.name == *name)) {
        let of = taken.provider.as_ref().map_or(&taken.url, |provider| &provider.manifest.id);
        let (name, of) = (&taken.name, text::line(of, 120));
        return Err(wrong(&format!("the name {name} is taken by {of}; choose another name")));
    }
    if let Some(manifest) = &manifest {
        check(manifest, &params)?;
    }
    let mut purpose = target.to_owned();
    let _ = write!(purpose, " {name:?} {params:?} {client_id:?}");
    let tenant = hub.tenant().clone();
    let wish = match manifest {
        Some(manifest) => {
            let given = Given::new(manifest, tenant);
            let mut given = Given { name, params, secrets, ..given };
            given.oauth.client_id = client_id;
            Wish::Provider(Box::new(given))
        }
        None => {
            let url = Url::parse(target).ok().filter(|_| name.is_none());
            let known_as = url.and_then(|url| hub.own_deps().registry().by_url(&url));
            let mut request = connect::Request {
                known_as: known_as.and_then(|id| id.parse().ok()),
                name,
                url: target.to_owned(),
                params,
                secrets,
                tenant,
                ..connect::Request::default()
            };
            request.oauth.client_id = client_id;
            Wish::Url(Box::new(request))
        }
    };
    Ok(Wanted::New { purpose, wish: Box::new(wish) })
}

fn provider(hub: &Hub, id: &str) -> Result<Arc<Manifest>, CallError> {
    let registry = hub.own_deps().registry();
    registry.get(&id.to_ascii_lowercase()).map_err(|error| {
        let near = match &error {
            CatalogError::Unknown { near, .. } if !near.is_empty() => {
                format!("; did you mean {}?", near.join(", "))
            }
            _ => {
                "; list_providers shows those there are, and any MCP server is connected by its URL"
                    .to_owned()
            }
        };
        args::wrong(NAME, &format!("{error}{near}"))
    })
}

/// Parameters that no way has, and values that cannot be, are the model's to mend.
fn check(manifest: &Manifest, params: &Params) -> Result<(), CallError> {
    let first = manifest.ways(None, params).first().map(|way| way.id.clone());
    match manifest.plan(first.as_deref(), params) {
        Ok(_) | Err(PlanError::Missing { .. }) => Ok(()),
        Err(error) => Err(args::wrong(NAME, &error.to_string())),
    }
}

/// The connection that is meant, where it is there: with the name, else with the same target and
/// all parameters that were said.
fn same<'a>(
    known: &'a [Entered],
    manifest: Option<&Manifest>,
    url: &str,
    name: Option<&ConnectionName>,
    params: &Params,
) -> Option<&'a Entered> {
    known.iter().find(|there| {
        let target = match (&there.provider, manifest) {
            (Some(provider), Some(manifest)) => provider.manifest.id == manifest.id,
            (None, None) => there.url == url,
            _ => false,
        };
        let said = |(key, value): (&String, &String)| {
            let all = manifest
                .into_iter()
                .flat_map(|it| it.params.iter().chain(it.auth.iter().flat_map(|way| &way.params)));
            let param = all.into_iter().find(|param| param.name == *key);
            let accepted = param.and_then(|param| param.accept(value).ok());
            there.params.get(key) == Some(accepted.as_ref().unwrap_or(value))
        };
        target && name.is_none_or(|name| *name == there.name) && params.iter().all(said)
    })
}
