//! One `tools/call`: the index says where it goes, the policy whether it may, the upstream what
//! comes back. One line in the access log, whatever happens.

use super::{
    CallError, Denied, Hub,
    approval::Decision,
    forward::called,
    index::{Found, ToolIndex},
    member::Member,
    names,
    plan::Shown,
    policy::Denial,
    rounds::Job,
    tool::Tool,
};
use crate::{
    kind::Era,
    name::ConnectionName,
    store::access_log::{Entry, Outcome as Logged},
    text,
    upstream::{ErrorKind, UpstreamError},
    wire::{ClientLink, Outcome, splice},
};
use bytes::Bytes;
use std::{
    future::Future,
    ops::Range,
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime},
};

/// What a client wants.
pub struct Request {
    /// The text of `params`, as the client sent it.
    pub params: Bytes,
    /// Who asks, for the access log.
    pub client: Option<Arc<str>>,
    /// Most bytes of a result that the client takes.
    pub limit: u64,
    /// The way back to the client; `None`: there is nobody to ask or to tell.
    pub link: Option<Arc<dyn ClientLink>>,
}

/// What it gets.
#[derive(Debug)]
pub struct Answered {
    pub outcome: Outcome,
    /// The era that the result is written in; `None` for our own tools, which fit both.
    pub era: Option<Era>,
}

impl Hub {
    /// Runs one call to its end. Dropping the future cancels the call upstream; it is in the
    /// access log also when nobody ever looked at it.
    pub fn call(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Answered, CallError>> + Send + use<> {
        let mut line = Line::open(self, &request);
        let wanted = wanted(&request.params);
        if let Ok((_, name)) = &wanted {
            line.tool(name);
            if let Some(Found::Tool(tool)) = self.index().find(name) {
                line.connection(tool.member.name());
            }
        }
        let hub = self.clone();
        // On the heap at once: whoever wraps it moves a pointer, not all the states of a call.
        Box::pin(async move {
            let answer = match wanted {
                Ok((at, name)) => hub.routed(&request, at, &name, &mut line).await,
                Err(error) => Err(error),
            };
            line.close(&answer);
            match answer {
                // Told last: the page may have to be opened first, and the call has ended.
                Err(CallError::Upstream(error)) => Err(Box::pin(hub.told(error)).await),
                answer => answer,
            }
        })
    }

    async fn routed(
        &self,
        request: &Request,
        at: Range<usize>,
        name: &str,
        line: &mut Line,
    ) -> Result<Answered, CallError> {
        let mut index = self.index();
        if index.find(name).is_none() {
            index = Box::pin(self.look_again(index, name, line)).await?;
        }
        match index.find(name).or_else(|| index.of_app(name).map(Found::Tool)) {
            None => Box::pin(self.not_listed(&index, name, request, line)).await,
            Some(Found::Own(own)) => Box::pin(self.own(own, request, line)).await,
            Some(Found::Tool(tool)) => {
                let mut edits = splice::Edits::new();
                if name != tool.upstream.as_str() {
                    edits.replace(at, tool.upstream_name_json());
                }
                let params = edits.apply(&request.params);
                self.upstream_tool(tool, params, request, line, index.is_plain()).await
            }
        }
    }

    /// Calls `tool` with `params` in which its own name stands already.
    pub(super) async fn upstream_tool(
        &self,
        tool: &Tool,
        params: Bytes,
        request: &Request,
        line: &mut Line,
        plain: bool,
    ) -> Result<Answered, CallError> {
        line.connection(tool.member.name());
        let pass = match tool.denial {
            None => None,
            Some(Denial::Ask(because)) => {
                Some(Box::pin(self.ask_first(tool, because, &params, request, line)).await?)
            }
            Some(why) => return Err(CallError::Denied(denied(tool, why))),
        };
        let job = Job {
            method: "tools/call",
            name: Some(tool.upstream.as_str().to_owned()),
            replay_safe: tool.replay_safe(),
            tool: Some(tool.facts()),
        };
        let reply = self.run(&tool.member, job, params, request.link.as_ref()).await;
        if let Some(pass) = pass {
            self.passed(&pass, &reply);
        }
        let reply = reply?;
        let bytes = reply.outcome.bytes();
        if bytes.first() != Some(&b'{') {
            let text = "its result is not an object";
            let error = UpstreamError::new(tool.member.name(), ErrorKind::Protocol, text);
            return Err(error.may_have_run(true).into());
        }
        let outcome = called(self, &tool.member, reply.outcome, plain);
        let (size, limit) = (outcome.bytes().len() as u64, request.limit);
        if size <= limit {
            return Ok(Answered { outcome, era: Some(reply.era) });
        }
        let part = match &outcome {
            Outcome::Complete(whole) if !plain => {
                self.longs().cut(Some(tool.member.name()), whole.clone(), limit).await
            }
            _ => None,
        };
        match part {
            Some(part) => Ok(Answered { outcome: Outcome::Complete(part), era: Some(reply.era) }),
            None => Err(CallError::TooLarge { tool: tool.public.to_string(), size, limit }),
        }
    }

    /// The index after everything was done to find `name` in it: a connection whose tools this
    /// process has not seen yet is asked for them.
    pub(super) async fn look_again(
        &self,
        index: Arc<ToolIndex>,
        name: &str,
        line: &mut Line,
    ) -> Result<Arc<ToolIndex>, CallError> {
        let Some(member) = owner(&index, name) else { return Ok(index) };
        line.connection(member.name());
        let why = match member.plan.shown {
            Shown::Disabled => Denial::Disabled,
            Shown::NotSelected => Denial::NotSelected,
            Shown::Yes => {
                if let Some(problem) = &member.plan.problem {
                    return Err(super::refresh::problem_error(member.name(), problem).into());
                }
                let known = member.session.lists.load().is_some();
                if known && member.session.done.borrow().fresh {
                    return Ok(index);
                }
                return match self.fetch(member).await {
                    // With an old list the tool is rather not there than out of reach.
                    Err(error) if !known => Err(CallError::Upstream((*error).clone())),
                    _ => Ok(self.index()),
                };
            }
        };
        Err(CallError::Denied(Denied {
            connection: Some(member.name().clone()),
            tool: text::line(name, 128),
            upstream: String::new(),
            why,
        }))
    }
}

/// How long a request may wait for connections that nobody has listed yet.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Ours; it is asked for once, for asking is a system call.
static PID: LazyLock<u32> = LazyLock::new(std::process::id);

/// The name that is called, and where it stands in `params`.
fn wanted(params: &Bytes) -> Result<(Range<usize>, String), CallError> {
    let at = splice::find(params, "name").ok_or(CallError::Params("\"name\" is missing"))?;
    let name = splice::string(&params[at.clone()]);
    let name = name.ok_or(CallError::Params("\"name\" is not a string"))?.into_owned();
    Ok((at, name))
}

/// The connection that a name not in the index seems to be of. Only ever used for messages and
/// for fetching a list: a call is routed by the index alone.
pub(super) fn owner<'a>(index: &'a ToolIndex, name: &str) -> Option<&'a Arc<Member>> {
    if index.is_plain() {
        return index.members().first();
    }
    let (connection, _) = name.split_once(names::SEPARATOR)?;
    index.members().iter().find(|member| member.name().as_str() == connection)
}

pub(super) fn denied(tool: &Tool, why: Denial) -> Denied {
    Denied {
        connection: Some(tool.member.name().clone()),
        tool: tool.public.to_string(),
        upstream: text::line(tool.upstream.as_str(), 128),
        why,
    }
}

pub(super) fn unknown(index: &ToolIndex, name: &str) -> CallError {
    let name = text::line(name, 128);
    let near = |candidate: &&str| crate::name::nearest(&name, [*candidate]).is_some();
    let mut nearest: Vec<&str> = index.callable().filter(near).collect();
    nearest.sort_by_cached_key(|candidate| strsim::damerau_levenshtein(&name, candidate));
    let nearest = nearest.into_iter().take(3).map(str::to_owned).collect();
    CallError::Unknown { name, nearest }
}

/// The call's line in the access log: written once, as cancelled when nobody closes it.
pub(super) struct Line {
    hub: Hub,
    entry: Entry,
    started: Instant,
    closed: bool,
}

impl Line {
    fn open(hub: &Hub, request: &Request) -> Self {
        let tenant = hub.tenant();
        let entry = Entry {
            time: SystemTime::now(),
            connection: String::new(),
            tool: String::new(),
            client: request.client.as_deref().map(str::to_owned),
            pid: *PID,
            org: tenant.org.clone(),
            user: tenant.user.clone(),
            token: None,
            decision: "allow".into(),
            outcome: Logged::Cancelled,
            duration_ms: 0,
            request_bytes: request.params.len() as u64,
            response_bytes: 0,
            error: None,
        };
        Self { hub: hub.clone(), entry, started: Instant::now(), closed: false }
    }

    pub(super) fn tool(&mut self, name: &str) {
        // The log cuts and cleans; this only bounds what it has to look at.
        name[..name.floor_char_boundary(512)].clone_into(&mut self.entry.tool);
    }

    pub(super) fn connection(&mut self, name: &ConnectionName) {
        name.as_str().clone_into(&mut self.entry.connection);
    }

    /// The user is asked: without an answer that is all there is to say.
    pub(super) fn asked(&mut self) {
        self.entry.decision = "asked".into();
    }

    /// The user has approved it. What a person took to think is not the call's time.
    pub(super) fn approved(&mut self) {
        self.entry.decision = "approved".into();
        self.started = Instant::now();
    }

    /// It is not approved.
    pub(super) fn decided(&mut self, decision: &Decision) {
        self.entry.decision = decision.word().into();
    }

    fn close(&mut self, answer: &Result<Answered, CallError>) {
        self.entry.outcome = match answer {
            Ok(answered) => {
                let bytes = answered.outcome.bytes();
                self.entry.response_bytes = bytes.len() as u64;
                if is_error(bytes) { Logged::ToolError } else { Logged::Ok }
            }
            Err(error) => {
                // What is said of wrong arguments quotes them.
                let quotes = matches!(error, CallError::Arguments { .. });
                self.entry.error = (!quotes).then(|| error.to_string());
                match error {
                    CallError::Denied(_) => {
                        self.entry.decision = "deny".into();
                        Logged::Denied
                    }
                    CallError::Unapproved(left) => {
                        self.entry.decision = left.decision.word().into();
                        Logged::Denied
                    }
                    CallError::Arguments { .. } => Logged::ToolError,
                    CallError::TooLarge { size, .. } => {
                        self.entry.response_bytes = *size;
                        Logged::Failed
                    }
                    _ => Logged::Failed,
                }
            }
        };
        self.write();
    }

    fn write(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.entry.duration_ms =
            u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.hub.log().append(&self.entry);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.write();
    }
}

/// True when a result says `isError`. Nearly none does, so the key is looked for first.
fn is_error(result: &[u8]) -> bool {
    memchr::memmem::find(result, b"\"isError\"").is_some()
        && splice::find(result, "isError").is_some_and(|range| &result[range] == b"true")
}
