//! `allmcp config`: where the settings are, one of them, or all of them in an editor.

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::ConfigCommand,
};
use crate::{app, config, disk::atomic};
use serde::Serialize;
use std::{path::Path, process::Command};

#[derive(Serialize)]
struct PathDocument {
    path: String,
    exists: bool,
}

#[derive(Serialize)]
struct KeyDocument<'a> {
    key: &'a str,
    value: Option<&'a str>,
}

pub(super) fn run(cx: &Context, command: ConfigCommand) -> CliResult {
    match command {
        ConfigCommand::Path => path(cx),
        ConfigCommand::Get { key } => get(cx, &key),
        ConfigCommand::Set { key, value } => {
            config::set_key(&cx.paths, &key, &value)?;
            app::remember_good(&cx.paths);
            if cx.out.json() {
                cx.out.document("config-set", &KeyDocument { key: &key, value: Some(&value) })?;
            }
            Ok(Exit::DONE)
        }
        ConfigCommand::Edit => edit(cx),
    }
}

fn path(cx: &Context) -> CliResult {
    let path = &cx.paths.config_file;
    if cx.out.json() {
        let document = PathDocument { path: path.display().to_string(), exists: path.exists() };
        cx.out.document("config-path", &document)?;
    } else {
        cx.out.line(&path.display().to_string())?;
    }
    Ok(Exit::DONE)
}

fn get(cx: &Context, key: &str) -> CliResult {
    let value = config::get_key(&cx.paths, key)?;
    if cx.out.json() {
        cx.out.document("config-get", &KeyDocument { key, value: value.as_deref() })?;
    } else if let Some(value) = &value {
        cx.out.line(value)?;
    }
    match value {
        Some(_) => Ok(Exit::DONE),
        None if cx.out.json() => Ok(Exit::FAILED),
        None => Err(CliError::failed(format!("{key} is not set"))),
    }
}

/// Opens a copy, and puts it in place only when it parses: a running server never sees half an
/// edit.
fn edit(cx: &Context) -> CliResult {
    if !cx.prompter.can_ask() {
        return Err(
            CliError::usage("config edit needs a terminal").hint("allmcp config set KEY VALUE")
        );
    }
    let editor = cx
        .env
        .editor
        .clone()
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.into());
    let file = &cx.paths.config_file;
    let old = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => b"version = 1\n".to_vec(),
        Err(error) => {
            return Err(
                CliError::failed(format!("could not read {}", file.display())).because(&error)
            );
        }
    };
    let copy = atomic::beside(file, ".edit.toml");
    let failed = |error: std::io::Error| {
        CliError::failed(format!("could not use {}", copy.display())).because(&error)
    };
    atomic::write(&copy, &old).map_err(failed)?;
    let status = open_editor(&editor, &copy)?;
    if !status {
        let _gone = std::fs::remove_file(&copy);
        return Err(CliError::failed("the editor ended with an error; nothing was changed"));
    }
    let new = std::fs::read(&copy).map_err(failed)?;
    if let Err(error) = config::check(file, &new) {
        return Err(CliError::from(error)
            .hint(format!("nothing was changed; your text is in {}", copy.display())));
    }
    let now = std::fs::read(file).unwrap_or_else(|_| b"version = 1\n".to_vec());
    if now != old {
        return Err(CliError::failed("the configuration was changed by somebody else meanwhile")
            .hint(format!("your text is in {}", copy.display())));
    }
    if new == old {
        cx.out.note("nothing was changed");
    } else {
        atomic::write(file, &new).map_err(failed)?;
        app::remember_good(&cx.paths);
    }
    let _gone = std::fs::remove_file(&copy);
    Ok(Exit::DONE)
}

/// The editor's text may hold arguments (`code --wait`); no shell sees it.
fn open_editor(editor: &str, file: &Path) -> Result<bool, CliError> {
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program).args(words).arg(file).status();
    status
        .map(|status| status.success())
        .map_err(|error| CliError::failed(format!("could not start {program}")).because(&error))
}
