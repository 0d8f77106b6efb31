//! Who we are to an authorization server: configured, remembered, described by a document, or
//! registered (RFC 7591) for the purpose.

use super::{
    AuthMethod, Client, ClientSource, Discovered, Management, OAuthConfig, SignInError,
    http::{HttpError, OAuthHttp, Outgoing},
    http_reply::{HttpReply, Shape},
    sign_in_error::{code, host, said},
    token_reply,
};
use crate::{kind::TokenBody, secret::Secret};
use http::Method;
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};

/// A server that asks for a longer pause than this is asked again by the user.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A client's secret is renewed so long before it ends (deviation 14).
const RENEW_BEFORE: Duration = Duration::from_hours(24);

/// The client to sign in with: the configured one, else the `stored` one of the same issuer and
/// redirect URI, else our metadata document where the server takes one, else a new registration.
///
/// `fresh` says that the server does not know the stored registration any more (deviation 14), so
/// a new one is made; one, and never in a loop (deviation 15).
#[expect(clippy::too_many_arguments, reason = "each is a fact of its own")]
pub async fn client(
    http: &OAuthHttp,
    discovered: &Discovered,
    config: &OAuthConfig,
    configured_secret: Option<Secret<String>>,
    private_key: bool,
    stored: Option<&Client>,
    redirect_uri: &str,
    fresh: bool,
) -> Result<Client, SignInError> {
    let server = &discovered.server;
    let stored = stored.filter(|stored| stored.issuer == server.issuer);
    if let Some(id) = &config.client_id {
        // With a client of one's own nothing is ever registered (deviation 13).
        return Ok(configured(
            discovered,
            id,
            configured_secret,
            private_key,
            stored,
            redirect_uri,
        ));
    }
    if let Some(stored) = stored
        && stored.source == ClientSource::Registered
        && stored.redirect_uri.as_deref() == Some(redirect_uri)
        && !fresh
    {
        if !renewal_due(stored, SystemTime::now()) {
            return Ok(stored.clone());
        }
        if let Some(renewed) = renew(http, stored, config).await {
            return Ok(renewed);
        }
    }
    if let Some(url) = config.client_metadata_url.as_ref().filter(|_| server.cimd_supported) {
        return Ok(Client {
            issuer: server.issuer.clone(),
            id: url.clone(),
            secret: None,
            method: if private_key { AuthMethod::PrivateKeyJwt } else { AuthMethod::None },
            source: ClientSource::MetadataDocument,
            redirect_uri: Some(redirect_uri.to_owned()),
            secret_expires_at: None,
            management: None,
        });
    }
    match &server.registration_endpoint {
        Some(endpoint) => register(http, discovered, config, endpoint, redirect_uri).await,
        None => Err(no_client(discovered, "takes no registrations")),
    }
}

fn configured(
    discovered: &Discovered,
    id: &str,
    secret: Option<Secret<String>>,
    private_key: bool,
    stored: Option<&Client>,
    redirect_uri: &str,
) -> Client {
    secret.iter().for_each(crate::log::redact);
    let methods = &discovered.server.token_auth_methods;
    let knows = |name: &str| methods.iter().any(|method| method == name);
    let in_fields = discovered.style.as_ref().is_some_and(|style| style.body != TokenBody::Form);
    let learned = stored.filter(|stored| {
        stored.source == ClientSource::Configured
            && stored.id == id
            && stored.secret.is_some() == secret.is_some()
    });
    let method = match (private_key, &secret, learned) {
        (true, ..) => AuthMethod::PrivateKeyJwt,
        // All of such a request is in its fields, whatever was learned by forms (deviation 36).
        (_, Some(_), _) if in_fields => AuthMethod::Post,
        // Metadata lies both ways (deviation 17); what worked once is known better.
        (_, _, Some(stored)) if stored.method != AuthMethod::PrivateKeyJwt => stored.method,
        (_, None, _) => AuthMethod::None,
        (_, Some(_), _) if knows("client_secret_basic") && !knows("client_secret_post") => {
            AuthMethod::Basic
        }
        (_, Some(_), _) => AuthMethod::Post,
    };
    Client {
        issuer: discovered.server.issuer.clone(),
        id: id.to_owned(),
        secret,
        method,
        source: ClientSource::Configured,
        redirect_uri: Some(redirect_uri.to_owned()),
        secret_expires_at: None,
        management: None,
    }
}

/// Whether the secret of a registration ends within a day, or has ended.
pub fn renewal_due(client: &Client, now: SystemTime) -> bool {
    client.source == ClientSource::Registered
        && client.secret_expires_at.is_some_and(|end| end <= now + RENEW_BEFORE)
}

/// What a registration says of us: members of RFC 7591 only, and `application_type`, which MCP
/// asks for. Keycloak answers 400 to any other (deviation 16).
fn description(
    discovered: &Discovered,
    config: &OAuthConfig,
    redirect_uri: &str,
) -> Map<String, Value> {
    let known = &discovered.server.token_auth_methods;
    let methods = ["none", "client_secret_post", "client_secret_basic"];
    let method = methods.iter().find(|method| known.iter().any(|known| known == *method));
    let mut out = Map::new();
    out.insert("client_name".to_owned(), json!("allmcp"));
    out.insert("redirect_uris".to_owned(), json!([redirect_uri]));
    let mut grants = vec!["authorization_code", "refresh_token"];
    let server = &discovered.server;
    if server.authorization_endpoint.is_none() && server.device_authorization_endpoint.is_some() {
        // Only where there is no other way: some servers refuse a grant that they do not give.
        grants.push(super::device::GRANT_TYPE);
    }
    out.insert("grant_types".to_owned(), json!(grants));
    out.insert("response_types".to_owned(), json!(["code"]));
    out.insert("token_endpoint_auth_method".to_owned(), json!(method.unwrap_or(&"none")));
    out.insert("application_type".to_owned(), json!("native"));
    if !config.scopes.is_empty() {
        out.insert("scope".to_owned(), json!(config.scopes.join(" ")));
    }
    out
}

async fn register(
    http: &OAuthHttp,
    discovered: &Discovered,
    config: &OAuthConfig,
    endpoint: &str,
    redirect_uri: &str,
) -> Result<Client, SignInError> {
    let body = Value::Object(description(discovered, config, redirect_uri));
    let mut paused = false;
    let reply = loop {
        let reply = http.post_json(endpoint, &body).await.map_err(|error| error.at(endpoint))?;
        let pause = reply.retry_after.unwrap_or(Duration::from_secs(1));
        if reply.status.as_u16() != 429 || paused || pause > LONGEST_PAUSE {
            break reply;
        }
        paused = true;
        tokio::time::sleep(pause).await;
    };
    if let Shape::Json(Value::Object(fields)) = &reply.body
        && let Some(client) = registered(fields, &discovered.server.issuer, Some(redirect_uri))
    {
        return Ok(client);
    }
    if reply.is_transient() {
        return Err(SignInError::Transient {
            host: host(endpoint),
            detail: format!("the registration of a client got {}", reply.describe()),
            retry_after: reply.retry_after,
        });
    }
    // The endpoint was only a guess, and so was the whole sign-in (deviation 5).
    if discovered.assumed && !matches!(reply.body, Shape::Json(_)) {
        return Err(SignInError::NotOffered {
            detail: format!(
                "{} asks for a credential and describes no sign-in; connect it with a key if it has one",
                host(&discovered.url)
            ),
        });
    }
    Err(no_client(discovered, &format!("did not register allmcp ({})", why(&reply))))
}

fn why(reply: &HttpReply) -> String {
    if let Shape::Json(Value::Object(fields)) = &reply.body {
        let (error, description) = token_reply::error_of(fields);
        let words = [code(&error), said(&description)];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if !words.is_empty() {
            return words.join(": ");
        }
    }
    reply.describe()
}

/// The client of a registration's answer, whose word on the method counts (deviation 17).
fn registered(
    fields: &Map<String, Value>,
    issuer: &str,
    redirect_uri: Option<&str>,
) -> Option<Client> {
    let text = |name: &str| {
        let text = fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let secret = |name: &str| {
        let secret = text(name).map(Secret::new);
        secret.iter().for_each(crate::log::redact);
        secret
    };
    let id = text("client_id")?;
    let client_secret = secret("client_secret");
    let method = match (text("token_endpoint_auth_method").as_deref(), &client_secret) {
        (_, None) | (Some("none"), _) => AuthMethod::None,
        (Some("client_secret_basic"), _) => AuthMethod::Basic,
        _ => AuthMethod::Post,
    };
    let management = match (text("registration_client_uri"), secret("registration_access_token")) {
        (Some(uri), Some(token)) => Some(Management { uri, token }),
        _ => None,
    };
    Some(Client {
        issuer: issuer.to_owned(),
        id,
        secret_expires_at: client_secret
            .as_ref()
            .and(fields.get("client_secret_expires_at"))
            .and_then(token_reply::moment),
        secret: client_secret,
        method,
        source: ClientSource::Registered,
        redirect_uri: redirect_uri.map(str::to_owned),
        management,
    })
}

/// A new secret for a registration that can be changed (RFC 7592, 2.2); `None` where it cannot,
/// and a new registration has to do.
async fn renew(http: &OAuthHttp, client: &Client, config: &OAuthConfig) -> Option<Client> {
    let management = client.management.as_ref()?;
    let mut body = Map::new();
    body.insert("client_id".to_owned(), json!(client.id));
    body.insert("client_name".to_owned(), json!("allmcp"));
    body.insert("redirect_uris".to_owned(), json!([client.redirect_uri]));
    body.insert("grant_types".to_owned(), json!(["authorization_code", "refresh_token"]));
    body.insert("response_types".to_owned(), json!(["code"]));
    body.insert("token_endpoint_auth_method".to_owned(), json!(client.method));
    body.insert("application_type".to_owned(), json!("native"));
    if !config.scopes.is_empty() {
        body.insert("scope".to_owned(), json!(config.scopes.join(" ")));
    }
    let body = Secret::new(Value::Object(body).to_string());
    let reply = manage(http, management, Method::PUT, Some(body)).await.ok()?;
    let Shape::Json(Value::Object(fields)) = reply.body else { return None };
    let mut renewed = registered(&fields, &client.issuer, client.redirect_uri.as_deref())?;
    // What the answer leaves out stays as it was.
    renewed.management = renewed.management.or_else(|| client.management.clone());
    if renewed.secret.is_none() {
        renewed.secret.clone_from(&client.secret);
        renewed.method = client.method;
    }
    let still_due = renewal_due(&renewed, SystemTime::now());
    (renewed.id == client.id && !still_due).then_some(renewed)
}

/// Removes a registration (RFC 7592, 2.3) where that can be done. True when the server did it.
pub async fn unregister(http: &OAuthHttp, client: &Client) -> bool {
    let Some(management) = &client.management else { return false };
    if client.source != ClientSource::Registered {
        return false;
    }
    let gone = manage(http, management, Method::DELETE, None);
    match tokio::time::timeout(Duration::from_secs(5), gone).await {
        Ok(Ok(reply)) => reply.status.is_success() || matches!(reply.status.as_u16(), 401 | 404),
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn manage(
    http: &OAuthHttp,
    management: &Management,
    method: Method,
    body: Option<Secret<String>>,
) -> Result<HttpReply, HttpError> {
    let authorization = Some(Secret::new(format!("Bearer {}", management.token.expose())));
    let body = body.map(|body| ("application/json", body));
    http.send(Outgoing { method, url: &management.uri, body, authorization }).await
}

fn no_client(discovered: &Discovered, why: &str) -> SignInError {
    let url = crate::text::word(&discovered.url, 300);
    SignInError::NoClient {
        detail: format!(
            "{} {why}: register an application there by hand, then run allmcp connect {url} --client-id ID (and --client-secret-stdin if it has a secret)",
            said(&discovered.server.issuer)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Client {
        registered(value.as_object().unwrap(), "https://as", Some("http://127.0.0.1:1/callback"))
            .unwrap()
    }

    #[test]
    fn deviation_17_the_answer_says_how_we_show_who_we_are() {
        for (answer, want) in [
            (json!({"client_id": "c"}), AuthMethod::None),
            (json!({"client_id": "c", "client_secret": "registration-s1"}), AuthMethod::Post),
            (
                json!({"client_id": "c", "client_secret": "registration-s1", "token_endpoint_auth_method": "client_secret_basic"}),
                AuthMethod::Basic,
            ),
            (
                json!({"client_id": "c", "client_secret": null, "token_endpoint_auth_method": "client_secret_basic"}),
                AuthMethod::None,
            ),
        ] {
            assert_eq!(read(&answer).method, want, "{answer}");
        }
        assert!(registered(&Map::new(), "https://as", None).is_none());
    }

    #[test]
    fn deviation_14_a_secret_that_ends_is_renewed_a_day_before() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let due = |expires: Value| {
            let answer = json!({"client_id": "c", "client_secret": "registration-s1", "client_secret_expires_at": expires});
            renewal_due(&read(&answer), now)
        };
        assert!(!due(json!(0)) && !due(json!(null)), "never");
        assert!(due(json!(1_000_000 + 86_000)) && due(json!("999999")));
        assert!(!due(json!(1_000_000 + 87_000)));
    }

    #[test]
    fn deviation_16_a_registration_has_nothing_that_a_strict_server_does_not_know() {
        let discovered = tests_support::discovered("https://as.example");
        let mut config = OAuthConfig::default();
        let names = |config: &OAuthConfig| {
            let body = description(&discovered, config, "http://127.0.0.1:1/callback");
            body.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let fixed = "client_name redirect_uris grant_types response_types token_endpoint_auth_method application_type";
        assert_eq!(names(&config), fixed);
        config.scopes = vec!["a".to_owned()];
        assert_eq!(names(&config), format!("{fixed} scope"));
    }

    #[test]
    fn the_last_way_out_names_the_command() {
        let discovered = tests_support::discovered("https://as.example");
        let error = no_client(&discovered, "takes no registrations").to_string();
        assert!(error.contains("allmcp connect https://mcp.example/mcp --client-id ID"), "{error}");
    }
}

#[cfg(test)]
pub(super) mod tests_support {
    use crate::auth::{Discovered, metadata::ServerMetadata};

    /// The server `https://mcp.example/mcp`, whose tokens come from `issuer`.
    pub(in crate::auth) fn discovered(issuer: &str) -> Discovered {
        let mut server = ServerMetadata::assumed(issuer);
        server.registration_endpoint = None;
        Discovered {
            resource: None,
            sent_resource: Some("https://mcp.example/mcp".to_owned()),
            prm_scopes: None,
            server,
            assumed: false,
            url: "https://mcp.example/mcp".to_owned(),
            notes: Vec::new(),
            style: None,
            account: None,
        }
    }
}
