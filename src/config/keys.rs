//! Single values by their dotted path: `config get` and `config set`.

use super::{
    ConfigError, Paths,
    edit::{connection, edit, headed, parse, put, put_inline, text},
    read::{Finding, read},
    schema::{Place, place},
    settings::Target,
};
use crate::kind::Rule;
use std::path::Path;
use toml_edit::{DocumentMut, InlineTable, Item, Key, TableLike, Value};

/// Sets the value at a dotted path. `value` is TOML where it parses, else a text. An unknown key
/// and a wrong value are errors, and leave the file as it was.
pub fn set_key(paths: &Paths, dotted: &str, value: &str) -> Result<(), ConfigError> {
    let path = split(dotted)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Place::Unknown { nearest } = place(&path) {
        return Err(ConfigError::UnknownKey { key: dotted.to_owned(), nearest });
    }
    let value = value.parse().unwrap_or_else(|_| Value::from(value));
    edit(paths, |document| {
        let before = findings(document, &paths.config_file)?;
        if let ["connections", name, _, ..] = path[..] {
            connection(document, name)?;
        }
        insert(document, &path, value)?;
        let after = findings(document, &paths.config_file)?;
        match after.into_iter().find(|f| concerns(f, &path) || !known(&before, f)) {
            Some(f) if f.unknown => {
                Err(ConfigError::UnknownKey { key: f.path, nearest: f.nearest })
            }
            Some(f) => Err(ConfigError::BadValue { key: f.path, message: f.message }),
            None => Ok(()),
        }
    })
}

/// The value at a dotted path as the file has it, else its default; `None` when it is unset. A
/// text comes without quotes, a table as TOML.
pub fn get_key(paths: &Paths, dotted: &str) -> Result<Option<String>, ConfigError> {
    let path = split(dotted)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let default = match place(&path) {
        Place::Unknown { nearest } => {
            return Err(ConfigError::UnknownKey { key: dotted.to_owned(), nearest });
        }
        Place::Known { default } => default,
        Place::Free => None,
    };
    let source = text(&paths.config_file)?.unwrap_or_default();
    let mut document = parse(&source, &paths.config_file)?;
    if let ["connections", name, ..] = path[..] {
        connection(&mut document, name)?;
    }
    if let Some(item) = look_up(document.as_item(), &path) {
        return Ok(Some(shown(item)));
    }
    // Some defaults hang on other values.
    let settings = read(&source, &paths.config_file)?.settings;
    Ok(match path[..] {
        ["connections", name, "auth"] => {
            settings.connection(name).map(|c| c.auth.word().to_owned())
        }
        // Of a provider, its manifest has a word too.
        ["connections", name, "policy", "write" | "destructive"] => settings
            .connection(name)
            .filter(|c| !matches!(c.target, Target::Provider { .. }))
            .map(|_| Rule::Allow.word().to_owned()),
        ["connections", _, "pin"] => Some(settings.pin.word().to_owned()),
        _ => default.map(str::to_owned),
    })
}

fn split(dotted: &str) -> Result<Vec<String>, ConfigError> {
    match Key::parse(dotted) {
        Ok(keys) if !keys.is_empty() => Ok(keys.iter().map(|k| k.get().to_owned()).collect()),
        _ => Err(ConfigError::UnknownKey { key: dotted.to_owned(), nearest: None }),
    }
}

fn findings(document: &DocumentMut, file: &Path) -> Result<Vec<Finding>, ConfigError> {
    read(&document.to_string(), file).map(|read| read.findings)
}

/// True for what is said of `path` or of something in it.
fn concerns(finding: &Finding, path: &[&str]) -> bool {
    let rest = finding.path.strip_prefix(&path.join("."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn known(before: &[Finding], finding: &Finding) -> bool {
    before.iter().any(|b| b.path == finding.path && b.message == finding.message)
}

fn insert(document: &mut DocumentMut, path: &[&str], value: Value) -> Result<(), ConfigError> {
    let Some((last, folders)) = path.split_last() else { return Ok(()) };
    let mut at: &mut Item = document.as_item_mut();
    for key in folders {
        if !table(at, key)?.contains_key(key) {
            match at.as_inline_table_mut() {
                Some(inline) => put_inline(inline, key, InlineTable::new().into()),
                None => drop(table(at, key)?.insert(key, Item::Table(headed("\n")))),
            }
        }
        at = table(at, key)?.get_mut(key).ok_or_else(|| no_table(key))?;
    }
    match at.as_inline_table_mut() {
        Some(inline) if !inline.contains_key(last) => put_inline(inline, last, value),
        _ => put(table(at, last)?, last, value),
    }
    Ok(())
}

fn table<'i>(item: &'i mut Item, key: &str) -> Result<&'i mut dyn TableLike, ConfigError> {
    item.as_table_like_mut().ok_or_else(|| no_table(key))
}

fn no_table(key: &str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), message: "its parent is no table".to_owned() }
}

fn look_up<'i>(item: &'i Item, path: &[&str]) -> Option<&'i Item> {
    path.iter().try_fold(item, |item, key| item.as_table_like()?.get(key))
}

fn shown(item: &Item) -> String {
    match item {
        Item::Value(Value::String(text)) => text.value().clone(),
        Item::Table(table) => {
            let mut document = DocumentMut::new();
            *document.as_table_mut() = table.clone();
            document.as_table_mut().decor_mut().clear();
            document.to_string().trim().to_owned()
        }
        other => other.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::tests::{home, now};

    const FILE: &str = "[connections.c0]\nurl = \"https://h.example/${secret:x}\"\ntimeout = \"5s\" # short\nparams = { a = \"1\" }\n";

    fn set(key: &str, value: &str) -> Result<String, String> {
        let (_dir, paths) = home(Some(FILE));
        let done = set_key(&paths, key, value);
        let text = now(&paths);
        match done {
            Ok(()) => Ok(text),
            Err(e) => {
                assert_eq!(text, FILE, "an error leaves the file alone");
                Err(e.to_string())
            }
        }
    }

    #[test]
    fn values_are_set_in_place() {
        let text = set("connections.c0.timeout", "55s").unwrap();
        assert_eq!(text, FILE.replace("\"5s\" #", "\"55s\" #"));
        assert!(
            set("settings.max_result", "1000")
                .unwrap()
                .contains("\n[settings]\nmax_result = 1000\n")
        );
        assert!(set("connections.c0.params.b", "2").unwrap().contains("{ a = \"1\", b = 2 }"));
        let text = set("connections.c0.tools.deny", "[\"*_delete\"]").unwrap();
        assert!(text.contains("[connections.c0.tools]\ndeny = [\"*_delete\"]"), "{text}");
        assert!(set("connections.c0.headers.\"X-A\"", "v").unwrap().contains("X-A = \"v\""));
        let text = set("connections.c0.policy.tools.\"*_delete\"", "ask").unwrap();
        assert!(text.contains("[connections.c0.policy.tools]\n\"*_delete\" = \"ask\""), "{text}");
        assert!(set("connections.c0.oauth.scopes", "[\"a\"]").is_ok());
        assert!(set("connections.c0.enabled", "false").unwrap().contains("\nenabled = false\n"));
    }

    #[test]
    fn unknown_keys_offer_the_nearest() {
        let error = |key| set(key, "1").unwrap_err();
        assert_eq!(error("mode"), "unknown key \"mode\"; did you mean settings.mode?");
        assert_eq!(
            error("connections.c0.timout"),
            "unknown key \"connections.c0.timout\"; did you mean connections.c0.timeout?"
        );
        assert_eq!(
            error("connections.c1.timeout"),
            "no connection is called \"c1\"; did you mean c0?"
        );
        assert_eq!(error("a..b"), "unknown key \"a..b\"");
        let error = set("settings", "{ moed = \"full\" }").unwrap_err();
        assert_eq!(error, "unknown key \"settings.moed\"; did you mean settings.mode?");
    }

    #[test]
    fn wrong_values_are_refused() {
        for (key, value) in [
            ("connections.c0.timeout", "55"),
            ("connections.c0.enabled", "yes"),
            ("connections.c0.policy.destructive", "no"),
            ("connections.c0.policy.tools.x", "no"),
            ("connections.c0.policy.tools", "ask"),
            ("connections.c0.url", "nonsense"),
            ("connections.c0.command", "npx"),
            ("connections.c0", "{}"),
            ("connections.Bad", "{ command = \"x\" }"),
            ("settings.mode", "fulll"),
            ("settings.own_tools", "list_*"),
            ("connections.c0.url.x", "1"),
            ("version", "2"),
        ] {
            let error = set(key, value).unwrap_err();
            assert!(
                error.contains("wrong value") || error.contains("unknown key"),
                "{key}: {error}"
            );
        }
        assert!(set("connections", "5").unwrap_err().contains("must be a table"));
    }

    #[test]
    fn values_are_shown_with_defaults() {
        let (_dir, paths) = home(Some(FILE));
        let get = |key: &str| get_key(&paths, key).unwrap();
        assert_eq!(get("connections.c0.timeout").as_deref(), Some("5s"));
        assert_eq!(get("connections.c0.connect_timeout").as_deref(), Some("5s"));
        assert_eq!(get("connections.c0.auth").as_deref(), Some("key"));
        assert_eq!(get("connections.c0.pin").as_deref(), Some("warn"));
        assert_eq!(get("connections.c0.policy.write").as_deref(), Some("allow"));
        assert_eq!(get("connections.c0.params").as_deref(), Some("{ a = \"1\" }"));
        assert_eq!(get("settings.mode").as_deref(), Some("auto"));
        assert_eq!(get("settings.proxy"), None);
        assert_eq!(get("connections.c0").as_deref(), Some(FILE.split_once('\n').unwrap().1.trim()));
        assert!(matches!(get_key(&paths, "mod"), Err(ConfigError::UnknownKey { .. })));
        let unknown = get_key(&paths, "connections.x.auth");
        assert!(matches!(unknown, Err(ConfigError::UnknownConnection { .. })));
    }

    #[test]
    fn without_a_file_there_are_only_defaults() {
        let (_dir, paths) = home(None);
        assert_eq!(get_key(&paths, "settings.log_level").unwrap().as_deref(), Some("info"));
        assert!(!paths.config_file.parent().unwrap().exists());
    }
}
