//! How the outcome of a call is told to a client: as its result, as a result that says what went
//! wrong, or as a JSON-RPC error.

use crate::{
    hub::{CallError, Denied, ErrorKind, Link, Unapproved, UpstreamError, own},
    kind::Era,
    text,
    wire::{RpcError, error, splice},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// What a bridge lists whose user has yet to sign in: a call of any tool gets the link, so this
/// one needs no more than its name.
pub(super) const SIGN_IN_LIST: &str = concat!(
    r#"{"tools":[{"name":"sign_in","title":"Sign in","#,
    r#""description":"Signs the user in to this server. Call it to get a link, show the link to the user, and list the tools again afterwards.","#,
    r#""inputSchema":{"type":"object","properties":{},"additionalProperties":false},"#,
    r#""annotations":{"title":"Sign in","readOnlyHint":true,"openWorldHint":true}}]}"#
);

/// What to answer a `tools/call` with that has no result; `plain`: nothing of ours is known to
/// the client, and its configuration may not be in our file.
pub(super) fn failure(failed: CallError, plain: bool) -> Result<Bytes, RpcError> {
    match failed {
        CallError::Params(_) | CallError::Unknown { .. } | CallError::NotFound { .. } => {
            Err(RpcError::new(error::INVALID_PARAMS, &failed.to_string()))
        }
        CallError::Arguments { .. } | CallError::Failed { .. } => {
            Ok(says(&format!("allmcp: {failed}."), None))
        }
        CallError::Unanswered { text, .. } => Ok(says(&format!("allmcp: {text}."), None)),
        CallError::Denied(denied) => Ok(says(&denial(&denied), None)),
        CallError::Unapproved(left) => Ok(says(&unapproved(&left), None)),
        CallError::TooLarge { size, limit, .. } => Ok(says(&too_large(size, limit, plain), None)),
        CallError::Upstream(failed) => upstream(failed, None, plain),
        CallError::SignIn { error, link } => upstream(error, link.as_ref(), plain),
    }
}

fn upstream(failed: UpstreamError, link: Option<&Link>, plain: bool) -> Result<Bytes, RpcError> {
    match explain(failed, link, plain) {
        Told::Text { text, connect, .. } => Ok(says(&text, connect)),
        Told::Passed(rpc) => Err(rpc),
    }
}

/// The same for requests whose results have no room for a failure: prompts, resources and all
/// others that are not `tools/call`.
pub(super) fn refusal(failed: CallError, plain: bool, era: Era) -> RpcError {
    let (failed, link) = match failed {
        CallError::Params(_)
        | CallError::Arguments { .. }
        | CallError::Unknown { .. }
        | CallError::NotFound { .. } => {
            return RpcError::new(error::INVALID_PARAMS, &failed.to_string());
        }
        CallError::Failed { .. } => {
            return RpcError::new(error::INTERNAL, &format!("allmcp: {failed}."));
        }
        CallError::Unanswered { text, .. } => {
            return RpcError::new(error::INTERNAL, &format!("allmcp: {text}."));
        }
        CallError::Denied(denied) => {
            return RpcError::new(error::INVALID_PARAMS, &denial(&denied));
        }
        CallError::Unapproved(left) => {
            return RpcError::new(error::INVALID_PARAMS, &unapproved(&left));
        }
        CallError::TooLarge { size, limit, .. } => {
            return RpcError::new(error::INTERNAL, &too_large(size, limit, plain));
        }
        CallError::Upstream(failed) => (failed, None),
        CallError::SignIn { error, link } => (error, link),
    };
    match explain(failed, link.as_ref(), plain) {
        Told::Text { text, connect: Some(list) } => {
            let data = json!({ own::CONNECT_REQUIRED: list }).to_string();
            RpcError::with_data(error::INVALID_PARAMS, &text, &data)
        }
        Told::Text { text, connect: None } => RpcError::new(error::INTERNAL, &text),
        // A resource that is not there; 2026-07-28 has no code of its own for it (SEP-2164).
        Told::Passed(rpc) if rpc.code == NO_RESOURCE && era == Era::Modern => {
            let data = rpc.data().and_then(|data| String::from_utf8(data.to_vec()).ok());
            match data {
                Some(data) => RpcError::with_data(error::INVALID_PARAMS, &rpc.message(), &data),
                None => RpcError::new(error::INVALID_PARAMS, &rpc.message()),
            }
        }
        Told::Passed(rpc) => rpc,
    }
}

/// "Resource not found" until 2025-11-25.
const NO_RESOURCE: i64 = -32002;

fn denial(denied: &Denied) -> String {
    format!("allmcp: {}. {}", denied.reason(), denied.remedy())
}

fn unapproved(left: &Unapproved) -> String {
    format!("allmcp: {}. {}", left.reason(), left.remedy())
}

fn too_large(size: u64, limit: u64, plain: bool) -> String {
    let remedy = if plain {
        ""
    } else {
        " The user can raise the limit: allmcp config set settings.max_result BYTES"
    };
    format!(
        "allmcp: the result is {size} bytes long, and this client takes at most {limit} in one \
         answer. The call was carried out; do not repeat it as it is if it changes anything. Ask \
         for less: a narrower filter, a page, fewer fields.{remedy}"
    )
}

/// What a client hears of a failure of an upstream.
enum Told {
    Text {
        text: String,
        /// Which connections need the user, for programs.
        connect: Option<Value>,
    },
    /// The upstream's own error.
    Passed(RpcError),
}

fn explain(failed: UpstreamError, link: Option<&Link>, plain: bool) -> Told {
    if let ErrorKind::Rpc(rpc) = failed.kind {
        let what = match rpc.code {
            // Between us and the upstream only: the client did not send those headers or this
            // version.
            error::HEADER_MISMATCH | error::UNSUPPORTED_VERSION => text::line(&rpc.message(), 300),
            error::MISSING_CAPABILITY => missing(&rpc),
            _ => return Told::Passed(rpc),
        };
        let text = format!("allmcp: {} refused the call: {what}", failed.connection);
        return Told::Text { text, connect: None };
    }
    let mut meta = None;
    let mut text = format!("allmcp: {}.", text::clean(&failed.to_string()));
    match &failed.kind {
        ErrorKind::NeedsAuth | ErrorKind::NeedsScope { .. } => {
            let name = &failed.connection;
            let bridge = plain && name.as_str().starts_with("bridge-");
            if let Some(Link { url, .. }) = link {
                let _ = write!(
                    text,
                    " Show the user this link to sign in: {url} (it works on the computer that \
                     allmcp runs on). Then the same call works, without a restart."
                );
                if !bridge {
                    let _ = write!(text, " Or the user runs: allmcp reconnect {name}.");
                }
            } else if bridge {
                text.push_str(" The user has to correct the --header of this server.");
            } else {
                let _ = write!(
                    text,
                    " The user has to run: allmcp reconnect {name}. Then the same call works, \
                     without a restart."
                );
            }
            meta = Some(json!([own::connect_required(name, "needs_auth", link)]));
        }
        ErrorKind::Store => {
            text.push_str(
                " The user has to unlock or start the keychain; then the same call works.",
            );
        }
        ErrorKind::Config => {
            text.push_str(" The user has to correct the configuration of this connection.");
        }
        ErrorKind::Refused { .. } | ErrorKind::TooLarge | ErrorKind::Closing => {
            text.push_str(ran(&failed));
            // Only what the server itself says: another try changes nothing else here.
            if failed.retry_in.is_some() {
                text.push_str(&again(&failed));
            }
        }
        _ => {
            if let Some(since) = failed.since {
                text.push_str(&since_when(since));
            }
            text.push_str(ran(&failed));
            text.push_str(&again(&failed));
        }
    }
    Told::Text { text, connect: meta }
}

/// What the upstream needs and this client did not declare.
fn missing(rpc: &RpcError) -> String {
    let needed = rpc.data().and_then(|data| splice::get(&data, "requiredCapabilities"));
    let needed = needed.unwrap_or_default();
    let mut names = Vec::new();
    for one in splice::members(&needed) {
        match splice::string(&needed[one.key]).as_deref() {
            // It is one of them that is missing.
            Some("extensions") => {
                let all = &needed[one.value];
                let ids = splice::members(all).filter_map(|m| splice::string(&all[m.key]));
                names.extend(ids.map(std::borrow::Cow::into_owned));
            }
            Some(name) => names.push(name.to_owned()),
            None => {}
        }
    }
    let said = text::line(&rpc.message(), 300);
    if names.is_empty() {
        return said;
    }
    let names = text::line(&names.join(", "), 200);
    format!("{said}. It needs a client that can do this: {names}")
}

fn ran(failed: &UpstreamError) -> &'static str {
    if failed.may_have_run {
        " The call may have been carried out: check before you repeat it."
    } else {
        " The call was not carried out."
    }
}

fn since_when(since: SystemTime) -> String {
    let at = humantime::format_rfc3339_seconds(since);
    let ago = since.elapsed().unwrap_or_default().as_secs();
    format!(
        " It has been failing since {at} ({}).",
        humantime::format_duration(Duration::from_secs(ago))
    )
}

fn again(failed: &UpstreamError) -> String {
    match failed.retry_in {
        Some(wait) if !wait.is_zero() => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            format!(" Try again in {seconds} s.")
        }
        _ if failed.may_have_run => String::new(),
        _ => " Try again in a moment.".to_owned(),
    }
}

/// "URL elicitation required" (2025-11-25).
pub(super) const URL_REQUIRED: i64 = -32042;

/// What [`URL_REQUIRED`] becomes for a client that cannot take it.
pub(super) fn url_required(rpc: &RpcError) -> String {
    let mut out = format!("allmcp: {}", text::line(&rpc.message(), 300));
    let list = rpc.data().and_then(|data| splice::get(&data, "elicitations")).unwrap_or_default();
    for one in splice::elements(&list) {
        let one = &list[one];
        if let Some(url) = splice::get_str(one, "url") {
            let why = splice::get_str(one, "message").unwrap_or_default();
            let (url, why) = (text::line(&url, 2000), text::line(&why, 300));
            let _ = write!(out, "\nThe user has to open {url} {why}");
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// What a legacy client is told of a result that asks (SEP-2322): its upstream ignored what was
/// declared to it, or the rounds of questions came to no end.
pub(super) const NEEDS_INPUT: &str = "allmcp: the server asks for more input from the user before it goes on, which this client \
     cannot give through allmcp. The call was not completed.";

/// The same for a call that goes on in the background, which was not asked for.
pub(super) const GOES_ON: &str = "allmcp: the server goes on with the call in the background, and this client cannot follow it \
     there. The call may have been carried out: check before you repeat it.";

/// A result with `isError` whose text a model can act on.
pub(super) fn says(text: &str, connect_required: Option<Value>) -> Bytes {
    let mut result = format!(
        "{{\"content\":[{{\"type\":\"text\",\"text\":{}}}],\"isError\":true",
        splice::quote(text)
    );
    if let Some(list) = connect_required {
        let key = splice::quote(own::CONNECT_REQUIRED);
        let _ = write!(result, ",\"_meta\":{{{key}:{list}}}");
    }
    result.push('}');
    result.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ErrorKind, change: impl FnOnce(&mut UpstreamError)) -> Value {
        let mut error = UpstreamError::new(&"kommo".parse().unwrap(), kind, "it said no");
        change(&mut error);
        serde_json::from_slice(&failure(CallError::Upstream(error), false).unwrap()).unwrap()
    }

    fn text(result: &Value) -> &str {
        assert_eq!(result["isError"], true);
        result["content"][0]["text"].as_str().unwrap()
    }

    #[test]
    fn a_sign_in_is_asked_for_in_words_and_for_programs() {
        for kind in [ErrorKind::NeedsAuth, ErrorKind::NeedsScope { scope: None }] {
            let result = told(kind, |_| {});
            assert!(text(&result).contains("allmcp reconnect kommo"));
            let list = &result["_meta"]["dev.allmcp/oauth_connect_required_mcps"];
            assert_eq!(list[0]["backend_id"], "kommo");
            assert_eq!(list[0]["connect_url"], Value::Null);
        }
    }

    #[test]
    fn a_failure_says_what_since_when_whether_it_ran_and_when_to_try_again() {
        let result = told(ErrorKind::Unreachable, |e| {
            e.since = Some(SystemTime::UNIX_EPOCH);
            e.retry_in = Some(Duration::from_millis(1500));
        });
        let text_ = text(&result);
        assert!(text_.starts_with("allmcp: could not reach kommo: it said no."), "{text_}");
        assert!(text_.contains("since 1970-01-01T00:00:00Z"), "{text_}");
        assert!(text_.contains("was not carried out. Try again in 2 s."), "{text_}");
        let result = told(ErrorKind::Timeout, |e| e.may_have_run = true);
        assert!(text(&result).ends_with("may have been carried out: check before you repeat it."));
        assert!(text(&told(ErrorKind::Store, |_| {})).contains("unlock"));
        assert!(text(&told(ErrorKind::Config, |_| {})).contains("configuration"));
    }

    #[test]
    fn errors_of_the_upstream_pass_but_for_those_of_our_hop() {
        let rpc = |code: i64| {
            let json = format!("{{\"code\":{code} ,\"message\":\"m\",\"data\":[1.0]}}");
            let kind = ErrorKind::Rpc(RpcError::from_json(json.into()));
            let error = UpstreamError::new(&"kommo".parse().unwrap(), kind, "m");
            failure(CallError::Upstream(error), false)
        };
        let passed = rpc(-32042).unwrap_err();
        assert_eq!(passed.json(), "{\"code\":-32042 ,\"message\":\"m\",\"data\":[1.0]}");
        for code in [-32020, -32021, -32022] {
            let result: Value = serde_json::from_slice(&rpc(code).unwrap()).unwrap();
            assert!(text(&result).contains("kommo refused the call: m"));
        }
    }

    #[test]
    fn a_long_result_says_its_size_and_what_to_do() {
        let long = |plain| {
            let error = CallError::TooLarge { tool: "t".into(), size: 12, limit: 10 };
            String::from_utf8(failure(error, plain).unwrap().to_vec()).unwrap()
        };
        assert!(long(false).contains("12 bytes") && long(false).contains("max_result"));
        assert!(long(true).contains("at most 10") && !long(true).contains("max_result"));
    }

    #[test]
    fn wrong_calls_are_errors_of_the_protocol() {
        let error = CallError::Unknown { name: "x".into(), nearest: vec!["y".into()] };
        let error = failure(error, false).unwrap_err();
        assert_eq!((error.code, &*error.message()), (-32602, "no tool is named \"x\"; near it: y"));
    }
}
