//! All tools of all connections at one moment: what is listed and where a call goes.
//!
//! Immutable; a change makes a new one, and whoever is in the middle of a call keeps the old.

use super::{
    lists::Changes,
    member::Member,
    others::Others,
    own::Own,
    plan::{Plan, Shown},
    search::Searcher,
    shape::Shape,
    tool::{State, Tool},
};
use crate::{
    kind::Era,
    name::{ConnectionName, PublicName},
    text,
};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

/// The tools of a process and the rendered list of them.
pub struct ToolIndex {
    /// Upstream tools: connections in config order, then upstream order; parked ones too.
    tools: Vec<Tool>,
    names: HashMap<PublicName, Entry>,
    own: Vec<Own>,
    members: Vec<Arc<Member>>,
    /// The result object of `tools/list` to 2025-11-25.
    legacy: Bytes,
    /// The same for 2026-07-28, without that revision's own keys, where it differs.
    modern: Option<Bytes>,
    /// The same with our own tools only.
    ours: Bytes,
    complete: bool,
    plain: bool,
    /// What is wrong with things that clients would otherwise see.
    complaints: Vec<String>,
    pub others: Others,
    /// Made when somebody looks for a tool.
    pub(super) search: OnceLock<Arc<Searcher>>,
}

/// What a public name leads to.
#[derive(Clone, Copy)]
enum Entry {
    Own(Own),
    Upstream(usize),
}

/// Where a call goes.
pub enum Found<'a> {
    Own(Own),
    Tool(&'a Tool),
}

impl ToolIndex {
    /// Reads every connection's last known lists. Takes microseconds per tool: it is on the way
    /// to the first answer.
    pub(super) fn build(plan: &Plan, members: Vec<Arc<Member>>) -> Self {
        let own = Own::listed(plan);
        let mut tools = Vec::new();
        for member in &members {
            read_tools(member, plan.plain, &mut tools);
        }
        let mut names: HashMap<PublicName, Entry> = HashMap::with_capacity(tools.len() + own.len());
        if !plan.plain {
            // Also those that are not listed: their names stay ours.
            let ours = Own::ALL.iter().map(|own| (PublicName::new(own.name()), Entry::Own(*own)));
            names.extend(ours);
        }
        park_collisions(&mut tools, &mut names);
        let others = Others::build(&members, plan.plain);
        let mut complaints = complaints(&tools);
        complaints.extend(others.complaints());
        let legacy = render(&own, &tools, Era::Legacy);
        let differs = tools.iter().any(loses_output_schema);
        let modern = differs.then(|| render(&own, &tools, Era::Modern));
        let ours = render(&own, &[], Era::Legacy);
        let complete = !members.iter().any(|member| member.is_unlisted());
        Self {
            tools,
            names,
            own,
            members,
            legacy,
            modern,
            ours,
            complete,
            plain: plan.plain,
            complaints,
            others,
            search: OnceLock::new(),
        }
    }

    pub fn find(&self, name: &str) -> Option<Found<'_>> {
        match *self.names.get(name)? {
            // One that the settings leave out answers as if it were not there.
            Entry::Own(own) => self.own.contains(&own).then_some(Found::Own(own)),
            Entry::Upstream(at) => Some(Found::Tool(&self.tools[at])),
        }
    }

    /// Every upstream tool, in list order, with those that are not listed.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Every connection, in config order.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// Names are the upstream's own.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The names that can be called, for "did you mean".
    pub(super) fn callable(&self) -> impl Iterator<Item = &str> {
        let own = self.own.iter().map(|own| own.name());
        own.chain(self.tools.iter().filter(|t| t.listed()).map(|t| t.public.as_str()))
    }

    /// `{"tools":[…]}` for clients of `era`, without the keys that every modern result has.
    pub fn rendered(&self, era: Era) -> &Bytes {
        match era {
            Era::Legacy => &self.legacy,
            Era::Modern => self.modern.as_ref().unwrap_or(&self.legacy),
        }
    }

    /// `{"tools":[…]}` with our own only, which fits both eras.
    pub(super) fn ours(&self) -> &Bytes {
        &self.ours
    }

    /// Clients are shown this tool of ours.
    pub(super) fn has_own(&self, own: Own) -> bool {
        self.own.contains(&own)
    }

    /// Every connection that clients see has a list.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What is wrong with things that clients would otherwise see.
    pub(super) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What a client could tell by listing again.
    pub(super) fn changed_since(&self, old: &Self, shape: Option<Shape>) -> Changes {
        Changes {
            tools: match shape {
                Some(Shape::Smart) => self.ours != old.ours,
                Some(Shape::Full) | None => self.legacy != old.legacy || self.modern != old.modern,
            },
            prompts: !self.others.prompts_look_like(&old.others),
            resources: !self.others.resources_look_like(&old.others),
        }
    }

    /// The tool that an MCP App calls by the upstream's own name, which is all that its page
    /// knows: only where no other connection has one of that name.
    pub(super) fn of_app(&self, name: &str) -> Option<&Tool> {
        let mut all =
            self.tools.iter().filter(|tool| tool.upstream.as_str() == name && tool.listed());
        let only = all.next().filter(|tool| tool.is_for_apps());
        only.filter(|_| all.next().is_none())
    }
}

fn read_tools(member: &Arc<Member>, plain: bool, tools: &mut Vec<Tool>) {
    let lists = member.session.lists.load();
    let Some(lists) = lists.as_ref() else { return };
    let first = tools.len();
    tools.extend(
        lists
            .cached
            .tools
            .iter()
            .map(|raw| Tool::read(member, raw, plain, |tool| lists.changed.has(tool))),
    );
    let ours = &mut tools[first..];
    let mut seen = HashSet::with_capacity(ours.len());
    for tool in ours.iter_mut().filter(|tool| !matches!(tool.state, State::Invalid(_))) {
        if !seen.insert(tool.upstream.clone()) {
            tool.state = State::Invalid("its name stands twice in the list".into());
        }
    }
}

/// What there is to say of tools that are left out: one sentence for each connection, however
/// long the list of rubbish is that it sent.
fn complaints(tools: &[Tool]) -> Vec<String> {
    const NAMED: usize = 3;
    let shown = |ours: &&[Tool]| ours[0].member.plan.shown == Shown::Yes;
    let of_one = tools.chunk_by(|a, b| Arc::ptr_eq(&a.member, &b.member)).filter(shown);
    of_one.filter_map(|ours| complaint(&ours[0].member.plan.name, ours, NAMED)).collect()
}

fn complaint(connection: &ConnectionName, ours: &[Tool], named: usize) -> Option<String> {
    let left_out = || {
        ours.iter().filter_map(|tool| match &tool.state {
            State::Invalid(why) => Some((tool, why)),
            _ => None,
        })
    };
    let count = left_out().count();
    let name = |tool: &Tool| text::line(tool.upstream.as_str(), 80);
    let mut parts: Vec<String> =
        left_out().take(named).map(|(tool, why)| format!("{:?} ({why})", name(tool))).collect();
    if count > named {
        parts.push(format!("{} more", count - named));
    }
    (count > 0).then(|| format!("left out of the tools of {connection}: {}", parts.join(", ")))
}

/// Fills `names`; two tools that come to the same name are both parked, so that neither can be
/// taken for the other.
fn park_collisions(tools: &mut [Tool], names: &mut HashMap<PublicName, Entry>) {
    let mut parked = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        if matches!(tool.state, State::Invalid(_)) {
            continue;
        }
        match names.insert(tool.public.clone(), Entry::Upstream(at)) {
            None => {}
            Some(Entry::Upstream(other)) => parked.extend([at, other]),
            Some(own @ Entry::Own(_)) => {
                names.insert(tool.public.clone(), own);
                parked.push(at);
            }
        }
    }
    for at in parked {
        let name = tools[at].public.clone();
        if matches!(names.get(&name), Some(Entry::Upstream(_))) {
            names.remove(&name);
        }
        let tool = &mut tools[at];
        if !matches!(tool.state, State::Invalid(_)) {
            let why = format!("another tool comes to the name {name} too");
            tool.state = State::Invalid(why.into());
        }
    }
}

/// The upstream speaks the new revision and its `outputSchema` is of the new kind.
fn loses_output_schema(tool: &Tool) -> bool {
    let lists = tool.member.session.lists.load();
    tool.listed()
        && lists.as_ref().is_some_and(|lists| lists.cached.era == Some(Era::Modern))
        && tool.has_new_output_schema()
}

fn render(own: &[Own], tools: &[Tool], era: Era) -> Bytes {
    let size: usize = tools.iter().map(|tool| tool.size() + 64).sum();
    let mut out = Vec::with_capacity(size + 64 + own.len() * 2048);
    out.extend_from_slice(b"{\"tools\":[");
    let start = out.len();
    for own in own {
        comma(&mut out, start);
        out.extend_from_slice(own.definition().as_bytes());
    }
    for tool in tools.iter().filter(|tool| tool.listed()) {
        comma(&mut out, start);
        if era == Era::Legacy && loses_output_schema(tool) {
            out.extend_from_slice(&tool.legacy_definition());
        } else {
            tool.render(&mut out);
        }
    }
    out.extend_from_slice(b"]}");
    out.into()
}

fn comma(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::script::{lists, member_with, plan, tool};

    fn index(plan: &Plan, members: Vec<Arc<Member>>) -> ToolIndex {
        ToolIndex::build(plan, members)
    }

    fn listed(index: &ToolIndex) -> Vec<String> {
        let value: serde_json::Value = serde_json::from_slice(index.rendered(Era::Legacy)).unwrap();
        let tools = value["tools"].as_array().unwrap();
        tools.iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
    }

    fn ours() -> Plan {
        Plan { own_tools: vec!["*".into()], ..Plan::default() }
    }

    #[test]
    fn ours_come_first_then_config_order_then_upstream_order() {
        let members = vec![
            member_with(plan("zeta"), lists(&[tool("b"), tool("a")])),
            member_with(plan("alpha"), lists(&[tool("c")])),
        ];
        let index = index(&ours(), members);
        let own: Vec<_> = Own::ALL.iter().map(|own| own.name()).collect();
        let all = listed(&index);
        assert_eq!(all[..own.len()], own);
        assert_eq!(all[own.len()..], ["zeta__b", "zeta__a", "alpha__c"]);
        assert!(
            matches!(index.find("alpha__c"), Some(Found::Tool(t)) if t.upstream.as_str() == "c")
        );
        assert!(index.find("alpha__b").is_none());
        assert!(index.is_complete());
    }

    #[test]
    fn plain_names_are_untouched_and_nothing_of_ours_is_there() {
        let plan_ = Plan { plain: true, ..ours() };
        let members =
            vec![member_with(plan("c"), lists(&[tool("get.it"), tool("list_mcp_connections")]))];
        let index = index(&plan_, members);
        assert_eq!(listed(&index), ["get.it", "list_mcp_connections"]);
        assert!(matches!(index.find("list_mcp_connections"), Some(Found::Tool(_))));
    }

    #[test]
    fn own_tools_are_narrowed_by_globs() {
        let index = index(&Plan { own_tools: vec!["read_*".into()], ..Plan::default() }, vec![]);
        assert_eq!(listed(&index), ["read_more"]);
        assert!(index.find("list_mcp_connections").is_none());
    }

    #[test]
    fn a_bad_tool_is_parked_alone_and_of_two_equal_ones_the_second() {
        let tools = [tool("a"), "7".to_owned(), tool("a"), r#"{"name":{}}"#.to_owned(), tool("b")];
        let index = index(&Plan::default(), vec![member_with(plan("c"), lists(&tools))]);
        assert_eq!(listed(&index), ["c__a", "c__b"]);
        assert_eq!(index.tools().len(), 5);
        assert!(matches!(&index.tools()[2].state, State::Invalid(why) if why.contains("twice")));
        assert!(matches!(index.find("c__a"), Some(Found::Tool(_))));
    }

    #[test]
    fn two_that_come_to_one_name_are_both_parked() {
        let made = crate::hub::names::public(&"c".parse().unwrap(), "x y");
        let literal = made.as_str().strip_prefix("c__").unwrap();
        let tools = [tool("x y"), tool(literal), tool("z")];
        let index = index(&Plan::default(), vec![member_with(plan("c"), lists(&tools))]);
        assert_eq!(listed(&index), ["c__z"]);
        assert!(index.find(made.as_str()).is_none());
        assert!(index.tools()[..2].iter().all(|t| t.state.word() == "invalid"));
    }

    #[test]
    fn what_an_older_revision_cannot_carry_is_left_out_for_it_only() {
        let new = r#"{"name":"n","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}"#;
        let mut modern = lists(&[new.to_owned()]);
        modern.cached.era = Some(Era::Modern);
        let one = index(&Plan::default(), vec![member_with(plan("c"), modern)]);
        assert!(!one.rendered(Era::Legacy).windows(12).any(|w| w == b"outputSchema"));
        assert!(one.rendered(Era::Modern).windows(12).any(|w| w == b"outputSchema"));
        let mut legacy = lists(&[new.to_owned()]);
        legacy.cached.era = Some(Era::Legacy);
        let other = index(&Plan::default(), vec![member_with(plan("c"), legacy)]);
        assert_eq!(other.rendered(Era::Legacy), other.rendered(Era::Modern));
    }

    #[test]
    fn a_header_that_breaks_the_rules_parks_the_tool_of_a_modern_server() {
        let bad = r#"{"name":"n","inputSchema":{"type":"object","properties":{"a":{"type":"object","x-mcp-header":"A"}}}}"#;
        let of = |era| {
            let mut lists = lists(&[bad.to_owned(), tool("fine")]);
            lists.cached.era = Some(era);
            listed(&index(&Plan::default(), vec![member_with(plan("c"), lists)]))
        };
        assert_eq!(of(Era::Modern), ["c__fine"]);
        assert_eq!(of(Era::Legacy), ["c__n", "c__fine"]);
    }

    #[test]
    fn hidden_tools_are_found_and_not_listed() {
        let mut plan = plan("c");
        plan.rules.deny = vec!["a".into()];
        let index =
            index(&Plan::default(), vec![member_with(plan, lists(&[tool("a"), tool("b")]))]);
        assert_eq!(listed(&index), ["c__b"]);
        assert!(matches!(index.find("c__a"), Some(Found::Tool(t)) if t.denial.is_some()));
    }
}
