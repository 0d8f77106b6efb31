//! What makes one authorization server unlike the next: a switch for each deviation.
//!
//! The number at a switch is that of the deviation in the facts about OAuth (section 1); RFC
//! where it is no deviation but a choice that the standards leave.

pub use super::kinds::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// How the server behaves; `Quirks::default()` is a strict and complete one.
///
/// Write `Quirks { dcr: false, ..Quirks::default() }`, and change it later by `AuthServer::set`.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Quirks {
    // Its metadata.
    /// The path of the issuer: empty, or `/tenant`.
    pub issuer_path: String,
    /// Where its metadata is (5, 7).
    pub as_meta: AsMeta,
    /// What is where no metadata is (2, 3).
    pub miss: Miss,
    /// What it says its issuer is (9, 10).
    pub issuer: Issuer,
    /// A merge patch of the metadata; `"__null__"` is an explicit null (8, 11; section 4).
    pub meta_patch: Value,
    /// In place of the true URL: `file:`, `javascript:`, quotes and the like (section 4).
    pub authorization_endpoint: Option<String>,
    /// Its metadata are elsewhere (section 4).
    pub meta_redirect: Option<Moved>,
    /// `code_challenge_methods_supported` is there (12).
    pub pkce_advertised: bool,
    /// What it says of authentication at the token endpoint, where that is not true (17).
    pub meta_auth_methods: Option<Vec<String>>,

    // Clients.
    /// There is registration (13).
    pub dcr: bool,
    /// Registration is there, and the metadata does not say where.
    pub dcr_untold: bool,
    /// Every client gets this method, whatever it asked for (17).
    pub dcr_force_auth: Option<AuthMethod>,
    /// Unknown members and unknown scopes are refused (16).
    pub dcr_strict: bool,
    /// `application_type` has to be `native` for a loopback redirect URI, as OpenID has it (16).
    pub dcr_needs_native: bool,
    /// Every registration gets this status and JSON, as from a policy on hosts (16).
    pub dcr_answer: Option<(u16, &'static str)>,
    /// A merge patch of what registration answers; what the server knows stays (11, 17).
    pub registration_patch: Value,
    /// Only so many registrations; then 429 (15).
    pub dcr_limit: Option<usize>,
    /// Secrets end so many seconds after registration (14).
    pub secret_ttl: Option<i64>,
    /// Registrations can be managed (RFC 7592).
    pub dcr_managed: bool,
    /// What is said of clients that are not known, or not any more (14).
    pub forgotten: Forgotten,
    /// The only method that the token endpoint takes, whatever registration and metadata say (17).
    pub only_auth: Option<AuthMethod>,
    /// A client that authenticates in the wrong way is told that `client_id` is missing (17).
    pub wrong_auth_says_missing: bool,
    /// How a redirect URI has to match (18).
    pub redirect: Redirect,
    /// Client ids may be URLs of metadata documents (13).
    pub cimd: bool,
    /// The documents behind such URLs; nothing is fetched.
    pub client_documents: BTreeMap<String, Value>,
    /// The audience of a `private_key_jwt` that is right (RFC 7523).
    pub assertion_audience: Audience,

    // The authorize request and its answer.
    /// What the user does where the browser does not say otherwise.
    pub consent: Consent,
    /// `iss` on the callback (19).
    pub iss: Iss,
    /// `resource` is refused (20).
    pub forbid_resource: Option<ForbidResource>,
    /// `resource` must be there when a code is asked for and exchanged (20).
    pub require_resource: bool,
    /// It must also be there on refresh (20).
    pub require_resource_on_refresh: bool,
    /// The scopes that exist; `None`: every scope does.
    pub scopes: Option<Vec<String>>,
    /// They are in the metadata (21).
    pub scopes_advertised: bool,
    /// An unknown scope is an error (21); else it is left out.
    pub unknown_scopes_refused: bool,
    /// The user grants these and no other (34).
    pub grant_only: Option<Vec<String>>,
    /// No refresh token without `offline_access` (22).
    pub offline_required: bool,
    /// No refresh token without these in the authorize request: `access_type=offline` (22).
    pub offline_params: Vec<(&'static str, &'static str)>,
    /// What `prompt=consent` does (22).
    pub prompt: Prompt,
    /// Parameters without which the authorize request is an error: `audience` (22).
    pub needed_params: Vec<&'static str>,

    // Tokens.
    /// There are refresh tokens at all.
    pub refresh_tokens: bool,
    pub rotation: Rotation,
    /// A refresh answers without a refresh token; the old one stays (23).
    pub drop_refresh_on_refresh: bool,
    /// A refresh kills older access tokens (24).
    pub revoke_old_at: bool,
    /// Every refresh is `invalid_grant`; access tokens go on to work (25).
    pub refresh_refused: bool,
    /// Any `scope` on a refresh is `invalid_scope` (28). One that was not granted always is.
    pub scope_on_refresh_refused: bool,
    /// How long an access token lives, in seconds.
    pub lifetime: i64,
    /// How the reply says so (29).
    pub expires_in: ExpiresIn,
    /// How a refresh says so, where that is different (29).
    pub expires_in_on_refresh: Option<ExpiresIn>,
    /// The form of every good reply (31).
    pub reply: ReplyForm,
    /// Errors have the status 200 (31).
    pub errors_with_200: bool,
    /// The `error_description` of every error: escapes, markup (section 4).
    pub error_text: Option<String>,
    /// The token endpoint takes JSON and no form, its errors are `{}`, PKCE is not needed, and a
    /// refresh needs `redirect_uri` (36).
    pub json_token: bool,
    /// So long until the token endpoint works on a request.
    pub token_latency: Duration,
    /// The token endpoint is elsewhere: a status and the URL (section 4).
    pub token_redirect: Option<(u16, String)>,
    /// The registration endpoint is elsewhere.
    pub register_redirect: Option<(u16, String)>,
    /// What becomes of the next token requests, one each (26, 31, 33).
    pub token_fail: VecDeque<TokenFail>,
    /// As `token_fail`, for refreshes only; these go first.
    pub refresh_fail: VecDeque<TokenFail>,

    // Other grants.
    /// The device grant is there (RFC 8628).
    pub device: bool,
    /// The seconds between two polls that it asks for.
    pub device_interval: u64,
    /// So many polls are `slow_down`, before all else.
    pub device_slow_down: usize,
    /// Who says yes on the device's page.
    pub device_consent: DeviceConsent,
    /// The client credentials grant is there.
    pub client_credentials: bool,
    /// Revocation is there (RFC 7009).
    pub revocation: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            issuer_path: String::new(),
            as_meta: AsMeta::All,
            miss: Miss::NotFound,
            issuer: Issuer::Own,
            meta_patch: json!({}),
            authorization_endpoint: None,
            meta_redirect: None,
            pkce_advertised: true,
            meta_auth_methods: None,
            dcr: true,
            dcr_untold: false,
            dcr_force_auth: None,
            dcr_strict: false,
            dcr_needs_native: false,
            dcr_answer: None,
            registration_patch: json!({}),
            dcr_limit: None,
            secret_ttl: None,
            dcr_managed: false,
            forgotten: Forgotten::default(),
            only_auth: None,
            wrong_auth_says_missing: false,
            redirect: Redirect::Exact,
            cimd: false,
            client_documents: BTreeMap::new(),
            assertion_audience: Audience::Either,
            consent: Consent::Grant,
            iss: Iss::Right,
            forbid_resource: None,
            require_resource: false,
            require_resource_on_refresh: false,
            scopes: None,
            scopes_advertised: true,
            unknown_scopes_refused: true,
            grant_only: None,
            offline_required: false,
            offline_params: Vec::new(),
            prompt: Prompt::Free,
            needed_params: Vec::new(),
            refresh_tokens: true,
            rotation: Rotation::Strict,
            drop_refresh_on_refresh: false,
            revoke_old_at: false,
            refresh_refused: false,
            scope_on_refresh_refused: false,
            lifetime: 3600,
            expires_in: ExpiresIn::Number,
            expires_in_on_refresh: None,
            reply: ReplyForm::Json,
            errors_with_200: false,
            error_text: None,
            json_token: false,
            token_latency: Duration::ZERO,
            token_redirect: None,
            register_redirect: None,
            token_fail: VecDeque::new(),
            refresh_fail: VecDeque::new(),
            device: false,
            device_interval: 0,
            device_slow_down: 0,
            device_consent: DeviceConsent::ByBrowser,
            client_credentials: true,
            revocation: true,
        }
    }
}
