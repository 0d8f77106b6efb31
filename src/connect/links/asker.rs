//! The page as one who is asked: what was entered stays here, so that a mistake costs nothing.

use super::{
    flow::{Flow, Stage},
    forms,
};
use crate::{
    connect::{
        Ask, Consent,
        prepare::{Answers, Asker, Choice, ChoiceOf, Sheet, Slot, Unanswered},
    },
    kind::StoreKind,
    name::ConnectionName,
    page::{Form, Sent},
    secret::Secret,
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// Asks by the page of one link.
pub(super) struct PageAsker {
    flow: Arc<Flow>,
    /// How long an answer is waited for.
    patience: Duration,
    /// Whoever waits is told that there is more time.
    alive: Box<dyn Fn() + Send + Sync>,
    pub(super) store: StoreKind,
    memory: Mutex<Memory>,
}

/// What is known between two rounds.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) title: String,
    pub(super) lead: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// Why the last round came to nothing.
    pub(super) problem: Option<String>,
    /// The way that was chosen, of several.
    pub(super) way: Option<String>,
    pub(super) kept: Answers,
    /// Those of them that are never shown.
    pub(super) hidden: Vec<Slot>,
    pub(super) wrong: Vec<(Slot, String)>,
    /// The name that was wanted is taken.
    pub(super) asks_name: bool,
    pub(super) name: Option<ConnectionName>,
    pub(super) name_text: String,
    pub(super) name_error: Option<String>,
    /// The key of a server by its URL, and the header in which it goes.
    pub(super) asks_key: bool,
    pub(super) key: Option<Secret<String>>,
    pub(super) header: String,
    pub(super) header_error: Option<String>,
    /// `Ask::secret` is of a template, and not of a server that might want anything.
    pub(super) has_templates: bool,
    /// Questions of this round, and whether something was filled in.
    pub(super) asked: usize,
    pub(super) filled: bool,
    pub(super) ended: Option<Ended>,
}

/// What the user did in the place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Cancelled,
    Expired,
    /// They want to sign in in another way.
    OtherWay,
}

impl PageAsker {
    pub(super) fn new(
        flow: Arc<Flow>,
        patience: Duration,
        store: StoreKind,
        alive: Box<dyn Fn() + Send + Sync>,
        memory: Memory,
    ) -> Self {
        Self { flow, patience, alive, store, memory: Mutex::new(memory) }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a form.
    ///
    /// # Errors
    /// The user gave it up, or nobody came; [`Memory::ended`] says which.
    pub(super) async fn show(&self, form: Form) -> Result<Sent, Unanswered> {
        self.memory().asked += 1;
        let ended = match tokio::time::timeout(self.patience, self.flow.ask(form)).await {
            Ok(Some(mut sent)) => {
                (self.alive)();
                match sent.take(forms::DO).as_ref().map(|it| it.expose().as_str()) {
                    Some(forms::CANCEL) => Ended::Cancelled,
                    Some(forms::OTHER) => Ended::OtherWay,
                    _ => return Ok(sent),
                }
            }
            Ok(None) | Err(_) => Ended::Expired,
        };
        self.memory().ended = Some(ended);
        Err(Unanswered("nothing was entered".to_owned()))
    }

    async fn one(&self, name: &str, host: &str) -> Result<Secret<String>, Unanswered> {
        let mut error = None;
        loop {
            let form = forms::secret(&self.memory(), self.store, name, host, error.take());
            let mut sent = self.show(form).await?;
            match sent.take(forms::KEY) {
                Some(secret) => {
                    self.memory().filled = true;
                    crate::log::redact(&secret);
                    return Ok(secret);
                }
                None => error = Some("This is needed.".to_owned()),
            }
        }
    }
}

impl Ask for PageAsker {
    fn secret<'a>(
        &'a self,
        name: &'a str,
        host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        Box::pin(async move {
            if !self.memory().has_templates {
                return Err("a page asks for it, with its header".to_owned());
            }
            self.one(name, host).await.map_err(|unanswered| unanswered.0)
        })
    }
}

impl Asker for PageAsker {
    fn warn(&self, _of: &str, warnings: &[String]) {
        self.memory().warnings = warnings.to_vec();
    }

    fn can_ask(&self) -> bool {
        true
    }

    fn choose<'a>(&'a self, choice: &'a Choice) -> BoxFuture<'a, Result<String, Unanswered>> {
        Box::pin(async move {
            let chosen = self.memory().way.clone();
            if let (ChoiceOf::Way, Some(way)) = (&choice.of, chosen) {
                return Ok(way);
            }
            loop {
                let form = forms::choice(&self.memory(), choice);
                let mut sent = self.show(form).await?;
                let value = sent.take(forms::CHOICE).map(Secret::into_inner);
                let known = value.filter(|it| choice.options.iter().any(|(v, ..)| v == it));
                let Some(value) = known else { continue };
                let mut memory = self.memory();
                memory.problem = None;
                memory.take_name(&mut sent);
                if memory.name_error.is_some() {
                    continue;
                }
                match choice.of {
                    ChoiceOf::Way => memory.way = Some(value.clone()),
                    ChoiceOf::Param(_) => memory.filled = true,
                }
                return Ok(value);
            }
        })
    }

    fn fill<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answers, Unanswered>> {
        Box::pin(async move {
            loop {
                let form = forms::sheet(&self.memory(), self.store, sheet);
                let mut sent = self.show(form).await?;
                let mut memory = self.memory();
                let answers = forms::answers(&memory, sheet, &mut sent);
                memory.wrong = sheet.check(&answers);
                memory.take_name(&mut sent);
                memory.problem = None;
                memory.kept.clone_from(&answers);
                memory.hidden = sheet.hidden().cloned().collect();
                if memory.wrong.is_empty() && memory.name_error.is_none() {
                    memory.filled = true;
                    return Ok(answers);
                }
            }
        })
    }
}

impl Consent for PageAsker {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        self.flow.to(Stage::At(url.to_owned()));
    }

    fn elsewhere(&self, url: Option<&str>, _expires_at: SystemTime) {
        self.flow.to(url.map_or(Stage::Elsewhere, |url| Stage::At(url.to_owned())));
    }
}

impl Memory {
    /// Reads the name, where it was asked for.
    fn take_name(&mut self, sent: &mut Sent) {
        if !self.asks_name {
            return;
        }
        let text = sent.take(forms::NAME).map(Secret::into_inner).unwrap_or_default();
        let parsed: Result<ConnectionName, _> = text.trim().parse();
        self.name_error = parsed.as_ref().err().map(ToString::to_string);
        self.name = parsed.ok().or(self.name.take());
        self.name_text = text;
    }

    /// Reads the key of a server by its URL; true when it can be tried.
    pub(super) fn take_key(&mut self, sent: &mut Sent) -> bool {
        self.take_name(sent);
        self.problem = None;
        self.filled = true;
        let header = sent.take(forms::HEADER).map(Secret::into_inner).unwrap_or_default();
        header.trim().clone_into(&mut self.header);
        let good = self.header.is_empty() || http::HeaderName::try_from(&self.header).is_ok();
        self.header_error = (!good).then(|| "that is not a header name".to_owned());
        if let Some(key) = sent.take(forms::KEY) {
            crate::log::redact(&key);
            self.key = Some(key);
        }
        let missing = self.key.is_none();
        if missing {
            self.problem = Some("The key is needed.".to_owned());
        }
        good && !missing && self.name_error.is_none()
    }
}
