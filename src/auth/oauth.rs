//! What a connection's configuration says of its sign-in.

use super::ManualProfile;
use crate::{
    kind::{AuthorizeParam, Pkce},
    template::Template,
};
use std::collections::BTreeMap;

/// The secret of a client that was registered by hand, by its name in the stored credential.
pub const CLIENT_SECRET: &str = "client_secret";
/// The private key (PKCS #8 PEM) of a client that signs its requests, by the same.
pub const PRIVATE_KEY: &str = "private_key";

/// The `[connections.NAME.oauth]` table; every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuthConfig {
    pub client_id: Option<String>,
    /// The URL of a client ID metadata document, used where the server takes one.
    pub client_metadata_url: Option<String>,
    /// Added to the ones that the server asks for.
    pub scopes: Vec<String>,
    pub resource: ResourceRule,
    /// The issuer that the user trusts, though the metadata names another.
    pub issuer: Option<String>,
    pub callback_port: Option<u16>,
    /// `127.0.0.1` when nothing is said; some servers know only `localhost`.
    pub callback_host: Option<String>,
    /// Added to the authorization request; an empty value takes one of ours away.
    pub authorize_params: BTreeMap<String, String>,
    /// What is left out of that request.
    pub authorize_omit: Vec<AuthorizeParam>,
    /// `None`: nobody said; it is sent.
    pub pkce: Option<Pkce>,
    /// Where clients are registered, whatever the server's metadata says. Holes are filled as in
    /// the connection's URL, but for secrets.
    pub registration_url: Option<Template>,
    /// In place of all that is found out elsewhere (deviation 36).
    pub manual: Option<ManualProfile>,
}

/// What is sent as `resource` (RFC 8707).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ResourceRule {
    /// The very string of the protected resource metadata, else the server's URL.
    #[default]
    Announced,
    /// Nothing: some servers refuse requests that have it.
    Never,
    Exactly(String),
}
