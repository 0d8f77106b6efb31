//! One upstream tool: the exact bytes of its object and the few fields that we need.

use super::{clean::cleaned, member::Member, names, policy, policy::Denial, rewrite, uris};
use crate::{
    kind::{Era, Rule},
    name::{PublicName, UpstreamTool},
    upstream::{ToolFacts, param_headers},
    wire::splice,
};
use bytes::Bytes;
use std::{borrow::Cow, ops::Range, sync::Arc};

/// A tool as the index keeps it.
pub struct Tool {
    /// The name that clients see.
    pub public: PublicName,
    /// The upstream's own name; empty when it gave none.
    pub upstream: UpstreamTool,
    pub member: Arc<Member>,
    pub hints: Hints,
    pub state: State,
    /// The connection's globs let it through.
    pub enabled: bool,
    /// What stands against calling it.
    pub denial: Option<Denial>,
    /// The upstream's object without forbidden code points.
    raw: Bytes,
    /// Where the name stands in `raw`, with its quotes; empty for a tool without one.
    name: Range<usize>,
    schema: Option<Range<usize>>,
    /// It runs only as a task of the 2025-11-25 kind.
    needs_task: bool,
}

/// What a tool's annotations say; only a literal `true` counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    pub read_only: bool,
    pub idempotent: bool,
    pub destructive: bool,
}

/// Whether a definition can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Ok,
    /// Not the definition that was approved.
    Changed,
    /// Parked alone, and why.
    Invalid(Cow<'static, str>),
}

impl State {
    /// The word of the machine output.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Changed => "changed",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// Where the members stand that we need.
#[derive(Default)]
struct Parts {
    name: Option<Range<usize>>,
    annotations: Option<Range<usize>>,
    schema: Option<Range<usize>>,
    title: Option<Range<usize>>,
    description: Option<Range<usize>>,
}

impl Parts {
    fn find(raw: &[u8]) -> Self {
        let mut parts = Self::default();
        for member in splice::members(raw) {
            let slot = if splice::key_is(raw, &member, "name") {
                &mut parts.name
            } else if splice::key_is(raw, &member, "inputSchema") {
                &mut parts.schema
            } else if splice::key_is(raw, &member, "annotations") {
                &mut parts.annotations
            } else if splice::key_is(raw, &member, "description") {
                &mut parts.description
            } else if splice::key_is(raw, &member, "title") {
                &mut parts.title
            } else {
                continue;
            };
            *slot = Some(member.value);
        }
        parts
    }

    /// What would make a strict client refuse the whole list because of this one tool; `name` is
    /// what its name means.
    fn fault(&self, raw: &[u8], name: Option<&str>) -> Option<&'static str> {
        let starts = |range: &Range<usize>, with: u8| raw.get(range.start) == Some(&with);
        if raw.first() != Some(&b'{') {
            return Some("it is not an object");
        }
        match (&self.name, name) {
            (None, _) => return Some("it has no name"),
            (Some(name), _) if !starts(name, b'"') => return Some("its name is not a string"),
            (Some(_), None) => return Some("its name holds half a surrogate pair"),
            (Some(_), Some("")) => return Some("its name is empty"),
            (Some(_), Some(_)) => {}
        }
        match &self.schema {
            None => return Some("it has no inputSchema"),
            Some(schema) => {
                let kind = splice::get_str(&raw[schema.clone()], "type");
                if kind.as_deref() != Some("object") {
                    return Some("its inputSchema is not of type \"object\"");
                }
            }
        }
        if self.title.iter().chain(&self.description).any(|text| !starts(text, b'"')) {
            return Some("its title or description is not a string");
        }
        None
    }
}

impl Tool {
    /// Reads one object of a list; whatever is wrong with it parks this tool alone.
    /// `changed` says of an upstream name that its definition is not the approved one.
    pub(super) fn read(
        member: &Arc<Member>,
        raw: &Bytes,
        plain: bool,
        changed: impl Fn(&str) -> bool,
    ) -> Self {
        let mut raw = cleaned(raw);
        if !plain {
            let connection = &member.plan.name;
            raw = rewrite::tool_definition(&raw, &|uri| uris::named(connection, uri));
        }
        let parts = Parts::find(&raw);
        let upstream = parts.name.clone().and_then(|range| splice::string(&raw[range]));
        let fault = parts.fault(&raw, upstream.as_deref());
        let fault = fault.or_else(|| header_fault(member, &raw[parts.schema.clone()?]));
        let upstream = upstream.unwrap_or_default();
        let public = if plain {
            PublicName::new(&upstream)
        } else {
            names::public(&member.plan.name, &upstream)
        };
        let hints = parts.annotations.as_ref().map(|range| hints(&raw[range.clone()]));
        let hints = hints.unwrap_or_default();
        let (state, changed) = match fault {
            Some(why) => (State::Invalid(why.into()), false),
            None if changed(&upstream) => (State::Changed, true),
            None => (State::Ok, false),
        };
        Self {
            public,
            denial: policy::judge(&member.plan, &upstream, hints, changed),
            enabled: policy::enabled(&member.plan, &upstream),
            upstream: UpstreamTool::new(&upstream),
            member: Arc::clone(member),
            hints,
            state,
            name: parts.name.unwrap_or_default(),
            schema: parts.schema,
            needs_task: needs_task(&raw),
            raw,
        }
    }

    /// True when clients see it in lists.
    pub fn listed(&self) -> bool {
        !matches!(self.state, State::Invalid(_)) && !self.denial.is_some_and(Denial::hides)
    }

    /// What the policy says of it, whatever else stands against it.
    pub fn policy(&self) -> Rule {
        policy::says(&self.member.plan, self.upstream.as_str(), self.hints)
    }

    /// Its object as clients see it: one splice away from the upstream's.
    pub fn definition(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.raw.len() + names::MAX);
        self.render(&mut out);
        out.into()
    }

    /// Its object under the upstream's own name.
    pub(super) fn upstream_definition(&self) -> &Bytes {
        &self.raw
    }

    /// About how long [`Tool::definition`] is.
    pub(super) fn size(&self) -> usize {
        self.raw.len()
    }

    /// Appends [`Tool::definition`] to `out`.
    pub(super) fn render(&self, out: &mut Vec<u8>) {
        let keep =
            self.upstream.as_str().is_empty() || self.public.as_str() == self.upstream.as_str();
        if keep {
            out.extend_from_slice(&self.raw);
            return;
        }
        out.extend_from_slice(&self.raw[..self.name.start]);
        // A public name made by us needs no escapes.
        out.push(b'"');
        out.extend_from_slice(self.public.as_str().as_bytes());
        out.push(b'"');
        out.extend_from_slice(&self.raw[self.name.end..]);
    }

    /// The upstream's own name as it wrote it, with its quotes.
    pub(super) fn upstream_name_json(&self) -> Bytes {
        self.raw.slice(self.name.clone())
    }

    pub fn input_schema(&self) -> Option<Bytes> {
        self.schema.clone().map(|range| self.raw.slice(range))
    }

    /// True when a client of an older revision would refuse it: an `outputSchema` that is not of
    /// type "object" (SEP-2106).
    pub(super) fn has_new_output_schema(&self) -> bool {
        memchr::memmem::find(&self.raw, b"outputSchema").is_some()
            && splice::get(&self.raw, "outputSchema")
                .is_some_and(|schema| splice::get_str(&schema, "type").as_deref() != Some("object"))
    }

    /// [`Tool::definition`] for a client of an older revision.
    pub(super) fn legacy_definition(&self) -> Bytes {
        let definition = self.definition();
        let mut edits = splice::Edits::new();
        edits.remove(&definition, |m| splice::key_is(&definition, m, "outputSchema"));
        edits.apply(&definition)
    }

    pub fn description(&self) -> Option<Cow<'_, str>> {
        splice::get_str(&self.raw, "description")
    }

    /// An MCP App may call it by the name that its page knows (SEP-1865).
    pub(super) fn is_for_apps(&self) -> bool {
        let of = |object: &Bytes, key| splice::get(object, key);
        let ui = of(&self.raw, "_meta").and_then(|meta| of(&meta, "ui"));
        let visible = ui.and_then(|ui| of(&ui, "visibility")).unwrap_or_default();
        splice::elements(&visible).any(|at| &visible[at] == b"\"app\"")
    }

    /// The text of its `annotations`.
    pub fn annotations(&self) -> Option<Bytes> {
        splice::get(&self.raw, "annotations")
    }

    /// What its definition says of how it is called.
    pub(super) fn facts(&self) -> ToolFacts {
        ToolFacts { input_schema: self.input_schema(), needs_task: self.needs_task }
    }

    /// It may be sent twice.
    pub fn replay_safe(&self) -> bool {
        self.hints.read_only || self.hints.idempotent
    }
}

/// Only a modern server means anything by the annotation (SEP-2243); an older one may have a word
/// of the same spelling.
fn header_fault(member: &Member, schema: &[u8]) -> Option<&'static str> {
    let fault = param_headers::fault(schema)?;
    let lists = member.session.lists.load();
    let is_modern = lists.as_ref().is_some_and(|lists| lists.cached.era == Some(Era::Modern));
    is_modern.then_some(fault)
}

fn needs_task(raw: &Bytes) -> bool {
    memchr::memmem::find(raw, b"taskSupport").is_some()
        && splice::get(raw, "execution").is_some_and(|execution| {
            splice::get_str(&execution, "taskSupport").as_deref() == Some("required")
        })
}

fn hints(annotations: &[u8]) -> Hints {
    let mut hints = Hints::default();
    for member in splice::members(annotations) {
        let yes = &annotations[member.value.clone()] == b"true";
        if splice::key_is(annotations, &member, "readOnlyHint") {
            hints.read_only = yes;
        } else if splice::key_is(annotations, &member, "idempotentHint") {
            hints.idempotent = yes;
        } else if splice::key_is(annotations, &member, "destructiveHint") {
            hints.destructive = yes;
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::script::{member, plan};

    fn read(raw: &str) -> Tool {
        Tool::read(&member(plan("c")), &Bytes::copy_from_slice(raw.as_bytes()), false, |_| false)
    }

    const SCHEMA: &str = r#""inputSchema":{"type":"object"}"#;

    #[test]
    fn only_the_name_changes() {
        let raw = format!(
            r#"{{ "x-vendor" : 1.0, "description":"d \u00e9", "name" : "get\u002eit" ,{SCHEMA},"execution":{{}}}}"#
        );
        let tool = read(&raw);
        assert_eq!(tool.upstream.as_str(), "get.it");
        let want = raw.replace(r#""get\u002eit""#, &format!("\"{}\"", tool.public));
        assert_eq!(tool.definition(), want);
        assert_eq!(tool.upstream_name_json(), r#""get\u002eit""#);
        assert_eq!(tool.input_schema().unwrap(), r#"{"type":"object"}"#);
    }

    #[test]
    fn forbidden_code_points_and_line_breaks_go() {
        let tool = read(
            "{\"name\":\"a\",\n\"description\":\"x\u{202e}y\\u200b\",\"inputSchema\":{\"type\":\"object\"}}",
        );
        assert_eq!(
            tool.definition(),
            "{\"name\":\"c__a\", \"description\":\"xy\",\"inputSchema\":{\"type\":\"object\"}}"
        );
    }

    #[test]
    fn annotations_count_only_as_literal_truth() {
        let hints = |annotations: &str| {
            read(&format!(r#"{{"name":"a",{SCHEMA},"annotations":{annotations}}}"#)).hints
        };
        let all = r#"{"readOnlyHint":true,"idempotentHint": true ,"destructiveHint":true}"#;
        assert_eq!(hints(all), Hints { read_only: true, idempotent: true, destructive: true });
        for odd in [r#"{"readOnlyHint":"true"}"#, r#"{"readOnlyHint":1}"#, "7", "null", "[true]"] {
            assert_eq!(hints(odd), Hints::default(), "{odd}");
        }
    }

    #[test]
    fn a_tool_that_clients_choke_on_is_parked() {
        for (raw, why) in [
            ("7", "not an object"),
            ("{}", "no name"),
            (r#"{"name":7}"#, "not a string"),
            (r#"{"name":""}"#, "empty"),
            (r#"{"name":"\ud800","inputSchema":{"type":"object"}}"#, "surrogate"),
            (r#"{"name":"a"}"#, "no inputSchema"),
            (r#"{"name":"a","inputSchema":true}"#, "not of type"),
            (r#"{"name":"a","inputSchema":{"type":["object"]}}"#, "not of type"),
            (r#"{"name":"a","inputSchema":{"type":"object"},"description":null}"#, "description"),
        ] {
            let tool = read(raw);
            let State::Invalid(reason) = &tool.state else { panic!("{raw} must be parked") };
            assert!(reason.contains(why), "{raw}: {reason}");
            assert!(!tool.listed());
            assert_eq!(tool.definition(), raw.replace("\"a\"", "\"c__a\""));
        }
    }

    #[test]
    fn an_output_schema_of_the_new_kind_is_known() {
        let with =
            |schema: &str| read(&format!(r#"{{"name":"a",{SCHEMA},"outputSchema":{schema}}}"#));
        assert!(!with(r#"{"type":"object"}"#).has_new_output_schema());
        assert!(!read(&format!(r#"{{"name":"a",{SCHEMA}}}"#)).has_new_output_schema());
        let tool = with(r#"{"type":"array"}"#);
        assert!(tool.has_new_output_schema());
        assert_eq!(tool.legacy_definition(), format!(r#"{{"name":"c__a",{SCHEMA}}}"#));
    }
}
