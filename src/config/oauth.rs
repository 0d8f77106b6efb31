//! Reading `[connections.NAME.oauth]`, and writing it.

use super::{
    edit::{headed, put},
    read::{Reader, in_order},
    schema,
    value::{self, filled, integer, text, texts, word},
};
use crate::{
    kind::{AuthorizeParam, Pkce, TokenBody},
    template::Template,
};
use std::collections::BTreeMap;
use toml::{Spanned, de::DeValue};
use toml_edit::{Array, Table};
use url::Url;

/// How a connection signs in; whatever is left out is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuth {
    /// The client that the user registered by hand.
    pub client_id: Option<String>,
    /// URL of a client ID metadata document.
    pub client_metadata_url: Option<String>,
    /// Added to what the server asks for.
    pub scopes: Vec<String>,
    pub resource: Resource,
    /// The issuer that the user trusts, whatever the server's metadata says of itself.
    pub issuer: Option<String>,
    pub callback_port: Option<u16>,
    pub callback_host: Option<String>,
    pub authorize_params: BTreeMap<String, String>,
    /// Left out of the authorization request.
    pub authorize_omit: Vec<AuthorizeParam>,
    pub pkce: Option<Pkce>,
    /// Where clients are registered, whatever the server's metadata says.
    pub registration_url: Option<Template>,
    /// Where consent is given and tokens are: with both nothing is looked up (deviation 36).
    pub authorize_url: Option<Template>,
    pub token_url: Option<Template>,
    pub revoke_url: Option<Template>,
    pub token_body: TokenBody,
    /// Added to every token request.
    pub token_params: BTreeMap<String, String>,
}

impl OAuth {
    /// What is wrong with the keys of a manual profile together: each by itself may be right.
    ///
    /// It is no finding of one key, or `config set` could never write the first of the two.
    pub(super) fn incomplete(&self) -> Option<String> {
        let missing = |has: &str, lacks: &str| {
            Some(format!("{has} is set and {lacks} is missing: they only work together"))
        };
        match (&self.authorize_url, &self.token_url) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => missing("authorize_url", "token_url"),
            (None, Some(_)) => missing("token_url", "authorize_url"),
            (None, None) => {
                let alone = [
                    ("revoke_url", self.revoke_url.is_some()),
                    ("token_body", self.token_body != TokenBody::default()),
                    ("token_params", !self.token_params.is_empty()),
                ];
                let (key, _) = alone.into_iter().find(|(_, is_set)| *is_set)?;
                Some(format!("{key} needs authorize_url and token_url, and they are missing"))
            }
        }
    }
}

/// What is sent as `resource` (RFC 8707).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Resource {
    /// What the server's metadata says.
    #[default]
    Announced,
    /// `resource = false`.
    Never,
    Exactly(String),
}

impl Reader<'_> {
    pub(super) fn oauth(&mut self, path: &str, value: &Spanned<DeValue<'_>>, out: &mut OAuth) {
        let (path, table) = self.sub(path, "oauth", value);
        for (key, at, v) in table.map(in_order).unwrap_or_default() {
            match key {
                "client_id" => {
                    self.put(&path, key, v, |v| filled(v).map(Some), &mut out.client_id);
                }
                "client_metadata_url" => {
                    self.put(&path, key, v, https, &mut out.client_metadata_url);
                }
                "scopes" => self.put(&path, key, v, scopes, &mut out.scopes),
                "resource" => self.put(&path, key, v, resource, &mut out.resource),
                "issuer" => self.put(&path, key, v, |v| filled(v).map(Some), &mut out.issuer),
                "callback_port" => self.put(&path, key, v, port, &mut out.callback_port),
                "callback_host" => self.put(&path, key, v, host, &mut out.callback_host),
                "authorize_params" => self.params(&path, key, v, &mut out.authorize_params),
                "authorize_omit" => self.put(&path, key, v, omitted, &mut out.authorize_omit),
                "pkce" => self.put(&path, key, v, |v| word(v).map(Some), &mut out.pkce),
                "registration_url" => {
                    self.put(&path, key, v, endpoint, &mut out.registration_url);
                }
                "authorize_url" => self.put(&path, key, v, endpoint, &mut out.authorize_url),
                "token_url" => self.put(&path, key, v, endpoint, &mut out.token_url),
                "revoke_url" => self.put(&path, key, v, endpoint, &mut out.revoke_url),
                "token_body" => self.put(&path, key, v, word, &mut out.token_body),
                "token_params" => self.params(&path, key, v, &mut out.token_params),
                _ => self.unknown(&format!("{path}."), key, at, schema::OAUTH),
            }
        }
    }

    fn params(
        &mut self,
        path: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        out: &mut BTreeMap<String, String>,
    ) {
        let (path, params) = self.sub(path, key, value);
        for (key, _, v) in params.map(in_order).unwrap_or_default() {
            let mut value = String::new();
            self.put(&path, key, v, text, &mut value);
            out.insert(key.to_owned(), value);
        }
    }
}

/// It is shown to a browser and kept beside the tokens, so no secret goes into it.
fn endpoint(value: &DeValue<'_>) -> Result<Option<Template>, String> {
    let template = value::url(value)?;
    if template.needs_secret() {
        return Err("must not have a ${secret:…} in it".to_owned());
    }
    Ok(Some(template))
}

fn https(value: &DeValue<'_>) -> Result<Option<String>, String> {
    let text = filled(value)?;
    match Url::parse(&text) {
        Ok(url) if url.scheme() == "https" && url.path() != "/" => Ok(Some(text)),
        _ => Err("must be an https URL with a path".to_owned()),
    }
}

/// One text with spaces between them is how OAuth itself writes scopes.
fn scopes(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let list = match value.as_str() {
        Some(text) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        None => texts(value)?,
    };
    let bad = |scope: &&String| scope.is_empty() || scope.contains(char::is_whitespace);
    match list.iter().find(bad) {
        Some(scope) => Err(format!("{scope:?} is not one scope")),
        None => Ok(list),
    }
}

fn omitted(value: &DeValue<'_>) -> Result<Vec<AuthorizeParam>, String> {
    let parse =
        |name: String| name.parse().map_err(|error: crate::kind::KindError| error.to_string());
    texts(value)?.into_iter().map(parse).collect()
}

fn resource(value: &DeValue<'_>) -> Result<Resource, String> {
    match value.as_bool() {
        Some(false) => Ok(Resource::Never),
        Some(true) => Ok(Resource::Announced),
        None => filled(value)
            .map(Resource::Exactly)
            .map_err(|_| "must be false or a text in quotes".to_owned()),
    }
}

fn port(value: &DeValue<'_>) -> Result<Option<u16>, String> {
    let wrong = || "must be a port, or 0 for any".to_owned();
    let number = u16::try_from(integer(value)?).map_err(|_| wrong())?;
    Ok(Some(number).filter(|number| *number != 0))
}

fn host(value: &DeValue<'_>) -> Result<Option<String>, String> {
    let host = filled(value)?;
    if matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
        Ok(Some(host))
    } else {
        Err("must be 127.0.0.1, localhost or [::1]".to_owned())
    }
}

/// The table as it is written; `None` when there is nothing to say.
pub(super) fn written(oauth: &OAuth) -> Option<Table> {
    if *oauth == OAuth::default() {
        return None;
    }
    let mut table = headed("");
    let texts = [
        ("client_id", &oauth.client_id),
        ("client_metadata_url", &oauth.client_metadata_url),
        ("issuer", &oauth.issuer),
        ("callback_host", &oauth.callback_host),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            put(&mut table, key, value.as_str().into());
        }
    }
    match &oauth.resource {
        Resource::Announced => {}
        Resource::Never => put(&mut table, "resource", false.into()),
        Resource::Exactly(value) => put(&mut table, "resource", value.as_str().into()),
    }
    if !oauth.scopes.is_empty() {
        put(&mut table, "scopes", oauth.scopes.iter().collect::<Array>().into());
    }
    if let Some(port) = oauth.callback_port {
        put(&mut table, "callback_port", i64::from(port).into());
    }
    put_params(&mut table, "authorize_params", &oauth.authorize_params);
    if !oauth.authorize_omit.is_empty() {
        let names = oauth.authorize_omit.iter().map(|name| name.word());
        put(&mut table, "authorize_omit", names.collect::<Array>().into());
    }
    if let Some(pkce) = oauth.pkce {
        put(&mut table, "pkce", pkce.word().into());
    }
    let urls = [
        ("registration_url", &oauth.registration_url),
        ("authorize_url", &oauth.authorize_url),
        ("token_url", &oauth.token_url),
        ("revoke_url", &oauth.revoke_url),
    ];
    for (key, value) in urls {
        if let Some(value) = value {
            put(&mut table, key, value.source().into());
        }
    }
    if oauth.token_body != TokenBody::default() {
        put(&mut table, "token_body", oauth.token_body.word().into());
    }
    put_params(&mut table, "token_params", &oauth.token_params);
    Some(table)
}

fn put_params(table: &mut Table, key: &str, params: &BTreeMap<String, String>) {
    if params.is_empty() {
        return;
    }
    let mut inline = toml_edit::InlineTable::new();
    for (name, value) in params {
        inline.insert(name, value.as_str().into());
    }
    put(table, key, inline.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{
            add_connection,
            edit::tests::{home, new, now},
            load,
        },
        kind::AuthKind,
    };

    fn read(oauth: &str) -> (OAuth, Vec<String>, Option<String>) {
        let text = format!(
            "version = 1\n[connections.c]\nurl = \"https://h/\"\nauth = \"oauth\"\n[connections.c.oauth]\n{oauth}\n"
        );
        let (_dir, paths) = home(Some(&text));
        let settings = load(&paths, &crate::config::Env::of([])).settings;
        let c = settings.connection("c").unwrap();
        (c.oauth.clone(), settings.warnings.clone(), c.problem.clone())
    }

    #[test]
    fn every_key_is_read_and_what_is_written_reads_the_same() {
        let full = r#"client_id = "c1"
client_metadata_url = "https://a.example/allmcp.json"
scopes = ["a", "b"]
resource = "https://h/mcp/"
issuer = "https://as.example"
callback_port = 8123
callback_host = "localhost"
authorize_params = { prompt = "consent", access_type = "offline" }
authorize_omit = ["redirect_uri", "scope"]
pkce = "unsupported"
registration_url = "https://as.example/${param:account}/register"
authorize_url = "https://${param:account}.h/oauth"
token_url = "https://${param:account}.h/token"
revoke_url = "https://h/revoke"
token_body = "json"
token_params = { audience = "https://api" }"#;
        let (oauth, warnings, problem) = read(full);
        assert_eq!((warnings, problem), (Vec::new(), None));
        assert_eq!(oauth.callback_port, Some(8123));
        let (_dir, paths) = home(None);
        let mut entry = new("c");
        entry.auth = AuthKind::OAuth;
        entry.oauth = oauth.clone();
        add_connection(&paths, &entry).unwrap();
        let text = now(&paths);
        assert!(text.contains("[connections.c.oauth]"), "{text}");
        let settings = load(&paths, &crate::config::Env::of([])).settings;
        assert_eq!(settings.connection("c").unwrap().oauth, oauth, "{text}");
    }

    #[test]
    fn scopes_may_be_one_text_and_resource_may_be_off() {
        let (oauth, ..) = read("scopes = \"a b\"\nresource = false\ncallback_port = 0");
        assert_eq!(oauth.scopes, ["a", "b"]);
        assert_eq!((oauth.resource, oauth.callback_port), (Resource::Never, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("callback_port = 70000", "callback_port: must be a port"),
            ("callback_host = \"evil.example\"", "127.0.0.1, localhost"),
            ("client_metadata_url = \"http://h/x\"", "https URL"),
            ("scopes = [\"a b\"]", "not one scope"),
            ("resource = 3", "false or a text"),
            ("token_url = \"https://h/t\"", "token_url is set and authorize_url is missing"),
            ("authorize_url = \"https://h/a\"", "authorize_url is set and token_url is missing"),
            ("token_body = \"json\"", "token_body needs authorize_url and token_url"),
            ("token_params = { a = \"b\" }", "token_params needs authorize_url and token_url"),
            ("token_body = \"xml\"", "not one of form, json"),
            ("authorize_omit = [\"state\"]", "not one of response_type, redirect_uri, scope"),
            ("pkce = \"maybe\"", "not one of required, supported, unsupported"),
            ("registration_url = \"http://h/r\"", "http is only for this machine"),
            ("token_url = \"http://h/t\"", "http is only for this machine"),
            ("token_url = \"https://h/${secret:t}\"", "must not have a ${secret:"),
        ] {
            let (_, _, problem) = read(text);
            assert!(problem.as_ref().is_some_and(|p| p.contains(said)), "{text}: {problem:?}");
        }
        let loopback =
            "authorize_url = \"http://127.0.0.1/a\"\ntoken_url = \"http://localhost:1/t\"";
        assert_eq!(read(loopback).2, None);
        let (_, warnings, _) = read("client_ide = \"x\"");
        assert!(warnings[0].contains("client_id"), "{warnings:?}");
    }
}
