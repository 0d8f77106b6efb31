//! The clock: tokens and their ends are told in it.

use super::finding::{Check, Finding};
use crate::{
    cli::context::Context,
    config::Settings,
    connect::Deps,
    net::{self, Net},
    store::{GrantStore, tool_cache::ListCache},
    task,
};
use http::{HeaderMap, Method, header};
use std::time::{Duration, SystemTime};
use url::Url;

/// How long one server is waited for, and how many are asked until one tells the time.
const PATIENCE: Duration = Duration::from_secs(5);
const SERVERS: usize = 3;
/// A date is told in whole seconds, and travels.
const EXACT: u64 = 5;
/// Authorization servers allow about a minute between their clock and ours.
const TOO_FAR: u64 = 60;

/// Compares our clock with that of the first server that tells the time. Only servers that are
/// connected are asked, and nothing is sent but the question. Nothing where none of them answers:
/// that is told of the connections.
pub(super) async fn against(deps: &Deps, settings: &Settings) -> Option<Finding> {
    let enabled = |name: &str| settings.connection(name).is_some_and(|c| c.enabled);
    let connections = deps.connections.connections();
    let urls = connections.iter().filter(|there| enabled(there.name.as_str()));
    // The root alone: a path may have a secret in it.
    let mut origins: Vec<Url> =
        urls.filter_map(|there| Url::parse(&there.url).ok()?.join("/").ok()).collect();
    origins.dedup();
    origins.retain(|url| net::refuse_scheme(url, false).is_none());
    for url in origins.iter().take(SERVERS) {
        if let Ok(Some(theirs)) = task::within(PATIENCE, date(&deps.net, url)).await {
            let host = url.host_str().unwrap_or_default();
            return Some(told(theirs, SystemTime::now(), host));
        }
    }
    None
}

/// What the server says that the time is.
async fn date(net: &Net, url: &Url) -> Option<SystemTime> {
    let route = net.route(url, net::CONNECT_TIMEOUT).await.ok()?;
    let response = route.send(Method::GET, url, HeaderMap::new(), None).await.ok()?;
    let text = |name| response.headers().get(name)?.to_str().ok();
    let date = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    // An answer from a cache has the date of when it was made (RFC 9111, 5.1).
    let age = text(header::AGE).and_then(|age| age.trim().parse().ok()).unwrap_or_default();
    date.checked_add(Duration::from_secs(age))
}

fn told(theirs: SystemTime, ours: SystemTime, host: &str) -> Finding {
    let (off, word) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead.as_secs(), "ahead of"),
        Err(behind) => (behind.duration().as_secs(), "behind"),
    };
    if off < EXACT {
        return Finding::ok(Check::Clock, format!("as that of {host}"));
    }
    let message = format!("it is {off} s {word} that of {host}");
    let fix = if cfg!(target_os = "macos") {
        "sudo sntp -sS time.apple.com"
    } else if cfg!(windows) {
        "w32tm /resync"
    } else {
        "sudo timedatectl set-ntp true"
    };
    if off < TOO_FAR {
        Finding::warning(Check::Clock, message, fix)
    } else {
        Finding::error(Check::Clock, format!("{message}: sign-ins fail"), fix)
    }
}

/// What was written down at a time that is still to come: the clock was set back, or is wrong.
pub(super) fn future(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let (lists, grants) = (ListCache::new(cx.paths.lists()), GrantStore::new(cx.paths.grants()));
    let limit = SystemTime::now() + Duration::from_secs(TOO_FAR);
    let mut findings = Vec::new();
    for connection in settings.connections.iter().filter(|connection| connection.enabled) {
        let name = &connection.name;
        let account = cx.tenant.account(name);
        let told = |what: &str, at: SystemTime, fix: &str| {
            let at = humantime::format_rfc3339_seconds(at);
            let message = format!("{what} of {name} is of {at}, which is still to come");
            Finding::warning(Check::Clock, message, format!("allmcp {fix} {name}"))
                .on(name.as_str())
        };
        let signed_in = grants.load(&account).signed_in_at.filter(|at| *at > limit);
        findings.extend(signed_in.map(|at| told("the sign-in", at, "reconnect")));
        let fetched = lists.load(&account).map(|lists| lists.fetched_at).filter(|at| *at > limit);
        findings.extend(fetched.map(|at| told("the list of tools", at, "sync")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn a_minute_is_too_far() {
        let now = SystemTime::now();
        let level = |theirs: SystemTime| told(theirs, now, "h").status;
        let seconds = Duration::from_secs;
        assert_eq!(level(now - seconds(2)), Level::Ok);
        assert_eq!(level(now + seconds(4)), Level::Ok);
        assert_eq!(level(now - seconds(30)), Level::Warning);
        assert_eq!(level(now + seconds(61)), Level::Error);
        let message = told(now + seconds(90), now, "h").message;
        assert_eq!(message, "it is 90 s behind that of h: sign-ins fail");
    }
}
