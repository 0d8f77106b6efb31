//! How one signs in to a provider.

use super::{Ask, Param, yes};
use crate::kind::{AuthKind, AuthorizeParam, Pkce, TokenBody};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One way to sign in.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// Unique in the manifest: token, webhook, login, oauth, …
    pub id: String,
    pub title: String,
    /// `none`, `key`, `oauth` or `client-credentials`.
    pub kind: AuthKind,
    /// Where one gets the credential, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The vendor's page for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Asked for besides the manifest's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Ask>,
    /// Where the credential goes, as templates: `Bearer ${secret:token}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Query parameters of every request (`kind = "http"`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Members of every JSON body (`kind = "http"`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub body: BTreeMap<String, String>,
    /// In the place of `mcp.url` or `http.base_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A secret that is pasted whole and taken apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Something that is typed once, exchanged for a key and forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
}

/// `like = "https://${param:portal}/rest/${param:user_id}/${secret:code}/"`: what stands in the
/// place of each hole is that parameter or secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The name of the secret that is pasted; it is not kept.
    pub from: String,
    pub like: String,
}

/// Requests that turn what was typed into a key.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Typed, used for the steps as `${secret:NAME}`, and forgotten.
    pub asks: Vec<Ask>,
    pub steps: Vec<Step>,
    /// Takes the key back at `disconnect`, by the same rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Box<Step>>,
}

/// One request of a login.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub method: String,
    /// Relative to the base URL, with templates.
    pub path: String,
    /// A JSON body, with templates in its texts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
    /// One of a list that the answer holds; asked for when it has more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choose: Option<Choose>,
    /// Secrets to keep: name to the place in the answer (`data.key`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub save: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Choose {
    /// The parameter that the choice becomes; one that is given already is not asked for.
    pub param: String,
    pub title: String,
    /// Where the list stands in the answer.
    pub list: String,
    /// The member that is the value, and the one that is shown.
    pub value: String,
    pub label: String,
}

/// A sign-in in the browser. For an MCP server that describes itself everything is left out but
/// what has to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OAuth {
    /// With `token_url`: nothing is discovered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke_url: Option<String>,
    pub token_body: TokenBody,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token_params: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub authorize_params: BTreeMap<String, String>,
    /// What the vendor's authorize URL does not take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorize_omit: Vec<AuthorizeParam>,
    #[serde(skip_serializing_if = "is_usual")]
    pub pkce: Pkce,
    /// Where a client is registered (RFC 7591), in the place of what the server says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// A client that the vendor lets everybody use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What goes with it at vendors that give every client a secret, installed programs too: it is
    /// in every copy of this file and no secret at all (RFC 8252, 8.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The user has to register a client of their own: what to do there, and which redirect URI to
    /// enter (`${redirect_uri}`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_client: Option<OwnClient>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_port: Option<u16>,
    /// `127.0.0.1`, `localhost` or `[::1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_host: Option<String>,
    /// The account that the user chose is told by the callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The vendor shows a code that can be pasted in the place of the redirect.
    pub code_can_be_pasted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_usual(pkce: &Pkce) -> bool {
    *pkce == Pkce::default()
}

/// A client that the user registers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnClient {
    pub help: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// It has a secret too.
    #[serde(default = "yes")]
    pub secret: bool,
}

/// `from = "referer"`, `param = "subdomain"`, `suffixes = [".kommo.com"]`: the callback's
/// parameter is a host; what stands before an allowed suffix is the parameter. Any other host
/// ends the sign-in before a code or a secret is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub from: String,
    pub param: String,
    pub suffixes: Vec<String>,
}
