//! A REST API as a whole.

use super::{ErrorRule, one};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A REST API.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub base_url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// One cheap request that shows that the credential works.
    pub check: Check,
    /// Kept on our side, for each account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate: Vec<Rate>,
    /// The first that fits tells what an answer means; without one the HTTP status does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorRule>,
    /// Places of the error's text in an answer; those that are there are told, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error_text: Vec<String>,
    /// Ways in which answers go on, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pages: BTreeMap<String, Pages>,
    /// How a list goes into the query where an argument does not say.
    #[serde(default)]
    pub lists: ListStyle,
    /// The place that says how many there are over all pages, where the vendor counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Members that are dropped wherever they stand in an answer, as `_links`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub method: String,
    pub path: String,
    /// The place in the answer that says whose account it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// At most `requests` in `seconds`; with `burst` a bucket of that size which refills at that pace.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub requests: u32,
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Only requests of these groups of tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// How the next part of an answer is asked for. A tool takes it as its `cursor` and gives the next
/// as `next_cursor`; nothing is fetched unasked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
pub enum Pages {
    /// `page=2`; there is another while `more` (a link, a number or true) is in the answer, or
    /// while `count` is not reached, or while the list is full. Goes into the body where arguments
    /// do, as all of these.
    Page {
        query: String,
        #[serde(default = "one")]
        first: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<String>,
        /// The place of the number of pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<String>,
        /// The argument that says how many one page has: a list that is not full is the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
    },
    /// `offset=50`; the next one stands in the answer (`next`), or is the sum of what was asked
    /// for so far while `more` is true.
    Offset {
        query: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<String>,
        /// The argument that says how many one page has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
    },
    /// A token of the answer is sent back as it came.
    Token { query: String, next: String },
    /// A vendor that answers for so much time at once: what is asked for from the argument `from`
    /// to the argument `to`, both whole numbers of the same unit, is asked for in spans, the first
    /// one first. Every argument but the cursor stays what it was.
    Window { from: String, to: String, span: u64 },
}

/// `a[]=1&a[]=2`, `a=1&a=2` or `a=1,2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ListStyle {
    #[default]
    Brackets,
    Repeat,
    Comma,
}
