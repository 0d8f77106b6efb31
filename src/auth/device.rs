//! Sign-in on another device (RFC 8628): for machines without a browser.

use super::{
    Client, Discovered, Grant, GrantKind, OAuthConfig, SignInError, Wanted, deviations, flow,
    http::OAuthHttp,
    http_reply::Shape,
    sign_in_error::{code, host, place, said},
    token_endpoint::{Ask, Learned, as_sign_in_error, proof},
    token_reply::{self, TokenError},
};
use crate::secret::Secret;
use oauth2::DeviceCode;
use serde_json::Value;
use std::{
    fmt,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// By RFC 8628, 3.2 and 3.5, in seconds.
const INTERVAL: f64 = 5.0;
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// Servers do not keep codes longer; nor do we wait.
const LONGEST: f64 = 3600.0;

/// A sign-in that waits for somebody to type a code elsewhere.
pub struct Device {
    /// What is typed; clean, to be shown.
    pub user_code: String,
    /// Where it is typed; safe to be opened.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// When the code is no longer good.
    pub expires: Instant,
    code: DeviceCode,
    interval: Duration,
    client: Client,
    discovered: Discovered,
    scopes: Vec<String>,
    resource: Option<String>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("verification_uri", &self.verification_uri)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// Asks for a code.
    pub async fn start(
        http: &OAuthHttp,
        discovered: &Discovered,
        client: &Client,
        config: &OAuthConfig,
        wanted: &Wanted<'_>,
        key: Option<&Secret<String>>,
    ) -> Result<Self, SignInError> {
        let server = &discovered.server;
        let Some(endpoint) = &server.device_authorization_endpoint else {
            return Err(SignInError::NotOffered {
                detail: format!("{} has no sign-in by device code", place(&server.issuer)),
            });
        };
        let scopes = deviations::scopes(
            wanted.challenged,
            discovered.prm_scopes.as_deref(),
            wanted.granted,
            &config.scopes,
            &server.scopes_supported,
        );
        let resource = discovered.sent_resource.clone().filter(|_| !wanted.no_resource);
        let scope = scopes.join(" ");
        let proof =
            proof(client, client.method, key).map_err(|detail| SignInError::Config { detail })?;
        let mut form: Vec<(&str, &str)> =
            proof.form.iter().map(|(name, value)| (*name, value.expose().as_str())).collect();
        if !form.iter().any(|(name, _)| *name == "client_id") {
            form.push(("client_id", &client.id));
        }
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        form.extend(resource.as_deref().map(|resource| ("resource", resource)));
        let reply = http.post_form(endpoint, &form, proof.authorization).await;
        let reply = reply.map_err(|error| error.at(endpoint))?;
        let transient = reply.is_transient();
        let (described, retry_after) = (reply.describe(), reply.retry_after);
        let Shape::Json(Value::Object(fields)) = reply.body else {
            return Err(if transient {
                SignInError::Transient { host: host(endpoint), detail: described, retry_after }
            } else {
                SignInError::Server { code: "no device code".to_owned(), detail: described }
            });
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let uri = text("verification_uri").or_else(|| text("verification_url"));
        let (Some(code_text), Some(user_code), Some(uri)) =
            (text("device_code"), text("user_code"), uri)
        else {
            let (error, description) = token_reply::error_of(&fields);
            if transient {
                let detail = if error.is_empty() { described } else { code(&error) };
                return Err(SignInError::Transient { host: host(endpoint), detail, retry_after });
            }
            return Err(SignInError::Server {
                code: if error.is_empty() { described } else { code(&error) },
                detail: said(&description),
            });
        };
        crate::log::redact(&Secret::new(code_text.to_owned()));
        let seconds = |name: &str, default: f64| {
            let number = fields.get(name).and_then(|value| match value {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_f64(),
            });
            let number = number.filter(|number: &f64| *number > 0.0).unwrap_or(default);
            Duration::from_secs_f64(number.min(LONGEST))
        };
        let safe = |uri: &str| flow::browser_url(uri, &discovered.url).map(String::from);
        Ok(Self {
            user_code: crate::text::line(user_code, 40),
            verification_uri: safe(uri)?,
            verification_uri_complete: text("verification_uri_complete").map(safe).transpose()?,
            expires: Instant::now() + seconds("expires_in", 600.0),
            interval: seconds("interval", INTERVAL),
            code: DeviceCode::new(code_text.to_owned()),
            client: client.clone(),
            discovered: discovered.clone(),
            scopes,
            resource,
        })
    }

    /// Waits until somebody said yes or no, or the code ends. To cancel, drop it.
    pub async fn wait(
        &self,
        http: &OAuthHttp,
        key: Option<&Secret<String>>,
    ) -> Result<(Grant, Learned), SignInError> {
        let endpoint = &self.discovered.server.token_endpoint;
        let form = [("grant_type", GRANT_TYPE), ("device_code", self.code.secret().as_str())];
        let ask = Ask {
            endpoint,
            client: &self.client,
            key,
            form: &form,
            resource: self.resource.as_deref(),
            style: self.discovered.style.as_ref(),
        };
        let mut learned = Learned::default();
        let mut interval = self.interval;
        loop {
            if Instant::now() + interval >= self.expires {
                tokio::time::sleep_until(self.expires).await;
                return Err(SignInError::Expired);
            }
            tokio::time::sleep(interval).await;
            let issued_at = SystemTime::now();
            let error = match ask.corrected(http, &mut learned).await {
                Ok(reply) => {
                    let resource = self.resource.clone().filter(|_| !learned.no_resource);
                    let grant = flow::grant(
                        &self.discovered,
                        GrantKind::Device,
                        reply,
                        issued_at,
                        &self.scopes,
                        resource,
                    );
                    return Ok((grant, learned));
                }
                Err(failed) => failed.error,
            };
            match error {
                TokenError::Refused { code, .. } if code == "authorization_pending" => {}
                TokenError::Transient { detail, .. } if detail == "slow_down" => {
                    interval += SLOW_DOWN;
                }
                TokenError::Refused { code, .. } if code == "expired_token" => {
                    return Err(SignInError::Expired);
                }
                // RFC 8628, 3.5: back off, also from a connection that timed out.
                TokenError::Transient { retry_after, .. } => {
                    interval = (interval * 2).max(retry_after.unwrap_or_default());
                }
                error => return Err(as_sign_in_error(error, endpoint)),
            }
        }
    }
}
