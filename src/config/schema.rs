//! What is at a dotted path of `config.toml`.

use crate::name::nearest;

pub(super) use super::reference::{CONNECTION, Key, OAUTH, POLICY, PROFILE, SETTINGS, TOOLS, TOP};

/// The known key nearest to `word`.
pub(super) fn nearest_in(keys: &[Key], word: &str) -> Option<&'static str> {
    nearest(word, keys.iter().map(|key| key.name))
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
        [first, rest @ ..] if !rest.is_empty() && !TOP.iter().any(|key| key.name == *first) => {
            let nearest = nearest_in(TOP, first).map(|k| format!("{k}.{}", rest.join(".")));
            Place::Unknown { nearest }
        }
        _ => Place::Unknown { nearest: None },
    }
}

fn look_up(keys: &[Key], key: &str, prefix: &str) -> Place {
    match keys.iter().find(|known| known.name == key) {
        Some(known) => Place::Known { default: known.default },
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
