//! The server in front of its endpoints, and the handle that tests hold.

use super::{
    super::{
        record::Request,
        script::{Front, Meeting, Met, Script},
        upstream::Upstream,
    },
    answer::{Answer, Refusal},
    authorize, client_auth, codec, device, metadata,
    quirks::{AuthMethod, Quirks},
    record::{Counts, Params, TokenRequest},
    register,
    state::{Client, State},
    token::{self, Told},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running authorization server; it stops when this is dropped.
pub struct AuthServer {
    inner: Arc<Inner>,
    http: Upstream,
}

/// What server and resources share.
#[derive(Default)]
pub(super) struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Works on the state and tells who waits for a change of it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.state());
        self.changed.notify_all();
        done
    }

    /// Answers as the server whose origin is `base`; nothing for a path that is not its own.
    pub(super) async fn serve(&self, base: &str, request: &Request) -> Option<Met> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if let Some(answer) = metadata::serve(&self.state(), base, path) {
            return Some(answer.into());
        }
        let issuer_path = self.state().quirks.issuer_path.clone();
        let endpoint = path.strip_prefix(&issuer_path)?.strip_prefix('/')?;
        let says = request.header(authorize::CONSENT_HEADER);
        let query = || Params(codec::pairs(query));
        let answer = match (request.http_method.as_str(), endpoint) {
            ("GET", "authorize") => self.with(|state| authorize::serve(state, base, query(), says)),
            ("POST", "authorize") => {
                let params = Params(codec::pairs(&request.body_text()));
                self.with(|state| authorize::serve(state, base, params, says))
            }
            ("POST", "token") => {
                let latency = self.state().quirks.token_latency;
                tokio::time::sleep(latency).await;
                match self.with(|state| token::serve(state, base, request)) {
                    Told::Answer(answer) => answer,
                    Told::Cut => return Some(Met::Cut),
                    Told::Hang => std::future::pending().await,
                }
            }
            ("POST", "register") => self.with(|state| register::serve(state, base, &request.body)),
            ("POST", "revoke") => self.with(|state| {
                let done = revoke(state, base, request);
                done.unwrap_or_else(|refusal| state.say(&refusal))
            }),
            ("POST", "device_authorization") => self.with(|state| {
                let done = begin_device(state, base, request);
                done.unwrap_or_else(|refusal| state.say(&refusal))
            }),
            ("GET", "device") => self.with(|state| device::page(state, &query(), says)),
            (_, "authorize" | "token" | "register" | "revoke" | "device_authorization") => {
                Answer::text(405, "Method Not Allowed").with("allow", "POST")
            }
            (method, other) => {
                let id = other.strip_prefix("register/")?;
                let bearer = request.header("authorization");
                let bearer = bearer.and_then(|header| header.strip_prefix("Bearer "));
                self.with(|state| register::manage(state, base, id, method, bearer, &request.body))
            }
        };
        Some(answer.into())
    }
}

/// RFC 7009: what is not known is as good as revoked.
fn revoke(state: &mut State, base: &str, request: &Request) -> Result<Answer, Refusal> {
    if !state.quirks.revocation {
        return Ok(Answer::text(404, "Not Found"));
    }
    let params = token::params(state, request)?;
    let client = client_auth::check(state, base, request.header("authorization"), &params)?;
    let sent = params.get("token").unwrap_or_default();
    let refresh = state.refresh.get(sent).map(|token| token.grant);
    let access = state.access.get(sent).map(|token| token.grant);
    let Some(grant) = refresh.or(access) else { return Ok(Answer::text(200, "")) };
    if state.grants[grant].client_id != client.id {
        return Err(Refusal::new(400, "invalid_request", "the token is another client's"));
    }
    state.counts.revocations += 1;
    if refresh.is_some() {
        state.revoke(grant);
    } else if let Some(access) = state.access.get_mut(sent) {
        access.rejected = true;
    }
    Ok(Answer::text(200, ""))
}

fn begin_device(state: &mut State, base: &str, request: &Request) -> Result<Answer, Refusal> {
    if !state.quirks.device {
        return Ok(Answer::text(404, "Not Found"));
    }
    let params = token::params(state, request)?;
    let client = client_auth::check(state, base, request.header("authorization"), &params)?;
    if !client.grant_types.iter().any(|one| one == metadata::DEVICE_GRANT) {
        return Err(Refusal::new(400, "unauthorized_client", "not a grant of this client"));
    }
    device::begin(state, base, &client, &params)
}

/// The server on its own origin.
struct Own {
    inner: Arc<Inner>,
    base: String,
}

impl Front for Own {
    fn meet<'a>(&'a self, request: &'a Request) -> Meeting<'a> {
        Box::pin(async {
            let met = self.inner.serve(&self.base, request).await;
            met.unwrap_or_else(|| Answer::text(404, "Not Found").into())
        })
    }
}

impl AuthServer {
    pub fn start(quirks: Quirks) -> Self {
        let inner = Arc::new(Inner::default());
        inner.state().quirks = quirks;
        let http = Upstream::start(Script::legacy());
        let front = Own { inner: Arc::clone(&inner), base: http.origin() };
        http.change(|script| script.front = Some(Arc::new(front)));
        Self { inner, http }
    }

    pub fn origin(&self) -> String {
        self.http.origin()
    }

    /// Its true issuer, whatever its metadata say.
    pub fn issuer(&self) -> String {
        self.inner.state().issuer(&self.origin())
    }

    /// The URL of one of its endpoints: `token`, `authorize`, `register`, `revoke`, …
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.issuer())
    }

    /// The HTTP below: every request as it came, faults, a port that refuses or stalls.
    pub fn http(&self) -> &Upstream {
        &self.http
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Changes its habits for all requests to come.
    pub fn set(&self, change: impl FnOnce(&mut Quirks)) {
        self.inner.with(|state| change(&mut state.quirks));
    }

    pub fn quirks(&self) -> Quirks {
        self.inner.state().quirks.clone()
    }

    pub fn counts(&self) -> Counts {
        self.inner.state().counts.clone()
    }

    /// Waits until `done` holds; fails after 30 s with the counts that are.
    pub fn wait_for(&self, what: &str, done: impl Fn(&Counts) -> bool) -> Counts {
        let state = self.inner.state();
        let waited =
            self.inner.changed.wait_timeout_while(state, PATIENCE, |state| !done(&state.counts));
        let (state, timeout) = waited.unwrap();
        let counts = state.counts.clone();
        // Free for the server again before this thread may panic.
        drop(state);
        assert!(!timeout.timed_out(), "waited in vain for {what}; there is {counts:#?}");
        counts
    }

    /// The parameters of every authorize request.
    pub fn authorize_requests(&self) -> Vec<Params> {
        self.inner.state().authorize.clone()
    }

    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.inner.state().tokens.clone()
    }

    /// The token requests with this grant: `refresh_token`, `authorization_code`, …
    pub fn token_requests_of(&self, grant: &str) -> Vec<TokenRequest> {
        self.token_requests().into_iter().filter(|request| request.grant == grant).collect()
    }

    /// The bodies of all registrations, also of refused ones.
    pub fn registrations(&self) -> Vec<Value> {
        self.inner.state().registrations.clone()
    }

    /// How often which refresh token was sent.
    pub fn refresh_sent(&self) -> BTreeMap<String, usize> {
        self.inner.state().refresh_sent.clone()
    }

    /// The clients that it knows now.
    pub fn clients(&self) -> Vec<Client> {
        self.inner.state().clients.values().cloned().collect()
    }

    /// Makes a client as an administrator would; with `Basic` and `Post` it has a secret.
    pub fn add_client(&self, auth: AuthMethod, redirect_uris: &[&str]) -> Client {
        let has_secret = matches!(auth, AuthMethod::Basic | AuthMethod::Post);
        let grants =
            ["authorization_code", "refresh_token", "client_credentials", metadata::DEVICE_GRANT];
        let client = Client {
            id: codec::random("client-"),
            secret: has_secret.then(|| codec::random("canary-cs-")),
            auth,
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            grant_types: grants.map(str::to_owned).to_vec(),
            public_key: None,
            secret_expires_at: 0,
            management_token: None,
        };
        self.put_client(client.clone());
        client
    }

    /// Adds a client, or replaces the one with its id.
    pub fn put_client(&self, client: Client) {
        self.inner.with(|state| state.clients.insert(client.id.clone(), client));
    }

    /// Forgets every client: what `Quirks::forgotten` says comes from now on.
    pub fn forget_clients(&self) {
        self.inner.with(|state| state.clients.clear());
    }

    /// Rejects the access tokens that are out, long before they expire.
    pub fn reject_access_tokens(&self) {
        self.inner.with(|state| {
            state.access.values_mut().for_each(|access| access.rejected = true);
        });
    }

    /// Revokes every grant: access and refresh tokens are dead.
    pub fn revoke_grants(&self) {
        self.inner.with(|state| {
            state.grants.iter_mut().for_each(|grant| grant.revoked = true);
        });
    }

    /// Puts the server's clock ahead by so many seconds, or back.
    pub fn shift_clock(&self, seconds: i64) {
        self.inner.with(|state| state.shift += seconds);
    }

    /// True when `token` would be taken now.
    pub fn is_live(&self, token: &str) -> bool {
        self.inner.state().access(token).is_ok()
    }
}
