//! Questions: asked only where somebody can answer, never waited for elsewhere.

use super::Echo;
use crate::{secret::Secret, text};
use std::{
    fmt,
    io::{self, BufRead, Write},
};

/// What is known about who may be listening; plain values, read by others.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, named at the call")]
pub struct Audience {
    pub stdin_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// `--no-input` or `ALLMCP_NO_INPUT`.
    pub no_input: bool,
    pub ci: bool,
    pub agent: bool,
}

/// Why a question is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoInput,
    Ci,
    Agent,
    NoTerminal,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInput => "input is switched off",
            Self::Ci => "CI is set",
            Self::Agent => "an agent is at the keyboard",
            Self::NoTerminal => "there is no terminal",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Nobody was asked. `instead` names the flag that gives the answer.
    #[error("{what} is needed, and cannot be asked for: {why}")]
    Refused { what: String, why: Refusal, instead: String },
    #[error("{what} is needed, and the input ended")]
    Ended { what: String, instead: String },
    #[error("interrupted")]
    Interrupted,
    #[error("could not ask for {what}")]
    Io { what: String, source: io::Error },
}

/// The right to ask, or the reason why not. Asking blocks: do it on a blocking thread.
#[derive(Debug, Clone, Copy)]
pub struct Prompter {
    refusal: Option<Refusal>,
}

impl Prompter {
    pub fn new(audience: Audience) -> Self {
        let refusal = if audience.no_input {
            Some(Refusal::NoInput)
        } else if audience.ci {
            Some(Refusal::Ci)
        } else if audience.agent {
            Some(Refusal::Agent)
        } else if !(audience.stdin_is_terminal && audience.stderr_is_terminal) {
            Some(Refusal::NoTerminal)
        } else {
            None
        };
        Self { refusal }
    }

    /// Whether a question would be asked at all.
    pub fn can_ask(self) -> bool {
        self.refusal.is_none()
    }

    fn allow(self, what: &str, instead: &str) -> Result<(), PromptError> {
        match self.refusal {
            None => Ok(()),
            Some(why) => {
                Err(PromptError::Refused { what: what.into(), why, instead: instead.into() })
            }
        }
    }

    /// A yes or no; anything but a yes is a no. `instead` is the flag that says yes beforehand.
    pub fn confirm(self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.allow("a confirmation", instead)?;
        let asked = format!("{} [y/N] ", text::line(question, 400));
        let answer = ask(&mut io::stdin().lock(), &mut io::stderr(), &asked)
            .map_err(|source| PromptError::Io { what: "a confirmation".into(), source })?;
        Ok(answer.is_some_and(|answer| is_yes(&answer)))
    }

    /// A line that may be seen. `instead` is the flag that gives it.
    pub fn line(self, what: &str, instead: &str) -> Result<String, PromptError> {
        self.allow(what, instead)?;
        let asked = format!("{}: ", text::line(what, 400));
        loop {
            let answer = ask(&mut io::stdin().lock(), &mut io::stderr(), &asked)
                .map_err(|source| PromptError::Io { what: what.into(), source })?;
            match answer {
                Some(answer) if answer.is_empty() => {}
                Some(answer) => return Ok(answer),
                None => {
                    return Err(PromptError::Ended { what: what.into(), instead: instead.into() });
                }
            }
        }
    }

    /// A line that is not shown while it is typed. `instead` is the flag that gives it.
    pub fn hidden(self, what: &str, instead: &str) -> Result<Secret<String>, PromptError> {
        self.allow(what, instead)?;
        let echo = Echo::now();
        // Before the question is seen: who pastes is faster than what hides the answer.
        echo.hide();
        let answer = loop {
            match asked_unseen(what) {
                Ok(answer) if answer.trim().is_empty() => {}
                // A pasted key often brings the white space around it along.
                Ok(answer) => break Ok(Secret::new(answer.trim().to_owned())),
                Err(e) => {
                    let what = what.to_owned();
                    break Err(match e.kind() {
                        io::ErrorKind::Interrupted => PromptError::Interrupted,
                        io::ErrorKind::UnexpectedEof => {
                            PromptError::Ended { what, instead: instead.into() }
                        }
                        _ => PromptError::Io { what, source: e },
                    });
                }
            }
        };
        echo.restore();
        answer
    }
}

fn asked_unseen(what: &str) -> io::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{}: ", text::line(what, 400))?;
    stderr.flush()?;
    rpassword::read_password()
}

fn is_yes(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

/// One trimmed answer; nothing when the input has ended.
fn ask(
    input: &mut impl BufRead,
    output: &mut impl Write,
    question: &str,
) -> io::Result<Option<String>> {
    output.write_all(question.as_bytes())?;
    output.flush()?;
    let mut answer = String::new();
    // Longer than any answer; a terminal's own line limit is 4096.
    let read = io::Read::take(input, 64 * 1024).read_line(&mut answer)?;
    Ok((read > 0).then(|| answer.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Audience = Audience {
        stdin_is_terminal: true,
        stderr_is_terminal: true,
        no_input: false,
        ci: false,
        agent: false,
    };

    #[test]
    fn nobody_is_asked_where_nobody_can_answer() {
        assert!(Prompter::new(HERE).can_ask());
        for (audience, why) in [
            (Audience { stdin_is_terminal: false, ..HERE }, Refusal::NoTerminal),
            (Audience { stderr_is_terminal: false, ..HERE }, Refusal::NoTerminal),
            (Audience { no_input: true, ..HERE }, Refusal::NoInput),
            (Audience { ci: true, ..HERE }, Refusal::Ci),
            (Audience { agent: true, ..HERE }, Refusal::Agent),
        ] {
            let prompter = Prompter::new(audience);
            let refused = prompter.confirm("go?", "--yes").unwrap_err();
            assert!(
                matches!(&refused, PromptError::Refused { why: got, instead, .. }
                    if *got == why && instead == "--yes"),
                "{refused:?}"
            );
            assert!(prompter.hidden("the key", "--token-stdin").is_err());
            assert!(prompter.line("subdomain", "--param").is_err());
        }
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (typed, want) in [("y\n", true), ("YES\r\n", true), ("\n", false), ("yo\n", false)] {
            let mut shown = Vec::new();
            let answer = ask(&mut typed.as_bytes(), &mut shown, "go? [y/N] ").unwrap();
            assert_eq!(answer.is_some_and(|a| is_yes(&a)), want, "{typed:?}");
            assert_eq!(shown, b"go? [y/N] ");
        }
        assert_eq!(ask(&mut &b""[..], &mut Vec::new(), "?").unwrap(), None);
    }
}
