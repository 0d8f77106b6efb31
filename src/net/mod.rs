//! The one place that makes HTTP clients.
//!
//! Owns pools, TLS roots, proxies, redirects (none are followed here), the rule where cleartext
//! is allowed, and the one where addresses may lead that a stranger named ([`address`]). May name only leaves. Called by `upstream` and `auth`.
//!
//! Cleartext on this machine has a way of its own ([`near`]); for everything else there is one client.
//! A TLS client costs 2.4 ms to build, most of it reading the system's CA certificates, so both
//! clients are built at the first request that needs them, on a blocking thread.

pub mod address;
pub mod failure;
mod near;
mod resolver;
mod route;

pub use address::AddressRule;
pub use failure::{Class, classify};
pub use resolver::ForbiddenAddress;
pub use route::{Response, Route};

use crate::task;
use reqwest::{Client, ClientBuilder, redirect};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::OnceCell;
use url::{Host, Url};

/// Plain values that the clients are built from.
#[derive(Debug, Clone, Default)]
pub struct NetConfig {
    /// URL of the proxy for everything but loopback.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// PEM file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NetError {
    #[error("could not read the CA certificates of {}: {detail}", path.display())]
    CaFile { path: PathBuf, detail: String },
    #[error("the proxy {proxy:?} cannot be used: {detail}")]
    Proxy { proxy: String, detail: String },
    #[error("could not set up TLS: {0}")]
    Tls(String),
    #[error("{0}")]
    Scheme(&'static str),
}

/// The shared clients; cheap to clone.
#[derive(Clone)]
pub struct Net(Arc<Inner>);

struct Inner {
    config: NetConfig,
    /// One client per kind; nearly always one or two in a process.
    clients: Mutex<HashMap<Kind, Arc<OnceCell<Client>>>>,
    /// Connections to servers on this machine.
    near: Arc<near::Pool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    /// For cleartext on loopback: no TLS roots, no proxy.
    plain: bool,
    connect_timeout: Duration,
    /// Where names may lead; anywhere when there is no rule.
    rule: Option<AddressRule>,
}

/// Who we are to a server.
const AGENT: &str = concat!("allmcp/", env!("CARGO_PKG_VERSION"));

/// How long a connection, TLS included, may take when nothing else is set.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Net {
    pub fn new(config: NetConfig) -> Self {
        Self(Arc::new(Inner { config, clients: Mutex::default(), near: Arc::default() }))
    }

    /// The client for `url`, whose connections, TLS included, are there within
    /// `connect_timeout` or fail. Calls for many upstreams share one pool.
    pub async fn client(&self, url: &Url, connect_timeout: Duration) -> Result<Client, NetError> {
        self.of_kind(url, connect_timeout, None).await
    }

    /// The way to the server at `url`; as [`Net::client`], and shorter where it is on this machine.
    pub async fn route(&self, url: &Url, connect_timeout: Duration) -> Result<Route, NetError> {
        if is_near(url) {
            return Ok(Route::Near(near::Near::new(Arc::clone(&self.0.near), connect_timeout)));
        }
        self.client(url, connect_timeout).await.map(Route::Far)
    }

    /// The client for a URL that a stranger named: names lead only where `rule` allows, and a
    /// failure that it caused has a [`ForbiddenAddress`] among its causes. An address in place of
    /// a name is for the caller to check. A name that a proxy looks up is beyond our reach.
    pub async fn guarded_client(&self, url: &Url, rule: AddressRule) -> Result<Client, NetError> {
        self.of_kind(url, CONNECT_TIMEOUT, Some(rule)).await
    }

    /// The rule for what the server at `url`, which the user configured, says of other places.
    /// `None` when its name could not be looked up now.
    pub async fn rule_of(&self, url: &Url) -> Option<AddressRule> {
        if let Some(address) = address::literal(url) {
            return Some(AddressRule::of([address]));
        }
        let config = &self.0.config;
        if config.proxy.is_some() && config.no_proxy.is_none() {
            // Names are the proxy's; here they may not even be known.
            return Some(AddressRule::default());
        }
        let found = resolver::look_up(url.host_str()?);
        let found = tokio::time::timeout(CONNECT_TIMEOUT, found).await.ok()?.ok()?;
        Some(AddressRule::of(found.iter().map(std::net::SocketAddr::ip)))
    }

    async fn of_kind(
        &self,
        url: &Url,
        connect_timeout: Duration,
        rule: Option<AddressRule>,
    ) -> Result<Client, NetError> {
        let plain = is_near(url);
        let kind = Kind { plain, connect_timeout, rule };
        let cell = {
            let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(clients.entry(kind).or_default())
        };
        let build = || async {
            let config = self.0.config.clone();
            let build = move || {
                let mut base = base().connect_timeout(connect_timeout);
                if let Some(rule) = rule {
                    let proxy_host = config.proxy.as_deref().and_then(proxy_host);
                    base = base.dns_resolver(resolver::Guarded { rule, proxy_host });
                }
                if plain { build_plain(base) } else { build_tls(base, &config) }
            };
            task::blocking(build).await.map_err(|error| NetError::Tls(error.to_string()))?
        };
        cell.get_or_try_init(build).await.cloned()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one client factory")]
fn base() -> ClientBuilder {
    Client::builder()
        .user_agent(AGENT)
        // Redirects are followed by hand, and only to the same origin: a credential must not
        // travel to another one.
        .redirect(redirect::Policy::none())
        // Half-open connections (sleep, NAT) are found in about a minute (mcp-remote#226).
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_keepalive_interval(Duration::from_secs(10))
        .tcp_keepalive_retries(3)
        .pool_idle_timeout(Duration::from_mins(1))
}

fn build_plain(base: ClientBuilder) -> Result<Client, NetError> {
    let client = base.no_proxy().tls_certs_only([]).build();
    client.map_err(|error| NetError::Tls(failure::text(&error)))
}

fn build_tls(base: ClientBuilder, config: &NetConfig) -> Result<Client, NetError> {
    let mut builder = base.no_proxy();
    if let Some(path) = &config.ca_file {
        let fail = |detail: String| NetError::CaFile { path: path.clone(), detail };
        let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| fail(failure::text(&error)))?;
        if certificates.is_empty() {
            return Err(fail("there is no certificate in it".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(url) = &config.proxy {
        let exempt = config.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        let proxy = reqwest::Proxy::all(url).map_err(|error| NetError::Proxy {
            proxy: crate::text::line(url.rsplit('@').next().unwrap_or_default(), 80),
            detail: failure::text(&error),
        })?;
        builder = builder.proxy(proxy.no_proxy(exempt));
    }
    builder.build().map_err(|error| NetError::Tls(failure::text(&error)))
}

/// The host of a proxy, which may be written without a scheme.
fn proxy_host(proxy: &str) -> Option<String> {
    let url = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    Url::parse(&url).ok()?.host_str().map(str::to_owned)
}

/// True for `localhost`, 127.0.0.0/8 and `::1`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// True for cleartext that does not leave this machine: no TLS, no proxy.
fn is_near(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

/// Why a URL must not be called, if so: only https, and http on loopback or where `allow_http`
/// says so.
pub fn refuse_scheme(url: &Url, allow_http: bool) -> Option<&'static str> {
    match url.scheme() {
        "https" => None,
        "http" if allow_http || is_loopback(url) => None,
        "http" => Some("cleartext http is only allowed on loopback; use https"),
        _ => Some("only http and https URLs can be connected"),
    }
}

/// True when both URLs have the same scheme, host and port.
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn cleartext_stays_on_loopback() {
        for fine in [
            "https://x.example/",
            "http://127.0.0.1:1/",
            "http://127.9.9.9/",
            "http://[::1]:2/",
            "http://localhost/",
        ] {
            assert_eq!(refuse_scheme(&url(fine), false), None, "{fine}");
        }
        for bad in [
            "http://x.example/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
        ] {
            assert!(refuse_scheme(&url(bad), false).is_some(), "{bad}");
        }
        assert_eq!(refuse_scheme(&url("http://x.example/"), true), None);
        assert!(refuse_scheme(&url("file:///x"), true).is_some());
    }

    #[tokio::test]
    async fn wrong_ca_files_and_proxies_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let ca_file = dir.path().join("ca.pem");
        std::fs::write(&ca_file, "no certificate here").unwrap();
        let net = Net::new(NetConfig { ca_file: Some(ca_file), ..NetConfig::default() });
        let error =
            net.client(&url("https://x.example/"), CONNECT_TIMEOUT).await.unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
        assert!(
            net.client(&url("http://127.0.0.1/"), CONNECT_TIMEOUT).await.is_ok(),
            "loopback needs no CA"
        );
        let proxy = Some("http://user:canary@pro xy".to_owned());
        let net = Net::new(NetConfig { proxy, ..NetConfig::default() });
        let error =
            net.client(&url("https://x.example/"), CONNECT_TIMEOUT).await.unwrap_err().to_string();
        assert!(error.contains("proxy") && !error.contains("canary"), "{error}");
    }
    #[tokio::test]
    async fn only_what_can_be_read_is_asked_for() {
        use tokio::io::AsyncReadExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url(&format!("http://{}/", listener.local_addr().unwrap()));
        let client = Net::new(NetConfig::default()).client(&url, CONNECT_TIMEOUT).await.unwrap();
        let read = async {
            let mut request = Vec::new();
            let mut stream = listener.accept().await.unwrap().0;
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            String::from_utf8(request).unwrap().to_ascii_lowercase()
        };
        let (_hung_up, request) = tokio::join!(client.get(url).send(), read);
        let offer = request.lines().find_map(|line| line.strip_prefix("accept-encoding:"));
        let offer: Vec<_> = offer.unwrap().split(',').map(str::trim).collect();
        assert_eq!(offer, ["gzip", "deflate"]);
    }
}
