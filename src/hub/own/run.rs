//! Which of our tools is called, and its answer.

use super::{Own, args, list_mcp_connections};
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
        _line: &mut Line,
    ) -> Result<Answered, CallError> {
        let (tool, params) = (own.name(), &request.params);
        let result = match own {
            Own::ListMcpConnections => {
                let Nothing {} = args::read(tool, params)?;
                list_mcp_connections::run(self).await
            }
        }?;
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
