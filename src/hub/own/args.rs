//! What a model sends to a tool of ours, read so that it can mend what is wrong.

use crate::{hub::CallError, text, wire::splice};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// The arguments of a call; none at all count as an empty object.
///
/// # Errors
/// Says which argument is wrong and what it should be: a result that the model sees, as the
/// revision 2025-11-25 wants it for arguments (SEP-1303).
pub(super) fn read<T: DeserializeOwned>(
    tool: &'static str,
    params: &Bytes,
) -> Result<T, CallError> {
    let given = splice::find(params, "arguments").map(|at| &params[at]);
    let given = given.filter(|given| *given != b"null").unwrap_or(b"{}");
    serde_json::from_slice(given).map_err(|error| {
        // Serde's own place in the text helps nobody who never saw that text.
        let why = error.to_string();
        wrong(tool, why.split(" at line ").next().unwrap_or_default())
    })
}

/// An argument that has the right form and still cannot be meant.
pub(super) fn wrong(tool: &'static str, why: &str) -> CallError {
    CallError::Arguments { tool, text: text::line(why, 300) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        #[serde(default)]
        query: Option<String>,
    }

    fn args(params: &'static str) -> Result<Args, String> {
        read("t", &Bytes::from_static(params.as_bytes())).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(args("{}"), Ok(Args::default()));
        assert_eq!(args(r#"{"arguments":null}"#), Ok(Args::default()));
        assert_eq!(args(r#"{"arguments":{"query":"x"}}"#).unwrap().query.as_deref(), Some("x"));
        let unknown = args(r#"{"arguments":{"qery":"x"}}"#).unwrap_err();
        assert!(unknown.contains("`qery`") && unknown.contains("`query`"), "{unknown}");
        assert!(!unknown.contains("line 1"), "{unknown}");
        assert!(args(r#"{"arguments":{"query":7}}"#).unwrap_err().contains("string"));
        assert!(args(r#"{"arguments":[1]}"#).is_err());
    }
}
