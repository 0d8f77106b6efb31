//! A sign-in whose endpoints are told and not found out, at servers that describe none and that
//! write token requests in a way of their own (deviation 36).

use super::{
    AuthError, CredentialConfig, Discovered, ResourceRule, SignInError, deviations,
    expand::Secrets, http::OAuthHttp, metadata::ServerMetadata,
};
use crate::{kind::TokenBody, template::Template};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What belongs to a token request, and no configuration may change.
const OURS: &[&str] = &[
    "grant_type",
    "code",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
];

/// How to sign in where nothing describes it: from the configuration, or from whoever knows the
/// provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualProfile {
    /// Where a person says yes. Holes are filled as in the connection's URL, but for secrets.
    pub authorize_url: Template,
    pub token_url: Template,
    pub revoke_url: Option<Template>,
    pub token_body: TokenBody,
    /// Added to every token request.
    pub token_params: BTreeMap<String, String>,
    /// The callback says whose account was chosen.
    pub account: Option<AccountRule>,
}

/// A parameter of the callback that names the host of an account, and the hosts that may stand
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRule {
    pub from: String,
    pub hosts: Vec<Template>,
}

/// How token requests are written, where that was told. It is kept beside the tokens: whoever
/// renews them may have no configuration of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStyle {
    #[serde(default)]
    pub body: TokenBody,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The redirect URI of the code, where a renewal has to repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
}

impl TokenStyle {
    /// The same for tokens that came by a code. Only servers that take JSON are known to want its
    /// redirect URI again; the form is that of RFC 6749, 6, which has none.
    pub(super) fn of_code(self, redirect_uri: &str) -> Self {
        let again = (self.body == TokenBody::Json).then(|| redirect_uri.to_owned());
        Self { redirect_uri: again, ..self }
    }
}

/// The sign-in as `profile` tells it. Nothing is asked of any server here. Whoever tells so much
/// has a client as well, or tells where one is registered.
pub fn manual(
    http: &OAuthHttp,
    config: &CredentialConfig,
    profile: &ManualProfile,
) -> Result<Discovered, SignInError> {
    let oauth = &config.oauth;
    if oauth.client_id.is_none() && oauth.registration_url.is_none() {
        let name = &config.name;
        // `connect` knows no such profile, and takes an entry that is there as it is.
        let detail = format!(
            "its sign-in needs a client of your own: register an application there by hand, then \
             run allmcp config set connections.{name}.oauth.client_id ID, and allmcp reconnect \
             {name} (with --client-secret-stdin if it has a secret)"
        );
        return Err(SignInError::NoClient { detail });
    }
    if let Some(name) = profile.token_params.keys().find(|name| OURS.contains(&name.as_str())) {
        return Err(SignInError::Config {
            detail: format!("token_params must not set {name:?}: it belongs to the sign-in"),
        });
    }
    let fill = |key: &str, template: &Template| -> Result<String, SignInError> {
        let filled = config.fill_endpoint(template);
        let text = filled.map_err(|error| told(key, &error))?;
        http.check(&text).map_err(|detail| SignInError::refused(format!("{key}: {detail}")))?;
        Ok(text)
    };
    let authorize = fill("authorize_url", &profile.authorize_url)?;
    let token = fill("token_url", &profile.token_url)?;
    let revoke = profile.revoke_url.as_ref().map(|url| fill("revoke_url", url)).transpose()?;
    let account = match &profile.account {
        None => None,
        Some(rule) => {
            let host = |host: &Template| -> Result<String, SignInError> {
                let url = format!("https://{}", host.source()).parse::<Template>();
                let url = url.map_err(|error| SignInError::Config { detail: error.to_string() })?;
                let filled = config.fill_endpoint(&url).map_err(|error| told("account", &error))?;
                let host = url::Url::parse(&filled).ok();
                Ok(host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default())
            };
            let hosts = rule.hosts.iter().map(host).collect::<Result<_, _>>()?;
            Some((rule.from.clone(), hosts))
        }
    };
    Ok(Discovered {
        account,
        resource: None,
        // It is no MCP server that gives the tokens, and may know nothing of RFC 8707.
        sent_resource: match &oauth.resource {
            ResourceRule::Exactly(resource) => Some(resource.clone()),
            ResourceRule::Announced | ResourceRule::Never => None,
        },
        prm_scopes: None,
        server: ServerMetadata {
            // By its own word it is nobody: the place of its tokens tells it from others.
            issuer: oauth.issuer.clone().unwrap_or_else(|| token.clone()),
            authorization_endpoint: Some(authorize),
            token_endpoint: token,
            revocation_endpoint: revoke,
            ..ServerMetadata::default()
        },
        assumed: false,
        url: deviations::canonical(http.server()),
        notes: Vec::new(),
        style: Some(TokenStyle {
            body: profile.token_body,
            params: profile.token_params.clone(),
            redirect_uri: None,
        }),
    })
}

fn told(key: &str, error: &AuthError) -> SignInError {
    SignInError::Config { detail: format!("{key}: {}", error.detail()) }
}

/// The server's own word for where clients are registered, or what the configuration says.
pub fn registered_at(
    http: &OAuthHttp,
    config: &CredentialConfig,
    found: &mut Discovered,
) -> Result<(), SignInError> {
    let Some(template) = &config.oauth.registration_url else { return Ok(()) };
    let key = "registration_url";
    let filled = config.fill_endpoint(template).map_err(|error| told(key, &error))?;
    http.check(&filled).map_err(|detail| SignInError::refused(format!("{key}: {detail}")))?;
    found.server.registration_endpoint = Some(filled);
    Ok(())
}

impl CredentialConfig {
    /// A URL beside that of the connection. No secret is known here: it would be shown to a
    /// browser, and kept.
    fn fill_endpoint(&self, template: &Template) -> Result<String, AuthError> {
        let none = BTreeMap::new();
        Ok(self.fill_url_of(template, &Secrets::Known(&none))?.into_inner().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::config::tests::config,
        net::{Net, NetConfig},
    };

    fn profile(authorize: &str) -> ManualProfile {
        ManualProfile {
            authorize_url: authorize.parse().unwrap(),
            token_url: "https://${param:account}.example/token?v=2".parse().unwrap(),
            revoke_url: None,
            token_body: TokenBody::Json,
            account: None,
            token_params: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        }
    }

    fn found(
        profile: &ManualProfile,
        change: impl FnOnce(&mut CredentialConfig),
    ) -> Result<Discovered, String> {
        let mut config = config("https://mcp.example/mcp");
        config.oauth.client_id = Some("c1".to_owned());
        config.params = BTreeMap::from([("account".to_owned(), "acme".parse().unwrap())]);
        change(&mut config);
        let http = OAuthHttp::new(Net::new(NetConfig::default()), &config.public_url().unwrap());
        manual(&http, &config, profile).map_err(|error| error.to_string())
    }

    #[test]
    fn deviation_36_the_endpoints_are_those_that_were_told() {
        let profile = profile("https://as.example/oauth?mode=x");
        let found_it = found(&profile, |_| ()).unwrap();
        let server = &found_it.server;
        assert_eq!(server.token_endpoint, "https://acme.example/token?v=2");
        assert_eq!(
            server.authorization_endpoint.as_deref(),
            Some("https://as.example/oauth?mode=x")
        );
        assert_eq!(
            (&server.issuer, &server.registration_endpoint),
            (&server.token_endpoint, &None)
        );
        // No `resource` but the one that the user names.
        assert_eq!(found_it.sent_resource, None);
        let named = found(&profile, |c| c.oauth.resource = ResourceRule::Exactly("r".to_owned()));
        assert_eq!(named.unwrap().sent_resource.as_deref(), Some("r"));
        let style = found_it.style.unwrap().of_code("http://127.0.0.1/callback");
        assert_eq!(style.redirect_uri.as_deref(), Some("http://127.0.0.1/callback"));
        let form = TokenStyle { body: TokenBody::Form, ..style };
        assert_eq!(form.of_code("http://127.0.0.1/callback").redirect_uri, None);
    }

    #[test]
    fn deviation_36_what_misses_or_must_not_be_is_named() {
        let fine = profile("https://as.example/oauth");
        let said = |profile: &ManualProfile, change: fn(&mut CredentialConfig)| {
            found(profile, change).unwrap_err()
        };
        let client = said(&fine, |c| c.oauth.client_id = None);
        assert!(client.contains("allmcp config set connections.c.oauth.client_id ID"), "{client}");
        let unset = said(&fine, |c| c.params.clear());
        assert_eq!(unset, "token_url: ${param:account} is not set");
        let secret = said(&fine, |c| {
            c.params.insert("account".to_owned(), "${secret:s}".parse().unwrap());
        });
        assert!(secret.starts_with("token_url: no secret"), "{secret}");
        let clear = said(&profile("http://as.example/oauth"), |_| ());
        assert!(clear.contains("authorize_url: http://as.example/oauth is not https"), "{clear}");
        let mut ours = fine;
        ours.token_params.insert("code".to_owned(), "x".to_owned());
        assert!(said(&ours, |_| ()).contains("must not set \"code\""));
    }
}
