//! What a provider is, as a manifest says it: where it is, how one signs in, and what its API can
//! do. The format is TOML; `man/allmcp-catalog.5` describes it for people.

mod api;
mod errors;
mod sign_in;
mod tool;

pub use api::{Check, Http, ListStyle, Pages, Rate};
pub use errors::{ErrorRule, Meaning};
pub use sign_in::{Account, Choose, Login, OAuth, OwnClient, Split, Step, Way};
pub use tool::{Arg, ArgKind, Effect, Place, Shape, Tool};

use crate::kind::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A provider that can be connected by its id.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What one types: `allmcp connect ID`; letters, digits and hyphens.
    pub id: String,
    /// The id of another manifest that this one starts from: tables are merged, everything else
    /// that stands here replaces what stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    pub name: String,
    pub kind: Kind,
    /// One word: crm, tasks, developer, gateway, …
    pub category: String,
    /// One sentence for people and models.
    pub about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// When it was last checked against what the vendor writes, a date; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// Where its facts come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Known traps, told when it is connected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What `${param:NAME}` stands for, in the order in which it is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// The ways to sign in, the simplest first; which of them is asked where there are several.
    pub auth: Vec<Way>,
    /// Of `kind = "mcp"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<Mcp>,
    /// Of `kind = "http"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// How to work with it, for a model: what to call first, what the words mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// What holds for its connections where the user says nothing; without it all is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Of `kind = "http"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
}

impl Manifest {
    /// The group that a tool is in, by the tool's own name.
    pub fn group_of(&self, tool: &str) -> Option<&Group> {
        let id = self.tools.iter().find(|one| one.name == tool)?.group.as_ref()?;
        self.groups.iter().find(|group| group.id == *id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A remote MCP server.
    Mcp,
    /// A REST API whose methods become tools.
    Http,
}

/// Something that is asked for and may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub name: String,
    pub title: String,
    /// Where one finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Taken when nothing is said; without it the parameter is needed unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// The only values there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The characters that a value may have, with ranges: `a-z0-9-`. Without it: whatever can
    /// stand in one part of a host name or a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chars: Option<String>,
    /// An ending that people type and that does not belong to it, as `.kommo.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip: Option<String>,
}

/// A secret that is asked for. It is typed without echo and only ever stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub name: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// How it begins or looks, shown as a hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// May be shown while it is typed, as an e-mail address.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shown: bool,
}

/// Where a remote MCP server is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// With `${param:NAME}`, `${user_id}` and `${org_id}`.
    pub url: String,
    /// Sent with every request, whichever way one signs in; one that comes out empty is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Query parameters of the URL, as templates; one whose `${user_id}`, `${org_id}` or optional
    /// parameter is unset is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
}

/// Tools that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Of tools that are not marked read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Rule>,
    /// Of tools that are marked destructive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive: Option<Rule>,
    /// Of single tools, by name or by a pattern with `*` and `?`; the closest one counts, and it
    /// comes before the two above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, Rule>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}
