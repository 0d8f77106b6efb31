//! The way back to the client of one request.

use super::{
    asks::{self, Minted},
    capabilities,
    conversation::Conversation,
    herald,
    parked::Parked,
};
use crate::{
    kind::Era,
    wire::{
        Answering, Ask, ClientLink, LogLevel, frame, meta,
        splice::{self, Edits},
    },
};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::sync::Notify;

/// One per request. What a client of 2026-07-28 says with each request is replaced when it comes
/// back to a call that it was asked for.
pub(super) struct Link {
    pub(super) talk: Conversation,
    said: Mutex<Said>,
    kind: Kind,
}

enum Kind {
    Legacy { minted: OnceLock<Minted> },
    Modern(Modern),
}

struct Modern {
    /// Itself, for the parked call to know who speaks.
    this: Weak<Link>,
    /// What can be asked again under a `requestState`; `None`: this request cannot wait for an
    /// answer.
    request: Option<(&'static str, Bytes)>,
    /// From the first question on.
    parked: OnceLock<Arc<Parked>>,
    asked: Notify,
}

/// What one request says of what it wants to hear.
pub(super) struct Said {
    /// The text of its `clientCapabilities`; of clients with `initialize` that knows better.
    capabilities: Bytes,
    /// The client's own progress token, byte for byte.
    token: Option<Bytes>,
    level: Option<LogLevel>,
    /// It has no answer yet: nothing is reported of a request that has ended.
    open: bool,
}

impl Said {
    /// Reads the `_meta` of `params`.
    pub(super) fn by(params: &Bytes, era: Era) -> Self {
        let own = splice::get(params, "_meta").filter(|own| own.first() == Some(&b'{'));
        let get = |key| own.as_ref().and_then(|own| splice::get(own, key));
        let token = get(meta::PROGRESS_TOKEN)
            .filter(|token| matches!(token.first(), Some(b'"' | b'-' | b'0'..=b'9')));
        let (capabilities, level) = match era {
            Era::Legacy => (Bytes::new(), None),
            Era::Modern => (
                get(meta::CLIENT_CAPABILITIES).unwrap_or_default(),
                get(meta::LOG_LEVEL).and_then(|level| splice::string(&level)?.parse().ok()),
            ),
        };
        Self { capabilities, token, level, open: true }
    }

    /// True when the client can be asked this.
    pub(super) fn can(&self, ask: &Ask) -> bool {
        capabilities::declared(&self.capabilities, ask)
    }
}

impl Link {
    pub(super) fn legacy(talk: &Conversation, said: Said) -> Arc<Self> {
        let kind = Kind::Legacy { minted: OnceLock::new() };
        Arc::new(Self { talk: talk.clone(), said: Mutex::new(said), kind })
    }

    /// `request`: its method and parameters where it may wait for an answer of the client.
    pub(super) fn modern(
        talk: &Conversation,
        said: Said,
        request: Option<(&'static str, Bytes)>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let (this, parked, asked) = (this.clone(), OnceLock::new(), Notify::new());
            let kind = Kind::Modern(Modern { this, request, parked, asked });
            Self { talk: talk.clone(), said: Mutex::new(said), kind }
        })
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another request speaks for the call from now on.
    pub(super) fn speak(&self, said: Said) {
        *self.said() = said;
    }

    /// No request is open: nothing is reported.
    pub(super) fn hush(&self) {
        self.said().open = false;
    }

    /// Ends when the call has a question for a client that has to be parked for it.
    pub(super) async fn parked(&self) -> Arc<Parked> {
        let Kind::Modern(modern) = &self.kind else { return std::future::pending().await };
        loop {
            if let Some(parked) = modern.parked.get() {
                return Arc::clone(parked);
            }
            modern.asked.notified().await;
        }
    }

    /// The parked call, if there is one.
    pub(super) fn is_parked(&self) -> Option<&Arc<Parked>> {
        match &self.kind {
            Kind::Modern(modern) => modern.parked.get(),
            Kind::Legacy { .. } => None,
        }
    }

    /// The request ended well.
    pub(super) async fn ended_well(&self) {
        if let Kind::Legacy { minted } = &self.kind
            && let Some(minted) = minted.get()
        {
            for line in minted.done() {
                self.talk.outbox.send(line).await;
            }
        }
    }

    fn ask_now(&self, minted: &OnceLock<Minted>, ask: Ask) -> Answering {
        if !is_url(&ask) {
            return asks::put(&self.talk, ask);
        }
        if let Some(id) = splice::get_str(&ask.params, "elicitationId") {
            self.talk.asks.sent_to(&id);
            return asks::put(&self.talk, ask);
        }
        // 2026-07-28 has no such id, 2025-11-25 needs one.
        let minted = minted.get_or_init(Minted::default).clone();
        let (ask, id) = Minted::named(ask);
        let answer = asks::put(&self.talk, ask);
        Box::pin(async move {
            let answer = answer.await;
            let agreed = |result: &Bytes| {
                splice::get_str(result, "action").is_some_and(|action| action == "accept")
            };
            if answer.as_ref().is_ok_and(agreed) {
                minted.agreed(id);
            }
            answer
        })
    }

    fn ask_later(&self, modern: &Modern, ask: Ask) -> Answering {
        let refused =
            |ask: &Ask| -> Answering { Box::pin(std::future::ready(asks::undeclared(ask))) };
        let Some((method, params)) = &modern.request else { return refused(&ask) };
        let parked = match modern.parked.get() {
            Some(parked) => parked,
            None => match self.talk.parking.open(method, params, modern.this.clone()) {
                Some(parked) => modern.parked.get_or_init(|| parked),
                None => return Box::pin(std::future::ready(asks::gone(&ask.method))),
            },
        };
        let answering = parked.ask(ask);
        modern.asked.notify_one();
        answering
    }
}

fn is_url(ask: &Ask) -> bool {
    &*ask.method == "elicitation/create"
        && splice::get_str(&ask.params, "mode").is_some_and(|mode| mode == "url")
}

impl ClientLink for Link {
    fn capabilities(&self) -> Bytes {
        let known = match &self.kind {
            Kind::Legacy { .. } => self.talk.settled().capabilities.clone(),
            Kind::Modern(_) => self.said().capabilities.clone(),
        };
        if known.is_empty() { Bytes::from_static(b"{}") } else { known }
    }

    fn wants_progress(&self) -> bool {
        self.said().token.is_some()
    }

    fn progress(&self, params: Bytes) {
        let said = self.said();
        let Some(token) = said.token.as_ref().filter(|_| said.open) else { return };
        if params.first() != Some(&b'{') {
            return;
        }
        let mut edits = Edits::new();
        edits.set(&params, meta::PROGRESS_TOKEN, token.clone());
        let params = splice::one_line(edits.apply(&params));
        self.talk.outbox.offer(frame::notification("notifications/progress", Some(&params)));
    }

    /// Nothing is asked for that the client did not ask for.
    fn log_level(&self) -> Option<LogLevel> {
        match &self.kind {
            Kind::Legacy { .. } => self.talk.settled().level,
            Kind::Modern(_) => self.said().level,
        }
    }

    fn log(&self, params: Bytes) {
        let level = splice::get_str(&params, "level").and_then(|level| level.parse().ok());
        let Some(level): Option<LogLevel> = level else { return };
        let wanted = match &self.kind {
            // What an upstream says unasked reaches a client that never chose, if it is severe.
            Kind::Legacy { .. } => Some(self.log_level().unwrap_or(herald::UNASKED)),
            // Part of a request, or nothing (2026-07-28, server/utilities/logging).
            Kind::Modern(_) => {
                let said = self.said();
                said.level.filter(|_| said.open)
            }
        };
        if wanted.is_some_and(|wanted| level >= wanted) {
            let params = splice::one_line(params);
            self.talk.outbox.offer(frame::notification("notifications/message", Some(&params)));
        }
    }

    fn ask(&self, ask: Ask) -> Answering {
        if !capabilities::declared(&self.capabilities(), &ask) {
            return Box::pin(std::future::ready(asks::undeclared(&ask)));
        }
        match &self.kind {
            Kind::Legacy { minted } => self.ask_now(minted, ask),
            Kind::Modern(modern) => self.ask_later(modern, ask),
        }
    }

    fn drives_rounds(&self) -> bool {
        matches!(self.kind, Kind::Modern(_))
    }
}
