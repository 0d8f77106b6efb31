//! Every key that `config.toml` may have, and its value when it is left out.

use crate::name::nearest;

/// A key and its default as `config get` prints it; `None`: unset, or not to be said in a word.
pub(super) type Key = (&'static str, Option<&'static str>);

pub(super) const TOP: &[Key] =
    &[("version", Some("1")), ("settings", None), ("connections", None), ("profiles", None)];

pub(super) const SETTINGS: &[Key] = &[
    ("mode", Some("auto")),
    ("store", None),
    ("proxy", None),
    ("no_proxy", None),
    ("ca_file", None),
    ("passphrase_file", None),
    ("browser", None),
    ("log_level", Some("info")),
    ("max_result", None),
    ("own_tools", Some("[\"*\"]")),
    ("link_life", Some("10m")),
    ("pin", Some("warn")),
    ("approval_wait", Some("5m")),
    ("approval_life", Some("10m")),
];

pub(super) const CONNECTION: &[Key] = &[
    ("url", None),
    ("provider", None),
    ("way", None),
    ("base_url", None),
    ("command", None),
    ("args", Some("[]")),
    ("env", None),
    ("params", None),
    ("auth", None),
    ("transport", Some("auto")),
    ("enabled", Some("true")),
    ("timeout", Some("55s")),
    ("connect_timeout", Some("5s")),
    ("breaker_first", Some("1s")),
    ("breaker_max", Some("60s")),
    ("pin", None),
    ("headers", None),
    ("oauth", None),
    ("tools", None),
    ("policy", None),
];

pub(super) const OAUTH: &[Key] = &[
    ("client_id", None),
    ("client_metadata_url", None),
    ("scopes", Some("[]")),
    ("resource", None),
    ("issuer", None),
    ("callback_port", Some("0")),
    ("callback_host", Some("127.0.0.1")),
    ("authorize_params", None),
    ("authorize_omit", Some("[]")),
    ("pkce", Some("supported")),
    ("registration_url", None),
    ("authorize_url", None),
    ("token_url", None),
    ("revoke_url", None),
    ("token_body", Some("form")),
    ("token_params", None),
];

pub(super) const TOOLS: &[Key] = &[("allow", Some("[\"*\"]")), ("deny", Some("[]"))];

/// Without a word of the user's the provider's manifest has one.
pub(super) const POLICY: &[Key] = &[("write", None), ("destructive", None), ("tools", None)];

pub(super) const PROFILE: &[Key] = &[("connections", Some("[]"))];

/// The known key nearest to `word`.
pub(super) fn nearest_in(keys: &[Key], word: &str) -> Option<&'static str> {
    nearest(word, keys.iter().map(|(name, _)| *name))
}

/// What is at a dotted path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A value, or a table of values that the schema knows.
    Known { default: Option<&'static str> },
    /// A name or a value that the user makes up: a connection, a header, a parameter.
    Free,
    /// No key goes by that path.
    Unknown { nearest: Option<String> },
}

/// Looks `path` up; an empty path is nowhere.
pub(super) fn place(path: &[&str]) -> Place {
    match path {
        ["settings", key] => look_up(SETTINGS, key, "settings."),
        ["connections" | "profiles", _]
        | ["connections", _, "headers" | "params" | "env", _]
        | ["connections", _, "oauth", "authorize_params" | "token_params", _]
        | ["connections", _, "policy", "tools", _] => Place::Free,
        ["connections", c, key] => look_up(CONNECTION, key, &format!("connections.{c}.")),
        ["connections", c, "tools", key] => look_up(TOOLS, key, &format!("connections.{c}.tools.")),
        ["connections", c, "oauth", key] => look_up(OAUTH, key, &format!("connections.{c}.oauth.")),
        ["connections", c, "policy", key] => {
            look_up(POLICY, key, &format!("connections.{c}.policy."))
        }
        ["profiles", p, key] => look_up(PROFILE, key, &format!("profiles.{p}.")),
        [key] => match look_up(TOP, key, "") {
            // What people mean by a bare `mode` is the setting.
            Place::Unknown { nearest } => Place::Unknown {
                nearest: nearest_in(SETTINGS, key).map(|k| format!("settings.{k}")).or(nearest),
            },
            known => known,
        },
        [first, rest @ ..] if !rest.is_empty() && !TOP.iter().any(|(name, _)| name == first) => {
            let nearest = nearest_in(TOP, first).map(|k| format!("{k}.{}", rest.join(".")));
            Place::Unknown { nearest }
        }
        _ => Place::Unknown { nearest: None },
    }
}

fn look_up(keys: &[Key], key: &str, prefix: &str) -> Place {
    match keys.iter().find(|(name, _)| *name == key) {
        Some((_, default)) => Place::Known { default: *default },
        None => Place::Unknown { nearest: nearest_in(keys, key).map(|k| format!("{prefix}{k}")) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(path: &[&str]) -> Option<String> {
        match place(path) {
            Place::Unknown { nearest } => nearest,
            other => panic!("{path:?} is {other:?}"),
        }
    }

    #[test]
    fn a_wrong_path_is_put_right_where_possible() {
        assert_eq!(unknown(&["mode"]).as_deref(), Some("settings.mode"));
        assert_eq!(unknown(&["setings"]).as_deref(), Some("settings"));
        assert_eq!(unknown(&["settngs", "mode"]).as_deref(), Some("settings.mode"));
        assert_eq!(
            unknown(&["connections", "c0", "timout"]).as_deref(),
            Some("connections.c0.timeout")
        );
        assert_eq!(unknown(&["settings", "mode", "x"]), None);
    }

    #[test]
    fn made_up_names_are_free_and_known_keys_have_defaults() {
        assert_eq!(place(&["connections", "c0", "headers", "X-Any"]), Place::Free);
        assert_eq!(place(&["connections", "c0", "oauth", "authorize_params", "p"]), Place::Free);
        assert_eq!(place(&["connections", "c0", "oauth", "token_params", "p"]), Place::Free);
        assert_eq!(place(&["connections", "c0", "policy", "tools", "*_delete"]), Place::Free);
        let timeout = place(&["connections", "c0", "timeout"]);
        assert_eq!(timeout, Place::Known { default: Some("55s") });
    }
}
