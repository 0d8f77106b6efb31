//! Whether a tool may be used, decided once per index and not once per call.

use super::{
    glob,
    plan::{PlanConnection, Policy, Shown},
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
    /// `serve --read-only`, and the tool is not marked so.
    ReadOnly,
    /// The policy denies it.
    Policy(Because),
    /// The user is asked before it is called; it is listed.
    Ask(Because),
    /// The definition changed since it was approved (`pin = "block"`).
    Held,
}

/// Which rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    Class(Class),
    /// It is of this tool alone, or of a pattern that it fits.
    Tool,
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
    if plan.rules.read_only && !hints.read_only {
        return Some(Denial::ReadOnly);
    }
    rule(plan, tool, hints)
}

/// What the policy says of a tool: a rule for the tool itself first, the user's before the
/// manifest's, then the strictest of the rules for its classes. A tool that says nothing counts as
/// write, and a destructive one is a write as well.
fn rule(plan: &PlanConnection, tool: &str, hints: Hints) -> Option<Denial> {
    let (policy, suggested) = (&plan.rules.policy, &plan.rules.suggested);
    if let Some(rule) = policy.of_tool(tool) {
        return denial(rule, Because::Tool);
    }
    let classes = [(!hints.read_only, Class::Write), (hints.destructive, Class::Destructive)];
    let classes = classes.into_iter().filter_map(|(is_it, class)| is_it.then_some(class));
    let strictest = |of: &dyn Fn(Class) -> Option<Rule>| {
        let all = classes.clone().filter_map(|class| Some((class, of(class)?)));
        all.max_by_key(|(_, rule)| *rule)
    };
    if let Some(rule) = suggested.of_tool(tool) {
        // What the user says of the whole class is not loosened by anybody.
        return match strictest(&|class| policy.of_class(class)) {
            Some((class, said)) if said > rule => denial(said, Because::Class(class)),
            _ => denial(rule, Because::Tool),
        };
    }
    let either = |class| policy.of_class(class).or_else(|| suggested.of_class(class));
    let (class, rule) = strictest(&either)?;
    denial(rule, Because::Class(class))
}

/// The same in a word, for those who look at it.
pub fn says(plan: &PlanConnection, tool: &str, hints: Hints) -> Rule {
    match rule(plan, tool, hints) {
        None => Rule::Allow,
        Some(Denial::Ask(_)) => Rule::Ask,
        Some(_) => Rule::Deny,
    }
}

fn denial(rule: Rule, because: Because) -> Option<Denial> {
    match rule {
        Rule::Allow => None,
        Rule::Ask => Some(Denial::Ask(because)),
        Rule::Deny => Some(Denial::Policy(because)),
    }
}

impl Policy {
    fn of_class(&self, class: Class) -> Option<Rule> {
        match class {
            Class::Write => self.write,
            Class::Destructive => self.destructive,
        }
    }

    /// The rule of the closest pattern; of two that are equally close the stricter one.
    fn of_tool(&self, tool: &str) -> Option<Rule> {
        let fitting = self.tools.iter().filter(|(pattern, _)| glob::matches(pattern, tool));
        fitting.max_by_key(|(pattern, rule)| (closeness(pattern), *rule)).map(|(_, rule)| *rule)
    }
}

/// How little a pattern leaves open: one without wildcards is closest, then the one with the most
/// characters of its own, then the one with the fewest stars.
fn closeness(pattern: &str) -> (bool, usize, std::cmp::Reverse<usize>) {
    let wild = |c: char| matches!(c, '*' | '?');
    let own = pattern.chars().filter(|c| !wild(*c)).count();
    let stars = pattern.chars().filter(|c| *c == '*').count();
    (!pattern.contains(wild), own, std::cmp::Reverse(stars))
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
    fn the_strictest_rule_of_a_tools_classes_holds() {
        let mut plan = plan("a");
        let judged = |plan: &PlanConnection, hints| judge(plan, "t", hints, false);
        plan.rules.policy.destructive = Some(Rule::Ask);
        assert_eq!(judged(&plan, hints(false, false)), None);
        let asks = Denial::Ask(Because::Class(Class::Destructive));
        assert_eq!(judged(&plan, hints(false, true)), Some(asks));
        plan.rules.policy.write = Some(Rule::Deny);
        plan.rules.policy.destructive = Some(Rule::Allow);
        assert_eq!(judged(&plan, hints(true, false)), None);
        let denies = Denial::Policy(Because::Class(Class::Write));
        assert_eq!(judged(&plan, hints(false, false)), Some(denies));
        assert_eq!(judged(&plan, hints(false, true)), Some(denies));
    }

    fn rules(all: &[(&str, Rule)]) -> Vec<(String, Rule)> {
        all.iter().map(|(pattern, rule)| ((*pattern).to_owned(), *rule)).collect()
    }

    #[test]
    fn a_rule_for_the_tool_beats_its_classes_and_the_closest_one_counts() {
        let mut plan = plan("a");
        plan.rules.policy.write = Some(Rule::Deny);
        plan.rules.policy.tools = rules(&[
            ("*", Rule::Deny),
            ("deal_*", Rule::Ask),
            ("*_note", Rule::Allow),
            ("deal_delete", Rule::Deny),
            ("deal_?ote", Rule::Allow),
            ("x*", Rule::Allow),
            ("*y", Rule::Ask),
        ]);
        for (tool, want) in [
            ("deal_delete", Rule::Deny),
            ("deal_update", Rule::Ask),
            ("add_note", Rule::Allow),
            ("deal_note", Rule::Allow),
            ("anything", Rule::Deny),
            ("xy", Rule::Ask),
        ] {
            let judged = judge(&plan, tool, hints(false, true), false);
            assert_eq!(judged, denial(want, Because::Tool), "{tool}");
        }
        let judged = judge(&plan, "deal_list", hints(true, false), false);
        assert_eq!(judged, Some(Denial::Ask(Because::Tool)), "also of one that only reads");
    }

    #[test]
    fn a_manifest_suggests_and_the_user_decides() {
        let mut plan = plan("a");
        plan.rules.suggested = Policy {
            write: None,
            destructive: Some(Rule::Ask),
            tools: rules(&[("send", Rule::Ask), ("undo", Rule::Allow)]),
        };
        let judged = |plan: &PlanConnection, tool, destructive| {
            judge(plan, tool, hints(false, destructive), false)
        };
        let asks = Some(Denial::Ask(Because::Class(Class::Destructive)));
        assert_eq!(judged(&plan, "drop", true), asks);
        assert_eq!(judged(&plan, "undo", true), None);
        assert_eq!(judged(&plan, "send", false), Some(Denial::Ask(Because::Tool)));
        plan.rules.policy.destructive = Some(Rule::Allow);
        assert_eq!(judged(&plan, "drop", true), None);
        assert_eq!(judged(&plan, "send", false), Some(Denial::Ask(Because::Tool)));
        plan.rules.policy.tools = rules(&[("s*", Rule::Allow)]);
        assert_eq!(judged(&plan, "send", false), None, "the user's pattern comes first");
        plan.rules.policy.destructive = Some(Rule::Deny);
        let denies = Some(Denial::Policy(Because::Class(Class::Destructive)));
        assert_eq!(judged(&plan, "undo", true), denies, "nobody loosens what the user said");
    }

    #[test]
    fn read_only_leaves_only_what_says_so() {
        let mut plan = plan("a");
        plan.rules.read_only = true;
        plan.rules.policy.tools = rules(&[("t", Rule::Allow)]);
        assert_eq!(judge(&plan, "t", hints(false, false), false), Some(Denial::ReadOnly));
        assert_eq!(judge(&plan, "t", hints(true, false), false), None);
        assert!(Denial::ReadOnly.hides());
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
