//! The user at the terminal, where policy says `ask`.

use crate::{
    cli::{context::Context, error::CliError},
    hub::{Approver, Decision, Question},
    task,
    ui::PromptError,
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

type Asked = (Question, oneshot::Sender<Decision>);

/// What is asked while a command runs; the other end of [`Terminal`].
pub(super) struct Questions(mpsc::Receiver<Asked>);

/// Hands questions on to whoever holds the terminal.
struct Terminal {
    yes: bool,
    to: mpsc::Sender<Asked>,
}

/// `yes`: every question has been answered before, by a flag.
pub(super) fn terminal(cx: &Context, yes: bool) -> (Arc<dyn Approver>, Questions) {
    let (to, from) = mpsc::channel(1);
    let mut questions = Questions(from);
    if !yes && !cx.prompter.can_ask() {
        questions.0.close();
    }
    (Arc::new(Terminal { yes, to }), questions)
}

impl Approver for Terminal {
    fn ask(&self, question: &Question) -> BoxFuture<'_, Decision> {
        if self.yes {
            return Box::pin(std::future::ready(Decision::Approved));
        }
        let (question, (reply, answer)) = (question.clone(), oneshot::channel());
        Box::pin(async move {
            match self.to.send((question, reply)).await {
                Ok(()) => answer.await.unwrap_or(Decision::Dismissed),
                Err(_closed) => Decision::Nobody,
            }
        })
    }
}

impl Questions {
    /// Runs `work`, and puts what it asks to the user.
    pub(super) async fn answering<T>(
        &mut self,
        cx: &Context,
        work: impl Future<Output = T>,
    ) -> Result<T, CliError> {
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                biased;
                Some((question, reply)) = self.0.recv() => {
                    // The work may have ended meanwhile, and then nobody waits for the answer.
                    let _over = reply.send(ask(cx, &question).await?);
                }
                done = cx.out.waiting("calling", &mut work) => return Ok(done),
            }
        }
    }
}

async fn ask(cx: &Context, question: &Question) -> Result<Decision, CliError> {
    cx.out.question(&question.text());
    let prompter = cx.prompter;
    let asked =
        task::on_thread("prompt", Duration::MAX, move || prompter.confirm("Approve?", "--yes"));
    let yes = asked.await.unwrap_or(Err(PromptError::Interrupted))?;
    Ok(if yes { Decision::Approved } else { Decision::Refused })
}
