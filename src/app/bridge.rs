//! `allmcp bridge`: one remote server under its own names, without any configuration entry.

use super::{
    App, ServeError,
    connections::{browser, connect_deps, open_vault},
};
use crate::{
    auth::{CLIENT_SECRET, CredentialConfig, Credentials, OAuthConfig},
    config::{self, Env, Paths},
    connect::{self, Consent, sign_in::Wanted},
    hub::{self, Hub, Plan, PlanConnection, Rules, Shown},
    kind::{AuthKind, Pin, StoreKind},
    name::{ConnectionName, Tenant},
    page::browser::Browser,
    secret::Secret,
    serve::{self, Options},
    template::Template,
    upstream::{BreakerTimes, UpstreamConfig},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// What `allmcp bridge` was told.
pub struct Bridge {
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub allow_http: bool,
    pub oauth: OAuthConfig,
    pub client_secret: Option<Secret<String>>,
    /// How long a consent is waited for.
    pub patience: Duration,
    pub tenant: Tenant,
}

/// Serves one remote server. Where it wants a sign-in the browser opens once for all copies.
pub async fn bridge(paths: &Paths, env: &Arc<Env>, bridge: Bridge) -> Result<(), ServeError> {
    let settings = config::load(paths, env).settings;
    let kind = settings.store.unwrap_or(StoreKind::Keychain);
    let vault = open_vault(paths, env, kind);
    let deps = connect_deps(paths, env, &settings, vault.clone(), None);
    let app = App::empty(paths, &settings, &bridge.tenant, Some(deps.clone()), None);
    let name = bridge_name(bridge.url.source());
    let lookup = Arc::clone(env);
    let keyed = bridge.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let credential = CredentialConfig {
        name: name.clone(),
        account: bridge.tenant.account(&name),
        auth: if keyed { AuthKind::None } else { AuthKind::OAuth },
        oauth: bridge.oauth,
        url: bridge.url.clone(),
        headers: bridge.headers,
        params: BTreeMap::new(),
        tenant: bridge.tenant.clone(),
        env: Arc::new(move |name| lookup.var(name)),
        sign_in_optional: true,
        token_override: None,
        also: None,
    };
    let credentials = Credentials::with_tokens(credential.clone(), vault, app.tokens.clone());
    let upstream = UpstreamConfig {
        name: name.clone(),
        shown_url: bridge.url.source().to_owned(),
        credentials,
        timeout: Duration::from_secs(55),
        connect_timeout: crate::net::CONNECT_TIMEOUT,
        breaker: BreakerTimes { first: Duration::from_secs(1), max: Duration::from_mins(1) },
        listen: true,
        known_era: None,
        allow_http: bridge.allow_http,
        api: None,
    };
    let connection = PlanConnection {
        account: bridge.tenant.account(&name),
        name,
        auth: credential.auth,
        target: bridge.url.source().to_owned(),
        fingerprint: String::new(),
        shown: Shown::Yes,
        problem: None,
        rules: Rules { allow: bridge.allow, deny: bridge.deny, ..Rules::default() },
        pin: Pin::Warn,
        manifest: None,
        source: hub::Source::Upstream(Box::new(upstream)),
    };
    app.hub.apply(Plan {
        connections: vec![connection],
        plain: true,
        signs_in: !keyed,
        max_result: settings.max_result,
        ..Plan::default()
    });
    if !keyed {
        let work = SignIn {
            hub: app.hub.clone(),
            deps,
            config: credential,
            client_secret: bridge.client_secret,
            patience: bridge.patience,
            browser: browser(env, &settings),
        };
        app.shutdown.spawn("bridge sign-in", work.when_wanted());
    }
    let client = Options { client: env.client.clone() };
    let ended = serve::run(&app.hub, &app.shutdown, &client).await?;
    app.end_after(ended).await;
    Ok(())
}

struct SignIn {
    hub: Hub,
    deps: connect::Deps,
    config: CredentialConfig,
    client_secret: Option<Secret<String>>,
    patience: Duration,
    browser: Browser,
}

impl SignIn {
    /// The first time that the server asks for a sign-in the browser opens by itself. Later, say
    /// after two days asleep, the user is told and nothing opens unasked.
    async fn when_wanted(self) {
        let name = &self.config.name;
        let Some(refused) = self.hub.refused(name).await else { return };
        // Renewals need it as much as the first request does.
        if let Some(secret) = &self.client_secret
            && let Err(error) = self.deps.keep(&self.config, CLIENT_SECRET, secret).await
        {
            tracing::warn!("the client's secret was not kept: {error}");
        }
        let wanted = Wanted {
            config: &self.config,
            challenge: refused.challenge.as_deref().cloned(),
            client_secret: self.client_secret.clone(),
            private_key: None,
            instead_of: self.hub.known_generation(name).await,
            sure: true,
            within: self.patience,
        };
        match connect::sign_in::sign_in(&self.deps, &wanted, &self.browser).await {
            Ok(_) => self.hub.signed_in(name),
            Err(error) => tracing::warn!("the sign-in came to nothing: {error}"),
        }
    }
}

impl Consent for Browser {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        match self.open(url) {
            Ok(()) => tracing::info!("the browser was opened to sign in"),
            Err(error) => tracing::warn!("the browser was not opened to sign in: {error}"),
        }
    }

    fn elsewhere(&self, _url: Option<&str>, _expires_at: SystemTime) {
        tracing::info!("another copy has opened the browser to sign in");
    }
}

/// How the accounts of bridges begin.
pub const BRIDGE: &str = "bridge-";

/// `bridge-<hash of the URL>`: the same for every copy.
pub fn bridge_name(url: &str) -> ConnectionName {
    let hash = Sha256::digest(url.as_bytes());
    let mut name = String::from(BRIDGE);
    for byte in &hash[..8] {
        let _ = write!(name, "{byte:02x}");
    }
    // Letters, digits and a dash, 23 of them: a name.
    name.parse().unwrap_or_else(|_| unreachable!("a valid name"))
}
