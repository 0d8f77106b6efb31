//! What the server remembers: clients, codes, grants and their tokens.

use super::{
    answer::{Answer, Refusal},
    codec,
    quirks::{AuthMethod, ExpiresIn, Quirks, ReplyForm},
    record::{Counts, Params, TokenRequest},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{SystemTime, UNIX_EPOCH},
};

#[derive(Default)]
pub(super) struct State {
    pub quirks: Quirks,
    /// Seconds by which our clock is ahead.
    pub shift: i64,
    pub clients: HashMap<String, Client>,
    pub codes: HashMap<String, Code>,
    pub devices: Vec<Device>,
    pub grants: Vec<Grant>,
    pub refresh: HashMap<String, Refresh>,
    pub access: HashMap<String, Access>,
    /// The `jti` of every assertion that was taken.
    pub assertions: HashSet<String>,
    /// The resources that are protected, as their metadata name them; empty: any.
    pub resources: Vec<String>,
    pub counts: Counts,
    pub authorize: Vec<Params>,
    pub tokens: Vec<TokenRequest>,
    pub registrations: Vec<Value>,
    /// How often which refresh token came.
    pub refresh_sent: BTreeMap<String, usize>,
}

/// A client that the server knows.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: Option<String>,
    pub auth: AuthMethod,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    /// The public key for `private_key_jwt`: an uncompressed point of P-256.
    pub public_key: Option<Vec<u8>>,
    /// The end of its secret, in seconds of the server's clock; 0: none.
    pub secret_expires_at: i64,
    /// For the management of its registration (RFC 7592).
    pub management_token: Option<String>,
}

pub(super) struct Code {
    pub client_id: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub resource: Option<String>,
    pub scope: Vec<String>,
    /// The request had all that a refresh token needs.
    pub renewable: bool,
    pub expires_at: i64,
    /// What it was exchanged for.
    pub grant: Option<usize>,
}

/// What a user or a client was granted: one family of tokens.
pub(super) struct Grant {
    pub client_id: String,
    pub scope: Vec<String>,
    pub resource: Option<String>,
    pub renewable: bool,
    pub revoked: bool,
}

pub(super) struct Refresh {
    pub grant: usize,
    /// Counted within the family.
    pub generation: usize,
    pub used_at: Option<i64>,
}

pub(super) struct Access {
    pub grant: usize,
    pub expires_at: i64,
    pub rejected: bool,
}

pub(super) struct Device {
    pub code: String,
    pub user_code: String,
    pub grant: usize,
    pub expires_at: i64,
    pub polled_at: Option<i64>,
    pub polls: usize,
    pub interval: u64,
    /// What the user said.
    pub answer: Option<bool>,
    pub done: bool,
}

impl State {
    pub(super) fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap() + self.shift
    }

    /// The issuer as it is, whatever the metadata say.
    pub(super) fn issuer(&self, base: &str) -> String {
        format!("{base}{}", self.quirks.issuer_path)
    }

    /// An error as the endpoints say it.
    pub(super) fn say(&self, refusal: &Refusal) -> Answer {
        let text = self.quirks.error_text.clone().unwrap_or_else(|| refusal.text.clone());
        Refusal { text, ..refusal.clone() }.answer()
    }

    /// What to grant of the scopes that were asked for.
    pub(super) fn allowed(&self, asked: Vec<String>) -> Result<Vec<String>, Refusal> {
        let quirks = &self.quirks;
        let mut granted = Vec::new();
        for scope in asked {
            if quirks.scopes.as_ref().is_none_or(|all| all.contains(&scope)) {
                granted.push(scope);
            } else if quirks.unknown_scopes_refused {
                let text = format!("unknown scope {scope}");
                return Err(Refusal::new(400, "invalid_scope", &text));
            }
        }
        if let Some(only) = &quirks.grant_only {
            granted.retain(|scope| only.contains(scope));
        }
        Ok(granted)
    }

    /// The one `resource` of a request, as it was sent.
    pub(super) fn resource(
        &self,
        params: &Params,
        required: bool,
    ) -> Result<Option<String>, Refusal> {
        let invalid = |text: &str| Err(Refusal::new(400, "invalid_target", text));
        match params.all("resource").as_slice() {
            [] if required => invalid("resource is missing"),
            [] => Ok(None),
            // Byte for byte: a client that adds a slash has to be seen.
            [one] if self.resources.is_empty() || self.resources.iter().any(|all| all == one) => {
                Ok(Some((*one).to_owned()))
            }
            [one] => invalid(&format!("nothing here is {one}")),
            _ => invalid("more than one resource"),
        }
    }

    /// Starts a family of tokens.
    pub(super) fn grant(
        &mut self,
        client: &Client,
        scope: Vec<String>,
        resource: Option<String>,
    ) -> usize {
        let quirks = &self.quirks;
        let offline = scope.iter().any(|one| one == "offline_access");
        let renewable = quirks.refresh_tokens
            && (offline || !quirks.offline_required)
            && client.grant_types.iter().any(|one| one == "refresh_token");
        let client_id = client.id.clone();
        self.grants.push(Grant { client_id, scope, resource, renewable, revoked: false });
        self.grants.len() - 1
    }

    pub(super) fn revoke(&mut self, grant: usize) {
        self.grants[grant].revoked = true;
    }

    /// A new access token of a family.
    pub(super) fn issue_access(&mut self, grant: usize, as_jwt: bool) -> String {
        let expires_at = self.now() + self.quirks.lifetime;
        let mut token = codec::random("canary-at-");
        if as_jwt {
            let part = |value: Value| codec::base64url(value.to_string().as_bytes());
            let head = part(json!({"alg": "none", "typ": "at+jwt"}));
            let body = part(json!({"exp": expires_at, "sub": "user"}));
            // The canary takes the place of the signature, so that it stays readable.
            token = format!("{head}.{body}.{token}");
        }
        self.access.insert(token.clone(), Access { grant, expires_at, rejected: false });
        token
    }

    /// A new refresh token of a family.
    pub(super) fn issue_refresh(&mut self, grant: usize) -> String {
        let token = codec::random("canary-rt-");
        let generation = self.refresh.values().filter(|one| one.grant == grant).count();
        self.refresh.insert(token.clone(), Refresh { grant, generation, used_at: None });
        token
    }

    /// A good reply of the token endpoint.
    pub(super) fn reply(
        &mut self,
        grant: usize,
        refresh: Option<String>,
        form: ReplyForm,
        is_refresh: bool,
    ) -> Answer {
        let mut expires_in = self.quirks.expires_in;
        if is_refresh && let Some(other) = self.quirks.expires_in_on_refresh {
            expires_in = other;
        }
        let access = self.issue_access(grant, expires_in == ExpiresIn::Jwt);
        let lifetime = self.quirks.lifetime;
        let separator = if form == ReplyForm::CommaScopes { "," } else { " " };
        let scope = self.grants[grant].scope.join(separator);
        let kind = if form == ReplyForm::UserToken { "user" } else { "Bearer" };
        let mut reply = json!({"access_token": access, "token_type": kind, "scope": scope});
        match expires_in {
            ExpiresIn::Number => reply["expires_in"] = lifetime.into(),
            ExpiresIn::String => reply["expires_in"] = lifetime.to_string().into(),
            // Written by hand: the number must have a fraction.
            ExpiresIn::Float => {
                reply["expires_in"] = serde_json::from_str(&format!("{lifetime}.5")).unwrap();
            }
            ExpiresIn::Zero => reply["expires_in"] = 0.into(),
            ExpiresIn::Null => reply["expires_in"] = Value::Null,
            ExpiresIn::Missing | ExpiresIn::Jwt => {}
        }
        if let Some(refresh) = refresh {
            reply["refresh_token"] = refresh.into();
        }
        if self.quirks.json_token {
            reply["server_time"] = self.now().into();
        }
        if form == ReplyForm::NoTokenType {
            codec::merge(&mut reply, &json!({"token_type": null}));
        }
        match form {
            ReplyForm::AuthedUser => {
                let user = json!({"ok": true, "app_id": "A1", "authed_user": reply});
                Answer::json(200, &user).no_store()
            }
            ReplyForm::Form | ReplyForm::FormUnlessAsked => {
                let members = reply.as_object().unwrap().iter();
                let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
                let body = codec::form(members.map(|(key, value)| (key.clone(), text(value))));
                Answer::new(200, "application/x-www-form-urlencoded", body).no_store()
            }
            _ => Answer::json(200, &reply).no_store(),
        }
    }

    /// The grant behind an access token that works now, or why it does not.
    pub(super) fn access(&self, token: &str) -> Result<&Grant, &'static str> {
        let access = self.access.get(token).ok_or("unknown token")?;
        let grant = &self.grants[access.grant];
        if grant.revoked {
            return Err("the grant was revoked");
        }
        if access.rejected {
            return Err("the token was revoked");
        }
        if access.expires_at <= self.now() {
            return Err("the token expired");
        }
        Ok(grant)
    }
}
