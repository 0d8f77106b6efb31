//! What a YAML text says, and where it says it.

use crate::clients::format::{Fault, lines};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use serde_json::{Number, Value};
use std::ops::Range;

/// Deeper than any file of a client, and far from what recursion can do.
const DEPTH: usize = 100;

#[derive(Debug)]
pub(super) struct Node {
    /// From its first byte to behind its last; without comments, dashes and blank lines around.
    pub(super) range: Range<usize>,
    /// In characters, from 0.
    pub(super) column: usize,
    pub(super) kind: Kind,
    /// It has an anchor or a tag, or is an alias.
    pub(super) marked: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// `plain`: without quotes, so that it may be a number, a truth value or nothing.
    Scalar { text: String, plain: bool, block: bool },
    /// `flow`: in braces.
    Map { flow: bool, entries: Vec<(Node, Node)> },
    /// `flow`: in brackets.
    List { flow: bool, items: Vec<Node> },
}

/// The one document of `text`; none where there is nothing but comments.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Fault> {
    let mut open: Vec<Node> = Vec::new();
    // Keys that wait for their values, by depth.
    let mut keys: Vec<Option<Node>> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let message = error.info();
            Fault::Syntax { line: marker.line(), column: marker.col() + 1, message }
        })?;
        let done = match event {
            Event::DocumentStart(..) => {
                documents += 1;
                None
            }
            Event::Scalar(value, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let plain = style == ScalarStyle::Plain;
                let kind = Kind::Scalar { text: value.into_owned(), plain, block };
                Some(node(text, span, kind, anchor > 0 || tag.is_some()))
            }
            Event::Alias(id) => {
                let kind = Kind::Scalar { text: format!("*{id}"), plain: false, block: false };
                Some(node(text, span, kind, true))
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let kind = Kind::Map { flow, entries: Vec::new() };
                open.push(node(text, span, kind, anchor > 0 || tag.is_some()));
                keys.push(None);
                None
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let kind = Kind::List { flow, items: Vec::new() };
                open.push(node(text, span, kind, anchor > 0 || tag.is_some()));
                keys.push(None);
                None
            }
            Event::MappingEnd | Event::SequenceEnd => {
                keys.pop();
                open.pop().map(|node| node.closed(span))
            }
            _ => None,
        };
        if open.len() > DEPTH {
            return Err(Fault::shape("it is nested too deeply"));
        }
        let Some(done) = done else { continue };
        match (open.last_mut().map(|parent| &mut parent.kind), keys.last_mut()) {
            (Some(Kind::Map { entries, .. }), Some(key)) => match key.take() {
                Some(key) => entries.push((key, done)),
                None => *key = Some(done),
            },
            (Some(Kind::List { items, .. }), _) => items.push(done),
            _ => root = Some(done),
        }
    }
    if documents > 1 {
        return Err(Fault::shape("it holds several documents"));
    }
    Ok(root)
}

fn node(text: &str, span: Span, kind: Kind, marked: bool) -> Node {
    let mut range = span.byte_range().unwrap_or_default();
    if let Kind::Scalar { block: true, .. } = kind {
        range.end = range.start + text[range.clone()].trim_end().len();
    }
    let column = text[lines::start(text, range.start)..range.start].chars().count();
    Node { range, column, kind, marked }
}

impl Node {
    /// A block ends where its last part does; a flow, at its bracket.
    fn closed(mut self, end: Span) -> Self {
        let last = match &self.kind {
            Kind::Map { flow: false, entries } => {
                entries.iter().map(|(key, value)| key.range.end.max(value.range.end)).max()
            }
            Kind::List { flow: false, items } => items.last().map(|item| item.range.end),
            _ => end.byte_range().map(|range| range.end),
        };
        self.range.end = last.unwrap_or(self.range.start).max(self.range.start);
        self
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.marked => Some(text),
            _ => None,
        }
    }

    /// The value under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Map { entries, .. } = &self.kind else { return None };
        entries.iter().find(|(one, _)| one.text() == Some(key)).map(|(_, value)| value)
    }

    /// `key` itself.
    pub(super) fn key(&self, key: &str) -> Option<&Self> {
        let Kind::Map { entries, .. } = &self.kind else { return None };
        entries.iter().map(|(one, _)| one).find(|one| one.text() == Some(key))
    }

    /// What is under these keys, one in the other.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |at, key| at.get(key))
    }

    pub(super) fn is_null(&self) -> bool {
        !self.marked && self.value().is_null()
    }

    /// A collection in brackets or braces, or a scalar on its line: it can be replaced where it is.
    pub(super) fn is_inline(&self) -> bool {
        match self.kind {
            Kind::Scalar { block, .. } => !block && !self.range.is_empty(),
            Kind::Map { flow, .. } | Kind::List { flow, .. } => flow,
        }
    }

    /// Says what in here could mean something else to another reader.
    pub(super) fn check(&self, place: &str) -> Result<(), String> {
        if self.marked {
            return Err(format!("{place:?} uses an anchor, an alias or a tag"));
        }
        match &self.kind {
            Kind::Scalar { .. } => Ok(()),
            Kind::List { items, .. } => items.iter().try_for_each(|item| item.check(place)),
            Kind::Map { entries, .. } => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    let Some(name) = key.text() else {
                        return Err(format!("{place:?} has a key that is no plain text"));
                    };
                    if name == "<<" {
                        return Err(format!("{place:?} merges something else into it"));
                    }
                    if entries[..index].iter().any(|(other, _)| other.text() == Some(name)) {
                        return Err(format!("{name:?} is there twice"));
                    }
                    value.check(name)?;
                }
                Ok(())
            }
        }
    }

    /// As JSON, by the core schema of YAML 1.2; keys are their texts.
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: true, .. } if !self.marked => plain(text),
            Kind::Scalar { text, .. } => text.as_str().into(),
            Kind::List { items, .. } => items.iter().map(Self::value).collect(),
            Kind::Map { entries, .. } => {
                let entry = |(key, value): &(Self, Self)| match &key.kind {
                    Kind::Scalar { text, .. } => (text.clone(), value.value()),
                    _ => (key.value().to_string(), value.value()),
                };
                Value::Object(entries.iter().map(entry).collect())
            }
        }
    }
}

/// What a word without quotes is.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => {
            let number = || {
                let digits = text.trim_start_matches(['+', '-']);
                let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                    && digits.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
                let float = || Number::from_f64(text.parse().ok()?);
                is_number.then(|| text.parse::<i64>().ok().map(Number::from).or_else(float))?
            };
            number().map_or_else(|| text.into(), Value::Number)
        }
    }
}
