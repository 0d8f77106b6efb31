//! A name for a connection that was given none.

use super::{Entered, Request};
use crate::name::ConnectionName;

/// Second-level labels that are public suffixes of their own in many countries.
const SUFFIX_LABELS: &[&str] = &["ac", "co", "com", "edu", "gov", "net", "org"];
/// Labels that say what a host does, not whose it is.
const SERVICE_LABELS: &[&str] = &["api", "app", "gateway", "mcp", "server", "www"];

/// The main label of a host: `mcp.linear.app` → `linear`, `x.acme.co.uk` → `acme`.
pub fn default_name(host: &str) -> ConnectionName {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    let labels: Vec<&str> = host.split('.').collect();
    let main = match labels.as_slice() {
        _ if is_address || host == "localhost" => "local",
        [only] => only,
        [.., third, second, _] if SUFFIX_LABELS.contains(second) && labels.len() > 2 => third,
        [.., third, second, _] if SERVICE_LABELS.contains(second) => third,
        [.., second, _] => second,
        [] => "local",
    };
    let clean: String = main
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(ConnectionName::MAX - 4)
        .collect();
    let clean = clean.trim_matches('-');
    // Only letters, digits and inner dashes are left, so this parses but for an empty text.
    clean.parse().or_else(|_| "server".parse()).unwrap_or_else(|_| unreachable!("a valid name"))
}

/// The name that was given, else the default one, or with `-2`, `-3` … when others have it. A
/// connection of this very URL under one of these names is found again, not doubled.
pub(super) fn pick(request: &Request, host: &str, known: &[Entered]) -> ConnectionName {
    if let Some(name) = &request.name {
        return name.clone();
    }
    let base = request
        .provider
        .as_ref()
        .and_then(|provider| provider.manifest.id.parse().ok())
        .or_else(|| request.known_as.clone())
        .unwrap_or_else(|| default_name(host));
    let mut name = base.clone();
    for n in 2_u32.. {
        match known.iter().find(|other| other.name == name) {
            Some(other) if !request.is_for(other) => {}
            _ => return name,
        }
        if let Ok(next) = format!("{base}-{n}").parse() {
            name = next;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_label_names_the_connection() {
        for (host, want) in [
            ("mcp.linear.app", "linear"),
            ("api.githubcopilot.com", "githubcopilot"),
            ("acme.co.uk", "acme"),
            ("x.acme.com.ua", "acme"),
            ("127.0.0.1", "local"),
            ("[::1]", "local"),
            ("localhost", "local"),
            ("intranet", "intranet"),
            ("XN--80AK6AA92E.example", "xn--80ak6aa92e"),
            ("_.example", "server"),
        ] {
            assert_eq!(default_name(host).as_str(), want, "{host}");
        }
    }

    #[test]
    fn taken_names_are_counted_on_and_the_same_url_is_found_again() {
        let entered = |name: &str, url: &str| Entered {
            name: name.parse().unwrap(),
            url: url.to_owned(),
            auth: crate::kind::AuthKind::None,
            headers: Vec::new(),
            params: std::collections::BTreeMap::new(),
            allow: Vec::new(),
            oauth: crate::auth::OAuthConfig::default(),
            problem: None,
            provider: None,
        };
        let known = [entered("local", "http://a/"), entered("local-2", "http://b/")];
        let picked = |host: &str, url: &str, name: Option<&str>| {
            let name = name.map(|name| name.parse().unwrap());
            let request = Request { name, url: url.to_owned(), ..Request::default() };
            pick(&request, host, &known).to_string()
        };
        assert_eq!(picked("localhost", "http://c/", None), "local-3");
        assert_eq!(picked("localhost", "http://b/", None), "local-2");
        assert_eq!(picked("x.example.org", "http://b/", None), "example");
        assert_eq!(picked("localhost", "http://c/", Some("local")), "local");
    }
}
