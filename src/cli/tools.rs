//! `allmcp tools`: what clients see, what is hidden from them, and what changed.

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{PatternArgs, ToolsArgs, ToolsCommand},
};
use crate::{
    app::{self, App, Scope},
    config::{self, Settings},
    hub::{glob, pins, tool::Tool},
    kind::Rule,
    name::ConnectionName,
    store::pins::{PinError, PinStore},
    ui::{Cell, Column, Mark, Table},
};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Document {
    tools: Vec<ToolRow>,
}

#[derive(Serialize)]
struct ToolRow {
    name: String,
    connection: String,
    upstream_name: String,
    enabled: bool,
    state: &'static str,
    /// What the policy says of a call.
    policy: Rule,
    description: Option<String>,
    annotations: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct RulesDocument<'a> {
    connection: &'a str,
    allow: &'a [String],
    deny: &'a [String],
}

#[derive(Serialize)]
struct ApproveDocument<'a> {
    connection: &'a str,
    approved: Vec<String>,
}

pub(super) fn run(cx: &Context, args: ToolsArgs) -> CliResult {
    match args.command {
        None => list(cx, args.name.as_ref()),
        Some(ToolsCommand::Enable(patterns)) => rules(cx, &patterns, true),
        Some(ToolsCommand::Disable(patterns)) => rules(cx, &patterns, false),
        Some(ToolsCommand::Approve { name, yes }) => approve(cx, &name, yes),
    }
}

fn list(cx: &Context, only: Option<&ConnectionName>) -> CliResult {
    let settings = cx.settings();
    if let Some(name) = only
        && settings.connection(name.as_str()).is_none()
    {
        return Err(unknown_connection(name, &settings));
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::All);
    let index = app.hub.index();
    let shown =
        index.tools().iter().filter(|tool| only.is_none_or(|name| name == tool.member.name()));
    let rows: Vec<ToolRow> = shown.map(row).collect();
    if cx.out.json() {
        cx.out.document("tools", &Document { tools: rows })?;
        return Ok(Exit::DONE);
    }
    if rows.is_empty() {
        cx.out.note("no tools known; fetch them: allmcp sync");
        return Ok(Exit::DONE);
    }
    let mut table =
        Table::new([Column::name("TOOL"), "STATE".into(), Column::from("DESCRIPTION").spare(0)]);
    for row in rows {
        let (mark, state) = match (row.enabled, row.state) {
            (true, "ok") if row.policy == Rule::Deny => (Mark::Bad, "denied by policy".to_owned()),
            (true, "ok") if row.policy == Rule::Ask => (Mark::Wanted, "asks first".to_owned()),
            (true, "ok") => (Mark::Good, "ok".to_owned()),
            (true, "changed") => (Mark::Wanted, "changed".to_owned()),
            (true, state) => (Mark::Bad, state.to_owned()),
            (false, "ok") => (Mark::Off, "disabled".to_owned()),
            (false, state) => (Mark::Off, format!("disabled, {state}")),
        };
        table.row([
            Cell::from(row.name),
            Cell::marked(mark, &state),
            row.description.unwrap_or_default().into(),
        ]);
    }
    cx.out.table(&table)?;
    Ok(Exit::DONE)
}

fn row(tool: &Tool) -> ToolRow {
    let raw = |bytes: bytes::Bytes| {
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        RawValue::from_string(text).ok()
    };
    ToolRow {
        name: tool.public.to_string(),
        connection: tool.member.name().to_string(),
        upstream_name: tool.upstream.to_string(),
        enabled: tool.enabled,
        state: tool.state.word(),
        policy: tool.policy(),
        description: tool.description().map(std::borrow::Cow::into_owned),
        annotations: tool.annotations().and_then(raw),
    }
}

/// Changes `allow` and `deny` so that what matches the patterns is on, or off.
fn rules(cx: &Context, args: &PatternArgs, on: bool) -> CliResult {
    let settings = cx.settings_to_change()?;
    let Some(connection) = settings.connection(args.name.as_str()) else {
        return Err(unknown_connection(&args.name, &settings));
    };
    let (mut allow, mut deny) = (connection.allow.clone(), connection.deny.clone());
    warn_of_no_match(cx, &settings, args);
    for pattern in &args.patterns {
        if on {
            deny.retain(|denied| denied != pattern);
            if !glob::any(&allow, pattern) && !allow.contains(pattern) {
                allow.push(pattern.clone());
            }
            if glob::any(&deny, pattern) {
                return Err(CliError::usage(format!(
                    "{pattern:?} stays hidden by another pattern: {}",
                    deny.join(", ")
                ))
                .on(args.name.as_str())
                .hint(format!("allmcp tools enable {} PATTERN, with that pattern", args.name)));
            }
        } else if !deny.contains(pattern) {
            deny.push(pattern.clone());
        }
    }
    config::set_tool_rules(&cx.paths, &args.name, allow.clone(), deny.clone())?;
    app::remember_good(&cx.paths);
    if cx.out.json() {
        let connection = args.name.as_str();
        let command = if on { "tools-enable" } else { "tools-disable" };
        cx.out.document(command, &RulesDocument { connection, allow: &allow, deny: &deny })?;
    } else {
        let word = if on { "enabled" } else { "disabled" };
        cx.out.note(&format!("{}: {word} {}", args.name, args.patterns.join(", ")));
    }
    Ok(Exit::DONE)
}

/// A pattern that matches nothing now may match later; that it does not is worth a word.
fn warn_of_no_match(cx: &Context, settings: &Settings, args: &PatternArgs) {
    let app = App::build(&cx.paths, &cx.env, settings, &cx.tenant, Scope::All);
    let index = app.hub.index();
    let names: Vec<&str> = index
        .tools()
        .iter()
        .filter(|tool| *tool.member.name() == args.name)
        .map(|tool| tool.upstream.as_str())
        .collect();
    for pattern in &args.patterns {
        if !names.is_empty() && !names.iter().any(|name| glob::matches(pattern, name)) {
            let near = crate::name::nearest(pattern, names.iter().copied());
            let near = near.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            cx.out.warn(&format!("no tool of {} matches {pattern:?} now{near}", args.name));
        }
    }
}

fn approve(cx: &Context, name: &ConnectionName, yes: bool) -> CliResult {
    let settings = cx.settings_to_change()?;
    if settings.connection(name.as_str()).is_none() {
        return Err(unknown_connection(name, &settings));
    }
    let store = PinStore::new(cx.paths.pins());
    let account = cx.tenant.account(name);
    let failed = |error: PinError| CliError::failed(error.to_string()).on(name.as_str());
    let changed = pins::changed(&store, &account).map_err(failed)?;
    let names: Vec<String> = changed.iter().map(|change| change.tool.clone()).collect();
    if changed.is_empty() {
        cx.out.note(&format!("no definition of {name} has changed"));
    } else {
        for change in &changed {
            cx.out.note(&format!("{}:", change.tool));
            cx.out.note_diff(&diff(&change.old, &change.new));
        }
        let question = format!("Approve {} changed definitions of {name}?", changed.len());
        if !yes && !cx.prompter.confirm(&question, "--yes").map_err(CliError::from)? {
            cx.out.note("nothing was approved");
            return Ok(Exit::FAILED);
        }
        pins::approve(&store, &account, Some(&names)).map_err(failed)?;
    }
    if cx.out.json() {
        let connection = name.as_str();
        cx.out.document("tools-approve", &ApproveDocument { connection, approved: names })?;
    }
    Ok(Exit::DONE)
}

/// Both definitions, one member a line, so that the difference shows.
fn diff(old: &str, new: &str) -> String {
    let spread = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        crate::text::clean(&pretty).into_owned() + "\n"
    };
    let (old, new) = (spread(old), spread(new));
    similar::TextDiff::from_lines(&old, &new).unified_diff().header("approved", "now").to_string()
}
