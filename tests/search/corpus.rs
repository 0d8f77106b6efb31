//! Tools and requests: read from `corpus.txt`, or from a file like the shared development set.

use serde_json::{Map, Value, json};

/// One tool, as a connection offers it.
#[derive(Clone)]
pub struct Tool {
    /// `connection/name`, by which requests name it.
    pub id: String,
    pub connection: String,
    pub connection_text: String,
    pub name: String,
    pub description: String,
    /// Names and descriptions.
    pub parameters: Vec<(String, String)>,
}

/// A request and the tools that it needs.
pub struct Request {
    /// `step`, one instruction, or `task`, a whole request for several tools.
    pub kind: String,
    pub text: String,
    /// For each needed tool: the ids that will do.
    pub gold: Vec<Vec<String>>,
}

impl Tool {
    /// Its object in a `tools/list`.
    pub fn definition(&self) -> Vec<u8> {
        let string = |(name, text): &(String, String)| {
            (name.clone(), json!({"type": "string", "description": text}))
        };
        let properties: Map<String, Value> = self.parameters.iter().map(string).collect();
        let schema = json!({"type": "object", "properties": properties});
        json!({"name": self.name, "description": self.description, "inputSchema": schema})
            .to_string()
            .into_bytes()
    }
}

/// Our own corpus.
pub fn invented() -> (Vec<Tool>, Vec<Request>) {
    let mut tools = Vec::new();
    let mut requests = Vec::new();
    let mut owner = ("", "");
    for line in include_str!("corpus.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.trim_start_matches('?').split('|').map(str::trim);
        let mut cell = || cells.next().unwrap_or_default();
        if line.starts_with('?') {
            let (kind, text) = (cell().to_owned(), cell().to_owned());
            let ids = |needed: &str| needed.split(',').map(|id| id.trim().to_owned()).collect();
            requests.push(Request { kind, text, gold: cell().split(';').map(ids).collect() });
        } else if line.starts_with(' ') {
            let (name, description) = (cell().to_owned(), cell().to_owned());
            let parameter = |text: &str| {
                let (name, text) = text.split_once(':')?;
                Some((name.trim().to_owned(), text.trim().to_owned()))
            };
            tools.push(Tool {
                id: format!("{}/{name}", owner.0),
                connection: owner.0.to_owned(),
                connection_text: owner.1.to_owned(),
                parameters: cell().split(';').filter_map(parameter).collect(),
                name,
                description,
            });
        } else if !line.is_empty() {
            owner = (cell(), cell());
        }
    }
    (tools, requests)
}
