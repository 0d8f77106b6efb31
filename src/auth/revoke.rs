//! Gives tokens back (RFC 7009).

use super::{Client, Grant, http::OAuthHttp, token_endpoint::proof};
use crate::secret::Secret;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);

/// What became of the tokens at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    Done,
    /// The server has no way to do it.
    NotOffered,
    /// It said no, or nothing in time; the tokens end by themselves.
    Failed,
}

/// Revokes the refresh token, which ends the grant, then the access token, within 5 s.
pub async fn revoke(
    http: &OAuthHttp,
    client: &Client,
    grant: &Grant,
    key: Option<&Secret<String>>,
) -> Revoked {
    let Some(endpoint) = &grant.revocation_endpoint else { return Revoked::NotOffered };
    let tokens = [
        (grant.refresh_token.as_ref(), "refresh_token"),
        (Some(&grant.access_token), "access_token"),
    ];
    let body = grant.style.as_ref().map(|style| style.body).unwrap_or_default();
    let work = async {
        let mut done = true;
        for (token, hint) in tokens {
            let Some(token) = token else { continue };
            let Ok(proof) = proof(client, client.method, key) else { return false };
            let mut form = vec![("token", token.expose().as_str()), ("token_type_hint", hint)];
            form.extend(proof.form.iter().map(|(name, value)| (*name, value.expose().as_str())));
            let reply = http.post_fields(endpoint, body, &form, proof.authorization).await;
            done &= reply.is_ok_and(|reply| reply.status.is_success());
        }
        done
    };
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(true) => Revoked::Done,
        Ok(false) | Err(_) => Revoked::Failed,
    }
}
