//! What is remembered of connections: that which nobody needs any more, and that which is old.

use super::finding::{Check, Finding, Level};
use crate::{
    app,
    cli::context::Context,
    config::Settings,
    name::ConnectionName,
    store::{GrantStore, HealthStore, PinStore, tool_cache::ListCache},
    text,
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// Lists that are older say little of what a server offers now.
const OLD: Duration = Duration::from_hours(30 * 24);

/// What is kept of connections that are not there.
pub(super) fn leftovers(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let kept = [
        ("lists", ListCache::new(cx.paths.lists()).accounts()),
        ("health", HealthStore::new(cx.paths.health()).accounts()),
        ("approvals", PinStore::new(cx.paths.pins()).accounts()),
        ("sign-in", GrantStore::new(cx.paths.grants()).accounts()),
    ];
    let mut by_name: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (what, accounts) in kept {
        for account in accounts {
            let name = account.rsplit('/').next().unwrap_or_default();
            let is_there = settings.connection(name).is_some() || name.starts_with(app::BRIDGE);
            // What has no such name is not ours.
            if is_there || name.parse::<ConnectionName>().is_err() {
                continue;
            }
            let all = by_name.entry(name.to_owned()).or_default();
            if !all.contains(&what) {
                all.push(what);
            }
        }
    }
    let told = |(name, what): (String, Vec<&str>)| {
        let message =
            format!("what was known of {name} is kept ({}), and it is gone", what.join(", "));
        let fix = format!("allmcp disconnect {name} --yes");
        Finding::warning(Check::Cache, message, fix).on(name)
    };
    by_name.into_iter().map(told).collect()
}

/// Lists that cannot be read, are of another URL, or were fetched long ago; of connections that
/// are well otherwise, for what is wrong with the others comes first.
pub(super) fn old(cx: &Context, settings: &Settings, connections: &[Finding]) -> Vec<Finding> {
    let cache = ListCache::new(cx.paths.lists());
    let kept = cache.accounts();
    let now = SystemTime::now();
    let mut findings = Vec::new();
    for connection in settings.connections.iter().filter(|connection| connection.enabled) {
        let name = &connection.name;
        let account = cx.tenant.account(name);
        let is_well =
            |it: &Finding| it.about.as_deref() == Some(name.as_str()) && it.status == Level::Ok;
        if !kept.contains(&account) {
            continue;
        }
        let message = match cache.load(&account) {
            None => format!("the kept list of tools of {name} cannot be read"),
            Some(_) if !connections.iter().any(is_well) => continue,
            Some(lists) if lists.target != connection.target_source() => {
                format!("the kept list of tools of {name} is of another URL")
            }
            Some(lists) => {
                let age = now.duration_since(lists.fetched_at).unwrap_or_default();
                if age < OLD {
                    continue;
                }
                let days = usize::try_from(age.as_secs() / 86_400).unwrap_or(usize::MAX);
                format!("the kept list of tools of {name} is {} old", text::count(days, "day"))
            }
        };
        let fix = format!("allmcp sync {name}");
        findings.push(Finding::warning(Check::Cache, message, fix).on(name.as_str()));
    }
    findings
}
