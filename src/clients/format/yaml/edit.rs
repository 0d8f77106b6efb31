//! Edits of a YAML text by what stands where.

use super::{
    File,
    print::{self, inline},
    tree::{Kind, Node},
};
use crate::clients::format::lines;
use serde_json::{Map, Value};
use std::ops::Range;

impl File {
    pub(super) fn insert_entry(&self, name: &str, entry: &Map<String, Value>) -> Option<String> {
        let text = &self.text;
        let block = |indent: usize| {
            let mut out = String::new();
            if self.start.is_some() {
                print::item(&mut out, indent, entry);
            } else {
                print::field(&mut out, indent, name, &Value::Object(entry.clone()));
            }
            out
        };
        let key = print::word(self.servers);
        let Some(root) = &self.root else {
            let start = self.start.unwrap_or_default();
            let lines = format!("{start}{key}:\n{}", block(2));
            return Some(lines::insert(text, text.len(), &lines));
        };
        let Some(servers) = self.servers() else {
            if root.is_inline() {
                return None;
            }
            let space = " ".repeat(root.column);
            let lines = format!("{space}{key}:\n{}", block(root.column + 2));
            return Some(lines::insert(text, lines::after(text, root.range.end), &lines));
        };
        let owner = root.key(self.servers)?;
        match &servers.kind {
            Kind::Map { flow: false, .. } => Some(lines::insert(
                text,
                lines::after(text, servers.range.end),
                &block(servers.column),
            )),
            Kind::List { flow: false, items } => {
                let indent = dash(text, items.first()?)?.1;
                Some(lines::insert(text, lines::after(text, servers.range.end), &block(indent)))
            }
            Kind::Map { entries, .. } if !entries.is_empty() => {
                let field = format!(", {}: {}", Value::from(name), Value::Object(entry.clone()));
                let end = entries.last()?.1.range.end;
                Some(lines::replace(text, end..end, &field))
            }
            Kind::List { items, .. } if !items.is_empty() => {
                let end = items.last()?.range.end;
                Some(lines::replace(text, end..end, &format!(", {}", Value::Object(entry.clone()))))
            }
            // Nothing, or empty brackets: both give way to a block.
            _ => {
                let colon = colon(text, owner)?;
                let bare = lines::replace(text, colon..servers.range.end.max(colon), "");
                Some(lines::insert(&bare, lines::after(&bare, colon), &block(owner.column + 2)))
            }
        }
    }

    pub(super) fn remove_entry(&self, name: &str) -> Option<String> {
        let text = &self.text;
        let servers = self.servers()?;
        let owner = self.root.as_ref()?.key(self.servers)?;
        let (index, entry) = self.entry(name)?;
        let whole = |key: &Node, value: &Node| key.range.start..value.range.end.max(key.range.end);
        let (all, empty): (Vec<_>, _) = match &servers.kind {
            Kind::Map { entries, .. } => (entries.iter().map(|(k, v)| whole(k, v)).collect(), "{}"),
            Kind::List { items, .. } => {
                (items.iter().map(|item| item.range.clone()).collect(), "[]")
            }
            Kind::Scalar { .. } => return None,
        };
        if servers.is_inline() {
            return Some(lines::replace(text, lines::cut(&all, index), ""));
        }
        let mut range = all.get(index)?.clone();
        if self.start.is_some() {
            range.start = dash(text, entry)?.0;
        }
        let without = lines::replace(text, whole_lines(text, &range), "");
        if all.len() > 1 {
            return Some(without);
        }
        let colon = colon(&without, owner)?;
        Some(lines::replace(&without, colon..colon, &format!(" {empty}")))
    }
}

/// Sets `key` in the mapping `parent`.
pub(super) fn set(text: &str, parent: &Node, key: &str, value: &Value) -> Option<String> {
    let Kind::Map { flow, entries } = &parent.kind else { return None };
    let new = if *flow { value.to_string() } else { inline(value) };
    if let (Some(owner), Some(old)) = (parent.key(key), parent.get(key)) {
        if old.is_inline() {
            return Some(lines::replace(text, old.range.clone(), &new));
        }
        let colon = colon(text, owner)?;
        // A block goes with its lines; a comment behind the colon stays.
        let below = lines::after(text, owner.range.end);
        let above = if old.range.is_empty() { below } else { lines::after(text, old.range.end) };
        let bare = lines::replace(text, below..above.max(below), "");
        return Some(lines::replace(&bare, colon..colon, &format!(" {new}")));
    }
    if !flow {
        let mut block = String::new();
        print::field(&mut block, parent.column, key, value);
        return Some(lines::insert(text, lines::after(text, parent.range.end), &block));
    }
    let field = format!("{}: {new}", Value::from(key));
    Some(match entries.last() {
        Some((_, last)) => {
            lines::replace(text, last.range.end..last.range.end, &format!(", {field}"))
        }
        None => lines::replace(text, parent.range.clone(), &format!("{{{field}}}")),
    })
}

/// Takes `key` out of the mapping `parent`, which is the value of `owner`.
pub(super) fn unset(text: &str, owner: Option<&Node>, parent: &Node, key: &str) -> Option<String> {
    let Kind::Map { flow, entries } = &parent.kind else { return None };
    let ranges: Vec<_> = entries
        .iter()
        .map(|(key, value)| key.range.start..value.range.end.max(key.range.end))
        .collect();
    let index = entries.iter().position(|(one, _)| one.text() == Some(key))?;
    if *flow {
        return Some(lines::replace(text, lines::cut(&ranges, index), ""));
    }
    let without = lines::replace(text, whole_lines(text, &ranges[index]), "");
    match owner {
        Some(owner) if entries.len() == 1 => {
            let colon = colon(&without, owner)?;
            Some(lines::replace(&without, colon..colon, " {}"))
        }
        _ => Some(without),
    }
}

/// Behind the colon of a key.
fn colon(text: &str, key: &Node) -> Option<usize> {
    let space = text[key.range.end..].find(':')?;
    text[key.range.end..][..space].trim().is_empty().then_some(key.range.end + space + 1)
}

/// The dash before an item of a block list, and its column.
fn dash(text: &str, item: &Node) -> Option<(usize, usize)> {
    let at = text[..item.range.start].trim_end().len().checked_sub(1)?;
    (text.as_bytes()[at] == b'-').then(|| (at, at - lines::start(text, at)))
}

fn whole_lines(text: &str, range: &Range<usize>) -> Range<usize> {
    lines::start(text, range.start)..lines::after(text, range.end)
}
