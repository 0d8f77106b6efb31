//! Memories as clients see them beside the tools: read-only resources, `memory://{id}`.

use super::{Answered, CallError, Changes, Forward, Hub, List, Notice, Request, glob, own::Own};
use crate::{
    name::Tenant,
    store::memory::{Memory, MemoryError, MemoryStore, Search, limits, time_text},
    task, text,
    wire::{Outcome, splice},
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

const SCHEME: &str = "memory://";

/// Most memories in a list; the others are found by `search_memories` and read all the same.
const LISTED: usize = 50;

/// Characters of a description in a list.
const DESCRIPTION: usize = 100;

/// Most values of a completion (2025-11-25, server/utilities/completion).
const VALUES: usize = 100;

const TEMPLATE: &str = r#"{"uriTemplate":"memory://{id}","name":"memory","title":"Memory","description":"What was saved under this id with save_or_update_memories.","mimeType":"text/plain"}"#;

/// What a process knows of the memory between two looks at it.
pub(super) struct Memories {
    /// The newest as clients list them, parted by commas; `None`: nothing was ever saved.
    listed: ArcSwap<Option<Bytes>>,
    /// One job at a time: one that waits for another process must not take all the threads that
    /// such jobs have.
    turn: Arc<Semaphore>,
}

impl Default for Memories {
    fn default() -> Self {
        Self { listed: ArcSwap::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// An error of the memory as the answer to `tool`.
pub(super) fn told(tool: &'static str, error: &MemoryError) -> CallError {
    let mut said = error.to_string();
    if let Some(remedy) = error.remedy() {
        said = format!("{said}; {remedy}");
    }
    let text = text::line(&said, 600);
    if error.is_callers() {
        CallError::Arguments { tool, text }
    } else {
        CallError::Failed { tool, text }
    }
}

impl Hub {
    /// The memory, where clients may see it: not beside the untouched names of a plain plan, nor
    /// where the settings leave its tools out.
    fn memory(&self) -> Option<&MemoryStore> {
        let plan = self.plan();
        let seen = !plan.plain && glob::any(&plan.own_tools, Own::SearchMemories.name());
        self.own_deps().memory.as_ref().filter(|_| seen)
    }

    pub(super) fn has_memory(&self) -> bool {
        self.memory().is_some()
    }

    /// Runs `job` on the memory of this tenant, for `tool`.
    pub(super) async fn remember<T: Send + 'static>(
        &self,
        tool: &'static str,
        job: impl FnOnce(&MemoryStore, &Tenant) -> Result<T, MemoryError> + Send + 'static,
    ) -> Result<T, CallError> {
        let failed = |text: &str| CallError::Failed { tool, text: text.to_owned() };
        let store = self.own_deps().memory.clone();
        let store = store.ok_or_else(|| failed("there is no memory here"))?;
        let tenant = self.tenant().clone();
        // It is never closed.
        let turn = Arc::clone(&self.0.memories.turn).acquire_owned().await;
        let job = move || {
            let _turn = turn;
            job(&store, &tenant)
        };
        let done = task::blocking(job).await.map_err(|error| failed(&error.to_string()))?;
        done.map_err(|error| told(tool, &error))
    }

    /// True when a list that is about to be given wants a look at the memory first.
    pub fn recalls(&self, list: List) -> bool {
        matches!(list, List::Resources | List::Templates)
            && self.memory().is_some_and(|memory| {
                !memory.is_unused() || self.0.memories.listed.load().is_some()
            })
    }

    /// Looks at the memory for [`Hub::list`]: other processes write to it too.
    pub async fn recall(&self) {
        let _same = self.look_at_memory().await;
    }

    /// True when clients would list something else than before.
    async fn look_at_memory(&self) -> bool {
        let newest = self.remember("memory", |store, tenant| {
            if store.is_unused() {
                return Ok(None);
            }
            let search = Search { limit: LISTED, ..Search::default() };
            store.search(tenant, &search).map(|found| Some(found.hits))
        });
        let now = match newest.await {
            Ok(hits) => hits.map(|hits| {
                let all: Vec<String> =
                    hits.iter().map(|hit| entry(&hit.memory).to_string()).collect();
                Bytes::from(all.join(","))
            }),
            Err(error) => {
                tracing::warn!("memories are not listed: {error}");
                None
            }
        };
        let before = self.0.memories.listed.swap(Arc::new(now.clone()));
        *before != now
    }

    /// Tells clients of what a tool of ours has changed.
    pub(super) async fn remembered(&self, ids: &[String]) {
        for id in ids {
            let uri = format!("{SCHEME}{id}");
            let params = json!({ "uri": uri }).to_string().into();
            // Nobody listens.
            let _unheard = self.0.notices.send(Notice::ResourceUpdated { uri, params });
        }
        if self.has_memory() && self.look_at_memory().await {
            let changes = Changes { resources: true, ..Changes::default() };
            self.0.version.send_if_modified(|versions| versions.grow(changes));
        }
    }

    /// `body` with what is ours in front.
    pub(super) fn with_memories(&self, list: List, body: Bytes) -> Bytes {
        let listed = self.0.memories.listed.load();
        let ours: &[u8] = match (list, listed.as_ref()) {
            (List::Resources, Some(all)) => all,
            (List::Templates, Some(_)) => TEMPLATE.as_bytes(),
            _ => return body,
        };
        let Some(at) = memchr::memchr(b'[', &body).map(|at| at + 1) else { return body };
        if ours.is_empty() || !self.has_memory() {
            return body;
        }
        let comma: &[u8] = if body.get(at) == Some(&b']') { b"" } else { b"," };
        [&body[..at], ours, comma, &body[at..]].concat().into()
    }

    /// The id in a URI of ours.
    pub(super) fn memory_id<'a>(&self, uri: &'a str) -> Option<&'a str> {
        uri.strip_prefix(SCHEME).filter(|_| self.has_memory())
    }

    /// The memory of a URI that a client names.
    pub(super) async fn memory_at(&self, id: &str) -> Result<Memory, CallError> {
        let key = id.to_owned();
        let search = Search { ids: vec![key], limit: 1, ..Search::default() };
        let found = self.remember("memory", move |store, tenant| store.search(tenant, &search));
        let hit = found.await?.hits.pop();
        hit.map(|hit| hit.memory).ok_or_else(|| CallError::NotFound {
            what: "resource",
            name: text::line(&format!("{SCHEME}{id}"), 200),
        })
    }

    /// The answer to a request about a memory; `None`: it is about something else.
    pub(super) async fn of_memory(
        &self,
        forward: Forward,
        request: &Request,
    ) -> Option<Result<Answered, CallError>> {
        let params = &request.params;
        let answer = match forward {
            Forward::Read => {
                let uri = splice::get_str(params, "uri")?;
                let id = self.memory_id(&uri)?;
                self.memory_at(id).await.map(|memory| read(&memory))
            }
            Forward::Complete => {
                let reference = splice::get(params, "ref")?;
                self.memory_id(&splice::get_str(&reference, "uri")?)?;
                let argument = splice::get(params, "argument").unwrap_or_default();
                let begun = splice::get_str(&argument, "value").unwrap_or_default().into_owned();
                self.completed_id(begun).await
            }
            _ => return None,
        };
        Some(answer.and_then(|value| {
            let bytes = Bytes::from(value.to_string());
            let (size, limit) = (bytes.len() as u64, request.limit);
            if size > limit {
                let tool = format!("{} of a memory", forward.method());
                return Err(CallError::TooLarge { tool, size, limit });
            }
            Ok(Answered { outcome: Outcome::Complete(bytes), era: None })
        }))
    }

    async fn completed_id(&self, begun: String) -> Result<Value, CallError> {
        let search = Search { limit: 1000, ..Search::default() };
        let found = self.remember("memory", move |store, tenant| store.search(tenant, &search));
        let ids = found.await?.hits.into_iter().map(|hit| hit.memory.id);
        let ids: Vec<String> = ids.filter(|id| id.starts_with(&begun)).collect();
        let (total, more) = (ids.len(), ids.len() > VALUES);
        let values: Vec<String> = ids.into_iter().take(VALUES).collect();
        Ok(json!({ "completion": { "values": values, "total": total, "hasMore": more } }))
    }
}

/// A memory in `resources/list`.
fn entry(memory: &Memory) -> Value {
    let modified = time_text(memory.updated_at);
    // Somebody else may have shared it: nothing invisible stands in a list.
    let title = text::line(&memory.title, limits::TITLE);
    json!({
        "uri": format!("{SCHEME}{}", memory.id),
        "name": title,
        "title": title,
        "description": text::line(&memory.content, DESCRIPTION),
        "mimeType": "text/plain",
        "size": memory.content.len(),
        "annotations": { "lastModified": modified },
    })
}

fn read(memory: &Memory) -> Value {
    let uri = format!("{SCHEME}{}", memory.id);
    json!({ "contents": [{ "uri": uri, "mimeType": "text/plain", "text": memory.content }] })
}
