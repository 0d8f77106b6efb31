//! One entry in a JSON file, put in and taken out so that nothing else in the file moves.

use super::{ClientError, entry::OUR_VARIABLES};
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode},
};
use serde_json::{Map, Value};
use std::path::Path;

const BOM: char = '\u{feff}';

/// Comments and trailing commas are common where people edit; everything else that is not JSON
/// is a mistake, and a file with a mistake in it is not ours to rewrite.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A client's file, parsed without loss.
pub(super) struct File {
    bom: bool,
    root: CstRootNode,
    /// The key under which servers are listed.
    servers: &'static str,
}

impl File {
    /// No bytes are a file that is not there yet. `path` is for errors.
    pub(super) fn parse(
        path: &Path,
        bytes: Option<&[u8]>,
        servers: &'static str,
    ) -> Result<Self, ClientError> {
        let text = std::str::from_utf8(bytes.unwrap_or(b"{}\n"))
            .map_err(|_| ClientError::Encoding { path: path.to_owned() })?;
        let bare = text.strip_prefix(BOM);
        let root = CstRootNode::parse(bare.unwrap_or(text), &OPTIONS).map_err(|error| {
            ClientError::Syntax {
                path: path.to_owned(),
                line: error.line_display(),
                column: error.column_display(),
                message: fragment(&error.kind().to_string()),
            }
        })?;
        let file = Self { bom: bare.is_some(), root, servers };
        file.check().map_err(|message| ClientError::Shape { path: path.to_owned(), message })?;
        Ok(file)
    }

    /// A file where a reader could see something else than we do is not touched.
    fn check(&self) -> Result<(), String> {
        let Some(root) = self.root.value() else { return Ok(()) };
        let root = root.as_object().ok_or("it does not hold an object")?;
        if once(&root, self.servers)? && self.object().is_none() {
            return Err(format!("{:?} is not an object", self.servers));
        }
        let Some(object) = self.object() else { return Ok(()) };
        for name in names(&object) {
            once(&object, &name)?;
        }
        Ok(())
    }

    fn object(&self) -> Option<CstObject> {
        self.root.object_value()?.object_value(self.servers)
    }

    /// Every entry, by name, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(String, Value)> {
        let Some(object) = self.object() else { return Vec::new() };
        let read = |name: String| {
            let value = object.get(&name)?.to_serde_value()?;
            Some((name, value))
        };
        names(&object).into_iter().filter_map(read).collect()
    }

    /// Adds an entry after the others. There must be none of that name.
    pub(super) fn insert(&mut self, name: &str, entry: &Map<String, Value>) {
        if let Some(text) = self.insert_on_one_line(name, entry)
            && let Ok(root) = CstRootNode::parse(&text, &OPTIONS)
        {
            self.root = root;
            return;
        }
        let root = self.root.object_value_or_set();
        root.object_value_or_set(self.servers).append(name, input(&Value::Object(entry.clone())));
    }

    /// A file without line breaks that lists servers already was written by a program, and stays
    /// on its one line.
    fn insert_on_one_line(&self, name: &str, entry: &Map<String, Value>) -> Option<String> {
        let text = self.root.to_string();
        let object = self.object()?.to_string();
        let inside = object.strip_suffix('}')?;
        let single = !text.trim_end().contains(['\n', '\r']) && text.matches(&object).count() == 1;
        let plain = inside.ends_with('}') && !object.contains("/*");
        (single && plain).then(|| {
            let entry = Value::Object(entry.clone());
            text.replacen(&object, &format!("{inside},{}:{entry}}}", Value::from(name)), 1)
        })
    }

    /// Brings the entry of that name up to date; what is not ours in it stays.
    pub(super) fn update(&mut self, name: &str, entry: &Map<String, Value>) {
        let Some(property) = self.object().and_then(|object| object.get(name)) else { return };
        match property.object_value() {
            Some(object) => merge(&object, entry),
            None => property.set_value(input(&Value::Object(entry.clone()))),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(property) = self.object().and_then(|object| object.get(name)) {
            property.remove();
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let bom = if self.bom { "\u{feff}" } else { "" };
        format!("{bom}{}", self.root).into_bytes()
    }

    /// The text for a diff on a screen: what other servers are given (keys among it) is hidden.
    pub(super) fn masked(self, ours: &str) -> String {
        let Some(object) = self.object() else { return self.root.to_string() };
        for other in object.properties() {
            if other.decoded_name().is_none_or(|name| name != ours) {
                let fields = other.object_value().map(|o| o.properties()).unwrap_or_default();
                let hidden = |field: &Option<String>| field.as_deref() != Some("command");
                for field in fields.iter().filter(|field| hidden(&field.decoded_name())) {
                    field.value().iter().for_each(mask);
                }
            }
        }
        self.root.to_string()
    }
}

/// A sentence as the end of one of ours.
fn fragment(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(rest).collect()
}

/// Whether `object` has `name`; twice is an error, because readers differ in which one counts.
fn once(object: &CstObject, name: &str) -> Result<bool, String> {
    match names(object).iter().filter(|one| *one == name).count() {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(format!("{name:?} is there twice")),
    }
}

fn names(object: &CstObject) -> Vec<String> {
    object.properties().iter().filter_map(CstObjectProp::decoded_name).collect()
}

fn merge(object: &CstObject, wanted: &Map<String, Value>) {
    for (key, value) in wanted {
        let Some(property) = object.get(key) else {
            object.append(key, input(value));
            continue;
        };
        match (value, property.object_value()) {
            (Value::Object(inner), Some(object)) => {
                for ours in OUR_VARIABLES.iter().filter(|ours| !inner.contains_key(**ours)) {
                    if let Some(old) = object.get(ours) {
                        old.remove();
                    }
                }
                merge(&object, inner);
            }
            _ if property.to_serde_value().is_some_and(|old| serves(&old, value)) => {}
            _ => property.set_value(input(value)),
        }
    }
}

/// Whether the value that is there will do: the same, or our words with flags of the user's own
/// after them.
fn serves(old: &Value, wanted: &Value) -> bool {
    match (old, wanted) {
        (Value::Array(old), Value::Array(wanted)) => old.starts_with(wanted),
        _ => old == wanted,
    }
}

fn mask(node: &CstNode) {
    if let Some(text) = node.as_string_lit() {
        text.set_raw_value("\"***\"".to_owned());
    }
    let property = node.as_object_prop().and_then(|property| property.value());
    property.iter().for_each(mask);
    if node.as_object_prop().is_none() {
        node.children_exclude_trivia_and_tokens().iter().for_each(mask);
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(bool) => CstInputValue::Bool(*bool),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(k, v)| (k.clone(), input(v))).collect())
        }
    }
}
