//! The chain of every sign-in: what is kept of it, and whether everybody on the way answers.

use super::finding::{Check, Finding};
use crate::{
    auth::{
        self, Challenge, CredentialConfig, Discovered, OAuthHttp, SignInError, http::HttpError,
    },
    cli::{context::Context, rows},
    config::Settings,
    connect::{Deps, Entered},
    kind::AuthKind,
    net::{self, Net},
    store::{GrantFacts, GrantStore},
    task, text,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// How long one chain may take; all are looked at side by side.
const PATIENCE: Duration = Duration::from_secs(8);
/// So long before its end a sign-in that cannot renew itself is told of.
const SOON: Duration = Duration::from_hours(24);

/// A connection that somebody has signed in to.
pub(super) struct Signed {
    config: CredentialConfig,
    facts: GrantFacts,
    shown: String,
}

impl Signed {
    /// All of them that are enabled and have something to be looked at.
    pub(super) fn all(cx: &Context, deps: &Deps, settings: &Settings) -> Vec<Self> {
        let grants = GrantStore::new(cx.paths.grants());
        let one = |there: Entered| {
            let connection = settings.connection(there.name.as_str())?;
            let tokens = matches!(there.auth, AuthKind::OAuth | AuthKind::ClientCredentials);
            if !connection.enabled || !tokens || cx.env.token_for(&there.name).is_some() {
                return None;
            }
            let facts = grants.load(&cx.tenant.account(&there.name));
            let shown = rows::SignIn::known(cx, connection)?;
            let is_refused = shown.refused.is_some();
            let config = credential(cx, deps, there)?;
            // What was refused is told of the connection itself.
            (!is_refused).then(|| Self { config, facts, shown: shown.shown(cx) })
        };
        deps.connections.connections().into_iter().filter_map(one).collect()
    }

    fn name(&self) -> &str {
        self.config.name.as_str()
    }

    fn again(&self) -> String {
        format!("allmcp reconnect {}", self.name())
    }

    fn warning(&self, message: &str, fix: impl Into<String>) -> Finding {
        Finding::warning(Check::SignIn, format!("{}: {message}", self.name()), fix).on(self.name())
    }

    fn error(&self, message: &str, fix: impl Into<String>) -> Finding {
        Finding::error(Check::SignIn, format!("{}: {message}", self.name()), fix).on(self.name())
    }
}

fn credential(cx: &Context, deps: &Deps, there: Entered) -> Option<CredentialConfig> {
    let (url, headers, params, oauth, also) = match &there.provider {
        None => (there.url, there.headers, there.params, there.oauth, None),
        Some(provider) => {
            let resolved = provider.resolve(&there.params, &cx.tenant).ok()?;
            let also = provider.also();
            (resolved.url, resolved.headers, resolved.params, resolved.oauth, also)
        }
    };
    Some(CredentialConfig {
        account: cx.tenant.account(&there.name),
        name: there.name,
        auth: there.auth,
        oauth,
        url: url.parse().ok()?,
        headers: headers
            .into_iter()
            .map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect::<Option<_>>()?,
        params: params
            .into_iter()
            .map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect::<Option<_>>()?,
        tenant: cx.tenant.clone(),
        env: Arc::clone(&deps.env),
        sign_in_optional: false,
        token_override: None,
        also,
    })
}

/// What can be told without asking anybody.
pub(super) fn known(signed: &Signed) -> Vec<Finding> {
    let Signed { config, facts, .. } = signed;
    let mut findings = Vec::new();
    let now = SystemTime::now();
    let at = |time: SystemTime| humantime::format_rfc3339_seconds(time).to_string();
    if config.bound().is_ok_and(|bound| bound != facts.bound) {
        let message = "its URL was changed since the sign-in, which is not used for another place";
        findings.push(signed.error(message, signed.again()));
    } else if let Some(end) = facts.expires_at.filter(|_| !facts.renewable) {
        let machine = config.auth == AuthKind::ClientCredentials;
        if !machine && end <= now {
            let message = format!("the sign-in ended at {} and cannot renew itself", at(end));
            findings.push(signed.error(&message, signed.again()));
        } else if !machine && end <= now + SOON {
            let message = format!("the sign-in ends at {} and cannot renew itself", at(end));
            findings.push(signed.warning(&message, signed.again()));
        }
    }
    if facts.unsaved {
        findings.push(signed.warning(
            "a running client has newer tokens than could be saved",
            "mend the store and leave that client open; else sign in again: ".to_owned()
                + &signed.again(),
        ));
    }
    if let Some(port) = config.oauth.callback_port
        && config.auth == AuthKind::OAuth
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
    {
        let message = format!("port {port}, where the browser's answer is to come, is taken");
        let key = format!("connections.{}.oauth.callback_port", signed.name());
        let fix =
            format!("free it, or take another that the server knows: allmcp config set {key}");
        findings.push(signed.warning(&message, format!("{fix} PORT")));
    }
    findings
}

/// Asks everybody on the way, side by side: the server, who describes its sign-in, and who gives
/// the tokens. Those of which something is known to be wrong are left out.
pub(super) async fn chains(deps: &Deps, signed: &[Signed], known: &[Finding]) -> Vec<Finding> {
    let well = signed.iter().filter(|it| !known.iter().any(|known| known.is_ill(it.name())));
    let all = well.map(|it| async move {
        task::within(PATIENCE, chain(&deps.net, it)).await.unwrap_or_else(|_| {
            it.warning(&format!("no answer in {} seconds", PATIENCE.as_secs()), later(it))
        })
    });
    futures_util::future::join_all(all).await
}

fn later(signed: &Signed) -> String {
    format!("try again in a while: allmcp status {} --live", signed.name())
}

async fn chain(net: &Net, signed: &Signed) -> Finding {
    let server = match signed.config.public_url() {
        Ok(server) => server,
        Err(error) => return signed.error(&error.detail(), "allmcp config edit"),
    };
    let http = OAuthHttp::new(net.clone(), &server);
    let found = if let Some(profile) = &signed.config.oauth.manual {
        auth::manual(&http, &signed.config, profile)
    } else {
        let challenge = challenge(net, &server).await;
        auth::discover(&http, &server, challenge.as_ref(), &signed.config.oauth).await
    };
    let found = match found {
        Ok(found) => found,
        Err(error @ SignInError::Transient { .. }) => {
            return signed.warning(&error.to_string(), later(signed));
        }
        Err(error) => return signed.error(&error.to_string(), signed.again()),
    };
    let issuer = signed.facts.issuer.as_deref().filter(|_| !found.assumed);
    if let Some(before) = issuer
        && !auth::deviations::same_issuer(before, &found.server.issuer)
    {
        let message = format!("{before} gave the tokens, and now {} does", found.server.issuer);
        return signed.warning(&text::line(&message, 400), signed.again());
    }
    let mut finding = reached(&http, signed, &found).await;
    finding.details = found.notes;
    finding
}

/// Whether who gives the tokens answers, whatever: it is only asked how it is.
async fn reached(http: &OAuthHttp, signed: &Signed, found: &Discovered) -> Finding {
    let url = &found.server.token_endpoint;
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = text::line(&host.unwrap_or_default(), 100);
    match http.get_json(url).await {
        Err(HttpError::Connect(why) | HttpError::Broken(why)) => {
            let message = format!("{host}, which gives its tokens, does not answer: {why}");
            signed.warning(&message, later(signed))
        }
        Err(HttpError::Refused(why) | HttpError::Setup(why)) => signed.error(&why, signed.again()),
        Ok(_) | Err(HttpError::Useless(_)) => {
            let Signed { shown, .. } = signed;
            let message = format!("{}: {shown}, {host} answers", signed.name());
            Finding::ok(Check::SignIn, message).on(signed.name())
        }
    }
}

/// What the server says of its sign-in to somebody without one.
async fn challenge(net: &Net, server: &Url) -> Option<Challenge> {
    let route = net.route(server, net::CONNECT_TIMEOUT).await.ok()?;
    let accept = HeaderValue::from_static("application/json, text/event-stream");
    let headers = HeaderMap::from_iter([(header::ACCEPT, accept)]);
    let response = route.send(Method::GET, server, headers, None).await.ok()?;
    let asks = response.status() == StatusCode::UNAUTHORIZED;
    asks.then(|| Challenge::of(response.headers())).flatten()
}
