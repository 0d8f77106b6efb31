//! One sign-in from the first 401 to the first answer, through the library.

use crate::support::{
    authorization::{AuthMethod, AuthServer, Quirks, Resource, ResourceQuirks},
    script::Script,
};
use allmcp::{
    auth::{
        self, Challenge, Client, CredentialConfig, Discovered, Flow, Grant, ManualProfile,
        OAuthConfig, OAuthHttp, SignInError, Wanted, discover, registration,
        token_endpoint::Learned,
    },
    kind::{AuthKind, TokenBody},
    name::Tenant,
    net::{Net, NetConfig},
    secret::Secret,
};
use std::sync::Arc;
use url::Url;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/callback";

type Check = Arc<dyn Fn(&AuthServer, &Resource, &Outcome) + Send + Sync>;

/// One deviation: what is odd, what the user configured, and what has to come of it.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) number: &'static str,
    pub(crate) name: String,
    server: Quirks,
    resource: ResourceQuirks,
    config: OAuthConfig,
    /// A client that an administrator made, which authenticates like this.
    client: Option<AuthMethod>,
    /// The endpoints are told, and token requests are written like this.
    manual: Option<TokenBody>,
    want: Want,
    check: Check,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Want {
    Passes,
    /// No sign-in is asked for.
    Open,
    /// It ends with an error that has this in it.
    Stops(&'static str),
    /// It is refused with an error that has this in it, and no URL was given out.
    RefusesBeforeBrowser(&'static str),
}

impl Row {
    pub(crate) fn new(
        number: &'static str,
        name: impl Into<String>,
        server: Quirks,
        resource: ResourceQuirks,
    ) -> Self {
        let config = OAuthConfig::default();
        let check: Check = Arc::new(|_, _, _| {});
        Self {
            number,
            name: name.into(),
            server,
            resource,
            config,
            client: None,
            manual: None,
            want: Want::Passes,
            check,
        }
    }

    pub(crate) fn wants(self, want: Want) -> Self {
        Self { want, ..self }
    }

    pub(crate) fn configured(mut self, change: impl FnOnce(&mut OAuthConfig)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) fn resource(mut self, change: impl FnOnce(&mut ResourceQuirks)) -> Self {
        change(&mut self.resource);
        self
    }

    pub(crate) fn with_client(self, method: AuthMethod) -> Self {
        Self { client: Some(method), ..self }
    }

    /// The user tells all endpoints.
    pub(crate) fn told(self, body: TokenBody) -> Self {
        Self { manual: Some(body), ..self }
    }

    /// Looks closer at what happened.
    pub(crate) fn check(
        self,
        check: impl Fn(&AuthServer, &Resource, &Outcome) + Send + Sync + 'static,
    ) -> Self {
        Self { check: Arc::new(check), ..self }
    }

    pub(crate) fn verdict(&self, outcome: &Outcome) -> Result<(), String> {
        let fits = match (self.want, outcome) {
            (Want::Passes, Outcome::Done(_)) | (Want::Open, Outcome::Open) => true,
            (Want::Stops(part), Outcome::Stopped { error, .. }) => error.to_string().contains(part),
            (Want::RefusesBeforeBrowser(part), Outcome::Stopped { error, urls }) => {
                matches!(error, SignInError::Refused { .. })
                    && error.to_string().contains(part)
                    && *urls == 0
            }
            _ => false,
        };
        if let Outcome::Stopped { error, .. } = outcome
            && error.to_string().chars().any(|c| c.is_control() || c == '\u{202e}')
        {
            return Err(format!("{} {}: not clean: {error:?}", self.number, self.name));
        }
        if fits {
            return Ok(());
        }
        Err(format!("{} {}: wanted {:?}, got {outcome:?}", self.number, self.name, self.want))
    }
}

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) client: Client,
    pub(crate) grant: Grant,
    pub(crate) learned: Learned,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Box<Done>),
    Open,
    /// So many URLs were given out before.
    Stopped {
        error: SignInError,
        urls: usize,
    },
}

impl Outcome {
    #[track_caller]
    pub(crate) fn done(&self) -> &Done {
        match self {
            Self::Done(done) => done,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn http(server: &Url) -> OAuthHttp {
    OAuthHttp::new(Net::new(NetConfig::default()), server)
}

/// A connection to `url` with what [`profile`] needs.
pub(crate) fn connection(url: &str, config: &OAuthConfig) -> CredentialConfig {
    CredentialConfig {
        name: "c".parse().unwrap(),
        account: "c".to_owned(),
        auth: AuthKind::OAuth,
        oauth: config.clone(),
        url: url.parse().unwrap(),
        headers: Vec::new(),
        params: [("endpoint".to_owned(), "token".parse().unwrap())].into(),
        tenant: Tenant::default(),
        env: Arc::new(|_| None),
        sign_in_optional: false,
        token_override: None,
        also: None,
    }
}

/// The endpoints of `server` as a user would tell them, one with a hole in it.
pub(crate) fn profile(server: &AuthServer, body: TokenBody) -> ManualProfile {
    let url = |name: &str| server.endpoint(name).parse().unwrap();
    ManualProfile {
        authorize_url: url("authorize"),
        token_url: url("${param:endpoint}"),
        revoke_url: Some(url("revoke")),
        token_body: body,
        token_params: [("mode".to_owned(), "x".to_owned())].into(),
        account: None,
    }
}

/// A server's answer to a first message, with a token or without.
pub(crate) async fn knock(url: &str, token: Option<&str>) -> reqwest::Response {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let mut request = browser()
        .post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.send().await.unwrap()
}

fn browser() -> reqwest::Client {
    let none = reqwest::redirect::Policy::none();
    reqwest::Client::builder().no_proxy().redirect(none).build().unwrap()
}

/// Follows redirects as a browser does until one leads to our callback: its query.
pub(crate) async fn consent(url: &str) -> Option<String> {
    let browser = browser();
    let mut url = Url::parse(url).unwrap();
    for _ in 0..10 {
        let response = browser.get(url.clone()).send().await.unwrap();
        let to = response.headers().get("location")?.to_str().unwrap();
        url = url.join(to).unwrap();
        if url.as_str().starts_with(REDIRECT) {
            return url.query().map(str::to_owned);
        }
    }
    None
}

/// Signs in as the product does: each correction at most once.
pub(crate) async fn run(row: &Row) -> Outcome {
    let server = AuthServer::start(row.server.clone());
    let resource = Resource::start_with(&server, Script::legacy(), row.resource.clone());
    let mut config = row.config.clone();
    let mut secret = None;
    if let Some(method) = row.client {
        let client = server.add_client(method, &[REDIRECT]);
        config.client_id = Some(client.id);
        secret = client.secret.map(Secret::new);
    }
    config.manual = row.manual.map(|body| profile(&server, body));
    let mut urls = 0;
    let outcome = match attempt(&resource.url(), &config, secret.as_ref(), &mut urls).await {
        Ok(Some(done)) => {
            let token = done.grant.access_token.expose().clone();
            let answer = knock(&resource.url(), Some(&token)).await;
            assert_eq!(answer.status(), 200, "{} {}", row.number, row.name);
            Outcome::Done(Box::new(done))
        }
        Ok(None) => Outcome::Open,
        Err(error) => Outcome::Stopped { error, urls },
    };
    if row.verdict(&outcome).is_ok() {
        (row.check)(&server, &resource, &outcome);
    }
    outcome
}

/// Signs in at `url`, if it wants that.
pub(crate) async fn attempt(
    url: &str,
    config: &OAuthConfig,
    secret: Option<&Secret<String>>,
    urls: &mut usize,
) -> Result<Option<Done>, SignInError> {
    let server = Url::parse(url).unwrap();
    let http = http(&server);
    let answer = knock(url, None).await;
    if answer.status() != 401 {
        return Ok(None);
    }
    let challenge = Challenge::of(answer.headers());
    let discovered = match &config.manual {
        Some(profile) => auth::manual(&http, &connection(url, config), profile)?,
        None => discover(&http, &server, challenge.as_ref(), config).await?,
    };
    let challenged = challenge.map(|it| it.scopes());
    let (mut no_resource, mut again, mut fresh) = (false, false, false);
    let mut stored: Option<Client> = None;
    loop {
        let found = registration::client(
            &http,
            &discovered,
            config,
            secret.cloned(),
            false,
            stored.as_ref(),
            REDIRECT,
            fresh,
        );
        let client = found.await?;
        let wanted = Wanted { challenged: challenged.as_deref(), granted: &[], no_resource };
        match once(&http, &discovered, &client, config, &wanted, urls).await {
            Ok((grant, learned)) => return Ok(Some(Done { client, grant, learned })),
            Err(error) if error.refuses_resource() && !no_resource => no_resource = true,
            Err(error) if error.forgets_client() && !fresh => fresh = true,
            Err(error) if error.starts_over() && !again => again = true,
            Err(error) => return Err(error),
        }
        stored = Some(client);
    }
}

async fn once(
    http: &OAuthHttp,
    discovered: &Discovered,
    client: &Client,
    config: &OAuthConfig,
    wanted: &Wanted<'_>,
    urls: &mut usize,
) -> Result<(Grant, Learned), SignInError> {
    let flow = Flow::begin(discovered, client, config, wanted, REDIRECT)?;
    *urls += 1;
    let query = consent(flow.authorize_url()).await.ok_or(SignInError::Expired)?;
    let code = flow.callback(&query)?;
    flow.exchange(http, code, REDIRECT).await
}
