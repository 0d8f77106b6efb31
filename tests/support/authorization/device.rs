//! The device grant: RFC 8628.

use super::{
    answer::{Answer, Refusal},
    codec, grants,
    quirks::{DeviceConsent, ReplyForm},
    record::Params,
    state::{Client, Device, State},
};
use serde_json::json;

/// The life of a device code, in seconds.
const LIFE: i64 = 600;

/// The device authorization endpoint, for a client that has shown who it is.
pub(super) fn begin(
    state: &mut State,
    base: &str,
    client: &Client,
    params: &Params,
) -> Result<Answer, Refusal> {
    let resource = state.resource(params, state.quirks.require_resource)?;
    let scope = state.allowed(params.words("scope"))?;
    let letters = |_| fastrand::alphabetic().to_ascii_uppercase();
    let user_code: String = (0..8).map(letters).collect();
    let user_code = format!("{}-{}", &user_code[..4], &user_code[4..]);
    let device = Device {
        code: codec::random("canary-dc-"),
        user_code: user_code.clone(),
        grant: state.grant(client, scope, resource),
        expires_at: state.now() + LIFE,
        polled_at: None,
        polls: 0,
        interval: state.quirks.device_interval,
        answer: None,
        done: false,
    };
    let page = format!("{}/device", state.issuer(base));
    let mut reply = json!({
        "device_code": device.code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": LIFE,
    });
    if device.interval > 0 {
        reply["interval"] = device.interval.into();
    }
    state.counts.device_requests += 1;
    state.devices.push(device);
    Ok(Answer::json(200, &reply).no_store())
}

/// The page where the user gives the code and says yes or no.
pub(super) fn page(state: &mut State, params: &Params, says: Option<&str>) -> Answer {
    let code = params.get("user_code").unwrap_or_default();
    let Some(device) = state.devices.iter_mut().find(|one| one.user_code == code) else {
        return Answer::html(200, "<h1>Which code?</h1>");
    };
    device.answer = Some(says != Some("deny"));
    match device.answer {
        Some(true) => state.counts.consents += 1,
        _ => state.counts.denials += 1,
    }
    Answer::html(200, "<h1>You may go back to your device</h1>")
}

pub(super) fn poll(
    state: &mut State,
    client: &Client,
    params: &Params,
    form: ReplyForm,
) -> Result<Answer, Refusal> {
    let error = |error: &str| Err(Refusal::new(400, error, "see RFC 8628 section 3.5"));
    let now = state.now();
    let sent = params.get("device_code").unwrap_or_default();
    let owners: Vec<_> = state.grants.iter().map(|grant| grant.client_id.clone()).collect();
    let Some(device) = state.devices.iter_mut().find(|one| one.code == sent) else {
        return error("invalid_grant");
    };
    if device.done || owners[device.grant] != client.id {
        return error("invalid_grant");
    }
    let interval = i64::try_from(device.interval).unwrap_or(i64::MAX);
    let too_soon = device.polled_at.is_some_and(|before| now - before < interval);
    device.polled_at = Some(now);
    if too_soon || state.quirks.device_slow_down > 0 {
        state.quirks.device_slow_down = state.quirks.device_slow_down.saturating_sub(1);
        state.counts.device_slow_down += 1;
        device.interval += u64::from(too_soon) * 5;
        return error("slow_down");
    }
    device.polls += 1;
    let answer = match state.quirks.device_consent {
        DeviceConsent::ByBrowser => device.answer,
        DeviceConsent::AfterPolls(polls) => (device.polls > polls).then_some(true),
        DeviceConsent::Denied => Some(false),
        DeviceConsent::Expired => {
            device.expires_at = now;
            None
        }
    };
    if device.expires_at <= now {
        return error("expired_token");
    }
    match answer {
        None => {
            state.counts.device_pending += 1;
            error("authorization_pending")
        }
        Some(false) => error("access_denied"),
        Some(true) => {
            device.done = true;
            let grant = device.grant;
            state.counts.device_ok += 1;
            Ok(grants::tokens(state, grant, form))
        }
    }
}
