//! Connecting with what was given, and nobody to ask.

use super::{
    Ask, ConnectError, Connected, Consent, Deps, People, Wish, connect,
    prepare::{self, Answers, Asker, Choice, PrepareError, Sheet, Unanswered},
    reconnect,
};
use crate::{
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    secret::Secret,
};
use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime};

/// How it ended.
#[derive(Debug)]
pub enum Direct {
    Connected(Connected),
    /// Something has to be chosen, entered or agreed to.
    NeedsUser,
    /// What was given cannot do; a text without a secret.
    Failed(String),
}

impl Wish {
    /// Connects where nobody has to be asked: with the credentials that were given, or to what
    /// wants none. A sign-in in the browser is never begun.
    pub async fn directly(&self, deps: &Deps) -> Direct {
        let request = match self {
            Self::Provider(given) => {
                let prepared = prepare::request(deps, &Nobody, (**given).clone()).await;
                match prepared {
                    Ok(request) => request,
                    Err(error) => return error.into(),
                }
            }
            Self::Url(request) => {
                let mut request = (**request).clone();
                let templates = request.headers.iter().map(|(_, value)| value.as_str());
                let wants =
                    templates.chain([request.url.as_str()]).any(|it| it.contains("${secret:"));
                if request.auth.is_none() && !wants && request.secrets.is_empty() {
                    // Whether it is open; finding out more would ask for a sign-in.
                    request.auth = Some(AuthKind::None);
                }
                request
            }
        };
        if request.auth == Some(AuthKind::OAuth) {
            return Direct::NeedsUser;
        }
        match Box::pin(connect(deps, request, NOBODY)).await {
            // There is no connection yet whose name would say anything.
            Err(ConnectError::Upstream(error)) => {
                Direct::Failed(format!("could not connect {}: {}", self.shown(), error.detail))
            }
            done => done.into(),
        }
    }
}

/// Gives a connection that is there another key, asking nobody.
pub async fn renew_directly(
    deps: &Deps,
    name: &ConnectionName,
    tenant: &Tenant,
    secrets: prepare::Secrets,
) -> Direct {
    match prepare::again(deps, &Nobody, name, tenant, secrets).await {
        Ok(secrets) => {
            Box::pin(reconnect(deps, name, secrets, tenant.clone(), NOBODY)).await.into()
        }
        Err(error) => error.into(),
    }
}

const NOBODY: People<'_> = People { ask: &Nobody, consent: &Nobody, patience: Duration::ZERO };

impl From<PrepareError> for Direct {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Unanswered(_) => Self::NeedsUser,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<Result<Connected, ConnectError>> for Direct {
    fn from(done: Result<Connected, ConnectError>) -> Self {
        match done {
            Ok(connected) => Self::Connected(connected),
            Err(
                ConnectError::Missing(_)
                | ConnectError::SignInWanted { .. }
                | ConnectError::SignIn { .. },
            ) => Self::NeedsUser,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

struct Nobody;

impl Ask for Nobody {
    fn secret<'a>(
        &'a self,
        name: &'a str,
        _host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        Box::pin(async move { Err(format!("the secret {name:?} is missing")) })
    }
}

impl Asker for Nobody {
    fn warn(&self, _of: &str, _warnings: &[String]) {}

    /// A choice is the user's, so it is put to them: by a page.
    fn can_ask(&self) -> bool {
        true
    }

    fn choose<'a>(&'a self, choice: &'a Choice) -> BoxFuture<'a, Result<String, Unanswered>> {
        Box::pin(async move { Err(Unanswered(choice.title.clone())) })
    }

    fn fill<'a>(&'a self, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answers, Unanswered>> {
        Box::pin(async move {
            let missing: Vec<&str> = sheet
                .blanks
                .iter()
                .filter(|blank| !blank.optional)
                .map(|blank| blank.title.as_str())
                .collect();
            Err(Unanswered(missing.join(", ")))
        })
    }
}

impl Consent for Nobody {
    fn ask(&self, _url: &str, _expires_at: SystemTime) {}
    fn elsewhere(&self, _url: Option<&str>, _expires_at: SystemTime) {}
}
