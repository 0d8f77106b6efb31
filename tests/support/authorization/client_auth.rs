//! How a client shows who it is: RFC 6749 section 2.3 and RFC 7523.

use super::{
    answer::Refusal,
    codec,
    quirks::{Audience, AuthMethod},
    record::Params,
    register,
    state::{Client, State},
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client that a request names, and the way in which it does.
pub(super) fn seen(header: Option<&str>, params: &Params) -> (Option<String>, Option<AuthMethod>) {
    let named = params.get("client_id").map(str::to_owned);
    if let Some((id, _)) = header.and_then(basic) {
        return (Some(id), Some(AuthMethod::Basic));
    }
    if let Some(assertion) = params.get("client_assertion") {
        let subject = claims(assertion).and_then(|claims| claims["sub"].as_str().map(Into::into));
        return (named.or(subject), Some(AuthMethod::PrivateKeyJwt));
    }
    let method =
        if params.get("client_secret").is_some() { AuthMethod::Post } else { AuthMethod::None };
    let method = named.is_some().then_some(method);
    (named, method)
}

/// The client behind a request, or why it is none.
pub(super) fn check(
    state: &mut State,
    base: &str,
    header: Option<&str>,
    params: &Params,
) -> Result<Client, Refusal> {
    let (id, method) = seen(header, params);
    let tried_basic = header.is_some();
    let invalid =
        |text: &str| Refusal { basic: tried_basic, ..Refusal::new(401, "invalid_client", text) };
    let (Some(id), Some(method)) = (id, method) else {
        let text = "Missing required parameter: client_id";
        return Err(if tried_basic {
            invalid("not Basic")
        } else {
            Refusal::new(400, "invalid_request", text)
        });
    };
    let doubled = method == AuthMethod::Basic && params.get("client_secret").is_some();
    let two_names = params.get("client_id").is_some_and(|named| named != id);
    if doubled || two_names || (tried_basic && method != AuthMethod::Basic) {
        return Err(Refusal::new(400, "invalid_request", "more than one way to authenticate"));
    }
    let Some(client) = register::find(state, &id) else {
        let forgotten = &state.quirks.forgotten;
        let refusal = Refusal::new(forgotten.token_status, forgotten.token_error, "unknown client");
        return Err(Refusal { basic: tried_basic, ..refusal });
    };
    // Who has nothing to show cannot be asked to show it in another way.
    let showless = client.secret.is_none() && client.public_key.is_none();
    let expected = state.quirks.only_auth.filter(|_| !showless).unwrap_or(client.auth);
    if method != expected {
        if state.quirks.wrong_auth_says_missing {
            let text = "Missing required parameter: client_id";
            return Err(Refusal::new(400, "invalid_request", text));
        }
        return Err(invalid(&format!("this client uses {}", expected.name())));
    }
    let secret = match method {
        AuthMethod::None => return Ok(client),
        AuthMethod::PrivateKeyJwt => {
            return match assertion(state, base, &client, params) {
                Ok(()) => Ok(client),
                Err(text) => Err(invalid(text)),
            };
        }
        AuthMethod::Basic => header.and_then(basic).map(|(_, secret)| secret),
        AuthMethod::Post => params.get("client_secret").map(str::to_owned),
    };
    if secret.is_none() || secret != client.secret {
        return Err(invalid("wrong secret"));
    }
    if client.secret_expires_at != 0 && client.secret_expires_at <= state.now() {
        return Err(invalid("the secret expired"));
    }
    Ok(client)
}

/// Id and secret, each a form value inside the base64 (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(codec::from_base64(coded.trim())?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |coded: &str| {
        // The name of a parameter without a value is its decoded self; `=` and `&` are coded.
        codec::pairs(coded).into_iter().next().map_or_else(String::new, |(name, _)| name)
    };
    Some((plain(id), plain(secret)))
}

fn claims(assertion: &str) -> Option<Value> {
    let body = assertion.split('.').nth(1)?;
    serde_json::from_slice(&codec::from_base64(body)?).ok()
}

/// Checks signature (ES256) and claims (RFC 7523 section 3).
fn assertion(
    state: &mut State,
    base: &str,
    client: &Client,
    params: &Params,
) -> Result<(), &'static str> {
    if params.get("client_assertion_type") != Some(JWT_BEARER) {
        return Err("client_assertion_type is wrong");
    }
    let jwt = params.get("client_assertion").unwrap_or_default();
    let (signed, signature) = jwt.rsplit_once('.').ok_or("no JWT")?;
    let head = signed.split('.').next().and_then(codec::from_base64).unwrap_or_default();
    let head: Value = serde_json::from_slice(&head).map_err(|_| "no JWT")?;
    if head["alg"] != "ES256" {
        return Err("alg is not ES256");
    }
    let key = client.public_key.as_ref().ok_or("the client has no key")?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
        .verify(signed.as_bytes(), &codec::from_base64(signature).ok_or("no JWT")?)
        .map_err(|_| "the signature is wrong")?;
    let claims = claims(jwt).ok_or("no JWT")?;
    if claims["iss"] != client.id.as_str() || claims["sub"] != client.id.as_str() {
        return Err("iss and sub have to be the client");
    }
    let issuer = state.issuer(base);
    let endpoint = format!("{issuer}/token");
    let right = |audience: &str| match state.quirks.assertion_audience {
        Audience::Issuer => audience == issuer,
        Audience::TokenEndpoint => audience == endpoint,
        Audience::Either => audience == issuer || audience == endpoint,
    };
    let many = claims["aud"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if !claims["aud"].as_str().into_iter().chain(many).any(right) {
        return Err("aud is somebody else");
    }
    let now = state.now();
    if claims["exp"].as_i64().is_none_or(|exp| exp <= now || exp > now + 3600) {
        return Err("exp is missing, past, or more than an hour ahead");
    }
    let jti = claims["jti"].as_str().ok_or("jti is missing")?;
    if !state.assertions.insert(format!("{} {jti}", client.id)) {
        return Err("the assertion was used");
    }
    Ok(())
}
