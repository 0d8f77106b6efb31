//! The secret store: whether it takes and gives, who else can read it, and what is in it that
//! nobody needs.

use super::finding::{Check, Finding};
use crate::{
    app,
    cli::context::Context,
    config::{Loaded, Settings},
    kind::{AuthKind, StoreKind},
    name::ConnectionName,
};
use std::collections::BTreeSet;

/// Some connection has a secret, or may have one.
pub(super) fn is_needed(settings: &Settings) -> bool {
    settings.connections.iter().any(|connection| connection.auth != AuthKind::None)
}

pub(in crate::cli) async fn store(cx: &Context, loaded: &Loaded) -> Vec<Finding> {
    let settings = &loaded.settings;
    let vault = cx.vault(settings, None);
    let kind = vault.kind();
    if !is_needed(settings) && settings.store.is_none() {
        return vec![Finding::ok(Check::Store, "no connection needs a secret")];
    }
    if let Err(error) = vault.probe().await {
        let fix = match kind {
            StoreKind::File => "mend or move that file away, then allmcp reconnect for each \
                                connection"
                .to_owned(),
            _ => "unlock or start it; or: allmcp config set settings.store file, then allmcp \
                  reconnect for each connection"
                .to_owned(),
        };
        return vec![Finding::error(Check::Store, format!("{kind}: {error}"), fix)];
    }
    let what = match kind {
        StoreKind::File => "file: any program that runs as you can read it".to_owned(),
        other => format!("{other}: written, read and deleted"),
    };
    let mut findings = vec![Finding::ok(Check::Store, what)];
    // With a file that does not parse it is not known which connections there are.
    if loaded.error.is_none()
        && let Ok(Some(accounts)) = vault.accounts().await
    {
        findings.extend(orphans(settings, accounts));
    }
    findings
}

/// Secrets of connections that are not there: an interrupted `connect`, an entry deleted by hand.
fn orphans(settings: &Settings, accounts: impl IntoIterator<Item = String>) -> Vec<Finding> {
    let known: BTreeSet<&str> = settings.connections.iter().map(|c| c.name.as_str()).collect();
    let mut findings: Vec<Finding> = Vec::new();
    for account in accounts {
        let name = account.rsplit('/').next().unwrap_or_default();
        // Those of bridges have no entry, and are theirs.
        if known.contains(name) || name.starts_with(app::BRIDGE) {
            continue;
        }
        let is_told = |it: &Finding| it.about.as_deref() == Some(name);
        if findings.iter().any(is_told) {
            continue;
        }
        let fix = match name.parse::<ConnectionName>() {
            Ok(name) => format!("allmcp disconnect {name} --yes"),
            Err(_) => format!("delete the item {account:?} of service allmcp"),
        };
        let message = format!("a secret of {account} is kept, and no connection has that name");
        findings.push(Finding::warning(Check::Store, message, fix).on(name));
    }
    findings
}
