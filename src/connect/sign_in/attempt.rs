//! One way to the authorization server and back.

use super::{
    Consent, TypeCode, Wanted,
    callback::{Callback, Came},
    load, note, port,
};
use crate::{
    auth::{
        self, AuthError, Client, Code, Device, Discovered, Flow, Grant, Learned, OAuthHttp, Place,
        SignInError,
    },
    connect::{ConnectError, Deps},
    name::ConnectionName,
    page::{Page, Pages},
    store::GrantFacts,
};
use std::{sync::Arc, time::SystemTime};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

/// Why there are no tokens.
#[derive(Debug)]
pub(super) enum Failed {
    SignIn(SignInError),
    /// Of the exchange: the user said yes, and it came to nothing.
    Exchange(SignInError),
    Auth(AuthError),
    Port(std::io::Error, Option<u16>),
}

impl From<SignInError> for Failed {
    fn from(error: SignInError) -> Self {
        Self::SignIn(error)
    }
}

impl Failed {
    pub(super) fn told(self, name: &ConnectionName) -> ConnectError {
        match self {
            Self::SignIn(error) | Self::Exchange(error) => {
                ConnectError::SignIn { name: name.clone(), error }
            }
            Self::Auth(error) => ConnectError::Auth(error),
            Self::Port(error, Some(port)) => {
                ConnectError::Port { name: name.clone(), port, why: error.to_string() }
            }
            Self::Port(error, None) => {
                ConnectError::Save(format!("cannot listen on loopback for the answer: {error}"))
            }
        }
    }
}

pub(super) struct Attempt<'a> {
    pub(super) deps: &'a Deps,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) place: &'a Place,
    pub(super) consent: &'a dyn Consent,
    pub(super) deadline: Instant,
    /// The client that there is is of no use.
    pub(super) fresh: bool,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<(), Failed> {
        let Self { wanted, place, .. } = self;
        let (http, discovered) = self.discover().await?;
        let facts = load(place).await;
        let stored = place.client_of().await.map_err(Failed::Auth)?;
        if self.by_device(&discovered) {
            return self.device(http, discovered, &facts, stored).await;
        }
        let config = &wanted.config.oauth;
        let (callback, visits) = Callback::new();
        let before = stored.as_ref().and_then(|c| port::of(c.redirect_uri.as_deref()?));
        let ports = port::candidates(config, &place.account, before.or(facts.callback_port));
        let pages = Pages::open(&self.deps.shutdown, &ports, callback.clone())
            .await
            .map_err(|error| Failed::Port(error, config.callback_port))?;
        let redirect_uri = port::redirect_uri(config, pages.port());
        let client = self.client(&http, &discovered, stored, &redirect_uri).await?;
        let flow = Arc::new(self.flow(&discovered, &client, &facts, &redirect_uri)?);
        callback.expect(Arc::clone(&flow));
        self.show(flow.authorize_url(), Some(pages.port())).await;

        let (code, reply) = self.answer(&flow, visits).await?;
        let done = match code {
            Ok(code) => {
                let key = wanted.private_key.clone();
                let work = async move {
                    let traded = flow.exchange_signed(&http, code, &redirect_uri, key.as_ref());
                    Ok((client, traded.await.map_err(Failed::Exchange)?))
                };
                self.keep(work).await
            }
            Err(error) => Err(Failed::SignIn(error)),
        };
        let page = match &done {
            Ok(()) => Page::SignedIn(self.shown()),
            Err(Failed::SignIn(SignInError::Denied { .. })) => Page::Denied(self.shown()),
            Err(_) => Page::Failed,
        };
        // The browser may be gone.
        let _shown = reply.map(|reply| reply.send(page));
        pages.close().await;
        done
    }

    /// What people call it: its name, or the host where the name was made by us.
    fn shown(&self) -> String {
        let Place { name, bound, .. } = self.place;
        let host = url::Url::parse(bound).ok().and_then(|url| url.host_str().map(str::to_owned));
        match host {
            Some(host) if name.as_str().starts_with("bridge-") => host,
            _ => name.to_string(),
        }
    }

    /// As a machine: no person is asked.
    pub(super) async fn as_machine(&self) -> Result<(), Failed> {
        let config = &self.wanted.config.oauth;
        if config.client_id.is_none() && config.client_metadata_url.is_none() {
            // A registration that nobody has looked at may ask for nothing.
            let detail = "a machine signs in as a client that was registered for it: give \
                          --client-id ID, and --client-secret-stdin or \
                          --secret-file private_key=FILE";
            return Err(Failed::SignIn(SignInError::Config { detail: detail.to_owned() }));
        }
        let (http, discovered) = self.discover().await?;
        let stored = self.place.client_of().await.map_err(Failed::Auth)?;
        let client = self.client(&http, &discovered, stored, "").await?;
        let (key, scopes) = (self.wanted.private_key.clone(), self.machine_scopes(&discovered));
        let work = async move {
            let grant =
                auth::client_credentials::grant(&http, &discovered, &client, key.as_ref(), &scopes);
            Ok((client.clone(), (grant.await.map_err(Failed::SignIn)?, Learned::default())))
        };
        self.keep(work).await
    }

    /// A machine asks for what it is told to ask for, else for what the server says it needs.
    fn machine_scopes(&self, discovered: &Discovered) -> Vec<String> {
        let said = &self.wanted.config.oauth.scopes;
        let challenge = self.wanted.challenge.as_ref().filter(|_| discovered.style.is_none());
        let asked = challenge.map(auth::Challenge::scopes);
        let asked = asked.filter(|scopes| !scopes.is_empty());
        let mut all = asked.or(discovered.prm_scopes.clone()).unwrap_or_default();
        all.extend(said.iter().filter(|scope| !all.contains(scope)).cloned().collect::<Vec<_>>());
        all
    }

    async fn discover(&self) -> Result<(OAuthHttp, Discovered), Failed> {
        let Wanted { config, challenge, .. } = self.wanted;
        let server = config.public_url().map_err(Failed::Auth)?;
        let http = OAuthHttp::new(self.deps.net.clone(), &server);
        let mut found = match &config.oauth.manual {
            Some(profile) => auth::manual(&http, config, profile)?,
            None => auth::discover(&http, &server, challenge.as_ref(), &config.oauth).await?,
        };
        auth::registered_at(&http, config, &mut found)?;
        Ok((http, found))
    }

    /// Who we are, kept before anybody is asked: a consent that is given up must not register
    /// once more.
    async fn client(
        &self,
        http: &OAuthHttp,
        discovered: &Discovered,
        stored: Option<Client>,
        redirect_uri: &str,
    ) -> Result<Client, Failed> {
        let Wanted { config, client_secret, private_key, sure, .. } = self.wanted;
        let client = auth::client(
            http,
            discovered,
            &config.oauth,
            client_secret.clone(),
            private_key.is_some(),
            stored.as_ref(),
            redirect_uri,
            self.fresh,
        )
        .await
        .map_err(|error| match error {
            // Nothing was found, everything was guessed, and nobody answers there: it wants
            // something else.
            other if discovered.assumed && !sure => {
                SignInError::NotOffered { detail: other.to_string() }
            }
            other => other,
        })?;
        if stored.as_ref() != Some(&client) {
            self.place.save_client(&client).await.map_err(Failed::Auth)?;
        }
        Ok(client)
    }

    /// Without a browser here the code is typed elsewhere, where the server has a page for it.
    fn by_device(&self, discovered: &Discovered) -> bool {
        let server = &discovered.server;
        server.device_authorization_endpoint.is_some()
            && (server.authorization_endpoint.is_none() || !self.consent.has_browser())
    }

    async fn device(
        &self,
        http: OAuthHttp,
        discovered: Discovered,
        facts: &GrantFacts,
        stored: Option<Client>,
    ) -> Result<(), Failed> {
        let config = &self.wanted.config.oauth;
        // No browser comes back to us, and a registration has to say so.
        let mut discovered = discovered;
        discovered.server.authorization_endpoint = None;
        let before = stored.as_ref().and_then(|c| port::of(c.redirect_uri.as_deref()?));
        let ports = port::candidates(config, &self.place.account, before.or(facts.callback_port));
        let redirect_uri = port::redirect_uri(config, ports[0]);
        let client = self.client(&http, &discovered, stored, &redirect_uri).await?;
        let challenged = self.wanted.challenge.as_ref().map(auth::Challenge::scopes);
        let wanted = self.scopes(challenged.as_deref(), facts);
        let key = self.wanted.private_key.clone();
        let device =
            Device::start(&http, &discovered, &client, config, &wanted, key.as_ref()).await?;
        let until = device.expires.min(self.deadline);
        let left = until.saturating_duration_since(Instant::now());
        self.consent.type_code(&TypeCode {
            user_code: &device.user_code,
            url: &device.verification_uri,
            complete: device.verification_uri_complete.as_deref(),
            expires_at: SystemTime::now() + left,
        });
        let answer = tokio::time::timeout(left, device.wait(&http, key.as_ref())).await;
        let granted = answer.map_err(|_| Failed::SignIn(SignInError::Expired))??;
        self.keep(async move { Ok((client, granted)) }).await
    }

    fn scopes<'s>(
        &self,
        challenged: Option<&'s [String]>,
        facts: &'s GrantFacts,
    ) -> auth::Wanted<'s> {
        let here = facts.bound == self.place.bound;
        auth::Wanted {
            challenged: challenged.filter(|scopes| !scopes.is_empty()),
            granted: if here { &facts.wanted_scopes } else { &[] },
            no_resource: here && facts.no_resource,
        }
    }

    fn flow(
        &self,
        discovered: &Discovered,
        client: &Client,
        facts: &GrantFacts,
        redirect_uri: &str,
    ) -> Result<Flow, SignInError> {
        let challenged = self.wanted.challenge.as_ref().map(auth::Challenge::scopes);
        let wanted = self.scopes(challenged.as_deref(), facts);
        Flow::begin(discovered, client, &self.wanted.config.oauth, &wanted, redirect_uri)
    }

    /// Shows the URL, to the user here and to other processes.
    async fn show(&self, url: &str, port: Option<u16>) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let (pending, bound) = (url.to_owned(), self.place.bound.clone());
        note(self.place, move |facts| {
            facts.pending = Some(pending);
            facts.callback_port = port.or(facts.callback_port);
            if facts.bound.is_empty() {
                facts.bound = bound;
            }
        })
        .await;
        self.consent.ask(url, SystemTime::now() + left);
    }

    /// Waits for the browser, or for what is pasted.
    async fn answer(
        &self,
        flow: &Flow,
        mut visits: mpsc::Receiver<Came>,
    ) -> Result<(Result<Code, SignInError>, Option<oneshot::Sender<Page>>), Failed> {
        let pasted = async {
            loop {
                let text = self.consent.pasted().await;
                match flow.pasted(text.expose()) {
                    Err(error) if !error.ends_flow() => self.consent.not_that(&error.to_string()),
                    other => break other.map_err(SignInError::from),
                }
            }
        };
        tokio::select! {
            came = visits.recv() => match came {
                Some(Came { result, reply }) => Ok((result, Some(reply))),
                None => Err(Failed::SignIn(SignInError::Expired)),
            },
            code = pasted => Ok((code, None)),
            () = tokio::time::sleep_until(self.deadline) => {
                Err(Failed::SignIn(SignInError::Expired))
            }
        }
    }

    /// Trades what was given for tokens and stores them, whatever becomes of us meanwhile: the
    /// user has said yes.
    async fn keep(
        &self,
        traded: impl Future<Output = Result<(Client, (Grant, Learned)), Failed>> + Send + 'static,
    ) -> Result<(), Failed> {
        let place = self.place.clone();
        let stepped_up = load(&place).await.wanted_scopes;
        let work = async move {
            let (mut client, (grant, learned)) = traded.await?;
            if let Some(method) = learned.method {
                client.method = method;
            }
            place
                .store_new(client, grant, move |facts| {
                    facts.no_resource |= learned.no_resource;
                    // A tool needs them at the next sign-in too. One that was not granted is not
                    // asked for again by itself: some servers refuse the whole for it.
                    let granted = stepped_up.into_iter().filter(|one| facts.scopes.contains(one));
                    facts.wanted_scopes = granted.collect();
                })
                .await
                .map_err(Failed::Auth)
        };
        let kept = self.deps.shutdown.spawn_firm("sign-in", work).await;
        kept.unwrap_or_else(|error| {
            let (name, detail) = (self.place.name.clone(), error.to_string());
            Err(Failed::Auth(AuthError::Transient { name, detail, retry_in: None }))
        })
    }
}
