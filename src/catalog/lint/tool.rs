//! Rules for tools and their arguments.

use super::{At, Lint, PARAGRAPH, SENTENCE, Scope};
use crate::catalog::manifest::{Arg, ArgKind, Effect, Http, Kind, Place, Shape, Tool};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The longest public name (contract, section 5).
const PUBLIC_NAME: usize = 51;

impl Lint<'_> {
    pub(super) fn tools(&mut self, http: &Http) {
        let (manifest, top) = (self.manifest, At::top().key("tools"));
        if manifest.tools.is_empty() {
            self.error(&top, "an API without tools can do nothing");
        }
        self.unique(&top, manifest.tools.iter().map(|tool| tool.name.as_str()));
        for (index, tool) in manifest.tools.iter().enumerate() {
            self.tool(&top.index(index), tool, http);
        }
        let used: BTreeSet<_> =
            manifest.tools.iter().filter_map(|tool| tool.group.as_deref()).collect();
        for (index, group) in manifest.groups.iter().enumerate() {
            if !used.contains(group.id.as_str()) {
                self.warn(&At::top().key("groups").index(index), "no tool is in it");
            }
        }
    }

    /// A rule for a tool that is not there protects nobody. What an MCP server has, and what a
    /// pattern fits, is not known here.
    pub(super) fn policy(&mut self) {
        let manifest = self.manifest;
        let Some(policy) = &manifest.policy else { return };
        let at = At::top().key("policy").key("tools");
        for pattern in policy.tools.keys() {
            let wild = pattern.contains(['*', '?']);
            if pattern.is_empty() {
                self.error(&at.key(pattern), "is not the name of a tool");
            } else if manifest.kind == Kind::Http
                && !wild
                && !manifest.tools.iter().any(|tool| tool.name == *pattern)
            {
                self.error(&at.key(pattern), format!("no tool is called {pattern:?}"));
            }
        }
    }

    fn tool(&mut self, at: &At, tool: &Tool, http: &Http) {
        let manifest = self.manifest;
        let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if tool.name.is_empty() || !tool.name.bytes().all(ok) {
            self.error(&at.key("name"), "use letters, digits and _");
        }
        let length = manifest.id.len() + 2 + tool.name.len();
        if length > PUBLIC_NAME {
            let what = format!("{}__{} has {length} characters", manifest.id, tool.name);
            self.error(&at.key("name"), format!("{what}; {PUBLIC_NAME} is the most"));
        }
        self.text(&at.key("description"), &tool.description, PARAGRAPH);
        match &tool.group {
            Some(group) if !manifest.groups.iter().any(|known| known.id == *group) => {
                self.error(&at.key("group"), format!("no group is called {group:?}"));
            }
            None if !manifest.groups.is_empty() => self.warn(at, "is in no group"),
            _ => {}
        }
        self.method(&at.key("method"), &tool.method);
        self.path(&at.key("path"), &tool.path);
        self.effect(at, tool);
        let scope = Scope::all(manifest);
        self.query(&at.key("query"), &tool.query, &scope);
        match &tool.pages {
            Some(pages) if !http.pages.contains_key(pages) => {
                let known = http.pages.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                self.error(
                    &at.key("pages"),
                    format!("http.pages has no {pages:?}; it has {known}"),
                );
            }
            _ => {}
        }
        if let Some(place) = &tool.result {
            self.place(&at.key("result"), place);
        }
        for (index, place) in tool.keep.iter().enumerate() {
            self.place(&at.key("keep").index(index), place);
        }
        self.unique(&at.key("args"), tool.args.iter().map(|arg| arg.name.as_str()));
        for (index, arg) in tool.args.iter().enumerate() {
            self.arg(&at.key("args").index(index), tool, arg);
        }
        self.path_args(at, tool);
        self.no_two_at_one_place(at, tool);
    }

    fn effect(&mut self, at: &At, tool: &Tool) {
        match (tool.method.as_str(), tool.effect) {
            ("DELETE", Effect::Read) => {
                self.error(&at.key("effect"), "a DELETE is no read: say write or destructive");
            }
            ("PUT" | "PATCH", Effect::Read) => {
                self.error(&at.key("effect"), "a PUT or PATCH is no read: say write");
            }
            ("GET", Effect::Write | Effect::Destructive) => {
                self.warn(&at.key("effect"), "a GET that changes something: is it so?");
            }
            _ => {}
        }
        let bodyless = matches!(tool.method.as_str(), "GET" | "DELETE");
        if tool.method == "GET" && (!tool.body.is_empty() || tool.shape != Shape::Object) {
            self.error(&at.key("body"), "a GET has no body");
        }
        if bodyless && tool.shape == Shape::List {
            self.warn(&at.key("shape"), "a list is for a body");
        }
    }

    fn arg(&mut self, at: &At, tool: &Tool, arg: &Arg) {
        self.word(&at.key("name"), &arg.name);
        if arg.description.chars().count() > SENTENCE {
            self.error(&at.key("description"), format!("is longer than {SENTENCE} characters"));
        } else if arg.description.trim().is_empty() {
            self.warn(&at.key("description"), format!("nothing says what {} is", arg.name));
        }
        let ours = (arg.name == "cursor" && tool.pages.is_some())
            || (arg.name == "full" && !tool.keep.is_empty());
        if ours {
            self.error(&at.key("name"), format!("{:?} is an argument of our own here", arg.name));
        }
        if place_of(tool, arg) == Place::Body && tool.method == "GET" {
            self.error(&at.key("in"), "a GET has no body");
        }
        if let (Some(least), Some(most)) = (arg.minimum, arg.maximum)
            && least > most
        {
            self.error(&at.key("minimum"), "is more than the maximum");
        }
        let counts = matches!(arg.kind, ArgKind::Integer | ArgKind::Number);
        if (arg.minimum.is_some() || arg.maximum.is_some()) && !counts {
            self.error(&at.key("minimum"), "is for numbers");
        }
        if arg.list.is_some() && arg.kind != ArgKind::Array {
            self.error(&at.key("list"), "is for arrays");
        }
        for (index, choice) in arg.choices.iter().enumerate() {
            if !is_kind(choice, arg.kind) {
                self.error(&at.key("enum").index(index), "is not of the argument's type");
            }
        }
        if let Some(default) = &arg.default {
            if !is_kind(default, arg.kind) {
                self.error(&at.key("default"), "is not of the argument's type");
            } else if !arg.choices.is_empty() && !arg.choices.contains(default) {
                self.error(&at.key("default"), "is not in `enum`");
            }
            if arg.required {
                self.warn(&at.key("default"), "is never taken: the argument is required");
            }
        }
        if arg.key.as_deref() == Some("") {
            self.error(&at.key("key"), "is empty");
        }
    }

    fn path_args(&mut self, at: &At, tool: &Tool) {
        let holes = match path_holes(&tool.path) {
            Ok(holes) => holes,
            Err(what) => return self.error(&at.key("path"), what),
        };
        for name in &holes {
            match tool.args.iter().position(|arg| arg.name == *name) {
                None => {
                    self.error(&at.key("path"), format!("no argument is called {name:?}"));
                }
                Some(index) => {
                    let (arg, at) = (&tool.args[index], at.key("args").index(index));
                    if !arg.required && arg.default.is_none() {
                        self.error(&at.key("required"), "the path needs it: say required = true");
                    }
                    if matches!(arg.kind, ArgKind::Array | ArgKind::Object) {
                        self.error(&at.key("type"), "cannot stand in a path");
                    }
                    if arg.place.is_some_and(|place| place != Place::Path) {
                        self.error(&at.key("in"), "the path names it");
                    }
                }
            }
        }
        for (index, arg) in tool.args.iter().enumerate() {
            if arg.place == Some(Place::Path) && !holes.contains(&arg.name) {
                let at = at.key("args").index(index).key("in");
                self.error(&at, format!("the path has no {{{}}}", arg.name));
            }
        }
    }

    /// No two things are sent under one name.
    fn no_two_at_one_place(&mut self, at: &At, tool: &Tool) {
        let mut taken: BTreeMap<(u8, String), String> = BTreeMap::new();
        for key in tool.query.keys() {
            taken.insert((Place::Query as u8, key.clone()), "a constant of `query`".to_owned());
        }
        for key in tool.body.keys() {
            taken.insert((Place::Body as u8, key.clone()), "a constant of `body`".to_owned());
        }
        for (index, arg) in tool.args.iter().enumerate() {
            let place = place_of(tool, arg);
            let key = arg.key.clone().unwrap_or_else(|| arg.name.clone());
            let mine = (place as u8, key.clone());
            if let Some(other) = taken.insert(mine, format!("the argument {:?}", arg.name)) {
                let at = at.key("args").index(index);
                self.error(&at, format!("is sent as {key:?}, and so is {other}"));
            }
        }
    }
}

/// Where an argument goes.
fn place_of(tool: &Tool, arg: &Arg) -> Place {
    let in_path = path_holes(&tool.path).is_ok_and(|holes| holes.contains(&arg.name));
    match arg.place {
        Some(place) => place,
        None if in_path => Place::Path,
        None if matches!(tool.method.as_str(), "GET" | "DELETE") => Place::Query,
        None => Place::Body,
    }
}

/// The names in braces; `${…}` is another thing.
fn path_holes(path: &str) -> Result<Vec<String>, String> {
    let mut holes = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.find(['{', '}']) {
        let after = &rest[at + 1..];
        if rest.as_bytes()[at] == b'}' {
            return Err("has a } without a {".to_owned());
        }
        let (name, next) = after.split_once('}').ok_or("has a { without a }")?;
        if !rest[..at].ends_with('$') {
            holes.push(name.to_owned());
        }
        rest = next;
    }
    Ok(holes)
}

fn is_kind(value: &Value, kind: ArgKind) -> bool {
    match kind {
        ArgKind::String => value.is_string(),
        ArgKind::Integer => value.is_i64() || value.is_u64(),
        ArgKind::Number => value.is_number(),
        ArgKind::Boolean => value.is_boolean(),
        ArgKind::Array => value.is_array(),
        ArgKind::Object => value.is_object(),
    }
}
