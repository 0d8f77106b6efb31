//! What a browser gets at a link, by where things stand.

use super::{
    Inner, PATH,
    flow::{End, Flow, Stage, Taken},
};
use crate::page::{Answer, Page, Said, Sign, Visit, Visitor};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

/// How long a browser waits for news before it is told to ask again.
const NEWS: Duration = Duration::from_secs(20);
/// Where a form leads that was taken.
const ON: &str = "/on";

/// The pages belong to the links, so they know them only by a weak handle.
pub(super) struct Visits(pub(super) Weak<Inner>);

/// What is behind a link.
struct Found {
    name: String,
    flow: Arc<Flow>,
    /// It was over when the visit began.
    was_over: bool,
}

impl Visitor for Visits {
    fn takes_forms(&self) -> bool {
        true
    }

    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async move {
            let rest = visit.path.strip_prefix(PATH)?;
            let (token, after_form) = match rest.strip_suffix(ON) {
                Some(token) => (token, true),
                None => (rest, false),
            };
            let found = match self.0.upgrade()?.find(token)? {
                Ok(found) => found,
                Err(page) => return Some(Answer::Page(page)),
            };
            let on = format!("{PATH}{token}{ON}");
            if let Some(sent) = visit.sent {
                return Some(match found.flow.take(sent) {
                    Taken::Yes | Taken::Before => Answer::See(on),
                    Taken::No => Answer::Page(Page::NotOurs),
                });
            }
            let mut stage = found.flow.watch();
            let news = stage.wait_for(|now| !matches!(now, Stage::Working));
            let now = match tokio::time::timeout(NEWS, news).await {
                Ok(Ok(now)) => now.clone(),
                Ok(Err(_)) => Stage::Over(End::Failed(String::new())),
                Err(_) => Stage::Working,
            };
            if matches!(now, Stage::Over(_)) {
                found.flow.is_seen();
            }
            Some(answer(found, now, after_form, token))
        })
    }
}

impl Inner {
    /// What is behind a link, begun when it is not under way; `None`: there never was one.
    fn find(self: &Arc<Self>, token: &str) -> Option<Result<Found, Page>> {
        let mut links = self.links();
        let entry = links.get_mut(token)?;
        if entry.is_expired(SystemTime::now()) && !entry.is_over() {
            return Some(Err(Page::Expired));
        }
        let was_over = entry.is_over();
        let flow = match &entry.flow {
            Some(flow) => Arc::clone(flow),
            None => {
                let flow = self.begin(token, &entry.job);
                entry.flow = Some(Arc::clone(&flow));
                flow
            }
        };
        Some(Ok(Found { name: entry.job.name(), flow, was_over }))
    }
}

fn answer(found: Found, now: Stage, after_form: bool, token: &str) -> Answer {
    let Found { name, was_over, .. } = found;
    let page = match now {
        Stage::Working => Page::Working(Said::new(
            Sign::Wait,
            format!("Connecting {name}"),
            "This can take a moment; the page goes on by itself.",
        )),
        // So that the address is the link again.
        Stage::Asking(_) if after_form => return Answer::See(format!("{PATH}{token}")),
        Stage::Asking(form) => return Answer::Form(Box::new((*form).clone())),
        // A browser that has sent a form follows no redirect to elsewhere.
        Stage::At(url) if after_form => Page::Onward(url),
        Stage::At(url) => return Answer::Redirect(url),
        Stage::Elsewhere => Page::Busy(name),
        Stage::Over(end) => over(end, was_over && !after_form),
    };
    Answer::Page(page)
}

/// The last page. `again`: it is not the one that whoever did it gets to see, but a later visit.
fn over(end: End, again: bool) -> Page {
    match end {
        End::Connected(name) if !again => Page::SignedIn(name),
        End::Connected(name) => Page::Used(Said::new(
            Sign::Good,
            "This link was used already",
            format!(
                "{name} is connected. There is nothing more to do here; you can close this tab."
            ),
        )),
        End::Disconnected(name) if !again => Page::Told(Said::new(
            Sign::Good,
            format!("{name} is disconnected"),
            "You can close this tab and go back to where you came from.",
        )),
        End::Disconnected(name) => Page::Used(Said::new(
            Sign::Good,
            "This link was used already",
            format!("{name} is disconnected. There is nothing more to do here."),
        )),
        End::Cancelled => Page::Told(Said::new(
            Sign::Wait,
            "Nothing was changed",
            "You can close this tab. Ask for a new link when you change your mind.",
        )),
        End::Expired => Page::Expired,
        End::Failed(why) if why.is_empty() => Page::Failed,
        End::Failed(why) => Page::Told(Said::new(
            Sign::Bad,
            "That did not work",
            format!("{why} Nothing was saved. Open the link again to try once more."),
        )),
    }
}
