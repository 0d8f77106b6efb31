//! TOML: a table for each server, edited by the positions of what is there.

use super::{
    Document, Fault, lines,
    mask::{ELEMENT, MASK, shows},
};
use serde_json::{Map, Value};
use std::ops::Range;
use toml_edit::{InlineTable, Item, Key, Table, TableLike};

pub(super) struct File {
    text: String,
    root: Table,
    /// The table of servers.
    servers: &'static str,
}

impl File {
    pub(super) fn parse(text: &str, servers: &'static str) -> Result<Self, Fault> {
        let document = toml_edit::Document::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = lines::position(text, at);
            Fault::Syntax { line, column, message: error.message().replace('\n', ", ") }
        })?;
        let root = document.into_table();
        if root.get(servers).is_some_and(|item| item.as_table_like().is_none()) {
            return Err(Fault::Shape(format!("{servers:?} is not a table")));
        }
        Ok(Self { text: text.to_owned(), root, servers })
    }

    fn table(&self) -> Option<&dyn TableLike> {
        self.root.get(self.servers)?.as_table_like()
    }

    fn item(&self, name: &str, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.table()?.get(name)?, |at, key| at.as_table_like()?.get(key))
    }

    /// The table as a block of lines of its own, behind the other servers.
    fn insert_block(&self, name: &str, entry: &Map<String, Value>) -> String {
        let key = |name: &str| Key::new(name).to_string();
        let mut block = format!("[{}.{}]\n", key(self.servers), key(name));
        for (field, value) in entry {
            block.push_str(&[&key(field), " = ", &render(value), "\n"].concat());
        }
        // Between tables: where keys of the root cannot follow.
        let headed = |table: &&Table| !table.is_dotted() && blocks(table).next().is_some();
        let others = self.root.get(self.servers).and_then(Item::as_table).filter(headed);
        let end = others.and_then(|table| blocks(table).map(|block| block.end).max());
        let at = end.map_or(self.text.len(), |end| lines::after(&self.text, end));
        if !self.text[..at].trim().is_empty() {
            block.insert(0, '\n');
        }
        lines::insert(&self.text, at, &block)
    }

    /// `key = value` in `item`, which is a table of either kind.
    fn add(&self, item: &Item, key: &str, value: &str) -> Option<String> {
        let field = format!("{} = {value}", Key::new(key));
        if let Some(inline) = item.as_inline_table() {
            return add_inline(&self.text, inline, &field);
        }
        let own = item.as_table().filter(|table| !table.is_dotted())?;
        let end = blocks(own).find(|block| own.span().is_some_and(|s| s.start == block.start))?.end;
        Some(lines::insert(&self.text, lines::after(&self.text, end), &format!("{field}\n")))
    }

    /// Takes `item` out: the lines of a table, or a key with its value.
    fn take(&self, parent: &dyn TableLike, key: &str) -> Option<String> {
        let item = parent.get(key)?;
        if let Some(table) = item.as_table().filter(|table| !table.is_dotted()) {
            let mut text = self.text.clone();
            let mut all: Vec<_> = blocks(table).collect();
            all.sort_unstable_by_key(|block| std::cmp::Reverse(block.start));
            for block in all {
                let mut start = lines::start(&text, block.start);
                let end = lines::after(&text, block.end);
                // With the blank line that parts it from what is before.
                let before = start.checked_sub(1).map(|newline| lines::start(&text, newline));
                if let Some(before) = before.filter(|from| text[*from..start].trim().is_empty()) {
                    start = before;
                }
                text = lines::replace(&text, start..end, "");
            }
            return Some(text);
        }
        let ranges: Vec<_> = parent.iter().filter_map(|(key, _)| field(parent, key)).collect();
        let range = field(parent, key)?;
        let index = ranges.iter().position(|one| *one == range)?;
        let alone = self.text[lines::start(&self.text, range.start)..range.start].trim().is_empty();
        let range = if alone {
            lines::start(&self.text, range.start)..lines::after(&self.text, range.end)
        } else {
            lines::cut(&ranges, index)
        };
        Some(lines::replace(&self.text, range, ""))
    }
}

impl Document for File {
    fn entries(&self) -> Vec<(String, Value)> {
        let entries = self.table().into_iter().flat_map(TableLike::iter);
        entries.map(|(name, item)| (name.to_owned(), read(item))).collect()
    }

    fn rest(&self) -> Value {
        let others = self.root.iter().filter(|(key, _)| *key != self.servers);
        Value::Object(others.map(|(key, item)| (key.to_owned(), read(item))).collect())
    }

    fn insert(&self, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
        match self.root.get(self.servers).and_then(Item::as_inline_table) {
            Some(inline) => {
                let field =
                    format!("{} = {}", Key::new(name), render(&Value::Object(entry.clone())));
                add_inline(&self.text, inline, &field).ok_or_else(unclear)
            }
            None => Ok(self.insert_block(name, entry)),
        }
    }

    fn set(&self, name: &str, path: &[&str], value: &Value) -> Result<String, String> {
        let Some((last, parents)) = path.split_last() else {
            let without = self.unset(name, &[])?;
            let Value::Object(entry) = value else { return Err(unclear()) };
            let without = Self::parse(&without, self.servers).map_err(|_| unclear())?;
            return without.insert(name, entry);
        };
        if let Some(range) = self.item(name, path).and_then(Item::span) {
            return Ok(lines::replace(&self.text, range, &render(value)));
        }
        let parent = self.item(name, parents).ok_or_else(unclear)?;
        self.add(parent, last, &render(value)).ok_or_else(unclear)
    }

    fn unset(&self, name: &str, path: &[&str]) -> Result<String, String> {
        let taken = match path.split_last() {
            None => self.table().and_then(|table| self.take(table, name)),
            Some((last, parents)) => self
                .item(name, parents)
                .and_then(Item::as_table_like)
                .and_then(|parent| self.take(parent, last)),
        };
        taken.ok_or_else(unclear)
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn masked(self: Box<Self>, ours: &str) -> String {
        let mut hidden = Vec::new();
        for (key, item) in &self.root {
            let is_servers = key == self.servers;
            hide(item, &mut Vec::new(), &|path| is_servers && shows(path, ours), &mut hidden);
        }
        hidden.sort_unstable_by_key(|range: &Range<usize>| range.start);
        lines::mask(&self.text, &hidden, MASK)
    }
}

fn unclear() -> String {
    "our entry is written in a way that cannot be edited safely".to_owned()
}

/// A key with its value.
fn field(table: &dyn TableLike, key: &str) -> Option<Range<usize>> {
    Some(table.key(key)?.span()?.start..table.get(key)?.span()?.end)
}

/// From each header of `table` and those in it to the last value below that header.
fn blocks(table: &Table) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
    let inner = table.iter().filter_map(|(_, item)| item.as_table());
    let header = table.span().filter(|_| !table.is_dotted() && !table.is_implicit());
    let own = header.map(|header| header.start..last(table).max(header.end));
    Box::new(own.into_iter().chain(inner.filter(|t| !t.is_dotted()).flat_map(blocks)))
}

/// Where the last value of `table` ends that stands below its own header.
fn last(table: &Table) -> usize {
    let end = |item: &Item| match item {
        Item::Table(inner) if inner.is_dotted() => Some(last(inner)),
        Item::Value(value) => value.span().map(|span| span.end),
        _ => None,
    };
    table.iter().filter_map(|(_, item)| end(item)).max().unwrap_or_default()
}

fn add_inline(text: &str, table: &InlineTable, field_text: &str) -> Option<String> {
    let span = table.span()?;
    let ends = table.iter().filter_map(|(_, value)| value.span());
    Some(match ends.map(|value| value.end).max() {
        Some(end) => lines::replace(text, end..end, &format!(", {field_text}")),
        None => lines::replace(text, span, &format!("{{ {field_text} }}")),
    })
}

fn render(value: &Value) -> String {
    match value {
        Value::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(render).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{} = {}", Key::new(key.as_str()), render(value))
            };
            format!("{{ {} }}", map.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// As JSON; a date is its text.
fn read(item: &Item) -> Value {
    if let Some(table) = item.as_table_like() {
        return Value::Object(table.iter().map(|(k, v)| (k.to_owned(), read(v))).collect());
    }
    match item {
        Item::Value(value) => read_value(value),
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| read(&Item::Table(table.clone()))).collect()
        }
        _ => Value::Null,
    }
}

fn read_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(bool) => (*bool.value()).into(),
        toml_edit::Value::Datetime(date) => date.value().to_string().into(),
        toml_edit::Value::Array(items) => items.iter().map(read_value).collect(),
        toml_edit::Value::InlineTable(table) => {
            Value::Object(table.iter().map(|(k, v)| (k.to_owned(), read_value(v))).collect())
        }
    }
}

/// Collects where texts are that are not shown.
fn hide<'a>(
    item: &'a Item,
    path: &mut Vec<&'a str>,
    shown: &dyn Fn(&[&str]) -> bool,
    hidden: &mut Vec<Range<usize>>,
) {
    if let Some(table) = item.as_table_like() {
        for (key, inner) in table.iter() {
            path.push(key);
            hide(inner, path, shown, hidden);
            path.pop();
        }
    } else if let Some(tables) = item.as_array_of_tables() {
        for (key, inner) in tables.iter().flat_map(Table::iter) {
            path.extend([ELEMENT, key]);
            hide(inner, path, shown, hidden);
            path.truncate(path.len() - 2);
        }
    } else if let Some(value) = item.as_value() {
        hide_value(value, path, shown, hidden);
    }
}

fn hide_value<'a>(
    value: &'a toml_edit::Value,
    path: &mut Vec<&'a str>,
    shown: &dyn Fn(&[&str]) -> bool,
    hidden: &mut Vec<Range<usize>>,
) {
    match value {
        toml_edit::Value::Array(items) => {
            path.push(ELEMENT);
            for item in items {
                hide_value(item, path, shown, hidden);
            }
            path.pop();
        }
        toml_edit::Value::InlineTable(table) => {
            for (key, inner) in table {
                path.push(key);
                hide_value(inner, path, shown, hidden);
                path.pop();
            }
        }
        toml_edit::Value::String(text) if !shown(path) => hidden.extend(text.span()),
        _ => {}
    }
}
