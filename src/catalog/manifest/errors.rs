//! What the answers of a REST API mean.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All conditions that are given have to hold.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// A place in the JSON answer …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// … and what may stand there; without it anything but null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is: Vec<Value>,
    pub means: Meaning,
    /// What to do, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A success with nothing in it.
    Empty,
    /// The credential has ended or was taken back.
    NeedsAuth,
    /// The account may not do this.
    Denied,
    RateLimited,
    NotFound,
    /// The arguments are wrong.
    Invalid,
    /// The server failed; another try may help.
    Unavailable,
    Failed,
}
