//! What the demo server behind the sign-in can do: keep notes, as long as it runs.

use super::tools::private;
use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{
        Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    },
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// More than a demo needs, and an end.
const MOST: usize = 100;

/// One pile of notes for all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<String>>>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Note {
    /// What to remember.
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pile {
    /// All notes, oldest first.
    notes: Vec<String>,
}

#[tool_router]
impl Notes {
    #[tool(
        description = "Keeps a note until the demo ends",
        annotations(
            title = "Add a note",
            read_only_hint = false,
            destructive_hint = false,
            open_world_hint = false
        )
    )]
    fn add_note(&self, Parameters(Note { text }): Parameters<Note>) -> Result<Json<Pile>, String> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MOST {
            return Err(format!("there are {MOST} notes already"));
        }
        notes.push(text);
        Ok(Json(Pile { notes: notes.clone() }))
    }

    #[tool(
        description = "All notes, oldest first",
        annotations(title = "List notes", read_only_hint = true, open_world_hint = false)
    )]
    fn list_notes(&self) -> Json<Pile> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Json(Pile { notes: notes.clone() })
    }
}

#[tool_handler]
impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("allmcp-demo-notes", env!("CARGO_PKG_VERSION")))
            .with_instructions("Keeps notes for those who have signed in.")
    }

    /// As in [`super::tools`].
    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(private(Self::tool_router().list_all(), &context))
    }
}
