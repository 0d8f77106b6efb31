//! What the demo server behind the sign-in can do: keep notes, as long as it runs.

use super::handler::{Toolbox, failed, with};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// More than a demo needs, and an end.
const MOST: usize = 100;

/// One pile of notes for all sessions.
#[derive(Default)]
pub(super) struct Notes(Mutex<Vec<String>>);

#[derive(Deserialize)]
struct Note {
    text: String,
}

impl Toolbox for Notes {
    fn about(&self) -> (&'static str, &'static str) {
        ("allmcp-demo-notes", "Keeps notes for those who have signed in.")
    }

    fn definitions(&self) -> &'static str {
        r#"[
            {
                "name": "add_note",
                "description": "Keeps a note until the demo ends",
                "inputSchema": {
                    "type": "object",
                    "properties": {"text": {"description": "What to remember.", "type": "string"}},
                    "required": ["text"]
                },
                "outputSchema": {
                    "type": "object",
                    "properties": {
                        "notes": {
                            "description": "All notes, oldest first.",
                            "type": "array",
                            "items": {"type": "string"}
                        }
                    },
                    "required": ["notes"]
                },
                "annotations": {
                    "title": "Add a note",
                    "readOnlyHint": false,
                    "destructiveHint": false,
                    "openWorldHint": false
                }
            },
            {
                "name": "list_notes",
                "description": "All notes, oldest first",
                "inputSchema": {"type": "object", "properties": {}},
                "outputSchema": {
                    "type": "object",
                    "properties": {
                        "notes": {
                            "description": "All notes, oldest first.",
                            "type": "array",
                            "items": {"type": "string"}
                        }
                    },
                    "required": ["notes"]
                },
                "annotations": {"title": "List notes", "readOnlyHint": true, "openWorldHint": false}
            }
        ]"#
    }

    fn call(&self, name: &str, arguments: JsonObject) -> Option<CallToolResult> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pile = |notes: &[String]| CallToolResult::structured(json!({"notes": notes}));
        Some(match name {
            "add_note" => with(arguments, |Note { text }| {
                if notes.len() >= MOST {
                    return failed(format!("there are {MOST} notes already"));
                }
                notes.push(text);
                pile(&notes)
            }),
            "list_notes" => pile(&notes),
            _ => return None,
        })
    }
}
