//! Values of flags, parsed where they come in.

use clap::{builder::TypedValueParser, error::ErrorKind};
use std::{
    ffi::OsStr,
    path::PathBuf,
    str::FromStr,
    time::{Duration, SystemTime},
};

/// `K=V`; the value may be empty and may hold `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub key: String,
    pub value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = split(text, '=').ok_or("write K=V")?;
        Ok(Self { key, value: value.to_owned() })
    }
}

/// `NAME=PATH`: the file whose text is the secret `NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    pub name: String,
    pub path: PathBuf,
}

impl FromStr for SecretFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) =
            split(text, '=').filter(|(_, path)| !path.is_empty()).ok_or("write NAME=PATH")?;
        Ok(Self { name, path: path.into() })
    }
}

/// `Name: value`, as in HTTP; the space may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: http::HeaderName,
    /// As written: holes are filled, and literals judged, by those who know what they mean.
    pub value: String,
}

impl FromStr for Header {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, value) = split(text, ':').ok_or("write 'Name: value'")?;
        let name = name.parse().map_err(|_| "the part before ':' is not a header name")?;
        let value = value.trim().to_owned();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err("a header value holds no line breaks or control characters");
        }
        Ok(Self { name, value })
    }
}

/// Parses a [`Header`], and unlike clap's own parsers does not repeat a wrong one: it may hold a
/// secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderParser;

impl TypedValueParser for HeaderParser {
    type Value = Header;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Header, clap::Error> {
        let parsed = value.to_str().ok_or("it is not UTF-8").and_then(Header::from_str);
        parsed.map_err(|why| {
            let flag = arg.map(ToString::to_string).unwrap_or_default();
            let text = format!("invalid value for '{flag}': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}

fn split(text: &str, at: char) -> Option<(String, &str)> {
    let (key, value) = text.split_once(at)?;
    let key = key.trim();
    (!key.is_empty()).then(|| (key.to_owned(), value))
}

/// `1h`, `30m`, `2days`, or a time such as `2026-11-20T08:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Ago(Duration),
    At(SystemTime),
}

impl Since {
    /// The moment meant, seen from `now`.
    pub fn from(self, now: SystemTime) -> SystemTime {
        let time = match self {
            Self::Ago(age) => now.checked_sub(age),
            Self::At(time) => Some(time),
        };
        time.unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH)
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        humantime::parse_duration(text)
            .map(Self::Ago)
            .or_else(|_| humantime::parse_rfc3339_weak(text).map(Self::At))
            .map_err(
                |_| "write an age such as 30m, 1h or 2days, or a time such as 2026-11-20T08:00:00Z",
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_headers_are_split_once() {
        let pair: Pair = "a=b=c".parse().unwrap();
        assert_eq!((pair.key.as_str(), pair.value.as_str()), ("a", "b=c"));
        assert_eq!("a=".parse::<Pair>().unwrap().value, "");
        assert!("a".parse::<Pair>().is_err() && "=a".parse::<Pair>().is_err());
        let header: Header = "X-Api-Key:Bearer ${secret:token} ".parse().unwrap();
        assert_eq!(
            (header.name.as_str(), header.value.as_str()),
            ("x-api-key", "Bearer ${secret:token}")
        );
        let file: SecretFile = "token=/run/a=b".parse().unwrap();
        assert_eq!(file.path, PathBuf::from("/run/a=b"));
    }

    #[test]
    fn a_wrong_header_is_told_without_its_value() {
        for bad in ["hunter2", "Na me: hunter2", ": hunter2", "A: hunter2\r\nB: c"] {
            let error = bad.parse::<Header>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn since_is_an_age_or_a_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let from = |text: &str| text.parse::<Since>().unwrap().from(now);
        assert_eq!(from("1h"), SystemTime::UNIX_EPOCH + Duration::from_secs(6400));
        assert_eq!(from("999years"), SystemTime::UNIX_EPOCH);
        assert_eq!(from("1970-01-01T00:00:05Z"), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
        assert!("yesterday".parse::<Since>().is_err());
    }
}
