//! Tokens in memory, and what the clock says of them.

use crate::{
    auth::{AuthMethod, Client, Grant, GrantKind, Record, SignedIn, tokens::endpoint::Renewed},
    secret::Secret,
    store::GrantFacts,
    vault::VaultError,
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// How long before its end a token is renewed, at most.
const MARGIN: Duration = Duration::from_mins(1);

/// Tells one token from another without being one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth) struct TokenHash(String);

impl TokenHash {
    pub(super) fn of(token: &Secret<String>) -> Self {
        let digest = Sha256::digest(token.expose().as_bytes());
        // Half of it tells tokens apart, and is of no use to anybody.
        let hex = digest[..16].iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Self(hex)
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// One connection's sign-in with everything that using and renewing it needs.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::auth) struct Held {
    pub(in crate::auth) bound: String,
    /// The keys that are stored beside it.
    pub(in crate::auth) secrets: BTreeMap<String, Secret<String>>,
    pub(in crate::auth) client: Option<Client>,
    pub(in crate::auth) grant: Grant,
    /// Of the access token.
    pub(in crate::auth) hash: TokenHash,
}

impl Held {
    /// The sign-in in `record`; `None` when nobody signed in.
    pub(in crate::auth) fn of(record: Record) -> Result<Option<Self>, VaultError> {
        let SignedIn { client, grant } = record.signed_in()?;
        Ok(grant.map(|grant| Self {
            bound: record.bound,
            secrets: record.secrets,
            client,
            hash: TokenHash::of(&grant.access_token),
            grant,
        }))
    }

    /// What follows it after a renewal that was asked for at `sent`.
    pub(super) fn renewed(&self, with: Renewed, sent: SystemTime) -> Self {
        crate::log::redact(&with.access_token);
        with.refresh_token.iter().for_each(crate::log::redact);
        let old = &self.grant;
        let grant = Grant {
            generation: old.generation + 1,
            refresh_token: with.refresh_token.or_else(|| old.refresh_token.clone()),
            expires_at: with.expires_at,
            issued_at: Some(sent),
            scopes: with.scopes.unwrap_or_else(|| old.scopes.clone()),
            resource: old.resource.clone().filter(|_| !with.no_resource),
            access_token: with.access_token,
            ..old.clone()
        };
        Self {
            hash: TokenHash::of(&grant.access_token),
            grant,
            client: with.client.or_else(|| self.client.clone()),
            ..self.clone()
        }
    }

    /// New tokens can be had for it without the user.
    pub(super) fn is_renewable(&self) -> bool {
        let again = self.grant.kind == GrantKind::ClientCredentials;
        self.client.is_some() && (again || self.grant.refresh_token.is_some())
    }

    /// It is time for new tokens. Never for those that cannot be renewed, nor where no end was
    /// told: those are used until they are refused.
    pub(in crate::auth) fn is_due(&self, now: SystemTime) -> bool {
        let Some(end) = self.grant.expires_at.filter(|_| self.is_renewable()) else {
            return false;
        };
        let life = self.grant.issued_at.and_then(|start| end.duration_since(start).ok());
        let margin = life.map_or(Duration::ZERO, |life| MARGIN.min(life / 10));
        now.checked_add(margin).is_none_or(|soon| soon >= end)
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.grant.expires_at.is_some_and(|end| now >= end)
    }

    pub(super) fn refresh_hash(&self) -> Option<TokenHash> {
        self.grant.refresh_token.as_ref().map(TokenHash::of)
    }

    pub(super) fn signed_in(&self) -> SignedIn {
        SignedIn { client: self.client.clone(), grant: Some(self.grant.clone()) }
    }

    /// Writes down what may be known of it.
    pub(super) fn tell(&self, facts: &mut GrantFacts) {
        facts.for_place(&self.bound);
        facts.generation = self.grant.generation;
        facts.issuer = Some(self.grant.issuer.clone());
        facts.scopes.clone_from(&self.grant.scopes);
        facts.expires_at = self.grant.expires_at;
        facts.renewable = self.is_renewable();
        facts.auth_method = self.client.as_ref().map(|client| word(client.method).to_owned());
    }
}

/// As it is registered.
fn word(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::None => "none",
        AuthMethod::Post => "client_secret_post",
        AuthMethod::Basic => "client_secret_basic",
        AuthMethod::PrivateKeyJwt => "private_key_jwt",
    }
}
