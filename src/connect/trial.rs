//! A session with a server that is not connected yet, on a key that is not stored yet.

use super::{Deps, Request, refuse::Target};
use crate::{
    auth::{self, Credentials},
    kind::AuthKind,
    name::ConnectionName,
    net,
    upstream::{
        self, BreakerTimes, ErrorKind, Limits, Listing, Upstream, UpstreamConfig, UpstreamError,
    },
    vault::{MemoryVault, VaultHandle},
    wire::Declared,
};
use std::{sync::Arc, time::Duration};

/// How long the whole trial may take when nothing else is said.
const TRIAL: Duration = Duration::from_secs(30);

/// Opens a session and fetches the tools.
pub(super) async fn run(
    deps: &Deps,
    request: &Request,
    target: &Target,
    name: &ConnectionName,
    auth: AuthKind,
) -> Result<Listing, UpstreamError> {
    let credential = super::credential_config(deps, request, target, name, auth);
    let signed_in = matches!(auth, AuthKind::OAuth | AuthKind::ClientCredentials);
    // Tokens are stored already, for they cannot be had twice; a key is not, until it was tried.
    let vault =
        if signed_in { deps.vault.clone() } else { VaultHandle::of(Arc::new(MemoryVault::new())) };
    if auth == AuthKind::Key {
        let config = |detail: String| UpstreamError::new(name, ErrorKind::Config, detail);
        let bound = credential.bound().map_err(|error| config(error.to_string()))?;
        auth::save_secrets(&vault, &credential.account, &bound, request.secrets.clone())
            .await
            .map_err(|error| config(error.to_string()))?;
    }
    let credentials = Credentials::with_tokens(credential, vault, deps.tokens());
    let config = UpstreamConfig {
        name: name.clone(),
        shown_url: request.url.clone(),
        credentials,
        timeout: request.timeout.unwrap_or(TRIAL),
        connect_timeout: net::CONNECT_TIMEOUT,
        breaker: BreakerTimes { first: Duration::from_secs(1), max: Duration::from_mins(1) },
        listen: false,
        known_era: None,
        allow_http: false,
        api: request.provider.as_ref().filter(|provider| provider.is_api()).map(|provider| {
            upstream::Api { manifest: Arc::clone(&provider.manifest), way: provider.way.clone() }
        }),
    };
    let (events, _heard) = tokio::sync::mpsc::channel(4);
    let shared = upstream::Deps {
        net: deps.net.clone(),
        shutdown: deps.shutdown.clone(),
        events,
        declared: Declared::default(),
        limits: Limits::default(),
    };
    let upstream = Upstream::new(config, shared);
    let listing = upstream.list().await;
    upstream.close().await;
    listing
}
