//! Finds out who gives the tokens for a server, and how to ask.

use super::{
    OAuthConfig, SignInError, TokenStyle,
    challenge::Challenge,
    deviations::{self, IssuerMatch},
    http::{HttpError, OAuthHttp},
    http_reply::Shape,
    metadata::{ResourceMetadata, ServerMetadata},
    oauth::ResourceRule,
    sign_in_error::{host, place, said},
};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// A resource names one authorization server, seldom two.
const MAX_SERVERS: usize = 3;

/// How to sign in to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// The very string of the protected resource metadata.
    pub resource: Option<String>,
    /// What is sent as `resource`, by the configuration; `None` for nothing.
    pub sent_resource: Option<String>,
    pub prm_scopes: Option<Vec<String>>,
    pub server: ServerMetadata,
    /// Nothing was found, and the endpoints are those that the revision 2025-03-26 assumes.
    pub assumed: bool,
    /// The configured server, without user and query.
    pub url: String,
    /// What was odd on the way, for `doctor`: clean and short.
    pub notes: Vec<String>,
    /// How token requests are written, where that was told; else as OAuth has it.
    pub style: Option<TokenStyle>,
    /// The parameter of the callback that names the host of an account, and the hosts that may
    /// stand there.
    pub account: Option<(String, Vec<String>)>,
}

/// Finds the authorization server of `server`, which has just answered 401 with `challenge`.
///
/// Call it only then: a server that answers has no need of a sign-in, whatever its well-known
/// documents are (deviation 6).
pub async fn discover(
    http: &OAuthHttp,
    server: &Url,
    challenge: Option<&Challenge>,
    config: &OAuthConfig,
) -> Result<Discovered, SignInError> {
    let mut search = Search { http, notes: Vec::new(), transient: None, silent: Vec::new() };
    let prm = search.resource(server, challenge, config).await?;
    let url = deviations::canonical(server);
    let origin = server.origin().ascii_serialization();
    // Deviation 5: without a document, the server's own origin gives the tokens.
    let mut servers = prm.as_ref().map(|prm| prm.authorization_servers.clone()).unwrap_or_default();
    let named = !servers.is_empty();
    if !named {
        servers.push(origin.clone());
    }
    if let Some(pin) = &config.issuer
        && let Some(at) = servers.iter().position(|server| deviations::same_issuer(server, pin))
    {
        servers.swap(0, at);
    }
    servers.truncate(MAX_SERVERS);
    let mut found = None;
    for issuer in &servers {
        let path = if named { "" } else { server.path() };
        found = search.server(issuer, path, config).await?;
        if found.is_some() {
            break;
        }
    }
    let assumed = found.is_none();
    let server = if let Some(found) = found {
        found
    } else {
        if let Some(error) = search.transient {
            return Err(error);
        }
        if named {
            return Err(SignInError::NotOffered {
                detail: format!(
                    "{} names {} for its sign-in, and nothing there describes one{}",
                    host(&url),
                    place(&servers[0]),
                    search.told()
                ),
            });
        }
        if let Some(other) = challenge.filter(|challenge| !challenge.is_oauth()) {
            return Err(SignInError::NotOffered {
                detail: format!(
                    "{} asks for {:?} credentials, not for OAuth",
                    host(&url),
                    said(&other.scheme)
                ),
            });
        }
        ServerMetadata::assumed(&origin)
    };
    for (name, endpoint) in server.endpoints() {
        http.check(endpoint).map_err(|detail| {
            SignInError::refused(format!("the {name} of {}: {detail}", place(&server.issuer)))
        })?;
    }
    let (resource, prm_scopes) = prm.map(|prm| (prm.resource, prm.scopes)).unwrap_or_default();
    let sent_resource = match &config.resource {
        ResourceRule::Never => None,
        ResourceRule::Exactly(resource) => Some(resource.clone()),
        ResourceRule::Announced => Some(resource.clone().unwrap_or_else(|| url.clone())),
    };
    Ok(Discovered {
        resource,
        sent_resource,
        prm_scopes,
        server,
        assumed,
        url,
        notes: search.notes,
        style: None,
        account: None,
    })
}

struct Search<'a> {
    http: &'a OAuthHttp,
    notes: Vec<String>,
    /// Something may be there that could not answer now.
    transient: Option<SignInError>,
    /// Origins that did not answer: no other document of theirs would come either.
    silent: Vec<String>,
}

impl Search<'_> {
    /// The metadata of the resource: where the challenge says, then below the path, then at the
    /// root (deviations 1 to 4).
    async fn resource(
        &mut self,
        server: &Url,
        challenge: Option<&Challenge>,
        config: &OAuthConfig,
    ) -> Result<Option<ResourceMetadata>, SignInError> {
        let told = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
        for candidate in deviations::resource_documents(server, told) {
            let Some(value) = self.fetch(&candidate).await? else { continue };
            let Some(prm) = ResourceMetadata::of(&value) else {
                self.note(&candidate, "it is not the metadata of a resource");
                continue;
            };
            // What the user says of the resource stands above what the server says.
            if !matches!(config.resource, ResourceRule::Exactly(_)) {
                let foreign = Url::parse(&candidate)
                    .is_ok_and(|candidate| !crate::net::same_origin(&candidate, server));
                deviations::resource_fits(prm.resource.as_deref(), server, foreign)
                    .map_err(SignInError::refused)?;
            }
            self.transient = None;
            return Ok(Some(prm));
        }
        match self.transient.take() {
            // It is not known to have none.
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// The metadata of one authorization server, in all the places of deviation 7. `path` is that
    /// of the resource where the server is only guessed.
    async fn server(
        &mut self,
        issuer: &str,
        path: &str,
        config: &OAuthConfig,
    ) -> Result<Option<ServerMetadata>, SignInError> {
        let url = self.http.check(issuer).map_err(|detail| {
            SignInError::refused(format!("its authorization server: {detail}"))
        })?;
        let mut foreign = None;
        for candidate in deviations::server_documents(&url, path) {
            let Some(value) = self.fetch(&candidate).await? else { continue };
            let Some(mut server) = ServerMetadata::of(&value) else {
                self.note(&candidate, "it is not the metadata of an authorization server");
                continue;
            };
            match deviations::issuer_fits(&server.issuer, issuer, path, config.issuer.as_deref()) {
                IssuerMatch::Same => {
                    let differs =
                        server.issuer != issuer && deviations::same_issuer(&server.issuer, issuer);
                    server.found_by = differs.then(|| issuer.to_owned());
                    return Ok(Some(server));
                }
                IssuerMatch::Missing => {
                    issuer.clone_into(&mut server.issuer);
                    return Ok(Some(server));
                }
                // Another place may have the right one.
                IssuerMatch::Foreign => foreign = foreign.or(Some((candidate, server.issuer))),
            }
        }
        match foreign {
            Some((candidate, other)) => {
                Err(SignInError::refused(foreign_issuer(&candidate, &other, issuer)))
            }
            None => Ok(None),
        }
    }

    /// A document, or `None` where there is none.
    async fn fetch(&mut self, url: &str) -> Result<Option<Value>, SignInError> {
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
        let origin = origin.unwrap_or_default();
        if self.silent.contains(&origin) {
            return Ok(None);
        }
        let reply = match self.http.get_json(url).await {
            Ok(reply) => reply,
            Err(HttpError::Useless(detail)) => {
                self.note(url, &detail);
                return Ok(None);
            }
            Err(error @ (HttpError::Connect(_) | HttpError::Broken(_))) => {
                let error = error.at(url);
                self.note(url, &error.to_string());
                self.silent.push(origin);
                self.transient.get_or_insert(error);
                return Ok(None);
            }
            Err(error) => return Err(error.at(url)),
        };
        if reply.status.is_success() {
            if let Shape::Json(value @ Value::Object(_)) = reply.body {
                return Ok(Some(value));
            }
            self.note(url, &reply.describe());
            return Ok(None);
        }
        // Deviation 2: 502 is what a gateway says where nothing is behind it.
        if reply.is_transient() && reply.status.as_u16() != 502 {
            let detail = reply.describe();
            self.later(url, detail, reply.retry_after);
        } else if reply.status.as_u16() != 404 {
            self.note(url, &reply.describe());
        }
        Ok(None)
    }

    fn later(&mut self, url: &str, detail: String, retry_after: Option<Duration>) {
        self.note(url, &detail);
        let error = SignInError::Transient { host: host(url), detail, retry_after };
        self.transient.get_or_insert(error);
    }

    fn note(&mut self, url: &str, what: &str) {
        if self.notes.len() < 16 {
            self.notes.push(format!("{}: {what}", place(url)));
        }
    }

    fn told(&self) -> String {
        if self.notes.is_empty() { String::new() } else { format!(" ({})", self.notes.join("; ")) }
    }
}

fn foreign_issuer(document: &str, found: &str, wanted: &str) -> String {
    format!(
        "{} says that its issuer is {:?}, but {:?} was expected; if you trust it, set issuer = \"{}\" in the [connections.NAME.oauth] table",
        place(document),
        said(found),
        said(wanted),
        said(found)
    )
}
