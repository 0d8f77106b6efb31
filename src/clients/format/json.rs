//! JSON as people edit it: with comments and trailing commas.

use super::{
    Document, Fault,
    mask::{ELEMENT, MASK, shows},
};
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode},
};
use serde_json::{Map, Value};

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

pub(super) struct File {
    text: String,
    root: CstRootNode,
    /// The key under which servers are listed.
    servers: &'static str,
}

impl File {
    pub(super) fn parse(text: &str, servers: &'static str) -> Result<Self, Fault> {
        let root = CstRootNode::parse(text, &OPTIONS).map_err(|error| Fault::Syntax {
            line: error.line_display(),
            column: error.column_display(),
            message: fragment(&error.kind().to_string()),
        })?;
        let file = Self { text: text.to_owned(), root, servers };
        file.check().map_err(Fault::Shape)?;
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

    /// A copy to change: nodes are changed in place.
    fn copy(&self) -> Result<Self, String> {
        let root = CstRootNode::parse(&self.text, &OPTIONS).map_err(|error| error.to_string())?;
        Ok(Self { text: self.text.clone(), root, servers: self.servers })
    }

    /// The property at `path` in the entry `name`.
    fn property(&self, name: &str, path: &[&str]) -> Option<CstObjectProp> {
        let mut at = self.object()?.get(name)?;
        for key in path {
            at = at.object_value()?.get(key)?;
        }
        Some(at)
    }

    /// A file without line breaks that has something in `object` already was written by a program,
    /// and stays on its one line.
    fn append_on_one_line(&self, object: &CstObject, key: &str, value: &Value) -> Option<String> {
        let object = object.to_string();
        let inside = object.strip_suffix('}')?;
        let single = !self.text.trim_end().contains(['\n', '\r']);
        let plain = inside.ends_with(['}', ']', '"']) && !object.contains("/*");
        (single && plain && self.text.matches(&object).count() == 1).then(|| {
            let more = format!("{inside},{}:{value}}}", Value::from(key));
            self.text.replacen(&object, &more, 1)
        })
    }
}

impl Document for File {
    fn entries(&self) -> Vec<(String, Value)> {
        let Some(object) = self.object() else { return Vec::new() };
        let read = |name: String| {
            let value = object.get(&name)?.to_serde_value()?;
            Some((name, value))
        };
        names(&object).into_iter().filter_map(read).collect()
    }

    fn rest(&self) -> Value {
        let mut all = self.root.to_serde_value().unwrap_or_else(|| Value::Object(Map::new()));
        if let Some(root) = all.as_object_mut() {
            root.shift_remove(self.servers);
        }
        all
    }

    fn insert(&self, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
        let entry = Value::Object(entry.clone());
        let object = self.object();
        if let Some(text) = object.and_then(|object| self.append_on_one_line(&object, name, &entry))
        {
            return Ok(text);
        }
        let copy = self.copy()?;
        let root = copy.root.object_value_or_set();
        root.object_value_or_set(self.servers).append(name, input(&entry));
        Ok(copy.root.to_string())
    }

    fn set(&self, name: &str, path: &[&str], value: &Value) -> Result<String, String> {
        let copy = self.copy()?;
        if let Some(property) = copy.property(name, path) {
            property.set_value(input(value));
        } else if let Some((last, parents)) = path.split_last()
            && let Some(object) = copy.property(name, parents).and_then(|p| p.object_value())
        {
            if let Some(text) = self.append_on_one_line(&object, last, value) {
                return Ok(text);
            }
            object.append(last, input(value));
        }
        Ok(copy.root.to_string())
    }

    fn unset(&self, name: &str, path: &[&str]) -> Result<String, String> {
        let copy = self.copy()?;
        if let Some(property) = copy.property(name, path) {
            property.remove();
        }
        Ok(copy.root.to_string())
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn masked(self: Box<Self>, ours: &str) -> String {
        if let Some(root) = self.root.value() {
            mask(&root, &mut Vec::new(), &|path| match path {
                [first, rest @ ..] if first == self.servers => {
                    shows(&rest.iter().map(String::as_str).collect::<Vec<_>>(), ours)
                }
                _ => false,
            });
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

fn mask(node: &CstNode, path: &mut Vec<String>, shown: &dyn Fn(&[String]) -> bool) {
    if let Some(text) = node.as_string_lit() {
        if !shown(path) {
            text.set_raw_value(MASK.to_owned());
        }
    } else if let Some(object) = node.as_object() {
        for property in object.properties() {
            path.push(property.decoded_name().unwrap_or_default());
            if let Some(value) = property.value() {
                mask(&value, path, shown);
            }
            path.pop();
        }
    } else if let Some(array) = node.as_array() {
        path.push(ELEMENT.to_owned());
        for element in array.elements() {
            mask(&element, path, shown);
        }
        path.pop();
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
