//! TEMPORARY stub.
use std::time::SystemTime;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    ToolError,
    Failed,
    Cancelled,
    Denied,
}
#[derive(Debug, Clone)]
pub struct Entry {
    pub time: SystemTime,
    pub connection: String,
    pub tool: String,
    pub client: Option<String>,
    pub pid: u32,
    pub org: Option<String>,
    pub user: Option<String>,
    pub token: Option<String>,
    pub decision: String,
    pub outcome: Outcome,
    pub duration_ms: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub error: Option<String>,
}
#[derive(Debug, Default)]
pub struct AccessLog {
    pub entries: std::sync::Mutex<Vec<Entry>>,
}
impl AccessLog {
    pub fn append(&self, entry: &Entry) -> std::io::Result<()> {
        if let Ok(mut entries) = self.entries.lock() {
            entries.push(entry.clone());
        }
        Ok(())
    }
}
