//! What a token endpoint said, read by its shape and not by its status.

use super::{
    deviations,
    http_reply::{HttpReply, Shape},
    sign_in_error::{code, said},
};
use crate::secret::Secret;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// Longer is no life of a token but a mistake; nothing is known then.
const LONGEST_LIFE: Duration = Duration::from_hours(10 * 365 * 24);

/// Tokens as they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub access_token: Secret<String>,
    /// `None` on a renewal means: the old one stays good (RFC 6749, 6).
    pub refresh_token: Option<Secret<String>>,
    /// By our own clock, counted from the moment the request was sent; `None` when nothing was
    /// said: then only a 401 tells.
    pub expires_at: Option<SystemTime>,
    /// Empty when nothing was said: then it is what was asked for.
    pub scopes: Vec<String>,
}

/// Why there are no tokens. Only [`TokenError::InvalidGrant`] ends a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The same request may work later; nothing is known of the grant.
    #[error("the token endpoint could not answer now: {detail}")]
    Transient { detail: String, retry_after: Option<Duration> },
    /// The code or refresh token is used up, revoked or too old.
    #[error("the grant is no longer good ({detail})")]
    InvalidGrant { detail: String },
    /// The server does not know our client, or not like this.
    #[error("the server does not accept our client ({detail})")]
    InvalidClient { detail: String },
    /// The server takes no `resource`, or not this one.
    #[error("the server does not accept the resource ({detail})")]
    InvalidTarget { detail: String },
    #[error("the token endpoint answered {code}{}", if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Refused { code: String, detail: String },
}

/// An error, with what only the next attempt wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) error: TokenError,
    /// The same code may be sent once more (deviation 33).
    pub(super) again: bool,
    /// The other way of saying who we are may help (deviation 17).
    pub(super) other_method: bool,
}

/// Reads an answer to a request that was sent at `sent`.
pub(super) fn read(reply: HttpReply, sent: SystemTime) -> Result<Reply, Failed> {
    let transient = reply.is_transient();
    let described = reply.describe();
    let HttpReply { status, retry_after, body } = reply;
    let later = |detail: String| Failed {
        error: TokenError::Transient { detail, retry_after },
        again: true,
        other_method: false,
    };
    let fields = match body {
        Shape::Json(Value::Object(fields)) => fields,
        Shape::Form(pairs) => pairs.into_iter().map(|(k, v)| (k, Value::String(v))).collect(),
        // A page is a gateway's, not the server's word (deviation 26).
        Shape::Html => return Err(later(described)),
        _ if transient || status.is_success() => return Err(later(described)),
        _ => return Err(refused(status.as_u16(), described)),
    };
    // Deviation 31: success by shape, whatever the status; a rotated token must not be lost.
    if let Some(reply) = tokens(&fields, sent) {
        return Ok(reply);
    }
    let (error, description) = error_of(&fields);
    if transient {
        return Err(later(if error.is_empty() { described } else { code(&error) }));
    }
    if error.is_empty() {
        return Err(if status.is_success() {
            later("an answer without a token".to_owned())
        } else {
            // Without a code there may still be words for people.
            let detail = if description.is_empty() { described } else { said(&description) };
            refused(status.as_u16(), detail)
        });
    }
    Err(classify(&error, &description, status.is_success(), later))
}

fn refused(status: u16, detail: String) -> Failed {
    Failed {
        error: TokenError::Refused { code: format!("http_{status}"), detail },
        again: false,
        // Some say no more than 401 to a client that they do not accept.
        other_method: status == 401,
    }
}

/// By the error code: only that is definitive.
fn classify(
    error: &str,
    description: &str,
    in_a_200: bool,
    later: impl Fn(String) -> Failed,
) -> Failed {
    let detail = code(error);
    let low = description.to_ascii_lowercase();
    let definitive = |error, other_method| Failed { error, again: false, other_method };
    if deviations::refuses_resource(error, description) {
        return definitive(TokenError::InvalidTarget { detail }, false);
    }
    match error {
        // The later ones are what GitHub and Slack say for it.
        "invalid_grant"
        | "bad_verification_code"
        | "bad_refresh_token"
        | "invalid_refresh_token"
        | "invalid_code"
        | "code_already_used" => definitive(TokenError::InvalidGrant { detail }, false),
        "invalid_client"
        | "incorrect_client_credentials"
        | "bad_client_secret"
        | "invalid_client_id" => definitive(TokenError::InvalidClient { detail }, true),
        "unauthorized_client" => definitive(TokenError::InvalidClient { detail }, false),
        // RFC 6749, 5.2 has no code of its own for a client that did not say who it is.
        "invalid_request"
            if low.contains("client_id")
                || low.contains("client_secret")
                || low.contains("client auth") =>
        {
            definitive(TokenError::InvalidClient { detail }, true)
        }
        "server_error"
        | "temporarily_unavailable"
        | "slow_down"
        | "ratelimited"
        | "rate_limited"
        | "too_many_requests"
        | "internal_error" => later(detail),
        _ => Failed {
            error: TokenError::Refused { code: detail, detail: said(description) },
            again: in_a_200,
            other_method: false,
        },
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The code and the description, in all the places where they have been seen.
pub(super) fn error_of(fields: &Map<String, Value>) -> (String, String) {
    let described = |fields: &Map<String, Value>| {
        ["error_description", "message", "error_message", "detail"]
            .iter()
            .find_map(|name| text(fields, name))
            .unwrap_or_default()
            .to_owned()
    };
    match fields.get("error") {
        Some(Value::String(error)) => (error.clone(), described(fields)),
        Some(Value::Object(inner)) => {
            let names = ["code", "type", "status"];
            let error = names.iter().find_map(|name| text(inner, name)).unwrap_or("error");
            (error.to_owned(), described(inner))
        }
        // A vendor without codes may say it beside its words: {"hint": "Token has been revoked"}.
        _ => match text(fields, "hint").filter(|hint| is_dead(hint)) {
            Some(hint) => ("invalid_grant".to_owned(), hint.to_owned()),
            None => (String::new(), described(fields)),
        },
    }
}

/// The words of the `league/oauth2-server` family for a refresh token that has ended.
fn is_dead(hint: &str) -> bool {
    matches!(hint, "Token has been revoked" | "Token has expired")
}

fn tokens(fields: &Map<String, Value>, sent: SystemTime) -> Option<Reply> {
    // Slack answers for the user inside, beside what it gives to a bot (deviation 31).
    let fields = match text(fields, "access_token") {
        Some(_) => fields,
        None => fields.get("authed_user")?.as_object()?,
    };
    let secret = |name| {
        let secret = text(fields, name).map(|text| Secret::new(text.to_owned()));
        secret.iter().for_each(crate::log::redact);
        secret
    };
    let access_token = secret("access_token")?;
    let said = fields.get("expires_in").and_then(seconds);
    let own = life_of_jwt(access_token.expose(), sent);
    let life = match (said, own) {
        // What the token says of itself may only shorten.
        (Some(said), Some(own)) => Some(said.min(own)),
        (said, own) => said.or(own),
    };
    Some(Reply {
        refresh_token: secret("refresh_token"),
        expires_at: life.and_then(|life| sent.checked_add(life)),
        scopes: fields.get("scope").map(scopes).unwrap_or_default(),
        access_token,
    })
}

/// A number of seconds as an integer, a float or a text. Zero, negative and absurd ones say
/// nothing (deviation 29).
fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let life = Duration::try_from_secs_f64(number).ok()?;
    (life >= Duration::from_secs(1) && life <= LONGEST_LIFE).then_some(life)
}

/// A moment in seconds since 1970, for a registration's `client_secret_expires_at`; 0 is never.
pub(super) fn moment(value: &Value) -> Option<SystemTime> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let since = Duration::try_from_secs_f64(number).ok().filter(|since| !since.is_zero())?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// How long a JWT says that it lives, by its own two clocks: ours may be wrong (deviation 30).
fn life_of_jwt(token: &str, sent: SystemTime) -> Option<Duration> {
    let mut parts = token.split('.');
    let claims = parts.nth(1)?;
    parts.next()?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&claims).ok()?;
    let end = moment(claims.get("exp")?)?;
    let begin = claims.get("iat").and_then(moment).unwrap_or(sent);
    let life = end.duration_since(begin).ok()?;
    (life >= Duration::from_secs(1) && life <= LONGEST_LIFE).then_some(life)
}

/// Scopes as a text with spaces, with commas (GitHub, Slack), or as a list.
pub(super) fn scopes(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.contains(char::is_whitespace) => {
            text.split_whitespace().map(str::to_owned).collect()
        }
        Value::String(text) => {
            text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use serde_json::json;
    use std::time::UNIX_EPOCH;

    const SENT: SystemTime = UNIX_EPOCH;

    fn reply(status: u16, kind: &str, body: &str) -> HttpReply {
        let status = StatusCode::from_u16(status).unwrap();
        HttpReply { status, retry_after: None, body: Shape::of(body.as_bytes(), kind) }
    }

    fn ok(body: &Value) -> Reply {
        read(reply(200, "application/json", &body.to_string()), SENT).unwrap()
    }

    fn error(status: u16, body: &str) -> Failed {
        read(reply(status, "application/json", body), SENT).unwrap_err()
    }

    fn life(expires_in: &Value) -> Option<u64> {
        let reply = ok(&json!({"access_token": "token-reply-at", "expires_in": expires_in}));
        reply.expires_at.map(|end| end.duration_since(SENT).unwrap().as_secs())
    }

    #[test]
    fn deviation_29_how_long_a_token_lives() {
        for known in [json!(3600), json!(3600.7), json!("3600"), json!(" 3600.0 ")] {
            assert_eq!(life(&known), Some(3600), "{known}");
        }
        for unknown in
            [json!(null), json!(0), json!(-1), json!("soon"), json!(1e18), json!("NaN"), json!({})]
        {
            assert_eq!(life(&unknown), None, "{unknown}");
        }
        assert_eq!(ok(&json!({"access_token": "token-reply-at"})).expires_at, None);
    }

    #[test]
    fn deviation_29_a_jwt_only_shortens_and_deviation_30_by_its_own_clock() {
        let jwt = |claims: Value| {
            format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
        };
        let life = |claims: Value, expires_in: Value| {
            let reply = ok(&json!({"access_token": jwt(claims), "expires_in": expires_in}));
            reply.expires_at.map(|end| end.duration_since(SENT).unwrap().as_secs())
        };
        let far = 4_000_000_000_u64;
        assert_eq!(life(json!({"iat": far, "exp": far + 60}), json!(3600)), Some(60));
        assert_eq!(life(json!({"iat": far, "exp": far + 9000}), json!(3600)), Some(3600));
        assert_eq!(life(json!({"iat": far, "exp": far + 60}), json!(null)), Some(60));
        assert_eq!(life(json!({"iat": far, "exp": far - 60}), json!(null)), None);
    }

    #[test]
    fn deviation_31_success_by_shape() {
        let form = "access_token=token-reply-at&scope=repo%2Cgist&token_type=bearer";
        let form = read(reply(200, "application/x-www-form-urlencoded", form), SENT).unwrap();
        assert_eq!(form.access_token.expose(), "token-reply-at");
        assert_eq!(form.scopes, ["repo", "gist"]);
        let slack = ok(&json!({"ok": true, "authed_user": {
            "access_token": "token-reply-xoxp", "scope": "a,b", "token_type": "user"}}));
        assert_eq!(
            (slack.access_token.expose().as_str(), slack.scopes.len()),
            ("token-reply-xoxp", 2)
        );
        let odd = read(reply(500, "", r#"{"access_token":"token-reply-at"}"#), SENT);
        assert!(odd.is_ok(), "a rotated token must not be lost");
        assert_eq!(crate::log::scrub_known("x token-reply-xoxp"), "x ***");
    }

    #[test]
    fn deviation_31_errors_by_code_whatever_the_status() {
        let grant = TokenError::InvalidGrant { detail: "invalid_grant".to_owned() };
        for (status, body) in [
            (400, r#"{"error":"invalid_grant","error_description":"canary"}"#),
            (200, r#"{"error":"invalid_grant"}"#),
            (401, r#"{"ok":false,"error":"invalid_grant"}"#),
            (400, r#"{"error":{"code":"invalid_grant","message":"x"}}"#),
        ] {
            let failed = error(status, body);
            assert!(failed.error == grant && !failed.again, "{body}: {failed:?}");
        }
        let github = error(200, r#"{"error":"bad_verification_code"}"#).error;
        assert!(matches!(github, TokenError::InvalidGrant { .. }));
        let client = error(401, r#"{"error":"invalid_client"}"#);
        assert!(matches!(client.error, TokenError::InvalidClient { .. }) && client.other_method);
        let missing =
            error(400, r#"{"error":"invalid_request","error_description":"Missing client_id"}"#);
        assert!(matches!(missing.error, TokenError::InvalidClient { .. }) && missing.other_method);
        let entra =
            error(400, r#"{"error":"invalid_request","error_description":"AADSTS9010010: no"}"#);
        assert!(matches!(entra.error, TokenError::InvalidTarget { .. }));
    }

    #[test]
    fn deviation_26_what_is_transient_ends_no_grant() {
        for (status, body) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (429, "{}"),
            (408, ""),
            (530, "<html>"),
            (403, "<html>a login</html>"),
            (200, "<html>"),
            (200, r#"{"ok":false}"#),
            (200, "not json"),
            (400, r#"{"error":"temporarily_unavailable"}"#),
        ] {
            let failed = error(status, body);
            assert!(
                matches!(failed.error, TokenError::Transient { .. }),
                "{status} {body}: {failed:?}"
            );
            assert!(failed.again, "deviation 33");
        }
        // Neither transient nor the end: nothing definitive was said.
        for (status, body) in [(400, "{}"), (404, ""), (400, r#"{"error":"invalid_scope"}"#)] {
            let failed = error(status, body);
            assert!(
                matches!(failed.error, TokenError::Refused { .. }) && !failed.again,
                "{failed:?}"
            );
        }
    }
}
