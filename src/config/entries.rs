//! The changes that commands make to connections: add, replace, remove, switch, narrow.

use super::{
    ConfigError, OAuth, Paths,
    edit::{connection, edit, headed, put, put_inline, section},
    oauth,
};
use crate::{
    kind::{AuthKind, StoreKind},
    name::ConnectionName,
};
use std::collections::BTreeMap;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// A connection to be written.
#[derive(Debug, Clone)]
pub struct NewConnection {
    pub name: ConnectionName,
    pub target: NewTarget,
    pub auth: AuthKind,
    pub oauth: OAuth,
    /// Sources of templates.
    pub headers: Vec<(String, String)>,
    pub params: BTreeMap<String, String>,
    /// Globs; empty: every tool.
    pub allow: Vec<String>,
    pub enabled: bool,
    /// Remembered in the settings, in the same write.
    pub store: Option<StoreKind>,
}

/// Where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewTarget {
    /// The source of a URL template.
    Url(String),
    Provider {
        id: String,
        way: Option<String>,
        base_url: Option<String>,
    },
}

/// Adds a connection after the others; a taken name is an error.
pub fn add_connection(paths: &Paths, new: &NewConnection) -> Result<(), ConfigError> {
    edit(paths, |document| {
        remember_store(document, new)?;
        if section(document, "connections")?.contains_key(new.name.as_str()) {
            return Err(ConfigError::Taken { name: new.name.clone() });
        }
        put_connection(document, new)
    })
}

/// Writes a connection in the place of the one of that name, if there is one; nothing of the old
/// entry but the comment above it stays.
pub fn replace_connection(paths: &Paths, new: &NewConnection) -> Result<(), ConfigError> {
    edit(paths, |document| {
        remember_store(document, new)?;
        put_connection(document, new)
    })
}

/// Removes a connection, also from the profiles. False when there is none of that name.
pub fn remove_connection(paths: &Paths, name: &ConnectionName) -> Result<bool, ConfigError> {
    if !paths.config_file.exists() {
        return Ok(false);
    }
    edit(paths, |document| {
        let Some(removed) = section(document, "connections")?.remove(name.as_str()) else {
            return Ok(false);
        };
        keep_loose_comment(document, removed);
        let profiles = document.get_mut("profiles").and_then(Item::as_table_like_mut);
        for (_, profile) in profiles.into_iter().flat_map(TableLike::iter_mut) {
            let list = profile.get_mut("connections").and_then(Item::as_array_mut);
            if let Some(list) = list {
                let lead = list.get(0).and_then(|first| first.decor().prefix()).cloned();
                list.retain(|item| item.as_str() != Some(name.as_str()));
                if let Some((first, lead)) = list.get_mut(0).zip(lead) {
                    first.decor_mut().set_prefix(lead);
                }
            }
        }
        Ok(true)
    })
}

/// Switches a connection on or off.
pub fn set_enabled(paths: &Paths, name: &ConnectionName, on: bool) -> Result<(), ConfigError> {
    edit(paths, |document| {
        let entry = connection(document, name.as_str())?;
        // On is the default: an entry that does not say so is left alone.
        if !on || entry.contains_key("enabled") {
            put(entry, "enabled", on.into());
        }
        Ok(())
    })
}

/// Replaces the tool rules of a connection.
pub fn set_tool_rules(
    paths: &Paths,
    name: &ConnectionName,
    allow: Vec<String>,
    deny: Vec<String>,
) -> Result<(), ConfigError> {
    edit(paths, |document| {
        let entry = connection(document, name.as_str())?;
        if !entry.contains_key("tools") {
            entry.insert("tools", Item::Table(headed("\n")));
        }
        let wrong = || ConfigError::BadValue {
            key: format!("connections.{name}.tools"),
            message: "must be a table".to_owned(),
        };
        let tools = entry.get_mut("tools").and_then(Item::as_table_like_mut).ok_or_else(wrong)?;
        put(tools, "allow", list(allow));
        put(tools, "deny", list(deny));
        Ok(())
    })
}

fn remember_store(document: &mut DocumentMut, new: &NewConnection) -> Result<(), ConfigError> {
    if let Some(store) = new.store {
        put(section(document, "settings")?, "store", store.word().into());
    }
    Ok(())
}

fn put_connection(document: &mut DocumentMut, new: &NewConnection) -> Result<(), ConfigError> {
    let mut entry = entry(new);
    section(document, "connections")?;
    let connections = &mut document["connections"];
    if let Some(old) = connections.get(new.name.as_str()).and_then(Item::as_table) {
        *entry.decor_mut() = old.decor().clone();
        entry.set_position(old.position());
    }
    if let Some(inline) = connections.as_inline_table_mut() {
        let (name, entry) = (new.name.as_str(), inlined(entry).into());
        if inline.contains_key(name) {
            put(inline, name, entry);
        } else {
            put_inline(inline, name, entry);
        }
    } else if let Some(connections) = connections.as_table_mut() {
        connections.insert(new.name.as_str(), Item::Table(entry));
    }
    Ok(())
}

fn entry(new: &NewConnection) -> Table {
    let mut entry = headed("\n");
    match &new.target {
        NewTarget::Url(url) => put(&mut entry, "url", url.as_str().into()),
        NewTarget::Provider { id, way, base_url } => {
            put(&mut entry, "provider", id.as_str().into());
            for (key, value) in [("way", way), ("base_url", base_url)] {
                if let Some(value) = value {
                    put(&mut entry, key, value.as_str().into());
                }
            }
        }
    }
    put(&mut entry, "auth", new.auth.word().into());
    if !new.enabled {
        put(&mut entry, "enabled", false.into());
    }
    let mut sub = |name: &str, values: Vec<(&str, Value)>| {
        let mut table = headed("");
        for (key, value) in values {
            put(&mut table, key, value);
        }
        if !table.is_empty() {
            entry.insert(name, Item::Table(table));
        }
    };
    sub("params", new.params.iter().map(|(k, v)| (k.as_str(), v.as_str().into())).collect());
    sub("headers", new.headers.iter().map(|(k, v)| (k.as_str(), v.as_str().into())).collect());
    if !new.allow.is_empty() {
        sub("tools", vec![("allow", list(new.allow.clone()))]);
    }
    if let Some(oauth) = oauth::written(&new.oauth) {
        entry.insert("oauth", Item::Table(oauth));
    }
    entry
}

/// `table` for a file that has its connections as inline tables, sub-tables too.
fn inlined(mut table: Table) -> InlineTable {
    for (_, item) in table.iter_mut() {
        if let Item::Table(sub) = std::mem::take(item) {
            *item = Item::Value(sub.into_inline_table().into());
        }
    }
    table.into_inline_table()
}

fn list(texts: Vec<String>) -> Value {
    Value::Array(Array::from_iter(texts))
}

/// A comment above a removed table that a blank line parts from it speaks of more than that
/// table: it moves on to what comes next.
fn keep_loose_comment(document: &mut DocumentMut, mut removed: Item) {
    let mut first: Option<(isize, String)> = None;
    each_table(&mut removed, &mut |table| {
        let prefix = table.decor().prefix().and_then(|p| p.as_str()).unwrap_or_default();
        if let Some(at) = table.position()
            && first.as_ref().is_none_or(|(least, _)| at < *least)
        {
            first = Some((at, prefix.to_owned()));
        }
    });
    let Some((gone, above)) = first else { return };
    let above = above.replace("\r\n", "\n");
    let Some(end) = above.rfind("\n\n").map(|at| at + 1) else { return };
    let kept = &above[..end];
    if !kept.contains('#') {
        return;
    }
    let mut next = None;
    each_table(document.as_item_mut(), &mut |table| {
        next = table.position().filter(|at| *at > gone).into_iter().chain(next).min();
    });
    let mut moved = false;
    each_table(document.as_item_mut(), &mut |table| {
        if next.is_some() && table.position() == next {
            let own = table.decor().prefix().and_then(|p| p.as_str()).unwrap_or_default();
            let prefix = format!("{kept}{own}");
            table.decor_mut().set_prefix(prefix);
            moved = true;
        }
    });
    if !moved {
        let rest = document.trailing().as_str().unwrap_or_default();
        let trailing = format!("{kept}{rest}");
        document.set_trailing(trailing);
    }
}

fn each_table(item: &mut Item, visit: &mut dyn FnMut(&mut Table)) {
    match item {
        Item::Table(table) => {
            visit(table);
            for (_, item) in table.iter_mut() {
                each_table(item, visit);
            }
        }
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(visit),
        Item::None | Item::Value(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::tests::{home, new, now};

    const FILE: &str = "\
# My connections, kept by hand.

# CRM of the sales team.
[connections.crm]
url = 'https://crm.example/mcp'   # single quotes
timeout = \"20s\"
  [connections.crm.headers]
  x = \"1\"

# Docs.
[connections.docs]
url = \"https://docs.example/mcp\"
enabled = true  # for now

# Who sees what.
[profiles.sales]
connections = [\"crm\", \"docs\"] # both
# the end
";

    #[test]
    fn the_first_connection_makes_the_file() {
        let (_dir, paths) = home(None);
        let mut first = new("allv");
        first.headers.push(("Authorization".to_owned(), "Bearer ${secret:token}".to_owned()));
        first.params.insert("id".to_owned(), "7".to_owned());
        first.allow.push("get_*".to_owned());
        first.enabled = false;
        add_connection(&paths, &first).unwrap();
        assert_eq!(
            now(&paths),
            "version = 1\n\n[connections.allv]\nurl = \"https://h.example/mcp\"\nauth = \"none\"\nenabled = false\n\
             [connections.allv.params]\nid = \"7\"\n[connections.allv.headers]\nAuthorization = \"Bearer ${secret:token}\"\n\
             [connections.allv.tools]\nallow = [\"get_*\"]\n"
        );
    }

    #[test]
    fn an_added_connection_comes_after_the_others_and_before_the_profiles() {
        let (_dir, paths) = home(Some(FILE));
        add_connection(&paths, &new("b")).unwrap();
        let added = "\n[connections.b]\nurl = \"https://h.example/mcp\"\nauth = \"none\"\n";
        let want = FILE.replace("\n# Who sees", &format!("{added}\n# Who sees"));
        assert_eq!(now(&paths), want);
        let taken = add_connection(&paths, &new("crm")).unwrap_err();
        assert!(matches!(taken, ConfigError::Taken { .. }), "{taken}");
        assert_eq!(now(&paths), want);
    }

    #[test]
    fn a_replaced_connection_keeps_its_place_and_its_comment() {
        let (_dir, paths) = home(Some(FILE));
        replace_connection(&paths, &new("crm")).unwrap();
        let text = now(&paths);
        let top = "# My connections, kept by hand.\n\n# CRM of the sales team.\n[connections.crm]\nurl = \"https://h.example/mcp\"\nauth = \"none\"\n\n# Docs.\n";
        assert!(text.starts_with(top), "{text}");
    }

    #[test]
    fn other_ways_of_writing_connections_can_be_added_to() {
        for text in [
            "connections = { a = { url = \"https://h.example\" } }\n",
            "connections.a.url = \"https://h.example\"\n",
            "[connections]\na = { url = \"https://h.example\" }",
            "[connections]\na.url = \"https://h.example\"\n[settings]\n",
        ] {
            let (_dir, paths) = home(Some(text));
            let mut b = new("b");
            b.headers.push(("X".to_owned(), "1".to_owned()));
            add_connection(&paths, &b).unwrap();
            let settings = crate::config::load(&paths, &crate::config::Env::of([])).settings;
            let names: Vec<_> = settings.connections.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names, ["a", "b"], "{}", now(&paths));
            assert_eq!(settings.connections[1].headers.len(), 1, "{}", now(&paths));
            assert!(remove_connection(&paths, &b.name).unwrap());
            assert!(!now(&paths).contains('b'), "{}", now(&paths));
        }
    }

    #[test]
    fn removing_takes_the_entry_its_own_comment_and_its_profile_place() {
        let (_dir, paths) = home(Some(FILE));
        assert!(remove_connection(&paths, &"crm".parse().unwrap()).unwrap());
        assert_eq!(
            now(&paths),
            "# My connections, kept by hand.\n\n# Docs.\n[connections.docs]\nurl = \"https://docs.example/mcp\"\n\
             enabled = true  # for now\n\n# Who sees what.\n[profiles.sales]\nconnections = [\"docs\"] # both\n# the end\n"
        );
        assert!(!remove_connection(&paths, &"crm".parse().unwrap()).unwrap());
    }

    #[test]
    fn a_loose_comment_above_the_last_entry_stays() {
        let (_dir, paths) = home(Some("# top\n\n[connections.a]\ncommand = \"x\"\n"));
        assert!(remove_connection(&paths, &"a".parse().unwrap()).unwrap());
        assert_eq!(now(&paths), "# top\n");
    }

    #[test]
    fn switching_keeps_the_comment_and_says_nothing_needless() {
        let (_dir, paths) = home(Some(FILE));
        let (crm, docs) = ("crm".parse().unwrap(), "docs".parse().unwrap());
        set_enabled(&paths, &crm, true).unwrap();
        assert_eq!(now(&paths), FILE);
        set_enabled(&paths, &docs, false).unwrap();
        set_enabled(&paths, &crm, false).unwrap();
        let want = FILE
            .replace("true  # for now", "false  # for now")
            .replace("\"20s\"\n", "\"20s\"\nenabled = false\n");
        assert_eq!(now(&paths), want);
        let error = set_enabled(&paths, &"dcs".parse().unwrap(), true).unwrap_err();
        assert_eq!(error.to_string(), "no connection is called \"dcs\"; did you mean docs?");
    }

    #[test]
    fn rules_get_their_table() {
        let (_dir, paths) = home(Some(FILE));
        let docs = "docs".parse().unwrap();
        set_tool_rules(&paths, &docs, vec!["a*".to_owned()], vec!["b".to_owned()]).unwrap();
        set_tool_rules(&paths, &docs, vec!["*".to_owned()], Vec::new()).unwrap();
        let text = now(&paths);
        assert!(text.contains("[connections.docs.tools]\nallow = [\"*\"]\ndeny = []\n"), "{text}");
    }

    #[test]
    fn the_store_is_remembered_with_the_first_entry_that_needs_one() {
        let (_dir, paths) = home(None);
        let first = NewConnection { store: Some(StoreKind::File), ..new("a") };
        add_connection(&paths, &first).unwrap();
        assert_eq!(
            now(&paths),
            "version = 1\n\n[settings]\nstore = \"file\"\n\n[connections.a]\nurl = \"https://h.example/mcp\"\nauth = \"none\"\n"
        );
        let before = now(&paths);
        let taken = NewConnection { store: Some(StoreKind::Keychain), ..new("a") };
        assert!(add_connection(&paths, &taken).is_err());
        assert_eq!(now(&paths), before);
    }

    #[test]
    fn removing_from_nothing_creates_nothing() {
        let (_dir, paths) = home(None);
        assert!(!remove_connection(&paths, &"a".parse().unwrap()).unwrap());
        assert!(!paths.config_file.parent().unwrap().exists());
    }
}
