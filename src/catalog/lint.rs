//! Every rule for manifests that a machine can check.

mod auth;
mod http;
mod template;
mod tool;

use self::template::Scope;
use super::{
    Manifest,
    manifest::{Ask, Kind, Param},
    param::Chars,
    place::{At, Position},
};
use crate::{name::ConnectionName, text};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};

/// The longest texts, in characters.
const ONE_LINE: usize = 120;
const SENTENCE: usize = 400;
const PARAGRAPH: usize = 1200;
const PAGE: usize = 8000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The manifest cannot be used.
    Error,
    /// It can, and could be better.
    Warning,
}

impl Level {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something that lint has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// The key, as `auth[1].oauth.scopes`; empty for the whole file.
    pub path: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub message: String,
}

impl Finding {
    pub(super) fn error(at: &At, position: Option<Position>, message: impl Into<String>) -> Self {
        Self::new(Level::Error, at, position, message.into())
    }

    /// A second file with the id of `other`.
    pub(super) fn double(other: &str) -> Self {
        Self::error(&At::top().key("id"), None, format!("{DOUBLE}{other}"))
    }

    pub(super) fn is_double(&self) -> bool {
        self.message.starts_with(DOUBLE)
    }

    pub(super) fn put(&mut self, position: Option<Position>) {
        self.line = position.map(|position| position.line);
        self.column = position.map(|position| position.column);
    }

    fn new(level: Level, at: &At, position: Option<Position>, message: String) -> Self {
        let mut finding = Self { level, path: at.to_string(), line: None, column: None, message };
        finding.put(position);
        finding
    }
}

const DOUBLE: &str = "is taken by another file: ";

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: ", self.level.word())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything there is to say about a manifest; `position` tells where a key stands.
pub(super) fn manifest(
    manifest: &Manifest,
    position: &dyn Fn(&At) -> Option<Position>,
) -> Vec<Finding> {
    let mut lint = Lint { manifest, position, found: Vec::new() };
    lint.texts();
    lint.head();
    lint.ways();
    lint.policy();
    match (manifest.kind, &manifest.mcp, &manifest.http) {
        (Kind::Mcp, Some(mcp), None) => lint.mcp(mcp),
        (Kind::Http, None, Some(http)) => lint.http(http),
        (kind, ..) => {
            let (own, other) = if kind == Kind::Mcp { ("mcp", "http") } else { ("http", "mcp") };
            lint.error(
                &At::top().key(own),
                format!("a manifest of kind {own} has [{own}] and no [{other}]"),
            );
        }
    }
    lint.params_are_used();
    lint.found
}

struct Lint<'a> {
    manifest: &'a Manifest,
    position: &'a dyn Fn(&At) -> Option<Position>,
    found: Vec<Finding>,
}

impl Lint<'_> {
    fn error(&mut self, at: &At, message: impl Into<String>) {
        let position = (self.position)(at);
        self.found.push(Finding::new(Level::Error, at, position, message.into()));
    }

    fn warn(&mut self, at: &At, message: impl Into<String>) {
        let position = (self.position)(at);
        self.found.push(Finding::new(Level::Warning, at, position, message.into()));
    }

    /// No text hides or forges what a reader sees.
    fn texts(&mut self) {
        fn walk(at: &At, value: &Value, found: &mut Vec<At>) {
            match value {
                Value::String(text) if text.chars().any(text::forbidden) => found.push(at.clone()),
                Value::Array(items) => {
                    items.iter().enumerate().for_each(|(i, item)| walk(&at.index(i), item, found));
                }
                Value::Object(members) => {
                    for (key, value) in members {
                        if key.chars().any(text::forbidden) {
                            found.push(at.clone());
                        }
                        walk(&at.key(key), value, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        walk(&At::top(), &serde_json::to_value(self.manifest).unwrap_or_default(), &mut found);
        for at in found {
            self.error(&at, "has a control or invisible character in it");
        }
    }

    fn head(&mut self) {
        let (m, top) = (self.manifest, At::top());
        if m.id.parse::<ConnectionName>().is_err() {
            self.error(&top.key("id"), "use 1 to 32 of a-z, 0-9 and -, a letter or a digit first");
        }
        self.text(&top.key("name"), &m.name, ONE_LINE);
        self.text(&top.key("about"), &m.about, SENTENCE);
        if m.category.is_empty() || !m.category.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        {
            self.error(&top.key("category"), "use one word of a-z and -");
        }
        if let Some(page) = &m.homepage {
            self.page(&top.key("homepage"), page);
        }
        match &m.verified {
            Some(day) if !is_day(day) => {
                self.error(&top.key("verified"), "write a date as 2026-11-20");
            }
            Some(_) if m.sources.is_empty() => {
                self.warn(&top.key("sources"), "says nothing of what it was verified against");
            }
            _ => {}
        }
        for (key, list) in [("sources", &m.sources), ("warnings", &m.warnings)] {
            for (index, line) in list.iter().enumerate() {
                self.text(&top.key(key).index(index), line, SENTENCE);
            }
        }
        if let Some(playbook) = &m.playbook {
            self.text(&top.key("playbook"), playbook, PAGE);
        }
        for (index, param) in m.params.iter().enumerate() {
            self.param(&top.key("params").index(index), param);
        }
        self.unique(&top.key("params"), m.params.iter().map(|p| p.name.as_str()));
        for (index, group) in m.groups.iter().enumerate() {
            let at = top.key("groups").index(index);
            self.word(&at.key("id"), &group.id);
            self.text(&at.key("title"), &group.title, ONE_LINE);
            if let Some(about) = &group.about {
                self.text(&at.key("about"), about, SENTENCE);
            }
        }
        self.unique(&top.key("groups"), m.groups.iter().map(|group| group.id.as_str()));
        if m.kind == Kind::Mcp && !m.tools.is_empty() {
            self.error(&top.key("tools"), "an MCP server lists its tools itself");
        }
    }

    fn mcp(&mut self, mcp: &super::manifest::Mcp) {
        let at = At::top().key("mcp");
        // A secret of any way may be meant; that each way has its own is checked there.
        let scope = Scope::all(self.manifest);
        self.url(&at.key("url"), &mcp.url, &scope);
        self.headers(&at.key("headers"), &mcp.headers, &scope);
        self.query(&at.key("query"), &mcp.query, &scope);
    }

    fn param(&mut self, at: &At, param: &Param) {
        self.word(&at.key("name"), &param.name);
        self.text(&at.key("title"), &param.title, ONE_LINE);
        if let Some(help) = &param.help {
            self.text(&at.key("help"), help, SENTENCE);
        }
        if let Some(Err(error)) = param.chars.as_ref().map(|chars| chars.parse::<Chars>()) {
            self.error(&at.key("chars"), error.to_string());
            return;
        }
        for (key, value) in [("default", &param.default), ("example", &param.example)] {
            if let Some(value) = value
                && let Err(why) = param.accept(value)
            {
                self.error(&at.key(key), format!("cannot be the value: {why}"));
            }
        }
        if param.optional && param.default.is_some() {
            self.warn(&at.key("optional"), "is of no use beside a default");
        }
    }

    fn ask(&mut self, at: &At, ask: &Ask) {
        self.word(&at.key("name"), &ask.name);
        self.text(&at.key("title"), &ask.title, ONE_LINE);
        if let Some(help) = &ask.help {
            self.text(&at.key("help"), help, SENTENCE);
        }
    }

    /// Something that people read: there, of one piece, and not too long.
    fn text(&mut self, at: &At, text: &str, longest: usize) {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.error(at, "is empty");
        } else if length > longest {
            self.error(at, format!("has {length} characters; {longest} is the most"));
        }
    }

    /// A name that one types.
    fn word(&mut self, at: &At, word: &str) {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if word.is_empty() || word.len() > 40 || !word.bytes().all(ok) {
            self.error(at, "use 1 to 40 of a-z, A-Z, 0-9, _ and -");
        }
    }

    fn unique<'n>(&mut self, at: &At, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.error(&at.index(index), format!("{name:?} is there already"));
            }
        }
    }

    /// Every parameter is there for something.
    fn params_are_used(&mut self) {
        let manifest = self.manifest;
        let all = serde_json::to_string(manifest).unwrap_or_default();
        let mut unused = Vec::new();
        let top = At::top();
        let lists = manifest
            .auth
            .iter()
            .enumerate()
            .map(|(index, way)| (top.key("auth").index(index).key("params"), &way.params));
        for (at, params) in [(top.key("params"), &manifest.params)].into_iter().chain(lists) {
            for (index, param) in params.iter().enumerate() {
                let told = manifest.auth.iter().any(|way| way.tells(&param.name));
                if !told && !all.contains(&format!("${{param:{}}}", param.name)) {
                    unused.push((at.index(index), param.name.clone()));
                }
            }
        }
        for (at, name) in unused {
            self.error(&at, format!("nothing uses the parameter {name:?}"));
        }
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, size: usize, most: u32| {
        part.len() == size && part.parse().is_ok_and(|n: u32| (1..=most).contains(&n))
    };
    matches!(parts[..], [y, m, d] if number(y, 4, 9999) && number(m, 2, 12) && number(d, 2, 31))
}

#[cfg(test)]
mod tests;
