//! A person at a terminal, who is asked for one thing after the other; or nobody, who is told the
//! flags.

use super::questions::{asked, choose, hidden};
use crate::{
    cli::{error::CliError, secrets::Terminal},
    connect::{
        Ask,
        prepare::{
            Answers, Asker, Blank, BlankKind, Choice, ChoiceOf, PrepareError, Sheet, Slot,
            Unanswered,
        },
    },
    secret::Secret,
    upstream::ErrorKind,
};
use futures_util::future::BoxFuture;
use std::sync::{Mutex, PoisonError};

/// What one chooses to be asked by a page.
const BROWSER: &str = "browser";

/// The terminal of a command that connects.
pub(in crate::cli) struct AtTerminal<'a> {
    ask: &'a Terminal<'a>,
    /// A page can be shown in the place of questions.
    page: bool,
    stopped: Mutex<Option<Stopped>>,
}

/// Why there is no answer.
enum Stopped {
    Error(CliError),
    /// They would rather have a page.
    ByPage,
}

impl<'a> AtTerminal<'a> {
    pub(in crate::cli) fn new(ask: &'a Terminal<'a>, page: bool) -> Self {
        Self { ask, page, stopped: Mutex::default() }
    }

    fn stopped(&self) -> Option<Stopped> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stop(&self, why: Stopped) -> Unanswered {
        let text = match &why {
            Stopped::Error(error) => error.message.clone(),
            Stopped::ByPage => "it is asked for by a page".to_owned(),
        };
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        Unanswered(text)
    }

    async fn one(&self, sheet: &Sheet, blank: &Blank) -> Result<Secret<String>, CliError> {
        match &blank.kind {
            BlankKind::Param(param) => {
                self.can(|| params_are_missing(sheet))?;
                asked(self.ask, param).await.map(Secret::new)
            }
            BlankKind::ClientId => {
                self.can(|| a_client_is_missing(sheet, blank))?;
                self.tell(blank);
                self.ask.line(&blank.title, "--client-id ID").await.map(Secret::new)
            }
            BlankKind::Secret { .. } if is_client_secret(blank) => {
                self.can(|| {
                    CliError::usage("the secret of the client is missing")
                        .hint("give --client-secret-stdin, or --secret-file client_secret=FILE")
                })?;
                self.tell(blank);
                self.ask.hidden(&blank.title, "--client-secret-stdin").await
            }
            BlankKind::Secret { shown } => hidden(self.ask, &sheet.way, blank, *shown).await,
        }
    }

    fn can(&self, else_: impl FnOnce() -> CliError) -> Result<(), CliError> {
        if self.ask.can_ask() { Ok(()) } else { Err(else_()) }
    }

    fn tell(&self, blank: &Blank) {
        blank.help.iter().chain(&blank.page).for_each(|line| self.ask.note(line));
    }
}

fn is_client_secret(blank: &Blank) -> bool {
    blank.slot == Slot::Secret(crate::auth::CLIENT_SECRET.to_owned())
}

fn params_are_missing(sheet: &Sheet) -> CliError {
    let missing = sheet.blanks.iter().filter(|blank| !blank.optional);
    let missing: Vec<_> = missing
        .filter_map(|blank| match &blank.kind {
            BlankKind::Param(param) => Some((**param).clone()),
            _ => None,
        })
        .collect();
    let flags: Vec<String> =
        missing.iter().map(|param| format!("--param {}=…", param.name)).collect();
    let provider = sheet.manifest.id.clone();
    let error = crate::catalog::PlanError::Missing { provider, missing };
    CliError::usage(error.to_string()).hint(format!("give {}", flags.join(" ")))
}

fn a_client_is_missing(sheet: &Sheet, blank: &Blank) -> CliError {
    let own = sheet.way.oauth.as_ref().and_then(|told| told.own_client.as_ref());
    let wanted = match own.is_some_and(|own| own.secret) {
        true => "--client-id ID --client-secret-stdin",
        false => "--client-id ID",
    };
    let help: Vec<&str> = blank.help.iter().chain(&blank.page).map(String::as_str).collect();
    CliError::usage(format!("it needs a client of your own: give {wanted}")).hint(help.join(" "))
}

impl Ask for AtTerminal<'_> {
    fn secret<'a>(
        &'a self,
        name: &'a str,
        host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        self.ask.secret(name, host)
    }
}

impl Asker for AtTerminal<'_> {
    fn warn(&self, of: &str, warnings: &[String]) {
        warnings.iter().for_each(|warning| self.ask.warn(&format!("{of}: {warning}")));
    }

    fn can_ask(&self) -> bool {
        self.ask.can_ask()
    }

    fn choose<'a>(&'a self, choice: &'a Choice) -> BoxFuture<'a, Result<String, Unanswered>> {
        Box::pin(async move {
            let mut options: Vec<(String, String)> = choice
                .options
                .iter()
                .map(|(value, label, _)| (value.clone(), label.clone()))
                .collect();
            let flag = match &choice.of {
                ChoiceOf::Way => "--auth WORD".to_owned(),
                ChoiceOf::Param(param) if param.is_empty() => "--param".to_owned(),
                ChoiceOf::Param(param) => format!("--param {param}=…"),
            };
            let page = self.page && choice.of == ChoiceOf::Way;
            if page {
                options.push((BROWSER.to_owned(), "Fill it in in the browser".to_owned()));
            }
            match choose(self.ask, &choice.title, options, &flag).await {
                Ok(chosen) if page && chosen == BROWSER => Err(self.stop(Stopped::ByPage)),
                Ok(chosen) => Ok(chosen),
                Err(error) => Err(self.stop(Stopped::Error(error))),
            }
        })
    }

    fn fill<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answers, Unanswered>> {
        Box::pin(async move {
            let mut answers = Answers::new();
            for blank in sheet.blanks.iter().filter(|blank| !blank.optional) {
                let answer = self.one(sheet, blank).await;
                let answer = answer.map_err(|error| self.stop(Stopped::Error(error)))?;
                answers.insert(blank.slot.clone(), answer);
            }
            Ok(answers)
        })
    }
}

/// What a failure to ask looks like; `Ok`: they would rather have a page.
pub(in crate::cli) fn told(error: PrepareError, at: &AtTerminal<'_>) -> Result<(), CliError> {
    match error {
        PrepareError::Usage { text, hint } => {
            let error = CliError::usage(text);
            Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        PrepareError::Login { name, error } => Err(match error.kind {
            ErrorKind::NeedsAuth | ErrorKind::Refused { status: 400..=403 } => {
                CliError::needs_auth(name.as_str(), error.to_string())
                    .hint("check what was typed, and run the same command again")
            }
            _ => CliError::from(error),
        }),
        PrepareError::Unanswered(Unanswered(text)) => match at.stopped() {
            Some(Stopped::ByPage) => Ok(()),
            Some(Stopped::Error(error)) => Err(error),
            None => Err(CliError::usage(text)),
        },
    }
}
