//! What an upstream said, made fit for our own words: it may have echoed the credential that it
//! was sent.

use crate::{log, text, wire::RpcError};
use bytes::Bytes;

/// At most `max` characters of `theirs` on one line, sanitized and without secrets. These go
/// before anything is cut: half a secret would not be recognized any more.
pub(super) fn said(theirs: &str, max: usize) -> String {
    text::line(&log::scrub(theirs), max)
}

/// An error to be passed on: byte for byte, but for secrets that we sent ourselves.
pub(super) fn passed_on(error: RpcError) -> RpcError {
    let Ok(json) = std::str::from_utf8(error.json()) else { return error };
    match log::scrub_known(json) {
        std::borrow::Cow::Borrowed(_) => error,
        std::borrow::Cow::Owned(clean) => RpcError::from_json(Bytes::from(clean)),
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
        let json = "{\"code\":-1,\"message\":\"no: rpc\\\"canary\",\"data\":1.0}";
        let error = passed_on(RpcError::from_json(json.into()));
        assert_eq!(error.json(), "{\"code\":-1,\"message\":\"no: ***\",\"data\":1.0}");
    }
}
