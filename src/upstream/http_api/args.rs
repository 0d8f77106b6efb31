//! The arguments of a call, checked before anything is sent: a model gets told what to change.

use super::{
    schema::{self, CURSOR, FULL},
    value::{check, not_a},
};
use crate::{
    catalog::manifest::{Arg, Tool},
    text,
    wire::splice,
};
use bytes::Bytes;

/// What is sent of a call's arguments.
#[derive(Debug)]
pub(super) struct Args<'a> {
    /// In the order of the manifest; each value as the client wrote it.
    pub(super) given: Vec<(&'a Arg, Bytes)>,
    pub(super) cursor: Option<String>,
    pub(super) full: bool,
    /// The first number that a span of time leaves for the next one.
    pub(super) rest: Option<u64>,
}

impl Args<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&Bytes> {
        self.given.iter().find(|(arg, _)| arg.name == name).map(|(_, json)| json)
    }

    /// Another value for an argument that was given.
    pub(super) fn put(&mut self, name: &str, value: u64) {
        if let Some((_, json)) = self.given.iter_mut().find(|(arg, _)| arg.name == name) {
            *json = value.to_string().into();
        }
    }
}

/// Reads the object `json`. The error is a text for the model.
pub(super) fn read<'a>(tool: &'a Tool, json: &Bytes) -> Result<Args<'a>, String> {
    let mut args = Args { given: Vec::new(), cursor: None, full: false, rest: None };
    let is_object = json.is_empty() || json.first() == Some(&b'{');
    if !is_object {
        return Err("the arguments are not a JSON object".to_owned());
    }
    let mut wrong = Vec::new();
    let mut values = Vec::new();
    for member in splice::members(json) {
        let key = splice::string(&json[member.key.clone()]).unwrap_or_default().into_owned();
        let value = json.slice(member.value);
        // As if it had not been said: models write null for what they leave out.
        if &value[..] == b"null" {
            continue;
        }
        match key.as_str() {
            CURSOR if tool.pages.is_some() => match splice::string(&value) {
                Some(cursor) => args.cursor = Some(cursor.into_owned()),
                None => wrong.push(not_a(CURSOR, "string", &value)),
            },
            FULL if !tool.keep.is_empty() => match &value[..] {
                b"true" => args.full = true,
                b"false" => {}
                _ => wrong.push(not_a(FULL, "boolean", &value)),
            },
            _ => match tool.args.iter().find(|arg| arg.name == key) {
                Some(arg) => values.push((arg, value)),
                None => wrong.push(unknown(tool, &key)),
            },
        }
    }
    for arg in &tool.args {
        // The last one wins, as in every common parser.
        if let Some((_, value)) = values.iter().rev().find(|(one, _)| one.name == arg.name) {
            match check(arg, value) {
                Ok(()) => args.given.push((arg, value.clone())),
                Err(why) => wrong.push(why),
            }
        } else if let Some(default) = &arg.default {
            args.given.push((arg, default.to_string().into()));
        } else if arg.required {
            wrong.push(missing(arg));
        }
    }
    if wrong.is_empty() { Ok(args) } else { Err(wrong.join("; ")) }
}

fn missing(arg: &Arg) -> String {
    let about = text::line(&arg.description, 160);
    let about = if about.is_empty() { about } else { format!(": {about}") };
    format!("the argument {:?} ({}) is missing{about}", arg.name, schema::word(arg.kind))
}

fn unknown(tool: &Tool, key: &str) -> String {
    let mut names: Vec<&str> = tool.args.iter().map(|arg| arg.name.as_str()).collect();
    if tool.pages.is_some() {
        names.push(CURSOR);
    }
    if !tool.keep.is_empty() {
        names.push(FULL);
    }
    let near = names
        .iter()
        .map(|name| (strsim::jaro_winkler(name, key), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let key = text::line(key, 60);
    match near {
        Some((_, name)) => format!("there is no argument {key:?}, did you mean {name:?}?"),
        None if names.is_empty() => {
            format!("there is no argument {key:?}; this tool takes none")
        }
        None => format!("there is no argument {key:?}; there are: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> Tool {
        toml::from_str(
            r#"
            name = "t"
            description = "T."
            method = "GET"
            path = "/t/{id}"
            pages = "p"
            args = [
              { name = "id", type = "integer", required = true, description = "Of the deal." },
              { name = "limit", type = "integer", minimum = 1, maximum = 250, default = 50 },
              { name = "order", enum = ["asc", "desc"] },
              { name = "with", type = "array", schema = { type = "string", enum = ["a", "b"] } },
            ]"#,
        )
        .unwrap()
    }

    fn wrong(json: &str) -> String {
        read(&tool(), &Bytes::from(json.to_owned())).unwrap_err()
    }

    #[test]
    fn good_arguments_are_kept_as_they_were_written() {
        let tool = tool();
        let json = r#"{"id": 90071992547409931, "order":null, "cursor":"c"}"#;
        let args = read(&tool, &Bytes::from_static(json.as_bytes())).unwrap();
        assert_eq!(args.get("id").unwrap(), "90071992547409931");
        assert_eq!(args.get("limit").unwrap(), "50", "the default is sent");
        assert_eq!(args.get("order"), None);
        assert_eq!(args.cursor.as_deref(), Some("c"));
    }

    #[test]
    fn every_mistake_is_told_in_words_that_say_what_to_do() {
        assert_eq!(wrong("{}"), "the argument \"id\" (integer) is missing: Of the deal.");
        assert_eq!(
            wrong(r#"{"id":"5","limt":2}"#),
            "there is no argument \"limt\", did you mean \"limit\"?; the argument \"id\" has to be an integer, not a string"
        );
        assert_eq!(
            wrong(r#"{"id":1,"zzz":2}"#),
            "there is no argument \"zzz\"; there are: id, limit, order, with, cursor"
        );
        assert_eq!(
            wrong(r#"{"id":1,"limit":251}"#),
            "the argument \"limit\" has to be from 1 to 250"
        );
        assert_eq!(
            wrong(r#"{"id":1,"order":"up"}"#),
            "the argument \"order\" cannot be \"up\"; it is one of \"asc\", \"desc\""
        );
        assert_eq!(
            wrong(r#"{"id":1,"with":["a",2]}"#),
            "each element of the argument \"with\" has to be a string, not a number"
        );
        assert_eq!(
            wrong(r#"{"id":1,"with":["c"]}"#),
            "the argument \"with\" cannot be \"c\"; it is one of \"a\", \"b\""
        );
        assert_eq!(
            wrong(r#"{"id":1.5}"#),
            "the argument \"id\" has to be an integer, not a number"
        );
        assert_eq!(wrong("[]"), "the arguments are not a JSON object");
    }
}
