//! The authorization code flow with PKCE (OAuth 2.1, 4.1): what the browser opens, and what is
//! made of the code that comes back.

use super::{
    Client, Discovered, Grant, GrantKind, OAuthConfig, SignInError,
    callback::{CallbackError, Code, Expected},
    deviations,
    http::OAuthHttp,
    sign_in_error::place,
    token_endpoint::{Ask, Learned, as_sign_in_error},
    token_reply::{Reply, TokenError},
};
use crate::{kind::Pkce, net, secret::Secret};
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use std::{
    fmt,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;
use url::Url;

/// Longest URL that a browser is given, in bytes: Windows takes no longer ones.
const MAX_URL: usize = 8 * 1024;
/// How often a code is sent again, and until when (deviation 33).
const RETRIES: u32 = 2;
const RETRY_WINDOW: Duration = Duration::from_secs(30);
/// What belongs to the flow, and no configuration may change.
const OURS: &[&str] = &[
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// What a sign-in is for, beside what was discovered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The scopes of the challenge that led here, see [`super::Challenge::scopes`].
    pub challenged: Option<&'a [String]>,
    /// What an earlier grant has, where this one is to add to it (step-up); else empty.
    pub granted: &'a [String],
    /// The server was seen to refuse `resource`, see [`Learned::no_resource`].
    pub no_resource: bool,
}

/// One sign-in in a browser.
pub struct Flow {
    authorize_url: String,
    client: Client,
    discovered: Discovered,
    scopes: Vec<String>,
    resource: Option<String>,
    /// None where the server refuses PKCE.
    verifier: Option<PkceCodeVerifier>,
    expected: Expected,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("issuer", &self.discovered.server.issuer)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Flow {
    /// Makes the URL that a browser is to open. It is refused here when it is not safe to open.
    pub fn begin(
        discovered: &Discovered,
        client: &Client,
        config: &OAuthConfig,
        wanted: &Wanted<'_>,
        redirect_uri: &str,
    ) -> Result<Self, SignInError> {
        let server = &discovered.server;
        let Some(endpoint) = &server.authorization_endpoint else {
            return Err(SignInError::NotOffered {
                detail: format!("{} has no sign-in in a browser", place(&server.issuer)),
            });
        };
        let mut url = browser_url(endpoint, &discovered.url)?;
        let told = discovered.style.is_some();
        let scopes = deviations::scopes(
            // Whoever tells the endpoints tells the scopes: a challenge means another server.
            wanted.challenged.filter(|_| !told),
            discovered.prm_scopes.as_deref(),
            wanted.granted,
            &config.scopes,
            &server.scopes_supported,
        );
        let resource = discovered.sent_resource.clone().filter(|_| !wanted.no_resource);
        let pkce = pkce(discovered, config.pkce.unwrap_or_default())?;
        let state = CsrfToken::new_random();
        crate::log::redact(&Secret::new(state.secret().clone()));
        let mut params = vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.id.clone()),
            ("redirect_uri", redirect_uri.to_owned()),
            ("state", state.secret().clone()),
        ];
        if let Some((challenge, _)) = &pkce {
            params.push(("code_challenge", challenge.as_str().to_owned()));
            params.push(("code_challenge_method", challenge.method().as_str().to_owned()));
        }
        if !scopes.is_empty() {
            params.push(("scope", scopes.join(" ")));
        }
        params.extend(resource.clone().map(|resource| ("resource", resource)));
        if deviations::wants_consent(&scopes, &server.issuer) {
            params.push(("prompt", "consent".to_owned()));
        }
        params.retain(|(name, _)| !config.authorize_omit.iter().any(|it| it.word() == *name));
        for (name, value) in &config.authorize_params {
            if OURS.contains(&name.as_str()) {
                return Err(SignInError::Config {
                    detail: format!(
                        "authorize_params must not set {name:?}: it belongs to the sign-in"
                    ),
                });
            }
            params.retain(|(known, _)| known != name);
            if !value.is_empty() {
                params.push((name, value.clone()));
            }
        }
        let expected = Expected::new(state, server);
        let expected = match &discovered.account {
            Some((from, hosts)) => expected.of_account(from, hosts.clone()),
            None => expected,
        };
        let unnamed = told && config.issuer.is_none();
        let expected = if unnamed { expected.at(&url) } else { expected };
        // The endpoint may have a query of its own, which stays (RFC 6749, 3.1).
        url.query_pairs_mut().extend_pairs(&params);
        if url.as_str().len() > MAX_URL {
            return Err(SignInError::refused(format!(
                "the URL to open at {} is longer than {MAX_URL} bytes",
                place(endpoint)
            )));
        }
        Ok(Self {
            authorize_url: url.into(),
            client: client.clone(),
            expected,
            discovered: discovered.clone(),
            scopes,
            resource,
            verifier: pkce.map(|(_, verifier)| verifier),
        })
    }

    /// What the browser opens: http(s), one word, without control characters.
    pub fn authorize_url(&self) -> &str {
        &self.authorize_url
    }

    /// The scopes that are asked for.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Reads the query of a callback. An error says whether the flow goes on waiting.
    pub fn callback(&self, query: &str) -> Result<Code, CallbackError> {
        self.expected.read(query)
    }

    /// Reads what a user pasted: the whole URL of the callback, or only its code.
    pub fn pasted(&self, text: &str) -> Result<Code, CallbackError> {
        self.expected.pasted(text)
    }

    /// Trades the code for tokens. A code that may still be good is sent again for a while; see
    /// [`SignInError::starts_over`] for what may follow then. The generation of the grant is 1.
    pub async fn exchange(
        &self,
        http: &OAuthHttp,
        code: Code,
        redirect_uri: &str,
    ) -> Result<(Grant, Learned), SignInError> {
        self.exchange_signed(http, code, redirect_uri, None).await
    }

    /// [`Flow::exchange`] for a client that signs its requests with `key`.
    pub async fn exchange_signed(
        &self,
        http: &OAuthHttp,
        code: Code,
        redirect_uri: &str,
        key: Option<&Secret<String>>,
    ) -> Result<(Grant, Learned), SignInError> {
        let endpoint = &self.discovered.server.token_endpoint;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.secret()),
            ("redirect_uri", redirect_uri),
        ];
        form.extend(self.verifier.as_ref().map(|it| ("code_verifier", it.secret().as_str())));
        let ask = Ask {
            endpoint,
            client: &self.client,
            key,
            form: &form,
            resource: self.resource.as_deref(),
            style: self.discovered.style.as_ref(),
        };
        let mut learned = Learned::default();
        let until = Instant::now() + RETRY_WINDOW;
        let mut tries = 0;
        loop {
            let issued_at = SystemTime::now();
            let failed = match ask.corrected(http, &mut learned).await {
                Ok(reply) => {
                    let resource = self.resource.clone().filter(|_| !learned.no_resource);
                    let kind = GrantKind::Code;
                    let mut grant =
                        grant(&self.discovered, kind, reply, issued_at, &self.scopes, resource);
                    grant.style = grant.style.map(|style| style.of_code(redirect_uri));
                    return Ok((grant, learned));
                }
                Err(failed) => failed,
            };
            let pause = match &failed.error {
                TokenError::Transient { retry_after: Some(pause), .. } => *pause,
                _ => Duration::from_millis(500) * 2_u32.pow(tries),
            };
            if learned.no_resource && matches!(failed.error, TokenError::InvalidGrant { .. }) {
                // The refusal of the resource used the code up: what was learned must not be lost.
                return Err(SignInError::Server {
                    code: "invalid_target".to_owned(),
                    detail: "the code was used up".to_owned(),
                });
            }
            if !failed.again || tries == RETRIES || Instant::now() + pause > until {
                return Err(as_sign_in_error(failed.error, endpoint));
            }
            tries += 1;
            tracing::debug!(error = %failed.error, "the code is sent again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// What binds the code to this process (RFC 7636), unless the server is known to refuse it.
fn pkce(
    discovered: &Discovered,
    wanted: Pkce,
) -> Result<Option<(PkceCodeChallenge, PkceCodeVerifier)>, SignInError> {
    let server = &discovered.server;
    // Servers that leave it out of their metadata often have it, so only who wants it is strict.
    let described = discovered.style.is_none() && !discovered.assumed;
    if wanted == Pkce::Required && described && !server.pkce_advertised {
        return Err(SignInError::refused(format!(
            "{} does not say that it takes PKCE with S256, and pkce is \"required\"",
            place(&server.issuer)
        )));
    }
    if wanted == Pkce::Unsupported {
        return Ok(None);
    }
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    crate::log::redact(&Secret::new(verifier.secret().clone()));
    Ok(Some((challenge, verifier)))
}

/// A first grant of what `reply` gave.
pub(super) fn grant(
    discovered: &Discovered,
    kind: GrantKind,
    reply: Reply,
    issued_at: SystemTime,
    asked: &[String],
    resource: Option<String>,
) -> Grant {
    Grant {
        generation: 1,
        kind,
        access_token: reply.access_token,
        refresh_token: reply.refresh_token,
        expires_at: reply.expires_at,
        issued_at: Some(issued_at),
        scopes: if reply.scopes.is_empty() { asked.to_vec() } else { reply.scopes },
        issuer: discovered.server.issuer.clone(),
        resource,
        token_endpoint: discovered.server.token_endpoint.clone(),
        revocation_endpoint: discovered.server.revocation_endpoint.clone(),
        style: discovered.style.clone(),
    }
}

/// A URL that is safe to give to a browser: https, or http on loopback where the server is there
/// too; no user, and nothing in it that a shell or terminal could take for something else
/// (CVE-2025-6514).
pub(super) fn browser_url(text: &str, server: &str) -> Result<Url, SignInError> {
    let refuse = |what: &str| {
        Err(SignInError::refused(format!("the page to open, {:?}, {what}", place(text))))
    };
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || crate::text::forbidden(c)) {
        return refuse("has spaces or control characters in it");
    }
    let Ok(mut url) = Url::parse(text) else {
        return refuse("is not a URL");
    };
    let server = Url::parse(server).ok();
    let at_home = server.as_ref().is_some_and(net::is_loopback);
    let is_own = server.as_ref().is_some_and(|server| net::same_origin(server, &url));
    match url.scheme() {
        "https" => {}
        "http" if is_own || (at_home && net::is_loopback(&url)) => {}
        "http" => return refuse("is not https"),
        _ => return refuse("is neither https nor http"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("has a user or password in it");
    }
    if text.len() > MAX_URL {
        return refuse("is too long");
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AuthMethod, ClientSource, registration::tests_support::discovered};

    fn client() -> Client {
        Client {
            issuer: "https://as.example".to_owned(),
            id: "c 1".to_owned(),
            secret: None,
            method: AuthMethod::None,
            source: ClientSource::Configured,
            redirect_uri: None,
            secret_expires_at: None,
            management: None,
        }
    }

    fn begin(discovered: &Discovered, params: &[(&str, &str)]) -> Result<Flow, SignInError> {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let config = OAuthConfig { authorize_params: params.collect(), ..OAuthConfig::default() };
        let redirect = "http://127.0.0.1:5/callback";
        Flow::begin(discovered, &client(), &config, &Wanted::default(), redirect)
    }

    fn opens(endpoint: &str) -> Result<String, String> {
        let mut discovered = discovered("https://as.example");
        discovered.server.authorization_endpoint = Some(endpoint.to_owned());
        match begin(&discovered, &[]) {
            Ok(flow) => Ok(flow.authorize_url().to_owned()),
            Err(SignInError::Refused { detail }) => Err(detail),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_browser_must_not_open_is_refused() {
        for bad in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://as.example/authorize",
            "http://127.0.0.1/authorize",
            "https://u:p@as.example/authorize",
            "https://as.example/a b",
            "https://as.example/\u{1b}[31m",
            "https://as.example/\u{202e}x",
            "-flag",
            "\tfile:///x",
        ] {
            assert!(opens(bad).is_err(), "{bad}");
        }
        assert!(opens(&format!("https://as.example/{}", "a".repeat(9000))).is_err());
        let odd = opens("https://as.example/$(touch+p)\"&calc?tenant=1#f").unwrap();
        assert!(
            odd.starts_with("https://as.example/$(touch+p)%22&calc?tenant=1&response_type=code&")
        );
        assert!(!odd.contains('#') && !odd.contains('\'') && !odd.contains(' '), "{odd}");
    }

    #[test]
    fn parameters_of_the_user_are_added_and_may_take_ours_away() {
        let mut discovered = discovered("https://as.example");
        discovered.server.scopes_supported = vec![deviations::OFFLINE.to_owned()];
        let url = |params: &[(&str, &str)]| {
            let flow = begin(&discovered, params).unwrap();
            let url = Url::parse(flow.authorize_url()).unwrap();
            url.query_pairs().into_owned().collect::<std::collections::BTreeMap<_, _>>()
        };
        let plain = url(&[]);
        assert_eq!((&plain["prompt"], &plain["client_id"]), (&"consent".into(), &"c 1".into()));
        assert_eq!(plain["code_challenge_method"], "S256");
        assert_eq!(plain["resource"], "https://mcp.example/mcp");
        let changed = url(&[("prompt", ""), ("access_type", "offline")]);
        assert!(!changed.contains_key("prompt") && changed["access_type"] == "offline");
        assert!(matches!(begin(&discovered, &[("state", "x")]), Err(SignInError::Config { .. })));
    }
}
