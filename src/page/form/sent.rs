//! What a browser sent, and whether it came from a page of ours.

use crate::secret::Secret;
use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Longest form that is read, in bytes.
pub(in crate::page) const MAX_BODY: usize = 64 * 1024;
/// How long a browser may take to send it.
pub(in crate::page) const BODY_TIME: Duration = Duration::from_secs(10);
/// More than any form of ours has.
const MAX_FIELDS: usize = 200;
/// The field of [`super::Form::token`].
pub(in crate::page) const TOKEN_FIELD: &str = "form";

/// The fields of a form that was sent, any of which may be a secret.
pub struct Sent {
    fields: BTreeMap<String, Secret<String>>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

impl Sent {
    /// Reads a body of `application/x-www-form-urlencoded`; of a field that is there twice the
    /// last one counts. `None` when it has more fields than a form of ours can have.
    pub(in crate::page) fn read(body: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (at, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
            if at >= MAX_FIELDS {
                return None;
            }
            fields.insert(name.into_owned(), Secret::new(value.into_owned()));
        }
        Some(Self { fields })
    }

    /// It is the answer to the form with this token.
    pub fn carries(&self, token: &str) -> bool {
        let given = self.fields.get(TOKEN_FIELD).map(|it| it.expose().as_bytes());
        let (given, token) = (given.unwrap_or_default(), token.as_bytes());
        // As long for every wrong one, so that none can be found letter by letter.
        let differs = given.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
        !token.is_empty() && given.len() == token.len() && differs == 0
    }

    /// A field, as it was typed; `None` when it was not sent or is empty.
    pub fn take(&mut self, name: &str) -> Option<Secret<String>> {
        self.fields.remove(name).filter(|value| !value.expose().is_empty())
    }
}

/// Why a form is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::page) enum Foreign {
    /// A page of somebody else sent it.
    Origin,
    /// Forms of ours are sent in one way only.
    Type,
}

/// Refuses what another site made the browser send. `own` is the address that the request was
/// sent to, which is known to be ours.
///
/// As our pages say `no-referrer`, browsers send `Origin: null` with our own forms (Fetch
/// standard, "append a request `Origin` header"), so `Sec-Fetch-Site` has to tell whose they are.
pub(in crate::page) fn from_us(headers: &HeaderMap, own: &str) -> Result<(), Foreign> {
    let one = |name: HeaderName| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Ok(Some(value.to_str().map_err(|_| Foreign::Origin)?)),
            _ => Err(Foreign::Origin),
        }
    };
    let site = one(HeaderName::from_static("sec-fetch-site"))?;
    let origin = one(http::header::ORIGIN)?;
    let ours = match (site, origin) {
        (Some("same-origin"), None | Some("null")) => true,
        (Some("same-origin") | None, Some(origin)) => origin == format!("http://{own}"),
        _ => false,
    };
    if !ours {
        return Err(Foreign::Origin);
    }
    let kind = one(CONTENT_TYPE)?.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let form = kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if form { Ok(()) } else { Err(Foreign::Type) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_once_and_never_shown() {
        let mut sent = Sent::read(b"form=t&key=a%20b%2B+c&empty=&key=last").unwrap();
        assert!(!format!("{sent:?}").contains("last"), "{sent:?}");
        assert_eq!(sent.take("key").unwrap().expose(), "last");
        assert!(sent.take("key").is_none() && sent.take("empty").is_none());
        assert_eq!(Sent::read(b"a=%20x%2B+y").unwrap().take("a").unwrap().expose(), " x+ y");
        let many = "a=1&".repeat(MAX_FIELDS + 1);
        assert!(Sent::read(many.as_bytes()).is_none());
    }

    #[test]
    fn only_the_form_with_the_token_is_the_answer() {
        let sent = |body: &str| Sent::read(body.as_bytes()).unwrap();
        assert!(sent("form=abc").carries("abc"));
        for other in ["form=abd", "form=ab", "form=abcd", "form=", ""] {
            assert!(!sent(other).carries("abc"), "{other}");
        }
        assert!(!sent("form=").carries(""), "a form without one takes nothing");
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        let verdict = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            from_us(&headers, "127.0.0.1:9")
        };
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let (site, ours) = (("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:9"));
        for good in [&[site, form][..], &[site, ("origin", "null"), form], &[ours, form]] {
            assert_eq!(verdict(good), Ok(()), "{good:?}");
        }
        for bad in [
            &[form][..],
            &[("origin", "null"), form],
            &[("origin", "http://127.0.0.1:8"), form],
            &[("origin", "https://127.0.0.1:9"), form],
            &[site, ("origin", "http://evil.example"), form],
            &[("sec-fetch-site", "cross-site"), ours, form],
            &[("sec-fetch-site", "same-site"), form],
            &[ours, ours, form],
        ] {
            assert_eq!(verdict(bad), Err(Foreign::Origin), "{bad:?}");
        }
        assert_eq!(verdict(&[site, ("content-type", "text/plain")]), Err(Foreign::Type));
        assert_eq!(verdict(&[site]), Err(Foreign::Type));
    }
}
