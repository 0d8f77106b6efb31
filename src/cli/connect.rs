//! `allmcp connect`, and how connecting is told.

use super::{
    consent::{Asking, CONSENT},
    context::Context,
    error::{CliError, CliResult, Kind},
    exit::Exit,
    grammar::{self, ConnectArgs, SignInArgs},
    provider::{self, AtTerminal},
    secrets::{self, Terminal},
};
use crate::{
    app,
    auth::{AuthError, AuthErrorKind, OAuthConfig, ResourceRule, SignInError},
    catalog::Registry,
    config::Settings,
    connect::{self, ConnectError, Connected, How, People, Request, prepare},
    kind::{AuthKind, StoreKind},
    name::ConnectionName,
    secret::Secret,
    template::Hole,
    text,
    ui::{Mark, PromptError},
    upstream::{ErrorKind, UpstreamError},
    vault::VaultError,
};
use serde::Serialize;
use std::collections::BTreeMap;
use url::Url;

/// One line of the stream (contract section 3).
#[derive(Serialize)]
struct ConnectedEvent<'a> {
    schema: &'static str,
    event: &'static str,
    name: &'a str,
    tools: usize,
    already: bool,
    dry_run: bool,
}

pub(super) async fn run(cx: &Context, args: ConnectArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    let is_url = args.target.contains("://");
    let manifest = match is_url {
        true => None,
        false if args.target.contains(['.', '/', ':']) => return Err(no_url(&args.target)),
        false => Some(provider::find(cx, &args.target)?),
    };
    if args.tools.iter().any(String::is_empty) {
        return Err(CliError::usage("--tools wants a glob, and one is empty"));
    }
    if is_url && args.base_url.is_some() {
        return Err(CliError::usage("--base-url is for providers; give the URL itself"));
    }
    let kind = store(&settings, args.store, args.name.as_ref())?;
    let secrets = secrets::given(&args.secrets)?;
    let vault = cx.vault(&settings, Some(kind));
    let remember = (args.store.is_some() || settings.remembered_store.is_none()).then_some(kind);
    let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, remember);
    let ask = Terminal::new(cx);
    let browser = cx.browser(&settings, &args.sign_in.browser);
    let consent = Asking::new(cx, "allmcp.connect/1", browser.clone());
    let shown = args.target.clone();
    let work = async {
        let request = match manifest {
            None => by_url(cx, &args, secrets)?,
            Some(manifest) => {
                let page = browser.clone().filter(|it| !args.dry_run && it.can_open());
                let at = AtTerminal::new(&ask, page.is_some());
                let given = provider::given(cx, args, manifest, secrets);
                match prepare::request(&deps, &at, given.clone()).await {
                    Ok(request) => request,
                    Err(error) => {
                        provider::told(error, &at)?;
                        return provider::by_page(cx, &deps, &consent, given).await;
                    }
                }
            }
        };
        let people = People { ask: &ask, consent: &consent, patience: CONSENT };
        let provider = request.provider.clone();
        match cx.out.waiting("connecting", connect::connect(&deps, request, people)).await {
            Ok(connected) => tell(cx, "connect", &connected),
            Err(error) => {
                let hint = provider::another_key(&error, provider.as_ref());
                Err(told(error, &shown, ask.failure()).better_hint(hint))
            }
        }
    };
    ask.interruptible(&deps.shutdown, Box::pin(work)).await
}

/// What the flags say of a server by its URL.
fn by_url(
    cx: &Context,
    args: &ConnectArgs,
    secrets: BTreeMap<String, Secret<String>>,
) -> Result<Request, CliError> {
    let auth = args.auth.as_deref().map(grammar::auth).transpose();
    let auth = auth.map_err(|why| CliError::usage(format!("--auth: {why}")))?;
    let headers = args.headers.iter();
    let url = args.name.is_none().then(|| Url::parse(&args.target).ok()).flatten();
    let known_as = url.and_then(|url| Registry::new(cx.paths.providers()).by_url(&url));
    Ok(Request {
        known_as: known_as.and_then(|id| id.parse().ok()),
        name: args.name.clone(),
        url: args.target.clone(),
        auth,
        headers: headers.map(|h| (h.name.to_string(), h.value.clone())).collect(),
        params: args.params.iter().map(|p| (p.key.clone(), p.value.clone())).collect(),
        allow: args.tools.clone(),
        oauth: oauth(args.sign_in.clone()),
        secrets,
        force: args.force,
        dry_run: args.dry_run,
        tenant: cx.tenant.clone(),
        timeout: None,
        provider: None,
    })
}

/// What the flags say of a sign-in.
pub(super) fn oauth(args: SignInArgs) -> OAuthConfig {
    let resource = resource_rule(args.resource);
    OAuthConfig {
        client_id: args.client_id,
        client_metadata_url: args.client_metadata_url,
        scopes: args.scopes.iter().flat_map(|s| s.split_whitespace()).map(str::to_owned).collect(),
        resource,
        callback_port: args.callback_port.filter(|port| *port != 0),
        ..OAuthConfig::default()
    }
}

/// What `--resource` says.
pub(super) fn resource_rule(given: Option<String>) -> ResourceRule {
    match given {
        None => ResourceRule::Announced,
        Some(none) if none == "none" => ResourceRule::Never,
        Some(resource) => ResourceRule::Exactly(resource),
    }
}

/// Neither a URL nor, in this version, the name of a provider.
fn no_url(target: &str) -> CliError {
    if target.contains(['.', '/', ':']) && !target.contains('@') {
        let near_by =
            ["localhost", "127.0.0.1", "[::1]"].iter().any(|here| target.starts_with(here));
        let url = format!("{}://{target}", if near_by { "http" } else { "https" });
        return CliError::usage(format!("{:?} is not a URL", text::line(target, 200)))
            .hint(format!("allmcp connect {}", text::word(&url, 200)));
    }
    let told = format!("there is no provider {:?} in this version", text::line(target, 200));
    CliError::new(Kind::NotFound, told)
        .hint("give the URL of the server: allmcp connect https://…/mcp")
}

/// Where the secrets go. All of them are in one place: those of other connections would be out
/// of reach from the moment it is another one.
fn store(
    settings: &Settings,
    given: Option<StoreKind>,
    name: Option<&ConnectionName>,
) -> Result<StoreKind, CliError> {
    let kept = settings.remembered_store.or(settings.store);
    if let (Some(given), Some(kept)) = (given, kept)
        && given != kept
    {
        let others = settings.connections.iter();
        let others = others.filter(|c| c.auth != AuthKind::None && Some(&c.name) != name);
        let others: Vec<&str> = others.map(|c| c.name.as_str()).collect();
        if !others.is_empty() {
            return Err(CliError::usage(format!(
                "--store {given}: the keys of {} are kept in {kept}, and all are kept in one place",
                others.join(", ")
            ))
            .hint(format!(
                "allmcp config set settings.store {given}, then allmcp reconnect for each of them"
            )));
        }
    }
    Ok(given.or(settings.store).unwrap_or(StoreKind::Keychain))
}

/// Says how it ended well, and forgets what was known of the connection before.
pub(super) fn tell(cx: &Context, command: &str, connected: &Connected) -> CliResult {
    let Connected { name, auth, tools, how } = connected;
    let changed = !matches!(how, How::Already { .. } | How::WouldBe);
    // Off a terminal the events are what a script or an agent waits for.
    if cx.out.json() || !cx.out.terminal().stdout {
        cx.out.event(&ConnectedEvent {
            schema: if command == "connect" { "allmcp.connect/1" } else { "allmcp.reconnect/1" },
            event: "connected",
            name: name.as_str(),
            tools: *tools,
            already: matches!(how, How::Already { .. }),
            dry_run: *how == How::WouldBe,
        })?;
    } else {
        let how = match how {
            How::Already { .. } => "already connected",
            How::WouldBe => "would be connected (dry run, nothing saved)",
            How::Renewed if *auth == AuthKind::Key => "connected with the new key",
            How::Renewed if *auth == AuthKind::OAuth => "signed in again",
            _ if *auth == AuthKind::Key => "connected with a key",
            _ if *auth == AuthKind::OAuth => "connected, signed in",
            _ => "connected",
        };
        let told = format!("{name}: {how}, {}", text::count(*tools, "tool"));
        cx.out.marked(Mark::Good, &told)?;
    }
    if *how == (How::Already { key_unused: true }) {
        cx.out.warn(&format!(
            "the key was not used; to put it in the place of the stored one: allmcp reconnect {name}"
        ));
    }
    if changed {
        cx.out.note(&format!(
            "allmcp tools {name} lists what it offers; running servers take it up by themselves"
        ));
    }
    Ok(Exit::DONE)
}

/// What a failure to connect looks like. `asked` is why a question had no answer.
pub(super) fn told(error: ConnectError, url: &str, asked: Option<PromptError>) -> CliError {
    if let Some(interrupted @ PromptError::Interrupted) = asked {
        return interrupted.into();
    }
    let text = error.to_string();
    match error {
        ConnectError::Refused(_) | ConnectError::Url { .. } => CliError::usage(text),
        ConnectError::Taken { name, .. } => CliError::usage(text)
            .on(name.as_str())
            .hint("choose another --name, or replace it with --force"),
        ConnectError::Missing(_) => match asked {
            Some(asked) => asked.into(),
            None => CliError::usage(text),
        },
        ConnectError::Unset { hole } => {
            let hint = match &hole {
                Hole::Param(name) => format!("give --param {name}=VALUE"),
                Hole::Env(name) => format!("set the environment variable {name}"),
                Hole::UserId => "give --user USER".to_owned(),
                Hole::OrgId => "give --org ORG --user USER".to_owned(),
                Hole::Secret(name) => format!("give --secret-file {name}=FILE"),
            };
            CliError::usage(text).hint(hint)
        }
        ConnectError::Store { source, .. } => not_kept(source),
        ConnectError::SignInWanted { name, .. } => {
            CliError::needs_auth(name.as_str(), text).hint(format!(
                "with a key: allmcp connect {} --name {name} --auth key --token-stdin",
                text::word(url, 300)
            ))
        }
        ConnectError::WrongKey { name, .. } => CliError::needs_auth(name.as_str(), text).hint(
            "check the key; one that is no bearer token needs --header 'NAME: ${secret:token}'",
        ),
        ConnectError::NotTaken { name, .. } => CliError::needs_auth(name.as_str(), text)
            .hint("the account may have no access to it; run the same command to choose another"),
        ConnectError::SignIn { name, error } => sign_in_failed(&name, &error),
        ConnectError::Auth(AuthError::Vault { name, source }) => {
            CliError { message: text, ..not_kept(source) }.on(name.as_str())
        }
        ConnectError::Auth(error) => match error.kind() {
            AuthErrorKind::Transient => CliError::new(Kind::Unreachable, text),
            AuthErrorKind::Store => CliError::new(Kind::Store, text),
            AuthErrorKind::NeedsAuth => CliError::new(Kind::NeedsAuth, text),
            AuthErrorKind::Config => CliError::failed(text),
        },
        ConnectError::Upstream(error) => not_connected(error, url),
        ConnectError::Port { name, .. } => CliError::failed(text).on(name.as_str()).hint(
            "free it, or choose another that the server knows: --callback-port PORT, or \
             callback_port in the [connections.NAME.oauth] table",
        ),
        ConnectError::Save(_) => CliError::failed(text),
    }
}

/// The store took nothing, and whatever was got for it is lost: it has to be got once more.
fn not_kept(source: VaultError) -> CliError {
    let has_no_room = matches!(source, VaultError::Other { .. });
    let told = CliError::from(source);
    if has_no_room { told.hint("mend that, then run the same command again") } else { told }
}

/// The sign-in came to nothing, and nothing was saved.
fn sign_in_failed(name: &ConnectionName, error: &SignInError) -> CliError {
    let text = error.to_string();
    let told = match error {
        SignInError::Transient { .. } => CliError::new(Kind::Unreachable, text)
            .hint("try the same again in a while; nothing is lost"),
        SignInError::Expired => CliError::new(Kind::Timeout, text)
            .hint("run the same command again; --no-browser takes the answer of another machine"),
        SignInError::NoClient { .. } | SignInError::Config { .. } => CliError::usage(text),
        SignInError::Denied { .. } => CliError::needs_auth(name.as_str(), text),
        SignInError::NotOffered { .. } => {
            CliError::needs_auth(name.as_str(), text).hint("with a key: --auth key --token-stdin")
        }
        SignInError::Refused { .. } | SignInError::Server { .. } => {
            CliError::needs_auth(name.as_str(), text)
        }
    };
    told.on(name.as_str())
}

/// There is no connection yet whose name would say anything: the URL is what was given.
fn not_connected(error: UpstreamError, url: &str) -> CliError {
    let detail = error.detail.clone();
    // Nothing was saved that could be connected again.
    let wanted = match &error.kind {
        ErrorKind::NeedsScope { scope } => Some(scope.clone()),
        ErrorKind::NeedsAuth => Some(None),
        _ => None,
    };
    let unreached = matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout);
    let mut told = CliError::from(error);
    told.message = format!("could not connect {}", text::line(url, 300));
    told.causes = vec![detail];
    if let Some(scope) = wanted {
        told.hint = Some(match scope {
            Some(scope) => {
                format!("run the same command with --scope {}", text::word(&scope, 200))
            }
            None => "run the same command again".to_owned(),
        });
    }
    if unreached {
        told.hint = Some("check the URL, and that the server is running".to_owned());
    }
    told
}
