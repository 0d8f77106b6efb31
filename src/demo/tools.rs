//! What the open demo server can do: three little tools, one of each kind of answer.

use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{
        CacheScope, Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
        ServerCapabilities, ServerConfig, Tool,
    },
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Has no state: legacy sessions and stateless requests each get their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tools;

#[derive(Debug, Deserialize, JsonSchema)]
struct Summands {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Sum {
    /// The two numbers together.
    sum: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Said {
    /// What to say.
    text: String,
}

#[tool_router]
impl Tools {
    /// Structured content, and `isError` where the sum does not fit.
    #[tool(
        description = "Adds two whole numbers",
        annotations(
            title = "Add",
            read_only_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    fn add(Parameters(Summands { a, b }): Parameters<Summands>) -> Result<Json<Sum>, String> {
        a.checked_add(b)
            .map(|sum| Json(Sum { sum }))
            .ok_or_else(|| format!("{a} + {b} does not fit in 64 bits"))
    }

    #[tool(
        description = "Says what it was told",
        annotations(
            title = "Echo",
            read_only_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    fn echo(Parameters(Said { text }): Parameters<Said>) -> String {
        text
    }

    #[tool(
        description = "The time of this computer, in UTC (RFC 3339)",
        annotations(title = "Now", read_only_hint = true, open_world_hint = false)
    )]
    fn now() -> String {
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("allmcp-demo", env!("CARGO_PKG_VERSION")))
            .with_instructions("A little server to try things with: add, echo and now.")
    }

    /// Written out because the macro's own one says that anybody may cache the list (SEP-2549).
    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(private(Self::tool_router().list_all(), &context))
    }
}

/// A list that nobody but its client may keep, in the revisions that can say so.
pub(super) fn private(tools: Vec<Tool>, context: &RequestContext<RoleServer>) -> ListToolsResult {
    let list = ListToolsResult::with_all_items(tools);
    let modern =
        context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    if modern { list.with_ttl_ms(0).with_cache_scope(CacheScope::Private) } else { list }
}
