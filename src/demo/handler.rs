//! The demo servers as rmcp sees them: one type, so that its machinery is compiled once.

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::tool::parse_json_object,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde::de::DeserializeOwned;
use std::{
    future::{Future, ready},
    sync::Arc,
};

/// What a server can do.
pub(super) trait Toolbox: Send + Sync {
    /// How it calls itself, and what it tells a model about itself.
    fn about(&self) -> (&'static str, &'static str);

    /// Its tools: a JSON array, as in a `tools/list`.
    fn definitions(&self) -> &'static str;

    /// Runs the tool of this name; `None` where there is none.
    fn call(&self, name: &str, arguments: JsonObject) -> Option<CallToolResult>;
}

/// A server of one kind; legacy sessions and stateless requests each get their own, and the
/// toolbox is shared.
#[derive(Clone)]
pub(super) struct Handler(pub Arc<dyn Toolbox>);

impl Handler {
    fn tools(&self) -> Vec<Tool> {
        serde_json::from_str(self.0.definitions()).unwrap_or_default()
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let (name, instructions) = self.0.about();
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(name, env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().into_iter().find(|tool| tool.name == name)
    }

    /// A list that nobody but its client may keep, in the revisions that can say so (SEP-2549).
    fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send + '_ {
        let list = ListToolsResult::with_all_items(self.tools());
        let modern = context
            .protocol_version()
            .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        ready(Ok(if modern {
            list.with_ttl_ms(0).with_cache_scope(CacheScope::Private)
        } else {
            list
        }))
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send + '_ {
        let result = self.0.call(&request.name, request.arguments.unwrap_or_default());
        ready(match result {
            Some(result) => Ok(result.into()),
            None => Err(ErrorData::invalid_params("there is no such tool", None)),
        })
    }
}

/// Runs `tool` on its arguments; those that do not fit are an error that the model can mend.
pub(super) fn with<T: DeserializeOwned>(
    arguments: JsonObject,
    tool: impl FnOnce(T) -> CallToolResult,
) -> CallToolResult {
    match parse_json_object(arguments) {
        Ok(arguments) => tool(arguments),
        Err(error) => failed(error.message.into_owned()),
    }
}

/// An answer in words.
pub(super) fn said(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// Words that say why there is no answer.
pub(super) fn failed(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}
