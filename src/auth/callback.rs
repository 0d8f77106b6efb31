//! What comes back from the browser, and whether it is the answer to our question.

use super::{
    SignInError, deviations,
    metadata::ServerMetadata,
    sign_in_error::{code, said},
};
use crate::secret::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use oauth2::{AuthorizationCode, CsrfToken};
use std::sync::atomic::{AtomicBool, Ordering};
use url::{Origin, Url};

/// A word that nobody can guess, for links of ours.
pub fn random_token() -> String {
    CsrfToken::new_random_len(24).into_secret()
}

/// Longest query that is read, in bytes.
const MAX_QUERY: usize = 16 * 1024;

/// An authorization code; it is never shown.
#[derive(Debug)]
pub struct Code(AuthorizationCode);

impl Code {
    fn new(text: String) -> Self {
        crate::log::redact(&Secret::new(text.clone()));
        Self(AuthorizationCode::new(text))
    }

    pub(super) fn secret(&self) -> &str {
        self.0.secret()
    }
}

/// Why a callback brought no code. The texts hold nothing of the callback but clean words of a
/// server that is known to be ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// It is no answer to our question, and the real one may still come.
    #[error("this is not the answer to the sign-in that is waiting: {0}")]
    Stray(&'static str),
    /// The answer was here before.
    #[error("the sign-in is finished already")]
    Used,
    /// It came from another server than the one that was asked (RFC 9207).
    #[error("the sign-in was refused by allmcp: {0}")]
    Issuer(String),
    #[error("the sign-in was declined: {0}")]
    Denied(String),
    #[error("the authorization server answered {code}{}", if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Server { code: String, detail: String },
}

impl CallbackError {
    /// False where the right answer may still come.
    pub fn ends_flow(&self) -> bool {
        !matches!(self, Self::Stray(_) | Self::Used)
    }
}

impl From<CallbackError> for SignInError {
    fn from(error: CallbackError) -> Self {
        match error {
            CallbackError::Stray(_) | CallbackError::Used => {
                Self::Refused { detail: error.to_string() }
            }
            CallbackError::Issuer(detail) => Self::Refused { detail },
            CallbackError::Denied(detail) => Self::Denied { detail },
            CallbackError::Server { code, detail } => Self::Server { code, detail },
        }
    }
}

/// What the right answer looks like.
pub(super) struct Expected {
    state: CsrfToken,
    issuer: String,
    /// What the server is called elsewhere, where it does not agree with itself on a slash.
    found_by: Option<String>,
    iss_supported: bool,
    /// Where the issuer was not told: its answers name somebody here.
    origin: Option<Origin>,
    /// The parameter that names the account, and the hosts that it may name.
    account: Option<(String, Vec<String>)>,
    used: AtomicBool,
}

#[derive(Default)]
struct Query {
    account: Option<String>,
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Query {
    /// `account` is the name of the parameter that says whose account was chosen.
    fn read(text: &str, account: Option<&str>) -> Result<Self, CallbackError> {
        if text.len() > MAX_QUERY {
            return Err(CallbackError::Stray("it is too long"));
        }
        let mut out = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let field = match &*name {
                "state" => &mut out.state,
                "code" => &mut out.code,
                "iss" => &mut out.iss,
                "error" => &mut out.error,
                "error_description" => &mut out.error_description,
                other if Some(other) == account => &mut out.account,
                _ => continue,
            };
            // Two of them, and two readers may not agree which one counts (RFC 6749, 3.1).
            if field.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Stray("it has the same parameter twice"));
            }
        }
        Ok(out)
    }
}

impl Expected {
    pub(super) fn new(state: CsrfToken, server: &ServerMetadata) -> Self {
        Self {
            state,
            issuer: server.issuer.clone(),
            found_by: server.found_by.clone(),
            iss_supported: server.iss_supported,
            origin: None,
            account: None,
            used: AtomicBool::new(false),
        }
    }

    /// For a server that was told by its endpoints alone (deviation 36): it is only known where
    /// people say yes, so that is what an `iss` is held against.
    pub(super) fn at(self, authorize: &Url) -> Self {
        let origin = authorize.origin();
        Self { issuer: origin.ascii_serialization(), origin: Some(origin), ..self }
    }

    /// For a provider with a host for each account, which its callback names: only these may be
    /// meant.
    pub(super) fn of_account(self, from: &str, hosts: Vec<String>) -> Self {
        Self { account: Some((from.to_owned(), hosts)), ..self }
    }

    pub(super) fn read(&self, query: &str) -> Result<Code, CallbackError> {
        let account = self.account.as_ref().map(|(from, _)| from.as_str());
        let query = Query::read(query.strip_prefix('?').unwrap_or(query), account)?;
        let Some(state) = query.state else {
            return Err(CallbackError::Stray("it has no state"));
        };
        let ours = self.state.secret().as_bytes();
        if verify_slices_are_equal(ours, state.as_bytes()).is_err() {
            return Err(CallbackError::Stray("its state is another one"));
        }
        if query.code.is_none() && query.error.is_none() {
            return Err(CallbackError::Stray("it has no code"));
        }
        self.finish()?;
        // Before anything of it is looked at: of a false server not even its words are shown.
        self.check_issuer(query.iss.as_deref())?;
        self.check_account(query.account.as_deref())?;
        if let Some(error) = query.error {
            let description = query.error_description.as_deref().unwrap_or_default();
            let detail = said(description);
            let code = if deviations::refuses_resource(&error, description) {
                "invalid_target".to_owned()
            } else {
                code(&error)
            };
            return Err(match error.as_str() {
                "access_denied"
                | "consent_required"
                | "interaction_required"
                | "login_required" => {
                    CallbackError::Denied(if detail.is_empty() { code } else { detail })
                }
                _ => CallbackError::Server { code, detail },
            });
        }
        match query.code.filter(|code| !code.is_empty()) {
            Some(code) => Ok(Code::new(code)),
            None => Err(CallbackError::Server {
                code: "an empty code".to_owned(),
                detail: String::new(),
            }),
        }
    }

    /// A user may have chosen another account than the one that is being connected, and somebody
    /// else may have made the callback up: neither gets a code or a secret from us.
    fn check_account(&self, named: Option<&str>) -> Result<(), CallbackError> {
        let (Some((_, hosts)), Some(named)) = (&self.account, named) else { return Ok(()) };
        if hosts.iter().any(|host| host.eq_ignore_ascii_case(named)) {
            return Ok(());
        }
        Err(CallbackError::Issuer(format!(
            "the account that was chosen is {}, and this connection is for {}",
            said(named),
            hosts.join(" or ")
        )))
    }

    pub(super) fn pasted(&self, text: &str) -> Result<Code, CallbackError> {
        let text = text.trim();
        let is_query = text.contains("code=") || text.contains("error=") || text.contains("://");
        if is_query {
            let query = text.split_once('?').map_or(text, |(_, query)| query);
            return self.read(query.split('#').next().unwrap_or_default());
        }
        if text.is_empty() || text.len() > MAX_QUERY || text.contains(char::is_whitespace) {
            return Err(CallbackError::Stray("it is neither the URL nor the code"));
        }
        if self.iss_supported {
            return Err(CallbackError::Stray(
                "this server names itself in the answer, so paste the whole URL, not only the code",
            ));
        }
        self.finish()?;
        Ok(Code::new(text.to_owned()))
    }

    /// The right answer counts once.
    fn finish(&self) -> Result<(), CallbackError> {
        if self.used.swap(true, Ordering::SeqCst) { Err(CallbackError::Used) } else { Ok(()) }
    }

    /// Deviation 19: compared as it is (RFC 9207, 2.4); a server that sends none is let pass only
    /// where it did not promise one.
    fn check_issuer(&self, iss: Option<&str>) -> Result<(), CallbackError> {
        match iss {
            Some(iss) if iss == self.issuer || self.found_by.as_deref() == Some(iss) => Ok(()),
            Some(iss)
                if self.origin.is_some()
                    && Url::parse(iss).ok().map(|iss| iss.origin()) == self.origin =>
            {
                Ok(())
            }
            Some(iss) => Err(CallbackError::Issuer(format!(
                "the answer is from {:?}, but {:?} was asked{}",
                said(iss),
                said(&self.issuer),
                match self.origin {
                    Some(_) =>
                        "; if you trust it, set it as issuer in the \
                                [connections.NAME.oauth] table",
                    None => "",
                }
            ))),
            None if self.iss_supported => Err(CallbackError::Issuer(format!(
                "{:?} names itself in its answers, and this one names nobody",
                said(&self.issuer)
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(iss_supported: bool) -> Expected {
        let issuer = "https://as.example".to_owned();
        let server = ServerMetadata { issuer, iss_supported, ..ServerMetadata::default() };
        Expected::new(CsrfToken::new("st4te".to_owned()), &server)
    }

    fn read(query: &str) -> Result<String, CallbackError> {
        expected(false).read(query).map(|code| code.secret().to_owned())
    }

    #[test]
    fn deviation_36_of_a_server_without_a_name_the_place_is_known() {
        let flow = || expected(false).at(&Url::parse("https://login.example/oauth?a=b").unwrap());
        let read = |rest: &str| flow().read(&format!("code=c&state=st4te{rest}")).map(drop);
        assert_eq!(read(""), Ok(()));
        assert_eq!(read("&iss=https://login.example/tenant"), Ok(()));
        for other in ["https://as.example", "http://login.example", "login.example", ""] {
            let error = read(&format!("&iss={other}")).unwrap_err();
            assert!(error.to_string().contains("set it as issuer"), "{other}: {error}");
        }
    }

    #[test]
    fn an_account_that_nobody_meant_gets_no_code() {
        let hosts = || vec!["acme.kommo.com".to_owned()];
        let flow = || expected(false).of_account("referer", hosts());
        let read = |rest: &str| flow().read(&format!("code=c&state=st4te{rest}")).map(drop);
        assert_eq!(read("&referer=acme.kommo.com"), Ok(()));
        assert_eq!(read("&referer=ACME.kommo.com&x=y"), Ok(()));
        assert_eq!(read(""), Ok(()), "the token goes to the host that was told all the same");
        for other in ["other.kommo.com", "acme.kommo.com.evil.example", "evil.example", ""] {
            let error = read(&format!("&referer={other}")).unwrap_err();
            assert!(error.ends_flow() && error.to_string().contains("acme.kommo.com"), "{error}");
        }
        assert!(matches!(
            read("&referer=acme.kommo.com&referer=evil.example"),
            Err(CallbackError::Stray(_))
        ));
    }

    #[test]
    fn the_right_state_counts_once_and_a_wrong_one_ends_nothing() {
        let flow = expected(false);
        for stray in
            ["", "code=c", "code=c&state=other", "state=st4te", "code=a&code=b&state=st4te"]
        {
            let error = flow.read(stray).unwrap_err();
            assert!(matches!(error, CallbackError::Stray(_)) && !error.ends_flow(), "{stray}");
        }
        assert_eq!(flow.read("?state=st4te&code=c%2B1").unwrap().secret(), "c+1");
        assert_eq!(flow.read("state=st4te&code=c").unwrap_err(), CallbackError::Used);
    }

    #[test]
    fn deviation_19_the_issuer_of_the_answer() {
        let fine = "code=c&state=st4te&iss=https%3A%2F%2Fas.example";
        assert!(expected(true).read(fine).is_ok());
        assert!(expected(false).read(fine).is_ok());
        assert!(expected(false).read("code=c&state=st4te").is_ok());
        for (flow, query) in [
            (expected(true), "code=c&state=st4te"),
            (expected(false), "code=c&state=st4te&iss=https://as.example/"),
            (expected(false), "error=x&error_description=canary&state=st4te&iss=https://evil"),
        ] {
            let error = flow.read(query).unwrap_err();
            assert!(matches!(error, CallbackError::Issuer(_)) && error.ends_flow(), "{query}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn errors_of_the_server_are_clean() {
        assert_eq!(
            read("error=access_denied&error_description=no%1b[1m%0away&state=st4te"),
            Err(CallbackError::Denied("no [1m way".to_owned()))
        );
        assert_eq!(
            read("error=server_error&state=st4te").unwrap_err().to_string(),
            "the authorization server answered server_error"
        );
    }

    #[test]
    fn a_user_may_paste_the_url_or_the_code() {
        let pasted = |text: &str| expected(false).pasted(text).map(|code| code.secret().to_owned());
        let code = Ok("c1".to_owned());
        assert_eq!(pasted(" http://127.0.0.1:5/callback?code=c1&state=st4te#_=_\n"), code);
        assert_eq!(pasted("?code=c1&state=st4te"), code);
        assert_eq!(pasted("c1\n"), code);
        assert!(pasted("http://127.0.0.1:5/callback?code=c1&state=no").is_err());
        assert!(pasted("two words").is_err() && pasted("").is_err());
        assert!(expected(true).pasted("c1").is_err(), "no issuer in it");
    }
}
