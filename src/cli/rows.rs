//! One connection as `list`, `status` and `inspect` show it.

use super::context::Context;
use crate::{
    app::{self, App},
    config::{Connection, Settings, Target},
    hub::ToolIndex,
    kind::{AuthKind, BreakerState, Era, Status, StoreKind},
    name::ConnectionName,
    store::{GrantFacts, GrantStore, health::HealthStore, tool_cache::ListCache},
};
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// Said where there is nothing to show.
pub(super) const NONE: &str = "no connections yet; add one: allmcp connect https://…/mcp";

/// As `list` gives it (contract section 3).
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) provider: Option<String>,
    pub(super) url: Option<String>,
    pub(super) auth: AuthKind,
    pub(super) status: Status,
    pub(super) tools: usize,
    pub(super) enabled_tools: usize,
    pub(super) credential: Option<Credential>,
    pub(super) last_sync: Option<String>,
}

impl Row {
    /// `41`, or `39 of 41` where some are hidden.
    pub(super) fn counted(&self) -> String {
        let Self { tools, enabled_tools, .. } = self;
        if enabled_tools == tools {
            tools.to_string()
        } else {
            format!("{enabled_tools} of {tools}")
        }
    }
}

/// How many tools a connection has now.
pub(super) fn tools_of(app: &App, name: &ConnectionName) -> usize {
    app.hub.index().tools().iter().filter(|tool| tool.member.name() == name).count()
}

/// What went wrong, for a place where the connection's name stands already.
pub(super) fn brief(name: &str, error: &str) -> String {
    let rest = error.strip_prefix(name).unwrap_or_default();
    match rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ')) {
        Some(rest) => rest.to_owned(),
        None => error.replacen(&format!("could not reach {name}: "), "could not reach it: ", 1),
    }
}

/// Where a credential is kept; never what it is.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Credential {
    pub(super) store: &'static str,
    pub(super) account: String,
}

/// How a connection is signed in, and until when.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SignIn {
    pub(super) issuer: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) since: Option<String>,
    /// Of the access token that is in use.
    pub(super) expires_at: Option<String>,
    /// It goes on without the user.
    pub(super) renewable: bool,
    /// The server's last word, where it wants a new sign-in.
    pub(super) refused: Option<String>,
    /// A running process has newer tokens than could be saved.
    pub(super) unsaved: bool,
}

impl SignIn {
    /// What is known of it without asking anybody; `None` where nobody has signed in.
    pub(super) fn known(cx: &Context, connection: &Connection) -> Option<Self> {
        let facts = facts(cx, connection)?;
        let refused = facts.rejected.as_ref().filter(|_| facts.has_refused(facts.generation));
        Some(Self {
            issuer: facts.issuer.clone(),
            scopes: facts.scopes.clone(),
            since: facts.signed_in_at.map(time),
            expires_at: facts.expires_at.map(time),
            renewable: facts.renewable,
            refused: refused.map(|refused| refused.code.clone()),
            unsaved: facts.unsaved,
        })
    }

    /// In a word or two.
    pub(super) fn shown(&self, cx: &Context) -> String {
        match (&self.refused, &self.expires_at) {
            (Some(code), _) => format!("refused ({code})"),
            _ if self.unsaved => "renewed, not saved yet".to_owned(),
            _ if self.renewable => "renews itself".to_owned(),
            (None, Some(at)) => format!("until {}", shown_time(cx, at)),
            (None, None) => "signed in".to_owned(),
        }
    }
}

fn facts(cx: &Context, connection: &Connection) -> Option<GrantFacts> {
    if !matches!(connection.auth, AuthKind::OAuth | AuthKind::ClientCredentials) {
        return None;
    }
    let account = cx.tenant.account(&connection.name);
    let facts = GrantStore::new(cx.paths.grants()).load(&account);
    (facts.generation > 0).then_some(facts)
}

/// How a connection is doing, in words that outlive the process.
#[derive(Debug, Clone, Serialize)]
pub(super) struct HealthRow {
    pub(super) state: Status,
    pub(super) since: Option<String>,
    pub(super) last_error: Option<String>,
    pub(super) breaker: BreakerState,
    pub(super) latency_ms: Option<u64>,
    pub(super) era: Option<Era>,
}

/// All connections in the order of the file, with what was last known of each.
pub(super) fn all(cx: &Context, settings: &Settings, index: &ToolIndex) -> Vec<(Row, HealthRow)> {
    settings.connections.iter().map(|connection| one(cx, settings, connection, index)).collect()
}

pub(super) fn one(
    cx: &Context,
    settings: &Settings,
    connection: &Connection,
    index: &ToolIndex,
) -> (Row, HealthRow) {
    let name = &connection.name;
    let account = cx.tenant.account(name);
    let known = HealthStore::new(cx.paths.health()).load(&account);
    let lists = ListCache::new(cx.paths.lists())
        .load(&account)
        .filter(|lists| lists.target == connection.target_source());
    let of_this = || index.tools().iter().filter(|tool| tool.member.name() == name);
    let oauth = matches!(connection.auth, AuthKind::OAuth | AuthKind::ClientCredentials)
        && cx.env.token_for(name).is_none();
    let sign_in = SignIn::known(cx, connection);
    let status = if !connection.enabled {
        Status::Disabled
    } else if connection.problem.is_some() {
        Status::Error
    } else if oauth && sign_in.as_ref().is_none_or(|it| it.refused.is_some()) {
        Status::NeedsAuth
    } else {
        match &known {
            // It went well with another URL than the one of now.
            Some(health) if health.state == Status::Connected && lists.is_none() => Status::Unknown,
            Some(health) => health.state,
            // Connected by a command and not used since.
            None if lists.is_some() => Status::Connected,
            None => Status::Unknown,
        }
    };
    let url = match &connection.target {
        Target::Url(url) => Some(url.source().to_owned()),
        _ => None,
    };
    let provider = match &connection.target {
        Target::Provider { id, .. } => Some(id.clone()),
        _ => None,
    };
    let row = Row {
        name: name.to_string(),
        provider,
        url,
        auth: connection.auth,
        status,
        tools: of_this().count(),
        enabled_tools: of_this().filter(|tool| tool.enabled).count(),
        credential: credential(cx, settings, connection, &account),
        last_sync: lists.map(|lists| time(lists.fetched_at)),
    };
    let health = HealthRow {
        state: status,
        since: known.as_ref().map(|health| time(health.since)),
        last_error: connection
            .problem
            .clone()
            .or_else(|| known.as_ref().and_then(|health| health.last_error.clone())),
        breaker: known.as_ref().map_or(BreakerState::Closed, |health| health.breaker),
        latency_ms: known.as_ref().and_then(|health| health.latency_ms),
        era: known.and_then(|health| health.era),
    };
    (row, health)
}

/// What bridges have signed in to: they have no entry, and their tokens are kept like all others.
pub(super) fn bridges(cx: &Context, settings: &Settings) -> Vec<Row> {
    let grants = GrantStore::new(cx.paths.grants());
    let cache = ListCache::new(cx.paths.lists());
    let mut rows = Vec::new();
    for account in grants.accounts() {
        let name = account.rsplit('/').next().unwrap_or_default();
        let Ok(name) = name.parse::<ConnectionName>() else { continue };
        if !name.as_str().starts_with(app::BRIDGE) || cx.tenant.account(&name) != account {
            continue;
        }
        let facts = grants.load(&account);
        let signed_in = facts.generation > 0 && !facts.has_refused(facts.generation);
        let lists = cache.load(&account);
        let tools = lists.as_ref().map_or(0, |lists| lists.tools.len());
        let store = settings.store.unwrap_or(StoreKind::Keychain).word();
        rows.push(Row {
            name: name.to_string(),
            provider: None,
            url: Some(lists.as_ref().map_or(facts.bound, |lists| lists.target.clone())),
            auth: AuthKind::OAuth,
            status: if signed_in { Status::Connected } else { Status::NeedsAuth },
            tools,
            enabled_tools: tools,
            credential: Some(Credential { store, account }),
            last_sync: lists.map(|lists| time(lists.fetched_at)),
        });
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn credential(
    cx: &Context,
    settings: &Settings,
    connection: &Connection,
    account: &str,
) -> Option<Credential> {
    if connection.auth == AuthKind::None {
        return None;
    }
    if cx.env.token_for(&connection.name).is_some() {
        let variable = connection.name.as_str().to_ascii_uppercase().replace('-', "_");
        return Some(Credential {
            store: "environment",
            account: format!("ALLMCP_TOKEN_{variable}"),
        });
    }
    let store = settings.store.unwrap_or(StoreKind::Keychain);
    Some(Credential { store: store.word(), account: account.to_owned() })
}

/// A time for people: on a terminal how long ago it was, elsewhere as it is.
pub(super) fn shown_time(cx: &Context, at: &str) -> String {
    match humantime::parse_rfc3339(at) {
        Ok(then) if cx.out.terminal().stdout => {
            let now = SystemTime::now();
            then.duration_since(now)
                .map_or_else(|_| ago(then, now), |left| format!("in {}", span(left)))
        }
        _ => at.to_owned(),
    }
}

fn ago(then: SystemTime, now: SystemTime) -> String {
    format!("{} ago", span(now.duration_since(then).unwrap_or_default()))
}

/// A time in its largest unit.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A size in the unit in which it has at most four digits.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let (mut count, mut unit) = (count, 0);
    while count >= 10_000 && unit + 1 < UNITS.len() {
        count /= 1024;
        unit += 1;
    }
    format!("{count} {}", UNITS[unit])
}

/// How long a call took: in milliseconds while these say more.
pub(super) fn took(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{ms} ms"),
        10_000..600_000 => format!("{} s", ms / 1000),
        _ => format!("{} min", ms / 60_000),
    }
}

pub(super) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_once() {
        let told = |error| brief("a", error);
        assert_eq!(told("could not reach a: refused"), "could not reach it: refused");
        assert_eq!(told("a needs sign-in: none"), "needs sign-in: none");
        assert_eq!(told("a: ${env:X} is not set"), "${env:X} is not set");
        assert_eq!(told("another thing"), "another thing");
    }

    #[test]
    fn sizes_and_times_are_short() {
        let told = [0, 9999, 10_000, 10_000_000, 1 << 40].map(bytes);
        assert_eq!(told, ["0 B", "9999 B", "9 KiB", "9765 KiB", "1024 GiB"]);
        assert_eq!(
            [9999, 10_000, 599_999, 600_000].map(took),
            ["9999 ms", "10 s", "599 s", "10 min"]
        );
    }

    #[test]
    fn how_long_ago_is_told_in_its_largest_unit() {
        let then = SystemTime::UNIX_EPOCH;
        let told = |seconds| ago(then, then + Duration::from_secs(seconds));
        assert_eq!(
            [told(0), told(59), told(60), told(7199), told(200_000)],
            ["0 s ago", "59 s ago", "1 min ago", "1 h ago", "2 d ago"]
        );
        // A clock that was set back.
        assert_eq!(ago(then + Duration::from_secs(9), then), "0 s ago");
    }
}
