//! Servers that the catalog knows become connections to their provider.

use crate::{
    auth::OAuthConfig,
    catalog::Registry,
    cli::context::Context,
    connect::{Provider, Request},
    kind::AuthKind,
    template::{Hole, Template},
};
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

/// The request as one for a provider, where that means the very same: its URL, its headers, its
/// way to sign in. Else as it was.
pub(super) fn of(cx: &Context, request: Request) -> Request {
    let registry = Registry::new(cx.paths.providers());
    let url = Url::parse(request.url.split('?').next().unwrap_or_default()).ok();
    let manifest = url.and_then(|url| registry.get(&registry.by_url(&url)?).ok());
    let Some(manifest) = manifest else { return request };
    let ways = manifest.auth.iter().map(|way| way.id.clone());
    let fitting = ways.filter_map(|way| {
        let provider = Provider {
            manifest: Arc::clone(&manifest),
            way,
            base_url: None,
            headers: Vec::new(),
            oauth: request.oauth.clone(),
        };
        as_provider(&request, provider)
    });
    fitting.into_iter().next().unwrap_or(request)
}

fn as_provider(request: &Request, mut provider: Provider) -> Option<Request> {
    let resolved = provider.resolve(&BTreeMap::new(), &request.tenant).ok()?;
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let by_consent = request.secrets.is_empty() && request.auth != Some(AuthKind::Key);
    let kind = match resolved.auth {
        // A server that wants nothing, and one that is signed in to, look the same in a file.
        AuthKind::None | AuthKind::OAuth => by_consent,
        AuthKind::Key => !request.secrets.is_empty() && request.auth.is_none(),
        _ => false,
    };
    if !kind || bare(&resolved.url) != bare(&request.url) {
        return None;
    }
    let mut secrets = BTreeMap::new();
    let mut others = request.headers.clone();
    for (name, value) in &resolved.headers {
        let at = others.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
        let Some(at) = at else {
            // One without a hole is sent by itself.
            if value.contains("${") {
                return None;
            }
            continue;
        };
        let (_, theirs) = others.remove(at);
        let (ours, theirs) = (shape(value)?, shape(&theirs)?);
        if ours.0 != theirs.0 {
            return None;
        }
        if let (Some(ours), Some(theirs)) = (ours.1, theirs.1) {
            secrets.insert(ours, request.secrets.get(&theirs)?.clone());
        }
    }
    // A key that has no place there would be lost.
    if secrets.len() != request.secrets.len() {
        return None;
    }
    provider.headers.clone_from(&others);
    provider.oauth =
        OAuthConfig { client_id: request.oauth.client_id.clone(), ..request.oauth.clone() };
    let resolved = provider.resolve(&BTreeMap::new(), &request.tenant).ok()?;
    Some(Request {
        url: resolved.url,
        headers: resolved.headers,
        params: resolved.params,
        oauth: resolved.oauth,
        auth: Some(resolved.auth),
        secrets,
        provider: Some(provider),
        ..request.clone()
    })
}

/// A text with the name of its one secret taken out, and that name.
fn shape(source: &str) -> Option<(String, Option<String>)> {
    let template: Template = source.parse().ok()?;
    let mut names = template.holes().filter_map(|hole| match hole {
        Hole::Secret(name) => Some(name.clone()),
        _ => None,
    });
    let name = names.next();
    if names.next().is_some() {
        return None;
    }
    let hole = name.as_ref().map(|name| format!("${{secret:{name}}}"));
    Some((hole.map_or_else(|| source.to_owned(), |hole| source.replace(&hole, "\u{1}")), name))
}
