//! One connection in full.

use super::{Context, StatusRow, rows};
use crate::{
    kind::{BreakerState, Era},
    ui::Facts,
};
use std::io;

pub(super) fn print(
    cx: &Context,
    StatusRow { row, health, sign_in, .. }: &StatusRow,
) -> io::Result<()> {
    cx.out.heading(&row.name)?;
    let time = |at: &Option<String>| at.as_ref().map(|at| rows::shown_time(cx, at));
    let mut facts = Facts::at(2);
    facts
        .marked("status", row.status.into(), row.status.word())
        .add("since", time(&health.since).as_deref())
        .add("last error", health.last_error.as_deref())
        .add("provider", row.provider.as_deref())
        .add("url", row.url.as_deref())
        .add("auth", Some(row.auth.word()));
    if let Some(sign_in) = sign_in {
        let scopes = sign_in.scopes.join(" ");
        facts
            .add("sign-in", Some(&sign_in.shown(cx)))
            .add("signed in", time(&sign_in.since).as_deref())
            .add("issuer", sign_in.issuer.as_deref())
            .add("scopes", Some(scopes.as_str()).filter(|it| !it.is_empty()));
    }
    let kept = row.credential.as_ref().map(|c| format!("{}, account {}", c.store, c.account));
    let latency = health.latency_ms.map(|ms| format!("{ms} ms"));
    let breaker = (health.breaker != BreakerState::Closed).then(|| health.breaker.word());
    facts
        .add("credential", kept.as_deref())
        .add("tools", Some(&row.counted()))
        .add("last sync", time(&row.last_sync).as_deref())
        .add("latency", latency.as_deref())
        .add("era", health.era.map(Era::word))
        .add("breaker", breaker);
    cx.out.facts(&facts)
}
