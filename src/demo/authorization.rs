//! A small authorization server for the demo: everything that a sign-in needs, and a consent
//! that is given at once, for nobody is there to give it.
//!
//! RFC 9728 and RFC 8414 metadata, RFC 7591 registration, the code flow with PKCE (RFC 7636)
//! and `resource` (RFC 8707), rotating refresh tokens, RFC 7009 revocation. It forgets
//! everything when the process ends.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const MAX_BODY: usize = 64 * 1024;
const ACCESS: Duration = Duration::from_mins(10);
const CODE: Duration = Duration::from_mins(1);

/// Guards one MCP server, which lives under the same origin.
pub(super) struct Authorization {
    origin: String,
    resource: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Redirect URIs by client.
    clients: HashMap<String, Vec<String>>,
    codes: HashMap<String, Code>,
    access: HashMap<String, Instant>,
    /// Client by refresh token.
    refresh: HashMap<String, String>,
}

struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    until: Instant,
}

type Answer = Response<Full<Bytes>>;
type Form = HashMap<String, String>;

impl Authorization {
    pub(super) fn new(origin: &str, path: &str) -> Self {
        let resource = format!("{origin}{path}");
        Self { origin: origin.to_owned(), resource, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when the request carries a token of ours and may pass.
    pub(super) fn refuse<B>(&self, request: &Request<B>) -> Option<Answer> {
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        let live = |token| self.state().access.get(token).is_some_and(|end| *end > Instant::now());
        if token.is_some_and(live) {
            return None;
        }
        let mut answer = error(StatusCode::UNAUTHORIZED, "invalid_token");
        let where_ = format!("Bearer resource_metadata=\"{}{RESOURCE}/mcp\"", self.origin);
        if let Ok(value) = HeaderValue::from_str(&where_) {
            answer.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        Some(answer)
    }

    /// Answers what is not for the MCP server.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, METADATA) => self.metadata(),
            (&Method::GET, path) if path.strip_prefix(RESOURCE) == Some("/mcp") => json(
                StatusCode::OK,
                &json!({
                    "resource": self.resource,
                    "authorization_servers": [self.origin],
                    "scopes_supported": ["notes"],
                }),
            ),
            (&Method::GET, "/authorize") => {
                self.authorize(&form(request.uri().query().unwrap_or_default().as_bytes()))
            }
            (&Method::POST, "/register" | "/token" | "/revoke") => {
                let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
                let Ok(body) = body else {
                    return error(StatusCode::BAD_REQUEST, "invalid_request");
                };
                let body = body.to_bytes();
                match path.as_str() {
                    "/register" => self.register(&body),
                    "/token" => self.token(&form(&body)),
                    _ => self.revoke(&form(&body)),
                }
            }
            _ => error(StatusCode::NOT_FOUND, "not_found"),
        }
    }

    fn metadata(&self) -> Answer {
        let at = |path: &str| format!("{}{path}", self.origin);
        json(
            StatusCode::OK,
            &json!({
                "issuer": self.origin,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "registration_endpoint": at("/register"),
                "revocation_endpoint": at("/revoke"),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
                "scopes_supported": ["notes"],
            }),
        )
    }

    fn register(&self, body: &[u8]) -> Answer {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let uris = asked["redirect_uris"].as_array().into_iter().flatten();
        let uris: Vec<String> = uris.filter_map(Value::as_str).map(str::to_owned).collect();
        // Only this machine has a business here (RFC 8252, 7.3).
        let here = |uri: &String| {
            uri.starts_with("http://127.0.0.1:") || uri.starts_with("http://localhost:")
        };
        if uris.is_empty() || !uris.iter().all(here) {
            return error(StatusCode::BAD_REQUEST, "invalid_redirect_uri");
        }
        let client = random();
        self.state().clients.insert(client.clone(), uris.clone());
        json(
            StatusCode::CREATED,
            &json!({
                "client_id": client,
                "redirect_uris": uris,
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"],
            }),
        )
    }

    fn authorize(&self, asked: &Form) -> Answer {
        let of = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
        let known = self
            .state()
            .clients
            .get(of("client_id"))
            .is_some_and(|uris| uris.iter().any(|uri| uri == of("redirect_uri")));
        // Nobody is sent to a place that was not registered.
        if !known {
            return error(StatusCode::BAD_REQUEST, "invalid_client");
        }
        let code = random();
        let fine = of("response_type") == "code"
            && of("code_challenge_method") == "S256"
            && of("resource") == self.resource;
        let mut back = url::form_urlencoded::Serializer::new(String::new());
        if fine {
            back.append_pair("code", &code);
            let entry = Code {
                client: of("client_id").to_owned(),
                redirect_uri: of("redirect_uri").to_owned(),
                challenge: of("code_challenge").to_owned(),
                until: Instant::now() + CODE,
            };
            self.state().codes.insert(code, entry);
        } else {
            back.append_pair("error", "invalid_request");
        }
        back.append_pair("state", of("state")).append_pair("iss", &self.origin);
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::FOUND;
        let to = format!("{}?{}", of("redirect_uri"), back.finish());
        if let Ok(to) = HeaderValue::from_str(&to) {
            answer.headers_mut().insert(LOCATION, to);
        }
        answer
    }

    fn token(&self, asked: &Form) -> Answer {
        let of = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
        let mut state = self.state();
        let client = of("client_id");
        let granted = match of("grant_type") {
            "authorization_code" => state.codes.remove(of("code")).is_some_and(|code| {
                let verifier = PkceCodeVerifier::new(of("code_verifier").to_owned());
                // The crate asserts the lengths of RFC 7636, 4.1.
                let long = (43..=128).contains(&verifier.secret().len());
                long && code.until > Instant::now()
                    && code.client == client
                    && code.redirect_uri == of("redirect_uri")
                    && of("resource") == self.resource
                    && PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str()
                        == code.challenge
            }),
            "refresh_token" => {
                let old = state.refresh.remove(of("refresh_token"));
                old.is_some_and(|owner| owner == client)
            }
            _ => return error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        };
        if !granted {
            return error(StatusCode::BAD_REQUEST, "invalid_grant");
        }
        let (access, refresh) = (random(), random());
        state.access.insert(access.clone(), Instant::now() + ACCESS);
        state.refresh.insert(refresh.clone(), client.to_owned());
        json(
            StatusCode::OK,
            &json!({
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": ACCESS.as_secs(),
                "refresh_token": refresh,
                "scope": "notes",
            }),
        )
    }

    fn revoke(&self, asked: &Form) -> Answer {
        if let Some(token) = asked.get("token") {
            let mut state = self.state();
            state.refresh.remove(token);
            state.access.remove(token);
        }
        json(StatusCode::OK, &json!({}))
    }
}

fn form(text: &[u8]) -> Form {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// As unguessable as the tokens of anybody.
fn random() -> String {
    CsrfToken::new_random_len(24).into_secret()
}

fn error(status: StatusCode, code: &str) -> Answer {
    json(status, &json!({ "error": code }))
}

fn json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
