//! What tools are grouped by: their connection, and inside of one what its manifest says.

use super::{ToolIndex, member::Member, tool::Tool};
use crate::catalog::Manifest;

/// Stands between a connection and one of its own groups.
const WITHIN: char = '/';

/// Some of the tools that clients can reach: those of a connection, or of one group of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    pub(super) connection: &'a str,
    /// The id of a group of its manifest.
    pub(super) within: Option<&'a str>,
}

impl Group<'_> {
    pub(super) fn has(&self, tool: &Tool) -> bool {
        tool.member.name().as_str() == self.connection
            && self.within.is_none_or(|within| group_of(tool) == Some(within))
    }
}

/// The group that a model names: `kommo` or `kommo/leads`; `None` when there is none.
pub(super) fn find<'a>(index: &ToolIndex, text: &'a str) -> Option<Group<'a>> {
    let (connection, within) = match text.split_once(WITHIN) {
        Some((connection, within)) => (connection, Some(within)),
        None => (text, None),
    };
    let member = index.members().iter().find(|member| member.name().as_str() == connection)?;
    let known = within.is_none_or(|within| ids(member).any(|id| id == within));
    known.then_some(Group { connection, within })
}

/// Every group by the name that [`find`] takes, connections first.
pub(super) fn names(index: &ToolIndex) -> Vec<String> {
    let members = || index.members().iter();
    let all = members().map(|member| member.name().to_string());
    let inner = members().flat_map(|m| ids(m).map(|id| full(m, id)).collect::<Vec<_>>());
    all.chain(inner).collect()
}

/// The name of a group of a connection.
pub(super) fn full(member: &Member, id: &str) -> String {
    format!("{}{WITHIN}{id}", member.name())
}

/// The groups of a connection's manifest.
fn ids(member: &Member) -> impl Iterator<Item = &str> {
    member.plan.manifest.iter().flat_map(|manifest| manifest.groups.iter()).map(|g| g.id.as_str())
}

/// The group of its manifest that a tool is in.
pub(super) fn group_of(tool: &Tool) -> Option<&str> {
    let manifest: &Manifest = tool.member.plan.manifest.as_deref()?;
    let tool = manifest.tools.iter().find(|it| it.name == tool.upstream.as_str())?;
    tool.group.as_deref()
}
