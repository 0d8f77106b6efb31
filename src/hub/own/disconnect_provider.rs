//! `disconnect_provider`: a connection and its credential are given up, when the user says so.

use super::{args, expires_at, structured};
use crate::{
    connect::{self, Entered, Leaving, Outcome},
    hub::{
        CallError, Hub, Request,
        approval::{Decision, Question},
        call::Line,
    },
    kind::AuthKind,
    name::{ConnectionName, nearest},
    text,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;

pub(super) const NAME: &str = "disconnect_provider";

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"disconnect_provider","title":"Disconnect a service","#,
    r#""description":"Disconnects a service and deletes its credential. The user is asked first; on action_required show the user confirm_url and stop.","#,
    r#""inputSchema":{"type":"object","properties":{"name":{"type":"string","description":"of the connection"}},"required":["name"]},"#,
    r#""outputSchema":{"type":"object","properties":{"status":{"type":"string"},"confirm_url":{"type":"string"}}},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":true}}"#
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    name: String,
}

pub(super) async fn run(
    hub: &Hub,
    args: Args,
    request: &Request,
    line: &mut Line,
) -> Result<Bytes, CallError> {
    let links = hub.links().ok_or_else(|| args::wrong(NAME, "it needs a running server"))?;
    let name: ConnectionName =
        args.name.trim().parse().map_err(|error| args::wrong(NAME, &format!("name: {error}")))?;
    let deps = links.deps();
    let known = deps.connections.connections();
    let Some(there) = known.iter().find(|there| there.name == name) else {
        let near = nearest(name.as_str(), known.iter().map(|there| there.name.as_str()));
        let near = near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
        let next = format!("There is no connection {name}, so nothing had to be done.{near}");
        return Ok(structured(&json!({ "status": "not_found", "next": next }), None));
    };
    line.asked();
    let asked = Question::new(&question(there), name.as_str(), NAME, &Bytes::new()).grave(true);
    match hub.confirm_by_form(request.link.as_ref(), &asked).await {
        Some(Decision::Approved) => {
            line.approved();
            let done = connect::disconnect(&deps, &name, hub.tenant()).await;
            let leaving = done.map_err(|error| args::wrong(NAME, &error.to_string()))?;
            hub.linked(&Outcome::Disconnected(name.clone(), leaving)).await;
            Ok(done_with(&name, leaving))
        }
        Some(decision) => {
            line.decided(&decision);
            let next = format!("The user wants to keep {name}; nothing was changed.");
            Ok(structured(&json!({ "status": "kept", "next": next }), None))
        }
        None => {
            let Some((at, _)) = links.disconnect(there.clone(), hub.tenant()).await else {
                let why =
                    format!("nobody can be asked here; the user can run: allmcp disconnect {name}");
                return Err(args::wrong(NAME, &why));
            };
            let next = format!(
                "Nothing was changed yet. Show the user confirm_url (it works on the computer \
                 that allmcp runs on) and stop; {name} is disconnected when they agree there."
            );
            let content = json!({
                "status": "action_required",
                "confirm_url": at.url,
                "expires_at": expires_at(&at),
                "next": next,
            });
            Ok(structured(&content, None))
        }
    }
}

fn question(there: &Entered) -> String {
    let what = match there.auth {
        AuthKind::None => "",
        _ => " and delete its stored credential",
    };
    let of = there.provider.as_ref().map_or(&there.url, |provider| &provider.manifest.name);
    format!("Disconnect {} ({}){what}?", there.name, text::line(of, 120))
}

fn done_with(name: &ConnectionName, leaving: Leaving) -> Bytes {
    let mut next = format!("{name} is disconnected.");
    if let Some(revoked) = leaving.revoked() {
        let _ = write!(next, " For the record: {revoked}.");
    }
    structured(&json!({ "status": "disconnected", "next": next }), None)
}
