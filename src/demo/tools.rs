//! What the open demo server can do: three little tools, one of each kind of answer.

use super::handler::{Toolbox, failed, said, with};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;
use serde_json::json;
use std::time::SystemTime;

/// Has no state.
pub(super) struct Tools;

#[derive(Deserialize)]
struct Summands {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Said {
    text: String,
}

impl Toolbox for Tools {
    fn about(&self) -> (&'static str, &'static str) {
        ("allmcp-demo", "A little server to try things with: add, echo and now.")
    }

    fn definitions(&self) -> &'static str {
        r#"[
            {
                "name": "add",
                "description": "Adds two whole numbers",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "a": {"description": "The first number.", "type": "integer", "format": "int64"},
                        "b": {"description": "The second number.", "type": "integer", "format": "int64"}
                    },
                    "required": ["a", "b"]
                },
                "outputSchema": {
                    "type": "object",
                    "properties": {
                        "sum": {"description": "The two numbers together.", "type": "integer", "format": "int64"}
                    },
                    "required": ["sum"]
                },
                "annotations": {
                    "title": "Add", "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false
                }
            },
            {
                "name": "echo",
                "description": "Says what it was told",
                "inputSchema": {
                    "type": "object",
                    "properties": {"text": {"description": "What to say.", "type": "string"}},
                    "required": ["text"]
                },
                "annotations": {
                    "title": "Echo", "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false
                }
            },
            {
                "name": "now",
                "description": "The time of this computer, in UTC (RFC 3339)",
                "inputSchema": {"type": "object", "properties": {}},
                "annotations": {"title": "Now", "readOnlyHint": true, "openWorldHint": false}
            }
        ]"#
    }

    fn call(&self, name: &str, arguments: JsonObject) -> Option<CallToolResult> {
        Some(match name {
            "add" => with(arguments, |Summands { a, b }| match a.checked_add(b) {
                Some(sum) => CallToolResult::structured(json!({"sum": sum})),
                None => failed(format!("{a} + {b} does not fit in 64 bits")),
            }),
            "echo" => with(arguments, |Said { text }| said(text)),
            "now" => said(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
            _ => return None,
        })
    }
}
