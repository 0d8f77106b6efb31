//! The authorize endpoint: RFC 6749 section 4.1.1 with PKCE, `resource` and `iss`.

use super::{
    answer::{Answer, Refusal},
    codec,
    quirks::{Consent, ForbidResource, Iss, Prompt, Quirks, Redirect},
    record::Params,
    register,
    state::{Client, Code, State},
};
use url::Url;

/// The header by which the browser of the tests says `deny`.
pub(super) const CONSENT_HEADER: &str = "x-stand-in-consent";
pub(super) const AADSTS: &str = "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.";
/// The life of a code, in seconds.
const CODE_LIFE: i64 = 60;

pub(super) fn announces_iss(quirks: &Quirks) -> bool {
    matches!(quirks.iss, Iss::Right | Iss::Wrong | Iss::Absent)
}

pub(super) fn serve(state: &mut State, base: &str, params: Params, says: Option<&str>) -> Answer {
    state.counts.authorize_requests += 1;
    state.authorize.push(params.clone());
    let consent = if says == Some("deny") { Consent::Deny } else { state.quirks.consent };
    // Without a client and its redirect URI there is no way back (section 4.1.2.1).
    let client = match client(state, &params) {
        Ok(client) => client,
        Err(answer) => {
            state.counts.authorize_refused += 1;
            return answer;
        }
    };
    let redirect_uri = params.get("redirect_uri").unwrap_or_default().to_owned();
    let back = |state: &State, mut query: Vec<(&str, String)>| {
        let described = query.iter_mut().find(|(name, _)| *name == "error_description");
        if let (Some((_, text)), Some(other)) = (described, &state.quirks.error_text) {
            text.clone_from(other);
        }
        query.extend(params.get("state").map(|value| ("state", value.to_owned())));
        query.extend(iss(state, base).map(|value| ("iss", value)));
        Answer::redirect(302, &codec::with_query(&redirect_uri, &query))
    };
    match check(state, &client, &params) {
        Ok(_) if consent == Consent::NoWayBack => Answer::html(200, "<h1>Thank you</h1>"),
        Ok(_) if consent == Consent::Deny => {
            state.counts.denials += 1;
            let error = ("error", "access_denied".to_owned());
            back(state, vec![error, ("error_description", "The user said no".into())])
        }
        Ok((scope, resource)) => {
            state.counts.consents += 1;
            let code = codec::random("canary-code-");
            let made = Code {
                client_id: client.id,
                redirect_uri: redirect_uri.clone(),
                challenge: params.get("code_challenge").unwrap_or_default().to_owned(),
                resource,
                scope,
                renewable: state
                    .quirks
                    .offline_params
                    .iter()
                    .all(|(name, value)| params.get(name) == Some(value)),
                expires_at: state.now() + CODE_LIFE,
                grant: None,
            };
            state.codes.insert(code.clone(), made);
            back(state, vec![("code", code)])
        }
        Err(refusal) => {
            state.counts.authorize_refused += 1;
            if refusal.text == AADSTS
                && state.quirks.forbid_resource == Some(ForbidResource::EntraPage)
            {
                return Answer::html(400, &format!("<h1>Sign in</h1>{AADSTS}"));
            }
            let error = ("error", refusal.error);
            back(state, vec![error, ("error_description", refusal.text)])
        }
    }
}

fn client(state: &State, params: &Params) -> Result<Client, Answer> {
    let id = params.get("client_id").unwrap_or_default();
    let Some(client) = register::find(state, id) else {
        let forgotten = &state.quirks.forgotten;
        let is_json = forgotten.authorize_body.starts_with('{');
        let kind = if is_json { "application/json" } else { "text/html" };
        return Err(Answer::new(forgotten.authorize_status, kind, forgotten.authorize_body));
    };
    let uri = params.get("redirect_uri").unwrap_or_default();
    if redirect_matches(state.quirks.redirect, &client, uri) {
        Ok(client)
    } else {
        Err(Answer::html(400, "<h1>redirect_uri is not registered</h1>"))
    }
}

fn redirect_matches(rule: Redirect, client: &Client, uri: &str) -> bool {
    let mut registered = client.redirect_uris.iter();
    match rule {
        Redirect::Exact => registered.any(|one| one == uri),
        Redirect::LocalhostOnly => {
            uri.starts_with("http://localhost:") && registered.any(|one| one == uri)
        }
        Redirect::AnyLoopbackPort => {
            let portless = |uri: &str| {
                let mut url = Url::parse(uri).ok()?;
                let loopback = ["127.0.0.1", "[::1]", "localhost"].contains(&url.host_str()?);
                (loopback && url.set_port(None).is_ok()).then_some(url)
            };
            registered.any(|one| {
                one == uri || (portless(uri).is_some() && portless(one) == portless(uri))
            })
        }
    }
}

/// What would be granted: scopes and resource.
fn check(
    state: &State,
    client: &Client,
    params: &Params,
) -> Result<(Vec<String>, Option<String>), Refusal> {
    let quirks = &state.quirks;
    let invalid = |text: &str| Err(Refusal::new(400, "invalid_request", text));
    if let Some(name) = params.repeated() {
        return invalid(&format!("{name} came twice"));
    }
    if params.get("response_type") != Some("code") {
        return Err(Refusal::new(400, "unsupported_response_type", "only code"));
    }
    if !client.grant_types.iter().any(|one| one == "authorization_code") {
        return Err(Refusal::new(400, "unauthorized_client", "no codes for this client"));
    }
    if let Some(name) = quirks.needed_params.iter().find(|name| params.get(name).is_none()) {
        return invalid(&format!("{name} is missing"));
    }
    let pkce = !quirks.json_token || params.get("code_challenge").is_some();
    if pkce && params.get("code_challenge_method") != Some("S256") {
        return invalid("code_challenge_method has to be S256");
    }
    // The length of a SHA-256 in base64url.
    if pkce && params.get("code_challenge").is_none_or(|challenge| challenge.len() != 43) {
        return invalid("code_challenge is missing or no S256");
    }
    if params.get("resource").is_some() {
        match quirks.forbid_resource {
            Some(ForbidResource::AtAuthorize) => {
                return Err(Refusal::new(400, "invalid_target", "resource is not supported"));
            }
            Some(ForbidResource::Entra | ForbidResource::EntraPage) => {
                return Err(Refusal::new(400, "invalid_target", AADSTS));
            }
            Some(ForbidResource::EntraByText) => return invalid(AADSTS),
            Some(ForbidResource::AtToken) | None => {}
        }
    }
    let resource = state.resource(params, quirks.require_resource)?;
    let mut scope = state.allowed(params.words("scope"))?;
    let prompted = params.words("prompt").iter().any(|one| one == "consent");
    match quirks.prompt {
        Prompt::Refused if prompted => {
            return Err(Refusal::new(400, "consent_required", "AADSTS90094: ask an administrator"));
        }
        Prompt::Needed if !prompted => scope.retain(|one| one != "offline_access"),
        _ => {}
    }
    Ok((scope, resource))
}

fn iss(state: &State, base: &str) -> Option<String> {
    match state.quirks.iss {
        Iss::Right => Some(state.issuer(base)),
        Iss::None | Iss::Absent => None,
        Iss::Wrong | Iss::WrongUnannounced => Some("https://mixed-up.example".into()),
    }
}
