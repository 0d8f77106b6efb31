//! Which of our tools is called, and its answer.

use super::{
    Own, args, call_tool, connect_provider, delete_memories, describe_provider,
    disconnect_provider, find_relevant_tools, get_usage, list_mcp_connections, list_providers,
    list_tool_groups, read_more, report_issue, save_or_update_memories, search_memories,
};
use crate::{
    hub::{
        Answered, CallError, Denied, Hub, Request, ToolIndex,
        call::{Line, unknown},
        policy::Denial,
    },
    wire::Outcome,
};
use serde::Deserialize;

/// The arguments of a tool that takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Hub {
    pub(in crate::hub) async fn own(
        &self,
        own: Own,
        request: &Request,
        line: &mut Line,
    ) -> Result<Answered, CallError> {
        let (tool, params) = (own.name(), &request.params);
        let result = match own {
            Own::CallTool | Own::CallReadTool => {
                return call_tool::run(self, own, request, line).await;
            }
            Own::ReadMore => read_more::run(self, args::read(tool, params)?, request).await,
            Own::ListProviders => list_providers::run(self, args::read(tool, params)?).await,
            Own::DescribeProvider => describe_provider::run(self, args::read(tool, params)?).await,
            Own::GetUsage => {
                let Nothing {} = args::read(tool, params)?;
                get_usage::run(self).await
            }
            Own::ReportIssue => report_issue::run(self, args::read(tool, params)?).await,
            Own::ListMcpConnections => {
                let Nothing {} = args::read(tool, params)?;
                list_mcp_connections::run(self).await
            }
            Own::ConnectProvider => {
                let args = args::read(tool, params)?;
                Box::pin(connect_provider::run(self, args, request)).await
            }
            Own::DisconnectProvider => {
                let args = args::read(tool, params)?;
                Box::pin(disconnect_provider::run(self, args, request, line)).await
            }
            Own::ListToolGroups => {
                let Nothing {} = args::read(tool, params)?;
                list_tool_groups::run(self).await
            }
            Own::FindRelevantTools => {
                find_relevant_tools::run(self, args::read(tool, params)?).await
            }
            Own::SaveOrUpdateMemories => {
                save_or_update_memories::run(self, args::read(tool, params)?).await
            }
            Own::SearchMemories => search_memories::run(self, args::read(tool, params)?).await,
            Own::DeleteMemories => delete_memories::run(self, args::read(tool, params)?).await,
        }?;
        let (size, limit) = (result.len() as u64, request.limit);
        let result = if size <= limit {
            result
        } else {
            let part = self.longs().cut(None, result, limit).await;
            part.ok_or_else(|| CallError::TooLarge { tool: tool.to_owned(), size, limit })?
        };
        Ok(Answered { outcome: Outcome::Complete(result), era: None })
    }

    /// Answers for a name that nobody has, or that `--read-only` has left out.
    pub(in crate::hub) async fn not_listed(
        &self,
        index: &ToolIndex,
        name: &str,
        request: &Request,
        line: &mut Line,
    ) -> Result<Answered, CallError> {
        match Own::left_out(&self.plan(), name) {
            None => Err(unknown(index, name)),
            Some(own) if own.only_routes() => self.own(own, request, line).await,
            Some(own) => {
                let (tool, upstream) = (own.name().to_owned(), String::new());
                let why = Denial::ReadOnly;
                Err(CallError::Denied(Denied { connection: None, tool, upstream, why }))
            }
        }
    }
}
