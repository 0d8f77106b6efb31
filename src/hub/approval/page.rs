//! The page on loopback for clients that cannot ask their user: a look at it changes nothing, and
//! only its own buttons answer.

use super::{Approvals, Question, desk::View};
use crate::{
    connect::Link,
    hub::{Hub, Inner, plan::Patience},
    page::{Answer, Button, ButtonStyle, Form, Page, Pages, Said, Sign, Visit, Visitor},
    task::Shutdown,
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Weak},
    time::SystemTime,
};

const PATH: &str = "/approve/";
/// What the buttons of the form send.
const ANSWER: &str = "answer";
const APPROVE: &str = "approve";
const REFUSE: &str = "refuse";

impl Approvals {
    /// The link to a page with this question; `None` when no page can be shown.
    pub(super) async fn link(
        &self,
        question: Question,
        patience: Patience,
        shutdown: &Shutdown,
        hub: Weak<Inner>,
    ) -> Option<Link> {
        // Nothing listens before the first question.
        let open = || Pages::open(shutdown, &[0], Arc::new(Visits(hub)));
        let pages = match self.pages.get_or_try_init(open).await {
            Ok(pages) => pages,
            Err(error) => {
                tracing::warn!("no page can be shown to ask for an approval: {error}");
                return None;
            }
        };
        let Some((token, left)) = self.desk.open(question, patience.life) else {
            tracing::warn!("too many questions wait on pages");
            return None;
        };
        let url = format!("http://127.0.0.1:{}{PATH}{token}", pages.port());
        Some(Link { url, expires_at: SystemTime::now() + left })
    }
}

/// The pages belong to the hub, so they know it only by a weak handle.
struct Visits(Weak<Inner>);

impl Visitor for Visits {
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        let answer = self.0.upgrade().and_then(|inner| answer(&Hub(inner), visit));
        Box::pin(std::future::ready(answer))
    }

    fn takes_forms(&self) -> bool {
        true
    }
}

fn answer(hub: &Hub, visit: Visit) -> Option<Answer> {
    let token = visit.path.strip_prefix(PATH)?;
    let desk = &hub.0.approvals.desk;
    let view = desk.look(token)?;
    let Some(mut sent) = visit.sent else { return Some(shown(view)) };
    let View::Ask { form, .. } = view else { return Some(Answer::See(visit.path)) };
    let word = sent.take(ANSWER);
    let yes = match word.as_ref().map(|word| word.expose().as_str()) {
        Some(APPROVE) => true,
        Some(REFUSE) => false,
        _ => return Some(Answer::Page(Page::NotOurs)),
    };
    if !sent.carries(&form) {
        return Some(Answer::Page(Page::NotOurs));
    }
    desk.answer(token, yes, hub.plan().patience.life);
    Some(Answer::See(visit.path))
}

fn shown(view: View) -> Answer {
    let told = |sign, title: &str, text: &str| Said::new(sign, title, text);
    Answer::Page(match view {
        View::Ask { question, form } => return Answer::Form(Box::new(asked(&question, form))),
        View::Approved => Page::Told(told(
            Sign::Good,
            "Approved",
            "Go back to where you came from and let it go on: this one call may be made now, \
             once, and nothing else.",
        )),
        View::Refused => {
            Page::Told(told(Sign::Bad, "Refused", "Nothing was sent. You can close this tab."))
        }
        View::Used => Page::Used(told(
            Sign::Good,
            "This was approved and has been used",
            "It has let one call through. When it is to be made again, you are asked again.",
        )),
        View::Expired => Page::Used(told(
            Sign::Bad,
            "This question has expired",
            "Nothing was sent. When the call is still wanted, ask for it again and open the new \
             link.",
        )),
    })
}

fn asked(question: &Question, token: String) -> Form {
    let facts = question.facts().iter();
    let mut facts: Vec<_> =
        facts.map(|(label, value)| ((*label).to_owned(), value.clone())).collect();
    let arguments = question.arguments().unwrap_or("none");
    facts.push(("Arguments".to_owned(), arguments.to_owned()));
    let button = |value: &str, label: &str, style| Button {
        name: ANSWER,
        value: value.to_owned(),
        label: label.to_owned(),
        about: None,
        style,
    };
    let yes = if question.is_grave() { ButtonStyle::Danger } else { ButtonStyle::Primary };
    Form {
        token,
        title: question.title().to_owned(),
        lead: vec![
            "An assistant on this computer wants to do this. Nothing is sent before you answer."
                .to_owned(),
        ],
        facts,
        buttons: vec![
            button(APPROVE, "Approve", yes),
            button(REFUSE, "Refuse", ButtonStyle::Plain),
        ],
        ..Form::default()
    }
}
