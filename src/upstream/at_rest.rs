//! Questions of a legacy server that belong to no call: some servers ask for the roots as soon as
//! they hear that the client is ready.

use super::{Inner, asks::MAX_OPEN, deadline::HARD_END, session::Session};
use crate::wire::{Ask, Id, RpcError, error};
use std::sync::{Arc, atomic::Ordering};

impl Inner {
    /// A question that comes while no call is under way goes to a client that takes such.
    pub(super) fn asked_at_rest(self: &Arc<Self>, session: &Arc<Session>, id: Id, ask: Ask) {
        let refused = session.declared.refuses(&ask.method, &ask.params);
        let link = self.deps.declared.link();
        let (Some(link), None) = (link, refused) else {
            let why = refused.unwrap_or("there is nobody to ask just now");
            return self.reply(session, &id, Err(RpcError::new(error::METHOD_NOT_FOUND, why)));
        };
        if self.at_rest.fetch_add(1, Ordering::Relaxed) >= MAX_OPEN {
            self.at_rest.fetch_sub(1, Ordering::Relaxed);
            let error = RpcError::new(error::INTERNAL, "too many questions at a time");
            return self.reply(session, &id, Err(error));
        }
        let answering = link.ask(ask);
        let (inner, session) = (Arc::clone(self), Arc::clone(session));
        self.deps.shutdown.spawn("ask the client", async move {
            let answering = tokio::time::timeout(HARD_END, answering);
            let answer = session.over.run_until_cancelled(answering).await;
            inner.at_rest.fetch_sub(1, Ordering::Relaxed);
            if let Some(Ok(answer)) = answer {
                inner.answer(&session, &id, answer).await;
            }
        });
    }
}
