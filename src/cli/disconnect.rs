//! `allmcp disconnect`: the entry, its credential and what was remembered of it.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{DisconnectArgs, Leaving},
};
use crate::{
    app,
    auth::Revoked,
    config,
    connect::{self, Left},
    kind::AuthKind,
    name::ConnectionName,
    store::{health::HealthStore, pins::PinStore, tool_cache::ListCache},
    task, text,
};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    removed: bool,
    credential_deleted: bool,
    /// Whether the server took the tokens back; `null` where there were none.
    revoked: Option<bool>,
}

pub(super) async fn run(cx: &Context, args: DisconnectArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    let (name, entry) = match &args.target {
        Leaving::Connection(name) => (name.clone(), settings.connection(name.as_str())),
        Leaving::Bridge(url) => (app::bridge_name(url), None),
    };
    let bridge = name.as_str().starts_with(app::BRIDGE);
    if entry.is_none() && !bridge {
        cx.out.note(&format!("there is no connection {name}"));
        return done(cx, &name, false, Left::default());
    }
    let keyed = entry.is_none_or(|connection| connection.auth != AuthKind::None);
    if !args.yes {
        let what = if keyed { " and delete its stored credential" } else { "" };
        let of = match (&args.target, entry) {
            (Leaving::Bridge(url), _) => text::line(url, 200),
            (_, entry) => entry.map(|c| c.target_source().to_owned()).unwrap_or_default(),
        };
        let question = format!("Remove {name} ({of}){what}?");
        let yes = cx.prompter.confirm(&question, "--yes").map_err(CliError::from)?;
        if !yes {
            cx.out.note("nothing was changed");
            return Ok(Exit::FAILED);
        }
    }
    let paths = cx.paths.clone();
    let _lock = task::blocking(move || app::connect_lock(&paths))
        .await
        .map_err(|error| CliError::failed("could not lock the configuration").because(&error))?
        .map_err(|error| CliError::failed("could not lock the configuration").because(&error))?;
    let mut accounts = BTreeSet::from([cx.tenant.account(&name)]);
    let mut left = Left::default();
    if keyed {
        // The credentials go first: an entry without one can be disconnected again, a credential
        // without an entry is an orphan.
        let vault = cx.vault(&settings, None);
        let kept = vault.accounts().await.map_err(CliError::from)?.unwrap_or_default();
        accounts.extend(kept.into_iter().filter(|a| a.rsplit('/').next() == Some(name.as_str())));
        let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, None);
        let known = deps.connections.connections();
        let entered = known.iter().find(|there| there.name == name);
        for account in &accounts {
            let one = connect::leave(&deps, account, entered);
            let one = cx.out.waiting("signing out", one).await.map_err(CliError::from)?;
            left.deleted |= one.deleted;
            left.revoked = one.revoked.or(left.revoked);
        }
    }
    let removed = entry.is_some() && config::remove_connection(&cx.paths, &name)?;
    for account in &accounts {
        forget(cx, name.as_str(), account);
    }
    if removed {
        app::remember_good(&cx.paths);
    } else if !left.deleted {
        cx.out.note(&format!("nothing is stored for {name}"));
        return done(cx, &name, false, left);
    }
    cx.out.note(&format!("{name} is disconnected"));
    match left.revoked {
        Some(Revoked::Done) => cx.out.note("its tokens were revoked at the server"),
        Some(Revoked::Failed) => cx.out.warn(
            "the server could not be told that the tokens are given up; they end by themselves",
        ),
        Some(Revoked::NotOffered) | None => {}
    }
    done(cx, &name, true, left)
}

fn forget(cx: &Context, name: &str, account: &str) {
    for forgotten in [
        ListCache::new(cx.paths.lists()).remove(account),
        HealthStore::new(cx.paths.health()).remove(account),
        PinStore::new(cx.paths.pins()).remove(account),
    ] {
        if let Err(error) = forgotten {
            cx.out.warn(&format!("something remembered of {name} could not be removed: {error}"));
        }
    }
}

fn done(cx: &Context, name: &ConnectionName, removed: bool, left: Left) -> CliResult {
    if cx.out.json() {
        let Left { deleted: credential_deleted, revoked } = left;
        let revoked = revoked.map(|revoked| revoked == Revoked::Done);
        let name = name.as_str();
        cx.out.document("disconnect", &Document { name, removed, credential_deleted, revoked })?;
    }
    Ok(Exit::DONE)
}
