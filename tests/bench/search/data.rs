//! A set to measure on, read from a file like `toolsearch/dev.json`.

use super::corpus::{Request, Tool};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Tools and requests, and real tools that nobody asks for.
pub(crate) struct Set {
    pub(crate) tools: Vec<Tool>,
    pub(crate) requests: Vec<Request>,
    pub(crate) distractors: Vec<Tool>,
}

/// Where the shared development set lies beside the folder of the package.
pub(crate) fn default() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/toolsearch/dev.json")
}

impl Set {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let said = |problem: String| format!("error: {}: {problem}", path.display());
        let text = std::fs::read(path).map_err(|error| said(error.to_string()))?;
        let set: Value = serde_json::from_slice(&text).map_err(|error| said(error.to_string()))?;
        let tools = list(&set["tools"]).map(tool).collect::<Vec<_>>();
        let requests = list(&set["queries"]).map(request).collect::<Vec<_>>();
        if tools.is_empty() || requests.is_empty() {
            return Err(said("has no tools or no queries".to_owned()));
        }
        let distractors = list(&set["distractors"]["tools"]).map(tool).collect();
        Ok(Self { tools, requests, distractors })
    }

    /// The kinds of requests in the order of the file.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for request in &self.requests {
            if !kinds.contains(&request.kind.as_str()) {
                kinds.push(&request.kind);
            }
        }
        kinds.sort_unstable();
        kinds
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tool(tool: &Value) -> Tool {
    let parameters = tool["params"].as_object().into_iter().flatten();
    Tool {
        id: text(&tool["id"]),
        connection: text(&tool["server"]),
        connection_text: tool["server_desc"].as_str().unwrap_or_default().to_owned(),
        name: text(&tool["name"]),
        description: tool["description"].as_str().unwrap_or_default().to_owned(),
        parameters: parameters.map(|(name, about)| (name.clone(), text(about))).collect(),
    }
}

fn request(query: &Value) -> Request {
    Request {
        kind: text(&query["kind"]),
        text: text(&query["query"]),
        gold: list(&query["gold"]).map(|same| list(same).map(text).collect()).collect(),
    }
}
