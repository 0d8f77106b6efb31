//! The page that the browser comes back to, on a port that stays the same for a connection.

use crate::{
    auth::{Code, Flow, SignInError},
    page::{Answer, Page, Visit, Visitor},
};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

pub(super) const PATH: &str = "/callback";

/// A visit that ends the wait; the page goes out when its reply is told.
pub(super) struct Came {
    pub(super) result: Result<Code, SignInError>,
    pub(super) reply: oneshot::Sender<Page>,
}

/// Takes the visits of one flow.
pub(super) struct Callback {
    flow: Mutex<Option<Arc<Flow>>>,
    came: mpsc::Sender<Came>,
}

impl Callback {
    /// Nothing is taken before [`Self::expect`]: the port must be known before there is a flow.
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<Came>) {
        let (came, visits) = mpsc::channel(1);
        (Arc::new(Self { flow: Mutex::default(), came }), visits)
    }

    /// From now on visits are for this flow, and those for an earlier one are nothing.
    pub(super) fn expect(&self, flow: Arc<Flow>) {
        *self.flow.lock().unwrap_or_else(PoisonError::into_inner) = Some(flow);
    }

    fn flow(&self) -> Option<Arc<Flow>> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Visitor for Callback {
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async move {
            if visit.path != PATH {
                return None;
            }
            let result = match self.flow()?.callback(visit.query.expose()) {
                Ok(code) => Ok(code),
                // A stranger's guess, or a second use: it ends nothing.
                Err(error) if !error.ends_flow() => return Some(Answer::Page(Page::NotThis)),
                Err(error) => Err(SignInError::from(error)),
            };
            let (reply, told) = oneshot::channel();
            if self.came.send(Came { result, reply }).await.is_err() {
                return Some(Answer::Page(Page::NotThis));
            }
            // Answered when the tokens are stored, or when there are none.
            Some(Answer::Page(told.await.unwrap_or(Page::Failed)))
        })
    }
}
