//! The command line of an entry, however a client spells it.

use serde_json::Value;
use std::collections::BTreeMap;

/// All words, the program first; nothing where the entry starts no program.
pub(super) fn of(entry: &Value) -> Option<Vec<String>> {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // Zed once had a table there.
    let command = entry.get("command").or_else(|| entry.get("cmd"))?;
    let mut words = match command {
        Value::String(command) => vec![command.clone()],
        Value::Array(_) => texts(command),
        Value::Object(_) => vec![command.get("path")?.as_str()?.to_owned()],
        _ => return None,
    };
    let args = entry.get("args").or_else(|| command.get("args"));
    words.extend(args.map(texts).unwrap_or_default());
    (!words.is_empty()).then_some(words)
}

/// The variables that the entry sets.
pub(super) fn env(entry: &Value) -> BTreeMap<String, String> {
    let tables = ["env", "environment", "envs"];
    let table = tables.iter().find_map(|key| entry.get(key)?.as_object());
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    table.into_iter().flatten().filter_map(text).collect()
}
