//! From the text of a manifest to the manifest: TOML, what it `extends`, and the checks.

use super::{
    Manifest,
    lint::{self, Finding, Level},
    place::{At, Lines, Position},
    shape,
};
use serde_json::{Map, Value};
use std::sync::OnceLock;

static SCHEMA: OnceLock<Value> = OnceLock::new();
/// How many manifests one may go back through `extends`.
const DEPTH: usize = 4;

/// A manifest, where there is one, and everything that was found on the way; with an error in the
/// findings the manifest is not to be used.
#[derive(Debug)]
pub(super) struct Loaded {
    pub manifest: Option<Manifest>,
    pub findings: Vec<Finding>,
}

impl Loaded {
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }
}

/// Something that a manifest extends: its text, and whose it is. One that extends its own id means
/// the built-in one.
pub(super) struct Base {
    pub text: String,
    pub is_builtin: bool,
}

/// Finds what a manifest extends: the id, and whether only built-in ones count.
pub(super) type Bases<'a> = dyn Fn(&str, bool) -> Option<Base> + 'a;

/// Reads a text that the program carries with it and whose checks are a test: no more is done than
/// needed.
pub(super) fn trusted(text: &str, bases: &Bases<'_>) -> Result<Manifest, Vec<Finding>> {
    let value = table(text).and_then(|own| extended(own, true, bases));
    let value = value.map_err(|finding| vec![finding])?;
    // By way of JSON, as every other manifest: the types read from TOML too would be 400 KB of
    // code more.
    let manifest = serde_json::from_value(Value::Object(value));
    manifest.map_err(|error| vec![Finding::error(&At::top(), None, error.to_string())])
}

/// Reads a text that may hold anything, and checks it.
pub(super) fn checked(text: &str, is_builtin: bool, bases: &Bases<'_>) -> Loaded {
    let nothing = |finding| Loaded { manifest: None, findings: vec![finding] };
    let own = match table(text) {
        Ok(own) => own,
        Err(finding) => return nothing(finding),
    };
    let lines = Lines::new(text);
    let value = match extended(own, is_builtin, bases) {
        Ok(whole) => Value::Object(whole),
        Err(mut finding) => {
            let at = lines.position(&At::top().key("extends"));
            finding.put(at);
            return nothing(finding);
        }
    };
    let misfits = shape::misfits(&value, SCHEMA.get_or_init(Manifest::schema));
    if !misfits.is_empty() {
        let told = |m: &shape::Misfit| Finding::error(&m.at, lines.position(&m.at), &m.what);
        return Loaded { manifest: None, findings: misfits.iter().map(told).collect() };
    }
    match serde_json::from_value::<Manifest>(value) {
        Ok(manifest) => {
            let findings = lint::manifest(&manifest, &|at| lines.position(at));
            Loaded { manifest: Some(manifest), findings }
        }
        Err(error) => nothing(Finding::error(&At::top(), None, error.to_string())),
    }
}

/// The id that a text gives itself, if it is TOML at all.
pub(super) fn id(text: &str) -> Option<String> {
    Some(table(text).ok()?.get("id")?.as_str()?.to_owned())
}

fn table(text: &str) -> Result<Map<String, Value>, Finding> {
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(table.into_iter().map(|(key, value)| (key, json(value))).collect()),
        Err(error) => {
            let at = error.span().map(|span| Position::of(text, span.start));
            Err(Finding::error(&At::top(), at, error.message().to_owned()))
        }
    }
}

/// A date is what is written, quoted or not.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, json(value))).collect())
        }
    }
}

/// `own` laid over what it extends, and that over what it extends.
fn extended(
    own: Map<String, Value>,
    is_builtin: bool,
    bases: &Bases<'_>,
) -> Result<Map<String, Value>, Finding> {
    let wrong = |what: String| Finding::error(&At::top().key("extends"), None, what);
    let text = |of: &Map<String, Value>, key: &str| Some(of.get(key)?.as_str()?.to_owned());
    let mut layers = vec![own];
    let mut builtin = is_builtin;
    let mut seen = Vec::new();
    while let Some(last) = layers.last()
        && let Some(id) = text(last, "extends")
    {
        // What comes with the program never changes by what a user has.
        builtin = builtin || text(last, "id").as_deref() == Some(&id);
        if seen.contains(&(id.clone(), builtin)) {
            return Err(wrong(format!("goes round in a circle at {id:?}")));
        }
        if layers.len() > DEPTH {
            return Err(wrong(format!("goes back over more than {DEPTH} manifests")));
        }
        let base = bases(&id, builtin);
        let base = base.ok_or_else(|| wrong(format!("names {id:?}, which is no provider")))?;
        builtin = base.is_builtin;
        seen.push((id.clone(), builtin));
        let base = table(&base.text)
            .map_err(|error| wrong(format!("names {id:?}, which cannot be read: {error}")))?;
        layers.push(base);
    }
    let extends = layers[0].get("extends").cloned();
    let says_verified = layers[0].contains_key("verified");
    let mut whole = layers.pop().unwrap_or_default();
    while let Some(next) = layers.pop() {
        lay_over(&mut whole, next);
    }
    if !is_builtin && !says_verified {
        // Whoever checked the base did not check this one.
        whole.remove("verified");
    }
    match extends {
        Some(id) => whole.insert("extends".to_owned(), id),
        None => whole.remove("extends"),
    };
    Ok(whole)
}

/// Tables are merged, everything else is replaced.
fn lay_over(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => lay_over(base, over),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "id = \"base\"\nname = \"Base\"\nkind = \"mcp\"\ncategory = \"crm\"\nabout = \"It is the base.\"\nverified = 2026-01-02\nsources = [\"a test\"]\n\
        [[auth]]\nid = \"none\"\ntitle = \"Nothing\"\nkind = \"none\"\n\
        [mcp]\nurl = \"https://base.example/mcp\"\nheaders = { A = \"1\", B = \"2\" }\n";

    fn bases(
        others: &'static [(&'static str, &'static str)],
    ) -> impl Fn(&str, bool) -> Option<Base> {
        move |id, builtin| {
            if id == "base" {
                return Some(Base { text: BASE.to_owned(), is_builtin: true });
            }
            let (_, text) = others.iter().find(|(other, _)| *other == id && !builtin)?;
            Some(Base { text: (*text).to_owned(), is_builtin: false })
        }
    }

    fn told(text: &str, others: &'static [(&'static str, &'static str)]) -> Vec<String> {
        let loaded = checked(text, false, &bases(others));
        loaded.findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tables_are_merged_and_the_rest_is_replaced() {
        let text =
            "id = \"x\"\nextends = \"base\"\nsources = []\n[mcp.headers]\nB = \"3\"\nC = \"4\"\n";
        let x = checked(text, false, &bases(&[])).manifest.unwrap();
        assert_eq!((x.id.as_str(), x.name.as_str()), ("x", "Base"));
        assert_eq!(x.extends.as_deref(), Some("base"));
        assert_eq!(x.verified, None, "whoever checked the base did not check this one");
        let base = checked(BASE, true, &bases(&[])).manifest.unwrap();
        assert_eq!(base.verified.as_deref(), Some("2026-01-02"), "a date needs no quotes");
        assert!(x.sources.is_empty());
        let mcp = x.mcp.unwrap();
        assert_eq!(mcp.url, "https://base.example/mcp");
        let headers: Vec<_> = mcp.headers.iter().map(|(k, v)| format!("{k}{v}")).collect();
        assert_eq!(headers, ["A1", "B3", "C4"]);
        assert_eq!(trusted(text, &bases(&[])).unwrap().id, "x");
    }

    #[test]
    fn a_circle_a_stranger_and_a_long_way_back_are_refused() {
        let others: &[(&str, &str)] = &[
            ("a", "id = \"a\"\nextends = \"b\""),
            ("b", "id = \"b\"\nextends = \"a\""),
            ("1", "id = \"1\"\nextends = \"2\""),
            ("2", "id = \"2\"\nextends = \"3\""),
            ("3", "id = \"3\"\nextends = \"4\""),
            ("4", "id = \"4\"\nextends = \"base\""),
            ("bad", "id = "),
        ];
        let line = |id: &str| format!("# It extends.\nid = \"x\"\nextends = \"{id}\"\n");
        assert!(told(&line("base"), others).is_empty());
        assert!(told(&line("2"), others).is_empty());
        for (id, why) in [
            ("a", "goes round in a circle at \"a\""),
            ("nobody", "names \"nobody\", which is no provider"),
            ("1", "goes back over more than 4 manifests"),
            ("bad", "names \"bad\", which cannot be read"),
        ] {
            let told = told(&line(id), others);
            assert!(told.len() == 1 && told[0].contains(why), "{id}: {told:?}");
            assert!(told[0].starts_with("3:1: error: extends: "), "{told:?}");
        }
        // One's own id is the built-in one, not oneself.
        let own = line("base").replace("\"x\"", "\"base\"");
        assert!(told(&own, &[]).is_empty());
        assert!(told(&line("x"), &[("x", "id = \"x\"")])[0].contains("no provider"));
    }

    #[test]
    fn a_fault_has_its_line_and_its_key() {
        assert_eq!(
            told("id = \"x\"\nnmae = 1\nextends = \"base\"\n", &[]),
            ["2:1: error: nmae: is not a key of manifests; did you mean name?"]
        );
        let syntax = told("id = \"x\"\nname = \n", &[]);
        assert!(syntax.len() == 1 && syntax[0].starts_with("2:8: error: "), "{syntax:?}");
    }
}
