//! Values that cannot be printed by accident.
//!
//! Owns `Secret<T>`, `RedactedUrl` and what is known to be a secret by its name. May name nothing.
//! Called by everybody who touches a credential or a URL that may hold one.

use std::fmt;
use url::Url;

/// A value whose `Debug` and `Display` never show it.
///
/// Take it out with [`Secret::expose`] at the last moment, and never store what comes out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call of this is a place where a secret leaves its wrapper.
    pub fn expose(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL that prints as scheme, host, port and path: no user, no query, no fragment, and `***`
/// for the secret that some vendors put into the path.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(Url);

impl RedactedUrl {
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        // Both fail only for URLs that cannot have a user at all.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.set_fragment(None);
        let Some(secret) = path_secret(shown.host_str().unwrap_or_default(), shown.path()) else {
            return f.write_str(shown.as_str());
        };
        let at = shown.as_str().len() - shown.path().len();
        write!(f, "{}{}", &shown.as_str()[..at], shown.path().replacen(secret, "***", 1))
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The part of a URL's path that is a secret, for those who are known to have one there:
/// Bitrix24's webhooks (`/rest/USER/CODE/`), Make's addresses (`/u/TOKEN/sse`) and the old ones of
/// Firecrawl (`/fc-KEY/v2/mcp`). A template has none.
pub fn path_secret<'a>(host: &str, path: &'a str) -> Option<&'a str> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    // A box edition of Bitrix24 has a host of its own; there only what looks like a code is one.
    let is_code = |part: &str| {
        (host.contains(".bitrix24.") && part.len() > 5)
            || (part.len() > 11 && part.contains(|c: char| c.is_ascii_digit()))
    };
    let webhook = parts.windows(3).find(|at| at[0] == "rest" && is_number(at[1]) && is_code(at[2]));
    let found = if let Some(webhook) = webhook {
        webhook[2]
    } else if host == "mcp.firecrawl.dev" {
        parts.into_iter().find(|part| part.starts_with("fc-"))?
    } else if host.ends_with(".make.com") {
        parts.windows(2).find(|at| at[0] == "u" && !at[1].is_empty())?[1]
    } else {
        return None;
    };
    (!found.contains("${")).then_some(found)
}

/// True for headers whose value is a secret by their name.
pub fn holds_credential(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "cookie")
        || ["key", "token", "secret", "password"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("canary".to_owned());
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
    }

    #[test]
    fn a_url_loses_user_query_and_fragment() {
        let url = Url::parse("https://u:p@h.example:8443/mcp/x?token=canary#f").unwrap();
        assert_eq!(RedactedUrl::new(url).to_string(), "https://h.example:8443/mcp/x");
        for (url, shown) in [
            (
                "https://a.bitrix24.com/rest/1/canary/x.json",
                "https://a.bitrix24.com/rest/1/***/x.json",
            ),
            ("https://crm.example/rest/1/abc123canary/", "https://crm.example/rest/1/***/"),
            (
                "https://crm.example/rest/1/project-items",
                "https://crm.example/rest/1/project-items",
            ),
            (
                "https://mcp.firecrawl.dev/fc-canary/v2/mcp?a",
                "https://mcp.firecrawl.dev/***/v2/mcp",
            ),
            (
                "https://eu1.make.com/mcp/api/v1/u/canary/sse",
                "https://eu1.make.com/mcp/api/v1/u/***/sse",
            ),
        ] {
            assert_eq!(RedactedUrl::new(Url::parse(url).unwrap()).to_string(), shown);
        }
    }
}
