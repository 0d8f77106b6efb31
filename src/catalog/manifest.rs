//! What a provider is, as a manifest says it: where it is, how one signs in, and what its API can
//! do. The format is TOML; `man/allmcp-catalog.5` describes it for people.

use crate::kind::{AuthKind, Rule, TokenBody};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A provider that can be connected by its id.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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
    /// What a new connection's policy is, where it is not `allow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Of `kind = "http"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A remote MCP server.
    Mcp,
    /// A REST API whose methods become tools.
    Http,
}

/// Something that is asked for and may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
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

/// One way to sign in.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The name of the secret that is pasted; it is not kept.
    pub from: String,
    pub like: String,
}

/// Requests that turn what was typed into a key.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// A client that the vendor lets everybody use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
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

/// A client that the user registers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub from: String,
    pub param: String,
    pub suffixes: Vec<String>,
}

/// Where a remote MCP server is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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

/// A REST API.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub method: String,
    pub path: String,
    /// The place in the answer that says whose account it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// At most `requests` in `seconds`; with `burst` a bucket of that size which refills at that pace.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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

/// All conditions that are given have to hold.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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

/// How the next part of an answer is asked for. A tool takes it as its `cursor` and gives the next
/// as `next_cursor`; nothing is fetched unasked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
}

/// `a[]=1&a[]=2`, `a=1&a=2` or `a=1,2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListStyle {
    #[default]
    Brackets,
    Repeat,
    Comma,
}

/// Tools that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    pub write: Option<Rule>,
    #[serde(default)]
    pub destructive: Option<Rule>,
}

/// One method of a REST API.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Letters, digits and `_`, short enough for no suffix: at most 51 with the provider's id.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub method: String,
    /// Relative to the base URL; `{id}` is the argument of that name.
    pub path: String,
    #[serde(default)]
    pub effect: Effect,
    /// Calling it twice is the same as once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotent: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Arg>,
    /// Constant query parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Constant members of the body.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
    /// The shape of the body.
    #[serde(default)]
    pub shape: Shape,
    /// One of `http.pages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// Where the answer proper stands, as `_embedded.leads`; all of it where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Only these members of each item are given back, unless the argument `full` is true. One of a
    /// member has a dot, as `_embedded.tags`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

/// What a tool does; it becomes the annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    #[default]
    Read,
    Write,
    Destructive,
}

/// How the arguments become a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// One JSON object.
    #[default]
    Object,
    /// A JSON list of one object.
    List,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// One argument of a tool.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arg {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// `string`, `integer`, `number`, `boolean`, `array` or `object`.
    #[serde(rename = "type", default)]
    pub kind: ArgKind,
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Where it goes; without it: into the path where that names it, else into the query of GET and
    /// DELETE, else into the body.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The vendor's own name, where it is another: `filter[created_at][from]` in a query,
    /// `_embedded.tags` in a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    /// Of an array: the schema of one element. Of an object: more of its schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub schema: Map<String, Value>,
    /// How a list goes into the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListStyle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArgKind {
    #[default]
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Path,
    Query,
    Body,
    Header,
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
