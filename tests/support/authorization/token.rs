//! The token endpoint: what fails on purpose, and each grant as it is written.

use super::{
    super::record::Request,
    answer::{Answer, Refusal},
    authorize::AADSTS,
    client_auth, codec, device, grants,
    metadata::DEVICE_GRANT,
    quirks::{ForbidResource, ReplyForm, TokenFail},
    record::{Params, TokenRequest},
    state::State,
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
    let mut answer = state.say(refusal);
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
        "authorization_code" => grants::code(state, &client, params, form),
        "refresh_token" => grants::refresh(state, &client, params, form),
        "client_credentials" => grants::client_credentials(state, &client, params, form),
        _ => device::poll(state, &client, params, form),
    }
}
