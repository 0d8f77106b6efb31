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
};
use serde::Serialize;

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
    let account = cx.tenant.account(name);
    // The credential goes first: an entry without one can be disconnected again, a credential
    // without an entry is an orphan.
    let deleted =
        keyed && cx.vault(&settings, None).delete(&account).await.map_err(CliError::from)?;
    config::remove_connection(&cx.paths, name)?;
    for forgotten in [
        ListCache::new(cx.paths.lists()).remove(&account),
        HealthStore::new(cx.paths.health()).remove(&account),
        PinStore::new(cx.paths.pins()).remove(&account),
    ] {
        if let Err(error) = forgotten {
            cx.out.warn(&format!("something remembered of {name} could not be removed: {error}"));
        }
    }
    app::remember_good(&cx.paths);
    cx.out.note(&format!("{name} is disconnected"));
    done(cx, name.as_str(), true, deleted)
}

fn done(cx: &Context, name: &str, removed: bool, credential_deleted: bool) -> CliResult {
    if cx.out.json() {
        cx.out.document("disconnect", &Document { name, removed, credential_deleted })?;
    }
    Ok(Exit::DONE)
}
