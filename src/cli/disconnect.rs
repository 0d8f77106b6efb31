//! `allmcp disconnect`: the entry, its credential and what was remembered of it.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::DisconnectArgs,
};
use crate::{
    app, config,
    kind::AuthKind,
    store::{health::HealthStore, pins::PinStore, tool_cache::ListCache},
    task,
};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    removed: bool,
    credential_deleted: bool,
}

pub(super) async fn run(cx: &Context, args: DisconnectArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    let name = &args.name;
    let Some(connection) = settings.connection(name.as_str()) else {
        cx.out.note(&format!("there is no connection {name}"));
        return done(cx, name.as_str(), false, false);
    };
    let keyed = connection.auth != AuthKind::None;
    if !args.yes {
        let what = if keyed { " and delete its stored credential" } else { "" };
        let question = format!("Remove {name} ({}){what}?", connection.target_source());
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
    let mut accounts = BTreeSet::from([cx.tenant.account(name)]);
    let mut deleted = false;
    if keyed {
        // The credentials go first: an entry without one can be disconnected again, a credential
        // without an entry is an orphan.
        let vault = cx.vault(&settings, None);
        let kept = vault.accounts().await.map_err(CliError::from)?.unwrap_or_default();
        accounts.extend(kept.into_iter().filter(|a| a.rsplit('/').next() == Some(name.as_str())));
        for account in &accounts {
            deleted |= vault.delete(account).await.map_err(CliError::from)?;
        }
    }
    config::remove_connection(&cx.paths, name)?;
    for account in &accounts {
        forget(cx, name.as_str(), account);
    }
    app::remember_good(&cx.paths);
    cx.out.note(&format!("{name} is disconnected"));
    done(cx, name.as_str(), true, deleted)
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

fn done(cx: &Context, name: &str, removed: bool, credential_deleted: bool) -> CliResult {
    if cx.out.json() {
        cx.out.document("disconnect", &Document { name, removed, credential_deleted })?;
    }
    Ok(Exit::DONE)
}
