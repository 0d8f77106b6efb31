//! One exchange with the vendor, within its limits.

use super::{
    HttpApi, Sending,
    answer::{self, Got, Means, Refusal},
    limit::{self, PATIENCE},
    request::Request,
};
use crate::{
    catalog::manifest::{Effect, Http, Meaning, Tool},
    net::{Class, Response, Route},
    task,
    upstream::{
        deadline::Deadline,
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

/// A larger answer is read off the main thread, as a large message is.
pub(super) const LARGE: usize = 256 * 1024;

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
            let got = once(sending.route, request, sending.deadline).await?;
            let retry_after = got.retry_after;
            let means = Self::read(http, got).await?;
            let wait = match &means {
                Means::Refused(Refusal { meaning: Meaning::RateLimited, .. }) => {
                    retry_after.unwrap_or_else(|| limit::usual_pause(&http.rate))
                }
                Means::Refused(Refusal { meaning: Meaning::Unavailable, .. }) => {
                    retry_after.unwrap_or_default()
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

    /// What an answer means. A large one is read where it holds nobody up.
    async fn read(http: &Http, got: Got) -> Result<Means, Failure> {
        if got.body.len() <= LARGE {
            return Ok(answer::understand(http, &got));
        }
        let http = http.clone();
        aside(move || answer::understand(&http, &got)).await
    }
}

/// Runs what takes long off the thread that everything else runs on.
pub(super) async fn aside<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let unread = |_| Failure::NotMcp { detail: "its answer could not be read".to_owned() };
    task::blocking(job).await.map_err(unread)
}

/// Sends a request, and takes the whole answer.
pub(super) async fn once(
    route: &Route,
    request: &Request,
    deadline: &Deadline,
) -> Result<Got, Failure> {
    let Request { method, url, headers, body: content } = request;
    let sent = route.send(method.clone(), url.expose(), headers.clone(), content.clone());
    let sent = deadline.run(sent).await.map_err(Failure::elapsed("answer", true))?;
    let response = sent.map_err(|(class, detail)| {
        let detail = said(&detail, 300);
        match class {
            Class::Connect => Failure::NotSent { detail, timed_out: false },
            Class::ConnectTimeout => Failure::NotSent { detail, timed_out: true },
            Class::Broken => Failure::Broken { detail },
            Class::Request => Failure::NotMcp { detail },
        }
    })?;
    let status = response.status().as_u16();
    if (300..400).contains(&status) {
        // Never followed: the credential is for this place, and so is the request.
        return Err(Failure::NotMcp { detail: moved(&response, url.expose()) });
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let html = content_type(&response) == "text/html";
    let body = body(response, MAX_MESSAGE, deadline).await?;
    Ok(Got { status, retry_after, html, body })
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
