//! The browser of the tests: a script that notes what it was opened with, and a user who plays.

use super::{authorize::CONSENT_HEADER, codec};
use reqwest::{Client, Method, redirect::Policy};
use std::{
    collections::HashSet,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Duration,
};
use url::Url;

/// How long a test waits for a tab.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one answer may take.
const PAGE_PATIENCE: Duration = Duration::from_secs(20);
/// Redirects until the browser gives up.
const HOPS: usize = 10;

/// Notes its arguments in a file of its own, whole before it is seen, and rings the bell. The
/// bell is opened for both directions, so that nobody waits for a reader who has gone.
const SCRIPT: &str = r#"#!/bin/sh
here='$HERE'
n=0
until (set -C; : >"$here/$n.claim") 2>/dev/null; do n=$((n + 1)); done
printf '%s\0' "$#" "$@" >"$here/$n.part"
mv "$here/$n.part" "$here/$n.tab"
printf x 1<>"$here/bell"
"#;

/// What the user does with a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Consent,
    /// Says no on the page of the server.
    Deny,
    /// Comes back with another `state`.
    BadState,
    /// Comes back without `state`.
    NoState,
    /// Comes back twice with the same.
    Twice,
    /// Comes back with another `iss`.
    WrongIss,
    /// Comes back under the `Host` of somebody else, as after DNS rebinding.
    ForeignHost,
    /// Comes back to another path.
    OtherPath,
    /// Comes back by POST.
    Post,
    /// Comes back with `<script>` in every parameter.
    Markup,
    /// Comes back with `<script>` in an error, and the right state.
    MarkupError,
    /// Looks at the server's page and never comes back.
    Never,
    /// Comes back after this time.
    Slow(Duration),
}

/// One answer that the browser got.
#[derive(Debug, Clone)]
pub struct Page {
    pub url: String,
    /// 0: no answer; the body says why.
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// One start of the browser.
#[derive(Debug, Clone, Default)]
pub struct Tab {
    /// All arguments, as they came.
    pub args: Vec<String>,
    /// Every answer in its order, redirects too.
    pub pages: Vec<Page>,
    /// The user has done all that the mode says.
    pub done: bool,
}

impl Tab {
    /// The URL it was opened with.
    pub fn url(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// A parameter of that URL.
    pub fn param(&self, name: &str) -> Option<String> {
        let url = Url::parse(self.url()).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The page that the user sees in the end.
    #[track_caller]
    pub fn last(&self) -> &Page {
        self.pages.last().unwrap_or_else(|| panic!("no page in {self:?}"))
    }

    /// The pages of the loopback callback.
    pub fn callbacks(&self) -> Vec<&Page> {
        let callback = self.param("redirect_uri").unwrap_or_default();
        let origin = Url::parse(&callback).map(|url| url.origin());
        let is_there = |page: &&Page| {
            origin.is_ok() && Url::parse(&page.url).map(|url| url.origin()) == origin
        };
        self.pages.iter().filter(is_there).collect()
    }
}

/// A command for `BROWSER` and the user behind it.
pub struct TestBrowser {
    folder: PathBuf,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    http: Client,
    mode: Mutex<(Mode, bool)>,
    tabs: Mutex<Vec<Tab>>,
    changed: Condvar,
}

impl TestBrowser {
    /// A browser with its files in a folder of its own below `folder`.
    pub fn start(folder: &Path, mode: Mode) -> Self {
        let folder = folder.join(codec::random("browser-"));
        fs::create_dir(&folder).unwrap();
        let bell = folder.join("bell");
        assert!(Command::new("mkfifo").arg(&bell).status().unwrap().success(), "mkfifo");
        let command = folder.join("open");
        fs::write(&command, SCRIPT.replace("$HERE", folder.to_str().unwrap())).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&command, executable).unwrap();
        let http = Client::builder().no_proxy().redirect(Policy::none()).timeout(PAGE_PATIENCE);
        let shared = Arc::new(Shared {
            http: http.build().unwrap(),
            mode: Mutex::new((mode, false)),
            tabs: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        // Opened before anybody can ring.
        let mut ear = fs::File::options().read(true).write(true).open(&bell).unwrap();
        let (handle, watched, player) =
            (runtime.handle().clone(), folder.clone(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let (mut ring, mut seen) = ([0], HashSet::new());
            while ear.read_exact(&mut ring).is_ok() && ring != *b"q" {
                // One bell may stand for many tabs, and a number may be missing: a script that
                // was killed has claimed it for nothing.
                for file in fs::read_dir(&watched).unwrap().flatten().map(|entry| entry.path()) {
                    let is_tab = file.extension().is_some_and(|end| end == "tab");
                    if is_tab && seen.insert(file.clone()) {
                        let at = player.open(&fs::read(file).unwrap());
                        let player = Arc::clone(&player);
                        handle.spawn(async move { player.play(at).await });
                    }
                }
            }
        });
        Self { folder, shared, runtime: Some(runtime), thread: Some(thread) }
    }

    /// What `BROWSER` has to be.
    pub fn command(&self) -> PathBuf {
        self.folder.join("open")
    }

    /// What the user does from the next tab on.
    pub fn mode(&self, mode: Mode) {
        self.shared.mode.lock().unwrap().0 = mode;
    }

    /// After what the mode says, the user comes back as is right, too.
    pub fn then_consents(&self, then: bool) {
        self.shared.mode.lock().unwrap().1 = then;
    }

    /// Every tab, also those under way.
    pub fn tabs(&self) -> Vec<Tab> {
        self.shared.tabs.lock().unwrap().clone()
    }

    /// Waits until so many tabs are done; fails after 30 s with those that are.
    pub fn wait_tabs(&self, count: usize) -> Vec<Tab> {
        self.wait(&format!("{count} tabs that are done"), |tabs| {
            tabs.iter().filter(|tab| tab.done).count() >= count
        })
    }

    /// Waits until so many tabs were opened.
    pub fn wait_opened(&self, count: usize) -> Vec<Tab> {
        self.wait(&format!("{count} tabs"), |tabs| tabs.len() >= count)
    }

    fn wait(&self, what: &str, done: impl Fn(&[Tab]) -> bool) -> Vec<Tab> {
        let tabs = self.shared.tabs.lock().unwrap();
        let waited = self.shared.changed.wait_timeout_while(tabs, PATIENCE, |tabs| !done(tabs));
        let (guard, timeout) = waited.unwrap();
        let tabs = guard.clone();
        drop(guard);
        assert!(!timeout.timed_out(), "waited in vain for {what}; there is {tabs:#?}");
        tabs
    }
}

impl Drop for TestBrowser {
    fn drop(&mut self) {
        if let Ok(mut bell) = fs::File::options().read(true).write(true).open(self.bell()) {
            let _ = bell.write_all(b"q");
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl TestBrowser {
    fn bell(&self) -> PathBuf {
        self.folder.join("bell")
    }
}

impl Shared {
    /// Notes a tab: the count of its arguments, then each, with NUL behind.
    fn open(&self, bytes: &[u8]) -> usize {
        let text = String::from_utf8_lossy(bytes);
        let mut parts = text.split('\0');
        let count = parts.next().and_then(|count| count.parse().ok()).unwrap_or(0);
        let args: Vec<String> = parts.take(count).map(str::to_owned).collect();
        let mut tabs = self.tabs.lock().unwrap();
        tabs.push(Tab { args, ..Tab::default() });
        self.changed.notify_all();
        tabs.len() - 1
    }

    async fn play(&self, at: usize) {
        let (mode, then_consents) = *self.mode.lock().unwrap();
        let url = self.tabs.lock().unwrap()[at].url().to_owned();
        let callback = self.tabs.lock().unwrap()[at].param("redirect_uri");
        // Anything else is for other programs than a browser.
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        if is_web && let Some(back) = self.consent(at, mode, &url, callback.as_deref()).await {
            self.come_back(at, mode, &back).await;
            if then_consents {
                self.get(at, &back).await;
            }
        }
        self.tabs.lock().unwrap()[at].done = true;
        self.changed.notify_all();
    }

    /// Follows redirects until one leads to the callback, and says where that is.
    async fn consent(
        &self,
        at: usize,
        mode: Mode,
        url: &str,
        callback: Option<&str>,
    ) -> Option<String> {
        let mut url = url.to_owned();
        for _ in 0..HOPS {
            let says = (mode == Mode::Deny).then_some((CONSENT_HEADER, "deny"));
            let page = self.visit(at, Method::GET, &url, says).await;
            let to = page.header("location")?;
            let next = Url::parse(&url).ok()?.join(to).ok()?;
            url = next.into();
            let is_back = callback.is_some_and(|callback| url.starts_with(callback));
            if is_back {
                return (mode != Mode::Never).then_some(url);
            }
        }
        None
    }

    async fn come_back(&self, at: usize, mode: Mode, back: &str) {
        let mut url = Url::parse(back).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut set = |change: &dyn Fn(&str, &str) -> Option<String>| {
            let changed =
                pairs.iter().filter_map(|(key, value)| Some((key.clone(), change(key, value)?)));
            url.set_query(Some(&codec::form(changed)));
        };
        let keep = |value: &str| Some(value.to_owned());
        match mode {
            Mode::Consent | Mode::Deny | Mode::Never => {}
            Mode::Slow(time) => tokio::time::sleep(time).await,
            Mode::Twice => {
                self.get(at, back).await;
            }
            Mode::BadState => set(&|key, value| match key {
                "state" => Some("somebody-elses".into()),
                _ => keep(value),
            }),
            Mode::NoState => set(&|key, value| if key == "state" { None } else { keep(value) }),
            Mode::WrongIss => {
                set(&|key, value| if key == "iss" { None } else { keep(value) });
                url.query_pairs_mut().append_pair("iss", "https://mixed-up.example");
            }
            Mode::Markup => set(&|_, value| Some(format!("<script>alert(1)</script>{value}"))),
            Mode::MarkupError => {
                set(&|key, value| if key == "code" { None } else { keep(value) });
                url.query_pairs_mut()
                    .append_pair("error", "<script>alert(1)</script>")
                    .append_pair("error_description", "\u{1b}[31m<img src=x onerror=alert(2)>")
                    .append_pair("error_uri", "javascript:alert(3)");
            }
            Mode::OtherPath => url.set_path("/elsewhere"),
            Mode::ForeignHost => {
                self.visit(at, Method::GET, url.as_str(), Some(("host", "evil.example"))).await;
                return;
            }
            Mode::Post => {
                self.visit(at, Method::POST, url.as_str(), None).await;
                return;
            }
        }
        self.get(at, url.as_str()).await;
    }

    async fn get(&self, at: usize, url: &str) -> Page {
        self.visit(at, Method::GET, url, None).await
    }

    async fn visit(
        &self,
        at: usize,
        method: Method,
        url: &str,
        header: Option<(&str, &str)>,
    ) -> Page {
        let mut request = self.http.request(method, url).header("accept", "text/html");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let mut page = Page {
            url: url.to_owned(),
            status: 0,
            headers: http::HeaderMap::new(),
            body: String::new(),
        };
        match request.send().await {
            Ok(response) => {
                page.status = response.status().as_u16();
                page.headers = response.headers().clone();
                page.body = response.text().await.unwrap_or_else(|error| error.to_string());
            }
            Err(error) => page.body = error.to_string(),
        }
        self.tabs.lock().unwrap()[at].pages.push(page.clone());
        self.changed.notify_all();
        page
    }
}
