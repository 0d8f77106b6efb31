//! Our own tools, one file each: what a client can ask of allmcp itself.
//!
//! Owns their definitions and answers. May name what `hub` may. Called by [`super::call`]. None of
//! them creates tokens, approves definitions, changes policy or reads a secret.

mod args;
mod ask_user;
mod call_tool;
mod connect_provider;
mod delete_memories;
mod deps;
mod describe_provider;
mod disconnect_provider;
mod find_relevant_tools;
mod get_usage;
mod list_mcp_connections;
mod list_providers;
mod list_tool_groups;
mod read_more;
mod report_issue;
mod run;
mod save_or_update_memories;
mod search_memories;
mod wish;

pub use deps::{Deps, Problem, Reload, Reporter};

use super::{glob, plan::Plan, report::Report};
use crate::{connect::Link, name::ConnectionName, wire::splice};
use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Where results say which connections need the user.
pub const CONNECT_REQUIRED: &str = "dev.allmcp/oauth_connect_required_mcps";

/// One of our tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    ListProviders,
    ListMcpConnections,
    ConnectProvider,
    DisconnectProvider,
    DescribeProvider,
    GetUsage,
    ReportIssue,
    ListToolGroups,
    FindRelevantTools,
    CallTool,
    CallReadTool,
    ReadMore,
    SaveOrUpdateMemories,
    SearchMemories,
    DeleteMemories,
}

impl Own {
    /// In the order of the list.
    pub const ALL: &[Self] = &[
        Self::ListProviders,
        Self::ListMcpConnections,
        Self::ConnectProvider,
        Self::DisconnectProvider,
        Self::DescribeProvider,
        Self::GetUsage,
        Self::ReportIssue,
        Self::ListToolGroups,
        Self::FindRelevantTools,
        Self::CallTool,
        Self::CallReadTool,
        Self::ReadMore,
        Self::SaveOrUpdateMemories,
        Self::SearchMemories,
        Self::DeleteMemories,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::ListProviders => "list_providers",
            Self::ListMcpConnections => "list_mcp_connections",
            Self::ConnectProvider => connect_provider::NAME,
            Self::DisconnectProvider => disconnect_provider::NAME,
            Self::DescribeProvider => "describe_provider",
            Self::GetUsage => "get_usage",
            Self::ReportIssue => "report_issue",
            Self::ListToolGroups => "list_tool_groups",
            Self::FindRelevantTools => "find_relevant_tools",
            Self::CallTool => "call_tool",
            Self::CallReadTool => "call_read_tool",
            Self::ReadMore => "read_more",
            Self::SaveOrUpdateMemories => "save_or_update_memories",
            Self::SearchMemories => "search_memories",
            Self::DeleteMemories => "delete_memories",
        }
    }

    /// Its object in `tools/list`.
    pub fn definition(self) -> &'static str {
        match self {
            Self::ListProviders => list_providers::DEFINITION,
            Self::ListMcpConnections => list_mcp_connections::DEFINITION,
            Self::ConnectProvider => connect_provider::DEFINITION,
            Self::DisconnectProvider => disconnect_provider::DEFINITION,
            Self::DescribeProvider => describe_provider::DEFINITION,
            Self::GetUsage => get_usage::DEFINITION,
            Self::ReportIssue => report_issue::DEFINITION,
            Self::ListToolGroups => list_tool_groups::DEFINITION,
            Self::FindRelevantTools => find_relevant_tools::DEFINITION,
            Self::CallTool => call_tool::CALL,
            Self::CallReadTool => call_tool::CALL_READ,
            Self::ReadMore => read_more::DEFINITION,
            Self::SaveOrUpdateMemories => save_or_update_memories::DEFINITION,
            Self::SearchMemories => search_memories::DEFINITION,
            Self::DeleteMemories => delete_memories::DEFINITION,
        }
    }

    /// Those that `plan` leaves in.
    pub(super) fn listed(plan: &Plan) -> Vec<Self> {
        let kept = |own: &&Self| own.is_kept(plan) && (!plan.read_only || own.read_only());
        Self::ALL.iter().filter(kept).copied().collect()
    }

    /// The one of this name that `--read-only` alone leaves out.
    pub(super) fn left_out(plan: &Plan, name: &str) -> Option<Self> {
        let named = Self::ALL.iter().copied().find(|own| own.name() == name);
        named.filter(|own| own.is_kept(plan) && plan.read_only && !own.read_only())
    }

    fn is_kept(self, plan: &Plan) -> bool {
        !plan.plain && glob::any(&plan.own_tools, self.name())
    }

    /// It changes nothing by itself: what it calls is judged by itself.
    pub(super) fn only_routes(self) -> bool {
        self == Self::CallTool
    }
}

impl Own {
    /// It changes nothing, as its annotations say.
    pub fn read_only(self) -> bool {
        self.definition().contains(r#""readOnlyHint":true"#)
    }
}

/// The result of a tool of ours: the same object as structured content and, for clients that do
/// not know that, as text.
fn structured(content: &Value, meta: Option<(&str, Value)>) -> Bytes {
    structured_json(&content.to_string(), meta)
}

/// The same of an object that is written already.
fn structured_json(content: &str, meta: Option<(&str, Value)>) -> Bytes {
    let text = splice::quote(content);
    let mut result = format!(
        "{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"structuredContent\":{content},\
         \"isError\":false"
    );
    if let Some((key, value)) = meta {
        let _ = write!(result, ",\"_meta\":{{{}:{value}}}", splice::quote(key));
    }
    result.push('}');
    result.into()
}

/// One entry of [`CONNECT_REQUIRED`]; a connection by key has no link.
pub fn connect_required(
    connection: &ConnectionName,
    auth_status: &str,
    link: Option<&Link>,
) -> Value {
    json!({
        "backend_id": connection.as_str(),
        "backend_name": connection.as_str(),
        "tool_group": connection.as_str(),
        "auth_status": auth_status,
        "connect_required": true,
        "connect_url": link.map(|link| link.url.as_str()),
        "connect_url_expires_at": link.map(expires_at),
    })
}

fn expires_at(link: &Link) -> String {
    humantime::format_rfc3339_seconds(link.expires_at).to_string()
}

/// The entries for all connections that need the user.
fn all_required(reports: &[Report]) -> Value {
    let needed = reports.iter().filter(|report| report.connect_required());
    let entry = |it: &Report| connect_required(&it.name, it.status.word(), it.link.as_ref());
    needed.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_one_line_of_json_under_their_names() {
        for own in Own::ALL {
            let text = own.definition();
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(value["name"], own.name());
            assert_eq!(value["inputSchema"]["type"], "object");
            // Those that pass on what another tool gives have none.
            let passes_on = [Own::CallTool, Own::CallReadTool].contains(own);
            assert_eq!(value["outputSchema"]["type"].is_string(), !passes_on);
            assert!(value["annotations"]["readOnlyHint"].is_boolean());
            assert!(!text.contains('\n'), "stdio is framed by lines");
        }
    }

    /// By the rule of four bytes a token; the bench counts with a real tokenizer.
    #[test]
    fn all_of_ours_together_stay_within_2200_tokens() {
        let counted = |own: &Own| {
            let value: Value = serde_json::from_str(own.definition()).unwrap();
            let description = value["description"].as_str().unwrap().len();
            own.name().len() + description + value["inputSchema"].to_string().len()
        };
        let all: usize = Own::ALL.iter().map(counted).sum();
        assert!(all <= 4 * 2200, "{all} bytes");
    }
}
