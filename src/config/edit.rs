//! Changing `config.toml`: under a kernel lock, whole or not at all, with every comment kept.

use super::{ConfigError, Paths, load::utf8, read};
use crate::{
    disk::{atomic, lock::FileLock},
    name::nearest,
};
use std::{fs, io::ErrorKind, path::Path, time::Duration};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// How long a change waits for another process's change.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_BYTES: u64 = 4 << 20;

/// Reads the file, lets `change` change it, and replaces it when the result is a valid
/// configuration that differs. Blocks, up to 10 s for the lock.
pub fn edit<T>(
    paths: &Paths,
    change: impl FnOnce(&mut DocumentMut) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let file = &paths.config_file;
    refuse_link(file)?;
    let _lock = FileLock::acquire(&atomic::beside(file, ".lock"), PATIENCE)?;
    let old = text(file)?;
    let mut document = parse(old.as_deref().unwrap_or("version = 1\n"), file)?;
    let done = change(&mut document)?;
    let mut new = document.to_string();
    if old.as_deref().is_some_and(|old| old.contains("\r\n") && !has_bare_newline(old)) {
        new = new.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    if old.as_ref() != Some(&new) {
        read::read(&new, file)?;
        atomic::write(file, new.as_bytes()).map_err(|e| ConfigError::io(file, e))?;
    }
    Ok(done)
}

/// Sets a value; the comment behind the old one and its spacing stay.
pub(super) fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    value.decor_mut().clear();
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        table.insert(key, Item::Value(value));
    }
}

/// Adds an entry to an inline table; the space before its closing brace stays there.
pub(super) fn put_inline(table: &mut InlineTable, key: &str, mut value: Value) {
    value.decor_mut().clear();
    if let Some((_, last)) = table.iter_mut().last() {
        let space = last.decor().suffix().cloned().unwrap_or_default();
        last.decor_mut().set_suffix("");
        value.decor_mut().set_prefix(" ");
        value.decor_mut().set_suffix(space);
    }
    table.insert(key, value);
}

/// The entry of a connection; an unknown name is an error with the nearest known one.
pub(super) fn connection<'d>(
    document: &'d mut DocumentMut,
    name: &str,
) -> Result<&'d mut dyn TableLike, ConfigError> {
    let connections = section(document, "connections")?;
    let names: Vec<String> = connections.iter().map(|(key, _)| key.to_owned()).collect();
    connections.get_mut(name).and_then(Item::as_table_like_mut).ok_or_else(|| {
        let nearest = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        ConfigError::UnknownConnection { name: name.to_owned(), nearest }
    })
}

/// A top-level table, made when missing.
pub(super) fn section<'d>(
    document: &'d mut DocumentMut,
    name: &str,
) -> Result<&'d mut dyn TableLike, ConfigError> {
    let item = document.entry(name).or_insert_with(|| {
        let mut table = headed("\n");
        table.set_implicit(name == "connections");
        Item::Table(table)
    });
    item.as_table_like_mut().ok_or_else(|| ConfigError::BadValue {
        key: name.to_owned(),
        message: "must be a table".to_owned(),
    })
}

/// An empty table with a header of its own, and `above` before it.
pub(super) fn headed(above: &str) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix(above);
    table
}

/// The file's text; `None` when there is none.
pub(super) fn text(file: &Path) -> Result<Option<String>, ConfigError> {
    match atomic::read(file, MAX_BYTES) {
        Ok(bytes) => utf8(file, &bytes).map(|text| Some(text.to_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ConfigError::io(file, e)),
    }
}

/// The text as a document that can be changed; what is no valid configuration is an error.
pub(super) fn parse(text: &str, file: &Path) -> Result<DocumentMut, ConfigError> {
    read::read(text, file)?;
    text.parse().map_err(|e: toml_edit::TomlError| {
        let at = e.span().map_or(text.len(), |span| span.start);
        let (line, column) = read::line_column(text, at);
        let message = e.message().to_owned();
        ConfigError::Parse { file: file.to_owned(), line, column, message }
    })
}

/// A rename would put a plain file in the place of the link and leave what it points to as it
/// was: neither is what the user wants.
fn refuse_link(file: &Path) -> Result<(), ConfigError> {
    if fs::symlink_metadata(file).is_ok_and(|meta| meta.is_symlink()) {
        return Err(ConfigError::Link { path: file.to_owned() });
    }
    Ok(())
}

fn has_bare_newline(text: &str) -> bool {
    text.bytes().zip(text.bytes().skip(1)).any(|(a, b)| b == b'\n' && a != b'\r')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Env, NewConnection, add_connection};
    use crate::kind::AuthKind;

    pub(in crate::config) fn home(text: Option<&str>) -> (tempfile::TempDir, Paths) {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home").to_str().unwrap().to_owned();
        let paths = Paths::resolve(&Env::of([("ALLMCP_HOME".to_owned(), home)])).unwrap();
        if let Some(text) = text {
            atomic::write(&paths.config_file, text.as_bytes()).unwrap();
        }
        (dir, paths)
    }

    pub(in crate::config) fn now(paths: &Paths) -> String {
        fs::read_to_string(&paths.config_file).unwrap()
    }

    pub(in crate::config) fn new(name: &str) -> NewConnection {
        NewConnection {
            name: name.parse().unwrap(),
            target: crate::config::NewTarget::Url("https://h.example/mcp".to_owned()),
            oauth: crate::config::OAuth::default(),
            auth: AuthKind::None,
            headers: Vec::new(),
            params: std::collections::BTreeMap::new(),
            allow: Vec::new(),
            enabled: true,
            store: None,
        }
    }

    #[test]
    fn two_who_add_at_once_lose_neither() {
        let (_dir, paths) = home(None);
        std::thread::scope(|scope| {
            for thread in 0..5 {
                let paths = &paths;
                scope.spawn(move || {
                    for n in 0..4 {
                        add_connection(paths, &new(&format!("c{thread}-{n}"))).unwrap();
                    }
                });
            }
        });
        let env = Env::of([]);
        let settings = crate::config::load(&paths, &env).settings;
        assert_eq!((settings.connections.len(), settings.warnings.len()), (20, 0));
    }

    #[test]
    fn what_would_not_be_a_configuration_is_not_written() {
        let text = "# mine\nversion = 1\n";
        let (_dir, paths) = home(Some(text));
        let change = |document: &mut DocumentMut| {
            document.insert("connections", Item::Value(5.into()));
            Ok(())
        };
        let error = edit(&paths, change).unwrap_err();
        assert!(matches!(error, ConfigError::Parse { line: 3, column: 1, .. }), "{error}");
        assert_eq!(now(&paths), text);
    }

    #[test]
    fn a_broken_file_is_not_changed() {
        let (_dir, paths) = home(Some("version = 1\n[oops\n"));
        let error = add_connection(&paths, &new("a")).unwrap_err();
        assert!(matches!(error, ConfigError::Parse { line: 2, .. }), "{error}");
        assert_eq!(now(&paths), "version = 1\n[oops\n");
    }

    #[test]
    fn line_ends_of_windows_stay() {
        let (_dir, paths) = home(Some("version = 1 # one\r\n\r\n# end\r\n"));
        add_connection(&paths, &new("a")).unwrap();
        let text = now(&paths);
        assert!(text.starts_with("version = 1 # one\r\n"), "{text:?}");
        assert!(!has_bare_newline(&text), "{text:?}");
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private_and_links_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, paths) = home(None);
        add_connection(&paths, &new("a")).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&paths.config_file), 0o600);
        assert_eq!(mode(paths.config_file.parent().unwrap()), 0o700);

        let real = dir.path().join("real.toml");
        fs::rename(&paths.config_file, &real).unwrap();
        std::os::unix::fs::symlink(&real, &paths.config_file).unwrap();
        let error = add_connection(&paths, &new("b")).unwrap_err();
        assert!(matches!(error, ConfigError::Link { .. }), "{error}");
        assert!(!fs::read_to_string(&real).unwrap().contains("[connections.b]"));
    }
}
