//! A sign-in by hand, as a careful client does it, and the pieces that the other tests vary.

use crate::{
    Client as McpClient,
    support::{
        authorization::{
            AuthMethod, AuthServer, Mode, Page, Params, Quirks, Resource, TestBrowser, codec,
        },
        script::Script,
    },
};
use reqwest::{Response, redirect::Policy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::Url;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/callback";
pub(crate) const VERIFIER: &str = "0123456789012345678901234567890123456789012";

/// A client that follows nothing and forgives nothing.
pub(crate) struct Hand {
    pub http: reqwest::Client,
    pub id: String,
    pub secret: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Got {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Got {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `error`.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or("none"))
    }

    pub(crate) fn str(&self, name: &str) -> String {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// The parameters of the URL that it redirects to.
    pub(crate) fn back(&self) -> BTreeMap<String, String> {
        let url = Url::parse(self.header("location")).unwrap_or_else(|_| panic!("{self:?}"));
        url.query_pairs().into_owned().collect()
    }
}

impl Hand {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none());
        Self { http: http.build().unwrap(), id: String::new(), secret: None }
    }

    /// One that an administrator has made, without a secret.
    pub(crate) fn public(server: &AuthServer) -> Self {
        let id = server.add_client(AuthMethod::None, &[REDIRECT]).id;
        Self { id, ..Self::new() }
    }

    pub(crate) async fn get(&self, url: &str) -> Got {
        Got::of(self.http.get(url).send().await.unwrap()).await
    }

    pub(crate) async fn register(&mut self, server: &AuthServer, body: Value) -> Got {
        let request = self.http.post(server.endpoint("register"));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let got = Got::of(request.send().await.unwrap()).await;
        got.json["client_id"].as_str().unwrap_or_default().clone_into(&mut self.id);
        self.secret = got.json["client_secret"].as_str().map(str::to_owned);
        got
    }

    /// The authorize URL of a good client, and what `more` adds or (if empty) takes away.
    pub(crate) fn authorize_url(&self, server: &AuthServer, more: &[(&str, &str)]) -> String {
        let challenge = codec::s256(VERIFIER);
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", REDIRECT),
            ("state", "s1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        all.extend(more.iter().copied());
        all.retain(|_, value| !value.is_empty());
        format!("{}?{}", server.endpoint("authorize"), codec::form(all))
    }

    pub(crate) async fn authorize(&self, server: &AuthServer, more: &[(&str, &str)]) -> Got {
        self.get(&self.authorize_url(server, more)).await
    }

    pub(crate) async fn code(&self, server: &AuthServer, more: &[(&str, &str)]) -> String {
        self.authorize(server, more).await.back()["code"].clone()
    }

    /// A token request with the client's id, and what `more` adds or (if empty) takes away.
    pub(crate) async fn try_token(
        &self,
        server: &AuthServer,
        more: &[(&str, &str)],
    ) -> reqwest::Result<Got> {
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([("client_id", self.id.as_str())]);
        all.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        all.extend(more.iter().copied());
        all.retain(|_, value| !value.is_empty());
        let request = self.http.post(server.endpoint("token")).body(codec::form(all));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(Got::of(request.send().await?).await)
    }

    pub(crate) async fn token(&self, server: &AuthServer, more: &[(&str, &str)]) -> Got {
        self.try_token(server, more).await.unwrap()
    }

    pub(crate) async fn exchange(
        &self,
        server: &AuthServer,
        code: &str,
        more: &[(&str, &str)],
    ) -> Got {
        let mut all = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        all.extend(more);
        self.token(server, &all).await
    }

    /// The whole of it: a code, and what it is exchanged for.
    pub(crate) async fn sign_in(&self, server: &AuthServer, scope: &str) -> Got {
        let code = self.code(server, &[("scope", scope)]).await;
        self.exchange(server, &code, &[]).await
    }

    pub(crate) async fn refresh(
        &self,
        server: &AuthServer,
        token: &str,
        more: &[(&str, &str)],
    ) -> Got {
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        all.extend(more);
        self.token(server, &all).await
    }
}

/// `initialize` at a resource, with a token or without.
pub(crate) async fn initialize(resource: &Resource, token: Option<&str>) -> Got {
    let client = McpClient::new(resource);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}}});
    let mut request = client.raw(&body.to_string());
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    Got::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_finds_registers_signs_in_calls_renews_and_leaves() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    let mut hand = Hand::new();

    let refused = initialize(&resource, None).await;
    assert_eq!(refused.status, 401);
    let prm_url = format!("{}/.well-known/oauth-protected-resource/mcp", resource.origin());
    let challenge = format!(r#"Bearer resource_metadata="{prm_url}""#);
    assert_eq!(refused.header("www-authenticate"), challenge);
    let prm = hand.get(&prm_url).await.json;
    assert_eq!(
        (&prm["resource"], &prm["authorization_servers"]),
        (&json!(resource.url()), &json!([server.issuer()]))
    );
    let meta_url = format!("{}/.well-known/oauth-authorization-server", server.issuer());
    let meta = hand.get(&meta_url).await.json;
    assert_eq!(meta["issuer"], json!(server.issuer()));
    assert_eq!(meta["token_endpoint"], json!(server.endpoint("token")));
    assert_eq!(meta["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(meta["authorization_response_iss_parameter_supported"], json!(true));

    let registered = hand
        .register(
            &server,
            json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"], "client_name": "hand"}),
        )
        .await;
    assert_eq!((registered.status, &hand.secret), (201, &None), "{registered:?}");

    let url = resource.url();
    let back = hand.authorize(&server, &[("scope", "read"), ("resource", &url)]).await.back();
    assert_eq!((&back["state"], &back["iss"]), (&"s1".to_owned(), &server.issuer()));
    let tokens = hand.exchange(&server, &back["code"], &[("resource", &url)]).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, "no-store"));
    assert_eq!(tokens.json["expires_in"], json!(3600));
    assert_eq!(tokens.str("scope"), "read");
    let (access, first) = (tokens.str("access_token"), tokens.str("refresh_token"));
    assert!(access.starts_with("canary-at-") && first.starts_with("canary-rt-"), "{tokens:?}");

    assert_eq!(initialize(&resource, Some(&access)).await.status, 200);
    server.reject_access_tokens();
    assert!(!server.is_live(&access));
    let refused = initialize(&resource, Some(&access)).await;
    assert!(refused.header("www-authenticate").contains(r#"error="invalid_token""#));
    let renewed = hand.refresh(&server, &first, &[("resource", &url)]).await;
    let (access, second) = (renewed.str("access_token"), renewed.str("refresh_token"));
    assert_ne!(first, second);
    assert_eq!(initialize(&resource, Some(&access)).await.status, 200);

    let form = codec::form([("token", second.as_str()), ("client_id", hand.id.as_str())]);
    let revoke = hand.http.post(server.endpoint("revoke")).body(form);
    let revoke = revoke.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(revoke.send().await.unwrap().status(), 200);
    assert_eq!(initialize(&resource, Some(&access)).await.status, 401);

    let counts = server.counts();
    assert_eq!((counts.registrations, counts.authorize_requests, counts.consents), (1, 1, 1));
    assert_eq!((counts.codes_ok, counts.refreshes_ok, counts.revocations), (1, 1, 1));
    assert_eq!((counts.access_ok, counts.access_refused), (2, 3));
    assert_eq!(server.authorize_requests()[0].get("resource"), Some(url.as_str()));
    let grants: Vec<_> = server.token_requests().into_iter().map(|one| one.grant).collect();
    assert_eq!(grants, ["authorization_code", "refresh_token"]);
    assert_eq!(server.refresh_sent(), BTreeMap::from([(first, 1)]));
}

/// The other end of a callback: says what came, once for each connection.
async fn callback() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let (ring, heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut byte) = (Vec::new(), [0]);
            while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap() == 1 {
                text.push(byte[0]);
            }
            let _ = ring.send(String::from_utf8(text).unwrap());
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nback";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, heard)
}

/// Opens a URL as the product does.
fn open(browser: &TestBrowser, args: &[&str]) {
    assert!(std::process::Command::new(browser.command()).args(args).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_comes_back_in_every_mode() {
    let folder = tempfile::tempdir().unwrap();
    let browser = TestBrowser::start(folder.path(), Mode::Consent);
    let server = AuthServer::start(Quirks::default());
    let (redirect, mut heard) = callback().await;
    let id = server.add_client(AuthMethod::None, &[&redirect]).id;
    let hand = Hand { id, ..Hand::new() };
    let url = hand.authorize_url(&server, &[("redirect_uri", &redirect)]);

    let mut tabs = 0;
    let mut visit = |mode: Mode| {
        tabs += 1;
        browser.mode(mode);
        open(&browser, &[&url]);
        browser.wait_tabs(tabs).pop().unwrap()
    };
    let query = |page: &Page| Params(codec::pairs(page.url.split_once('?').unwrap().1));

    let tab = visit(Mode::Consent);
    assert_eq!((tab.args.as_slice(), tab.pages.len()), ([url.clone()].as_slice(), 2));
    assert_eq!((tab.last().status, tab.last().body.as_str()), (200, "back"));
    assert!(heard.recv().await.unwrap().starts_with("GET /callback?code=canary-code-"));
    assert_eq!(query(visit(Mode::Deny).last()).get("error"), Some("access_denied"));
    assert_eq!(query(visit(Mode::BadState).last()).get("state"), Some("somebody-elses"));
    assert_eq!(query(visit(Mode::NoState).last()).get("state"), None);
    let iss = query(visit(Mode::WrongIss).last());
    assert_eq!(iss.all("iss"), ["https://mixed-up.example"]);
    let tab = visit(Mode::Twice);
    assert_eq!((tab.callbacks().len(), &tab.pages[1].url), (2, &tab.pages[2].url));
    assert!(visit(Mode::OtherPath).last().url.contains("/elsewhere?code="));
    let markup = query(visit(Mode::Markup).last());
    assert!(markup.0.iter().all(|(_, value)| value.starts_with("<script>")), "{markup:?}");
    let failed = query(visit(Mode::MarkupError).last());
    assert_eq!((failed.get("code"), failed.get("state")), (None, Some("s1")));
    assert_eq!(visit(Mode::Never).callbacks().len(), 0);
    while heard.try_recv().is_ok() {}
    visit(Mode::ForeignHost);
    assert!(heard.recv().await.unwrap().contains("host: evil.example\r\n"));
    visit(Mode::Post);
    assert!(heard.recv().await.unwrap().starts_with("POST /callback?code="));
    visit(Mode::Slow(std::time::Duration::from_millis(1)));
    browser.then_consents(true);
    let tab = visit(Mode::BadState);
    assert_eq!(query(tab.last()).get("state"), Some("s1"));
    assert_eq!((server.counts().denials, server.counts().consents), (1, 13));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_notes_arguments_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let browser = TestBrowser::start(folder.path(), Mode::Consent);
    let odd = "file:///etc/passwd?a=$(touch pwned)&b=\"'`\n;x";
    open(&browser, &[odd, "", "-flag"]);
    let tab = browser.wait_tabs(1).remove(0);
    assert_eq!(tab.args, [odd, "", "-flag"]);
    assert_eq!(tab.url(), odd);
    assert!(tab.pages.is_empty(), "{tab:?}");

    // Many at once: none is lost, none is mixed with another, however long.
    let long = format!("mailto:{}", "x".repeat(20_000));
    let mut all: Vec<_> = (0..20)
        .map(|_| std::process::Command::new(browser.command()).arg(&long).spawn().unwrap())
        .collect();
    let tabs = browser.wait_tabs(21);
    assert!(tabs[1..].iter().all(|tab| tab.args == [long.as_str()]));
    for child in &mut all {
        assert!(child.wait().unwrap().success());
    }
}
