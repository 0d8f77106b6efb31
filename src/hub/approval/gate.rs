//! The gate in front of tools whose policy says `ask`.

use super::{Decision, Key, Question, Unapproved};
use crate::{
    hub::{
        CallError, Hub, Request,
        call::{Line, denied},
        index::Found,
        member::Member,
        plan::Source,
        policy::{Because, Denial},
        tool::Tool,
    },
    upstream::{ErrorKind, Reply},
    wire::{Outcome, RpcError, splice},
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// "URL elicitation required" (2025-11-25): the call has not begun.
const URL_REQUIRED: i64 = -32042;

/// The right to send one call.
pub(in crate::hub) struct Pass(Key);

impl Hub {
    /// Asks the user before `params` go to the upstream of `tool`.
    pub(in crate::hub) async fn ask_first(
        &self,
        tool: &Tool,
        because: Because,
        params: &Bytes,
        request: &Request,
        line: &mut Line,
    ) -> Result<Box<Pass>, CallError> {
        let question = question(tool, params, self, request.client.as_deref());
        let key = question.key();
        line.asked();
        let decision = if self.goes_on(key, params) {
            Decision::Approved
        } else {
            self.confirm(request.link.as_ref(), question).await
        };
        if decision != Decision::Approved {
            return Err(CallError::Unapproved(Unapproved {
                connection: Some(tool.member.name().clone()),
                tool: tool.public.to_string(),
                decision,
                command: denied(tool, Denial::Ask(because)).command(),
            }));
        }
        // The answer may have taken minutes, and the configuration may be another one.
        if let Some(Found::Tool(now)) = self.index().find(tool.public.as_str())
            && let Some(why) = now.denial
            && !matches!(why, Denial::Ask(_))
        {
            return Err(CallError::Denied(denied(now, why)));
        }
        line.approved();
        Ok(Box::new(Pass(key)))
    }

    /// What became of a call that was approved: it may have to be sent once more to be done.
    pub(in crate::hub) fn passed(&self, pass: &Pass, reply: &Result<Reply, CallError>) {
        let (desk, life) = (&self.0.approvals.desk, self.plan().patience.life);
        match reply {
            // The client goes through the rounds by itself (SEP-2322).
            Ok(Reply { outcome: Outcome::InputRequired(asked), .. }) => {
                desk.give(round(pass.0, asked), life);
            }
            // It did not run, and will when the user has signed in or the server is back.
            Err(CallError::Upstream(error)) if !error.may_have_run => {
                let again = matches!(
                    &error.kind,
                    ErrorKind::NeedsAuth
                        | ErrorKind::NeedsScope { .. }
                        | ErrorKind::Store
                        | ErrorKind::Unreachable
                        | ErrorKind::Rpc(RpcError { code: URL_REQUIRED, .. })
                );
                if again {
                    desk.give(pass.0, life);
                }
            }
            _ => {}
        }
    }

    /// True for a later round of a call that was approved, once for each round.
    fn goes_on(&self, key: Key, params: &Bytes) -> bool {
        let retries = |key: &str| {
            memchr::memmem::find(params, key.as_bytes()).is_some()
                && splice::find(params, key).is_some()
        };
        (retries("requestState") || retries("inputResponses"))
            && self.0.approvals.desk.take(&round(key, params)) == Some(Decision::Approved)
    }
}

/// The key of the round that has this `requestState`.
fn round(key: Key, object: &Bytes) -> Key {
    let state = splice::get_str(object, "requestState").unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(key);
    digest.update(b"round");
    digest.update(state.as_bytes());
    digest.finalize().into()
}

fn question(tool: &Tool, params: &Bytes, hub: &Hub, client: Option<&str>) -> Question {
    let member = &tool.member;
    let (name, upstream) = (member.name(), tool.upstream.as_str());
    let arguments = splice::get(params, "arguments").filter(|json| json != "null");
    let arguments = arguments.unwrap_or_else(|| Bytes::from_static(b"{}"));
    let server = server(member);
    let to = server.as_deref().unwrap_or_default();
    // An approval does not go with a connection that is turned to another place.
    let whose = format!("{}\n{}\n{to}", member.plan.account, member.plan.target);
    let kind = match () {
        () if tool.hints.destructive => "may delete or overwrite",
        () if tool.hints.read_only => "only reads",
        () if tool.annotations().is_some() => "changes something",
        () => "says nothing of what it does",
    };
    let title = format!("Call {upstream} of {name}?");
    let mut question = Question::new(&title, &whose, upstream, &arguments)
        .fact("Connection", name.as_str())
        .fact("Server", if to.is_empty() { "unknown" } else { to });
    let tenant = hub.tenant();
    if !tenant.is_solo() {
        let of = [&tenant.user, &tenant.org].into_iter().flatten().map(String::as_str);
        question = question.fact("Signed in for", &of.collect::<Vec<_>>().join(" of "));
    }
    if let Some(client) = client {
        question = question.fact("Asked by", client);
    }
    question.fact("Tool", &format!("{upstream} ({kind})")).grave(tool.hints.destructive)
}

/// Host and port that it goes to; no secret of the URL stands there.
fn server(member: &Member) -> Option<String> {
    let Source::Upstream(config) = &member.plan.source else { return None };
    let url = config.credentials.config().public_url().ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
