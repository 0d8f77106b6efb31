//! Rules for texts with holes: URLs, headers, query parameters.

use super::{At, Lint};
use crate::{
    catalog::manifest::{Manifest, Way},
    name::nearest,
    template::{Hole, Template},
};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Header names that carry a credential, by a part of them.
const CREDENTIAL_HEADERS: &[&str] = &["authorization", "api-key", "apikey", "token", "secret"];
/// Secrets that a sign-in makes, beside what is asked for.
const SIGNED_IN: &[&str] = &["token", "access_token", "client_secret", "private_key"];

/// Which holes may stand somewhere, and which of them came to be used.
pub(super) struct Scope {
    params: BTreeSet<String>,
    /// Those that may come out empty.
    optional: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Scope {
    /// For what is common to all ways.
    pub(super) fn all(manifest: &Manifest) -> Self {
        let mut all = Self::none();
        for way in &manifest.auth {
            let of = Self::of(manifest, way);
            all.params.extend(of.params);
            all.optional.extend(of.optional);
            all.secrets.extend(of.secrets);
        }
        all
    }

    /// For what is said for one way.
    pub(super) fn of(manifest: &Manifest, way: &Way) -> Self {
        let mut scope = Self::none();
        for param in manifest.params_of(way) {
            scope.params.insert(param.name.clone());
            if param.optional && param.default.is_none() {
                scope.optional.insert(param.name.clone());
            }
        }
        let steps = || way.login.iter().flat_map(|login| &login.steps);
        scope.params.extend(steps().filter_map(|step| Some(step.choose.as_ref()?.param.clone())));
        let account = way.oauth.as_ref().and_then(|oauth| oauth.account.as_ref());
        scope.params.extend(account.map(|account| account.param.clone()));
        scope.secrets.extend(way.secrets.iter().map(|ask| ask.name.clone()));
        scope.secrets.extend(steps().flat_map(|step| step.save.keys().cloned()));
        let like = way.split.as_ref().and_then(|split| split.like.parse::<Template>().ok());
        for hole in like.iter().flat_map(Template::holes) {
            match hole {
                Hole::Param(name) => drop(scope.params.insert(name.clone())),
                Hole::Secret(name) => drop(scope.secrets.insert(name.clone())),
                _ => {}
            }
        }
        if let Some(split) = &way.split {
            // It is taken apart and not kept.
            scope.secrets.remove(&split.from);
        }
        if way.oauth.is_some() || matches!(way.kind.word(), "oauth" | "client-credentials") {
            scope.secrets.extend(SIGNED_IN.iter().map(|name| (*name).to_owned()));
        }
        scope
    }

    fn none() -> Self {
        Self { params: BTreeSet::new(), optional: BTreeSet::new(), secrets: BTreeSet::new() }
    }

    /// With what is typed for a login as well.
    pub(super) fn with_secrets<'a>(mut self, more: impl Iterator<Item = &'a str>) -> Self {
        self.secrets.extend(more.map(str::to_owned));
        self
    }
}

impl Lint<'_> {
    /// A text whose holes are known; the parsed text.
    pub(super) fn template(&mut self, at: &At, source: &str, scope: &Scope) -> Option<Template> {
        let template = match source.parse::<Template>() {
            Ok(template) => template,
            Err(error) => {
                self.error(at, error.to_string());
                return None;
            }
        };
        for hole in template.holes() {
            let (what, name, known) = match hole {
                Hole::Param(name) => ("parameter", name, &scope.params),
                Hole::Secret(name) => ("secret", name, &scope.secrets),
                Hole::Env(_) => {
                    self.error(
                        at,
                        "a manifest takes nothing from the environment; use a parameter",
                    );
                    continue;
                }
                Hole::OrgId | Hole::UserId => continue,
            };
            if !known.contains(name) {
                let near = nearest(name, known.iter().map(String::as_str));
                let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                self.error(at, format!("uses the {what} {name:?}, which nothing asks for{near}"));
            }
        }
        Some(template)
    }

    /// A URL that may have holes: https, or http on this machine.
    pub(super) fn url(&mut self, at: &At, source: &str, scope: &Scope) {
        let Some(template) = self.template(at, source, scope) else { return };
        for hole in template.holes() {
            let empty = match hole {
                Hole::Param(name) => scope.optional.contains(name),
                Hole::OrgId | Hole::UserId => true,
                _ => false,
            };
            if empty {
                self.error(
                    at,
                    format!(
                        "{hole} may be unset; only a query parameter or a header can be left out"
                    ),
                );
            }
        }
        if source.starts_with("${param:") {
            // The user says the whole of it; it is checked when it is known.
            return;
        }
        let filled = template.expand(|_| Some(crate::secret::Secret::new("x".to_owned())));
        if let Ok(filled) = filled {
            self.plain_url(at, filled.expose());
        }
    }

    /// A page that people are sent to.
    pub(super) fn page(&mut self, at: &At, page: &str) {
        if page.contains("${") {
            let filled = page.replace("${", "").replace('}', "");
            return self.plain_url(at, &filled.replace("param:", ""));
        }
        self.plain_url(at, page);
    }

    fn plain_url(&mut self, at: &At, text: &str) {
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return self.error(at, format!("is no URL: {error}")),
        };
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => self.error(at, "use https; http is for this machine alone"),
            _ => self.error(at, "use https"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.error(at, "no user and no password may stand in it");
        }
    }

    pub(super) fn headers(&mut self, at: &At, headers: &BTreeMap<String, String>, scope: &Scope) {
        for (name, value) in headers {
            let at = at.key(name);
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.error(&at, "is no name of a header");
            }
            let template = self.template(&at, value, scope);
            let low = name.to_ascii_lowercase();
            let carries = CREDENTIAL_HEADERS.iter().any(|part| low.contains(part));
            if carries && template.is_some_and(|template| template.holes().next().is_none()) {
                self.error(&at, "is a credential in plain text; ask for it as a secret");
            }
        }
    }

    pub(super) fn query(&mut self, at: &At, query: &BTreeMap<String, String>, scope: &Scope) {
        for (name, value) in query {
            let at = at.key(name);
            let ok = |b: u8| b.is_ascii_alphanumeric() || b"_.-[]".contains(&b);
            if name.is_empty() || !name.bytes().all(ok) {
                self.error(&at, "use letters, digits and _ . - [ ] for a query parameter");
            }
            self.template(&at, value, scope);
        }
    }
}
