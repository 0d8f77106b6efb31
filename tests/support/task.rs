//! Calls that run as tasks: the extension of 2026-07-28 (SEP-2663), and the core tasks of
//! 2025-11-25, which have other shapes.

use super::{
    ask,
    offer::Answered,
    run::{self, Client},
    state::Shared,
    tool::{Ask, Plan, Tool},
    wire::{self, Rpc},
};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";

pub(super) struct Running {
    tool: Tool,
    plan: Plan,
    /// The call that made it.
    call: Rpc,
    polls: u32,
    heard: Vec<String>,
    cancelled: bool,
}

impl Running {
    fn status(&self) -> &'static str {
        if self.cancelled {
            "cancelled"
        } else if self.polls <= self.plan.polls {
            "working"
        } else if self.heard.len() < self.plan.asks.len() {
            "input_required"
        } else {
            "completed"
        }
    }
}

/// The message that answers a call which becomes a task or must not run without one; none when
/// it runs as any other.
pub(super) fn create(
    shared: &Arc<Shared>,
    tool: &Tool,
    rpc: &Rpc,
    client: &Client,
) -> Option<Bytes> {
    let plan = tool.task.clone()?;
    let id = rpc.id.as_deref().unwrap_or("null");
    let wanted = match client {
        Client::Modern => {
            let can = ask::capabilities(shared, rpc, client);
            can["extensions"][EXTENSION].is_object()
        }
        Client::Legacy(_) => rpc.params.contains_key("task"),
    };
    if !wanted {
        return plan.required.then(|| match client {
            Client::Modern => ask::lacks(id, json!({"extensions": {EXTENSION: {}}})),
            Client::Legacy(_) => {
                wire::error(Some(id), -32601, "this tool runs only as a task", None)
            }
        });
    }
    let task_id = format!("task {}/{}", shared.next(), tool.name);
    let call = rpc.clone();
    let running =
        Running { tool: tool.clone(), plan, call, polls: 0, heard: Vec::new(), cancelled: false };
    let result = match client {
        Client::Modern => {
            format!(r#"{{"resultType":"task",{}}}"#, modern_members(&task_id, running.status()))
        }
        Client::Legacy(_) => {
            format!(r#"{{"task":{{{}}}}}"#, legacy_members(&task_id, running.status()))
        }
    };
    shared.state.lock().unwrap().tasks.insert(task_id, running);
    Some(wire::result(&shared.script().envelope, id, &result))
}

const TIMES: &str = r#""createdAt":"2026-11-21T10:00:00Z","lastUpdatedAt":"2026-11-21T10:00:01Z""#;

fn modern_members(id: &str, status: &str) -> String {
    let id = wire::quote(id);
    format!(r#""taskId":{id},"status":"{status}",{TIMES},"ttlMs":60000,"pollIntervalMs":10"#)
}

fn legacy_members(id: &str, status: &str) -> String {
    let id = wire::quote(id);
    format!(r#""taskId":{id},"status":"{status}",{TIMES},"ttl":60000,"pollInterval":10"#)
}

/// The answer to a request about a task.
pub(super) fn answer(shared: &Arc<Shared>, rpc: &Rpc, client: &Client) -> Answered {
    let task_id = rpc.param("taskId").unwrap_or_default();
    let mut state = shared.state.lock().unwrap();
    let Some(task) = state.tasks.get_mut(&task_id) else {
        return Err((-32602, format!("Unknown task: {task_id}")));
    };
    let members = match client {
        Client::Modern => modern_members,
        Client::Legacy(_) => legacy_members,
    };
    match (rpc.method.as_deref().unwrap_or_default(), client) {
        ("tasks/get", _) => {
            task.polls += 1;
            let (status, members) = (task.status(), members(&task_id, task.status()));
            let more = match (client, status) {
                (Client::Modern, "input_required") => {
                    format!(r#","inputRequests":{{{}}}"#, requests(&task.plan.asks))
                }
                (Client::Modern, "completed") => format!(r#","result":{}"#, result(task)),
                _ => String::new(),
            };
            Ok(format!("{{{members}{more}}}"))
        }
        ("tasks/cancel", _) => {
            task.cancelled = true;
            Ok(match client {
                Client::Modern => "{}".into(),
                Client::Legacy(_) => format!("{{{}}}", members(&task_id, "cancelled")),
            })
        }
        ("tasks/update", Client::Modern) => {
            let responses = rpc.params.get("inputResponses");
            let responses = responses.map(|raw| wire::object(raw.get())).unwrap_or_default();
            let answers: Vec<_> = responses.values().map(|raw| raw.get().to_owned()).collect();
            task.heard.extend(answers.clone());
            state.answers.extend(responses.keys().cloned().zip(answers));
            Ok("{}".into())
        }
        ("tasks/result", Client::Legacy(_)) if task.status() == "completed" => {
            let id = wire::quote(&task_id);
            let related =
                format!(r#""_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":{id}}}}},"#);
            Ok(result(task).replacen('{', &format!("{{{related}"), 1))
        }
        // A server may wait here; this one says that it is too early.
        ("tasks/result", Client::Legacy(_)) => Err((-32602, "the task is still running".into())),
        (other, _) => Err((-32601, format!("Method not found: {other}"))),
    }
}

fn requests(asks: &[Ask]) -> String {
    let one = |(at, ask): (usize, &Ask)| {
        let (key, method, params) = (ask::key(at), &ask.method, &ask.params);
        format!(r#""{key}":{{"method":"{method}","params":{params}}}"#)
    };
    asks.iter().enumerate().map(one).collect::<Vec<_>>().join(",")
}

fn result(task: &Running) -> String {
    run::plain_result(&task.tool, &task.call, &task.heard)
}
