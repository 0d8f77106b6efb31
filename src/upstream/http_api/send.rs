//! One exchange with the vendor, within its limits.

use super::{
    HttpApi, Sending,
    answer::{self, Got, Means, Refusal},
    limit::{self, PATIENCE},
    request::Request,
};
use crate::{
    catalog::manifest::{Effect, Http, Meaning, Tool},
    net::{Class, Response},
    upstream::{
        failure::Failure,
        said::said,
        streamable::{MAX_MESSAGE, body, content_type},
    },
};
use http::{
    HeaderValue,
    header::{LOCATION, RETRY_AFTER},
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// How often a request may be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    One,
    /// Once more after a refusal for being too many: only for what changes nothing.
    Two,
}

pub(super) enum Done {
    /// What the answer means, and how long to wait before another try where it says so.
    Answered(Means, Duration),
    /// Nothing was sent: the limit is reached for so long.
    Full(Duration),
}

impl HttpApi {
    pub(super) async fn exchange(
        &self,
        sending: &Sending<'_>,
        tool: &Tool,
        http: &Http,
        request: &Request,
        tries: Tries,
    ) -> Result<Done, Failure> {
        let mut again = tries == Tries::Two;
        loop {
            let patience = PATIENCE.min(sending.deadline.left());
            let taken =
                self.limits.take(sending.account, &http.rate, tool.group.as_deref(), patience);
            let at = match taken {
                Ok(at) => at,
                Err(wait) => return Ok(Done::Full(wait)),
            };
            if at > Instant::now() {
                let turn = tokio::time::sleep_until(at);
                sending.deadline.run(turn).await.map_err(Failure::elapsed("turn", false))?;
            }
            if tool.effect != Effect::Read {
                sending.left.store(true, Ordering::Relaxed);
            }
            let got = self.send(sending, request).await?;
            let means = answer::understand(http, &got);
            let wait = match &means {
                Means::Refused(Refusal { meaning: Meaning::RateLimited, .. }) => {
                    got.retry_after.unwrap_or_else(|| limit::usual_pause(&http.rate))
                }
                Means::Refused(Refusal { meaning: Meaning::Unavailable, .. }) => {
                    got.retry_after.unwrap_or_default()
                }
                _ => Duration::ZERO,
            };
            if wait.is_zero() {
                return Ok(Done::Answered(means, wait));
            }
            self.limits.pause(sending.account, wait);
            if !again || wait > PATIENCE || wait >= sending.deadline.left() {
                return Ok(Done::Answered(means, wait));
            }
            again = false;
        }
    }

    async fn send(&self, sending: &Sending<'_>, request: &Request) -> Result<Got, Failure> {
        let Request { method, url, headers, body: content } = request;
        let sent =
            sending.route.send(method.clone(), url.expose(), headers.clone(), content.clone());
        let response =
            sending.deadline.run(sent).await.map_err(Failure::elapsed("answer", true))?.map_err(
                |(class, detail)| {
                    let detail = said(&detail, 300);
                    match class {
                        Class::Connect => Failure::NotSent { detail, timed_out: false },
                        Class::ConnectTimeout => Failure::NotSent { detail, timed_out: true },
                        Class::Broken => Failure::Broken { detail },
                        Class::Request => Failure::NotMcp { detail },
                    }
                },
            )?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            // Never followed: the credential is for this place, and so is the request.
            return Err(Failure::NotMcp { detail: moved(&response, url.expose()) });
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
        let html = content_type(&response) == "text/html";
        let body = body(response, MAX_MESSAGE, sending.deadline).await?;
        Ok(Got { status, retry_after, html, body })
    }
}

/// Where it wants us to go: only the origin, for its path may hold a secret.
fn moved(response: &Response, url: &url::Url) -> String {
    let status = response.status().as_u16();
    let to = response.headers().get(LOCATION);
    let to = to.and_then(|to| url.join(to.to_str().ok()?).ok());
    match to {
        Some(to) => {
            let origin = said(&to.origin().ascii_serialization(), 200);
            format!("it redirects to {origin} (HTTP {status}), which is not followed")
        }
        None => format!("it redirects to nowhere (HTTP {status})"),
    }
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}
