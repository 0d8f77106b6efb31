//! What a connection's configuration says of its credential, and what is made of both.

use super::{AuthError, OAuthConfig, Prepared, Record, expand::Secrets};
use crate::{
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    secret::{Secret, holds_credential},
    template::{Hole, Template},
    vault::VaultError,
};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use std::{collections::BTreeMap, fmt, sync::Arc};
use url::Url;

/// The secret that a key is when it has no other name.
pub const TOKEN: &str = "token";

/// Why a stored credential is not used.
pub(super) const ELSEWHERE: &str =
    "its URL was changed since, and a credential is only sent where it was given for";

/// Looks up a variable of the environment.
pub type EnvLookup = Arc<dyn Fn(&str) -> Option<Secret<String>> + Send + Sync>;

/// What a connection's configuration says of its credential.
#[derive(Clone)]
pub struct CredentialConfig {
    pub name: ConnectionName,
    /// Under which the vault has it, see [`Tenant::account`].
    pub account: String,
    pub auth: AuthKind,
    pub oauth: OAuthConfig,
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub params: BTreeMap<String, Template>,
    pub tenant: Tenant,
    pub env: EnvLookup,
    /// Nothing is known of the server yet: without a sign-in nothing is sent, and it may ask.
    pub sign_in_optional: bool,
    /// Fills `${secret:token}` in place of what is stored, whatever the URL.
    pub token_override: Option<Secret<String>>,
    /// Templates that are filled beside the URL and the headers, see [`super::Credentials::fill`]; `None`:
    /// nothing else is ever filled.
    pub also: Option<Vec<Template>>,
}

impl fmt::Debug for CredentialConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialConfig")
            .field("name", &self.name)
            .field("account", &self.account)
            .field("auth", &self.auth)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl CredentialConfig {
    /// Where the credential may be sent: scheme, host, port and path of the URL, with names in
    /// place of secrets.
    pub fn bound(&self) -> Result<String, AuthError> {
        let url = self.fill_url(&Secrets::Names)?.into_inner();
        Ok(format!("{}{}", url.origin().ascii_serialization(), url.path()))
    }

    /// The URL as everybody may see it, for the first question to its server.
    pub fn public_url(&self) -> Result<Url, AuthError> {
        let bad = |error: url::ParseError| AuthError::BadUrl {
            name: self.name.clone(),
            detail: error.to_string(),
        };
        Url::parse(&self.bound()?).map_err(bad)
    }

    /// Whether anything has to be read from the vault before a request can be sent.
    pub fn uses_vault(&self) -> bool {
        let overridden = |name: &str| name == TOKEN && self.token_override.is_some();
        let templates = self.headers.iter().map(|(_, value)| value).chain(self.params.values());
        let templates = templates.chain(self.also.iter().flatten());
        let named = templates
            .chain([&self.url])
            .flat_map(Template::holes)
            .any(|hole| matches!(hole, Hole::Secret(name) if !overridden(name)));
        named || (self.sends_bearer() && !overridden(TOKEN))
    }

    /// Whether the token comes from a sign-in, and so has to be renewed from time to time. One from
    /// the environment takes its place.
    pub fn uses_tokens(&self) -> bool {
        matches!(self.auth, AuthKind::OAuth | AuthKind::ClientCredentials)
            && self.token_override.is_none()
    }

    /// A key of the user's is what it needs, and there is a place for it.
    pub fn takes_keys(&self) -> bool {
        self.auth == AuthKind::Key && self.token_override.is_none()
    }

    /// Whether a person gets the token in a browser.
    pub fn signs_in_by_consent(&self) -> bool {
        self.auth == AuthKind::OAuth && self.token_override.is_none()
    }

    /// A key or a token of which nothing says where it goes is sent as a bearer token.
    fn sends_bearer(&self) -> bool {
        let says_where = self.url.needs_secret()
            || self.params.values().any(Template::needs_secret)
            || self.also.iter().flatten().any(Template::needs_secret)
            || self.headers.iter().any(|(name, value)| {
                value.needs_secret() || name.eq_ignore_ascii_case(AUTHORIZATION.as_str())
            });
        let has_token =
            matches!(self.auth, AuthKind::Key | AuthKind::OAuth | AuthKind::ClientCredentials);
        has_token && !says_where
    }

    pub(super) fn prepare(
        &self,
        secrets: &BTreeMap<String, Secret<String>>,
    ) -> Result<Prepared, AuthError> {
        let secrets = Secrets::Known(secrets);
        let url = self.fill_url(&secrets)?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = self.fill(template, &secrets)?;
            self.put_header(&mut headers, name, &value)?;
        }
        let has_none = || {
            let Secrets::Known(known) = &secrets else { return false };
            self.sign_in_optional && !known.contains_key(TOKEN)
        };
        if self.sends_bearer() && !has_none() {
            let token = self.secret(TOKEN, &secrets)?;
            let value = Secret::new(format!("Bearer {}", token.expose()));
            self.put_header(&mut headers, AUTHORIZATION.as_str(), &value)?;
        }
        let Secrets::Known(known) = secrets else { return Ok(Prepared::new(url, headers, 0)) };
        let known = self.also.as_ref().map(|_| Arc::new(known.clone()));
        Ok(Prepared { secrets: known, ..Prepared::new(url, headers, 0) })
    }

    fn put_header(
        &self,
        headers: &mut HeaderMap,
        name: &str,
        value: &Secret<String>,
    ) -> Result<(), AuthError> {
        if holds_credential(name)
            && let Some(word) = value.expose().split_ascii_whitespace().last()
        {
            // Also what comes from the environment: a server may quote it in an error.
            crate::log::redact(&Secret::new(word.to_owned()));
        }
        let bad = |detail: &str| AuthError::BadHeader {
            name: self.name.clone(),
            header: name.to_owned(),
            detail: detail.to_owned(),
        };
        let key = HeaderName::try_from(name).map_err(|_| bad("its name is not a header name"))?;
        let mut value = HeaderValue::from_bytes(value.expose().as_bytes())
            .map_err(|_| bad("its value has a line break or another control character"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
        Ok(())
    }

    pub(super) fn needs_auth(&self, reason: &str) -> AuthError {
        AuthError::NeedsAuth { name: self.name.clone(), reason: reason.to_owned() }
    }

    pub(super) fn vault_error(&self, source: VaultError) -> AuthError {
        AuthError::Vault { name: self.name.clone(), source }
    }

    /// The secrets of `record`, if they were given for the place where they would now be sent.
    pub(super) fn secrets_of(
        &self,
        record: Option<Record>,
    ) -> Result<BTreeMap<String, Secret<String>>, AuthError> {
        let Some(record) = record else {
            return Err(self.needs_auth("no credential is stored for it"));
        };
        if record.bound == self.bound()? {
            Ok(record.secrets)
        } else {
            Err(self.needs_auth(ELSEWHERE))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A connection `c` with a key; `${env:HOST}` is "env-host", every other variable is unset.
    pub(in crate::auth) fn config(url: &str) -> CredentialConfig {
        CredentialConfig {
            name: "c".parse().unwrap(),
            account: "c".to_owned(),
            auth: AuthKind::Key,
            oauth: OAuthConfig::default(),
            url: url.parse().unwrap(),
            headers: Vec::new(),
            params: BTreeMap::new(),
            tenant: Tenant::default(),
            env: Arc::new(|name| (name == "HOST").then(|| Secret::new("env-host".to_owned()))),
            sign_in_optional: false,
            token_override: None,
            also: None,
        }
    }

    fn header(mut config: CredentialConfig, name: &str, template: &str) -> CredentialConfig {
        config.headers.push((name.to_owned(), template.parse().unwrap()));
        config
    }

    fn sent(config: &CredentialConfig, secrets: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let secrets = secrets.iter().map(|(k, v)| ((*k).into(), Secret::new((*v).into())));
        let prepared = config.prepare(&secrets.collect()).map_err(|e| e.to_string())?;
        assert!(prepared.headers.values().all(HeaderValue::is_sensitive));
        let line = |(k, v): (&HeaderName, &HeaderValue)| {
            format!("{k}: {}", String::from_utf8_lossy(v.as_bytes()))
        };
        Ok(prepared.headers.iter().map(line).collect())
    }

    #[test]
    fn a_key_is_a_bearer_token_unless_something_says_where_it_goes() {
        let url = "https://h/mcp";
        let token = [("token", "t1")];
        let bearer = Ok(vec!["authorization: Bearer t1".to_owned()]);
        assert_eq!(sent(&config(url), &token), bearer);
        let with_env = header(config(url), "X-Host", "${env:HOST}");
        assert_eq!(sent(&with_env, &token).unwrap().len(), 2);
        let own = header(config(url), "X-API-Key", "${secret:token}");
        assert_eq!(sent(&own, &token), Ok(vec!["x-api-key: t1".to_owned()]));
        let basic = header(config(url), "Authorization", "Basic ${env:HOST}");
        assert_eq!(sent(&basic, &token), Ok(vec!["authorization: Basic env-host".to_owned()]));
        assert_eq!(sent(&config("https://h/?k=${secret:token}"), &token), Ok(vec![]));
        let open = CredentialConfig { auth: AuthKind::None, ..config(url) };
        assert_eq!(sent(&open, &token), Ok(vec![]));
    }

    #[test]
    fn the_vault_is_only_used_for_secrets_that_nothing_else_fills() {
        let url = "https://h/mcp";
        let over = |config| CredentialConfig {
            token_override: Some(Secret::new("t2".to_owned())),
            ..config
        };
        assert!(config(url).uses_vault());
        assert!(!over(config(url)).uses_vault());
        assert!(over(header(config(url), "X-Other", "${secret:other}")).uses_vault());
        let open = CredentialConfig { auth: AuthKind::None, ..config(url) };
        assert!(!open.uses_vault());
        assert!(header(open, "X-Key", "${secret:key}").uses_vault());
        let overridden = sent(&over(config(url)), &[("token", "t1")]);
        assert_eq!(overridden, Ok(vec!["authorization: Bearer t2".to_owned()]));
    }

    #[test]
    fn a_credential_of_the_environment_is_known_to_be_one() {
        let mut config = header(config("https://h/mcp"), "Authorization", "Bearer ${env:HOST}");
        config.env = Arc::new(|_| Some(Secret::new("config-env-canary".to_owned())));
        sent(&config, &[]).unwrap();
        assert_eq!(crate::log::scrub_known("no: config-env-canary"), "no: ***");
    }

    #[test]
    fn what_misses_or_cannot_be_sent_is_named_and_never_quoted() {
        let url = "https://h/mcp";
        let said = |config, secrets: &[(&str, &str)]| sent(&config, secrets).unwrap_err();
        assert_eq!(
            said(config(url), &[]),
            "connection c needs a sign-in: no secret \"token\" is stored for it; run: allmcp reconnect c"
        );
        assert_eq!(
            said(header(config(url), "X-User", "${env:NONE}"), &[("token", "t")]),
            "connection c: ${env:NONE} is not set"
        );
        assert_eq!(
            said(config(url), &[("token", "canary\n")]),
            "connection c: header authorization cannot be sent: its value has a line break or another control character"
        );
        assert!(
            said(header(config(url), "X User", "1"), &[("token", "t")]).contains("header name")
        );
        assert!(!format!("{:?}", config(url)).contains("env-host"));
    }

    #[test]
    fn the_bound_place_has_no_secret_in_it() {
        for (url, bound) in [
            ("https://H.example:443/a/../mcp?x=${secret:q}#f", "https://h.example/mcp"),
            ("https://h/rest/${secret:hook}/x", "https://h/rest/secret.hook/x"),
            ("${secret:url}", "https://secret.url/"),
            ("http://${env:HOST}:81", "http://env-host:81/"),
        ] {
            assert_eq!(config(url).bound().as_deref(), Ok(bound));
        }
    }
}
