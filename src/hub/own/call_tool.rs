//! `call_tool` and `call_read_tool`: a tool of a connection by its name, listed or not.
//!
//! The call that goes out is the one that came in with the inner name and arguments in the place
//! of the outer ones: what else stood in it (a progress token, answers to questions) goes on.

use super::Own;
use crate::{
    hub::{
        Answered, CallError, Hub, Request,
        call::{self, Line},
        index::Found,
    },
    wire::splice::{self, Edits},
};
use bytes::Bytes;

pub(super) const CALL: &str = concat!(
    r#"{"name":"call_tool","title":"Call a tool","#,
    r#""description":"Calls any tool of a connected service by its full name (SERVICE__TOOL, from find_relevant_tools), also one that is not listed. Gives that tool's own result.","#,
    r#""inputSchema":{"type":"object","properties":{"name":{"type":"string","description":"SERVICE__TOOL"},"arguments":{"type":"object","#,
    r#""description":"As the tool's input_schema says"}},"required":["name"]},"#,
    r#""annotations":{"readOnlyHint":false,"destructiveHint":true}}"#
);

pub(super) const CALL_READ: &str = concat!(
    r#"{"name":"call_read_tool","title":"Call a read-only tool","#,
    r#""description":"Like call_tool, but only for tools annotated read-only; it refuses all others.","#,
    r#""inputSchema":{"type":"object","properties":{"name":{"type":"string","description":"SERVICE__TOOL"},"arguments":{"type":"object"}},"required":["name"]},"#,
    r#""annotations":{"readOnlyHint":true}}"#
);

/// What Claude Code puts before the names that we gave it.
const CLIENT_PREFIX: &str = "mcp__allmcp__";

pub(in crate::hub) async fn run(
    hub: &Hub,
    own: Own,
    request: &Request,
    line: &mut Line,
) -> Result<Answered, CallError> {
    let wrong = |text: String| CallError::Arguments { tool: own.name(), text };
    let inner = Inner::read(&request.params).map_err(wrong)?;
    let name = inner.name.strip_prefix(CLIENT_PREFIX).unwrap_or(&inner.name);
    if Own::ALL.iter().any(|own| own.name() == name) {
        return Err(wrong(format!("{name} is a tool of allmcp itself: call it by its own name")));
    }
    line.tool(name);
    let mut index = hub.index();
    if index.find(name).is_none() {
        index = Box::pin(hub.look_again(index, name, line)).await?;
    }
    let Some(Found::Tool(tool)) = index.find(name) else {
        let known = call::unknown(&index, name).to_string();
        return Err(wrong(format!("{known}; find_relevant_tools finds tools by what they do")));
    };
    if own == Own::CallReadTool && !tool.hints.read_only {
        line.connection(tool.member.name());
        let why = "is not annotated read-only; nothing was called. Use call_tool for it";
        return Err(wrong(format!("{name} {why}")));
    }
    let params = inner.params(&request.params, tool.upstream_name_json());
    hub.upstream_tool(tool, params, request, line, false).await
}

/// What stands inside of the arguments.
struct Inner {
    name: String,
    arguments: Bytes,
}

impl Inner {
    fn read(params: &Bytes) -> Result<Self, String> {
        let outer = splice::get(params, "arguments").unwrap_or_default();
        let mut name = None;
        let mut arguments = Bytes::from_static(b"{}");
        for member in splice::members(&outer) {
            let value = outer.slice(member.value.clone());
            match splice::string(&outer[member.key.clone()]).as_deref() {
                Some("name") => name = splice::string(&value).map(std::borrow::Cow::into_owned),
                Some("arguments") => arguments = object(&value)?,
                other => {
                    let other = crate::text::line(other.unwrap_or_default(), 60);
                    return Err(format!(
                        "{other:?} is not one of its arguments, which are name and arguments; \
                         what the tool itself takes stands in arguments"
                    ));
                }
            }
        }
        let name = name.ok_or("name is missing: the full name of the tool, SERVICE__TOOL")?;
        Ok(Self { name, arguments })
    }

    /// The parameters of the call that goes out.
    fn params(self, outer: &Bytes, name: Bytes) -> Bytes {
        let mut edits = Edits::new();
        edits.set(outer, "name", name);
        edits.set(outer, "arguments", self.arguments);
        edits.apply(outer)
    }
}

/// The arguments as an object; models also write it as a text that holds one.
fn object(value: &Bytes) -> Result<Bytes, String> {
    let wrong = || Err("arguments is not an object".to_owned());
    match value.first() {
        Some(b'{') => Ok(value.clone()),
        Some(b'"') => {
            let text = splice::string(value).unwrap_or_default();
            let object = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            match object {
                Ok(object) if object.get().starts_with('{') => {
                    Ok(splice::one_line(Bytes::copy_from_slice(object.get().as_bytes())))
                }
                _ => wrong(),
            }
        }
        _ if &value[..] == b"null" => Ok(Bytes::from_static(b"{}")),
        _ => wrong(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(params: &'static str) -> Result<String, String> {
        let outer = Bytes::from_static(params.as_bytes());
        let inner = Inner::read(&outer)?;
        let made = inner.params(&outer, Bytes::from_static(b"\"t\""));
        Ok(String::from_utf8(made.to_vec()).unwrap())
    }

    #[test]
    fn the_inner_call_takes_the_place_of_the_outer_one() {
        assert_eq!(
            made(r#"{"_meta":{"progressToken":1},"name":"call_tool","arguments":{"name":"a__t","arguments":{"x": 1.0}}}"#).unwrap(),
            r#"{"_meta":{"progressToken":1},"name":"t","arguments":{"x": 1.0}}"#
        );
        let none = made(r#"{"name":"call_tool","arguments":{"name":"a__t"}}"#).unwrap();
        assert_eq!(none, r#"{"name":"t","arguments":{}}"#);
        let text = made(r#"{"name":"c","arguments":{"name":"a__t","arguments":"{\"x\":\n1}"}}"#);
        assert_eq!(text.unwrap(), r#"{"name":"t","arguments":{"x": 1}}"#);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (params, want) in [
            (r#"{"name":"c"}"#, "name is missing"),
            (r#"{"name":"c","arguments":{"name":"a__t","arguments":7}}"#, "not an object"),
            (r#"{"name":"c","arguments":{"name":"a__t","arguments":"[]"}}"#, "not an object"),
            (r#"{"name":"c","arguments":{"name":"a__t","query":"x"}}"#, "\"query\" is not one"),
        ] {
            let why = made(params).unwrap_err();
            assert!(why.contains(want), "{why}");
        }
    }
}
