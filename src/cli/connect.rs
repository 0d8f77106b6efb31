//! `allmcp connect`: where the secrets come from, and how it ended.

use super::{
    context::Context,
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::ConnectArgs,
};
use crate::{
    app,
    connect::{self, Ask, ConnectError, Connected, Request},
    kind::AuthKind,
    secret::Secret,
    ui::{PromptError, Prompter},
};
use serde::Serialize;
use std::{collections::BTreeMap, io::Read as _, path::Path, sync::Mutex};

/// Longest secret that is read, in bytes.
const MAX_SECRET: u64 = 1 << 20;

/// One line of the stream (contract section 3).
#[derive(Serialize)]
struct ConnectedEvent<'a> {
    schema: &'static str,
    event: &'static str,
    name: &'a str,
    tools: usize,
    already: bool,
    dry_run: bool,
}

pub(super) async fn run(cx: &Context, args: ConnectArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    if !args.target.contains("://") {
        let text = format!("there is no provider {:?} in this version", args.target);
        return Err(CliError::new(Kind::NotFound, text)
            .hint("give the URL of the server: allmcp connect https://…/mcp"));
    }
    if args.tools.iter().any(String::is_empty) {
        return Err(CliError::usage("--tools wants a glob, and one is empty"));
    }
    let secrets = secrets(&args)?;
    let store = args.store.or(settings.store);
    let vault = cx.vault(&settings, args.store);
    let remember = (store != settings.store || settings.store.is_none()).then(|| vault.kind());
    let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, remember);
    let ask = CliAsk { prompter: cx.prompter, refused: Mutex::default() };
    let request = Request {
        name: args.name,
        url: args.target,
        auth: args.auth,
        headers: args.headers.into_iter().map(|h| (h.name.to_string(), h.value)).collect(),
        params: args.params.into_iter().map(|p| (p.key, p.value)).collect(),
        allow: args.tools,
        secrets,
        force: args.force,
        dry_run: args.dry_run,
        tenant: cx.tenant.clone(),
        timeout: None,
    };
    let url = request.url.clone();
    let result = connect::connect(&deps, request, &ask).await;
    if let Some(error) = ask.take() {
        return Err(error.into());
    }
    let connected = result.map_err(|error| told(error, &url))?;
    tell(cx, &connected)
}

fn tell(cx: &Context, connected: &Connected) -> CliResult {
    let (name, tools, already, dry_run) = match connected {
        Connected::New { name, tools, dry_run, .. } => (name, *tools, false, *dry_run),
        Connected::Already { name, tools } => (name, *tools, true, false),
    };
    // Off a terminal the events are what a script or an agent waits for.
    if cx.out.json() || !cx.out.terminal().stdout {
        cx.out.event(&ConnectedEvent {
            schema: "allmcp.connect/1",
            event: "connected",
            name: name.as_str(),
            tools,
            already,
            dry_run,
        })?;
    } else {
        let how = match connected {
            Connected::Already { .. } => "already connected",
            Connected::New { dry_run: true, .. } => "would be connected (dry run, nothing saved)",
            Connected::New { auth: AuthKind::Key, .. } => "connected with a key",
            Connected::New { .. } => "connected",
        };
        cx.out.line(&format!("{name}: {how}, {tools} tools"))?;
    }
    if !already && !dry_run {
        cx.out.note(&format!(
            "allmcp tools {name} lists what it offers; running servers take it up by themselves"
        ));
    }
    Ok(Exit::DONE)
}

fn told(error: ConnectError, url: &str) -> CliError {
    let text = error.to_string();
    match error {
        ConnectError::Refused(_) | ConnectError::Url { .. } => CliError::usage(text),
        ConnectError::Taken { name, .. } => CliError::usage(text)
            .on(name.as_str())
            .hint("choose another --name, or replace it with --force"),
        ConnectError::Missing(_) => {
            CliError::usage(text).hint("give it by --token-stdin, --token-file or --secret-file")
        }
        ConnectError::Store { source, .. } => source.into(),
        ConnectError::SignInWanted { name } => CliError::needs_auth(name.as_str(), text).hint(format!(
            "sign-in by browser is not in this version; with a key: allmcp connect {} --auth key --token-stdin",
            crate::text::line(url.split('?').next().unwrap_or_default(), 200)
        )),
        ConnectError::WrongKey { name, .. } => CliError::needs_auth(name.as_str(), text)
            .hint("check the key, and with --header the place where it goes"),
        ConnectError::Upstream(error) => error.into(),
        ConnectError::Save(_) => CliError::failed(text),
    }
}

/// All secrets that the flags name, each from its source.
fn secrets(args: &ConnectArgs) -> Result<BTreeMap<String, Secret<String>>, CliError> {
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
        secrets.insert("token".to_owned(), one("--token-stdin", read_stdin("--token-stdin")?)?);
    }
    if let Some(path) = &args.token_file {
        secrets.insert("token".to_owned(), one("--token-file", read_file("--token-file", path)?)?);
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

/// Asks at the terminal; keeps why it could not, since that names the flag to use.
struct CliAsk {
    prompter: Prompter,
    refused: Mutex<Option<PromptError>>,
}

impl CliAsk {
    /// An interrupted question ends the command as such.
    fn take(&self) -> Option<PromptError> {
        let error = self.refused.lock().ok()?.take()?;
        matches!(error, PromptError::Interrupted).then_some(error)
    }
}

impl Ask for CliAsk {
    fn secret(&self, name: &str, why: &str) -> Result<Secret<String>, String> {
        let what =
            if name == "token" { format!("the key ({why})") } else { format!("{name} ({why})") };
        let flag = if name == "token" {
            "--token-stdin or --token-file".to_owned()
        } else {
            format!("--secret-file {name}=FILE or --secrets-stdin")
        };
        self.prompter.hidden(&what, &flag).map_err(|error| {
            let text = error.to_string();
            if let Ok(mut refused) = self.refused.lock() {
                *refused = Some(error);
            }
            text
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
