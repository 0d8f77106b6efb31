//! What an upstream said, made fit for our own words: it may have echoed the credential that it
//! was sent.

use crate::{log, text, wire::RpcError};
use serde_json::Value;
use std::borrow::Cow;

/// At most `max` characters of `theirs` on one line, sanitized and without secrets. These go
/// before anything is cut: half a secret would not be recognized any more.
pub(super) fn said(theirs: &str, max: usize) -> String {
    text::line(&log::scrub(theirs), max)
}

/// An error to be passed on: byte for byte, but for secrets that we sent ourselves.
pub(super) fn passed_on(error: RpcError) -> RpcError {
    let text = std::str::from_utf8(error.json()).unwrap_or_default();
    let Ok(mut value) = serde_json::from_str(text) else {
        // Too deep or a number too large for a value: then only its words are passed on.
        return match log::scrub_known(text) {
            Cow::Borrowed(_) => error,
            Cow::Owned(_) => RpcError::new(error.code, &log::scrub_known(&error.message())),
        };
    };
    // Inside of strings, so that what comes out is JSON whatever characters a secret has.
    if scrub(&mut value) { RpcError::from_json(value.to_string().into()) } else { error }
}

/// True when there was something to take out.
fn scrub(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match log::scrub_known(text) {
            Cow::Borrowed(_) => false,
            Cow::Owned(clean) => {
                *text = clean;
                true
            }
        },
        Value::Array(all) => {
            // All of them, not the first that has one.
            all.iter_mut().map(scrub).filter(|found| *found).count() > 0
        }
        Value::Object(all) => {
            let mut found = false;
            for (key, mut one) in std::mem::take(all) {
                found |= scrub(&mut one);
                let clean = log::scrub_known(&key).into_owned();
                found |= clean != key;
                all.insert(clean, one);
            }
            found
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn an_echoed_secret_is_not_repeated_not_even_its_first_half() {
        log::redact(&Secret::new("said-canary-0123456789".to_owned()));
        assert_eq!(said("X: said-canary-0123456789 is wrong", 40), "X: *** is wrong");
        assert_eq!(said("no such key: said-canary-0123456789", 20), "no such key: ***");
    }

    #[test]
    fn an_error_without_secrets_keeps_its_bytes() {
        let json = "{\"code\": -1, \"data\":{\"token\": \"next page\"},\"message\":\"m\"}";
        let error = passed_on(RpcError::from_json(json.into()));
        assert_eq!(error.json(), json);
        log::redact(&Secret::new("rpc\"canary".to_owned()));
        let json = r#"{"code":-1,"message":"no: rpc\"canary","data":{"rpc\"canary":["rpc\u0022canary",1.0]}}"#;
        let error = passed_on(RpcError::from_json(json.into()));
        let want = r#"{"code":-1,"message":"no: ***","data":{"***":["***",1.0]}}"#;
        assert_eq!(error.json(), want);
        let json = r#"{"code":-1,"message":"no: rpc\"canary","data":1e999}"#;
        let error = passed_on(RpcError::from_json(json.into()));
        assert_eq!(error.json(), r#"{"code":-1,"message":"no: ***"}"#);
    }
}
