//! From text to [`Settings`]: every mistake gets its place, and as little as possible falls with
//! it.
//!
//! What no TOML parser takes, and a `[settings]` or `[connections]` that is no table, is an error
//! of the whole file. A wrong value of one connection is that connection's `problem`. All else is
//! a warning, and the default is used; a wrong `pin` falls to the strictest.

use super::{
    ConfigError, schema,
    schema::Key,
    settings::Settings,
    value::{duration, integer, optional_text, template, text, texts, word},
};
use crate::{kind::Pin, template::Template};
use std::path::Path;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Something odd, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The dotted path of what it is about.
    pub path: String,
    pub message: String,
    /// No such key is known; `nearest` is the known one next to it, as a dotted path.
    pub unknown: bool,
    pub nearest: Option<String>,
    /// It is told as the problem of a connection, not as a warning.
    pub problem: bool,
    /// Where in the text, in bytes.
    at: usize,
}

/// What a text says, and what is odd in it.
#[derive(Debug)]
pub(super) struct Read {
    pub settings: Settings,
    pub findings: Vec<Finding>,
}

/// Reads `text`; `file` is only for the error.
pub(super) fn read(text: &str, file: &Path) -> Result<Read, ConfigError> {
    let error = |at: usize, message: String| {
        let (line, column) = line_column(text, at);
        ConfigError::Parse { file: file.to_owned(), line, column, message }
    };
    let document = DeTable::parse(text).map_err(|first| {
        // The parser tells syntax from double keys in two passes; people read from the top.
        let (_, all) = DeTable::parse_recoverable(text);
        let top = all.iter().min_by_key(|e| e.span().map_or(usize::MAX, |s| s.start));
        let top = top.unwrap_or(&first);
        error(top.span().map_or(text.len(), |s| s.start), top.message().to_owned())
    })?;
    let mut reader = Reader { text, findings: Vec::new() };
    let settings = reader.document(document.get_ref()).map_err(|(at, m)| error(at, m))?;
    Ok(Read { settings, findings: reader.findings })
}

/// Line and column of the byte `at`, both from 1; the column counts characters.
pub(super) fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1,
    )
}

pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) findings: Vec<Finding>,
}

pub(super) type Entry<'t, 'a> = (&'t str, usize, &'t Spanned<DeValue<'a>>);

/// The entries of a table in the order of the file; the parser keeps them by name.
pub(super) fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<Entry<'t, 'a>> {
    let mut entries: Vec<_> =
        table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span().start, v)).collect();
    entries.sort_by_key(|(_, at, _)| *at);
    entries
}

impl Reader<'_> {
    fn document(&mut self, top: &DeTable<'_>) -> Result<Settings, (usize, String)> {
        let mut settings = Settings::default();
        let mut profiles = None;
        for (key, at, value) in in_order(top) {
            let must_table =
                || value.get_ref().as_table().ok_or_else(|| (at, format!("{key} must be a table")));
            match key {
                "version" => self.version(at, value),
                "settings" => self.settings(must_table()?, &mut settings),
                "connections" => {
                    for (name, at, value) in in_order(must_table()?) {
                        match name.parse() {
                            Ok(name) => settings.connections.push(self.connection(name, at, value)),
                            Err(e) => self.wrong(format!("connections.{name}"), at, e.to_string()),
                        }
                    }
                }
                "profiles" => profiles = Some((at, value)),
                _ => self.unknown("", key, at, schema::TOP),
            }
        }
        if let Some((at, value)) = profiles {
            self.profiles(at, value, &mut settings);
        }
        settings.warnings =
            self.findings.iter().filter(|f| !f.problem).map(|f| self.show(f)).collect();
        Ok(settings)
    }

    fn version(&mut self, at: usize, value: &Spanned<DeValue<'_>>) {
        if integer(value.get_ref()) != Ok(1) {
            let message = "only version 1 is known; what a later one means may be ignored";
            self.wrong("version".to_owned(), at, message.to_owned());
        }
    }

    fn settings(&mut self, table: &DeTable<'_>, out: &mut Settings) {
        let path = "settings";
        for (key, at, v) in in_order(table) {
            match key {
                "mode" => self.put(path, key, v, word, &mut out.mode),
                "store" => self.put(path, key, v, |v| word(v).map(Some), &mut out.store),
                "proxy" => self.put(path, key, v, optional_text, &mut out.proxy),
                "no_proxy" => self.put(path, key, v, optional_text, &mut out.no_proxy),
                "browser" => self.put(path, key, v, optional_text, &mut out.browser),
                "ca_file" => {
                    self.put(path, key, v, |v| Ok(Some(text(v)?.into())), &mut out.ca_file);
                }
                "passphrase_file" => {
                    self.put(path, key, v, |v| Ok(Some(text(v)?.into())), &mut out.passphrase_file);
                }
                "log_level" => self.put(path, key, v, text, &mut out.log_level),
                "max_result" => {
                    self.put(path, key, v, |v| integer(v).map(Some), &mut out.max_result);
                }
                "own_tools" => self.put(path, key, v, texts, &mut out.own_tools),
                "pin" => {
                    out.pin = Pin::Block;
                    self.put(path, key, v, word, &mut out.pin);
                }
                "approval_wait" => self.put(path, key, v, duration, &mut out.approval_wait),
                "approval_life" => self.put(path, key, v, duration, &mut out.approval_life),
                _ => self.unknown("settings.", key, at, schema::SETTINGS),
            }
        }
    }

    fn profiles(&mut self, at: usize, value: &Spanned<DeValue<'_>>, settings: &mut Settings) {
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong("profiles".to_owned(), at, "must be a table".to_owned());
        };
        for (profile, at, value) in in_order(table) {
            let mut names = Vec::new();
            let (path, table) = self.sub("profiles", profile, value);
            for (key, at, v) in table.map(in_order).unwrap_or_default() {
                match key {
                    "connections" => self.put(&path, key, v, texts, &mut names),
                    _ => self.unknown(&format!("{path}."), key, at, schema::PROFILE),
                }
            }
            let mut known = Vec::new();
            for name in names {
                if let Some(connection) = settings.connection(&name) {
                    known.push(connection.name.clone());
                } else {
                    let message = format!("no connection is called {name:?}");
                    self.wrong(format!("{path}.connections"), at, message);
                }
            }
            settings.profiles.insert(profile.to_owned(), known);
        }
    }
}

// How a single value is read, and how what is wrong with it is kept.
impl Reader<'_> {
    /// Reads a value into `slot`; a wrong one leaves the slot as it is.
    pub(super) fn put<T>(
        &mut self,
        path: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
        slot: &mut T,
    ) {
        match parse(value.get_ref()) {
            Ok(read) => *slot = read,
            Err(message) => self.wrong(format!("{path}.{key}"), value.span().start, message),
        }
    }

    /// The table under a key, and its path.
    pub(super) fn sub<'t, 'a>(
        &mut self,
        path: &str,
        key: &str,
        value: &'t Spanned<DeValue<'a>>,
    ) -> (String, Option<&'t DeTable<'a>>) {
        let path = format!("{path}.{key}");
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(path.clone(), value.span().start, "must be a table".to_owned());
        }
        (path, table)
    }

    /// A table of templates, in the order of the file.
    pub(super) fn templates(
        &mut self,
        path: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        out: &mut Vec<(String, Template)>,
    ) {
        let (path, table) = self.sub(path, key, value);
        for (name, _, v) in table.map(in_order).unwrap_or_default() {
            let mut read = None;
            self.put(&path, name, v, |v| template(v).map(Some), &mut read);
            out.extend(read.map(|t| (name.to_owned(), t)));
        }
    }

    pub(super) fn wrong(&mut self, path: String, at: usize, message: String) {
        self.findings.push(Finding {
            path,
            message,
            unknown: false,
            nearest: None,
            problem: false,
            at,
        });
    }

    /// `prefix` is the table's path with a dot, or empty.
    pub(super) fn unknown(&mut self, prefix: &str, key: &str, at: usize, known: &[Key]) {
        let nearest = schema::nearest_in(known, key);
        let hint = super::error::did_you_mean(nearest);
        self.findings.push(Finding {
            path: format!("{prefix}{key}"),
            message: format!("unknown key{hint}"),
            unknown: true,
            nearest: nearest.map(|k| format!("{prefix}{k}")),
            problem: false,
            at,
        });
    }

    pub(super) fn show(&self, f: &Finding) -> String {
        let (line, column) = line_column(self.text, f.at);
        let path = crate::text::line(&f.path, 120);
        format!("line {line}, column {column}: {path}: {}", crate::text::line(&f.message, 300))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        read(text, Path::new("config.toml")).unwrap().settings
    }

    fn error(text: &str) -> String {
        read(text, Path::new("config.toml")).unwrap_err().to_string()
    }

    #[test]
    fn the_first_mistake_is_named_by_line_and_column() {
        let text = "version = 1\n[settings]\nmode = auto\n[x\n";
        assert!(error(text).starts_with("config.toml:3:8: "), "{}", error(text));
        // A double key is told in a later pass than syntax, yet stands first.
        let text = "version = 1\nversion = 2\n[x\n";
        assert!(error(text).starts_with("config.toml:2:1: "), "{}", error(text));
        assert!(error("a = \"é").starts_with("config.toml:1:"), "{}", error("a = \"é"));
        assert_eq!(error("connections = 5"), "config.toml:1:1: connections must be a table");
        assert_eq!(error("\n settings = []"), "config.toml:2:2: settings must be a table");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_column("é = 1\nжж x", "é = 1\nжж ".len()), (2, 4));
        assert_eq!(line_column("\u{feff}x", 3), (1, 1));
    }

    #[test]
    fn a_wrong_setting_is_a_warning_and_its_default() {
        let s = settings(
            "[settings]\nmode = \"ful\"\nlog_levl = \"debug\"\nmax_result = -1\npin = \"blok\"\n",
        );
        assert_eq!((s.mode, s.max_result, s.pin), (crate::kind::Mode::Auto, None, Pin::Block));
        assert_eq!(
            s.warnings,
            [
                "line 2, column 8: settings.mode: \"ful\" is not one of full, smart, auto",
                "line 3, column 1: settings.log_levl: unknown key; did you mean log_level?",
                "line 4, column 14: settings.max_result: must be a whole number from 0",
                "line 5, column 7: settings.pin: \"blok\" is not one of off, warn, block",
            ]
        );
    }

    #[test]
    fn an_invalid_name_and_a_stray_section_are_warnings() {
        let s = settings(
            "[conections.a]\nurl = 1\n[connections.Bad_Name]\n[connections.a]\nurl = \"https://h.example/\"",
        );
        assert_eq!(s.connections.len(), 1);
        assert_eq!(s.warnings.len(), 2, "{:?}", s.warnings);
        assert!(s.warnings[0].contains("did you mean connections?"), "{:?}", s.warnings);
        assert!(s.warnings[1].contains("Bad_Name"), "{:?}", s.warnings);
    }

    #[test]
    fn profiles_name_connections_that_are_there() {
        let s = settings(
            "[profiles.p]\nconnections = [\"b\", \"gone\", \"a\"]\n[connections.a]\ncommand = \"x\"\n[connections.b]\ncommand = \"x\"\n",
        );
        let names: Vec<_> = s.profiles["p"].iter().map(ToString::to_string).collect();
        assert_eq!(names, ["b", "a"]);
        assert!(s.warnings[0].contains("\"gone\""), "{:?}", s.warnings);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let s =
            settings("version = 2\nnovel = true\n[connections.a]\ncommand = \"x\"\nnovel = 1\n");
        assert_eq!(s.connections[0].problem, None);
        assert_eq!(s.warnings.len(), 3, "{:?}", s.warnings);
        assert!(settings("[settings]\nmode = \"full\"").warnings.is_empty(), "no version is 1");
    }
}
