//! What a link is for, and doing it.

use super::{
    Outcome,
    asker::{Ended, Memory, PageAsker},
    flow::{End, Flow, Stage},
    forms,
    trouble::Trouble,
};
use crate::{
    auth::{Challenge, CredentialConfig, TOKEN},
    connect::{
        Connected, Consent, Deps, Entered, People, Request, connect, leave, prepare,
        prepare::Given,
        reconnect,
        sign_in::{self, Wanted},
    },
    kind::AuthKind,
    name::{ConnectionName, Tenant},
    text,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use url::Url;

/// What is to be connected.
#[derive(Debug, Clone)]
pub enum Wish {
    /// A provider of the catalog.
    Provider(Box<Given>),
    /// A server by its URL.
    Url(Box<Request>),
}

pub(super) enum Job {
    /// A consent for a connection that is there.
    SignIn {
        config: Box<CredentialConfig>,
        challenge: Mutex<Option<Challenge>>,
        /// The generation of the tokens that were of no use when the link was made.
        instead_of: u64,
    },
    Connect(Wish),
    /// A new key for a connection that is there.
    Renew {
        name: ConnectionName,
        tenant: Tenant,
    },
    Leave {
        there: Box<Entered>,
        tenant: Tenant,
    },
}

impl Wish {
    /// The name that it is known by, before it has one.
    pub(in crate::connect) fn shown(&self) -> String {
        match self {
            Self::Provider(given) => given.manifest.name.clone(),
            Self::Url(request) => host(&request.url),
        }
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory { title: format!("Connect {}", self.shown()), ..Memory::default() };
        match self {
            Self::Provider(given) => {
                memory.lead = vec![given.manifest.about.clone()];
                memory.name.clone_from(&given.name);
                // Of a template the manifest knows nothing, so a header of the user's has it.
                memory.has_templates = true;
            }
            Self::Url(request) => {
                memory.name.clone_from(&request.name);
                let all = request.headers.iter().map(|(_, value)| value.as_str());
                let mut all = all.chain([request.url.as_str()]);
                memory.has_templates = all.any(|text| text.contains("${secret:"));
            }
        }
        memory
    }
}

impl Job {
    /// What the pages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::SignIn { config, .. } => config.name.to_string(),
            Self::Connect(wish) => wish.shown(),
            Self::Renew { name, .. } => name.to_string(),
            Self::Leave { there, .. } => there.name.to_string(),
        }
    }

    /// Does it, asking by `flow`. `alive` is called whenever the user has answered.
    pub(super) async fn run(
        &self,
        deps: &Deps,
        flow: &Arc<Flow>,
        life: Duration,
        alive: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Outcome, End> {
        let asker =
            |memory| PageAsker::new(Arc::clone(flow), life, deps.vault.kind(), alive, memory);
        match self {
            Self::SignIn { config, challenge, instead_of } => {
                let challenge = challenge.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let wanted = Wanted {
                    config,
                    challenge,
                    client_secret: None,
                    private_key: None,
                    instead_of: *instead_of,
                    sure: true,
                    within: life,
                };
                let done = sign_in::sign_in(deps, &wanted, &Shown(flow)).await;
                done.map(|_| Outcome::SignedIn(config.name.clone())).map_err(|error| {
                    tracing::warn!("the sign-in to {} came to nothing: {error}", config.name);
                    End::Failed(String::new())
                })
            }
            Self::Connect(wish) => rounds(asker(wish.memory()), |a| wished(deps, wish, a, life))
                .await
                .map(Outcome::Connected),
            Self::Renew { name, tenant } => {
                let memory = Memory {
                    title: format!("A new key for {name}"),
                    lead: vec!["The one that is stored is not accepted any more.".to_owned()],
                    has_templates: true,
                    ..Memory::default()
                };
                let again = |a| renewed(deps, name, tenant, a, life);
                rounds(asker(memory), again).await.map(Outcome::Connected)
            }
            Self::Leave { there, tenant } => {
                left(
                    deps,
                    there,
                    tenant,
                    &asker(Memory {
                        title: format!("Disconnect {}?", there.name),
                        ..Memory::default()
                    }),
                )
                .await
            }
        }
    }
}

/// Tries until it goes well or the user gives it up: whatever goes wrong after something was asked
/// is explained by the next form.
async fn rounds<'a, F>(
    asker: PageAsker,
    mut round: impl FnMut(Arc<PageAsker>) -> F,
) -> Result<Connected, End>
where
    F: Future<Output = Result<Connected, Trouble>> + Send + 'a,
{
    let asker = Arc::new(asker);
    loop {
        {
            let mut memory = asker.memory();
            (memory.asked, memory.filled, memory.ended) = (0, false, None);
        }
        let trouble = match round(Arc::clone(&asker)).await {
            Ok(connected) => return Ok(connected),
            Err(trouble) => trouble,
        };
        let mut memory = asker.memory();
        match memory.ended {
            Some(Ended::Cancelled) => return Err(End::Cancelled),
            Some(Ended::Expired) => return Err(End::Expired),
            Some(Ended::OtherWay) => {
                (memory.way, memory.problem) = (None, None);
                memory.wrong.clear();
                continue;
            }
            None => {}
        }
        if memory.asked == 0 && (memory.asks_key || !trouble.wants_key()) {
            tracing::warn!("the link came to nothing: {}", trouble.text());
            return Err(End::Failed(trouble.text()));
        }
        if !memory.filled {
            // Nothing could be entered in another way: the way itself is to be chosen again.
            memory.way = None;
        }
        trouble.explain(&mut memory);
    }
}

async fn wished(
    deps: &Deps,
    wish: &Wish,
    asker: Arc<PageAsker>,
    life: Duration,
) -> Result<Connected, Trouble> {
    let request = match wish {
        Wish::Provider(given) => {
            let mut given = (**given).clone();
            given.name = asker.memory().name.clone().or(given.name);
            let mut request = prepare::request(deps, &*asker, given).await?;
            // It may have been entered with the rest.
            request.name = asker.memory().name.clone().or(request.name);
            request
        }
        Wish::Url(request) => {
            let mut request = (**request).clone();
            if asker.memory().asks_key {
                let host = host(&request.url);
                loop {
                    let form = forms::key(&asker.memory(), asker.store, &host);
                    let mut sent = asker.show(form).await.map_err(prepare::PrepareError::from)?;
                    if asker.memory().take_key(&mut sent) {
                        break;
                    }
                }
                let memory = asker.memory();
                request.auth = Some(AuthKind::Key);
                request.secrets.extend(memory.key.clone().map(|key| (TOKEN.to_owned(), key)));
                if !memory.header.is_empty() {
                    let value = format!("${{secret:{TOKEN}}}");
                    request.headers.push((memory.header.clone(), value));
                }
            }
            request.name = asker.memory().name.clone().or(request.name);
            request
        }
    };
    let people = People { ask: &*asker, consent: &*asker, patience: life };
    Ok(Box::pin(connect(deps, request, people)).await?)
}

async fn renewed(
    deps: &Deps,
    name: &ConnectionName,
    tenant: &Tenant,
    asker: Arc<PageAsker>,
    life: Duration,
) -> Result<Connected, Trouble> {
    let secrets = prepare::again(deps, &*asker, name, tenant, prepare::Secrets::new()).await?;
    let people = People { ask: &*asker, consent: &*asker, patience: life };
    Ok(Box::pin(reconnect(deps, name, secrets, tenant.clone(), people)).await?)
}

async fn left(
    deps: &Deps,
    there: &Entered,
    tenant: &Tenant,
    asker: &PageAsker,
) -> Result<Outcome, End> {
    let keyed = there.auth != AuthKind::None;
    loop {
        let target = text::line(there.target(), 200);
        let form = forms::leave(&asker.memory(), there.name.as_str(), &target, keyed);
        if asker.show(form).await.is_err() {
            return Err(match asker.memory().ended {
                Some(Ended::Cancelled) => End::Cancelled,
                _ => End::Expired,
            });
        }
        match leave::disconnect(deps, &there.name, tenant).await {
            Ok(left) => return Ok(Outcome::Disconnected(there.name.clone(), left)),
            Err(error) => asker.memory().problem = Some(forms::sentence(&error.to_string())),
        }
    }
}

fn host(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| text::line(url.split(['?', '#']).next().unwrap_or_default(), 80))
}

/// Hands the authorization server's page on to whoever opened the link.
struct Shown<'a>(&'a Flow);

impl Consent for Shown<'_> {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        self.0.to(Stage::At(url.to_owned()));
    }

    fn elsewhere(&self, url: Option<&str>, _expires_at: SystemTime) {
        self.0.to(url.map_or(Stage::Elsewhere, |url| Stage::At(url.to_owned())));
    }
}
