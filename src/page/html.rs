//! Pages that say one thing: static text, nothing of the request.

use super::frame::{document, escaped};
use http::StatusCode;

/// The pages that there are. Names are those of connections: letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The sign-in to this connection is stored.
    SignedIn(String),
    /// The user said no over there.
    Denied(String),
    /// It went wrong; whoever began it says why.
    Failed,
    /// Nobody waits for this any more, or nobody ever did.
    NotThis,
    /// Another sign-in to the same connection waits for its answer.
    Busy(String),
    /// Asked for under a name that is not ours.
    Stranger,
    /// A form that was not sent by a page of ours, or not as ours are.
    NotOurs,
    /// A form that is larger than any of ours.
    TooLarge,
    /// The time of the link is over.
    Expired,
    /// What the link was for is done.
    Used(Said),
    /// In the visitor's own words.
    Told(Said),
    /// Work is under way: the browser asks again after a moment.
    Working(Said),
    /// On to this URL, by a page in between: a browser that has sent a form follows no redirect
    /// to where forms may not be sent (CSP 3, `form-action`).
    Onward(String),
    /// An answer without a text, to a look ahead.
    Nothing,
}

/// A title and a text, shown as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub sign: Sign,
    pub title: String,
    pub text: String,
}

/// How it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Good,
    Bad,
    Wait,
}

impl Said {
    pub fn new(sign: Sign, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { sign, title: title.into(), text: text.into() }
    }
}

impl Page {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::SignedIn(_)
            | Self::Nothing
            | Self::Told(_)
            | Self::Working(_)
            | Self::Onward(_) => StatusCode::OK,
            Self::Denied(_) | Self::Failed => StatusCode::BAD_REQUEST,
            Self::NotThis => StatusCode::NOT_FOUND,
            Self::Busy(_) => StatusCode::CONFLICT,
            Self::Stranger | Self::NotOurs => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Expired | Self::Used(_) => StatusCode::GONE,
        }
    }

    pub(super) fn html(&self) -> String {
        let said = match self {
            Self::Nothing => return String::new(),
            Self::Onward(url) => return onward(url),
            Self::Used(said) | Self::Told(said) => said.clone(),
            Self::Working(said) => {
                return plain(said, "<meta http-equiv=\"refresh\" content=\"2\">");
            }
            other => other.said(),
        };
        plain(&said, "")
    }

    fn said(&self) -> Said {
        match self {
            Self::SignedIn(name) => Said::new(
                Sign::Good,
                format!("{name} is connected"),
                "You can close this tab and go back to where you came from.",
            ),
            Self::Denied(name) => Said::new(
                Sign::Bad,
                format!("{name} was not connected"),
                "The access was not granted, so nothing was changed. Sign in again whenever you \
                 like.",
            ),
            Self::NotThis => Said::new(
                Sign::Bad,
                "There is nothing here",
                "This link was used already, has expired or is not complete. Start the sign-in \
                 again.",
            ),
            Self::Busy(name) => Said::new(
                Sign::Wait,
                format!("A sign-in to {name} is under way"),
                "Finish it in the tab that is open already, or wait a few minutes and try again.",
            ),
            Self::Stranger => {
                Said::new(Sign::Bad, "Not here", "This page answers only under its own address.")
            }
            Self::NotOurs => Said::new(
                Sign::Bad,
                "This was not sent by our page",
                "Nothing was changed. Open the link again and send the form from there.",
            ),
            Self::TooLarge => Said::new(
                Sign::Bad,
                "That is too long",
                "What was entered is longer than anything that is asked for here. Nothing was \
                 changed; go back and check it.",
            ),
            Self::Expired => Said::new(
                Sign::Bad,
                "This link has expired",
                "Links are good for a few minutes. Nothing was changed; ask for a new one where \
                 you got this one.",
            ),
            // The others have a text of their own.
            _ => Said::new(
                Sign::Bad,
                "That did not work",
                "The reason stands where the sign-in was started: in the terminal, or in the \
                 answer of the tool.",
            ),
        }
    }
}

fn plain(said: &Said, head: &str) -> String {
    let (class, mark) = match said.sign {
        Sign::Good => ("good", "<path d='M15 25l7 7 12-14'/>"),
        Sign::Wait => ("wait", "<path d='M24 14v11l7 5'/>"),
        Sign::Bad => ("bad", "<path d='M24 14v13M24 33v1'/>"),
    };
    let (title, text) = (escaped(&said.title), escaped(&said.text));
    let main = format!(
        "<svg viewBox=\"0 0 48 48\" aria-hidden=\"true\"><circle cx=\"24\" cy=\"24\" r=\"21\"/>{mark}</svg>\
         <h1>{title}</h1><p>{text}</p>"
    );
    document(&title, class, head, &main)
}

fn onward(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    let Some(parsed) = parsed.filter(|url| matches!(url.scheme(), "https" | "http")) else {
        return plain(&Page::Failed.said(), "");
    };
    let host = escaped(parsed.host_str().unwrap_or_default());
    let url = escaped(url);
    let title = format!("On to {host}");
    let head = format!("<meta http-equiv=\"refresh\" content=\"0;url={url}\">");
    let main = format!(
        "<h1>{title}</h1><p>You sign in there, and come back by yourself.</p>\
         <a class=\"go\" href=\"{url}\" rel=\"noreferrer\">Continue to {host}</a>"
    );
    document(&title, "wait", &head, &main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_has_a_script_and_a_name_stays_a_text() {
        let evil = "<script>alert(1)</script>\"'&".to_owned();
        let said = Said::new(Sign::Wait, &evil, &evil);
        for page in [
            Page::SignedIn(evil.clone()),
            Page::Denied(evil.clone()),
            Page::Busy(evil.clone()),
            Page::Failed,
            Page::NotThis,
            Page::Stranger,
            Page::NotOurs,
            Page::TooLarge,
            Page::Expired,
            Page::Used(said.clone()),
            Page::Told(said.clone()),
            Page::Working(said),
            Page::Onward(format!("https://as.example/?a={evil}")),
            Page::Onward("javascript:alert(1)".to_owned()),
        ] {
            let html = page.html();
            assert!(!html.contains("<script") && !html.contains("alert(1)</"), "{html}");
            assert!(!html.contains("javascript:"), "{html}");
            assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>"), "{html}");
            assert!(!html.contains(" on") || !html.contains("onload"), "{html}");
        }
    }

    #[test]
    fn on_to_another_page_there_is_a_link_too() {
        let html = Page::Onward("https://as.example/authorize?a=1&b=2".to_owned()).html();
        let url = "https://as.example/authorize?a=1&amp;b=2";
        assert!(html.contains(&format!("content=\"0;url={url}\"")), "{html}");
        assert!(html.contains(&format!("href=\"{url}\"")), "{html}");
    }
}
