//! A browser that opens the page and presses a button, over real HTTP.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// What a page came to.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    /// What stands on it, without the marks of HTML.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut inside = false;
        for c in self.body.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        let all = [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        all.iter().fold(out, |text, (html, c)| text.replace(html, c))
    }

    /// The token of its form.
    pub(crate) fn form(&self) -> String {
        let (_, after) = self.body.split_once("name=\"form\" value=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

/// The link in a text.
#[track_caller]
pub(crate) fn link_in(text: &str) -> String {
    let at = text.find("http://127.0.0.1:").unwrap_or_else(|| panic!("no link in {text}"));
    text[at..].split([' ', '"', '\n']).next().unwrap().to_owned()
}

pub(crate) fn look(link: &str) -> Seen {
    send(link, "GET", "", "")
}

/// Presses this button, as the page's own form does it; what the browser is sent on to.
#[track_caller]
pub(crate) fn press(link: &str, button: &str) -> Seen {
    let form = look(link).form();
    let sent = answer(link, &form, button);
    assert_eq!(sent.status, 303, "{sent:?}");
    look(link)
}

pub(crate) fn answer(link: &str, form: &str, button: &str) -> Seen {
    let (host, _) = place(link);
    let headers = format!(
        "Origin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );
    send(link, "POST", &headers, &format!("form={form}&answer={button}"))
}

pub(crate) fn send(link: &str, method: &str, headers: &str, body: &str) -> Seen {
    let (host, path) = place(link);
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let all = String::from_utf8(all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Seen { status, head: head.to_owned(), body: body.to_owned() }
}

fn place(link: &str) -> (&str, &str) {
    link.strip_prefix("http://").unwrap().split_once('/').unwrap()
}
