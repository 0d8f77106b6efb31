//! The floor for a start: the smallest rmcp server over stdio, in a process of its own.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use std::process::ExitCode;

struct Bare;

impl ServerHandler for Bare {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = serde_json::from_str(r#"{"type":"object"}"#).unwrap_or_default();
        let schema: serde_json::Map<String, serde_json::Value> = schema;
        Ok(ListToolsResult::with_all_items(vec![Tool::new("nothing", "does nothing", schema)]))
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

/// Serves until stdin ends.
pub(crate) fn run() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = Bare.serve(rmcp::transport::io::stdio_pipes()).await.expect("initialize");
        server.waiting().await.expect("the end of stdin");
    });
    ExitCode::SUCCESS
}
