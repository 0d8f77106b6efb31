//! Tokens for a machine that shows its own credential (RFC 6749, 4.4).

use super::{
    AuthMethod, Client, Discovered, Grant, GrantKind, SignInError, flow,
    http::OAuthHttp,
    token_endpoint::{Ask, Learned, as_sign_in_error},
};
use crate::secret::Secret;
use std::time::SystemTime;

/// Asks for tokens as the client itself, by its secret or signed with `key`. There is nothing to
/// renew: the same is asked again. The generation of the grant is 1.
pub async fn grant(
    http: &OAuthHttp,
    discovered: &Discovered,
    client: &Client,
    key: Option<&Secret<String>>,
    scopes: &[String],
) -> Result<Grant, SignInError> {
    if client.method == AuthMethod::None {
        return Err(SignInError::Config {
            detail: "client credentials need a client secret (--client-secret-stdin) or a \
                     private key (--secret-file private_key=FILE)"
                .to_owned(),
        });
    }
    let endpoint = &discovered.server.token_endpoint;
    let scope = scopes.join(" ");
    let mut form = vec![("grant_type", "client_credentials")];
    if !scope.is_empty() {
        form.push(("scope", &scope));
    }
    let resource = discovered.sent_resource.clone();
    let style = discovered.style.as_ref();
    let ask = Ask { endpoint, client, key, form: &form, resource: resource.as_deref(), style };
    let mut learned = Learned::default();
    let issued_at = SystemTime::now();
    match ask.corrected(http, &mut learned).await {
        Ok(reply) => {
            let resource = resource.filter(|_| !learned.no_resource);
            let kind = GrantKind::ClientCredentials;
            Ok(flow::grant(discovered, kind, reply, issued_at, scopes, resource))
        }
        Err(failed) => Err(as_sign_in_error(failed.error, endpoint)),
    }
}
