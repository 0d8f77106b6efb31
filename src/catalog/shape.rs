//! Compares a document with the JSON Schema of manifests, and names everything that does not fit.
//!
//! It knows what our own schema uses and no more; unlike serde it finds all faults in one go, says
//! where each is, and which key was probably meant.

use super::place::At;
use crate::name::nearest;
use serde_json::{Map, Value};

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub at: At,
    pub what: String,
}

/// Everything in `value` that does not fit `schema`.
pub(super) fn misfits(value: &Value, schema: &Value) -> Vec<Misfit> {
    let mut check = Check { root: schema, found: Vec::new() };
    check.value(&At::top(), value, schema);
    check.found
}

struct Check<'a> {
    root: &'a Value,
    found: Vec<Misfit>,
}

impl<'a> Check<'a> {
    fn wrong(&mut self, at: &At, what: String) {
        self.found.push(Misfit { at: at.clone(), what });
    }

    fn value(&mut self, at: &At, value: &Value, schema: &'a Value) {
        let schema = self.resolve(schema);
        if let Some(branches) = schema["oneOf"].as_array() {
            return self.one_of(at, value, branches);
        }
        if let Some(branches) = schema["anyOf"].as_array() {
            // Something that may be left out; TOML has no null.
            let branch = branches.iter().find(|branch| branch["type"] != "null");
            return branch.into_iter().for_each(|branch| self.value(at, value, branch));
        }
        if let Some(words) = schema["enum"].as_array() {
            return self.word(at, value, &words.iter().collect::<Vec<_>>());
        }
        if !is_type(value, schema) {
            let what = format!("must be {}", type_name(schema));
            return self.wrong(at, what);
        }
        match value {
            Value::Object(members) => self.object(at, members, schema),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&at.index(index), item, &schema["items"]);
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                let least = schema["minimum"].as_f64().filter(|least| number < *least);
                let most = schema["maximum"].as_f64().filter(|most| number > *most);
                if let Some(least) = least {
                    self.wrong(at, format!("must be {least} or more"));
                } else if let Some(most) = most {
                    self.wrong(at, format!("must be {most} or less"));
                }
            }
            _ => {}
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/"));
        name.map_or(schema, |name| &self.root["$defs"][name])
    }

    /// One of some words, or one of some tables that a word in them tells apart.
    fn one_of(&mut self, at: &At, value: &Value, branches: &'a [Value]) {
        let tables: Vec<_> = branches.iter().filter(|b| b["properties"].is_object()).collect();
        if tables.is_empty() {
            let words = branches.iter().flat_map(|branch| match &branch["enum"] {
                Value::Array(words) => words.iter().collect(),
                _ => vec![&branch["const"]],
            });
            return self.word(at, value, &words.collect::<Vec<_>>());
        }
        let tag = |branch: &'a Value| {
            let mut members = branch["properties"].as_object()?.iter();
            members.find_map(|(key, schema)| schema.get("const").map(|word| (key, word)))
        };
        let Some(members) = value.as_object() else {
            return self.wrong(at, "must be a table".to_owned());
        };
        let fits = |branch: &&&'a Value| {
            tag(branch).is_some_and(|(key, word)| members.get(key.as_str()) == Some(word))
        };
        if let Some(branch) = tables.iter().find(fits) {
            return self.object(at, members, branch);
        }
        let tags: Vec<_> = tables.iter().filter_map(|branch| tag(branch)).collect();
        if let Some((key, _)) = tags.first() {
            let words: Vec<_> = tags.iter().map(|(_, word)| *word).collect();
            let given = members.get(key.as_str()).unwrap_or(&Value::Null);
            self.word(&at.key(key), given, &words);
        }
    }

    fn word(&mut self, at: &At, value: &Value, words: &[&Value]) {
        if !words.contains(&value) {
            let words: Vec<_> = words.iter().filter_map(|word| word.as_str()).collect();
            self.wrong(at, format!("must be one of {}", words.join(", ")));
        }
    }

    fn object(&mut self, at: &At, members: &Map<String, Value>, schema: &'a Value) {
        let none = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&none);
        for (key, value) in members {
            let other = &schema["additionalProperties"];
            if let Some(schema) = schema["properties"].get(key) {
                self.value(&at.key(key), value, schema);
            } else if *other == false {
                let near = nearest(key, known.keys().map(String::as_str));
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                self.wrong(&at.key(key), format!("is not a key of manifests{near}"));
            } else if other.is_object() {
                self.value(&at.key(key), value, other);
            }
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(key) {
                self.wrong(&at.key(key), "is missing".to_owned());
            }
        }
    }
}

fn is_type(value: &Value, schema: &Value) -> bool {
    let fits = |word: &Value| match word.as_str().unwrap_or_default() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match &schema["type"] {
        Value::Null => true,
        Value::Array(words) => words.iter().any(fits),
        word => fits(word),
    }
}

fn type_name(schema: &Value) -> &'static str {
    let word = match &schema["type"] {
        Value::Array(words) => words.first().and_then(Value::as_str),
        word => word.as_str(),
    };
    match word.unwrap_or_default() {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Manifest;
    use serde_json::json;

    fn found(value: &Value) -> Vec<String> {
        let all = misfits(value, &Manifest::schema());
        all.iter().map(|misfit| format!("{} {}", misfit.at, misfit.what)).collect()
    }

    #[test]
    fn every_fault_is_found_and_named() {
        let good = json!({
            "id": "x", "name": "X", "kind": "mcp", "category": "crm", "about": "It is X.",
            "auth": [{"id": "none", "title": "Nothing", "kind": "none"}],
            "mcp": {"url": "https://x.example/mcp", "headers": {"A": "b"}},
        });
        assert_eq!(found(&good), Vec::<String>::new());
        let bad = json!({
            "id": 1, "nmae": "X", "kind": "rest", "category": "crm", "about": "It is X.",
            "auth": [{"id": "none", "title": "Nothing", "kind": "nnoe", "oauth": {"callback_port": 70000}}],
            "mcp": {"url": "https://x.example/mcp", "headers": {"A": 1}},
            "http": {"base_url": "x", "check": {"method": "GET", "path": "/"},
                "pages": {"a": {"kind": "page"}, "b": {"kind": "links"}}, "rate": 1},
            "tools": [{"name": "t", "description": "d", "method": "GET", "path": "/", "args": [{"name": "a", "type": "int"}]}],
        });
        let words = "none, key, oauth, enterprise, client-credentials";
        assert_eq!(
            found(&bad),
            [
                "id must be a text in quotes",
                "nmae is not a key of manifests; did you mean name?",
                "kind must be one of mcp, http",
                &format!("auth[0].kind must be one of {words}"),
                "auth[0].oauth.callback_port must be 65535 or less",
                "mcp.headers.A must be a text in quotes",
                "http.pages.a.query is missing",
                "http.pages.b.kind must be one of page, offset, token, window",
                "http.rate must be a list",
                "tools[0].args[0].type must be one of string, integer, number, boolean, array, object",
                "name is missing",
            ]
        );
    }
}
