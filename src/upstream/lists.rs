//! Fetching the lists of an upstream: all pages of all that it offers.

use super::{
    Exchange, Inner, Listing,
    deadline::{Deadline, Pulse},
    failure::Failure,
    session::Session,
};
use crate::{
    store::OtherLists,
    wire::{Outcome, error::METHOD_NOT_FOUND, splice},
};
use bytes::Bytes;
use futures_util::future::join_all;
use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

/// Most pages that are asked for; a server that goes on has lost its way.
const MAX_PAGES: usize = 1000;
/// Most entries of one list that are kept, over all pages.
const MAX_ENTRIES: usize = 20_000;
/// One page, and everything.
const PAGE: Duration = Duration::from_secs(30);
const ALL: Duration = Duration::from_mins(1);

/// Skills (SEP-2640).
const SKILLS: &str = "io.modelcontextprotocol/skills";

/// One kind of list: its method, the key of its entries, and the capability that offers it.
struct Kind {
    method: &'static str,
    key: &'static str,
    capability: &'static [&'static str],
}

const TOOLS: Kind = Kind { method: "tools/list", key: "tools", capability: &[] };
const PROMPTS: Kind = Kind { method: "prompts/list", key: "prompts", capability: &["prompts"] };
const RESOURCES: Kind =
    Kind { method: "resources/list", key: "resources", capability: &["resources"] };
const TEMPLATES: Kind = Kind {
    method: "resources/templates/list",
    key: "resourceTemplates",
    capability: &["resources"],
};
const SKILL: Kind =
    Kind { method: "skills/list", key: "skills", capability: &["extensions", SKILLS] };

impl Session {
    /// What the server says of the capability at `path`.
    pub(super) fn capability(&self, path: &[&str]) -> Option<Bytes> {
        let mut at = self.about.capabilities.clone()?;
        for key in path {
            at = splice::get(&at, key).filter(|value| value != "null" && value != "false")?;
        }
        Some(at)
    }
}

impl Inner {
    pub(super) async fn all_lists(self: &Arc<Self>) -> Result<Listing, Failure> {
        let whole = Deadline::new(ALL);
        let first = self.session(&whole).await?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut others = OtherLists::default();
        let all = [
            (&PROMPTS, known.prompts, &mut others.prompts),
            (&RESOURCES, known.resources, &mut others.resources),
            (&TEMPLATES, known.templates, &mut others.templates),
            (&SKILL, known.skills, &mut others.skills),
        ];
        // Only for what there is: thirty servers are asked at the same time, and what one request
        // needs is not small.
        let offered =
            all.into_iter().filter(|(kind, ..)| first.capability(kind.capability).is_some());
        let asked = offered.map(|(kind, known, list)| async {
            *list = Box::pin(self.other(kind, known, &whole)).await;
        });
        let (tools, _) = tokio::join!(Box::pin(self.whole_list(&TOOLS, &whole)), join_all(asked));
        let tools = tools?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = others.clone();
        let session = self.session(&whole).await?;
        let about = session.about.clone();
        Ok(Listing {
            tools,
            others,
            era: session.era,
            era_at: session.era_at,
            protocol: session.version.to_owned(),
            server_info: about.server_info,
            capabilities: about.capabilities,
            instructions: about.instructions,
        })
    }

    /// A list besides that of the tools. Its failure is not that of the upstream: what is
    /// `known` from before stays.
    async fn other(
        self: &Arc<Self>,
        kind: &Kind,
        known: Vec<Bytes>,
        whole: &Deadline,
    ) -> Vec<Bytes> {
        match self.whole_list(kind, whole).await {
            Ok(list) => list,
            Err(failure) => {
                tracing::debug!(connection = %self.config.name, method = kind.method, ?failure, "a list did not come; the last one stays");
                known
            }
        }
    }

    async fn whole_list(
        self: &Arc<Self>,
        kind: &Kind,
        whole: &Deadline,
    ) -> Result<Vec<Bytes>, Failure> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor: Option<Bytes> = None;
        for _ in 0..MAX_PAGES {
            let page = match self.page(kind.method, cursor.as_ref(), &whole.at_most(PAGE)).await {
                Ok(page) => page,
                // A server without such a list may not know the method at all.
                Err(Failure::Status { error: Some(error), .. })
                    if error.code == METHOD_NOT_FOUND && all.is_empty() =>
                {
                    break;
                }
                Err(failure) => return Err(failure),
            };
            let list = splice::get(&page, kind.key).filter(|list| list.first() == Some(&b'['));
            let Some(list) = list else {
                let detail = format!("the answer to {} holds no list of {}", kind.method, kind.key);
                return Err(Failure::NotMcp { detail });
            };
            all.extend(splice::elements(&list).map(|range| list.slice(range)));
            // An empty string is a cursor like any other.
            cursor = splice::get(&page, "nextCursor").filter(|next| next.first() == Some(&b'"'));
            let Some(next) = &cursor else { break };
            if all.len() > MAX_ENTRIES || !seen.insert(next.clone()) {
                tracing::warn!(connection = %self.config.name, method = kind.method, entries = all.len(), "a list does not end; what came so far is kept");
                break;
            }
        }
        all.truncate(MAX_ENTRIES);
        Ok(all)
    }

    async fn page(
        self: &Arc<Self>,
        method: &'static str,
        cursor: Option<&Bytes>,
        deadline: &Deadline,
    ) -> Result<Bytes, Failure> {
        let params = match cursor {
            Some(cursor) => [b"{\"cursor\":", &cursor[..], b"}"].concat().into(),
            None => Bytes::from_static(b"{}"),
        };
        let exchange = Exchange::own(method, &params);
        match self.exchange(&exchange, deadline, &Pulse::default()).await?.outcome {
            Outcome::Complete(result) => Ok(result),
            Outcome::InputRequired(_) | Outcome::Task(_) => {
                Err(Failure::NotMcp { detail: format!("it asks for input before {method}") })
            }
        }
    }
}
