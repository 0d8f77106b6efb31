//! Requests other than `tools/call` that one connection answers.

use super::{
    Answered, CallError, Hub, Request, error::Denied, index::ToolIndex, member::Member,
    plan::Shown, policy::Denial, rewrite, rounds::Job, uris,
};
use crate::{
    text,
    upstream::Reply,
    wire::{
        Outcome,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use std::sync::Arc;

/// A request that goes to the connection that its parameters name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// `prompts/get`
    Prompt,
    /// `resources/read`
    Read,
    /// `completion/complete`
    Complete,
    /// `tasks/get`, `tasks/update` and `tasks/cancel` (SEP-2663).
    TaskGet,
    TaskUpdate,
    TaskCancel,
    /// `skills/get` and `resources/directory/read` (SEP-2640).
    Skill,
    Directory,
}

impl Forward {
    const ALL: [(Self, &str); 8] = [
        (Self::Prompt, "prompts/get"),
        (Self::Read, "resources/read"),
        (Self::Complete, "completion/complete"),
        (Self::TaskGet, "tasks/get"),
        (Self::TaskUpdate, "tasks/update"),
        (Self::TaskCancel, "tasks/cancel"),
        (Self::Skill, "skills/get"),
        (Self::Directory, "resources/directory/read"),
    ];

    pub fn of(method: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == method).map(|(forward, _)| *forward)
    }

    pub fn method(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The request may be answered with a wish for input first (SEP-2322).
    pub fn may_ask(self) -> bool {
        matches!(self, Self::Prompt | Self::Read)
    }
}

/// Where a request goes, in the words of its upstream.
struct Sent {
    member: Arc<Member>,
    params: Bytes,
    /// For the header `Mcp-Name`.
    name: Option<String>,
}

impl Hub {
    /// Runs one request to its end. Dropping the future cancels it upstream.
    pub fn forward(
        &self,
        forward: Forward,
        request: Request,
    ) -> impl Future<Output = Result<Answered, CallError>> + Send + use<> {
        let hub = self.clone();
        Box::pin(async move {
            match hub.forwarded(forward, &request).await {
                Err(CallError::Upstream(error)) => Err(Box::pin(hub.told(error)).await),
                answer => answer,
            }
        })
    }

    async fn forwarded(&self, forward: Forward, request: &Request) -> Result<Answered, CallError> {
        if let Some(answer) = self.of_memory(forward, request).await {
            return answer;
        }
        let Sent { member, params, name } = self.place(forward, &request.params).await?;
        let job = Job {
            method: forward.method(),
            name,
            replay_safe: !matches!(forward, Forward::TaskUpdate | Forward::TaskCancel),
            tool: None,
        };
        let reply = self.run(&member, job, params, request.link.as_ref()).await?;
        let Reply { outcome, era } = reply;
        let bytes = self.as_clients_see(forward, &member, outcome.bytes());
        let (size, limit) = (bytes.len() as u64, request.limit);
        if size > limit {
            let tool = format!("{} of {}", forward.method(), member.name());
            return Err(CallError::TooLarge { tool, size, limit });
        }
        Ok(Answered { outcome: outcome.with(bytes), era: Some(era) })
    }

    fn as_clients_see(&self, forward: Forward, member: &Member, result: &Bytes) -> Bytes {
        if self.index().is_plain() {
            return result.clone();
        }
        let to = |uri: &str| self.outward(member, uri);
        match forward {
            Forward::Prompt => rewrite::prompt_result(result, &to),
            Forward::Read => rewrite::read_result(result, &to),
            Forward::Complete => result.clone(),
            Forward::TaskGet | Forward::TaskUpdate | Forward::TaskCancel => {
                rewrite::task(result, member.name(), &to)
            }
            Forward::Skill => rewrite::skill(result, &to),
            Forward::Directory => rewrite::directory(result, &to),
        }
    }

    async fn place(&self, forward: Forward, params: &Bytes) -> Result<Sent, CallError> {
        match forward {
            Forward::Prompt => {
                let (member, own) = self.prompt(&string(params, "name")?).await?;
                Ok(Sent { params: put(params, "name", &own), member, name: Some(own) })
            }
            Forward::Read | Forward::Skill | Forward::Directory => {
                let (member, own) = self.resource(&string(params, "uri")?).await?;
                Ok(Sent { params: put(params, "uri", &own), member, name: Some(own) })
            }
            Forward::Complete => self.completed(params).await,
            Forward::TaskGet | Forward::TaskUpdate | Forward::TaskCancel => {
                let id = string(params, "taskId")?;
                let (member, own) = self.task(&id)?;
                Ok(Sent { params: put(params, "taskId", &own), member, name: Some(own) })
            }
        }
    }

    async fn completed(&self, params: &Bytes) -> Result<Sent, CallError> {
        let wrong = CallError::Params("\"ref\" names neither a prompt nor a resource");
        let at = splice::find(params, "ref").ok_or(CallError::Params("\"ref\" is missing"))?;
        let reference = params.slice(at.clone());
        let key = match splice::get_str(&reference, "type").as_deref() {
            Some("ref/prompt") => "name",
            Some("ref/resource") => "uri",
            _ => return Err(wrong),
        };
        let public = string(&reference, key)?;
        let (member, own) = if key == "name" {
            self.prompt(&public).await?
        } else {
            self.resource(&public).await?
        };
        let mut edits = Edits::new();
        edits.replace(at, put(&reference, key, &own));
        Ok(Sent { params: edits.apply(params), member, name: None })
    }

    /// Whose prompt it is, and the upstream's own name.
    async fn prompt(&self, public: &str) -> Result<(Arc<Member>, String), CallError> {
        let mut index = self.index();
        if index.others.prompts.find(public).is_none() {
            let owner = super::call::owner(&index, public).cloned();
            index = self.seen_again(index, owner.as_ref()).await;
        }
        match index.others.prompts.find(public) {
            Some(entry) => {
                usable(&entry.member, public)?;
                Ok((Arc::clone(&entry.member), entry.upstream.clone()))
            }
            None => Err(not_found("prompt", public)),
        }
    }

    /// Whose resource it is, and the upstream's own URI; it need not be listed.
    pub(super) async fn resource(&self, public: &str) -> Result<(Arc<Member>, String), CallError> {
        let mut index = self.index();
        if index.others.uris.inward(&self.0.seen, public).is_none() && !index.is_complete() {
            self.settled(super::call::PATIENCE).await;
            index = self.index();
        }
        let found = index.others.uris.inward(&self.0.seen, public);
        let (name, own) = found.ok_or_else(|| not_found("resource", public))?;
        let member = match name {
            None => index.members().first(),
            Some(name) => index.members().iter().find(|member| *member.name() == name),
        };
        let member = member.ok_or_else(|| not_found("resource", public))?;
        usable(member, public)?;
        Ok((Arc::clone(member), own.into_owned()))
    }

    pub(super) fn task(&self, public: &str) -> Result<(Arc<Member>, String), CallError> {
        let index = self.index();
        let (member, own) = if index.is_plain() {
            (index.members().first(), public)
        } else {
            let (name, own) = uris::task_inward(public).ok_or_else(|| not_found("task", public))?;
            (index.members().iter().find(|member| *member.name() == name), own)
        };
        let member = member.ok_or_else(|| not_found("task", public))?;
        usable(member, public)?;
        Ok((Arc::clone(member), own.to_owned()))
    }

    /// The index after a connection was asked that this process has not heard of yet.
    async fn seen_again(
        &self,
        index: Arc<ToolIndex>,
        owner: Option<&Arc<Member>>,
    ) -> Arc<ToolIndex> {
        let Some(member) = owner else { return index };
        let fresh = member.session.lists.load().is_some() && member.session.done.borrow().fresh;
        if fresh || member.plan.shown != Shown::Yes {
            return index;
        }
        let _either = self.fetch(member).await;
        self.index()
    }
}

/// Says why a connection may not be used; everything else it says by itself.
fn usable(member: &Member, what: &str) -> Result<(), CallError> {
    let why = match member.plan.shown {
        Shown::Yes => {
            return match &member.plan.problem {
                Some(problem) => Err(super::refresh::problem_error(member.name(), problem).into()),
                None => Ok(()),
            };
        }
        Shown::Disabled => Denial::Disabled,
        Shown::NotSelected => Denial::NotSelected,
    };
    let (connection, tool) = (Some(member.name().clone()), text::line(what, 128));
    Err(CallError::Denied(Denied { connection, tool, upstream: String::new(), why }))
}

fn not_found(what: &'static str, name: &str) -> CallError {
    CallError::NotFound { what, name: text::line(name, 200) }
}

fn string(object: &Bytes, key: &'static str) -> Result<String, CallError> {
    let missing = match key {
        "name" => "\"name\" is missing or not a string",
        "uri" => "\"uri\" is missing or not a string",
        _ => "\"taskId\" is missing or not a string",
    };
    splice::get_str(object, key).map(std::borrow::Cow::into_owned).ok_or(CallError::Params(missing))
}

/// `object` with another string at `key`; the same where it says so already.
fn put(object: &Bytes, key: &str, value: &str) -> Bytes {
    if splice::get_str(object, key).as_deref() == Some(value) {
        return object.clone();
    }
    let mut edits = Edits::new();
    edits.set(object, key, splice::quote(value));
    edits.apply(object)
}

/// What a call of a tool came to, as clients see it.
pub(super) fn called(hub: &Hub, member: &Member, outcome: Outcome, plain: bool) -> Outcome {
    if plain {
        return outcome;
    }
    let to = |uri: &str| hub.outward(member, uri);
    let bytes = match &outcome {
        Outcome::Task(bytes) => rewrite::task(bytes, member.name(), &to),
        Outcome::Complete(bytes) | Outcome::InputRequired(bytes) => {
            rewrite::tool_result(bytes, &to)
        }
    };
    outcome.with(bytes)
}
