//! `allmcp call`: which tool, and its arguments put together.

use crate::{cli::error::CliError, name::ConnectionName};
use clap::Args;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};

#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "allmcp call [OPTIONS] [NAME] TOOL [K=V | K:=JSON]...",
    after_help = "Examples:
  allmcp call kommo__leads_list limit:=3 query=acme
  allmcp call kommo leads_list limit:=3
  allmcp call kommo__leads_list --args '{\"limit\": 3}'
  allmcp call kommo__leads_list --args @arguments.json
  jq -n '{limit: 3}' | allmcp call kommo__leads_list --args - --json

K=V is a string, K:=JSON is any JSON. The exit code is 6 when the tool answers with an error."
)]
pub struct CallArgs {
    /// The tool's public name, or a connection and its tool; then its arguments
    #[arg(required = true, value_name = "TOOL")]
    words: Vec<String>,
    /// All arguments: a JSON object, @FILE, or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub args: Option<String>,
    /// Answer yes where policy asks
    #[arg(short, long)]
    pub yes: bool,
}

/// What `--args` points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgsSource<'a> {
    Text(&'a str),
    File(&'a str),
    Stdin,
}

impl CallArgs {
    /// The connection, where one is named, and the tool.
    pub fn tool(&self) -> Result<(Option<ConnectionName>, &str), CliError> {
        let named = self.words.iter().take_while(|word| !is_argument(word)).count();
        match &self.words[..named] {
            [tool] => Ok((None, tool)),
            [name, tool] => {
                let name = name.parse().map_err(|e| CliError::usage(format!("{e}")))?;
                Ok((Some(name), tool))
            }
            [] => Err(CliError::usage("the tool's name is missing").hint("allmcp tools")),
            [_, _, more, ..] => Err(CliError::usage(format!("{more:?} is no argument"))
                .hint("write arguments as K=V, or K:=JSON for what is not a string")),
        }
    }

    /// Where the object of `--args` comes from, when it is given.
    pub fn source(&self) -> Option<ArgsSource<'_>> {
        self.args.as_deref().map(|args| match args.strip_prefix('@') {
            _ if args == "-" => ArgsSource::Stdin,
            Some(path) => ArgsSource::File(path),
            None => ArgsSource::Text(args),
        })
    }

    /// The arguments as one JSON object: `base` (the text of `--args`, as it is) and after it
    /// every `K=V` and `K:=JSON`.
    pub fn arguments(&self, base: Option<&str>) -> Result<String, CliError> {
        let mut seen = HashSet::new();
        let mut inside = match base {
            Some(text) => members(text, &mut seen)?,
            None => String::new(),
        };
        for word in self.words.iter().skip_while(|word| !is_argument(word)) {
            let (key, json) = argument(word)?;
            if !seen.insert(key.clone()) {
                return Err(CliError::usage(format!("the argument {key:?} is given twice")));
            }
            if !inside.trim().is_empty() {
                inside.push(',');
            }
            let _ = write!(inside, "{}:{json}", serde_json::Value::from(key));
        }
        Ok(format!("{{{inside}}}"))
    }
}

fn is_argument(word: &str) -> bool {
    word.contains('=')
}

/// The inside of a JSON object, as it was written; its keys go into `seen`.
fn members(text: &str, seen: &mut HashSet<String>) -> Result<String, CliError> {
    let wrong = |why: String| CliError::usage(format!("--args is not a JSON object: {why}"));
    let Keys(keys) = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    seen.extend(keys);
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    Ok(inside.ok_or_else(|| wrong("it has no braces".into()))?.to_owned())
}

/// The keys of an object, its values only checked for being JSON.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A key and its value as JSON text.
fn argument(word: &str) -> Result<(String, String), CliError> {
    let usage = || CliError::usage(format!("{word:?} is no argument")).hint("write K=V or K:=JSON");
    let (key, value) = word.split_once('=').ok_or_else(usage)?;
    let (key, json) = match key.strip_suffix(':') {
        Some(key) => {
            let raw: &RawValue = serde_json::from_str(value).map_err(|e| {
                CliError::usage(format!("the value of {key:?} is not JSON: {e}"))
                    .hint(format!("{key}={value} gives it as a string"))
            })?;
            (key, raw.get().to_owned())
        }
        None => (key, serde_json::Value::from(value).to_string()),
    };
    if key.is_empty() { Err(usage()) } else { Ok((key.to_owned(), json)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> CallArgs {
        CallArgs { words: words.iter().map(ToString::to_string).collect(), args: None, yes: false }
    }

    #[test]
    fn a_tool_is_named_alone_or_after_its_connection() {
        let one = call(&["kommo__leads", "a=b"]);
        assert_eq!(one.tool().unwrap(), (None, "kommo__leads"));
        let two = call(&["kommo", "leads.list", "a=b", "c:=1"]);
        let (name, tool) = two.tool().unwrap();
        assert_eq!((name.unwrap().as_str(), tool), ("kommo", "leads.list"));
        assert!(call(&["a=b"]).tool().is_err());
        assert!(call(&["Kommo", "x"]).tool().is_err());
        let three = call(&["kommo", "leads", "oops"]).tool().unwrap_err();
        assert!(three.message.contains("oops"), "{three}");
    }

    #[test]
    fn arguments_are_spliced_and_keep_their_bytes() {
        let args =
            call(&["t", "q=a \"b\"=c", "n:=1.0", "big:=12345678901234567890123", "o:={\"z\": []}"]);
        assert_eq!(
            args.arguments(None).unwrap(),
            r#"{"q":"a \"b\"=c","n":1.0,"big":12345678901234567890123,"o":{"z": []}}"#
        );
        assert_eq!(args.arguments(Some("")).unwrap_err().kind.exit().code(), 2);
        let base = call(&["t", "b=2"]).arguments(Some(" {\"a\" : 1e0 } \n")).unwrap();
        assert_eq!(base, r#"{"a" : 1e0 ,"b":"2"}"#);
        assert_eq!(call(&["t"]).arguments(Some("{}")).unwrap(), "{}");
        assert_eq!(call(&["t", "a=1"]).arguments(Some("{ }")).unwrap(), r#"{ "a":"1"}"#);
        assert_eq!(call(&["t"]).arguments(None).unwrap(), "{}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = call(&["t", "a=1"]).arguments(Some("{\"\\u0061\":1}")).unwrap_err();
        assert_eq!(twice.message, "the argument \"a\" is given twice");
        let json = call(&["t", "a:=oops"]).arguments(None).unwrap_err();
        assert_eq!(json.hint.as_deref(), Some("a=oops gives it as a string"));
        assert!(call(&["t", "=x"]).arguments(None).is_err());
        assert!(call(&["t", "a=1", "stray"]).arguments(None).is_err());
        assert!(call(&["t"]).arguments(Some("[1]")).is_err());
    }

    #[test]
    fn args_come_from_text_a_file_or_stdin() {
        let with = |args: &str| CallArgs { args: Some(args.into()), ..call(&["t"]) };
        assert_eq!(with("-").source(), Some(ArgsSource::Stdin));
        assert_eq!(with("@a b.json").source(), Some(ArgsSource::File("a b.json")));
        assert_eq!(with("{}").source(), Some(ArgsSource::Text("{}")));
        assert_eq!(call(&["t"]).source(), None);
    }
}
