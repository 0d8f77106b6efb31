//! TEMPORARY stub.
use crate::kind::Era;
use bytes::Bytes;
use std::{io, path::PathBuf, time::SystemTime};
#[derive(Debug, Clone)]
pub struct ListCache {
    pub dir: PathBuf,
}
#[derive(Debug, Clone)]
pub struct CachedLists {
    pub target: String,
    pub fetched_at: SystemTime,
    pub era: Option<Era>,
    pub protocol: Option<String>,
    pub server_info: Option<Bytes>,
    pub capabilities: Option<Bytes>,
    pub instructions: Option<String>,
    pub tools: Vec<Bytes>,
}
impl ListCache {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }
    pub fn load(&self, account: &str) -> Option<CachedLists> {
        let text = std::fs::read_to_string(self.dir.join(account)).ok()?;
        let mut lines = text.lines();
        Some(CachedLists {
            target: lines.next()?.to_owned(),
            fetched_at: SystemTime::UNIX_EPOCH,
            era: None,
            protocol: None,
            server_info: None,
            capabilities: None,
            instructions: lines.next().map(str::to_owned),
            tools: lines.map(|l| Bytes::copy_from_slice(l.as_bytes())).collect(),
        })
    }
    pub fn save(&self, account: &str, lists: &CachedLists) -> io::Result<bool> {
        let mut text =
            format!("{}\n{}\n", lists.target, lists.instructions.clone().unwrap_or_default());
        for tool in &lists.tools {
            text.push_str(&String::from_utf8_lossy(tool));
            text.push('\n');
        }
        std::fs::create_dir_all(&self.dir)?;
        std::fs::write(self.dir.join(account), text)?;
        Ok(true)
    }
}
