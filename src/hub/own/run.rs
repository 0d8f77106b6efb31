//! Which of our tools is called, and its answer.

use super::{Own, args, list_mcp_connections};
use crate::{
    hub::{Answered, CallError, Hub, Request, call::Line},
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
}
