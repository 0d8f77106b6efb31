//! What is typed once and exchanged for a key, and the key taken back.

use super::{
    answer::{self, Got, Means},
    body::Node,
    json, path,
    request::{JSON, Request},
    send,
    told::failed_in_words,
};
use crate::{
    catalog::manifest::{Choose, Http, Step},
    net::Route,
    secret::Secret,
    template::{Hole, Template},
    upstream::{deadline::Deadline, failure::Failure, said::said},
    wire::splice,
};
use bytes::Bytes;
use http::{
    HeaderMap, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Most that a choice is made of.
const MAX_OPTIONS: usize = 1000;

/// A login under way: its steps in their order, with a stop wherever somebody has to choose.
pub(crate) struct Login<'a> {
    http: &'a Http,
    steps: &'a [Step],
    at: usize,
    params: BTreeMap<String, String>,
    /// What was typed; forgotten with the login.
    typed: BTreeMap<String, Secret<String>>,
    saved: BTreeMap<String, Secret<String>>,
}

/// What a login has come to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The secrets to keep, by name.
    Done(BTreeMap<String, Secret<String>>),
    /// Somebody has to choose: [`Login::choose`], and go on.
    Choose(Choice),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) param: String,
    pub(crate) title: String,
    /// Value and label.
    pub(crate) options: Vec<(String, String)>,
}

impl<'a> Login<'a> {
    pub(crate) fn new(
        http: &'a Http,
        steps: &'a [Step],
        params: BTreeMap<String, String>,
        typed: BTreeMap<String, Secret<String>>,
    ) -> Self {
        // A server may repeat what it was sent.
        typed.values().for_each(crate::log::redact);
        Self { http, steps, at: 0, params, typed, saved: BTreeMap::new() }
    }

    /// The parameters with those that were chosen.
    pub(crate) fn params(&self) -> &BTreeMap<String, String> {
        &self.params
    }

    pub(crate) fn choose(&mut self, param: &str, value: &str) {
        self.params.insert(param.to_owned(), value.to_owned());
    }

    /// Goes on to the end or to the next choice. A step is never sent twice.
    pub(crate) async fn go_on(
        &mut self,
        route: &Route,
        base: &Url,
        deadline: &Deadline,
    ) -> Result<Progress, Failure> {
        while let Some(step) = self.steps.get(self.at) {
            let answer = self.step(step, route, base, deadline).await?;
            self.at += 1;
            for (name, place) in &step.save {
                let found = json::at(&answer, place).filter(|it| json::is_something(it));
                let found = found.ok_or_else(|| unlike(place))?;
                let secret = Secret::new(json::plain(&found));
                crate::log::redact(&secret);
                self.saved.insert(name.clone(), secret);
            }
            if let Some(choose) = &step.choose
                && !self.params.contains_key(&choose.param)
            {
                let mut options = options(choose, &answer)?;
                if options.len() > 1 {
                    let (param, title) = (choose.param.clone(), choose.title.clone());
                    return Ok(Progress::Choose(Choice { param, title, options }));
                }
                let (value, _) = options.remove(0);
                self.choose(&choose.param, &value);
            }
        }
        Ok(Progress::Done(std::mem::take(&mut self.saved)))
    }

    async fn step(
        &self,
        step: &Step,
        route: &Route,
        base: &Url,
        deadline: &Deadline,
    ) -> Result<Bytes, Failure> {
        let request = self.request(step, base)?;
        let got: Got = send::once(route, &request, deadline).await?;
        match answer::understand(self.http, &got) {
            Means::Success(json) => Ok(json),
            Means::Nothing => Ok(Bytes::from_static(b"{}")),
            Means::Odd(detail) => Err(Failure::NotMcp { detail }),
            Means::Refused(refusal) => Err(failed_in_words(refusal)),
        }
    }

    fn request(&self, step: &Step, base: &Url) -> Result<Request, Failure> {
        let method = Method::from_bytes(step.method.as_bytes())
            .map_err(|_| unfit(&format!("{:?} is not an HTTP method", step.method)))?;
        let below = self.fill(&step.path, |value| {
            let mut out = String::new();
            path::encode(value, &mut out);
            out
        })?;
        let url = path::join(base, below.expose()).ok_or_else(|| unfit("the path of a step"))?;
        let mut headers = HeaderMap::from_iter([(ACCEPT, JSON)]);
        let mut body = None;
        if !step.body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
            let mut node = Node::default();
            for (key, value) in &step.body {
                node.put(key, self.fill_in(value)?.to_string().into());
            }
            let mut out = Vec::new();
            node.write(&mut out);
            body = Some(out.into());
        }
        Ok(Request { method, url: Secret::new(url), headers, body })
    }

    /// The same value with its templates filled.
    fn fill_in(&self, value: &Value) -> Result<Value, Failure> {
        Ok(match value {
            Value::String(text) => self.fill(text, str::to_owned)?.into_inner().into(),
            Value::Array(all) => {
                Value::Array(all.iter().map(|one| self.fill_in(one)).collect::<Result<_, _>>()?)
            }
            Value::Object(all) => {
                let all = all.iter().map(|(key, one)| Ok((key.clone(), self.fill_in(one)?)));
                Value::Object(all.collect::<Result<_, Failure>>()?)
            }
            other => other.clone(),
        })
    }

    fn fill(
        &self,
        text: &str,
        as_part: impl Fn(&str) -> String,
    ) -> Result<Secret<String>, Failure> {
        let template: Template = text.parse().map_err(|error| unfit(&format!("{error}")))?;
        let value = |hole: &Hole| match hole {
            Hole::Secret(name) => {
                let found = self.typed.get(name).or_else(|| self.saved.get(name))?;
                Some(Secret::new(as_part(found.expose())))
            }
            Hole::Param(name) => self.params.get(name).map(|it| Secret::new(as_part(it))),
            _ => None,
        };
        template.expand(value).map_err(|error| unfit(&error.to_string()))
    }
}

fn options(choose: &Choose, answer: &Bytes) -> Result<Vec<(String, String)>, Failure> {
    let list = json::at(answer, &choose.list).ok_or_else(|| unlike(&choose.list))?;
    let mut options = Vec::new();
    for range in splice::elements(&list).take(MAX_OPTIONS) {
        let one = list.slice(range);
        let Some(value) = json::at(&one, &choose.value) else { continue };
        let label = json::at(&one, &choose.label).unwrap_or_else(|| value.clone());
        options.push((json::plain(&value), said(&json::plain(&label), 120)));
    }
    if options.is_empty() {
        let detail = format!("it knows no {} of this login", choose.title.to_lowercase());
        return Err(Failure::Status { status: 404, detail, error: None });
    }
    Ok(options)
}

fn unlike(place: &str) -> Failure {
    Failure::NotMcp { detail: format!("its answer has no {:?}", said(place, 60)) }
}

fn unfit(detail: &str) -> Failure {
    let detail = format!("its manifest cannot be used: {}", said(detail, 200));
    Failure::Status { status: 400, detail, error: None }
}
