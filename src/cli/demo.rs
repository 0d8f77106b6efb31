//! `allmcp demo`: the whole way, with nothing but this machine.
//!
//! Starts the demo servers in this process, connects them in a throw-away home by the same code
//! as `allmcp connect`, and talks to a real `allmcp serve` over its pipes. Nothing of the user's
//! is read or written, and no keychain is touched.

mod talk;

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::DemoArgs,
};
use crate::{
    app::{self, ServeOptions},
    config::{self, Env, Paths},
    connect::{self, Ask, Consent, People, Request},
    demo,
    kind::{AuthKind, StoreKind},
    net::{self, Net},
    secret::Secret,
    task::{self, Shutdown},
};
use futures_util::future::BoxFuture;
use http::header::LOCATION;
use serde::Serialize;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// The whole demo takes a second or two; this ends one that hangs.
const LONGEST: Duration = Duration::from_mins(1);

/// One exchange of the transcript.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub title: String,
    /// What was sent, as it went over the wire.
    pub sent: Option<String>,
    pub received: String,
    /// What came back as people read it, a line each.
    #[serde(skip)]
    pub shown: Vec<String>,
}

impl Step {
    /// One that is no exchange.
    fn told(title: &str, what: String) -> Self {
        Self { title: title.to_owned(), sent: None, shown: vec![what.clone()], received: what }
    }
}

#[derive(Serialize)]
struct Document {
    steps: Vec<Step>,
}

pub(super) async fn run(cx: &Context, args: &DemoArgs) -> CliResult {
    let home = tempfile::Builder::new().prefix("allmcp-demo-").tempdir().map_err(|error| {
        CliError::failed("could not make a folder for the demo").because(&error)
    })?;
    let shutdown = Shutdown::new();
    let steps = tokio::time::timeout(LONGEST, prepare(home.path(), &shutdown))
        .await
        .map_err(|_| CliError::failed("the demo did not get ready within a minute"))??;
    let env = throw_away(home.path());
    let ended = if args.serve {
        let paths = Paths::resolve(&env)?;
        let served = app::serve(&paths, &Arc::new(env), ServeOptions::default()).await;
        served.map(|()| Exit::DONE).map_err(CliError::from)
    } else {
        converse(cx, home.path(), steps).await
    };
    shutdown.drain(Duration::from_secs(1)).await;
    ended
}

/// An environment that knows nothing but the throw-away home.
fn throw_away(home: &Path) -> Env {
    let text = home.to_string_lossy().into_owned();
    Env::of([
        ("ALLMCP_HOME".to_owned(), text.clone()),
        ("HOME".to_owned(), text),
        ("ALLMCP_STORE".to_owned(), "file".to_owned()),
    ])
}

/// Starts the servers and connects them.
async fn prepare(home: &Path, shutdown: &Shutdown) -> Result<Vec<Step>, CliError> {
    let no_port = |error| CliError::failed("could not listen on loopback").because(&error);
    let open = demo::start_open(shutdown).await.map_err(no_port)?;
    let protected = demo::start_protected(shutdown).await.map_err(no_port)?;
    let env = Arc::new(throw_away(home));
    let paths = Paths::resolve(&env)?;
    let settings = config::load(&paths, &env).settings;
    let vault = app::open_vault(&paths, &env, StoreKind::File);
    let deps = app::connect_deps(&paths, &env, &settings, vault, None);
    let consent = Obliging { net: deps.net.clone(), shutdown: shutdown.clone() };
    let people = People { ask: &Nobody, consent: &consent, patience: LONGEST };
    let mut steps = Vec::new();
    let what = "An MCP server, started in this process";
    for (title, name, server) in [
        (what.to_owned(), "demo", open),
        (format!("{what}, that wants a sign-in"), "notes", protected),
    ] {
        let url = server.url;
        let request = Request {
            name: Some(name.parse().map_err(|error| CliError::internal(format!("{error}")))?),
            url: url.clone(),
            ..Request::default()
        };
        let connected = connect::connect(&deps, request, people).await.map_err(|error| {
            CliError::failed(format!("could not connect {name}")).because(&error)
        })?;
        let how = match connected.auth {
            AuthKind::OAuth => "registered, signed in and connected",
            _ => "connected",
        };
        let tools = crate::text::count(connected.tools, "tool");
        steps.push(Step::told(&title, url.clone()));
        let command = format!("allmcp connect {url} --name {name}");
        steps.push(Step::told(&command, format!("{name}: {how}, {tools}")));
    }
    deps.shutdown.drain(Duration::from_secs(1)).await;
    Ok(steps)
}

/// Says yes to everything: what a user does in the browser, this does with a request.
struct Obliging {
    net: Net,
    shutdown: Shutdown,
}

impl Consent for Obliging {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        let (net, url) = (self.net.clone(), url.to_owned());
        self.shutdown.spawn("demo browser", async move {
            if let Err(error) = visit(&net, &url).await {
                tracing::warn!("the demo could not sign in: {error}");
            }
        });
    }

    fn elsewhere(&self, _url: Option<&str>, _expires_at: SystemTime) {}
}

/// Goes where a browser would go, and shows nothing.
async fn visit(net: &Net, url: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut page = Url::parse(url)?;
    for _ in 0..4 {
        let client = net.client(&page, net::CONNECT_TIMEOUT).await?;
        let response = client.get(page.clone()).send().await?;
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        match to {
            Some(to) => page = page.join(to)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The demo wants no secret.
struct Nobody;

impl Ask for Nobody {
    fn secret<'a>(
        &'a self,
        _name: &'a str,
        _host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        Box::pin(async { Err("the demo asks for nothing".to_owned()) })
    }
}

/// Talks to `allmcp serve` and prints what is said.
async fn converse(cx: &Context, home: &Path, mut steps: Vec<Step>) -> CliResult {
    let (binary, home) = (Context::binary()?, home.to_owned());
    let failed = |detail: String| CliError::failed(format!("the demo failed: {detail}"));
    let said = task::on_thread("demo client", LONGEST, move || talk::talk(&binary, &home))
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(failed)?;
    steps.extend(said);
    if cx.out.json() {
        cx.out.document("demo", &Document { steps })?;
        return Ok(Exit::DONE);
    }
    for step in &steps {
        cx.out.heading(&step.title)?;
        if let Some(sent) = &step.sent {
            cx.out.line(&format!("  → {}", crate::text::line(sent, 800)))?;
        }
        for (at, line) in step.shown.iter().enumerate() {
            let arrow = if at == 0 { '←' } else { ' ' };
            cx.out.line(&format!("  {arrow} {}", crate::text::clean(line)))?;
        }
        cx.out.line("")?;
    }
    cx.out.line("That is all there is to it, for as many servers as you like. Next:")?;
    cx.out.line("  allmcp connect https://…/mcp      add a server of yours")?;
    cx.out.line("  allmcp install claude-desktop     let Claude Desktop launch allmcp")?;
    Ok(Exit::DONE)
}
