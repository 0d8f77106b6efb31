//! What must not be connected, found before anything is sent: URLs that are none, and secrets
//! that were about to be written into the configuration.

use super::{ConnectError, Request};
use crate::{
    auth::EnvLookup,
    kind::AuthKind,
    net,
    secret::{Secret, holds_credential, path_secret},
    template::{Hole, Template, TemplateError},
};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// A request's templates, parsed.
pub(super) struct Target {
    pub(super) url: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) params: BTreeMap<String, Template>,
    pub(super) host: String,
}

impl Target {
    pub(super) fn needs_secret(&self) -> bool {
        self.templates().any(Template::needs_secret)
    }

    pub(super) fn secret_names(&self) -> BTreeSet<String> {
        let names = self.templates().flat_map(Template::holes).filter_map(|hole| match hole {
            Hole::Secret(name) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }

    /// An error when a hole other than a secret's would stay empty.
    pub(super) fn all_set(&self, request: &Request, env: &EnvLookup) -> Result<(), ConnectError> {
        let empty = |hole: &&Hole| match hole {
            Hole::Secret(_) => false,
            Hole::Env(name) => env(name).is_none(),
            Hole::Param(name) => !self.params.contains_key(name),
            Hole::OrgId => request.tenant.org.is_none(),
            Hole::UserId => request.tenant.user.is_none(),
        };
        match self.templates().flat_map(Template::holes).find(empty) {
            Some(hole) => Err(ConnectError::Unset { hole: hole.clone() }),
            None => Ok(()),
        }
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.url)
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(self.params.values())
    }
}

/// Parses the templates of a new connection and refuses what must not be saved.
pub(super) fn check(request: &Request) -> Result<Target, ConnectError> {
    if request.auth == Some(AuthKind::None) && !request.secrets.is_empty() {
        return Err(ConnectError::Refused("--auth none takes no key, and one is given".to_owned()));
    }
    let target = parse(request)?;
    literal_in_query(request, &target.host)?;
    literal_in_path(request, &target.host)?;
    for (name, value) in &target.headers {
        if holds_credential(name) && value.holes().next().is_none() {
            return Err(ConnectError::Refused(format!(
                "--header {name:?}: a secret on the command line can be read by others; write \
                 --header '{name}: ${{secret:token}}' and give the value by --token-stdin or \
                 --token-file"
            )));
        }
    }
    Ok(target)
}

/// Parses a request's templates.
pub(super) fn parse(request: &Request) -> Result<Target, ConnectError> {
    let bad_url = |why: &str| ConnectError::Url { url: shown(&request.url), why: why.to_owned() };
    let url: Template = request.url.parse().map_err(|e: TemplateError| bad_url(&e.to_string()))?;
    // Holes are filled with a word to see the shape of the URL.
    let shape =
        url.expand(|_| Some(Secret::new("x".to_owned()))).map_err(|e| bad_url(&e.to_string()))?;
    let parsed = Url::parse(shape.expose()).map_err(|e| bad_url(&e.to_string()))?;
    if let Some(why) = net::refuse_scheme(&parsed, false) {
        return Err(bad_url(why));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(bad_url(
            "it holds a user or password; give the secret by --token-stdin and --header",
        ));
    }
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        headers.push((name.clone(), header(name, value)?));
    }
    let mut params = BTreeMap::new();
    for (name, value) in &request.params {
        let refused = |e: TemplateError| ConnectError::Refused(format!("--param {name}: {e}"));
        params.insert(name.clone(), value.parse().map_err(refused)?);
    }
    let host = parsed.host_str().unwrap_or_default().to_owned();
    Ok(Target { url, headers, params, host })
}

fn header(name: &str, value: &str) -> Result<Template, ConnectError> {
    let refused = |why: String| ConnectError::Refused(format!("--header {name:?}: {why}"));
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(refused("that is not a header name".to_owned()));
    }
    value.parse().map_err(|e: TemplateError| refused(e.to_string()))
}

/// Refuses `?token=…` with a value in it: a URL is written to the configuration as it is.
fn literal_in_query(request: &Request, host: &str) -> Result<(), ConnectError> {
    const WORDS: &[&str] = &["token", "key", "secret", "password", "auth", "sig", "signature"];
    let source = request.url.split('#').next().unwrap_or_default();
    let Some((_, query)) = source.split_once('?') else { return Ok(()) };
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let lower = name.to_ascii_lowercase();
        let secret = WORDS.iter().any(|w| {
            lower == *w
                || lower.ends_with(&format!("_{w}"))
                || lower.ends_with(&format!("-{w}"))
                || lower == format!("api{w}")
        });
        if secret && !value.is_empty() && !value.contains("${") {
            return Err(ConnectError::Refused(format!(
                "the URL of {host} holds a secret in {name:?}; write {name}=${{secret:token}} there \
                 and give the value by --token-stdin or --token-file"
            )));
        }
    }
    Ok(())
}

/// Refuses the URLs that are known to have a secret in their path, where it stands as it is.
fn literal_in_path(request: &Request, host: &str) -> Result<(), ConnectError> {
    let whole = request.url.split(['?', '#']).next().unwrap_or_default();
    let path = whole.split_once("://").map_or(whole, |(_, rest)| rest);
    if path_secret(host, path).is_none() {
        return Ok(());
    }
    let remedy = match host {
        "mcp.firecrawl.dev" => {
            "give the key itself: allmcp connect firecrawl --auth key --token-stdin"
        }
        host if host.ends_with(".make.com") => {
            "write /u/${secret:token}/ there and give the token by --token-stdin or --token-file"
        }
        _ => "it is a webhook of Bitrix24's: allmcp connect bitrix24 --token-stdin takes it",
    };
    Err(ConnectError::Refused(format!("the URL of {host} holds a secret in its path; {remedy}")))
}

/// A URL for an error message: without its query, which may hold a secret.
fn shown(url: &str) -> String {
    let cut = url.split(['?', '#']).next().unwrap_or_default();
    let cut = cut.rsplit_once('@').map_or(cut, |(_, host)| host);
    crate::text::line(cut, 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Request { url: url.to_owned(), headers, ..Request::default() }
    }

    #[test]
    fn secrets_on_the_command_line_are_refused_and_not_repeated() {
        for (url, headers) in [
            ("https://x.example/?token=canary", &[][..]),
            ("https://x.example/?a=1&api_key=canary", &[]),
            ("https://u:canary@x.example/", &[]),
            ("https://acme.bitrix24.com/rest/1/canary-code/", &[]),
            ("https://crm.example/rest/1/abc123canary/", &[]),
            ("https://mcp.firecrawl.dev/fc-canary/v2/mcp", &[]),
            ("https://eu1.make.com/mcp/api/v1/u/canary/sse", &[]),
            ("https://x.example/", &[("Authorization", "Bearer canary")]),
            ("https://x.example/", &[("X-API-Key", "canary")]),
        ] {
            let error = check(&request(url, headers)).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn templates_and_plain_headers_pass() {
        let headers = &[("Authorization", "Bearer ${secret:t}"), ("x-user", "a@b.c")];
        let target =
            check(&request("https://x.example/${param:w}?key=${secret:k}", headers)).unwrap();
        assert_eq!(target.secret_names().into_iter().collect::<Vec<_>>(), ["k", "t"]);
        assert_eq!(target.host, "x.example");
        for url in [
            "https://acme.bitrix24.com/rest/1/${secret:code}/",
            "https://eu1.make.com/mcp/api/v1/u/${secret:token}/sse",
            "https://mcp.firecrawl.dev/v2/mcp",
            "https://x.example/rest/1/project-items",
        ] {
            assert!(check(&request(url, &[])).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_named() {
        for bad in
            ["kommo", "http://x.example/", "file:///etc/passwd", "https://${nope}/", "https://"]
        {
            assert!(matches!(check(&request(bad, &[])), Err(ConnectError::Url { .. })), "{bad}");
        }
    }
}
