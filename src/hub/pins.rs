//! Noticing that a tool's definition is another than the one that was approved.
//!
//! What is seen first counts as approved. A change is told once (`pin = "warn"`) or holds the
//! tool back (`pin = "block"`) until `allmcp tools approve`.

use super::{member::Changed, plan::PlanConnection};
use crate::{
    kind::Pin,
    store::pins::{PinError, PinStore, Pinned, Pins, named, raw},
    text,
};
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashSet;

/// A definition that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedTool {
    /// The upstream's own name.
    pub tool: String,
    /// The approved definition, byte for byte as the upstream gave it.
    pub old: String,
    /// The one that it gives now.
    pub new: String,
}

/// The changed definitions of a connection, by name.
pub fn changed(pins: &PinStore, account: &str) -> Result<Vec<ChangedTool>, PinError> {
    let pins = pins.load(account)?;
    let changed = pins.tools.into_iter().filter_map(|(tool, pinned)| {
        let new = pinned.changed?.get().to_owned();
        Some(ChangedTool { tool, old: pinned.approved.get().to_owned(), new })
    });
    Ok(changed.collect())
}

/// Approves what the upstream gives now: of `tools`, or of all. The names that were approved.
/// Blocks.
pub fn approve(
    pins: &PinStore,
    account: &str,
    tools: Option<&[String]>,
) -> Result<Vec<String>, PinError> {
    pins.update(account, |pins| {
        let mut approved = Vec::new();
        for (tool, pinned) in &mut pins.tools {
            if tools.is_none_or(|tools| tools.contains(tool))
                && let Some(new) = pinned.changed.take()
            {
                pinned.approved = new;
                approved.push(tool.clone());
            }
        }
        let any = !approved.is_empty();
        (approved, any)
    })
}

/// Which of `tools` are not the approved ones. Reads only.
pub(super) fn judge(pins: &PinStore, plan: &PlanConnection, tools: &[Bytes]) -> Changed {
    match pins.load(&plan.account) {
        Ok(pins) => Changed::Some(
            named(tools)
                .filter(|(name, tool)| {
                    pins.tools.get(&**name).is_some_and(|known| !same(known.approved.get(), tool))
                })
                .map(|(name, _)| name.into_owned())
                .collect(),
        ),
        Err(error) => refused(plan, &error),
    }
}

/// The same for lists that just came, which also makes new tools approved and notes and tells
/// what changed. Blocks.
pub(super) fn update(pins: &PinStore, plan: &PlanConnection, tools: &[Bytes]) -> Changed {
    if plan.pin == Pin::Off {
        return Changed::default();
    }
    let updated = pins.update(&plan.account, |pins| {
        let noted = note(pins, tools);
        let dirty = noted.dirty;
        (noted, dirty)
    });
    match updated {
        Ok(noted) => {
            for name in &noted.news {
                let tool = text::line(name, 80);
                let held = if plan.pin == Pin::Block { " and is held back" } else { "" };
                tracing::warn!(
                    connection = %plan.name,
                    "the definition of {tool} changed since it was approved{held}; see `allmcp tools {}`",
                    plan.name
                );
            }
            Changed::Some(noted.changed)
        }
        // What cannot be kept, in a read-only home say, can still be compared.
        Err(error @ (PinError::Io { .. } | PinError::Lock(_))) => {
            tracing::warn!(connection = %plan.name, "its definitions are compared and not kept: {error}");
            judge(pins, plan, tools)
        }
        Err(error) => refused(plan, &error),
    }
}

/// Without the approvals nothing can be called changed; where changes are blocked, nothing can
/// be called approved either.
fn refused(plan: &PlanConnection, error: &PinError) -> Changed {
    tracing::warn!(connection = %plan.name, "its approved definitions cannot be used: {error}");
    if plan.pin == Pin::Block { Changed::All } else { Changed::default() }
}

#[derive(Default)]
struct Noted {
    changed: HashSet<String>,
    /// Those of them that nobody has told of.
    news: Vec<String>,
    dirty: bool,
}

fn note(pins: &mut Pins, tools: &[Bytes]) -> Noted {
    let mut noted = Noted::default();
    let mut present = HashSet::new();
    for (name, tool) in named(tools) {
        // Of two with one name the second is parked.
        if !present.insert(name.clone()) {
            continue;
        }
        let Some(known) = pins.tools.get_mut(&*name) else {
            if let Some(approved) = raw(tool) {
                pins.tools.insert(name.into_owned(), Pinned { approved, changed: None });
                noted.dirty = true;
            }
            continue;
        };
        if same(known.approved.get(), tool) {
            noted.dirty |= known.changed.take().is_some();
            continue;
        }
        if !known.changed.as_ref().is_some_and(|seen| same(seen.get(), tool)) {
            known.changed = raw(tool);
            noted.dirty = true;
            noted.news.push(name.clone().into_owned());
        }
        noted.changed.insert(name.into_owned());
    }
    for (_, gone) in pins.tools.iter_mut().filter(|(name, _)| !present.contains(name.as_str())) {
        noted.dirty |= gone.changed.take().is_some();
    }
    noted
}

/// Equal bytes, or the same JSON in another order or with other spaces: a server that writes its
/// maps in any order has changed nothing.
fn same(approved: &str, now: &[u8]) -> bool {
    let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    approved.as_bytes() == now || {
        let approved = parse(approved.as_bytes());
        approved.is_some() && approved == parse(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::script::{plan, tool};

    fn bytes(tools: &[&str]) -> Vec<Bytes> {
        tools.iter().map(|t| Bytes::copy_from_slice(t.as_bytes())).collect()
    }

    fn some(names: &[&str]) -> Changed {
        Changed::Some(names.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn what_is_seen_first_is_approved_and_a_change_waits() {
        let dir = tempfile::tempdir().unwrap();
        let pins = PinStore::new(dir.path().to_owned());
        let mut plan = plan("c");
        plan.pin = Pin::Block;
        let (old, new) = (tool("a"), r#"{"name":"a","inputSchema":{"type":"object"},"x":1}"#);
        assert_eq!(update(&pins, &plan, &bytes(&[&old, "7", "{}"])), some(&[]));
        let now = bytes(&[new, &tool("b")]);
        assert_eq!(judge(&pins, &plan, &now), some(&["a"]));
        assert_eq!(update(&pins, &plan, &now), some(&["a"]));
        let waiting = changed(&pins, "c").unwrap();
        assert_eq!(waiting, [ChangedTool { tool: "a".into(), old: old.clone(), new: new.into() }]);
        assert_eq!(approve(&pins, "c", Some(&["b".into()])).unwrap(), Vec::<String>::new());
        assert_eq!(approve(&pins, "c", None).unwrap(), ["a"]);
        assert_eq!(judge(&pins, &plan, &now), some(&[]));
        assert!(changed(&pins, "c").unwrap().is_empty());
    }

    #[test]
    fn a_change_is_news_once_and_gone_when_taken_back() {
        let mut pins = Pins::default();
        let (old, new) = (tool("a"), r#"{"name":"a","v":2}"#);
        assert!(note(&mut pins, &bytes(&[&old])).dirty);
        assert_eq!(note(&mut pins, &bytes(&[new])).news, ["a"]);
        let again = note(&mut pins, &bytes(&[new]));
        assert!(again.news.is_empty() && !again.dirty && again.changed.contains("a"));
        let back = note(&mut pins, &bytes(&[&old]));
        assert!(back.dirty && back.changed.is_empty());
        assert!(pins.tools["a"].changed.is_none());
    }

    #[test]
    fn another_order_of_keys_is_no_change() {
        let mut pins = Pins::default();
        note(&mut pins, &bytes(&[r#"{"name":"a","x":{"p":1,"q":[2]}}"#]));
        let shuffled = note(&mut pins, &bytes(&[r#"{"x": {"q":[2], "p":1}, "name":"a"}"#]));
        assert!(!shuffled.dirty && shuffled.changed.is_empty());
    }

    #[test]
    fn a_damaged_file_blocks_only_where_changes_are_blocked() {
        let dir = tempfile::tempdir().unwrap();
        let pins = PinStore::new(dir.path().to_owned());
        std::fs::write(dir.path().join("c.json"), "{").unwrap();
        let mut plan = plan("c");
        assert_eq!(update(&pins, &plan, &bytes(&[&tool("a")])), some(&[]));
        plan.pin = Pin::Block;
        assert_eq!(judge(&pins, &plan, &bytes(&[&tool("a")])), Changed::All);
        plan.pin = Pin::Off;
        assert_eq!(update(&pins, &plan, &bytes(&[&tool("a")])), some(&[]));
    }
}
