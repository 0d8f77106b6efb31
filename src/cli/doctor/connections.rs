//! Connections: how each fared last, and what it would need that is not there.

use super::finding::{Check, Finding};
use crate::{
    app::{App, Scope},
    cli::{context::Context, rows},
    config::{Connection, Settings, Target},
    kind::{AuthKind, Status},
    secret::holds_credential,
    store::tool_cache::ListCache,
    template::{Hole, Template},
    text,
};

pub(super) fn connections(cx: &Context, settings: &Settings) -> Vec<Finding> {
    let app = App::build(&cx.paths, &cx.env, settings, &cx.tenant, Scope::All);
    let rows = rows::all(cx, settings, &app.hub.index());
    let rows = rows.into_iter().zip(&settings.connections);
    rows.map(|((row, health), connection)| {
        unset(cx, connection)
            .unwrap_or_else(|| fared(cx, connection, row.status, health.last_error))
            .on(&row.name)
    })
    .collect()
}

fn fared(
    cx: &Context,
    connection: &Connection,
    status: Status,
    last_error: Option<String>,
) -> Finding {
    let name = &connection.name;
    let refused = rows::SignIn::known(cx, connection)
        .and_then(|sign_in| sign_in.refused)
        .map(|code| format!("the sign-in was refused ({code})"));
    let why = refused.filter(|_| status == Status::NeedsAuth).or(last_error);
    let message = match why {
        Some(why) => format!("{name}: {status}, {why}"),
        None => format!("{name}: {status}"),
    };
    match status {
        Status::NeedsAuth => {
            // Where no browser can be opened, the address is for another machine's.
            let hand = !cx.env.desktop && cx.env.browser.is_none();
            let by_hand =
                if hand && connection.auth == AuthKind::OAuth { " --no-browser" } else { "" };
            let fix = format!("allmcp reconnect {name}{by_hand}");
            Finding::error(Check::Connection, message, fix)
        }
        Status::Error | Status::Paused if connection.problem.is_some() => {
            Finding::error(Check::Connection, message, "allmcp config edit")
        }
        Status::Error | Status::Paused => {
            Finding::error(Check::Connection, message, format!("allmcp status {name} --live"))
        }
        Status::Unknown => {
            let lists = ListCache::new(cx.paths.lists()).load(&cx.tenant.account(name));
            let why = match lists {
                Some(_) => "its kept list of tools is of another URL",
                None => "it was never asked for its tools",
            };
            let message = format!("{name}: {status}, {why}");
            Finding::warning(Check::Connection, message, format!("allmcp sync {name}"))
        }
        Status::Connected | Status::Disabled => Finding::ok(Check::Connection, message),
    }
}

/// A variable that its entry takes from the environment.
pub(super) struct Taken {
    pub(super) variable: String,
    /// How the value can be had without it.
    pub(super) instead: String,
}

/// The variables that the entry of a connection takes from the environment.
pub(super) fn taken(connection: &Connection) -> Vec<Taken> {
    let name = &connection.name;
    let mut all: Vec<Taken> = Vec::new();
    let mut add = |key: String, template: &Template, secret: bool| {
        for hole in template.holes() {
            let Hole::Env(variable) = hole else { continue };
            let hole = format!("${{env:{variable}}}");
            let key = text::word(&format!("connections.{name}.{key}"), 200);
            let value = |with: &str| text::word(&template.source().replace(&hole, with), 400);
            let instead = if secret {
                format!(
                    "allmcp config set {key} {}, then: allmcp reconnect {name} --token-stdin",
                    value("${secret:token}")
                )
            } else {
                format!("allmcp config set {key} {}", value("VALUE"))
            };
            if all.iter().all(|taken| taken.variable != *variable) {
                all.push(Taken { variable: variable.clone(), instead });
            }
        }
    };
    if let Target::Url(url) = &connection.target {
        add("url".to_owned(), url, false);
    }
    for (header, value) in &connection.headers {
        let key = if header.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            format!("headers.{header}")
        } else {
            format!("headers.\"{header}\"")
        };
        add(key, value, holds_credential(header));
    }
    for (param, value) in &connection.params {
        add(format!("params.{param}"), value, false);
    }
    all
}

/// The first variable that an enabled connection needs and that is not set here.
fn unset(cx: &Context, connection: &Connection) -> Option<Finding> {
    let missing = |taken: &Taken| cx.env.var(&taken.variable).is_none();
    let Taken { variable, instead } =
        taken(connection).into_iter().find(missing).filter(|_| connection.enabled)?;
    let name = &connection.name;
    let message = format!("{name}: needs {variable} from the environment, and it is not set");
    Some(Finding::error(Check::Connection, message, instead))
}
