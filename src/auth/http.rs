//! HTTP for sign-ins: what metadata named is called with care, and what comes back is bounded.

use super::{
    SignInError,
    http_reply::{HttpReply, Shape, retry_after},
    sign_in_error::{host, place, said},
};
use crate::{
    kind::TokenBody,
    net::{self, AddressRule, Class, ForbiddenAddress, Net, address},
    secret::Secret,
};
use http::{
    HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use reqwest::{Request, Response};
use serde_json::Value;
use std::{error::Error, sync::Arc, time::Duration};
use tokio::sync::OnceCell;
use url::Url;

/// Longest answer that is read, in bytes, counted after decompression.
const MAX_BODY: usize = 1024 * 1024;
/// How long a metadata document may take, redirects included.
const GET_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer to a token request may take.
const POST_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_REDIRECTS: usize = 3;

/// Calls what the metadata of one configured server leads to. Cheap to clone; keeps no cookies.
#[derive(Clone)]
pub struct OAuthHttp {
    net: Net,
    server: Url,
    rule: Arc<OnceCell<AddressRule>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// It must not be called.
    Refused(String),
    /// Nothing was sent.
    Connect(String),
    /// Something may have been sent.
    Broken(String),
    /// There was an answer, and it is none that can be used.
    Useless(String),
    /// Our own side is not set up.
    Setup(String),
}

impl HttpError {
    /// As an error of the sign-in; `url` says where.
    pub(super) fn at(self, url: &str) -> SignInError {
        match self {
            Self::Refused(detail) => SignInError::Refused { detail },
            Self::Setup(detail) => SignInError::Config { detail },
            Self::Useless(detail) => SignInError::Server { code: "no answer".to_owned(), detail },
            Self::Connect(detail) | Self::Broken(detail) => {
                SignInError::Transient { host: host(url), detail, retry_after: None }
            }
        }
    }
}

/// A request with its body; `Debug` is left out, for it holds secrets.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) body: Option<(&'static str, Secret<String>)>,
    /// The whole value of `Authorization`.
    pub(super) authorization: Option<Secret<String>>,
}

impl OAuthHttp {
    /// For what the server at `server`, which the user configured, leads to.
    pub fn new(net: Net, server: &Url) -> Self {
        Self { net, server: server.clone(), rule: Arc::default() }
    }

    /// The configured server.
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// A URL that may be called or shown to a browser: its scheme, its user part, and its address
    /// where it is written as one. The error says what is wrong, and names it.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        // The parser drops tabs and line breaks without a word.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("{:?} is not a URL", said(text)));
        }
        let url = Url::parse(text).map_err(|error| format!("{:?}: {error}", said(text)))?;
        let shown = place(text);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{shown} has a user or password in it"));
        }
        let is_own = net::same_origin(&url, &self.server);
        let at_home = net::is_loopback(&self.server);
        match url.scheme() {
            "https" => {}
            "http" if is_own || (at_home && net::is_loopback(&url)) => {}
            "http" => return Err(format!("{shown} is not https")),
            _ => return Err(format!("{shown} is neither https nor http")),
        }
        if let Some(address) = address::literal(&url) {
            // What stands in the configured URL says enough; a name there allows nothing here
            // that its own addresses do not, and those are looked up before each request.
            let rule = match address::literal(&self.server) {
                Some(own) => AddressRule::of([own]),
                None => self.rule.get().copied().unwrap_or_default(),
            };
            if !rule.allows(address) {
                return Err(format!(
                    "{shown} is an address that {} must not lead to",
                    host(self.server.as_str())
                ));
            }
        }
        Ok(url)
    }

    /// Fetches a metadata document. Redirects are followed on the same origin only.
    pub async fn get_json(&self, url: &str) -> Result<HttpReply, HttpError> {
        let work = async {
            let mut next = url.to_owned();
            for _ in 0..=MAX_REDIRECTS {
                let response = self
                    .execute(Outgoing {
                        method: Method::GET,
                        url: &next,
                        body: None,
                        authorization: None,
                    })
                    .await?;
                if !response.status().is_redirection() {
                    return read(response).await;
                }
                let here = response.url().clone();
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| here.join(to).ok());
                match to {
                    Some(to) if net::same_origin(&here, &to) => next = to.into(),
                    Some(to) => {
                        let to = place(to.as_str());
                        return Err(HttpError::Useless(format!("it redirects to {to}")));
                    }
                    None => return Err(HttpError::Useless("it redirects to nowhere".to_owned())),
                }
            }
            Err(HttpError::Useless(format!("more than {MAX_REDIRECTS} redirects")))
        };
        within(GET_TIMEOUT, work).await
    }

    /// Posts a form; no redirect is followed.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<Secret<String>>,
    ) -> Result<HttpReply, HttpError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let body = Some(("application/x-www-form-urlencoded", Secret::new(body)));
        self.send(Outgoing { method: Method::POST, url, body, authorization }).await
    }

    /// Posts `fields` as a form, or as the texts of one JSON object (deviation 36); or asks by GET
    /// with all of them in the query, as Bitrix24 wants it.
    pub(super) async fn post_fields(
        &self,
        url: &str,
        body: TokenBody,
        fields: &[(&str, &str)],
        authorization: Option<Secret<String>>,
    ) -> Result<HttpReply, HttpError> {
        if body == TokenBody::Form {
            return self.post_form(url, fields, authorization).await;
        }
        if body == TokenBody::Query {
            let mut whole = Url::parse(url).map_err(|error| HttpError::Setup(error.to_string()))?;
            whole.query_pairs_mut().extend_pairs(fields);
            let (method, url) = (Method::GET, whole.as_str());
            return self.send(Outgoing { method, url, body: None, authorization }).await;
        }
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let body = Value::Object(fields.collect()).to_string();
        let body = Some(("application/json", Secret::new(body)));
        self.send(Outgoing { method: Method::POST, url, body, authorization }).await
    }

    /// Posts JSON; no redirect is followed.
    pub async fn post_json(&self, url: &str, body: &Value) -> Result<HttpReply, HttpError> {
        let body = Some(("application/json", Secret::new(body.to_string())));
        self.send(Outgoing { method: Method::POST, url, body, authorization: None }).await
    }

    /// Sends a request that changes something; no redirect is followed.
    pub(super) async fn send(&self, outgoing: Outgoing<'_>) -> Result<HttpReply, HttpError> {
        let work = async { read(self.execute(outgoing).await?).await };
        within(POST_TIMEOUT, work).await
    }

    async fn execute(&self, outgoing: Outgoing<'_>) -> Result<Response, HttpError> {
        let rule = self.rule().await;
        let url = self.check(outgoing.url).map_err(HttpError::Refused)?;
        let client = self.net.guarded_client(&url, rule).await;
        let client = client.map_err(|error| HttpError::Setup(error.to_string()))?;
        let mut request = Request::new(outgoing.method, url);
        // GitHub and others answer in a form where this is not asked for.
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((kind, body)) = outgoing.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *request.body_mut() = Some(body.into_inner().into());
        }
        if let Some(value) = outgoing.authorization {
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| HttpError::Setup("a credential has a line break in it".to_owned()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        client.execute(request).await.map_err(|error| failed(&error))
    }

    async fn rule(&self) -> AddressRule {
        let look_up = || async { self.net.rule_of(&self.server).await.ok_or(()) };
        // A name that cannot be looked up now may be known in a moment: that is not kept.
        self.rule.get_or_try_init(look_up).await.copied().unwrap_or_default()
    }
}

fn failed(error: &reqwest::Error) -> HttpError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(next) = cause {
        if let Some(forbidden) = next.downcast_ref::<ForbiddenAddress>() {
            return HttpError::Refused(forbidden.to_string());
        }
        cause = next.source();
    }
    match net::classify(error) {
        (Class::Connect | Class::ConnectTimeout, detail) => HttpError::Connect(detail),
        (Class::Broken, detail) => HttpError::Broken(detail),
        (Class::Request, detail) => HttpError::Useless(detail),
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    match crate::task::within(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(HttpError::Broken(format!("no answer in {} seconds", limit.as_secs()))),
    }
}

async fn read(mut response: Response) -> Result<HttpReply, HttpError> {
    let header = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let content_type = header(CONTENT_TYPE).to_ascii_lowercase();
    let retry_after = retry_after(&header(RETRY_AFTER));
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if bytes.len() + chunk.len() > MAX_BODY {
            return Err(HttpError::Useless(format!("its answer is larger than {MAX_BODY} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    Ok(HttpReply { status, retry_after, body: Shape::of(&bytes, content_type) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{net::NetConfig, task::Shutdown};
    use std::io::Write as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    fn http(server: &str) -> OAuthHttp {
        OAuthHttp::new(Net::new(NetConfig::default()), &Url::parse(server).unwrap())
    }

    /// Answers every connection with `head` and `body`; ends with the test.
    async fn serve(head: &str, body: Vec<u8>) -> (String, Shutdown) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let head = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let shutdown = Shutdown::new();
        shutdown.spawn("server", async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await;
                let _written = socket.write_all(head.as_bytes()).await;
                let _written = socket.write_all(&body).await;
            }
        });
        (url, shutdown)
    }

    #[test]
    fn what_may_be_called_depends_on_where_the_server_is() {
        let public = http("https://1.1.1.1/mcp");
        let private = http("https://10.0.0.1/mcp");
        let home = http("http://127.0.0.1:1/mcp");
        let may = |http: &OAuthHttp, url: &str| http.check(url).is_ok();
        for (url, allowed) in [
            ("https://as.example/x", [true, true, true]),
            ("http://as.example/x", [false, false, false]),
            ("https://10.9.9.9/x", [false, true, true]),
            ("https://100.64.0.1/x", [false, true, true]),
            ("https://127.0.0.1/x", [false, false, true]),
            ("https://0x7f.1/x", [false, false, true]),
            ("https://localhost/x", [false, false, true]),
            ("http://localhost:7/x", [false, false, true]),
            ("https://169.254.169.254/x", [false, false, false]),
            ("https://[::ffff:a9fe:a9fe]/x", [false, false, false]),
            ("https://[fd00:ec2::254]/x", [false, false, false]),
            ("https://100.100.100.200/x", [false, false, false]),
            ("https://u@as.example/x", [false, false, false]),
            ("file:///etc/passwd", [false, false, false]),
            ("gopher://as.example/", [false, false, false]),
            ("https://as.example/\nx", [false, false, false]),
            ("as.example", [false, false, false]),
        ] {
            assert_eq!([&public, &private, &home].map(|http| may(http, url)), allowed, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_and_not_called() {
        let (url, _server) = serve("200 OK", b"{}".to_vec()).await;
        let url = Url::parse(&url.replace("127.0.0.1", "localhost")).unwrap();
        let net = Net::new(NetConfig::default());
        let client = net.guarded_client(&url, AddressRule::default()).await.unwrap();
        let error = client.get(url).send().await.unwrap_err();
        match failed(&error) {
            HttpError::Refused(detail) => assert!(detail.contains("localhost is at"), "{detail}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_body_has_an_end_also_when_it_is_compressed() {
        let large = serve("200 OK", vec![b' '; MAX_BODY + 1]).await;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![b' '; 8 * MAX_BODY]).unwrap();
        let bomb = serve("200 OK\r\ncontent-encoding: gzip", bomb.finish().unwrap()).await;
        for (url, _server) in [large, bomb] {
            match http(&url).get_json(&url).await.unwrap_err() {
                HttpError::Useless(detail) => assert!(detail.contains("larger"), "{detail}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_post_follows_no_redirect_and_a_get_only_at_home() {
        let (target, _server) = serve("200 OK", b"{\"a\":1}".to_vec()).await;
        let (url, _other) = serve(&format!("307 x\r\nlocation: {target}/x"), Vec::new()).await;
        let http = http(&url);
        let reply = http.post_form(&url, &[("a", "b")], None).await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.body), (307, Shape::Empty));
        match http.get_json(&url).await.unwrap_err() {
            HttpError::Useless(detail) => assert!(detail.contains("redirects to"), "{detail}"),
            other => panic!("{other:?}"),
        }
        let found = http.get_json(&target).await.unwrap();
        assert_eq!(found.body, Shape::Json(serde_json::json!({"a": 1})));
    }
}
