//! A connection that is made of a provider's manifest.

use super::base_url::Base;
use crate::{
    auth::{AccountRule, ManualProfile, OAuthConfig, ResourceRule},
    catalog::{
        Manifest,
        manifest::{Kind, OAuth},
    },
    kind::AuthKind,
    name::Tenant,
    secret::Secret,
    template::{Hole, Template, TemplateError},
};
use std::{collections::BTreeMap, sync::Arc};

/// A provider of the catalog, and how one signs in to it.
#[derive(Debug, Clone)]
pub struct Provider {
    pub manifest: Arc<Manifest>,
    /// The id of the way.
    pub way: String,
    /// A proxy or a host of one's own in the place of the vendor's.
    pub base_url: Option<String>,
    /// What was said besides, and wins over the manifest.
    pub headers: Vec<(String, String)>,
    pub oauth: OAuthConfig,
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.manifest.id == other.manifest.id
            && self.way == other.way
            && self.base_url == other.base_url
    }
}

impl Eq for Provider {}

impl Provider {
    /// It is a REST API, and so speaks no MCP.
    pub fn is_api(&self) -> bool {
        self.manifest.kind == Kind::Http
    }
}

/// What an entry of the configuration would say that has no provider.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub url: String,
    pub auth: AuthKind,
    pub headers: Vec<(String, String)>,
    pub params: BTreeMap<String, String>,
    pub oauth: OAuthConfig,
}

impl Provider {
    /// The templates of an API's queries and bodies; `None` for what speaks MCP.
    pub fn also(&self) -> Option<Vec<Template>> {
        let way = self.manifest.auth.iter().find(|way| way.id == self.way);
        let all = way.iter().flat_map(|way| way.query.values().chain(way.body.values()));
        self.is_api().then(|| all.filter_map(|text| text.parse().ok()).collect())
    }

    /// What a connection with these parameters is made of, for one user.
    ///
    /// # Errors
    /// A parameter is missing or wrong, a text of the manifest is no template, or `base_url` is
    /// no URL.
    pub fn resolve(
        &self,
        params: &BTreeMap<String, String>,
        tenant: &Tenant,
    ) -> Result<Resolved, String> {
        let expanded = self.manifest.plan(Some(&self.way), params);
        let expanded = expanded.map_err(|error| error.to_string())?.for_tenant(tenant);
        let base = self.base_url.as_deref().map(Base::read).transpose()?;
        let at = |url: &str| base.as_ref().map_or_else(|| url.to_owned(), |base| base.of(url));
        let url = match self.manifest.kind {
            Kind::Mcp => expanded.url_with_query(),
            Kind::Http => expanded.url.clone(),
        };
        let own =
            |name: &String| self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut headers: Vec<(String, String)> =
            expanded.headers.into_iter().filter(|(name, _)| !own(name)).collect();
        headers.extend_from_slice(&self.headers);
        Ok(Resolved {
            url: at(&rooted(&url, &expanded.params)),
            auth: expanded.auth,
            headers,
            oauth: merged(&expanded.oauth, &self.oauth, &at, base.as_ref())?,
            params: expanded.params,
        })
    }
}

/// A parameter that is a whole URL cannot be filled in later, where values are encoded.
fn rooted(url: &str, params: &BTreeMap<String, String>) -> String {
    let rest = url.strip_prefix("${param:").and_then(|rest| rest.split_once('}'));
    let found = rest.and_then(|(name, rest)| Some((params.get(name)?, rest)));
    found.map_or_else(
        || url.to_owned(),
        |(value, rest)| format!("{}{rest}", value.trim_end_matches('/').replace('$', "$$")),
    )
}

/// The URL of an API in which no secret has a place, for a request before there is any.
///
/// # Errors
/// It needs a secret, or a parameter is missing.
pub fn public_url(resolved: &Resolved) -> Result<String, String> {
    let url: Template = resolved.url.parse().map_err(|e: TemplateError| e.to_string())?;
    let value = |hole: &Hole| match hole {
        Hole::Param(name) => resolved.params.get(name).cloned().map(Secret::new),
        _ => None,
    };
    url.expand(value).map(Secret::into_inner).map_err(|error| error.to_string())
}

/// What the manifest says of a sign-in, and what the user says of it.
fn merged(
    told: &OAuth,
    own: &OAuthConfig,
    at: &dyn Fn(&str) -> String,
    base: Option<&Base>,
) -> Result<OAuthConfig, String> {
    let template =
        |text: &str| at(text).parse::<Template>().map_err(|error: TemplateError| error.to_string());
    let endpoints = told.authorize_url.as_ref().zip(told.token_url.as_ref());
    let manual = match (&own.manual, endpoints) {
        (Some(own), _) => Some(own.clone()),
        (None, None) => None,
        (None, Some((authorize, token))) => Some(ManualProfile {
            authorize_url: template(authorize)?,
            token_url: template(token)?,
            revoke_url: told.revoke_url.as_deref().map(template).transpose()?,
            token_body: told.token_body,
            token_params: told.token_params.clone(),
            account: account(told, base)?,
        }),
    };
    let mut scopes = told.scopes.clone();
    scopes.extend(own.scopes.iter().filter(|scope| !told.scopes.contains(scope)).cloned());
    let mut authorize_params = told.authorize_params.clone();
    authorize_params.extend(own.authorize_params.clone());
    let mut authorize_omit = told.authorize_omit.clone();
    authorize_omit.extend(own.authorize_omit.iter().filter(|it| !told.authorize_omit.contains(it)));
    let registration_url = told.registration_url.as_deref().map(template).transpose()?;
    let resource = match (&own.resource, &told.resource) {
        (ResourceRule::Announced, Some(told)) => ResourceRule::Exactly(told.clone()),
        (own, _) => own.clone(),
    };
    Ok(OAuthConfig {
        client_id: own.client_id.clone().or_else(|| told.client_id.clone()),
        client_metadata_url: own.client_metadata_url.clone(),
        scopes,
        resource,
        issuer: own.issuer.clone().or_else(|| told.issuer.clone()),
        callback_port: own.callback_port.or(told.callback_port),
        callback_host: own.callback_host.clone().or_else(|| told.callback_host.clone()),
        authorize_params,
        authorize_omit,
        pkce: own.pkce.or(Some(told.pkce)),
        registration_url: own.registration_url.clone().or(registration_url),
        manual,
    })
}

fn account(told: &OAuth, base: Option<&Base>) -> Result<Option<AccountRule>, String> {
    let Some(account) = &told.account else { return Ok(None) };
    let hosts = match base {
        Some(base) => vec![Template::literal(&base.host)],
        None => account
            .suffixes
            .iter()
            .map(|suffix| format!("${{param:{}}}{suffix}", account.param).parse())
            .collect::<Result<_, TemplateError>>()
            .map_err(|error| error.to_string())?,
    };
    Ok(Some(AccountRule { from: account.from.clone(), hosts }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Registry;

    fn resolved(id: &str, params: &[(&str, &str)], base: Option<&str>) -> Resolved {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let manifest = Registry::default().get(id).unwrap();
        let way = manifest.plan(None, &params).unwrap().way;
        let base_url = base.map(str::to_owned);
        let (headers, oauth) = (Vec::new(), OAuthConfig::default());
        let provider = Provider { manifest, way, base_url, headers, oauth };
        provider.resolve(&params, &Tenant::default()).unwrap()
    }

    #[test]
    fn a_manifest_becomes_what_an_entry_would_say() {
        let github = resolved("github", &[("readonly", "true")], None);
        assert_eq!(github.auth, AuthKind::Key);
        assert!(github.url.starts_with("https://api.githubcopilot.com/mcp"), "{}", github.url);
        assert!(github.headers.iter().any(|(_, value)| value == "Bearer ${secret:token}"));
    }

    #[test]
    fn a_host_of_ones_own_takes_the_place_of_every_host() {
        let own = resolved("linear", &[], Some("http://127.0.0.1:8"));
        assert_eq!(own.url, "http://127.0.0.1:8/mcp");
    }
}
