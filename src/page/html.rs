//! How the pages look: static text, one style, no script, nothing of the request.

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
    /// An answer without a text, to a look ahead.
    Nothing,
}

impl Page {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::SignedIn(_) | Self::Nothing => StatusCode::OK,
            Self::Denied(_) | Self::Failed => StatusCode::BAD_REQUEST,
            Self::NotThis => StatusCode::NOT_FOUND,
            Self::Busy(_) => StatusCode::CONFLICT,
            Self::Stranger => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn html(&self) -> String {
        let (sign, title, text) = match self {
            Self::SignedIn(name) => (
                "good",
                format!("{} is connected", escaped(name)),
                "You can close this tab and go back to where you came from.".to_owned(),
            ),
            Self::Denied(name) => (
                "bad",
                format!("{} was not connected", escaped(name)),
                "The access was not granted, so nothing was changed. Sign in again whenever you like."
                    .to_owned(),
            ),
            Self::Failed => (
                "bad",
                "That did not work".to_owned(),
                "The reason stands where the sign-in was started: in the terminal, or in the \
                 answer of the tool."
                    .to_owned(),
            ),
            Self::NotThis => (
                "bad",
                "There is nothing here".to_owned(),
                "This link was used already, has expired or is not complete. Start the sign-in \
                 again."
                    .to_owned(),
            ),
            Self::Busy(name) => (
                "wait",
                format!("A sign-in to {} is under way", escaped(name)),
                "Finish it in the tab that is open already, or wait a few minutes and try again."
                    .to_owned(),
            ),
            Self::Stranger => (
                "bad",
                "Not here".to_owned(),
                "This page answers only under its own address.".to_owned(),
            ),
            Self::Nothing => return String::new(),
        };
        let mark = match sign {
            "good" => "<path d='M15 25l7 7 12-14'/>",
            "wait" => "<path d='M24 14v11l7 5'/>",
            _ => "<path d='M24 14v13M24 33v1'/>",
        };
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\"><title>{title} · allmcp</title>\
             <style>{STYLE}</style></head><body class=\"{sign}\"><main>\
             <svg viewBox=\"0 0 48 48\" aria-hidden=\"true\"><circle cx=\"24\" cy=\"24\" r=\"21\"/>{mark}</svg>\
             <h1>{title}</h1><p>{text}</p></main><footer>allmcp</footer></body></html>"
        )
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--c:#1f2328;--m:#59636e;--b:#fff;--p:#f6f8fa;--l:#d1d9e0;--k:#1a7f37}\
@media(prefers-color-scheme:dark){:root{--c:#f0f6fc;--m:#9198a1;--b:#0d1117;--p:#151b23;--l:#3d444d;--k:#3fb950}}\
.bad{--k:#bf3989}.wait{--k:#9a6700}\
*{box-sizing:border-box;margin:0}\
body{min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:24px;\
padding:24px;background:var(--b);color:var(--c);font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{width:100%;max-width:440px;padding:40px 32px;text-align:center;background:var(--p);\
border:1px solid var(--l);border-radius:16px}\
svg{width:64px;height:64px;fill:none;stroke:var(--k);stroke-width:3;stroke-linecap:round;stroke-linejoin:round}\
h1{margin:20px 0 8px;font-size:22px;line-height:1.3;font-weight:600;overflow-wrap:anywhere}\
p{color:var(--m);text-wrap:balance}footer{color:var(--m);font-size:13px;letter-spacing:.04em}";

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_has_a_script_and_a_name_stays_a_text() {
        let evil = "<script>alert(1)</script>\"'&".to_owned();
        for page in [
            Page::SignedIn(evil.clone()),
            Page::Denied(evil.clone()),
            Page::Busy(evil),
            Page::Failed,
            Page::NotThis,
            Page::Stranger,
        ] {
            let html = page.html();
            assert!(!html.contains("<script") && !html.contains("alert(1)</"), "{html}");
            assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>"), "{html}");
            assert!(!html.contains(" on") || !html.contains("onload"), "{html}");
        }
    }
}
