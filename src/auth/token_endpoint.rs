//! Requests to a token endpoint, and the two corrections that real servers need.

use super::{
    AuthMethod, Client, Grant, SignInError, TokenStyle, assertion,
    http::{HttpError, OAuthHttp},
    sign_in_error::host,
    token_reply::{self, Failed},
};
use crate::{kind::TokenBody, secret::Secret};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::time::SystemTime;

pub use super::token_reply::{Reply, TokenError};

/// What an exchange taught us; the caller keeps it for the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// The server takes no `resource`: [`Grant::resource`] is to be `None`.
    pub no_resource: bool,
    /// How the client has to show who it is: for [`Client::method`].
    pub method: Option<AuthMethod>,
}

/// Asks for new tokens with the refresh token of `grant`. It is sent at most three times, and
/// never again after it may have been used.
///
/// No `scope`: strict servers refuse for ever what they once left out (deviation 28). A reply
/// without a refresh token means that the old one stays.
pub async fn refresh(
    http: &OAuthHttp,
    client: &Client,
    grant: &Grant,
) -> Result<(Reply, Learned), TokenError> {
    refresh_signed(http, client, grant, None).await
}

/// [`refresh`] for a client that signs its requests with `key`.
pub async fn refresh_signed(
    http: &OAuthHttp,
    client: &Client,
    grant: &Grant,
    key: Option<&Secret<String>>,
) -> Result<(Reply, Learned), TokenError> {
    let Some(token) = &grant.refresh_token else {
        let detail = "no refresh token was given".to_owned();
        return Err(TokenError::InvalidGrant { detail });
    };
    let style = grant.style.as_ref();
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", &**token.expose())];
    let redirect_uri = style.and_then(|style| style.redirect_uri.as_deref());
    form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
    let ask = Ask {
        endpoint: &grant.token_endpoint,
        client,
        key,
        form: &form,
        resource: grant.resource.as_deref(),
        style,
    };
    let mut learned = Learned::default();
    match ask.corrected(http, &mut learned).await {
        Ok(reply) => Ok((reply, learned)),
        Err(failed) => Err(failed.error),
    }
}

/// One token request; `form` is what is special about it.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) endpoint: &'a str,
    pub(super) client: &'a Client,
    pub(super) key: Option<&'a Secret<String>>,
    pub(super) form: &'a [(&'a str, &'a str)],
    pub(super) resource: Option<&'a str>,
    pub(super) style: Option<&'a TokenStyle>,
}

impl Ask<'_> {
    fn body(&self) -> TokenBody {
        self.style.map(|style| style.body).unwrap_or_default()
    }

    /// Asks, once more in the other way where the server does not accept our client (deviation
    /// 17), and once more without `resource` where it takes none (deviation 20). What `learned`
    /// has already is not tried again.
    pub(super) async fn corrected(
        &self,
        http: &OAuthHttp,
        learned: &mut Learned,
    ) -> Result<Reply, Failed> {
        let mut method = learned.method.unwrap_or(self.client.method);
        let mut without = learned.no_resource;
        // In JSON there is one way: a server that speaks it knows no header for clients.
        let mut may_switch = learned.method.is_none() && self.body() == TokenBody::Form;
        let mut first: Option<Failed> = None;
        loop {
            let failed = match self.once(http, method, without).await {
                Ok(reply) => {
                    if method != self.client.method {
                        learned.method = Some(method);
                    }
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
            if let TokenError::InvalidTarget { .. } = failed.error
                && self.resource.is_some()
                && !without
            {
                without = true;
                // Also when what follows fails: a code is used up by now, perhaps.
                learned.no_resource = true;
                continue;
            }
            if failed.other_method
                && may_switch
                && let Some(other) = other_method(self.client, method)
            {
                may_switch = false;
                method = other;
                first = Some(failed);
                continue;
            }
            // The first refusal says more than that of a guess.
            return Err(match first {
                Some(first) if failed.other_method => first,
                _ => failed,
            });
        }
    }

    async fn once(
        &self,
        http: &OAuthHttp,
        method: AuthMethod,
        without_resource: bool,
    ) -> Result<Reply, Failed> {
        let mut form = self.form.to_vec();
        if let Some(resource) = self.resource.filter(|_| !without_resource) {
            form.push(("resource", resource));
        }
        let proof = proof(self.client, method, self.key).map_err(|detail| Failed {
            error: TokenError::InvalidClient { detail },
            again: false,
            other_method: false,
        })?;
        form.extend(proof.form.iter().map(|(name, value)| (*name, value.expose().as_str())));
        let sent = SystemTime::now();
        let params = self.style.iter().flat_map(|style| &style.params);
        form.extend(params.map(|(name, value)| (name.as_str(), value.as_str())));
        match http.post_fields(self.endpoint, self.body(), &form, proof.authorization).await {
            Ok(reply) => token_reply::read(reply, sent),
            Err(error) => Err(unanswered(error)),
        }
    }
}

fn unanswered(error: HttpError) -> Failed {
    let again = matches!(error, HttpError::Connect(_));
    let error = match error {
        HttpError::Connect(detail) | HttpError::Broken(detail) | HttpError::Useless(detail) => {
            TokenError::Transient { detail, retry_after: None }
        }
        HttpError::Refused(detail) => TokenError::Refused { code: "refused".to_owned(), detail },
        HttpError::Setup(detail) => TokenError::Refused { code: "setup".to_owned(), detail },
    };
    Failed { error, again, other_method: false }
}

/// The one other way to show who we are.
fn other_method(client: &Client, method: AuthMethod) -> Option<AuthMethod> {
    match (method, &client.secret) {
        (AuthMethod::Post, Some(_)) => Some(AuthMethod::Basic),
        (AuthMethod::Basic | AuthMethod::None, Some(_)) => Some(AuthMethod::Post),
        _ => None,
    }
}

/// How a request shows who we are.
pub(super) struct Proof {
    pub(super) form: Vec<(&'static str, Secret<String>)>,
    pub(super) authorization: Option<Secret<String>>,
}

/// The error is for our own words.
pub(super) fn proof(
    client: &Client,
    method: AuthMethod,
    key: Option<&Secret<String>>,
) -> Result<Proof, String> {
    let id = ("client_id", Secret::new(client.id.clone()));
    let secret = client.secret.as_ref();
    Ok(match (method, secret) {
        (AuthMethod::None, _) => Proof { form: vec![id], authorization: None },
        (AuthMethod::Post, Some(secret)) => {
            Proof { form: vec![id, ("client_secret", secret.clone())], authorization: None }
        }
        (AuthMethod::Basic, Some(secret)) => {
            // RFC 6749, 2.3.1: both are form-encoded first.
            let encode = |text: &str| -> String {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let pair = format!("{}:{}", encode(&client.id), encode(secret.expose()));
            let pair = Secret::new(BASE64_STANDARD.encode(pair));
            crate::log::redact(&pair);
            let value = Secret::new(format!("Basic {}", pair.expose()));
            Proof { form: Vec::new(), authorization: Some(value) }
        }
        (AuthMethod::Post | AuthMethod::Basic, None) => {
            return Err("its client secret is missing".to_owned());
        }
        (AuthMethod::PrivateKeyJwt, _) => {
            let key = key.ok_or("its private key is missing")?;
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
            let form = vec![
                id,
                ("client_assertion_type", Secret::new(kind)),
                ("client_assertion", assertion::sign(client, key)?),
            ];
            Proof { form, authorization: None }
        }
    })
}

/// As an error of the sign-in.
pub(super) fn as_sign_in_error(error: TokenError, endpoint: &str) -> SignInError {
    match error {
        TokenError::Transient { detail, retry_after } => {
            SignInError::Transient { host: host(endpoint), detail, retry_after }
        }
        TokenError::Refused { code, detail } if code == "refused" => {
            SignInError::Refused { detail }
        }
        TokenError::Refused { code, detail } if code == "setup" => SignInError::Config { detail },
        TokenError::Refused { code, detail } if code == "access_denied" => {
            SignInError::Denied { detail: if detail.is_empty() { code } else { detail } }
        }
        TokenError::Refused { code, detail } => SignInError::Server { code, detail },
        TokenError::InvalidGrant { detail } => SignInError::Server {
            code: "invalid_grant".to_owned(),
            detail: differing(detail, "invalid_grant"),
        },
        TokenError::InvalidClient { detail } => {
            let code = if detail == "unauthorized_client" {
                "unauthorized_client"
            } else {
                "invalid_client"
            };
            SignInError::Server { code: code.to_owned(), detail: differing(detail, code) }
        }
        TokenError::InvalidTarget { detail } => SignInError::Server {
            code: "invalid_target".to_owned(),
            detail: differing(detail, "invalid_target"),
        },
    }
}

/// `detail` where it says more than `code`.
fn differing(detail: String, code: &str) -> String {
    if detail == code { String::new() } else { detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ClientSource;

    fn client(secret: Option<&str>) -> Client {
        Client {
            issuer: "https://as.example".to_owned(),
            id: "a:b c".to_owned(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            method: AuthMethod::Post,
            source: ClientSource::Configured,
            redirect_uri: None,
            secret_expires_at: None,
            management: None,
        }
    }

    #[test]
    fn basic_is_encoded_twice_and_known_to_be_secret() {
        let shown = proof(&client(Some("s+%é")), AuthMethod::Basic, None).ok().unwrap();
        assert!(shown.form.is_empty());
        let value = shown.authorization.unwrap().into_inner();
        let pair = BASE64_STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "a%3Ab+c:s%2B%25%C3%A9");
        assert_eq!(crate::log::scrub_known(&value), "Basic ***");
    }

    #[test]
    fn deviation_17_there_is_one_other_method_and_only_with_a_secret() {
        let with = client(Some("s"));
        assert_eq!(other_method(&with, AuthMethod::Post), Some(AuthMethod::Basic));
        assert_eq!(other_method(&with, AuthMethod::Basic), Some(AuthMethod::Post));
        assert_eq!(other_method(&client(None), AuthMethod::None), None);
        assert_eq!(other_method(&with, AuthMethod::PrivateKeyJwt), None);
        assert!(proof(&client(None), AuthMethod::Post, None).is_err());
    }

    #[test]
    fn an_error_becomes_one_of_the_sign_in_without_saying_the_same_twice() {
        let told = |error| as_sign_in_error(error, "https://as.example/token");
        let grant = told(TokenError::InvalidGrant { detail: "invalid_grant".to_owned() });
        assert_eq!(grant.to_string(), "the authorization server answered invalid_grant");
        assert!(grant.starts_over());
        let client = told(TokenError::InvalidClient { detail: "unauthorized_client".to_owned() });
        assert!(client.forgets_client() && !client.starts_over());
        let target = told(TokenError::InvalidTarget { detail: "invalid_request".to_owned() });
        assert!(target.refuses_resource());
        let later =
            told(TokenError::Transient { detail: "HTTP 503".to_owned(), retry_after: None });
        assert_eq!(later.to_string(), "as.example could not answer now: HTTP 503");
    }
}
