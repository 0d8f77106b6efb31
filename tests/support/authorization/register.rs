//! Clients: registration (RFC 7591), its management (RFC 7592), and metadata documents.

use super::{
    answer::{Answer, Refusal},
    codec,
    quirks::AuthMethod,
    state::{Client, State},
};
use serde_json::{Value, json};

/// The members of RFC 7591 section 2, and `application_type` of OpenID Connect Registration.
const MEMBERS: [&str; 18] = [
    "redirect_uris",
    "token_endpoint_auth_method",
    "grant_types",
    "response_types",
    "client_name",
    "client_uri",
    "logo_uri",
    "scope",
    "contacts",
    "tos_uri",
    "policy_uri",
    "jwks_uri",
    "jwks",
    "software_id",
    "software_version",
    "software_statement",
    "application_type",
    "client_id",
];

/// A client that is registered, or that a metadata document describes.
pub(super) fn find(state: &State, id: &str) -> Option<Client> {
    if let Some(client) = state.clients.get(id) {
        return Some(client.clone());
    }
    let document = state.quirks.client_documents.get(id).filter(|_| state.quirks.cimd)?;
    // It has to name itself, exactly.
    (document["client_id"] == id).then(|| Client {
        id: id.to_owned(),
        secret: None,
        auth: AuthMethod::None,
        redirect_uris: strings(&document["redirect_uris"]).unwrap_or_default(),
        grant_types: strings(&document["grant_types"])
            .unwrap_or_else(|| vec!["authorization_code".into(), "refresh_token".into()]),
        public_key: None,
        secret_expires_at: 0,
        management_token: None,
    })
}

pub(super) fn serve(state: &mut State, base: &str, body: &[u8]) -> Answer {
    if let Some((status, url)) = &state.quirks.register_redirect {
        return Answer::redirect(*status, url);
    }
    if !state.quirks.dcr {
        return Answer::text(404, "Not Found");
    }
    if state.quirks.dcr_limit.is_some_and(|limit| state.counts.registrations >= limit) {
        state.counts.registrations_refused += 1;
        return Answer::json(429, &json!({"error": "slow_down"})).with("retry-after", "3600");
    }
    if let Some((status, text)) = state.quirks.dcr_answer {
        state.counts.registrations_refused += 1;
        return Answer::new(status, "application/json", text);
    }
    match register(state, base, body) {
        Ok(document) => {
            state.counts.registrations += 1;
            Answer::json(201, &document).no_store()
        }
        Err(refusal) => {
            state.counts.registrations_refused += 1;
            state.say(&refusal)
        }
    }
}

fn register(state: &mut State, base: &str, body: &[u8]) -> Result<Value, Refusal> {
    let invalid = |text: &str| Refusal::new(400, "invalid_client_metadata", text);
    let asked: Value = serde_json::from_slice(body).map_err(|_| invalid("not JSON"))?;
    state.registrations.push(asked.clone());
    let client = describe(state, &asked)?;
    let id = client.id.clone();
    let document = document(state, base, &client, &asked);
    state.clients.insert(id, client);
    Ok(document)
}

/// The client that `asked` makes.
fn describe(state: &State, asked: &Value) -> Result<Client, Refusal> {
    let quirks = &state.quirks;
    let invalid = |text: &str| Refusal::new(400, "invalid_client_metadata", text);
    let members = asked.as_object().ok_or_else(|| invalid("not an object"))?;
    if quirks.dcr_strict {
        if let Some(odd) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(invalid(&format!("unknown member {odd}")));
        }
        if let Some(scope) = asked["scope"].as_str() {
            state.allowed(scope.split(' ').map(str::to_owned).collect())?;
        }
    }
    let redirect_uris = strings(&asked["redirect_uris"]).unwrap_or_default();
    if quirks.dcr_needs_native
        && asked["application_type"] != "native"
        && redirect_uris.iter().any(|uri| uri.starts_with("http:"))
    {
        return Err(Refusal::new(400, "invalid_redirect_uri", "a web client needs https"));
    }
    let wrong = redirect_uris.iter().find(|uri| {
        let loopback = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
        !uri.starts_with("https://") && !loopback.iter().any(|start| uri.starts_with(start))
    });
    if redirect_uris.is_empty() || wrong.is_some() {
        return Err(Refusal::new(400, "invalid_redirect_uri", "loopback or https"));
    }
    let auth = match (quirks.dcr_force_auth, asked["token_endpoint_auth_method"].as_str()) {
        (Some(forced), _) => forced,
        // The default of RFC 7591.
        (None, None) => AuthMethod::Basic,
        (None, Some(name)) => {
            AuthMethod::parse(name).ok_or_else(|| invalid("unknown token_endpoint_auth_method"))?
        }
    };
    let has_secret = matches!(auth, AuthMethod::Basic | AuthMethod::Post);
    Ok(Client {
        id: codec::random("client-"),
        secret: has_secret.then(|| codec::random("canary-cs-")),
        auth,
        redirect_uris,
        grant_types: strings(&asked["grant_types"])
            .unwrap_or_else(|| vec!["authorization_code".into()]),
        public_key: None,
        secret_expires_at: quirks.secret_ttl.map_or(0, |ttl| state.now() + ttl),
        management_token: quirks.dcr_managed.then(|| codec::random("canary-rat-")),
    })
}

fn document(state: &State, base: &str, client: &Client, asked: &Value) -> Value {
    let mut document = json!({
        "client_id": client.id,
        "client_id_issued_at": state.now(),
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth.name(),
    });
    for name in ["client_name", "application_type", "scope"] {
        if !asked[name].is_null() {
            document[name] = asked[name].clone();
        }
    }
    if let Some(secret) = &client.secret {
        document["client_secret"] = secret.clone().into();
        document["client_secret_expires_at"] = client.secret_expires_at.into();
    }
    if let Some(token) = &client.management_token {
        let url = format!("{}/register/{}", state.issuer(base), client.id);
        document["registration_access_token"] = token.clone().into();
        document["registration_client_uri"] = url.into();
    }
    codec::merge(&mut document, &state.quirks.registration_patch);
    document
}

/// A request to the URL of one registration.
pub(super) fn manage(
    state: &mut State,
    base: &str,
    id: &str,
    http_method: &str,
    bearer: Option<&str>,
    body: &[u8],
) -> Answer {
    let known = state.clients.get(id).filter(|client| client.management_token.is_some());
    let Some(mut client) = known.cloned().filter(|one| one.management_token.as_deref() == bearer)
    else {
        return state.say(&Refusal::new(401, "invalid_token", "no such registration"));
    };
    let mut asked = json!({});
    match http_method {
        "DELETE" => {
            state.clients.remove(id);
            return Answer::text(204, "");
        }
        "PUT" => {
            asked = serde_json::from_slice(body).unwrap_or_default();
            if asked["client_id"] != id {
                let text = "client_id is missing or another";
                return state.say(&Refusal::new(400, "invalid_client_metadata", text));
            }
            match describe(state, &asked) {
                Err(refusal) => return state.say(&refusal),
                // A new secret, with a new end: that is what a client comes for.
                Ok(new) => {
                    client =
                        Client { id: client.id, management_token: client.management_token, ..new };
                }
            }
            state.clients.insert(id.to_owned(), client.clone());
        }
        _ => {}
    }
    Answer::json(200, &document(state, base, &client, &asked)).no_store()
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect()
}
