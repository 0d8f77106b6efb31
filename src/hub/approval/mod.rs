//! Asking the user before something is done: whom, how, and what was answered.
//!
//! Owns the questions that are open, the approvals that were given and not used yet, and the page
//! on loopback for clients that cannot ask by themselves. May name what `hub` may. Called by
//! [`super::call`] for tools whose policy says `ask`, and by our own tools that ask first.
//!
//! Nothing is done before the answer is there, and only an explicit yes is one. A yes holds once
//! and for exactly the deed that was shown.

mod decision;
mod desk;
mod gate;
mod page;
mod question;
mod shown;
#[cfg(test)]
mod tests;

pub use decision::{Decision, Unapproved};
pub use question::{Key, Question};

use super::Hub;
use crate::{
    page::Pages,
    task,
    wire::{Ask, ClientLink, splice},
};
use desk::Desk;
use futures_util::future::BoxFuture;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;

/// Somebody who answers in the client's place: the user at the terminal of a command.
pub trait Approver: Send + Sync {
    fn ask(&self, question: &Question) -> BoxFuture<'_, Decision>;
}

/// What is asked and approved in this process.
#[derive(Default)]
pub(super) struct Approvals {
    approver: OnceLock<Arc<dyn Approver>>,
    desk: Desk,
    /// Listens from the first question on.
    pages: OnceCell<Pages>,
}

impl Hub {
    /// Who answers in the place of clients; the first one stays.
    pub fn approved_by(&self, approver: Arc<dyn Approver>) {
        let _first = self.0.approvals.approver.set(approver);
    }

    /// Asks the user: by a form of the client where it has forms, else by a page whose link the
    /// answer carries. Waits no longer than `approval_wait` of the settings.
    pub async fn confirm(
        &self,
        link: Option<&Arc<dyn ClientLink>>,
        question: Question,
    ) -> Decision {
        let approvals = &self.0.approvals;
        if let Some(known) = approvals.desk.take(&question.key()) {
            return known;
        }
        if let Some(approver) = approvals.approver.get() {
            return approver.ask(&question).await;
        }
        if let Some(decision) = self.confirm_by_form(link, &question).await {
            return decision;
        }
        let patience = self.plan().patience;
        let (inner, shutdown) = (Arc::downgrade(&self.0), &self.0.deps.shutdown);
        match approvals.link(question, patience, shutdown, inner).await {
            Some(link) => Decision::Asked(link),
            None => Decision::Nobody,
        }
    }

    /// By a form of the client alone, whose only answers are yes and no; `None`: it has none, and
    /// who asks goes another way.
    pub async fn confirm_by_form(
        &self,
        link: Option<&Arc<dyn ClientLink>>,
        question: &Question,
    ) -> Option<Decision> {
        let params = format!(
            "{{\"message\":{},\"requestedSchema\":{{\"type\":\"object\",\"properties\":{{}}}}}}",
            splice::quote(&question.text())
        );
        let asked = link?.ask(Ask { method: "elicitation/create".into(), params: params.into() });
        let wait = self.plan().patience.wait;
        match task::within(wait, asked).await {
            Err(_late) => Some(Decision::Unanswered(wait)),
            Ok(Ok(result)) => Some(match splice::get_str(&result, "action").as_deref() {
                Some("accept") => Decision::Approved,
                Some("decline") => Decision::Refused,
                _ => Decision::Dismissed,
            }),
            // It has none, or says that it has and refuses all the same.
            Ok(Err(refused)) => {
                tracing::debug!("the client cannot ask its user: {}", refused.message());
                None
            }
        }
    }
}
