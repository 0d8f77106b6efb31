//! `allmcp call`: one tool, its arguments as written, its result as it came.

mod approve;

use super::{
    context::{Context, unknown_connection},
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::{ArgsSource, CallArgs},
};
use crate::{
    app::{App, Scope},
    hub::{CallError, Decision, Request, ToolIndex, names},
    name::ConnectionName,
    text,
    wire::{Outcome, splice},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{io::Read as _, time::Instant};

/// Longest `--args`, in bytes.
const MAX_ARGS: u64 = 16 << 20;

#[derive(Serialize)]
struct Document<'a> {
    tool: &'a str,
    connection: Option<&'a str>,
    duration_ms: u128,
    result: &'a RawValue,
}

pub(super) async fn run(cx: &Context, args: CallArgs) -> CliResult {
    let arguments = arguments(&args)?;
    let settings = cx.settings();
    let (connection, tool) = args.tool()?;
    if let Some(name) = &connection
        && settings.connection(name.as_str()).is_none()
    {
        return Err(unknown_connection(name, &settings));
    }
    let app = App::build(&cx.paths, &cx.env, &settings, &cx.tenant, Scope::Enabled);
    let public = match &connection {
        Some(name) => public_name(&app.hub.index(), name, tool),
        None => tool.to_owned(),
    };
    let quoted = splice::quote(&public);
    let request = Request {
        params: format!("{{\"name\":{quoted},\"arguments\":{arguments}}}").into(),
        client: Some("allmcp-cli".into()),
        limit: u64::MAX,
        link: None,
    };
    let (approver, mut questions) = approve::terminal(cx, args.yes);
    app.hub.approved_by(approver);
    let start = Instant::now();
    let called = tokio::select! {
        called = questions.answering(cx, app.hub.call(request)) => called,
        // Dropping the call cancels it upstream.
        _ = tokio::signal::ctrl_c() => {
            app.end().await;
            return Err(CliError::interrupted());
        }
    };
    let duration = start.elapsed();
    let owner = owner(&app.hub.index(), &public);
    app.end().await;
    let result = match called?.map_err(CliError::from)?.outcome {
        Outcome::Complete(result) => result,
        Outcome::InputRequired(_) | Outcome::Task(_) => {
            return Err(CliError::failed(format!(
                "{public} asks for input, which the command line cannot give yet"
            )));
        }
    };
    let failed = splice::find(&result, "isError").is_some_and(|range| &result[range] == b"true");
    if cx.out.json() {
        let raw = RawValue::from_string(String::from_utf8_lossy(&result).into_owned()).map_err(
            |error| CliError::internal(format!("the result does not parse again: {error}")),
        )?;
        cx.out.document(
            "call",
            &Document {
                tool: &public,
                connection: owner.as_deref(),
                duration_ms: duration.as_millis(),
                result: &raw,
            },
        )?;
    } else {
        cx.out.content(&shown(&result))?;
    }
    if failed {
        return Err(CliError::tool_error(owner.as_deref().unwrap_or_default(), &public));
    }
    Ok(Exit::DONE)
}

fn arguments(args: &CallArgs) -> Result<String, CliError> {
    let read = |mut from: Box<dyn std::io::Read>, what: &str| {
        let mut text = String::new();
        from.by_ref().take(MAX_ARGS).read_to_string(&mut text).map_err(|error| {
            CliError::usage(format!("could not read --args from {what}")).because(&error)
        })?;
        Ok::<_, CliError>(text)
    };
    let base = match args.source() {
        None => None,
        Some(ArgsSource::Text(text)) => Some(text.to_owned()),
        Some(ArgsSource::Stdin) => Some(read(Box::new(std::io::stdin()), "stdin")?),
        Some(ArgsSource::File(path)) => {
            let file = std::fs::File::open(path).map_err(|error| {
                CliError::usage(format!("could not read --args from {path}")).because(&error)
            })?;
            Some(read(Box::new(file), path)?)
        }
    };
    args.arguments(base.as_deref())
}

/// The public name of a connection's tool, given by its own or by the public one. One that is not
/// known yet, or not at all, is looked for by the call itself, which is in the log either way.
fn public_name(index: &ToolIndex, name: &ConnectionName, tool: &str) -> String {
    let of_it = || index.tools().iter().filter(|t| t.member.name() == name);
    let known = of_it()
        .find(|t| t.upstream.as_str() == tool)
        .or_else(|| of_it().find(|t| t.public.as_str() == tool));
    match known {
        Some(tool) => tool.public.to_string(),
        None => names::public(name, tool).to_string(),
    }
}

fn owner(index: &ToolIndex, public: &str) -> Option<String> {
    let tool = index.tools().iter().find(|tool| tool.public.as_str() == public)?;
    Some(tool.member.name().to_string())
}

/// The text of a result; what is not text is named by kind and size.
fn shown(result: &Bytes) -> String {
    let content = splice::get(result, "content").unwrap_or_default();
    let mut parts: Vec<String> =
        splice::elements(&content).map(|range| part(&content.slice(range))).collect();
    if parts.is_empty()
        && let Some(structured) = splice::get(result, "structuredContent")
    {
        parts.push(String::from_utf8_lossy(&structured).into_owned());
    }
    parts.join("\n")
}

fn part(item: &Bytes) -> String {
    let field = |key: &str| splice::get_str(item, key).map(|value| text::line(&value, 200));
    let kind = field("type").unwrap_or_else(|| "unknown".to_owned());
    match kind.as_str() {
        "text" => splice::get_str(item, "text").unwrap_or_default().into_owned(),
        "image" | "audio" => {
            let mime = field("mimeType").unwrap_or_default();
            // Base64 is a third longer than what it stands for.
            let bytes = splice::find(item, "data").map_or(0, |range| range.len() / 4 * 3);
            format!("[{kind} {mime}, about {bytes} bytes; --json shows it]")
        }
        "resource_link" => format!("[resource {}]", field("uri").unwrap_or_default()),
        "resource" => {
            let resource = splice::get(item, "resource").unwrap_or_default();
            splice::get_str(&resource, "text").map_or_else(
                || {
                    let uri = splice::get_str(&resource, "uri").unwrap_or_default();
                    format!("[resource {}]", text::line(&uri, 200))
                },
                std::borrow::Cow::into_owned,
            )
        }
        other => format!("[{other}; --json shows it]"),
    }
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::Params(_) | CallError::Arguments { .. } => Self::usage(message),
            CallError::Unknown { name, nearest } => {
                let message = format!("no tool {name:?}");
                let hint = if nearest.is_empty() {
                    "allmcp tools".to_owned()
                } else {
                    format!("did you mean {}?", nearest.join(", "))
                };
                Self::new(Kind::NotFound, message).hint(hint)
            }
            CallError::Denied(denied) => {
                let hint = denied.command().unwrap_or_else(|| denied.remedy());
                Self::denied(denied.connection(), message).hint(hint)
            }
            CallError::Unapproved(left) => {
                let connection = left.connection.as_ref().map_or("", ConnectionName::as_str);
                let denied = Self::denied(connection, message);
                match left.decision {
                    Decision::Nobody => denied.hint("add --yes to approve it"),
                    _ => denied,
                }
            }
            CallError::Failed { .. }
            | CallError::TooLarge { .. }
            | CallError::NotFound { .. }
            | CallError::Unanswered { .. } => Self::failed(message),
            CallError::Upstream(error) | CallError::SignIn { error, .. } => {
                let may_have_run = error.may_have_run;
                let mut told = Self::from(error);
                if may_have_run {
                    told.message.push_str("; the call may have been carried out");
                }
                told
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_and_the_rest_is_named() {
        let result = Bytes::from_static(
            br#"{"content":[{"type":"text","text":"a\nb"},{"type":"image","mimeType":"image/png","data":"AAAA"},{"type":"video"}]}"#,
        );
        let want =
            "a\nb\n[image image/png, about 3 bytes; --json shows it]\n[video; --json shows it]";
        assert_eq!(shown(&result), want);
        let structured = Bytes::from_static(br#"{"content":[],"structuredContent":{"a":1.0}}"#);
        assert_eq!(shown(&structured), r#"{"a":1.0}"#);
    }
}
