//! Why a sign-in did not come about.

use std::time::Duration;

/// Why a sign-in did not come about. The texts are fragments: they name hosts, never a secret,
/// and whatever a server said in them is clean and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The same may work later; nothing is known of the server that was not known before.
    #[error("{host} could not answer now: {detail}")]
    Transient { host: String, detail: String, retry_after: Option<Duration> },
    /// The server offers no OAuth sign-in.
    #[error("no sign-in is offered: {detail}")]
    NotOffered { detail: String },
    /// It could be done, and is not safe to do.
    #[error("the sign-in was refused by allmcp: {detail}")]
    Refused { detail: String },
    /// The user has to say who we are; the text has the command.
    #[error("{detail}")]
    NoClient { detail: String },
    /// The user, or a rule of the server, said no.
    #[error("the sign-in was declined: {detail}")]
    Denied { detail: String },
    /// Nobody said yes in time.
    #[error("the sign-in was not finished in time")]
    Expired,
    /// The authorization server answered with an error.
    #[error("the authorization server answered {code}{}", colon(detail))]
    Server { code: String, detail: String },
    /// The configuration has to change.
    #[error("{detail}")]
    Config { detail: String },
}

impl SignInError {
    /// Whether a new sign-in, begun once from the start, may well succeed: the code was lost or
    /// too old (deviation 33).
    pub fn starts_over(&self) -> bool {
        match self {
            Self::Transient { .. } => true,
            Self::Server { code, .. } => code == "invalid_grant",
            _ => false,
        }
    }

    /// Whether the server does not know our client (any more): a registered one is to be dropped,
    /// and made once anew (deviation 14).
    pub fn forgets_client(&self) -> bool {
        matches!(self, Self::Server { code, .. }
            if matches!(code.as_str(), "invalid_client" | "unauthorized_client"))
    }

    /// Whether the server takes no `resource` (deviation 20): the sign-in begins once anew with
    /// [`super::Wanted::no_resource`], which is remembered.
    pub fn refuses_resource(&self) -> bool {
        matches!(self, Self::Server { code, .. } if code == "invalid_target")
    }

    pub(super) fn refused(detail: impl Into<String>) -> Self {
        Self::Refused { detail: detail.into() }
    }
}

fn colon(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

/// What a server said, for our own words: one clean line of at most 200 characters, in which no
/// known secret stands.
pub(super) fn said(text: &str) -> String {
    crate::text::line(&crate::log::scrub(text), 200)
}

/// An error code of a server: a word, or what is left of one.
pub(super) fn code(text: &str) -> String {
    crate::text::line(&crate::log::scrub(text), 60)
}

/// The place of a URL without user and query, for our own words.
pub(super) fn place(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) => said(&crate::secret::RedactedUrl::new(url).to_string()),
        Err(_) => said(url.split(['?', '#']).next().unwrap_or_default()),
    }
}

/// The host of a URL, for our own words.
pub(super) fn host(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    match parsed.as_ref().and_then(url::Url::host_str) {
        Some(host) => said(host),
        None => "the server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_clean_short_and_without_query() {
        let error = SignInError::Server { code: "invalid_grant".to_owned(), detail: String::new() };
        assert_eq!(error.to_string(), "the authorization server answered invalid_grant");
        assert!(error.starts_over() && !error.forgets_client());
        assert_eq!(said("a\u{1b}[1m\nb"), "a [1m b");
        assert_eq!(place("https://u:p@h.example/x?token=canary#f"), "https://h.example/x");
        assert_eq!(place("not a url?canary"), "not a url");
        assert_eq!(host("https://h.example:8443/x"), "h.example");
    }
}
