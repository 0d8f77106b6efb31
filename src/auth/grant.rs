//! What a sign-in leaves in the vault: the client that we are, and the tokens that it got.
//!
//! Everything that a renewal needs is here, so that a lost state folder costs nothing.

use super::TokenStyle;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// The client and the tokens of one connection and identity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SignedIn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// Who we are to one authorization server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// The issuer that knows it; it is never shown to another one.
    pub issuer: String,
    pub id: String,
    #[serde(default, with = "plain_optional", skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret<String>>,
    pub method: AuthMethod,
    pub source: ClientSource,
    /// The redirect URI that it was registered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<SystemTime>,
    /// Where the registration is changed and removed (RFC 7592).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
}

/// Access to a dynamic registration (RFC 7592).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Management {
    pub uri: String,
    #[serde(with = "plain")]
    pub token: Secret<String>,
}

/// How the client shows who it is at the token endpoint, by its registered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthMethod {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "client_secret_post")]
    Post,
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
}

/// Where a client comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSource {
    /// The user said who we are.
    Configured,
    /// The id is the URL of a document about us.
    MetadataDocument,
    /// The server gave it to us (RFC 7591), and may forget it.
    Registered,
}

/// Tokens, and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Counts the pairs of tokens of this connection; every renewal adds one.
    pub generation: u64,
    pub kind: GrantKind,
    #[serde(with = "plain")]
    pub access_token: Secret<String>,
    #[serde(default, with = "plain_optional", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret<String>>,
    /// By our own clock, from the moment the request was sent; `None` when nothing was said.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<SystemTime>,
    /// When this pair was asked for.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<SystemTime>,
    /// What was granted, where the server said it, else what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    pub issuer: String,
    /// What is sent as `resource`, byte for byte; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    pub token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// How token requests are written; `None` for as OAuth has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<TokenStyle>,
}

/// How tokens were got, and so how they are renewed when there is no refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// A person said yes in a browser.
    Code,
    /// A person said yes on another device (RFC 8628).
    Device,
    /// A machine asked with its own credential; it can ask again.
    ClientCredentials,
}

/// A secret as the plain text that it is in the vault.
mod plain {
    use crate::secret::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &Secret<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret<String>, D::Error> {
        let secret = Secret::new(String::deserialize(deserializer)?);
        // Whatever quotes it later, no log shows it.
        crate::log::redact(&secret);
        Ok(secret)
    }
}

mod plain_optional {
    use crate::secret::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret<String>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => super::plain::serialize(secret, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret<String>>, D::Error> {
        let secret = Option::<String>::deserialize(deserializer)?.map(Secret::new);
        secret.iter().for_each(crate::log::redact);
        Ok(secret)
    }
}

/// Whole seconds since 1970, which is what servers speak of.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer
                .serialize_u64(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let seconds = Option::<u64>::deserialize(deserializer)?;
        Ok(seconds.and_then(|s| UNIX_EPOCH.checked_add(Duration::from_secs(s))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn it_is_json_in_which_a_person_can_read_the_tokens_and_debug_shows_none() {
        let signed_in = SignedIn {
            client: Some(Client {
                issuer: "https://as.example".to_owned(),
                id: "c1".to_owned(),
                secret: None,
                method: AuthMethod::None,
                source: ClientSource::Registered,
                redirect_uri: Some("http://127.0.0.1:5000/callback".to_owned()),
                secret_expires_at: None,
                management: None,
            }),
            grant: Some(Grant {
                generation: 3,
                kind: GrantKind::Code,
                access_token: Secret::new("grant-at".to_owned()),
                refresh_token: Some(Secret::new("grant-rt".to_owned())),
                expires_at: Some(UNIX_EPOCH + Duration::from_secs(9)),
                issued_at: None,
                scopes: vec!["a".to_owned()],
                issuer: "https://as.example".to_owned(),
                resource: Some("https://h/mcp".to_owned()),
                token_endpoint: "https://as.example/token".to_owned(),
                revocation_endpoint: None,
                style: None,
            }),
        };
        let text = serde_json::to_string(&signed_in).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"client":{"issuer":"https://as.example","id":"c1","method":"none","source":"registered","#,
                r#""redirect_uri":"http://127.0.0.1:5000/callback"},"grant":{"generation":3,"kind":"code","#,
                r#""access_token":"grant-at","refresh_token":"grant-rt","expires_at":9,"scopes":["a"],"#,
                r#""issuer":"https://as.example","resource":"https://h/mcp","token_endpoint":"https://as.example/token"}}"#
            )
        );
        assert_eq!(serde_json::from_str::<SignedIn>(&text).unwrap(), signed_in);
        let shown = format!("{signed_in:?}");
        assert!(!shown.contains("grant-at") && !shown.contains("grant-rt"), "{shown}");
    }

    #[test]
    fn a_style_is_kept_with_the_tokens_and_an_older_reader_passes_over_it() {
        let old = concat!(
            r#"{"grant":{"generation":3,"kind":"code","access_token":"grant-at","#,
            r#""issuer":"https://as.example","token_endpoint":"https://as.example/token"}}"#
        );
        // New reader, old data.
        let mut signed_in: SignedIn = serde_json::from_str(old).unwrap();
        let grant = signed_in.grant.as_mut().unwrap();
        assert_eq!(grant.style, None);
        grant.style = Some(TokenStyle {
            body: crate::kind::TokenBody::Json,
            params: [("a".to_owned(), "b".to_owned())].into(),
            redirect_uri: Some("http://127.0.0.1:5000/callback".to_owned()),
        });
        let text = serde_json::to_string(&signed_in).unwrap();
        let style = r#""style":{"body":"json","params":{"a":"b"},"redirect_uri":"http://127.0.0.1:5000/callback"}"#;
        assert!(text.contains(style), "{text}");
        assert_eq!(serde_json::from_str::<SignedIn>(&text).unwrap(), signed_in);
        // Old reader, new data: a member that it does not know stops nobody, which is what the
        // same does here.
        let newer = text.replace(r#""style":"#, r#""later":"#);
        let read: SignedIn = serde_json::from_str(&newer).unwrap();
        assert_eq!(read.grant.unwrap().style, None);
    }
}
