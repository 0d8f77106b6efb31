//! `allmcp disconnect`: the entry, its credential and what was remembered of it.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{self, DisconnectArgs},
};
use crate::{
    app,
    auth::Revoked,
    connect::{self, LeaveError, Leaving, Left},
    kind::AuthKind,
    name::ConnectionName,
    text,
};
use serde::Serialize;

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
        grammar::Leaving::Connection(name) => (name.clone(), settings.connection(name.as_str())),
        grammar::Leaving::Bridge(url) => (app::bridge_name(url), None),
    };
    let bridge = name.as_str().starts_with(app::BRIDGE);
    let vault = cx.vault(&settings, None);
    let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, None);
    if entry.is_none() && !bridge && !connect::is_anything_kept(&deps, &name).await {
        cx.out.note(&format!("there is no connection {name}"));
        return done(cx, &name, false, Left::default());
    }
    let keyed = entry.is_none_or(|connection| connection.auth != AuthKind::None);
    if !args.yes {
        let what = if keyed { " and delete its stored credential" } else { "" };
        let of = match (&args.target, entry) {
            (grammar::Leaving::Bridge(url), _) => text::line(url, 200),
            (_, Some(entry)) => entry.target_source().to_owned(),
            (_, None) => "which has no entry any more".to_owned(),
        };
        let question = format!("Remove {name} ({of}){what}?");
        let yes = cx.prompter.confirm(&question, "--yes").map_err(CliError::from)?;
        if !yes {
            cx.out.note("nothing was changed");
            return Ok(Exit::FAILED);
        }
    }
    let work = connect::disconnect(&deps, &name, &cx.tenant);
    let leaving = cx.out.waiting("signing out", work).await.map_err(|error| match error {
        LeaveError::Store(error) => CliError::from(error),
        error => CliError::failed(error.to_string()),
    })?;
    let Leaving { removed, left } = leaving;
    if !removed && !left.deleted && bridge {
        cx.out.note(&format!("nothing is stored for {name}"));
        return done(cx, &name, false, left);
    }
    cx.out.note(&format!("{name} is disconnected"));
    match (left.revoked, leaving.revoked()) {
        (Some(Revoked::Failed), Some(told)) => cx.out.warn(told),
        (_, told) => told.into_iter().for_each(|told| cx.out.note(told)),
    }
    done(cx, &name, true, left)
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
