//! How a consent is asked for at the command line: the browser, an event, or a pasted answer.

use super::context::Context;
use crate::{
    connect::{Consent, sign_in::TypeCode},
    page::browser::{Browser, BrowserError},
    secret::Secret,
    task,
    ui::Out,
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::{
    io::BufRead as _,
    time::{Duration, SystemTime},
};

/// How long a consent is waited for (contract section 1).
pub(super) const CONSENT: Duration = Duration::from_mins(5);

/// One line of the stream (contract section 3).
#[derive(Serialize)]
struct RequiredEvent<'a> {
    schema: &'static str,
    event: &'static str,
    url: &'a str,
    expires_at: String,
    /// To be typed on the page of `url`, where there is no callback (RFC 8628).
    #[serde(skip_serializing_if = "Option::is_none")]
    user_code: Option<&'a str>,
}

/// Asks the user who started a command.
pub(super) struct Asking<'a> {
    out: &'a Out,
    browser: Option<Browser>,
    schema: &'static str,
}

impl<'a> Asking<'a> {
    /// `schema` is that of the command's events; without a `browser` the answer is pasted.
    pub(super) fn new(cx: &'a Context, schema: &'static str, browser: Option<Browser>) -> Self {
        Self { out: &cx.out, browser, schema }
    }

    fn event(&self, url: &str, expires_at: SystemTime, user_code: Option<&str>) {
        let event = RequiredEvent {
            schema: self.schema,
            event: "authorization_required",
            url,
            expires_at: humantime::format_rfc3339_seconds(expires_at).to_string(),
            user_code,
        };
        // A closed pipe is noticed at the next line; the consent can still be given.
        let _unread = self.out.event(&event);
    }

    /// Says what is waited for, unless somebody may be typing there.
    fn waits(&self, what: &str) {
        if self.browser.is_some() {
            self.out.step(what);
        }
    }

    /// Scripts and agents wait for the event, people read.
    fn speaks_json(&self) -> bool {
        self.out.json() || !self.out.terminal().stdout
    }
}

impl Consent for Asking<'_> {
    fn ask(&self, url: &str, expires_at: SystemTime) {
        self.out.settle();
        if self.speaks_json() {
            self.event(url, expires_at, None);
        }
        match self.browser.as_ref().map(|browser| browser.open(url)) {
            Some(Ok(())) => {
                self.out.note("your browser was opened to sign in; if it was not, open this URL:");
            }
            Some(Err(BrowserError::NoDesktop)) => self.out.note("open this URL to sign in:"),
            Some(Err(error)) => {
                self.out.warn(&format!("the browser was not opened: {error}"));
                self.out.note("open this URL to sign in:");
            }
            None => self.out.note("open this URL in a browser to sign in:"),
        }
        self.out.note(url);
        if self.browser.is_none() {
            self.out.note(
                "then paste the address that the browser ends at (or only its code), and press \
                 Enter:",
            );
        }
        self.waits("waiting for the browser");
    }

    fn step(&self, what: &str) {
        self.out.step(what);
    }

    fn has_browser(&self) -> bool {
        self.browser.as_ref().is_none_or(Browser::can_open)
    }

    fn type_code(&self, code: &TypeCode<'_>) {
        self.out.settle();
        if self.speaks_json() {
            self.event(code.complete.unwrap_or(code.url), code.expires_at, Some(code.user_code));
        }
        self.out.note(&format!("open {} and type the code {}", code.url, code.user_code));
        self.waits("waiting for the code to be typed");
    }

    fn elsewhere(&self, url: Option<&str>, expires_at: SystemTime) {
        self.out.settle();
        if let Some(url) = url
            && self.speaks_json()
        {
            self.event(url, expires_at, None);
        }
        self.out.note("a sign-in to it is under way in another process; waiting for it");
        if let Some(url) = url {
            self.out.note(url);
        }
        self.waits("waiting for the other sign-in");
    }

    fn pasted(&self) -> BoxFuture<'_, Secret<String>> {
        if self.browser.is_some() {
            return Box::pin(std::future::pending());
        }
        Box::pin(async {
            // Whoever reads mail for a second factor may take as long as the sign-in lasts.
            let line = task::on_thread("pasted", Duration::MAX, || {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line);
                read.ok().filter(|n| *n > 0).map(|_| Secret::new(line))
            });
            match line.await {
                Ok(Some(line)) => line,
                // Nothing more will be typed; the browser may still come back by itself.
                _ => std::future::pending().await,
            }
        })
    }

    fn not_that(&self, why: &str) {
        self.out.warn(&format!("{why}; paste the whole address, or only the code"));
    }
}
