//! The two documents that describe a sign-in: of the protected resource (RFC 9728), and of the
//! authorization server (RFC 8414, or OpenID Connect discovery).
//!
//! Strings are kept as they came: they are sent, and compared, byte for byte.

use serde_json::{Map, Value};

/// What a protected resource says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceMetadata {
    pub resource: Option<String>,
    pub authorization_servers: Vec<String>,
    pub scopes: Option<Vec<String>>,
}

/// What an authorization server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerMetadata {
    /// Its own `issuer`; where it says none, the one that it was found by.
    pub issuer: String,
    /// The issuer that it was found by, where that differs by a slash (deviation 9).
    pub found_by: Option<String>,
    /// A server may know machines only.
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: String,
    pub registration_endpoint: Option<String>,
    pub revocation_endpoint: Option<String>,
    pub device_authorization_endpoint: Option<String>,
    pub scopes_supported: Vec<String>,
    /// Ways to show who the client is; empty where nothing is said.
    pub token_auth_methods: Vec<String>,
    /// It sends `iss` with the code (RFC 9207).
    pub iss_supported: bool,
    /// It takes the URL of a document as a client id.
    pub cimd_supported: bool,
    pub grant_types: Vec<String>,
    /// Many that know PKCE do not say so (deviation 12).
    pub pkce_advertised: bool,
}

/// A text that is there and says something; null and other types are as if absent (deviation 11).
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(fields: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let all = fields.get(name)?.as_array()?;
    Some(all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

impl ResourceMetadata {
    /// `None` for a document that is something else.
    pub fn of(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let resource = text(fields, "resource");
        let servers = texts(fields, "authorization_servers");
        if resource.is_none() && servers.is_none() {
            return None;
        }
        Some(Self {
            resource,
            authorization_servers: servers.unwrap_or_default(),
            scopes: texts(fields, "scopes_supported"),
        })
    }
}

impl ServerMetadata {
    /// `None` for a document that is something else. `issuer` is empty where it says none.
    pub fn of(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or_default();
        let list = |name: &str| texts(fields, name).unwrap_or_default();
        Some(Self {
            issuer: text(fields, "issuer").unwrap_or_default(),
            found_by: None,
            authorization_endpoint: text(fields, "authorization_endpoint"),
            token_endpoint: text(fields, "token_endpoint")?,
            registration_endpoint: text(fields, "registration_endpoint"),
            revocation_endpoint: text(fields, "revocation_endpoint"),
            device_authorization_endpoint: text(fields, "device_authorization_endpoint"),
            scopes_supported: list("scopes_supported"),
            token_auth_methods: list("token_endpoint_auth_methods_supported"),
            iss_supported: flag("authorization_response_iss_parameter_supported"),
            cimd_supported: flag("client_id_metadata_document_supported"),
            grant_types: list("grant_types_supported"),
            pkce_advertised: list("code_challenge_methods_supported").iter().any(|m| m == "S256"),
        })
    }

    /// What a server of the revision 2025-03-26 without a document has, by that revision.
    pub(super) fn assumed(origin: &str) -> Self {
        Self {
            issuer: origin.to_owned(),
            authorization_endpoint: Some(format!("{origin}/authorize")),
            token_endpoint: format!("{origin}/token"),
            registration_endpoint: Some(format!("{origin}/register")),
            ..Self::default()
        }
    }

    /// All URLs that are called or opened.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("authorization_endpoint", self.authorization_endpoint.as_deref()),
            ("token_endpoint", Some(self.token_endpoint.as_str())),
            ("registration_endpoint", self.registration_endpoint.as_deref()),
            ("revocation_endpoint", self.revocation_endpoint.as_deref()),
            ("device_authorization_endpoint", self.device_authorization_endpoint.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, url)| Some((name, url?)))
    }
}
