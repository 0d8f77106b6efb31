//! `connect_provider`: a service for the user, by a page where something has to be entered.

use super::{
    CONNECT_REQUIRED, args, ask_user, expires_at, structured,
    wish::{self, There, Wanted},
};
use crate::{
    connect::{self, Connected, Direct, Ending, Link, Outcome},
    hub::{CallError, Hub, Request},
    name::ConnectionName,
    text,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub(super) const NAME: &str = "connect_provider";

pub(super) const DEFINITION: &str = concat!(
    r#"{"name":"connect_provider","title":"Connect a service","#,
    r#""description":"Connects a service: a provider's id (list_providers) or the URL of an MCP server. On action_required show the user connect_url and stop; keys are entered there, never in the chat. When the user is done, call again with the same arguments.","#,
    r#""inputSchema":{"type":"object","properties":{"provider":{"type":"string"},"name":{"type":"string","description":"for a second account"},"params":{"type":"object","#,
    r#""additionalProperties":{"type":"string"}},"credentials":{"type":"object","description":"do not ask for them","additionalProperties":{"type":"string"}}},"required":["provider"]},"#,
    r#""outputSchema":{"type":"object","properties":{"status":{"enum":["connected","action_required"]},"connect_url":{"type":"string"}}},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":true}}"#
);

/// So long the answer waits for a user who has agreed to open the page: clients give a call a
/// minute.
const WAIT: Duration = Duration::from_secs(45);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub(super) provider: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) params: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(super) credentials: Option<BTreeMap<String, String>>,
}

pub(super) async fn run(hub: &Hub, args: Args, request: &Request) -> Result<Bytes, CallError> {
    let start = Instant::now();
    let links = hub.links().ok_or_else(|| args::wrong(NAME, "it needs a running server"))?;
    let deps = links.deps();
    let wanted = wish::read(hub, &deps, args)?;
    let (link, ending) = match wanted {
        Wanted::There(There { name, secrets }) if !secrets.is_empty() => {
            let done = connect::renew_directly(&deps, &name, hub.tenant(), secrets).await;
            match done {
                Direct::Connected(connected) => return taken_up(hub, connected).await,
                Direct::Failed(why) => return Err(args::wrong(NAME, &why)),
                Direct::NeedsUser => match links.renew(&name, hub.tenant()).await {
                    Some((link, ending)) => (Some(link), Some(ending)),
                    None => (None, None),
                },
            }
        }
        Wanted::There(There { name, .. }) => {
            if hub.member(&name).is_none() {
                // The file has it a moment before this process does.
                hub.own_deps().take_up().await;
            }
            match hub.required(&name).await {
                None => return Ok(is_connected(hub, &name)),
                Some(link) => (link, None),
            }
        }
        Wanted::New { purpose, wish } => {
            match wish.directly(&deps).await {
                Direct::Connected(connected) => return taken_up(hub, connected).await,
                Direct::Failed(why) => return Err(args::wrong(NAME, &why)),
                Direct::NeedsUser => {}
            }
            match links.connect(&purpose, *wish).await {
                Some((link, ending)) => (Some(link), Some(ending)),
                None => (None, None),
            }
        }
    };
    let Some(link) = link else {
        return Err(args::wrong(
            NAME,
            "no page can be shown here; the user can run: allmcp connect",
        ));
    };
    let asked = ask_user::to_open(hub, request, &link, ending.clone()).await;
    match asked {
        ask_user::Said::No => Err(args::wrong(NAME, "the user does not want to open the page now")),
        ask_user::Said::Yes => {
            if let Some(outcome) = ended(ending, WAIT.saturating_sub(start.elapsed())).await {
                return match outcome {
                    Outcome::Connected(connected) => Ok(is_connected(hub, &connected.name)),
                    Outcome::Cancelled => Err(args::wrong(NAME, "the user gave it up")),
                    _ => Ok(action(&link, true)),
                };
            }
            Ok(action(&link, true))
        }
        ask_user::Said::Nothing => {
            let opened = links.open(&link);
            Ok(action(&link, opened))
        }
    }
}

/// Waits for the end of a link.
async fn ended(ending: Option<Ending>, wait: Duration) -> Option<Outcome> {
    let mut ending = ending?;
    let end = tokio::time::timeout(wait, ending.wait_for(Option::is_some)).await;
    end.ok()?.ok()?.clone()
}

/// Connected just now, by us.
async fn taken_up(hub: &Hub, connected: Connected) -> Result<Bytes, CallError> {
    hub.linked(&Outcome::Connected(connected.clone())).await;
    Ok(is_connected(hub, &connected.name))
}

fn is_connected(hub: &Hub, name: &ConnectionName) -> Bytes {
    let listed = |tool: &&crate::hub::tool::Tool| tool.listed() && tool.member.name() == name;
    let tools = hub.index().tools().iter().filter(listed).count();
    let next = format!(
        "Its {} can be used now: find_relevant_tools finds them, call_tool calls {name}__….",
        text::count(tools, "tool")
    );
    let content = json!({
        "status": "connected", "name": name.as_str(), "tools": tools, "next": next,
    });
    structured(&content, None)
}

/// The user has to do something; `opened`: the page is before them already.
fn action(link: &Link, opened: bool) -> Bytes {
    let opened_too = if opened { " It was opened in the user's browser too." } else { "" };
    let next = format!(
        "Show the user connect_url (it works on the computer that allmcp runs on) and stop.\
         {opened_too} When the user says that it is done, call {NAME} again with the same \
         arguments."
    );
    let content = json!({
        "status": "action_required",
        "connect_url": link.url,
        "expires_at": expires_at(link),
        "next": next,
    });
    let meta = json!([{
        "connect_required": true,
        "auth_status": "needs_auth",
        "connect_url": link.url,
        "connect_url_expires_at": expires_at(link),
    }]);
    structured(&content, Some((CONNECT_REQUIRED, meta)))
}
