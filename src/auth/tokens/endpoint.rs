//! The token endpoint, as a renewal needs it: the seam at which tests put one of their own.

use super::held::Held;
use crate::{
    auth::{
        CLIENT_SECRET, Client, Grant, OAuthHttp, PRIVATE_KEY,
        token_endpoint::{self, Ask, Learned, Reply, TokenError},
    },
    net::Net,
    secret::Secret,
};
use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime};
use url::Url;

/// When it makes sense to ask again what was refused for no passing reason.
const NOT_SOON: Duration = Duration::from_secs(30);

/// Whoever gives new tokens for old ones.
pub(in crate::auth) trait Endpoint: Send + Sync {
    /// Sends one request, or the same one in another form where the first was surely refused for
    /// its form. The caller has a deadline.
    fn renew<'a>(&'a self, held: &'a Held) -> BoxFuture<'a, Result<Renewed, Refused>>;
}

/// New tokens, and what was learned on the way to them.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Renewed {
    pub(in crate::auth) access_token: Secret<String>,
    /// The old one stays when there is none (RFC 6749, section 6).
    pub(in crate::auth) refresh_token: Option<Secret<String>>,
    /// By our own clock, from the moment when the request was sent.
    pub(in crate::auth) expires_at: Option<SystemTime>,
    /// The old ones stay when nothing is said.
    pub(in crate::auth) scopes: Option<Vec<String>>,
    /// The client as it is to be kept: the way in which it shows who it is may have changed.
    pub(in crate::auth) client: Option<Client>,
    /// The server refuses `resource`.
    pub(in crate::auth) no_resource: bool,
}

/// Why there are no new tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth) enum Refused {
    /// The authorization server's last word on the refresh token: `invalid_grant`.
    Grant { code: String },
    /// Its last word on the client.
    Client { code: String },
    /// It says nothing of the refresh token: 5xx, 429, a page, no connection, no answer.
    Transient { detail: String, retry_after: Option<Duration> },
    /// It refuses and gives no reason that is known, perhaps none at all. That may be the end of
    /// the refresh token, or a server that is set up wrongly and will be mended.
    Unclear { detail: String },
}

/// The real one.
pub(super) struct Online {
    pub(super) net: Net,
}

impl Endpoint for Online {
    fn renew<'a>(&'a self, held: &'a Held) -> BoxFuture<'a, Result<Renewed, Refused>> {
        Box::pin(async move {
            let unset = |detail: &str| Refused::Transient {
                detail: detail.to_owned(),
                retry_after: Some(NOT_SOON),
            };
            let server = Url::parse(&held.bound).map_err(|_| unset("its URL is not one"))?;
            let http = OAuthHttp::new(self.net.clone(), &server);
            let client = held.client.as_ref().ok_or_else(|| unset("its client is not stored"))?;
            // A secret that the user gave stands with the keys, so that it can be changed there.
            let secret = held.secrets.get(CLIENT_SECRET).cloned().or(client.secret.clone());
            let client = Client { secret, ..client.clone() };
            let key = held.secrets.get(PRIVATE_KEY);
            let grant = &held.grant;
            let answer = if grant.refresh_token.is_some() {
                token_endpoint::refresh_signed(&http, &client, grant, key).await
            } else {
                ask_again(&http, &client, grant, key).await
            };
            let (reply, learned) = answer.map_err(refused)?;
            let changed = learned.method.filter(|method| *method != client.method);
            Ok(Renewed {
                access_token: reply.access_token,
                refresh_token: reply.refresh_token,
                expires_at: reply.expires_at,
                scopes: Some(reply.scopes).filter(|scopes| !scopes.is_empty()),
                client: held
                    .client
                    .clone()
                    .zip(changed)
                    .map(|(client, method)| Client { method, ..client }),
                no_resource: learned.no_resource,
            })
        })
    }
}

/// Tokens for a machine, from where it had its first ones (RFC 6749, 4.4).
async fn ask_again(
    http: &OAuthHttp,
    client: &Client,
    grant: &Grant,
    key: Option<&Secret<String>>,
) -> Result<(Reply, Learned), TokenError> {
    let scope = grant.scopes.join(" ");
    let mut form = vec![("grant_type", "client_credentials")];
    if !scope.is_empty() {
        form.push(("scope", &*scope));
    }
    let (endpoint, resource) = (&*grant.token_endpoint, grant.resource.as_deref());
    let ask = Ask { endpoint, client, key, form: &form, resource, style: grant.style.as_ref() };
    let mut learned = Learned::default();
    match ask.corrected(http, &mut learned).await {
        Ok(reply) => Ok((reply, learned)),
        Err(failed) => Err(failed.error),
    }
}

fn refused(error: TokenError) -> Refused {
    match error {
        TokenError::Transient { detail, retry_after } => Refused::Transient { detail, retry_after },
        TokenError::InvalidGrant { .. } => Refused::Grant { code: "invalid_grant".to_owned() },
        TokenError::InvalidClient { detail } if detail == "unauthorized_client" => {
            Refused::Client { code: detail }
        }
        TokenError::InvalidClient { .. } => Refused::Client { code: "invalid_client".to_owned() },
        other @ (TokenError::InvalidTarget { .. } | TokenError::Refused { .. }) => {
            Refused::Unclear { detail: other.to_string() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_codes_are_the_last_word() {
        let detail = || "x".to_owned();
        assert_eq!(
            refused(TokenError::InvalidGrant { detail: detail() }),
            Refused::Grant { code: "invalid_grant".to_owned() }
        );
        let client = |code: &str| refused(TokenError::InvalidClient { detail: code.to_owned() });
        for code in ["invalid_client", "unauthorized_client"] {
            assert_eq!(client(code), Refused::Client { code: code.to_owned() });
        }
        for other in [
            TokenError::Refused { code: "invalid_scope".to_owned(), detail: detail() },
            TokenError::InvalidTarget { detail: detail() },
        ] {
            assert!(matches!(refused(other), Refused::Unclear { .. }));
        }
        let later = TokenError::Transient { detail: detail(), retry_after: None };
        assert!(matches!(refused(later), Refused::Transient { .. }));
    }
}
