//! Fills templates with values, so that no value can change where a request goes.

use super::{AuthError, CredentialConfig, config::TOKEN};
use crate::{
    secret::Secret,
    template::{Hole, Template, TemplateError},
};
use std::{collections::BTreeMap, fmt::Write as _};
use url::Url;

/// How deep parameters may refer to parameters.
const DEPTH: usize = 8;
/// Stands for a value while it is not known yet where in the URL it will stand.
const MARK: char = '\u{1}';

/// Where the values of holes come from.
pub(super) enum Secrets<'a> {
    Known(&'a BTreeMap<String, Secret<String>>),
    /// Each secret is replaced by its name: for texts that must not hold any.
    Names,
}

impl CredentialConfig {
    pub(super) fn fill(
        &self,
        template: &Template,
        secrets: &Secrets<'_>,
    ) -> Result<Secret<String>, AuthError> {
        self.fill_at(template, secrets, 0).map_err(|hole| self.missing(hole))
    }

    /// The secret of that name, as a hole would have it.
    pub(super) fn secret(
        &self,
        name: &str,
        secrets: &Secrets<'_>,
    ) -> Result<Secret<String>, AuthError> {
        self.value(&Hole::Secret(name.to_owned()), secrets, 0).map_err(|hole| self.missing(hole))
    }

    fn missing(&self, hole: Hole) -> AuthError {
        let name = self.name.clone();
        match hole {
            Hole::Secret(secret) => AuthError::NeedsAuth {
                name,
                reason: format!("no secret \"{secret}\" is stored for it"),
            },
            hole => AuthError::Unset { name, hole },
        }
    }

    fn fill_at(
        &self,
        template: &Template,
        secrets: &Secrets<'_>,
        depth: usize,
    ) -> Result<Secret<String>, Hole> {
        let mut inside = None;
        let filled = template.expand(|hole| match self.value(hole, secrets, depth) {
            Ok(value) => Some(value),
            Err(hole) => {
                inside = Some(hole);
                None
            }
        });
        filled.map_err(|error| match (inside, error) {
            (Some(hole), _) | (None, TemplateError::Unset(hole)) => hole,
            // Filling a parsed template has no other error.
            (None, TemplateError::Unclosed(text) | TemplateError::Unknown(text)) => {
                Hole::Param(text)
            }
        })
    }

    /// The value of `hole`, else the hole that lacks one: a parameter may lead to another.
    fn value(
        &self,
        hole: &Hole,
        secrets: &Secrets<'_>,
        depth: usize,
    ) -> Result<Secret<String>, Hole> {
        let found = match hole {
            Hole::Secret(name) => match secrets {
                Secrets::Names => Some(Secret::new(format!("secret.{name}"))),
                Secrets::Known(_) if name == TOKEN && self.token_override.is_some() => {
                    self.token_override.clone()
                }
                Secrets::Known(known) => known.get(name).cloned(),
            },
            Hole::Env(name) => (self.env)(name),
            Hole::Param(name) => match self.params.get(name) {
                Some(template) if depth < DEPTH => {
                    return self.fill_at(template, secrets, depth + 1);
                }
                _ => None,
            },
            Hole::OrgId => self.tenant.org.clone().map(Secret::new),
            Hole::UserId => self.tenant.user.clone().map(Secret::new),
        };
        found.ok_or_else(|| hole.clone())
    }

    /// The URL with every value in its place: a value at the very start is taken as it is, every
    /// other one is encoded as the part of the URL asks for (RFC 6570, section 3.2.3).
    pub(super) fn fill_url(&self, secrets: &Secrets<'_>) -> Result<Secret<Url>, AuthError> {
        self.fill_url_of(&self.url, secrets)
    }

    /// [`CredentialConfig::fill_url`] for another URL of the connection.
    pub(super) fn fill_url_of(
        &self,
        template: &Template,
        secrets: &Secrets<'_>,
    ) -> Result<Secret<Url>, AuthError> {
        let bad = |detail: String| AuthError::BadUrl { name: self.name.clone(), detail };
        if template.source().contains(MARK) {
            return Err(bad("it has a control character".to_owned()));
        }
        let mut values = Vec::new();
        let mut missing = None;
        let frame = template.expand(|hole| {
            let value = self.value(hole, secrets, 0).map_err(|hole| missing = Some(hole)).ok()?;
            values.push((hole.clone(), value));
            Some(Secret::new(MARK.to_string()))
        });
        let frame = frame.map_err(|error| match missing {
            Some(hole) => self.missing(hole),
            None => bad(error.to_string()),
        })?;
        let mut values = values.into_iter();
        let mut url = String::new();
        for (index, text) in frame.expose().split(MARK).enumerate() {
            if index > 0
                && let Some((hole, value)) = values.next()
            {
                put(&mut url, &hole, value.expose(), secrets).map_err(bad)?;
            }
            url.push_str(text);
        }
        let url = Url::parse(url.trim()).map_err(|e| bad(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad("it is not an http or https URL".to_owned()));
        }
        Ok(Secret::new(url))
    }
}

/// Adds a value to a URL of which everything before it is already written.
fn put(url: &mut String, hole: &Hole, value: &str, secrets: &Secrets<'_>) -> Result<(), String> {
    let Some((_, after_scheme)) = url.split_once("://") else {
        if matches!((secrets, hole), (Secrets::Names, Hole::Secret(_))) {
            url.push_str("https://");
        }
        url.push_str(value);
        return Ok(());
    };
    let keep: fn(char) -> bool = if after_scheme.contains(['?', '#']) {
        unreserved
    } else if after_scheme.contains('/') {
        if value.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(format!("the value of {hole} has a part \"..\" in it"));
        }
        |c| unreserved(c) || "/!$&'()*+,;=:@".contains(c)
    } else if value.chars().all(|c| c.is_alphanumeric() || ".-_:[]".contains(c)) {
        |_| true
    } else {
        return Err(format!("the value of {hole} cannot stand in a host name"));
    };
    encode(url, value, keep);
    Ok(())
}

fn unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

/// Percent-encodes what is not kept; what is encoded already stays.
fn encode(out: &mut String, text: &str, keep: fn(char) -> bool) {
    for (at, c) in text.char_indices() {
        let hex = |i: usize| text.as_bytes().get(at + i).is_some_and(u8::is_ascii_hexdigit);
        if keep(c) || (c == '%' && hex(1) && hex(2)) {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::config::tests::config;

    fn url(template: &str, secret: &str) -> Result<String, String> {
        let secrets = BTreeMap::from([("s".to_owned(), Secret::new(secret.to_owned()))]);
        let filled = config(template).fill_url(&Secrets::Known(&secrets));
        filled.map(|url| url.into_inner().into()).map_err(|e| e.to_string())
    }

    #[test]
    fn each_part_of_a_url_takes_values_in_its_own_way() {
        for (template, value, want) in [
            ("${secret:s}/mcp", "https://h:1/a?", "https://h:1/a?/mcp"),
            ("https://${secret:s}/mcp", "acme.example:8443", "https://acme.example:8443/mcp"),
            (
                "https://h/rest/${secret:s}/",
                "1/a b?c#d%2Fe%",
                "https://h/rest/1/a%20b%3Fc%23d%2Fe%25/",
            ),
            (
                "https://h/?t=${secret:s}&u=1",
                "a+b/c=&ж%20",
                "https://h/?t=a%2Bb%2Fc%3D%26%D0%B6%20&u=1",
            ),
            ("  https://h/$$x ", "", "https://h/$x"),
        ] {
            assert_eq!(url(template, value).as_deref(), Ok(want), "{template}");
        }
    }

    #[test]
    fn a_value_cannot_lead_elsewhere_and_is_not_quoted() {
        for (template, value, want) in [
            ("https://${secret:s}.example/mcp", "evil.example/canary?", "host name"),
            ("https://${secret:s}/", "canary@evil", "host name"),
            ("https://h/a/${secret:s}/mcp", "../canary", "\"..\""),
            ("${secret:s}", "file:///canary", "not an http"),
            ("${secret:s}", "canary canary", "relative URL"),
            ("https://h/\u{1}", "", "control character"),
        ] {
            let error = url(template, value).unwrap_err();
            assert!(error.contains(want) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn parameters_may_refer_to_each_other_and_the_one_that_misses_is_named() {
        let mut config = config("https://${param:host}/${param:path}");
        let mut set = |name: &str, text: &str| {
            config.params.insert(name.to_owned(), text.parse().unwrap());
        };
        set("host", "${env:HOST}.${user_id}");
        set("path", "${param:deep}");
        set("loop", "${param:loop}");
        let none = BTreeMap::new();
        let fill = |config: &CredentialConfig| {
            config.fill_url(&Secrets::Known(&none)).map_err(|e| e.to_string())
        };
        assert_eq!(fill(&config).unwrap_err(), "connection c: ${user_id} is not set");
        config.tenant.user = Some("anna".to_owned());
        assert_eq!(fill(&config).unwrap_err(), "connection c: ${param:deep} is not set");
        config.params.insert("deep".to_owned(), "${param:loop}".parse().unwrap());
        assert_eq!(fill(&config).unwrap_err(), "connection c: ${param:loop} is not set");
        config.params.insert("loop".to_owned(), "end".parse().unwrap());
        assert_eq!(fill(&config).unwrap().expose().as_str(), "https://env-host.anna/end");
    }
}
