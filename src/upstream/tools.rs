//! Fetching the whole list of an upstream's tools.

use super::{Exchange, Inner, Listing, deadline::Deadline, failure::Failure};
use crate::store::OtherLists;
use crate::wire::{Outcome, error::METHOD_NOT_FOUND, splice};
use bytes::Bytes;
use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Most pages that are asked for; a server that goes on has lost its way.
const MAX_PAGES: usize = 1000;
/// Most tools that are kept, over all pages.
const MAX_TOOLS: usize = 20_000;
/// One page, and all of them.
const PAGE: Duration = Duration::from_secs(30);
const ALL: Duration = Duration::from_mins(1);

impl Inner {
    pub(super) async fn all_tools(self: &Arc<Self>) -> Result<Listing, Failure> {
        let whole = Deadline::new(ALL);
        let mut tools = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor: Option<Bytes> = None;
        for _ in 0..MAX_PAGES {
            let page = match self.page(cursor.as_ref(), &whole.at_most(PAGE)).await {
                Ok(page) => page,
                // A server without tools may not know the method at all.
                Err(Failure::Status { error: Some(error), .. })
                    if error.code == METHOD_NOT_FOUND && tools.is_empty() =>
                {
                    break;
                }
                Err(failure) => return Err(failure),
            };
            let list = splice::get(&page, "tools").filter(|list| list.first() == Some(&b'['));
            let Some(list) = list else {
                let detail = "the answer to tools/list holds no list of tools".to_owned();
                return Err(Failure::NotMcp { detail });
            };
            tools.extend(splice::elements(&list).map(|range| list.slice(range)));
            // An empty string is a cursor like any other.
            cursor = splice::get(&page, "nextCursor").filter(|next| next.first() == Some(&b'"'));
            let Some(next) = &cursor else { break };
            if tools.len() > MAX_TOOLS || !seen.insert(next.clone()) {
                tracing::warn!(connection = %self.config.name, tools = tools.len(), "tools/list does not end; what came so far is kept");
                break;
            }
        }
        tools.truncate(MAX_TOOLS);
        let session = self.session(&whole).await?;
        let about = session.about.clone();
        Ok(Listing {
            tools,
            others: OtherLists::default(),
            era: session.era,
            era_at: None,
            protocol: session.version.to_owned(),
            server_info: about.server_info,
            capabilities: about.capabilities,
            instructions: about.instructions,
        })
    }

    async fn page(
        self: &Arc<Self>,
        cursor: Option<&Bytes>,
        deadline: &Deadline,
    ) -> Result<Bytes, Failure> {
        let params = match cursor {
            Some(cursor) => [b"{\"cursor\":", &cursor[..], b"}"].concat().into(),
            None => Bytes::from_static(b"{}"),
        };
        let exchange = Exchange {
            method: "tools/list",
            params: &params,
            name: None,
            replay_safe: true,
            link: None,
            left: AtomicBool::new(false),
        };
        match self.exchange(&exchange, deadline, &super::deadline::Pulse::default()).await?.outcome
        {
            Outcome::Complete(result) => Ok(result),
            Outcome::InputRequired(_) | Outcome::Task(_) => Err(Failure::NotMcp {
                detail: "it asks for input before it lists its tools".to_owned(),
            }),
        }
    }
}
