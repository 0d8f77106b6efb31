//! Opening a URL in the user's browser.

use crate::task;
use std::{
    io,
    process::{Child, Command, Stdio},
};
use url::Url;

/// Longest URL that is handed to another program, in bytes.
const MAX_URL: usize = 8 * 1024;

/// How a browser is opened here.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// One command that gets the URL as its only argument; else the system's opener.
    pub command: Option<String>,
    /// There is a screen that the user sees.
    pub desktop: bool,
}

/// Why no browser was opened.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    #[error("there is no desktop here")]
    NoDesktop,
    #[error("that is not a URL to open in a browser")]
    Url,
    #[error("{program:?} could not be started")]
    Start { program: String, source: io::Error },
}

impl Browser {
    /// There is something to open.
    pub fn can_open(&self) -> bool {
        self.desktop || self.command.is_some()
    }

    /// Opens `url`, which must be http or https, as one argument and through no shell.
    ///
    /// It returns when the program is started; whether a page was shown nobody can say.
    pub fn open(&self, url: &str) -> Result<(), BrowserError> {
        check(url)?;
        if !self.can_open() {
            return Err(BrowserError::NoDesktop);
        }
        let commands = match &self.command {
            Some(program) => {
                let mut command = Command::new(program);
                command.arg(url);
                vec![command]
            }
            // Never through `cmd /c start`, which reads more into a URL than there is.
            #[cfg(windows)]
            None => {
                return open::that_detached(url).map_err(|source| BrowserError::Start {
                    program: "the system's opener".to_owned(),
                    source,
                });
            }
            #[cfg(not(windows))]
            None => open::commands(url),
        };
        let mut last = BrowserError::NoDesktop;
        for mut command in commands {
            let program = command.get_program().to_string_lossy().into_owned();
            // Our stdout is the protocol, our stdin the client's.
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match command.spawn() {
                Ok(child) => {
                    reap(child);
                    return Ok(());
                }
                Err(source) => last = BrowserError::Start { program, source },
            }
        }
        Err(last)
    }
}

/// A child that nobody waits for would stay in the table of processes.
fn reap(mut child: Child) {
    let _thread = task::detached_thread("browser", move || {
        let _ended = child.wait();
    });
}

/// A URL from a server's metadata goes to a program of the system: nothing but a plain web
/// address may (CVE-2025-6514).
fn check(url: &str) -> Result<(), BrowserError> {
    // What RFC 3986 does not know in a URL means something to a shell or a launcher.
    let known = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    let plain = url.len() <= MAX_URL && url.bytes().all(known);
    let parsed = Url::parse(url).map_err(|_| BrowserError::Url)?;
    let web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    let bare = parsed.username().is_empty() && parsed.password().is_none();
    // Not what a parser made of it, but what it is: the text itself is handed on.
    let lower = url.get(..8).unwrap_or_default().to_ascii_lowercase();
    let starts = lower.starts_with("http://") || lower == "https://";
    if plain && web && bare && starts { Ok(()) } else { Err(BrowserError::Url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_handed_on() {
        for good in ["https://a.example/authorize?x=1&y=%22", "http://127.0.0.1:1/x"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
        for bad in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "-flag",
            "https://user:pass@a.example/",
            "https://user@a.example/",
            "http://a\"&calc",
            "https://a.example/$(touch p)\n",
            "https://a.example/ b",
            "https:a.example",
            " https://a.example",
            "vscode://x",
            &long,
        ] {
            let browser = Browser { command: Some("/nonexistent".to_owned()), desktop: true };
            assert!(matches!(browser.open(bad), Err(BrowserError::Url)), "{bad}");
        }
    }

    #[test]
    fn without_a_desktop_nothing_is_started() {
        let opened = Browser::default().open("https://a.example/");
        assert!(matches!(opened, Err(BrowserError::NoDesktop)));
    }
}
