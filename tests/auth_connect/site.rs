//! One machine, a protected server, its authorization server and a browser.

use crate::support::{
    authorization::{AuthServer, Mode, Quirks, Resource, ResourceQuirks, Tab, TestBrowser, codec},
    cli::is_lock,
    env::{Cmd, Output, TestEnv},
    script::{Script, Tool},
};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

pub(crate) struct Site {
    pub(crate) env: TestEnv,
    pub(crate) server: AuthServer,
    pub(crate) resource: Resource,
    pub(crate) browser: TestBrowser,
    /// Of the connection. Another one in every test: the port of the callback comes from it, and
    /// tests run side by side.
    pub(crate) name: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Quirks::default(), ResourceQuirks::default())
    }

    pub(crate) fn of(change: impl FnOnce(&mut Quirks)) -> Self {
        let mut quirks = Quirks::default();
        change(&mut quirks);
        Self::with(quirks, ResourceQuirks::default())
    }

    pub(crate) fn with(quirks: Quirks, resource: ResourceQuirks) -> Self {
        let server = AuthServer::start(quirks);
        let script = Script::legacy().tool(Tool::echo("second"));
        let resource = Resource::start_with(&server, script, resource);
        let mut env = TestEnv::new();
        let browser = TestBrowser::start(env.scratch(), Mode::Consent);
        env.var("BROWSER", browser.command());
        Self { env, server, resource, browser, name: format!("c{:08x}", fastrand::u32(..)) }
    }

    /// `connect` of the server, still to be run.
    pub(crate) fn command(&self, more: &[&str]) -> Cmd {
        let url = self.resource.url();
        let mut args = vec!["connect", &url, "--name", &self.name];
        args.extend(more);
        self.env.command(&args)
    }

    #[must_use = "did it succeed?"]
    pub(crate) fn connect(&self, more: &[&str]) -> Output {
        self.command(more).run()
    }

    #[must_use = "did it succeed?"]
    pub(crate) fn call(&self) -> Output {
        self.env.cmd(&["call", &self.name, "echo", "a=b"])
    }

    #[must_use = "did it succeed?"]
    pub(crate) fn reconnect(&self) -> Output {
        self.env.cmd(&["reconnect", &self.name])
    }

    /// The public name of a tool.
    pub(crate) fn tool(&self, tool: &str) -> String {
        format!("{}__{tool}", self.name)
    }

    /// Connected with one tab, which is done.
    #[track_caller]
    pub(crate) fn signed_in(self) -> Self {
        let output = self.connect(&[]).success();
        assert_eq!(self.tabs().len(), 1, "{output:?}");
        self
    }

    /// All tabs, done.
    #[track_caller]
    pub(crate) fn tabs(&self) -> Vec<Tab> {
        let count = self.browser.tabs().len();
        self.browser.wait_tabs(count)
    }

    /// What the store holds of the sign-in.
    pub(crate) fn oauth(&self) -> Value {
        self.env.stored(&self.name)["oauth"].clone()
    }

    /// What the state folder knows of it.
    pub(crate) fn facts(&self) -> Value {
        let folder = self.env.allmcp_home().join("state/grants");
        let mut found = Value::Null;
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_facts = file.path().extension().is_some_and(|end| end == "json");
            if is_facts {
                found = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            }
        }
        found
    }

    /// No entry, no tokens, no cache, no tab.
    #[track_caller]
    pub(crate) fn nothing_came_of_it(&self) {
        assert!(!self.env.read_config().contains("[connections"), "{}", self.env.read_config());
        assert!(self.oauth()["grant"].is_null(), "{}", self.oauth());
        let mut lists = self.env.files();
        lists.retain(|file| file.starts_with("cache/") && !is_lock(file));
        assert!(lists.is_empty(), "{lists:?}");
    }
}

/// A browser of one's own, for what no other does: it follows nothing by itself.
pub(crate) struct Hand(reqwest::Client, tokio::runtime::Runtime);

/// What it got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Hand {
    pub(crate) fn new() -> Self {
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        Self(http.build().unwrap(), runtime)
    }

    /// Nothing where there is no answer.
    pub(crate) fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Option<Got> {
        let mut request = self.0.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.1.block_on(async {
            let response = request.send().await.ok()?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Some(Got { status, headers, body: response.text().await.ok()? })
        })
    }

    #[track_caller]
    pub(crate) fn get(&self, url: &str) -> Got {
        self.try_send("GET", url, &[]).unwrap_or_else(|| panic!("no answer from {url}"))
    }

    /// Says yes on the page of the server; the URL that it sends the browser back to.
    #[track_caller]
    pub(crate) fn consent(&self, url: &str) -> Url {
        self.answer(url, &[])
    }

    /// Says no there.
    #[track_caller]
    pub(crate) fn deny(&self, url: &str) -> Url {
        self.answer(url, &[("x-stand-in-consent", "deny")])
    }

    #[track_caller]
    fn answer(&self, url: &str, headers: &[(&str, &str)]) -> Url {
        let got = self.try_send("GET", url, headers).unwrap();
        let to = got.headers.get("location").unwrap_or_else(|| panic!("no way back: {got:?}"));
        Url::parse(to.to_str().unwrap()).unwrap()
    }
}

/// The parameters of a URL.
pub(crate) fn query(url: &str) -> BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// `url` with other parameters; an empty value takes one away.
pub(crate) fn with(url: &Url, changes: &[(&str, &str)]) -> String {
    let mut pairs = query(url.as_str());
    for (name, value) in changes {
        pairs.insert((*name).to_owned(), (*value).to_owned());
    }
    pairs.retain(|_, value| !value.is_empty());
    let mut url = url.clone();
    url.set_query(Some(&codec::form(pairs)));
    url.into()
}
