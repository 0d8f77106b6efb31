//! A connection that speaks no MCP: calls and lists by a REST API of the catalog, with the same
//! credential, breaker and deadlines as any other.

use super::{
    Api, Call, ErrorKind, Inner, Listing, Reply, Transport, UpstreamError,
    deadline::Deadline,
    failure::Failure,
    http_api::{Choice, Fill, HttpApi, Login, Progress, Sending},
};
use crate::{
    auth::{AuthError, Prepared},
    catalog::Manifest,
    kind::Era,
    name::ConnectionName,
    net::{self, Net},
    secret::Secret,
    store::OtherLists,
    template::Template,
    wire::{
        Outcome, RpcError,
        error::METHOD_NOT_FOUND,
        meta,
        splice::{self, quote},
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use url::Url;

/// How long the look may take that shows whether the credential works.
const CHECK: Duration = Duration::from_secs(30);

/// The API of a connection, or why there is none.
pub(super) type Rest = Result<HttpApi, String>;

/// Fills the manifest's templates with what is sent now.
struct Filler<'a> {
    inner: &'a Inner,
    prepared: &'a Prepared,
}

impl Fill for Filler<'_> {
    fn fill(&self, template: &Template) -> Result<Secret<String>, AuthError> {
        self.inner.config.credentials.fill(self.prepared, template)
    }
}

/// What was typed, exchanged for what is kept.
pub struct LoggedIn {
    /// Those that were given, with those that were chosen.
    pub params: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret<String>>,
}

/// Chooses one of several: the title, and value and label of each.
pub(super) type Choose<'a> =
    &'a (dyn Fn(String, Vec<(String, String)>) -> BoxFuture<'a, Result<String, String>> + Sync);

/// Runs the login of a way: what was typed is sent, and forgotten.
///
/// # Errors
/// The server refused it, could not be reached, or nobody chose.
pub async fn log_in(
    net: &Net,
    name: &ConnectionName,
    api: &Api,
    base: &Url,
    params: BTreeMap<String, String>,
    typed: BTreeMap<String, Secret<String>>,
    choose: Choose<'_>,
) -> Result<LoggedIn, UpstreamError> {
    let told = |failure: Failure| failure.tell(name, false);
    let steps = api.manifest.auth.iter().find(|way| way.id == api.way);
    let steps = steps.and_then(|way| way.login.as_ref());
    let (Some(login), Some(http)) = (steps, &api.manifest.http) else {
        return Err(UpstreamError::new(name, ErrorKind::Config, "there is no such login"));
    };
    let route = net.route(base, net::CONNECT_TIMEOUT).await.map_err(|error| told(error.into()))?;
    let mut login = Login::new(http, &login.steps, params, typed);
    loop {
        // Whoever chooses may take as long as they like.
        match login.go_on(&route, base, &Deadline::new(CHECK)).await.map_err(told)? {
            Progress::Done(secrets) => {
                return Ok(LoggedIn { params: login.params().clone(), secrets });
            }
            Progress::Choose(Choice { param, title, options }) => {
                let chosen = choose(format!("{title} ({param})"), options).await;
                let chosen =
                    chosen.map_err(|why| UpstreamError::new(name, ErrorKind::Config, why))?;
                login.choose(&param, &chosen);
            }
        }
    }
}

/// Takes the key of a login back, where the way says how; `None`: it does not.
pub async fn log_out(
    net: &Net,
    name: &ConnectionName,
    api: &Api,
    base: &Url,
    params: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret<String>>,
) -> Option<Result<(), UpstreamError>> {
    let way = api.manifest.auth.iter().find(|way| way.id == api.way)?;
    let step = way.login.as_ref()?.revoke.as_deref()?;
    let http = api.manifest.http.as_ref()?;
    let told = |failure: Failure| failure.tell(name, false);
    let route = match net.route(base, net::CONNECT_TIMEOUT).await {
        Ok(route) => route,
        Err(error) => return Some(Err(told(error.into()))),
    };
    let mut login = Login::new(http, std::slice::from_ref(step), params, secrets);
    Some(login.go_on(&route, base, &Deadline::new(CHECK)).await.map(drop).map_err(told))
}

/// What a server says that knows no such method.
pub(super) fn no_such_method() -> Failure {
    let text = "this connection is a REST API and has tools only";
    let error = RpcError::new(METHOD_NOT_FOUND, text);
    Failure::Status { status: 200, detail: text.to_owned(), error: Some(error) }
}

impl Inner {
    /// Runs one call; a credential that ended is renewed once.
    pub(super) async fn rest_call(
        self: &Arc<Self>,
        rest: &Rest,
        call: &Call,
        deadline: &Deadline,
        left: &AtomicBool,
    ) -> Result<Reply, Failure> {
        if call.method != "tools/call" {
            return Err(no_such_method());
        }
        let api = api(rest)?;
        let name = call.name.as_deref().unwrap_or_default();
        let arguments = splice::get(&call.params, "arguments").filter(|json| json != "null");
        let arguments = arguments.unwrap_or_else(|| Bytes::from_static(b"{}"));
        let mut renewed = false;
        loop {
            let Transport { route, prepared } = self.transport(deadline).await?;
            let filler = Filler { inner: self, prepared: &prepared };
            let account = &self.config.credentials.config().account;
            let (route, prepared) = (&route, &*prepared);
            let sending = Sending { route, prepared, fill: &filler, account, deadline, left };
            match api.call(&sending, name, &arguments).await {
                Err(Failure::Unauthorized { generation, challenge, .. }) if !renewed => {
                    renewed = true;
                    self.renew(generation, challenge).await?;
                }
                Ok(result) => {
                    return Ok(Reply { outcome: Outcome::Complete(result), era: Era::Legacy });
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The tools of the manifest, once the credential was seen to work.
    pub(super) async fn rest_list(self: &Arc<Self>, rest: &Rest) -> Result<Listing, Failure> {
        self.rest_check(rest).await?;
        let manifest = self.config.api.as_ref().map(|api| &api.manifest);
        Ok(Listing {
            tools: api(rest)?.tools(),
            others: OtherLists::default(),
            era: Era::Legacy,
            era_at: None,
            protocol: "http".to_owned(),
            server_info: manifest.map(|manifest| server_info(manifest)),
            capabilities: Some(Bytes::from_static(b"{\"tools\":{}}")),
            instructions: manifest.and_then(|manifest| manifest.playbook.clone()),
        })
    }

    /// The one cheap request that the manifest names for it.
    pub(super) async fn rest_check(self: &Arc<Self>, rest: &Rest) -> Result<(), Failure> {
        let api = api(rest)?;
        let deadline = Deadline::new(CHECK.min(self.config.timeout));
        let mut renewed = false;
        loop {
            let Transport { route, prepared } = self.transport(&deadline).await?;
            let filler = Filler { inner: self, prepared: &prepared };
            let left = AtomicBool::new(false);
            let sending = Sending {
                route: &route,
                prepared: &prepared,
                fill: &filler,
                account: &self.config.credentials.config().account,
                deadline: &deadline,
                left: &left,
            };
            match api.check(&sending).await {
                Err(Failure::Unauthorized { generation, challenge, .. }) if !renewed => {
                    renewed = true;
                    self.renew(generation, challenge).await?;
                }
                other => return other.map(drop),
            }
        }
    }
}

fn api(rest: &Rest) -> Result<&HttpApi, Failure> {
    rest.as_ref().map_err(|why| Failure::NotMcp { detail: why.clone() })
}

fn server_info(manifest: &Manifest) -> Bytes {
    let version = manifest.verified.as_deref().unwrap_or("unverified");
    let members = [("name", &*manifest.id), ("title", &*manifest.name), ("version", version)];
    let members = members.map(|(key, value)| (key, Bytes::from(quote(value))));
    meta::object(&members).into()
}
