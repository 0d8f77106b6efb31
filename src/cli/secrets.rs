//! Where `connect` and `reconnect` get secrets from: flags that name a source, else a prompt.

use super::{
    context::Context,
    error::{CliError, CliResult},
    grammar::SecretArgs,
};
use crate::{
    auth::{CLIENT_SECRET, TOKEN},
    connect::Ask,
    secret::Secret,
    task::{self, Shutdown},
    ui::{Echo, Out, PromptError, Prompter},
};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    io::Read as _,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Longest secret that is read, in bytes.
const MAX_SECRET: u64 = 1 << 20;

/// All secrets that the flags name, each from its source.
pub(super) fn given(args: &SecretArgs) -> Result<BTreeMap<String, Secret<String>>, CliError> {
    let mut secrets = BTreeMap::new();
    if args.secrets_stdin {
        let text = read_stdin("--secrets-stdin")?;
        let map: BTreeMap<String, String> = serde_json::from_str(text.expose()).map_err(|error| {
            // Its own text could quote what it read.
            CliError::usage(format!(
                "--secrets-stdin wants one JSON object of strings; it does not parse at line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        secrets.extend(map.into_iter().map(|(name, value)| (name, Secret::new(value))));
    }
    for file in &args.secret_files {
        let flag = format!("--secret-file {}", file.name);
        secrets.insert(file.name.clone(), one(&flag, read_file(&flag, &file.path)?)?);
    }
    if args.token_stdin {
        secrets.insert(TOKEN.to_owned(), one("--token-stdin", read_stdin("--token-stdin")?)?);
    }
    if args.client_secret_stdin {
        let flag = "--client-secret-stdin";
        secrets.insert(CLIENT_SECRET.to_owned(), one(flag, read_stdin(flag)?)?);
    }
    if let Some(path) = &args.token_file {
        secrets.insert(TOKEN.to_owned(), one("--token-file", read_file("--token-file", path)?)?);
    }
    Ok(secrets)
}

fn read_stdin(flag: &str) -> Result<Secret<String>, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_SECRET + 1)
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("could not read {flag}")).because(&error))?;
    bounded(flag, text)
}

fn read_file(flag: &str, path: &Path) -> Result<Secret<String>, CliError> {
    let fail = |error: std::io::Error| {
        CliError::usage(format!("could not read {flag} from {}", path.display())).because(&error)
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .map_err(fail)?
        .take(MAX_SECRET + 1)
        .read_to_string(&mut text)
        .map_err(fail)?;
    bounded(flag, text)
}

fn bounded(flag: &str, text: String) -> Result<Secret<String>, CliError> {
    if text.len() as u64 > MAX_SECRET {
        return Err(CliError::usage(format!("{flag} gives more than {MAX_SECRET} bytes")));
    }
    Ok(Secret::new(text))
}

/// One secret out of a text: without one trailing line break, and not empty.
fn one(flag: &str, text: Secret<String>) -> Result<Secret<String>, CliError> {
    let text = text.into_inner();
    let cut = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
    if cut.is_empty() {
        return Err(CliError::usage(format!("{flag} gives nothing")));
    }
    Ok(Secret::new(cut.to_owned()))
}

/// Asks at the terminal.
pub(super) struct Terminal<'a> {
    out: &'a Out,
    prompter: Prompter,
    echo: Echo,
    failed: Mutex<Option<PromptError>>,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(cx: &'a Context) -> Self {
        Self { out: &cx.out, prompter: cx.prompter, echo: Echo::now(), failed: Mutex::default() }
    }

    /// Why the last question had no answer.
    pub(super) fn failure(&self) -> Option<PromptError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a question would be asked at all.
    pub(super) fn can_ask(&self) -> bool {
        self.prompter.can_ask()
    }

    pub(super) fn note(&self, text: &str) {
        self.out.note(text);
    }

    pub(super) fn warn(&self, text: &str) {
        self.out.warn(text);
    }

    /// A line that may be seen.
    pub(super) async fn line(&self, what: &str, flag: &str) -> Result<String, CliError> {
        self.out.settle();
        let (prompter, what, flag) = (self.prompter, what.to_owned(), flag.to_owned());
        let asked = task::on_thread("prompt", Duration::MAX, move || prompter.line(&what, &flag));
        answered(asked.await)
    }

    /// A line that is not shown while it is typed.
    pub(super) async fn hidden(&self, what: &str, flag: &str) -> Result<Secret<String>, CliError> {
        self.out.settle();
        let (prompter, what, flag) = (self.prompter, what.to_owned(), flag.to_owned());
        let asked = task::on_thread("prompt", Duration::MAX, move || prompter.hidden(&what, &flag));
        answered(asked.await)
    }

    /// Runs `work` until Ctrl-C, which leaves the terminal as it was and half of nothing saved.
    pub(super) async fn interruptible(
        &self,
        shutdown: &Shutdown,
        work: impl Future<Output = CliResult>,
    ) -> CliResult {
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => {
                self.echo.restore();
                shutdown.drain(Duration::from_secs(5)).await;
                Err(CliError::interrupted())
            }
        }
    }
}

fn answered<T, E: std::fmt::Display>(
    asked: Result<Result<T, PromptError>, E>,
) -> Result<T, CliError> {
    match asked {
        Ok(answer) => answer.map_err(CliError::from),
        Err(error) => Err(CliError::internal(error.to_string())),
    }
}

impl Ask for Terminal<'_> {
    fn secret<'a>(
        &'a self,
        name: &'a str,
        host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        let (what, flag) = if name == TOKEN {
            (format!("the key for {host}"), "--token-stdin or --token-file FILE".to_owned())
        } else {
            let flag = format!("--secret-file {name}=FILE or --secrets-stdin");
            (format!("the secret {name:?} for {host}"), flag)
        };
        let prompter = self.prompter;
        self.out.settle();
        Box::pin(async move {
            // Whoever types may take as long as they like.
            let asked =
                task::on_thread("prompt", Duration::MAX, move || prompter.hidden(&what, &flag));
            let error = match asked.await {
                Ok(Ok(secret)) => return Ok(secret),
                Ok(Err(error)) => error,
                Err(error) => return Err(error.to_string()),
            };
            let text = error.to_string();
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Err(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_line_break_is_dropped_and_no_more() {
        let cut = |text: &str| one("--x", Secret::new(text.into())).map(Secret::into_inner);
        assert_eq!(cut("a\n").unwrap(), "a");
        assert_eq!(cut("a\r\n").unwrap(), "a");
        assert_eq!(cut("a\n\n").unwrap(), "a\n");
        assert_eq!(cut(" a ").unwrap(), " a ");
        assert!(cut("\n").is_err());
    }
}
