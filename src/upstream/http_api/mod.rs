//! A REST API as tools, as a manifest of `kind = "http"` describes it.
//!
//! Nothing here knows a vendor: paths, arguments, errors, pages and limits are all the manifest's.
//! To the rest of the room this is an upstream like any other: it makes the tool objects and the
//! results that a server would have sent, and fails with the same [`Failure`]s, so that renewal,
//! breaker and log are the same. What a model can mend by itself comes back as a result with
//! `isError`.

mod answer;
mod args;
mod body;
mod json;
mod less;
mod limit;
mod login;
mod pages;
mod path;
mod request;
mod schema;
mod send;
#[cfg(test)]
mod tests;
mod told;
mod value;

pub use limit::Limits;
pub(crate) use login::{Choice, Login, Progress};

use self::{
    answer::{Means, Refusal},
    request::{Source, Wrong},
    send::Tries,
    told::{failed, no_tool, unfit},
};
use crate::{
    auth::{AuthError, Prepared},
    catalog::manifest::{Effect, Http, Manifest, Meaning, Shape, Tool, Way},
    net::Route,
    secret::Secret,
    template::{Hole, Template},
    upstream::{deadline::Deadline, failure::Failure, said::said},
};
use bytes::Bytes;
use serde_json::Map;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Fills a template of the manifest with the values of one connection: those that
/// [`Prepared`] was made of, of the same generation.
pub(crate) trait Fill: Sync {
    fn fill(&self, template: &Template) -> Result<Secret<String>, AuthError>;
}

/// What one call needs of the connection.
pub(crate) struct Sending<'a> {
    pub(super) route: &'a Route,
    /// `url` is the base URL, `headers` are the manifest's and the way's.
    pub(super) prepared: &'a Prepared,
    pub(super) fill: &'a dyn Fill,
    /// Whose limits count: the same text for every connection to the same account.
    pub(super) account: &'a str,
    pub(super) deadline: &'a Deadline,
    /// Set before something is sent that may change something.
    pub(super) left: &'a AtomicBool,
}

/// One REST API, signed in to in one way.
pub(crate) struct HttpApi {
    manifest: Arc<Manifest>,
    way: usize,
    limits: Limits,
    /// The request that shows that the credential works.
    check: Tool,
    /// `${secret:N}` for every secret that goes into a request.
    secrets: Vec<Template>,
    /// The generation of those that are known to be secrets by now.
    redacted: AtomicU64,
}

/// Why a manifest makes no API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the provider {0} is not a REST API")]
    NotHttp(String),
    #[error("the provider {provider} knows no way {way:?} to sign in")]
    NoWay { provider: String, way: String },
}

impl HttpApi {
    /// The API of `manifest`, signed in to by the way with the id `way`. Its limits are counted
    /// in `limits`.
    pub(crate) fn new(
        manifest: Arc<Manifest>,
        way: &str,
        limits: Limits,
    ) -> Result<Self, ApiError> {
        let Some(http) = &manifest.http else {
            return Err(ApiError::NotHttp(manifest.id.clone()));
        };
        let no_way = || ApiError::NoWay { provider: manifest.id.clone(), way: said(way, 40) };
        let at = manifest.auth.iter().position(|one| one.id == way).ok_or_else(no_way)?;
        let secrets = secrets(http, &manifest.auth[at]);
        let check = check_tool(http);
        let redacted = AtomicU64::new(u64::MAX);
        Ok(Self { way: at, limits, check, secrets, redacted, manifest })
    }

    /// The tool objects, in the order of the manifest.
    pub(crate) fn tools(&self) -> Vec<Bytes> {
        self.manifest.tools.iter().map(schema::tool).collect()
    }

    fn way(&self) -> &Way {
        &self.manifest.auth[self.way]
    }

    fn http(&self) -> Option<&Http> {
        self.manifest.http.as_ref()
    }

    /// Runs one `tools/call` to its end; the text of its result. `arguments` is a valid JSON
    /// object, or empty.
    pub(crate) async fn call(
        &self,
        sending: &Sending<'_>,
        name: &str,
        arguments: &Bytes,
    ) -> Result<Bytes, Failure> {
        let tool = self.manifest.tools.iter().find(|tool| tool.name == name);
        let (Some(tool), Some(http)) = (tool, self.http()) else {
            return Err(no_tool(name));
        };
        let read = args::read(tool, arguments)
            .and_then(|mut args| pages::ask(tool, http, &mut args).map(|page| (args, page)));
        let (args, page) = match read {
            Ok(read) => read,
            Err(wrong) => return Ok(answer::error(&format!("{wrong}. Nothing was sent."))),
        };
        let request = match self.build(sending, tool, &args, page) {
            Ok(request) => request,
            Err(Wrong::Argument(wrong)) => {
                return Ok(answer::error(&format!("{wrong}. Nothing was sent.")));
            }
            Err(wrong) => return Err(unfit(wrong)),
        };
        let tries = if tool.effect == Effect::Read { Tries::Two } else { Tries::One };
        let (means, wait) = match self.exchange(sending, tool, http, &request, tries).await? {
            send::Done::Answered(means, wait) => (means, wait),
            send::Done::Full(wait) => return Ok(self.later("", wait)),
        };
        match means {
            Means::Success(json) if json.len() > send::LARGE => {
                drop(args);
                self.large(tool, arguments, json).await
            }
            Means::Success(json) => Ok(answer::result(tool, http, &args, Some(&json))),
            Means::Nothing => Ok(answer::result(tool, http, &args, None)),
            Means::Odd(detail) => Err(Failure::NotMcp { detail }),
            Means::Refused(refusal) => self.refused(tool, sending, refusal, wait),
        }
    }

    /// Sends the request that the manifest names for it. What comes back is whose account it is,
    /// for people, where the vendor says so.
    pub(crate) async fn check(&self, sending: &Sending<'_>) -> Result<Option<String>, Failure> {
        let Some(http) = self.http() else { return Ok(None) };
        let args = args::Args { given: Vec::new(), cursor: None, full: true, rest: None };
        let request = self.build(sending, &self.check, &args, None).map_err(unfit)?;
        let done = self.exchange(sending, &self.check, http, &request, Tries::Two).await?;
        let (means, wait) = match done {
            send::Done::Answered(means, wait) => (means, wait),
            send::Done::Full(wait) => {
                let detail = "its limit is reached".to_owned();
                return Err(Failure::Busy { status: 429, retry_after: Some(wait), detail });
            }
        };
        match means {
            Means::Success(json) => {
                let place = http.check.account.as_ref();
                let found = place.and_then(|place| json::at(&json, place));
                let text = found.map(|it| said(&json::plain(&it), 120));
                Ok(text.filter(|text| !text.is_empty()))
            }
            Means::Nothing => Ok(None),
            Means::Odd(detail) => Err(Failure::NotMcp { detail }),
            Means::Refused(refusal) => Err(failed(refusal, sending, wait)),
        }
    }

    /// The result of a large answer, made where it holds nobody up.
    async fn large(&self, tool: &Tool, arguments: &Bytes, json: Bytes) -> Result<Bytes, Failure> {
        let (manifest, tool) = (Arc::clone(&self.manifest), tool.clone());
        let arguments = arguments.clone();
        let made = send::aside(move || {
            let http = manifest.http.as_ref()?;
            let args = args::read(&tool, &arguments).ok()?;
            Some(answer::result(&tool, http, &args, Some(&json)))
        });
        let unread = || Failure::NotMcp { detail: "its answer could not be read".to_owned() };
        made.await?.ok_or_else(unread)
    }

    fn build(
        &self,
        sending: &Sending<'_>,
        tool: &Tool,
        args: &args::Args<'_>,
        page: Option<pages::Asked>,
    ) -> Result<request::Request, Wrong> {
        // Whatever comes of it, nothing of ours repeats them.
        let generation = sending.prepared.generation;
        if self.redacted.swap(generation, Ordering::Relaxed) != generation {
            for secret in &self.secrets {
                if let Ok(value) = sending.fill.fill(secret) {
                    crate::log::redact(&value);
                }
            }
        }
        let lists = self.http().map(|http| http.lists).unwrap_or_default();
        let source =
            Source { way: self.way(), lists, prepared: sending.prepared, fill: sending.fill };
        request::build(tool, args, page, &source)
    }

    /// What the model can do about it is told to the model; the rest is for the room.
    fn refused(
        &self,
        tool: &Tool,
        sending: &Sending<'_>,
        refusal: Refusal,
        wait: Duration,
    ) -> Result<Bytes, Failure> {
        let name = &self.manifest.name;
        let detail = &refusal.detail;
        let mut text = match refusal.meaning {
            Meaning::NeedsAuth | Meaning::Unavailable => {
                return Err(failed(refusal, sending, wait));
            }
            Meaning::RateLimited => return Ok(self.later(&format!(" ({detail})"), wait)),
            Meaning::Denied => format!("{name} does not allow this to the account ({detail})"),
            Meaning::NotFound => format!("{name} has found nothing there ({detail})"),
            Meaning::Invalid => {
                let blamed = answer::blamed(tool, detail).map(|it| format!("; {it}"));
                format!("{name} refused the arguments ({detail}){}", blamed.unwrap_or_default())
            }
            Meaning::Failed | Meaning::Empty => format!("{name} could not do this ({detail})"),
        };
        if let Some(hint) = &refusal.hint {
            text.push_str(". ");
            text.push_str(hint);
        }
        Ok(answer::error(&text))
    }

    fn later(&self, detail: &str, wait: Duration) -> Bytes {
        let name = &self.manifest.name;
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        answer::error(&format!(
            "{name} limits how often it may be asked{detail}; try again in {seconds} s"
        ))
    }
}

fn check_tool(http: &Http) -> Tool {
    Tool {
        name: "check".to_owned(),
        title: None,
        description: String::new(),
        group: None,
        method: http.check.method.clone(),
        path: http.check.path.clone(),
        effect: Effect::Read,
        idempotent: true,
        args: Vec::new(),
        query: BTreeMap::new(),
        body: Map::new(),
        shape: Shape::Object,
        pages: None,
        result: None,
        keep: Vec::new(),
    }
}

/// A template for each secret of a way.
fn secrets(http: &Http, way: &Way) -> Vec<Template> {
    let texts = way.headers.values().chain(way.query.values()).chain(way.body.values());
    let texts = texts.chain(http.headers.values()).chain([&http.base_url]).chain(&way.url);
    let mut names: Vec<String> = Vec::new();
    for template in texts.filter_map(|text| text.parse::<Template>().ok()) {
        for hole in template.holes() {
            if let Hole::Secret(_) = hole {
                names.push(hole.to_string());
            }
        }
    }
    names.sort();
    names.dedup();
    names.iter().filter_map(|name| name.parse().ok()).collect()
}
