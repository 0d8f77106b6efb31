//! What works in this shell and not in a client that the desktop started: such a one passes on
//! next to nothing of the environment.

use super::{
    clients::Entry,
    connections,
    finding::{Check, Finding},
    store,
};
use crate::{
    cli::context::Context,
    config::{self, Settings},
    kind::StoreKind,
    secret::Secret,
    text,
};
use std::path::Path;

/// Variables that stand above the settings, and the key that says the same to everybody.
const KEYS: &[(&[&str], &str)] = &[
    (&["ALLMCP_STORE"], "settings.store"),
    (&["HTTPS_PROXY", "https_proxy"], "settings.proxy"),
    (&["NO_PROXY", "no_proxy"], "settings.no_proxy"),
    (&["SSL_CERT_FILE"], "settings.ca_file"),
    (&["ALLMCP_PASSPHRASE_FILE"], "settings.passphrase_file"),
    (&["BROWSER"], "settings.browser"),
];

pub(super) fn environment(cx: &Context, settings: &Settings, entries: &[Entry]) -> Vec<Finding> {
    let clients: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.ours().is_some())
        .map(|entry| entry.client.title())
        .collect();
    // Where nobody starts us but shells, all is as it is here.
    if clients.is_empty() || settings.connections.is_empty() {
        return Vec::new();
    }
    let them = some(&clients);
    let mut findings: Vec<Finding> = KEYS
        .iter()
        .filter_map(|(variables, key)| in_this_shell(cx, settings, variables, key, &them))
        .collect();
    findings.extend(session_bus(cx, settings, &them));
    for connection in settings.connections.iter().filter(|connection| connection.enabled) {
        let name = &connection.name;
        for taken in connections::taken(connection) {
            let variable = &taken.variable;
            if cx.env.var(variable).is_none() {
                // That is told of the connection itself.
                continue;
            }
            let passes = |entry: &&Entry| entry.ours().is_some() && !entry.passes(variable);
            let without: Vec<&str> =
                entries.iter().filter(passes).map(|entry| entry.client.title()).collect();
            if without.is_empty() {
                continue;
            }
            let message = format!(
                "{name} takes {variable} from this shell, and {} may not pass it on",
                some(&without)
            );
            let fix = format!("{}; or put it into \"env\" of the client's entry", taken.instead);
            findings.push(Finding::warning(Check::Environment, message, fix).on(name.as_str()));
        }
        if cx.env.token_for(name).is_some() {
            let message =
                format!("the key of {name} is from this shell, {them} may not pass it on");
            let fix = format!("allmcp reconnect {name} --token-stdin");
            findings.push(Finding::warning(Check::Environment, message, fix).on(name.as_str()));
        }
    }
    findings
}

/// Two names at most: `a`, `a and b`, `a and 3 others`.
fn some(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} others", rest.len()),
    }
}

/// A variable that changes what the file says, for whoever has it.
fn in_this_shell(
    cx: &Context,
    settings: &Settings,
    variables: &[&str],
    key: &str,
    them: &str,
) -> Option<Finding> {
    let set = |name: &&str| {
        let value = cx.env.var(name).map(Secret::into_inner).filter(|value| !value.is_empty());
        value.map(|value| ((*name).to_owned(), value))
    };
    let (variable, value) = variables.iter().find_map(set)?;
    let kept = config::get_key(&cx.paths, key).ok()?;
    if kept.as_deref() == Some(value.as_str()) {
        return None;
    }
    if key == "settings.store" && !store::is_needed(settings) {
        return None;
    }
    // A proxy may have a password in it.
    let fix = if value.contains('@') {
        format!("allmcp config edit, and set {key}")
    } else {
        format!("allmcp config set {key} {}", text::word(&value, 300))
    };
    let message = format!("{variable} is set in this shell, and {them} may not pass it on");
    Some(Finding::warning(Check::Environment, message, fix).on(variable))
}

/// On Linux the keychain is behind the session bus, which is looked for where systemd puts it.
fn session_bus(cx: &Context, settings: &Settings, them: &str) -> Option<Finding> {
    let keychain = settings.store.unwrap_or(StoreKind::Keychain) == StoreKind::Keychain;
    if !cfg!(target_os = "linux") || !keychain || !store::is_needed(settings) {
        return None;
    }
    cx.env.var("DBUS_SESSION_BUS_ADDRESS").filter(|address| !address.expose().is_empty())?;
    if Path::new(&usual_bus()).exists() {
        return None;
    }
    let message = format!(
        "the keychain is reached by DBUS_SESSION_BUS_ADDRESS, and {them} may not pass it on"
    );
    let fix = "put it into \"env\" of the client's entry; or keep secrets in a file: allmcp config \
               set settings.store file, then allmcp reconnect for each connection";
    Some(Finding::warning(Check::Environment, message, fix).on("DBUS_SESSION_BUS_ADDRESS"))
}

/// Where systemd puts it.
fn usual_bus() -> String {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let user = 0;
    format!("/run/user/{user}/bus")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_clients_are_named_and_many_are_counted() {
        let told: Vec<_> = [&["a"][..], &["a", "b"], &["a", "b", "c"]].map(some).into();
        assert_eq!(told, ["a", "a and b", "a and 2 others"]);
    }
}
