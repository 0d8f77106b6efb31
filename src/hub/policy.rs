//! Whether a tool may be used, decided once per index and not once per call.

use super::{
    glob,
    plan::{PlanConnection, Shown},
    tool::Hints,
};
use crate::kind::{Pin, Rule};

/// Why a tool may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The connection is disabled.
    Disabled,
    /// `--only` or a profile leaves the connection out.
    NotSelected,
    /// The connection's globs leave the tool out.
    ToolDisabled,
    /// The policy denies tools of this class.
    Policy(Class),
    /// The policy asks for tools of this class. Nothing can ask yet, so it counts as a denial,
    /// but the tool is listed.
    Ask(Class),
    /// The definition changed since it was approved (`pin = "block"`).
    Held,
}

/// What the policy distinguishes; the word is the key in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Write,
    Destructive,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

impl Denial {
    /// True when the tool is left out of lists.
    pub fn hides(self) -> bool {
        !matches!(self, Self::Ask(_))
    }
}

/// True when the connection's globs let the tool through; `deny` wins.
pub fn enabled(plan: &PlanConnection, tool: &str) -> bool {
    glob::any(&plan.rules.allow, tool) && !glob::any(&plan.rules.deny, tool)
}

/// What stands against calling a tool; `changed`: its definition is not the approved one.
pub fn judge(plan: &PlanConnection, tool: &str, hints: Hints, changed: bool) -> Option<Denial> {
    match plan.shown {
        Shown::Disabled => return Some(Denial::Disabled),
        Shown::NotSelected => return Some(Denial::NotSelected),
        Shown::Yes => {}
    }
    if !enabled(plan, tool) {
        return Some(Denial::ToolDisabled);
    }
    if changed && plan.pin == Pin::Block {
        return Some(Denial::Held);
    }
    rule(plan, hints)
}

/// The strictest rule of every class that the tool is in. A tool that says nothing counts as
/// write, and a destructive one is a write as well.
fn rule(plan: &PlanConnection, hints: Hints) -> Option<Denial> {
    let write = (!hints.read_only).then_some((Class::Write, plan.rules.write));
    let destructive = hints.destructive.then_some((Class::Destructive, plan.rules.destructive));
    let (class, rule) = [write, destructive].into_iter().flatten().max_by_key(|(_, rule)| *rule)?;
    match rule {
        Rule::Allow => None,
        Rule::Ask => Some(Denial::Ask(class)),
        Rule::Deny => Some(Denial::Policy(class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::script::plan;

    fn hints(read_only: bool, destructive: bool) -> Hints {
        Hints { read_only, destructive, idempotent: false }
    }

    #[test]
    fn globs_and_visibility_come_first() {
        let mut plan = plan("a");
        plan.rules.allow = vec!["get_*".into(), "list".into()];
        plan.rules.deny = vec!["*_secret".into()];
        let judged = |plan: &PlanConnection, tool| judge(plan, tool, hints(true, false), false);
        assert_eq!(judged(&plan, "get_x"), None);
        assert_eq!(judged(&plan, "get_secret"), Some(Denial::ToolDisabled));
        assert_eq!(judged(&plan, "put_x"), Some(Denial::ToolDisabled));
        plan.shown = Shown::NotSelected;
        assert_eq!(judged(&plan, "list"), Some(Denial::NotSelected));
    }

    #[test]
    fn the_strictest_rule_of_a_tool_holds() {
        let mut plan = plan("a");
        let judged = |plan: &PlanConnection, hints| judge(plan, "t", hints, false);
        (plan.rules.write, plan.rules.destructive) = (Rule::Allow, Rule::Ask);
        assert_eq!(judged(&plan, hints(false, false)), None);
        assert_eq!(judged(&plan, hints(false, true)), Some(Denial::Ask(Class::Destructive)));
        (plan.rules.write, plan.rules.destructive) = (Rule::Deny, Rule::Allow);
        assert_eq!(judged(&plan, hints(true, false)), None);
        assert_eq!(judged(&plan, hints(false, false)), Some(Denial::Policy(Class::Write)));
        assert_eq!(judged(&plan, hints(false, true)), Some(Denial::Policy(Class::Write)));
    }

    #[test]
    fn a_changed_definition_is_held_only_where_it_is_blocked() {
        let mut plan = plan("a");
        assert_eq!(judge(&plan, "t", hints(true, false), true), None);
        plan.pin = Pin::Block;
        assert_eq!(judge(&plan, "t", hints(true, false), true), Some(Denial::Held));
        assert_eq!(judge(&plan, "t", hints(true, false), false), None);
    }
}
