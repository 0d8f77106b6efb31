//! Finding a way in: what was said, what was given, and what the server asks for.

use super::{
    ConnectError, Deps, People, Provider, Request, credential_config,
    refuse::Target,
    sign_in::{self, Wanted},
    trial,
};
use crate::{
    auth::{
        self, CLIENT_SECRET, Challenge, CredentialConfig, OAuthHttp, PRIVATE_KEY, SignInError,
        TOKEN,
    },
    kind::AuthKind,
    name::ConnectionName,
    secret::Secret,
    template::{Hole, Template},
    upstream::{ErrorKind, Listing, UpstreamError},
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// Tries until there is a session. Tokens up to the generation `instead_of` are of no use.
pub(super) async fn find(
    deps: &Deps,
    request: &mut Request,
    target: &Target,
    name: &ConnectionName,
    people: People<'_>,
    instead_of: u64,
) -> Result<(AuthKind, Listing), ConnectError> {
    target.all_set(request, &deps.env)?;
    let way = Way { deps, target, name, people, instead_of };
    let said = request.auth.or_else(|| names_client(request, target).then_some(AuthKind::OAuth));
    match said {
        Some(auth @ (AuthKind::OAuth | AuthKind::ClientCredentials)) => {
            way.fill(request, false).await?;
            let listing = way.signed_in(request, auth, None, true).await?;
            Ok((auth, listing))
        }
        _ if way.wants_key(request) => way.by_key(request).await,
        said => match way.trial(request, AuthKind::None, "asking").await {
            Ok(listing) => Ok((said.unwrap_or(AuthKind::None), listing)),
            Err(error) if error.kind != ErrorKind::NeedsAuth => Err(ConnectError::Upstream(error)),
            Err(_) if said.is_some() => Err(way.sign_in_wanted()),
            // It found out: there is no getting in without a credential.
            Err(error) => way.found_out(request, error).await,
        },
    }
}

/// Only a sign-in has a use for a client: what is given for one is no key.
fn names_client(request: &Request, target: &Target) -> bool {
    let templates = target.secret_names();
    let shows = |name: &str| request.secrets.contains_key(name) && !templates.contains(name);
    request.oauth.client_id.is_some() || shows(CLIENT_SECRET) || shows(PRIVATE_KEY)
}

struct Way<'a> {
    deps: &'a Deps,
    target: &'a Target,
    name: &'a ConnectionName,
    people: People<'a>,
    instead_of: u64,
}

impl Way<'_> {
    /// The server wants something, and says more or less well what: a sign-in where it offers
    /// one, else a key.
    async fn found_out(
        &self,
        request: &mut Request,
        refused: UpstreamError,
    ) -> Result<(AuthKind, Listing), ConnectError> {
        match self.signed_in(request, AuthKind::OAuth, refused.challenge, false).await {
            Ok(listing) => return Ok((AuthKind::OAuth, listing)),
            Err(ConnectError::SignIn { error: SignInError::NotOffered { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
        self.probe(request).await?;
        let key = self.people.ask.secret(TOKEN, &self.target.host).await;
        let key = key.map_err(|_| self.sign_in_wanted())?;
        request.secrets.insert(TOKEN.to_owned(), key);
        self.by_key(request).await
    }

    async fn by_key(&self, request: &mut Request) -> Result<(AuthKind, Listing), ConnectError> {
        self.fill(request, true).await?;
        let listing = self.trial(request, AuthKind::Key, "trying the key at").await;
        Ok((AuthKind::Key, listing.map_err(|error| self.shut(error))?))
    }

    /// Tokens first, where there are none that do; they are stored at once.
    async fn signed_in(
        &self,
        request: &Request,
        auth: AuthKind,
        challenge: Option<Box<Challenge>>,
        sure: bool,
    ) -> Result<Listing, ConnectError> {
        let Self { deps, target, name, .. } = *self;
        if request.dry_run {
            return Err(ConnectError::Refused(format!(
                "{} wants a sign-in, and a dry run saves none",
                target.host
            )));
        }
        let config = credential_config(deps, request, target, name, auth);
        let place = deps.place(&config)?;
        let (stored, facts) = place.read().await.map_err(ConnectError::Auth)?;
        let there = stored.grant.as_ref().is_some_and(|grant| {
            grant.generation > self.instead_of && !facts.has_refused(grant.generation)
        });
        let mut challenge = challenge;
        let mut instead_of = self.instead_of;
        if there {
            // Left behind by a run that was interrupted, or by another one just now.
            match self.trial(request, auth, "trying what is stored at").await {
                Err(error) if error.kind == ErrorKind::NeedsAuth => {
                    challenge = error.challenge.or(challenge);
                    instead_of = stored.grant.map_or(0, |grant| grant.generation);
                }
                other => return other.map_err(ConnectError::Upstream),
            }
        } else if challenge.is_none() && sure && request.oauth.manual.is_none() {
            // What the server says when nothing is sent is where discovery begins.
            let refused = self.trial(request, AuthKind::None, "asking").await.err();
            challenge = refused.and_then(|error| error.challenge);
        }
        self.ask(request, auth, challenge, sure, instead_of).await?;
        let refused = match self.trial(request, auth, "signed in; asking").await {
            Err(error) if error.kind == ErrorKind::NeedsAuth => error,
            other => return other.map_err(ConnectError::Upstream),
        };
        // Tokens that are a moment old: the server may have another authorization server by now
        // (SEP-2352).
        if !self.has_moved(request, auth, refused.challenge.as_deref()).await? {
            return Err(self.not_taken(refused));
        }
        let stored = place.read().await.map_err(ConnectError::Auth)?.0;
        let generation = stored.grant.map_or(0, |grant| grant.generation);
        self.ask(request, auth, refused.challenge, sure, generation).await?;
        let listing = self.trial(request, auth, "signed in; asking").await;
        listing.map_err(|error| match error.kind {
            ErrorKind::NeedsAuth => self.not_taken(error),
            _ => ConnectError::Upstream(error),
        })
    }

    /// A session and its lists; `doing` is what that is to whoever waits.
    async fn trial(
        &self,
        request: &Request,
        auth: AuthKind,
        doing: &str,
    ) -> Result<Listing, UpstreamError> {
        self.people.consent.step(&format!("{doing} {}", self.target.host));
        trial::run(self.deps, request, self.target, self.name, auth).await
    }

    /// The server names another authorization server than the one that gave the tokens.
    async fn has_moved(
        &self,
        request: &Request,
        auth: AuthKind,
        challenge: Option<&Challenge>,
    ) -> Result<bool, ConnectError> {
        if request.oauth.manual.is_some() {
            return Ok(false);
        }
        let config = credential_config(self.deps, request, self.target, self.name, auth);
        let client = self.deps.place(&config)?.client_of().await.map_err(ConnectError::Auth)?;
        let server = config.public_url().map_err(ConnectError::Auth)?;
        let http = OAuthHttp::new(self.deps.net.clone(), &server);
        let found = auth::discover(&http, &server, challenge, &config.oauth).await;
        // That nothing can be found is no news of another one.
        let issuer = found.ok().map(|found| found.server.issuer);
        Ok(issuer.zip(client).is_some_and(|(now, client)| now != client.issuer))
    }

    fn not_taken(&self, error: UpstreamError) -> ConnectError {
        let (name, host) = (self.name.clone(), self.target.host.clone());
        ConnectError::NotTaken { name, host, detail: error.detail }
    }

    async fn ask(
        &self,
        request: &Request,
        auth: AuthKind,
        challenge: Option<Box<Challenge>>,
        sure: bool,
        instead_of: u64,
    ) -> Result<(), ConnectError> {
        let config = credential_config(self.deps, request, self.target, self.name, auth);
        let given = self.client_secrets(request, &config).await?;
        let secret = |name: &str| given.get(name).cloned();
        let wanted = Wanted {
            config: &config,
            challenge: challenge.map(|it| *it),
            client_secret: secret(CLIENT_SECRET),
            private_key: secret(PRIVATE_KEY),
            instead_of,
            sure,
            within: self.people.patience,
        };
        self.people.consent.step(&format!("signing in to {}", self.target.host));
        match auth {
            AuthKind::ClientCredentials => sign_in::as_machine(self.deps, &wanted).await,
            _ => sign_in::sign_in(self.deps, &wanted, self.people.consent).await.map(drop),
        }
    }

    /// What the client shows of itself: as it was given now, which is kept, else as it is stored.
    async fn client_secrets(
        &self,
        request: &Request,
        config: &CredentialConfig,
    ) -> Result<BTreeMap<String, Secret<String>>, ConnectError> {
        let (vault, kind) = (&self.deps.vault, self.deps.vault.kind());
        let store = |source| ConnectError::Store { kind, source };
        let bound = config.bound().map_err(ConnectError::Auth)?;
        if !request.secrets.is_empty() {
            let saved = self.deps.place(config)?.save_secrets(request.secrets.clone()).await;
            saved.map_err(ConnectError::Auth)?;
        }
        let record = auth::read_record(vault, &config.account).await.map_err(store)?;
        let record = record.filter(|record| record.bound == bound);
        Ok(record.map(|record| record.secrets).unwrap_or_default())
    }

    /// True when a key belongs to this connection: it was said, given, or a template names one.
    fn wants_key(&self, request: &Request) -> bool {
        let given = || !request.secrets.is_empty() || (self.deps.token)(self.name).is_some();
        request.auth == Some(AuthKind::Key)
            || (request.auth.is_none() && (self.target.needs_secret() || given()))
    }

    /// A key that cannot be kept must not be asked for: this comes before any question.
    async fn probe(&self, request: &Request) -> Result<(), ConnectError> {
        if request.dry_run {
            return Ok(());
        }
        let kind = self.deps.vault.kind();
        self.deps.vault.probe().await.map_err(|source| ConnectError::Store { kind, source })
    }

    /// Asks for every secret that a template names and nobody gave; with `key` also for the one
    /// that no template has to name.
    async fn fill(&self, request: &mut Request, key: bool) -> Result<(), ConnectError> {
        let mut names: BTreeSet<String> = self.target.secret_names();
        // Those that go into queries and bodies stand in no URL and in no header.
        let also = request.provider.as_ref().and_then(Provider::also).unwrap_or_default();
        names.extend(also.iter().flat_map(Template::holes).filter_map(|hole| match hole {
            Hole::Secret(name) => Some(name.clone()),
            _ => None,
        }));
        if names.is_empty() && key {
            names.insert(TOKEN.to_owned());
        }
        // A sign-in brings its own, wherever that is sent.
        let signs_in = matches!(request.auth, Some(AuthKind::OAuth | AuthKind::ClientCredentials));
        if signs_in || (self.deps.token)(self.name).is_some() {
            names.remove(TOKEN);
        }
        if !names.is_empty() || !request.secrets.is_empty() {
            self.probe(request).await?;
        }
        for secret in names {
            if let Entry::Vacant(missing) = request.secrets.entry(secret) {
                let answer = self.people.ask.secret(missing.key(), &self.target.host).await;
                missing.insert(answer.map_err(ConnectError::Missing)?);
            }
        }
        Ok(())
    }

    fn sign_in_wanted(&self) -> ConnectError {
        ConnectError::SignInWanted { name: self.name.clone(), host: self.target.host.clone() }
    }

    fn shut(&self, error: UpstreamError) -> ConnectError {
        match error.kind {
            ErrorKind::NeedsAuth => {
                ConnectError::WrongKey { name: self.name.clone(), host: self.target.host.clone() }
            }
            _ => ConnectError::Upstream(error),
        }
    }
}
