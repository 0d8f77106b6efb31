//! The link of one request as its connection sees it.

use super::{Hub, member::Member, rewrite};
use crate::wire::{Answering, Ask, ClientLink, LogLevel};
use bytes::Bytes;
use std::sync::Arc;

impl Hub {
    /// The link as the connection sees it: what it asks speaks of URIs as clients know them.
    pub(super) fn through(
        &self,
        member: &Arc<Member>,
        link: &Arc<dyn ClientLink>,
    ) -> Arc<dyn ClientLink> {
        let (hub, member, link) = (self.clone(), Arc::clone(member), Arc::clone(link));
        Arc::new(Through { hub, member, link })
    }
}

/// A link whose questions come from one connection.
struct Through {
    hub: Hub,
    member: Arc<Member>,
    link: Arc<dyn ClientLink>,
}

impl ClientLink for Through {
    fn capabilities(&self) -> Bytes {
        self.link.capabilities()
    }

    fn wants_progress(&self) -> bool {
        self.link.wants_progress()
    }

    fn progress(&self, params: Bytes) {
        self.link.progress(params);
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.link.log_level()
    }

    fn log(&self, params: Bytes) {
        self.link.log(params);
    }

    fn ask(&self, ask: Ask) -> Answering {
        let params = rewrite::ask(&ask.params, &|uri| self.hub.outward(&self.member, uri));
        self.link.ask(Ask { params, ..ask })
    }

    fn drives_rounds(&self) -> bool {
        self.link.drives_rounds()
    }
}
