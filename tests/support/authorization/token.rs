//! The token endpoint: what fails on purpose, and each grant as it is written.

use super::{
    super::record::Request,
    answer::{Answer, Refusal},
    authorize::AADSTS,
    client_auth, codec, device,
    metadata::DEVICE_GRANT,
    quirks::{AuthMethod, ForbidResource, ReplyForm, Rotation, TokenFail},
    record::{Params, TokenRequest},
    state::{Client, State},
};
use serde_json::{Value, json};

/// What becomes of a request.
pub(super) enum Told {
    Answer(Answer),
    Hang,
    Cut,
}

pub(super) fn serve(state: &mut State, base: &str, request: &Request) -> Told {
    if let Some((status, url)) = &state.quirks.token_redirect {
        return Told::Answer(Answer::redirect(*status, url));
    }
    let params = match params(state, request) {
        Ok(params) => params,
        Err(refusal) => {
            record(state, request, Params::default(), &refusal.error, refusal.status);
            return Told::Answer(refused(state, &refusal));
        }
    };
    let is_refresh = params.get("grant_type") == Some("refresh_token");
    if let Some(token) = params.get("refresh_token").filter(|_| is_refresh) {
        *state.refresh_sent.entry(token.to_owned()).or_default() += 1;
    }
    let mut fail = None;
    if is_refresh {
        fail = state.quirks.refresh_fail.pop_front();
    }
    let fail = fail.or_else(|| state.quirks.token_fail.pop_front());
    if let Some(told) = fail.as_ref().and_then(early) {
        if is_refresh {
            state.counts.refreshes_failed += 1;
        }
        let status = if let Told::Answer(answer) = &told { answer.status } else { 0 };
        record(state, request, params, "fail", status);
        return told;
    }
    let mut form = state.quirks.reply;
    if let Some(TokenFail::As(other)) = fail {
        form = other;
    }
    if form == ReplyForm::FormUnlessAsked
        && request.header("accept").is_some_and(|accept| accept.contains("application/json"))
    {
        form = ReplyForm::Json;
    }
    let worked = work(state, base, request, &params, form);
    if is_refresh && let Err(refusal) = &worked {
        match refusal.error.as_str() {
            "invalid_grant" => state.counts.refreshes_invalid_grant += 1,
            _ => state.counts.refreshes_failed += 1,
        }
    }
    if matches!(fail, Some(TokenFail::HangAfterWork | TokenFail::CutAfterWork)) {
        record(state, request, params, "lost", 0);
        return if fail == Some(TokenFail::CutAfterWork) { Told::Cut } else { Told::Hang };
    }
    Told::Answer(match worked {
        Ok(answer) => {
            record(state, request, params, "ok", answer.status);
            answer
        }
        Err(refusal) => {
            let answer = refused(state, &refusal);
            record(state, request, params, &refusal.error, answer.status);
            answer
        }
    })
}

/// The failures for which nothing is done.
fn early(fail: &TokenFail) -> Option<Told> {
    let json = |status, body: Value| Some(Told::Answer(Answer::json(status, &body)));
    match fail {
        TokenFail::Html500 => Some(Told::Answer(Answer::html(500, "<h1>Oops</h1>"))),
        TokenFail::Cloudflare530 => Some(Told::Answer(Answer::html(530, "error code: 1033"))),
        TokenFail::TooMany(after) => {
            let answer = Answer::text(429, "too many requests");
            Some(Told::Answer(match after {
                Some(seconds) => answer.with("retry-after", &seconds.to_string()),
                None => answer,
            }))
        }
        TokenFail::Hang => Some(Told::Hang),
        TokenFail::Cut => Some(Told::Cut),
        TokenFail::OkFalse(error) => json(200, json!({"ok": false, "error": error})),
        TokenFail::ErrorWith200(error) => json(200, json!({"error": error})),
        TokenFail::Error(status, error) => json(*status, json!({"error": error})),
        TokenFail::Raw(status, kind, body) => {
            Some(Told::Answer(Answer::new(*status, kind, body.clone())))
        }
        TokenFail::HangAfterWork | TokenFail::CutAfterWork | TokenFail::As(_) => None,
    }
}

/// An error as this server says it.
fn refused(state: &State, refusal: &Refusal) -> Answer {
    let mut answer = refusal.answer();
    if state.quirks.json_token {
        answer.body = "{}".into();
    }
    if state.quirks.errors_with_200 {
        answer.status = 200;
    }
    answer
}

fn record(state: &mut State, request: &Request, params: Params, outcome: &str, status: u16) {
    let (client_id, auth) = client_auth::seen(request.header("authorization"), &params);
    let grant = params.get("grant_type").unwrap_or_default().to_owned();
    let (outcome, at) = (outcome.to_owned(), state.now());
    state.tokens.push(TokenRequest { grant, params, auth, client_id, outcome, status, at });
}

/// The parameters of a body: a form, or with `json_token` an object.
pub(super) fn params(state: &State, request: &Request) -> Result<Params, Refusal> {
    let invalid = |text: &str| Refusal::new(400, "invalid_request", text);
    let kind = request.header("content-type").unwrap_or_default();
    let body = request.body_text();
    let params = if state.quirks.json_token {
        let members: Option<serde_json::Map<String, Value>> = serde_json::from_str(&body).ok();
        let members = members.filter(|_| kind.starts_with("application/json"));
        let members = members.ok_or_else(|| invalid("the body has to be a JSON object"))?;
        let text = |value: Value| value.as_str().map_or(value.to_string(), str::to_owned);
        Params(members.into_iter().map(|(key, value)| (key, text(value))).collect())
    } else {
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(invalid("the body has to be a form"));
        }
        Params(codec::pairs(&body))
    };
    match params.repeated() {
        Some(name) => Err(invalid(&format!("{name} came twice"))),
        None => Ok(params),
    }
}

fn work(
    state: &mut State,
    base: &str,
    request: &Request,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    let client = client_auth::check(state, base, request.header("authorization"), params)?;
    let grant = params.get("grant_type").unwrap_or_default();
    let known = ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT];
    if !known.contains(&grant) {
        return Err(Refusal::new(400, "unsupported_grant_type", "no such grant here"));
    }
    if !client.grant_types.iter().any(|one| one == grant) {
        return Err(Refusal::new(400, "unauthorized_client", "not a grant of this client"));
    }
    if params.get("resource").is_some() {
        match state.quirks.forbid_resource {
            Some(ForbidResource::AtToken) => {
                return Err(Refusal::new(400, "invalid_target", "resource is not supported"));
            }
            Some(ForbidResource::Entra | ForbidResource::EntraPage) => {
                return Err(Refusal::new(400, "invalid_target", AADSTS));
            }
            Some(ForbidResource::EntraByText) => {
                return Err(Refusal::new(400, "invalid_request", AADSTS));
            }
            Some(ForbidResource::AtAuthorize) | None => {}
        }
    }
    match grant {
        "authorization_code" => code(state, &client, params, form),
        "refresh_token" => refresh(state, &client, params, form),
        "client_credentials" => client_credentials(state, &client, params, form),
        _ => device::poll(state, &client, params, form),
    }
}

fn code(
    state: &mut State,
    client: &Client,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    let answer = code_checked(state, client, params, form);
    match &answer {
        Ok(_) => state.counts.codes_ok += 1,
        Err(_) => state.counts.codes_refused += 1,
    }
    answer
}

fn code_checked(
    state: &mut State,
    client: &Client,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    let invalid = |text: &str| Refusal::new(400, "invalid_grant", text);
    let sent = params.get("code").unwrap_or_default();
    let resource = state.resource(params, state.quirks.require_resource)?;
    let now = state.now();
    let code = state.codes.get(sent).ok_or_else(|| invalid("unknown code"))?;
    if code.client_id != client.id {
        return Err(invalid("the code is another client's"));
    }
    if let Some(grant) = code.grant {
        // RFC 6749 section 4.1.2: what came of it is not safe any more.
        state.revoke(grant);
        state.counts.codes_reused += 1;
        return Err(invalid("the code was used"));
    }
    if code.expires_at <= now {
        return Err(invalid("the code expired"));
    }
    if params.get("redirect_uri") != Some(&code.redirect_uri) {
        return Err(invalid("redirect_uri is another than that of the code"));
    }
    // With `json_token` there is no PKCE at the vendors that are like that.
    if !state.quirks.json_token || !code.challenge.is_empty() {
        let Some(verifier) = params.get("code_verifier") else {
            return Err(Refusal::new(400, "invalid_request", "code_verifier is missing"));
        };
        // RFC 7636 section 4.1.
        if !(43..=128).contains(&verifier.len()) || codec::s256(verifier) != code.challenge {
            return Err(invalid("code_verifier is wrong"));
        }
    }
    if resource.is_some() && code.resource.is_some() && resource != code.resource {
        return Err(Refusal::new(
            400,
            "invalid_target",
            "resource is another than that of the code",
        ));
    }
    let (scope, resource) = (code.scope.clone(), resource.or_else(|| code.resource.clone()));
    let grant = state.grant(client, scope, resource);
    if let Some(code) = state.codes.get_mut(sent) {
        code.grant = Some(grant);
    }
    Ok(tokens(state, grant, form))
}

/// The reply to a grant that is new.
pub(super) fn tokens(state: &mut State, grant: usize, form: ReplyForm) -> Answer {
    let refresh = state.grants[grant].renewable.then(|| state.issue_refresh(grant));
    state.reply(grant, refresh, form, false)
}

fn refresh(
    state: &mut State,
    client: &Client,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    let invalid = |text: &str| Refusal::new(400, "invalid_grant", text);
    let quirks = state.quirks.clone();
    let resource = state.resource(params, quirks.require_resource_on_refresh)?;
    let sent = params.get("refresh_token").unwrap_or_default();
    let token = state.refresh.get(sent).ok_or_else(|| invalid("unknown refresh token"))?;
    let (grant, generation, used_at) = (token.grant, token.generation, token.used_at);
    let family = &state.grants[grant];
    if family.client_id != client.id {
        return Err(invalid("the refresh token is another client's"));
    }
    if quirks.refresh_refused {
        return Err(invalid("no refresh now"));
    }
    if family.revoked {
        return Err(invalid("the grant was revoked"));
    }
    if quirks.json_token && params.get("redirect_uri").is_none() {
        return Err(Refusal::new(400, "invalid_request", "redirect_uri is missing"));
    }
    if resource.is_some() && family.resource.is_some() && resource != family.resource {
        return Err(Refusal::new(
            400,
            "invalid_target",
            "resource is another than that of the grant",
        ));
    }
    let asked = params.words("scope");
    if asked.iter().any(|one| !family.scope.contains(one))
        || (quirks.scope_on_refresh_refused && params.get("scope").is_some())
    {
        return Err(Refusal::new(400, "invalid_scope", "more than was granted"));
    }
    if let Some(used_at) = used_at {
        let newest = state.refresh.values().filter(|one| one.grant == grant);
        let newer_is_used =
            newest.filter(|one| one.generation > generation).any(|one| one.used_at.is_some());
        let forgiven = match quirks.rotation {
            Rotation::Never => true,
            Rotation::Strict => false,
            Rotation::Grace(time) => {
                state.now() - used_at <= i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
            }
            Rotation::UntilUsed => !newer_is_used,
        };
        if !forgiven {
            // RFC 9700 section 4.14.2: somebody else may have it, so nobody keeps anything.
            state.revoke(grant);
            state.counts.refreshes_reuse += 1;
            return Err(invalid("the refresh token was used before; the grant is revoked"));
        }
    }
    if quirks.revoke_old_at {
        for access in state.access.values_mut().filter(|one| one.grant == grant) {
            access.rejected = true;
        }
    }
    let stays = quirks.rotation == Rotation::Never || quirks.drop_refresh_on_refresh;
    if !stays && used_at.is_none() {
        let now = state.now();
        if let Some(token) = state.refresh.get_mut(sent) {
            token.used_at = Some(now);
        }
    }
    let new = match (quirks.drop_refresh_on_refresh, stays) {
        (true, _) => None,
        (false, true) => Some(sent.to_owned()),
        (false, false) => Some(state.issue_refresh(grant)),
    };
    state.counts.refreshes_ok += 1;
    Ok(state.reply(grant, new, form, true))
}

fn client_credentials(
    state: &mut State,
    client: &Client,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    if !state.quirks.client_credentials {
        return Err(Refusal::new(400, "unsupported_grant_type", "no client credentials here"));
    }
    if client.auth == AuthMethod::None {
        return Err(Refusal::new(400, "unauthorized_client", "only for clients with a secret"));
    }
    let resource = state.resource(params, state.quirks.require_resource)?;
    let scope = state.allowed(params.words("scope"))?;
    let grant = state.grant(client, scope, resource);
    state.grants[grant].renewable = false;
    state.counts.client_credentials_ok += 1;
    Ok(state.reply(grant, None, form, false))
}
