//! `allmcp enable` and `allmcp disable`.

use super::{
    context::{Context, unknown_connection},
    error::CliResult,
    exit::Exit,
};
use crate::{app, config, name::ConnectionName};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    enabled: bool,
}

pub(super) fn run(cx: &Context, name: &ConnectionName, on: bool) -> CliResult {
    let settings = cx.settings_to_change()?;
    let Some(connection) = settings.connection(name.as_str()) else {
        return Err(unknown_connection(name, &settings));
    };
    let word = if on { "enabled" } else { "disabled" };
    if connection.enabled == on {
        cx.out.note(&format!("{name} is {word} already"));
    } else {
        config::set_enabled(&cx.paths, name, on)?;
        app::remember_good(&cx.paths);
        cx.out.note(&format!("{name} is {word}"));
    }
    if cx.out.json() {
        let command = if on { "enable" } else { "disable" };
        cx.out.document(command, &Document { name: name.as_str(), enabled: on })?;
    }
    Ok(Exit::DONE)
}
