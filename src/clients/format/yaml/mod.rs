//! YAML: servers by name or in a list, edited by the positions of what is there.
//!
//! No YAML library rewrites a file without losing comments or layout, so the text is edited. What
//! stands for something else (an anchor, an alias, a tag) is refused among the servers, and left
//! alone everywhere else.

mod edit;
mod print;
mod tree;

use super::{
    Document, Fault, lines,
    mask::{ELEMENT, MASK, shows},
};
use serde_json::{Map, Value};
use tree::{Kind, Node};

pub(super) struct File {
    text: String,
    /// None where the file says nothing.
    root: Option<Node>,
    servers: &'static str,
    /// Servers are a list, each with its `name`; what such a file begins with.
    start: Option<&'static str>,
}

impl File {
    pub(super) fn parse(
        text: &str,
        servers: &'static str,
        start: Option<&'static str>,
    ) -> Result<Self, Fault> {
        let root = tree::parse(text)?.filter(|root| !root.is_null());
        let file = Self { text: text.to_owned(), root, servers, start };
        file.check().map_err(Fault::Shape)?;
        Ok(file)
    }

    /// A file where a reader could see something else than we do is not touched.
    fn check(&self) -> Result<(), String> {
        let Some(root) = &self.root else { return Ok(()) };
        let Kind::Map { entries, .. } = &root.kind else {
            return Err("it does not hold a mapping".to_owned());
        };
        let names: Vec<_> = entries.iter().map(|(key, _)| key.text()).collect();
        let times = |name: &str| names.iter().filter(|one| **one == Some(name)).count();
        if times(self.servers) > 1 {
            return Err(format!("{:?} is there twice", self.servers));
        }
        if root.marked || times("<<") > 0 {
            return Err("an anchor, alias or tag stands for all of it".to_owned());
        }
        let Some(servers) = self.servers() else { return Ok(()) };
        servers.check(self.servers)?;
        match (&servers.kind, self.start.is_some()) {
            _ if servers.is_null() => Ok(()),
            (Kind::Map { .. }, false) => Ok(()),
            (Kind::List { .. }, true) => self.names_once(),
            (_, false) => Err(format!("{:?} is not a mapping", self.servers)),
            (_, true) => Err(format!("{:?} is not a list", self.servers)),
        }
    }

    fn names_once(&self) -> Result<(), String> {
        let names: Vec<_> = self.entries().into_iter().map(|(name, _)| name).collect();
        match names.iter().find(|name| names.iter().filter(|one| one == name).count() > 1) {
            Some(name) => Err(format!("{name:?} is there twice")),
            None => Ok(()),
        }
    }

    fn servers(&self) -> Option<&Node> {
        self.root.as_ref()?.get(self.servers)
    }

    /// The entry `name`, and where it stands among the others.
    fn entry(&self, name: &str) -> Option<(usize, &Node)> {
        match &self.servers()?.kind {
            Kind::Map { entries, .. } => {
                let index = entries.iter().position(|(key, _)| key.text() == Some(name))?;
                Some((index, &entries[index].1))
            }
            Kind::List { items, .. } => items
                .iter()
                .enumerate()
                .find(|(_, item)| item.get("name").and_then(Node::text) == Some(name)),
            Kind::Scalar { .. } => None,
        }
    }
}

impl Document for File {
    fn entries(&self) -> Vec<(String, Value)> {
        match self.servers().map(|servers| &servers.kind) {
            Some(Kind::Map { entries, .. }) => entries
                .iter()
                .filter_map(|(key, value)| Some((key.text()?.to_owned(), value.value())))
                .collect(),
            // What has no name is a reference to something elsewhere.
            Some(Kind::List { items, .. }) => items
                .iter()
                .filter_map(|item| Some((item.get("name")?.text()?.to_owned(), item.value())))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn rest(&self) -> Value {
        let Some(Node { kind: Kind::Map { entries, .. }, .. }) = &self.root else {
            // What it says as soon as it says something.
            let start = self.start.and_then(|start| Self::parse(start, self.servers, None).ok());
            let start = start.filter(|start| start.root.is_some());
            return start.map_or_else(|| Value::Object(Map::new()), |start| start.rest());
        };
        let others = entries.iter().filter(|(key, _)| key.text() != Some(self.servers));
        // As a list: keys may be anything, and even be there twice.
        let mut rest: Vec<_> =
            others.map(|(key, value)| Value::Array(vec![key.value(), value.value()])).collect();
        if let Some(Kind::List { items, .. }) = self.servers().map(|servers| &servers.kind) {
            let nameless = items.iter().filter(|item| item.get("name").is_none());
            rest.extend(nameless.map(Node::value));
        }
        if rest.is_empty() { Value::Object(Map::new()) } else { Value::Array(rest) }
    }

    fn insert(&self, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
        self.insert_entry(name, entry).ok_or_else(unclear)
    }

    fn set(&self, name: &str, path: &[&str], value: &Value) -> Result<String, String> {
        let Some((last, parents)) = path.split_last() else {
            let Value::Object(entry) = value else { return Err(unclear()) };
            let without = self.unset(name, &[])?;
            let without = Self::parse(&without, self.servers, self.start).map_err(|_| unclear())?;
            return without.insert(name, entry);
        };
        let (_, entry) = self.entry(name).ok_or_else(unclear)?;
        let parent = entry.at(parents).ok_or_else(unclear)?;
        edit::set(&self.text, parent, last, value).ok_or_else(unclear)
    }

    fn unset(&self, name: &str, path: &[&str]) -> Result<String, String> {
        let Some((last, parents)) = path.split_last() else {
            return self.remove_entry(name).ok_or_else(unclear);
        };
        let (_, entry) = self.entry(name).ok_or_else(unclear)?;
        let (owner, parent) = match parents.split_last() {
            None => (None, entry),
            Some((key, above)) => {
                let above = entry.at(above).ok_or_else(unclear)?;
                (above.key(key), above.get(key).ok_or_else(unclear)?)
            }
        };
        edit::unset(&self.text, owner, parent, last).ok_or_else(unclear)
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn masked(self: Box<Self>, ours: &str) -> String {
        let mut hidden = Vec::new();
        if let Some(Node { kind: Kind::Map { entries, .. }, .. }) = &self.root {
            let start = self.start.and_then(|start| tree::parse(start).ok()?);
            for (key, value) in entries {
                let is_servers = key.text() == Some(self.servers);
                let begun = start.as_ref().and_then(|start| start.get(key.text()?)?.text());
                if begun.is_some() && begun == value.text() {
                    continue;
                }
                let shown = |path: &[&str]| is_servers && shows(path, ours);
                match &value.kind {
                    Kind::List { items, .. } if is_servers => {
                        for item in items {
                            let name = item.get("name").and_then(Node::text).unwrap_or_default();
                            hide(item, &mut vec![name], &shown, &mut hidden);
                        }
                    }
                    _ => hide(value, &mut Vec::new(), &shown, &mut hidden),
                }
            }
        }
        lines::mask(&self.text, &hidden, MASK)
    }
}

fn unclear() -> String {
    "its YAML is written in a way that cannot be edited safely".to_owned()
}

/// Collects where texts are that are not shown.
fn hide<'a>(
    node: &'a Node,
    path: &mut Vec<&'a str>,
    shown: &dyn Fn(&[&str]) -> bool,
    hidden: &mut Vec<std::ops::Range<usize>>,
) {
    match &node.kind {
        Kind::Map { entries, .. } => {
            for (key, value) in entries {
                path.push(key.text().unwrap_or_default());
                hide(value, path, shown, hidden);
                path.pop();
            }
        }
        Kind::List { items, .. } => {
            path.push(ELEMENT);
            for item in items {
                hide(item, path, shown, hidden);
            }
            path.pop();
        }
        Kind::Scalar { .. } if node.value().is_string() && !shown(path) => {
            hidden.push(node.range.clone());
        }
        Kind::Scalar { .. } => {}
    }
}
