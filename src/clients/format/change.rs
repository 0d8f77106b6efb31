//! What must change in an entry that is there, for it to do what ours does.

use crate::clients::entry::{OUR_VARIABLES, Shape};
use serde_json::{Map, Value};

/// One step of a change: `value` at `path`, or nothing there any more.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub(super) path: Vec<String>,
    pub(super) value: Option<Value>,
}

/// The steps from `old` to `wanted`. What only the user can have put there stays: other fields,
/// other variables, and other values of fields that do not decide what is launched.
pub(super) fn between(old: &Value, wanted: &Map<String, Value>, shape: &Shape) -> Vec<Change> {
    let set = |path: &[&str], value: &Value| Change {
        path: path.iter().map(|key| (*key).to_owned()).collect(),
        value: Some(value.clone()),
    };
    // An entry that launches nothing is something else under our name.
    let Some(fields) = old.as_object().filter(|_| shape.launch(old).is_some()) else {
        return vec![set(&[], &Value::Object(wanted.clone()))];
    };
    let mut changes = Vec::new();
    for (key, value) in wanted {
        match (fields.get(key), value) {
            (None, _) => changes.push(set(&[key], value)),
            (Some(old), value) if old == value => {}
            (Some(Value::Object(old)), Value::Object(wanted)) => {
                let gone = |name: &&&str| old.contains_key(**name) && !wanted.contains_key(**name);
                changes.extend(OUR_VARIABLES.iter().filter(gone).map(|name| Change {
                    path: vec![key.clone(), (*name).to_owned()],
                    value: None,
                }));
                let news = wanted.iter().filter(|(name, value)| old.get(*name) != Some(value));
                changes.extend(news.map(|(name, value)| set(&[key, name], value)));
            }
            (Some(_), value) if shape.decides(key) => changes.push(set(&[key], value)),
            (Some(_), _) => {}
        }
    }
    changes
}

impl Change {
    /// Makes it in the entry as we read it.
    pub(super) fn apply(&self, entry: &mut Value) {
        let mut at = entry;
        let Some((last, parents)) = self.path.split_last() else {
            if let Some(value) = &self.value {
                *at = value.clone();
            }
            return;
        };
        for key in parents {
            let Some(next) = at.get_mut(key) else { return };
            at = next;
        }
        let Some(object) = at.as_object_mut() else { return };
        match &self.value {
            Some(value) => drop(object.insert(last.clone(), value.clone())),
            None => drop(object.shift_remove(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn steps(old: &Value, wanted: &Value) -> Vec<(String, Option<Value>)> {
        between(old, wanted.as_object().unwrap(), &Shape::COMMON)
            .into_iter()
            .map(|change| (change.path.join("."), change.value))
            .collect()
    }

    #[test]
    fn only_what_decides_is_changed_and_only_ours_is_taken_out() {
        let old = json!({"command": "/old", "args": ["serve"], "timeout": 9, "disabled": true,
            "env": {"ALLMCP_HOME": "/gone", "MINE": "1"}});
        let wanted = json!({"command": "/new", "args": ["serve"], "timeout": 60, "extra": [],
            "env": {"ALLMCP_CLIENT": "x"}});
        let found = steps(&old, &wanted);
        let want = [
            ("command", Some(json!("/new"))),
            ("extra", Some(json!([]))),
            ("env.ALLMCP_HOME", None),
            ("env.ALLMCP_CLIENT", Some(json!("x"))),
        ];
        assert_eq!(found, want.map(|(path, value)| (path.to_owned(), value)));
        let mut entry = old.clone();
        for change in between(&old, wanted.as_object().unwrap(), &Shape::COMMON) {
            change.apply(&mut entry);
        }
        assert_eq!(entry["env"], json!({"MINE": "1", "ALLMCP_CLIENT": "x"}));
        assert_eq!(steps(&entry, &wanted), []);
    }

    #[test]
    fn what_launches_nothing_is_replaced() {
        let wanted = json!({"command": "/new"});
        for old in [json!(null), json!({"url": "https://x"}), json!([1])] {
            assert_eq!(steps(&old, &wanted), [(String::new(), Some(wanted.clone()))]);
        }
    }
}
