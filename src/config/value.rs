//! How a single value of `config.toml` is read, and what is said of a wrong one.

use crate::template::{Template, TemplateError};
use std::{str::FromStr, time::Duration};
use toml::de::DeValue;
use url::{Host, Url};

type Parsed<T> = Result<T, String>;

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn must_be(wanted: &str, value: &DeValue<'_>) -> String {
    format!("must be {wanted}, not {}", kind_of(value))
}

pub(super) fn text(value: &DeValue<'_>) -> Parsed<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| must_be("a text in quotes", value))
}

pub(super) fn filled(value: &DeValue<'_>) -> Parsed<String> {
    text(value).and_then(|t| if t.is_empty() { Err("is empty".to_owned()) } else { Ok(t) })
}

/// An empty text means unset, as an empty variable does.
pub(super) fn optional_text(value: &DeValue<'_>) -> Parsed<Option<String>> {
    text(value).map(|t| Some(t).filter(|t| !t.is_empty()))
}

pub(super) fn texts(value: &DeValue<'_>) -> Parsed<Vec<String>> {
    let wanted = "a list of texts, like [\"*\"]";
    let list = value.as_array().ok_or_else(|| must_be(wanted, value))?;
    list.iter().map(|v| text(v.get_ref()).map_err(|_| must_be(wanted, v.get_ref()))).collect()
}

pub(super) fn boolean(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| must_be("true or false", value))
}

pub(super) fn integer(value: &DeValue<'_>) -> Parsed<u64> {
    let wanted = "a whole number from 0";
    let number = value.as_integer().ok_or_else(|| must_be(wanted, value))?;
    u64::from_str_radix(number.as_str(), number.radix()).map_err(|_| format!("must be {wanted}"))
}

pub(super) fn word<T: FromStr<Err = crate::kind::KindError>>(value: &DeValue<'_>) -> Parsed<T> {
    text(value)?.parse().map_err(|e: crate::kind::KindError| e.to_string())
}

pub(super) fn duration(value: &DeValue<'_>) -> Parsed<Duration> {
    let wanted = "must be a time like \"55s\", from 1 ms to 1 hour";
    let read = value.as_str().and_then(|t| humantime::parse_duration(t).ok());
    read.filter(|d| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(d))
        .ok_or_else(|| wanted.to_owned())
}

/// A text with holes; numbers and truth values are taken as they are written.
pub(super) fn template(value: &DeValue<'_>) -> Parsed<Template> {
    let source = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        _ => return Err(must_be("a text in quotes", value)),
    };
    source.parse().map_err(|e: TemplateError| e.to_string())
}

/// A URL with holes. With something in every hole it must be an `https` one, or `http` to this
/// machine: credentials do not travel in the clear.
pub(super) fn url(value: &DeValue<'_>) -> Parsed<Template> {
    let template: Template = text(value)?.parse().map_err(|e: TemplateError| e.to_string())?;
    check_url(&template).map(|()| template)
}

fn check_url(template: &Template) -> Parsed<()> {
    let source = template.source();
    if source.starts_with("${") {
        // The scheme itself comes from outside: only the whole URL can be judged.
        return Ok(());
    }
    // A hole may be anything; "1" also stands where only a port can.
    let with = |filler: &str| {
        let filled = template.expand(|_| Some(crate::secret::Secret::new(filler.to_owned())));
        filled
            .map_err(|e| e.to_string())
            .and_then(|url| Url::parse(url.expose()).map_err(|e| format!("is not a URL: {e}")))
    };
    let url = with("x").or_else(|first| with("1").map_err(|_| first))?;
    let authority = source.split("://").nth(1).and_then(|rest| rest.split('/').next());
    let unsure = authority.is_none_or(|host| host.contains("${"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if unsure || loopback(&url) => Ok(()),
        "http" => Err("must be https: http is only for this machine".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(source: &str) -> Parsed<()> {
        check_url(&source.parse().unwrap())
    }

    #[test]
    fn urls_are_checked_with_their_holes_filled() {
        for good in [
            "https://h.example/mcp?x=${secret:token}",
            "https://${param:subdomain}.example/mcp",
            "http://127.0.0.1:${param:port}/mcp",
            "http://localhost:8080/mcp",
            "http://[::1]:8080/mcp",
            "${env:URL}",
        ] {
            assert_eq!(url_of(good), Ok(()), "{good}");
        }
        for bad in ["h.example/mcp", "ftp://h", "http://h.example/mcp", "https://", "file:///etc"] {
            assert!(url_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_have_a_unit_and_bounds() {
        let read = |t: &str| duration(&DeValue::String(t.into()));
        assert_eq!(read("1m 5s"), Ok(Duration::from_secs(65)));
        for bad in ["55", "0s", "2h", "-1s", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_type_says_which_was_wanted() {
        let error = boolean(&DeValue::String("yes".into())).unwrap_err();
        assert_eq!(error, "must be true or false, not a text");
    }
}
