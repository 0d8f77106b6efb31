//! The grants of the token endpoint, for a client that has shown who it is.

use super::{
    answer::{Answer, Refusal},
    codec,
    quirks::{AuthMethod, ReplyForm, Rotation},
    record::Params,
    state::{Client, State},
};

pub(super) fn code(
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
    let renewable = code.renewable;
    let grant = state.grant(client, scope, resource);
    state.grants[grant].renewable &= renewable;
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

pub(super) fn refresh(
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

pub(super) fn client_credentials(
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
