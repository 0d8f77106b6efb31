//! Clients: whether each has our entry, and whether that starts this program.

use super::{
    finding::{Check, Finding},
    process, program,
};
use crate::{
    cli::{context::Context, install},
    clients::{self, Client, ClientError, EntryState, State, import},
};
use std::{collections::BTreeMap, path::Path};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A client and how it stands to us.
pub(super) struct Entry {
    pub(super) client: &'static dyn Client,
    pub(super) state: Result<State, ClientError>,
    /// The variables that our entry sets.
    variables: Vec<String>,
    /// It is for the same home as this process.
    at_home: bool,
    is_off: bool,
}

impl Entry {
    /// Our entry, where it has one.
    pub(super) fn ours(&self) -> Option<&EntryState> {
        self.state.as_ref().ok()?.entry.as_ref()
    }

    /// Whether that entry sets this variable.
    pub(super) fn passes(&self, variable: &str) -> bool {
        self.variables.iter().any(|set| set == variable)
    }
}

/// What a command that a client starts says of itself: its version, or why it says nothing.
pub(super) type Starts = BTreeMap<String, Result<String, String>>;

pub(super) fn entries(cx: &Context) -> Vec<Entry> {
    let (Ok(dirs), Ok(server)) = (install::dirs(cx), install::server(cx)) else {
        return Vec::new();
    };
    let root = cx.paths.root.as_ref().map(|root| root.display().to_string());
    let look = |client: &&'static dyn Client| {
        let state = clients::inspect(*client, &dirs, &server);
        let name = state.as_ref().ok().and_then(|state| Some(state.entry.as_ref()?.name.clone()));
        let entries = name.is_some().then(|| clients::servers(*client, &dirs).ok().flatten());
        let entries = entries.flatten().map(|(_, entries)| entries).unwrap_or_default();
        let ours = entries.into_iter().find(|(other, _)| Some(other) == name.as_ref());
        let launch = ours.as_ref().and_then(|(_, entry)| client.launch(entry));
        Entry {
            client: *client,
            state,
            is_off: ours.as_ref().is_some_and(|(_, entry)| import::is_off(entry)),
            variables: ours.map(|(_, entry)| import::variables(&entry)).unwrap_or_default(),
            at_home: launch.is_none_or(|launch| launch.home == root),
        }
    };
    clients::ALL.iter().map(look).collect()
}

/// Starts what the clients start, each once, and asks for its version. What is not called as we
/// are is not started: who knows what it does.
pub(super) async fn starts(cx: &Context, entries: &[Entry]) -> Starts {
    let mut commands: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry.ours()?.command.as_deref())
        .filter(|command| is_called_as_we_are(command) || is_this(command))
        .filter(|command| {
            Path::new(command).is_absolute() && program::is_executable(Path::new(command))
        })
        .collect();
    commands.sort_unstable();
    commands.dedup();
    let home = cx.env.home.as_deref();
    let all = commands.into_iter().map(|command| async move {
        let said = process::ask(command, &["--version"], home).await;
        (command.to_owned(), said.and_then(|said| version(&said)))
    });
    futures_util::future::join_all(all).await.into_iter().collect()
}

fn version(said: &process::Said) -> Result<String, String> {
    let version = said.text.lines().next().and_then(|line| line.strip_prefix("allmcp "));
    match version {
        Some(version) if said.success => Ok(version.trim().to_owned()),
        _ if said.success => Err("it does not say that it is allmcp".to_owned()),
        _ => Err("it ended with an error".to_owned()),
    }
}

fn is_called_as_we_are(command: &str) -> bool {
    let stem = Path::new(command).file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| stem == "allmcp" || stem.starts_with("allmcp-"))
}

fn is_this(command: &str) -> bool {
    Context::binary().is_ok_and(|ours| program::real(Path::new(command)) == program::real(&ours))
}

pub(super) fn findings(entries: &[Entry], starts: Option<&Starts>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut absent = 0;
    for entry in entries {
        let client = entry.client;
        match &entry.state {
            Err(error) => findings.push(unreadable(client, error)),
            Ok(State { entry: Some(ours), .. }) => findings.push(started(entry, ours, starts)),
            Ok(State { is_here: true, .. }) => findings.push(
                Finding::warning(
                    Check::Client,
                    format!("{} does not know allmcp", client.title()),
                    again(client),
                )
                .on(client.id()),
            ),
            Ok(_) => absent += 1,
        }
    }
    findings.extend(entries.iter().flat_map(|entry| twice(entry, entries)));
    if absent > 0 {
        // That a program is not there is nothing to be mended.
        let message = match absent {
            1 => "1 other that allmcp knows is not on this machine".to_owned(),
            many => format!("{many} others that allmcp knows are not on this machine"),
        };
        findings.push(Finding::ok(Check::Client, message));
    }
    findings
}

/// A client that starts what another one lists would start us twice.
fn twice(entry: &Entry, entries: &[Entry]) -> Vec<Finding> {
    let reader = entry.client;
    if entry.ours().is_none() {
        return Vec::new();
    }
    let listed = entries
        .iter()
        .filter(|it| it.ours().is_some() && reader.also_starts().contains(&it.client.id()));
    let told = |listed: &Entry| {
        let (reader, listed) = (reader.title(), listed.client.title());
        let message = format!("{reader} can start what {listed} lists, and allmcp is in both");
        Finding::warning(Check::Client, message, format!("allmcp uninstall {}", entry.client.id()))
            .on(entry.client.id())
    };
    listed.map(told).collect()
}

fn again(client: &dyn Client) -> String {
    format!("allmcp install {}", client.id())
}

fn unreadable(client: &dyn Client, error: &ClientError) -> Finding {
    let fix = match error {
        ClientError::Several { .. } => {
            format!("allmcp install {} --print, and paste the entry by hand", client.id())
        }
        _ => format!("mend that file, then: {}", again(client)),
    };
    Finding::error(Check::Client, format!("{}: {error}", client.title()), fix).on(client.id())
}

/// What becomes of it when the client starts our entry.
fn started(entry: &Entry, ours: &EntryState, starts: Option<&Starts>) -> Finding {
    let client = entry.client;
    let (title, fix) = (client.title(), again(client));
    let Some(command) = ours.command.as_deref() else {
        let message = format!("{title} has an entry {:?} that starts no program", ours.name);
        return Finding::error(Check::Client, message, fix).on(client.id());
    };
    let path = Path::new(command);
    let said = starts.and_then(|starts| starts.get(command));
    let wrong = |message: String| Finding::error(Check::Client, message, fix.clone());
    let odd = |message: String| Finding::warning(Check::Client, message, fix.clone());
    let finding = if !path.is_absolute() {
        odd(format!(
            "{title} starts {command:?} by its name, and may have no PATH that leads to it"
        ))
    } else if !ours.exists {
        wrong(format!("{title} starts {command}, which is not there"))
    } else if !program::is_executable(path) {
        wrong(format!("{title} starts {command}, which cannot be executed"))
    } else if let Some(Err(why)) = said {
        wrong(format!("{title} starts {command}, which does not run: {why}"))
    } else if entry.is_off {
        let message = format!("{title} has allmcp, and it is switched off there");
        Finding::warning(Check::Client, message, format!("switch {:?} on in {title}", ours.name))
    } else if is_this(command) {
        if ours.current {
            Finding::ok(Check::Client, format!("{title} starts this allmcp"))
        } else if entry.at_home {
            odd(format!("{title} starts this allmcp by an old entry"))
        } else {
            odd(format!("{title} starts this allmcp for another home than this one"))
        }
    } else {
        match said {
            Some(Ok(version)) if version != VERSION => {
                odd(format!("{title} starts allmcp {version}, and this is {VERSION}: {command}"))
            }
            Some(Ok(_)) => odd(format!("{title} starts another copy of allmcp: {command}")),
            _ if is_called_as_we_are(command) => {
                odd(format!("{title} starts another allmcp or an old one: {command}"))
            }
            _ => odd(format!("{title} starts another program as allmcp: {command}")),
        }
    };
    finding.on(client.id())
}
