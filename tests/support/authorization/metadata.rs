//! The metadata of the server: RFC 8414 and OpenID Connect Discovery.

use super::{
    answer::Answer,
    codec,
    quirks::{AsMeta, AuthMethod, Issuer, Miss, Moved, Quirks},
    state::State,
};
use serde_json::{Value, json};

const RFC8414: &str = "/.well-known/oauth-authorization-server";
const OIDC: &str = "/.well-known/openid-configuration";
/// In front of the path of a document that was moved on the same origin.
const NEAR: &str = "/moved/";

/// The answer when `path` is one where metadata might be.
pub(super) fn serve(state: &State, base: &str, path: &str) -> Option<Answer> {
    let quirks = &state.quirks;
    let (hops, inner) = moved(path);
    if !inner.contains("/.well-known/") {
        return None;
    }
    let issuer_path = &quirks.issuer_path;
    let here = match quirks.as_meta {
        AsMeta::All => {
            inner == format!("{RFC8414}{issuer_path}")
                || inner == format!("{OIDC}{issuer_path}")
                || inner == format!("{issuer_path}{OIDC}")
        }
        AsMeta::Rfc8414 => inner == format!("{RFC8414}{issuer_path}"),
        AsMeta::Rfc8414Root => inner == RFC8414,
        AsMeta::Oidc => inner == format!("{OIDC}{issuer_path}"),
        AsMeta::OidcAppend => inner == format!("{issuer_path}{OIDC}"),
        AsMeta::None => false,
    };
    if !here {
        return Some(miss(&quirks.miss));
    }
    if let Some(answer) = elsewhere(quirks.meta_redirect.as_ref(), hops, inner) {
        return Some(answer);
    }
    Some(Answer::json(200, &document(state, base)))
}

/// How many redirects are still to come, and the path of the document itself.
pub(super) fn moved(path: &str) -> (Option<usize>, &str) {
    let parts = path.strip_prefix(NEAR).and_then(|rest| rest.split_once('/'));
    match parts {
        Some((hops, rest)) => (hops.parse().ok(), &path[path.len() - rest.len() - 1..]),
        None => (None, path),
    }
}

/// The redirect of a document that is not where it was looked for.
pub(super) fn elsewhere(moved: Option<&Moved>, hops: Option<usize>, path: &str) -> Option<Answer> {
    match moved? {
        Moved::Far(origin) => Some(Answer::redirect(302, &format!("{origin}{path}"))),
        Moved::Near(all) => match hops.unwrap_or(*all) {
            0 => None,
            left => Some(Answer::redirect(302, &format!("{NEAR}{}{path}", left - 1))),
        },
    }
}

pub(super) fn miss(miss: &Miss) -> Answer {
    match miss {
        Miss::NotFound => Answer::text(404, "Not Found"),
        Miss::Status(status) => Answer::text(*status, "not for you"),
        Miss::Html => Answer::html(200, "<div id=root></div>"),
        Miss::Json(text) => Answer::new(200, "application/json", text.clone()),
    }
}

fn document(state: &State, base: &str) -> Value {
    let quirks = &state.quirks;
    let issuer = state.issuer(base);
    let url = |name: &str| format!("{issuer}/{name}");
    let mut meta = json!({
        "issuer": issuer,
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("token"),
        "response_types_supported": ["code"],
        "grant_types_supported": grant_types(quirks),
        "token_endpoint_auth_methods_supported": auth_methods(quirks),
    });
    match &quirks.issuer {
        Issuer::Own => {}
        Issuer::Slash => meta["issuer"] = format!("{issuer}/").into(),
        Issuer::Foreign(other) => meta["issuer"] = other.clone().into(),
        Issuer::Missing => codec::merge(&mut meta, &json!({"issuer": null})),
    }
    if let Some(other) = &quirks.authorization_endpoint {
        meta["authorization_endpoint"] = other.clone().into();
    }
    if quirks.dcr && !quirks.dcr_untold {
        meta["registration_endpoint"] = url("register").into();
    }
    if quirks.pkce_advertised {
        meta["code_challenge_methods_supported"] = json!(["S256"]);
    }
    if quirks.scopes_advertised
        && let Some(scopes) = &quirks.scopes
    {
        meta["scopes_supported"] = json!(scopes);
    }
    if quirks.cimd {
        meta["client_id_metadata_document_supported"] = true.into();
    }
    if super::authorize::announces_iss(quirks) {
        meta["authorization_response_iss_parameter_supported"] = true.into();
    }
    if quirks.device {
        meta["device_authorization_endpoint"] = url("device_authorization").into();
    }
    if quirks.revocation {
        meta["revocation_endpoint"] = url("revoke").into();
    }
    codec::merge(&mut meta, &quirks.meta_patch);
    meta
}

pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn grant_types(quirks: &Quirks) -> Vec<&'static str> {
    let mut all = vec!["authorization_code"];
    all.extend(quirks.refresh_tokens.then_some("refresh_token"));
    all.extend(quirks.client_credentials.then_some("client_credentials"));
    all.extend(quirks.device.then_some(DEVICE_GRANT));
    all
}

fn auth_methods(quirks: &Quirks) -> Vec<String> {
    quirks.meta_auth_methods.clone().unwrap_or_else(|| {
        let all =
            [AuthMethod::None, AuthMethod::Basic, AuthMethod::Post, AuthMethod::PrivateKeyJwt];
        all.iter().map(|one| one.name().to_owned()).collect()
    })
}
