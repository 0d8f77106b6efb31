//! What the server was asked and what it did, for assertions.

use super::quirks::AuthMethod;
use std::collections::BTreeMap;

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clients made by registration.
    pub registrations: usize,
    /// Registrations that were refused.
    pub registrations_refused: usize,
    pub authorize_requests: usize,
    /// Authorize requests that were refused, with or without a way back.
    pub authorize_refused: usize,
    /// Codes handed out.
    pub consents: usize,
    pub denials: usize,
    /// Codes exchanged for tokens.
    pub codes_ok: usize,
    pub codes_refused: usize,
    /// Codes that came twice; each revoked what the first time gave.
    pub codes_reused: usize,
    pub refreshes_ok: usize,
    /// Refreshes that were `invalid_grant`, for whatever reason.
    pub refreshes_invalid_grant: usize,
    /// Of these, the ones with a token that had been used; each revoked its family.
    pub refreshes_reuse: usize,
    /// Refreshes that failed otherwise, by a quirk or an error of the client.
    pub refreshes_failed: usize,
    pub client_credentials_ok: usize,
    pub device_requests: usize,
    pub device_ok: usize,
    pub device_pending: usize,
    pub device_slow_down: usize,
    pub revocations: usize,
    /// Access tokens that a resource took.
    pub access_ok: usize,
    /// 401 of a resource, with or without a token in the request.
    pub access_refused: usize,
    /// 403 of a resource, for a scope.
    pub scope_refused: usize,
}

/// Parameters in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The words of a parameter; none where it is absent.
    pub fn words(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// A parameter that is there more than once, which RFC 6749 section 3.1 forbids for all but
    /// `resource`.
    pub(super) fn repeated(&self) -> Option<&str> {
        let mut seen = BTreeMap::new();
        for (key, _) in self.0.iter().filter(|(key, _)| key != "resource") {
            *seen.entry(key.as_str()).or_insert(0) += 1;
        }
        seen.into_iter().find(|(_, count)| *count > 1).map(|(key, _)| key)
    }
}

/// A request to the token endpoint, and what came of it.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// `grant_type` as sent, or empty.
    pub grant: String,
    /// The body; with `json_token` the members of the object.
    pub params: Params,
    /// How the client authenticated, where that could be seen.
    pub auth: Option<AuthMethod>,
    pub client_id: Option<String>,
    /// `ok`, the `error` of the answer, or `fail` for one that a quirk took.
    pub outcome: String,
    pub status: u16,
    /// The server's clock, in seconds.
    pub at: i64,
}
