//! What every remote MCP server of a vendor has in common: a stand-in with its sign-in or with its
//! key, a browser, and the traps that are told.

use crate::{
    rig::Rig,
    support::{
        authorization::{
            AuthServer, Mode, Quirks, Resource, ResourceQuirks, Rotation, TestBrowser,
        },
        env::Output,
        script::{Auth, Script, Tool},
        upstream::Upstream,
    },
};

/// What the vendor gave.
pub(crate) const KEY: &str = "vendor-key-canary-1";
/// What is none, or is none any more.
pub(crate) const WRONG: &str = "vendor-wrong-canary";

/// A server at `path` with these tools.
pub(crate) fn script(path: &str, tools: &[&str]) -> Script {
    let script = Script::legacy().tools(tools.iter().map(|tool| Tool::echo(tool)));
    Script { path: path.to_owned(), ..script }
}

/// One that takes [`KEY`] as a bearer token and nothing else.
pub(crate) fn keyed(script: Script) -> Upstream {
    Upstream::start(script.auth(Auth::bearer(KEY)))
}

/// `connect` with a key, at a stand-in.
#[must_use = "did it succeed?"]
pub(crate) fn with_key(rig: &Rig, origin: &str, more: &[&str], key: &str) -> Output {
    let args = [&[rig.name, "--base-url", origin, "--token-stdin"], more].concat();
    rig.connect(&args, key)
}

/// A key that is none: the vendor's own page is named, and nothing is kept.
#[track_caller]
pub(crate) fn explains_a_wrong_key(rig: &Rig, origin: &str, page: &str) {
    let output = with_key(rig, origin, &[], WRONG).code(4);
    assert!(output.stderr().contains("did not accept the key"), "{}", output.stderr());
    assert!(output.stderr().contains(page), "{page} is not in {}", output.stderr());
    assert!(!rig.env.read_config().contains("[connections"), "{}", rig.env.read_config());
}

/// The traps are told by `connect`, whose end is `output`, and by `catalog show`.
#[track_caller]
pub(crate) fn warns(rig: &Rig, title: &str, output: &Output, traps: &[&str]) {
    let shown = rig.run(&["catalog", "show", rig.name], "").success();
    for trap in traps {
        let warning = format!("warning: {title}: {trap}");
        assert!(output.stderr().contains(&warning), "{warning} is not in {}", output.stderr());
        assert!(shown.stdout().contains(&format!("  - {trap}")), "{}", shown.stdout());
    }
    let told = output.stderr().lines().filter(|line| line.starts_with("warning: ")).count();
    assert_eq!(told, traps.len(), "{}", output.stderr());
}

/// A vendor with a sign-in.
pub(crate) struct Vendor {
    pub(crate) rig: Rig,
    pub(crate) server: AuthServer,
    pub(crate) resource: Resource,
    pub(crate) browser: TestBrowser,
}

impl Vendor {
    /// With an authorization server of its own origin, as those that are built on Cloudflare's
    /// `workers-oauth-provider`: Cloudflare itself, Linear and Notion.
    pub(crate) fn on_one_origin(name: &'static str, script: Script, rotation: Rotation) -> Self {
        let quirks = Quirks { rotation, ..Quirks::default() };
        let resource = ResourceQuirks { hosts_server: true, ..ResourceQuirks::default() };
        Self::new(name, script, quirks, resource)
    }

    pub(crate) fn new(
        name: &'static str,
        script: Script,
        quirks: Quirks,
        resource: ResourceQuirks,
    ) -> Self {
        let server = AuthServer::start(quirks);
        let resource = Resource::start_with(&server, script, resource);
        let mut rig = Rig::new(name);
        let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
        rig.env.var("BROWSER", browser.command());
        Self { rig, server, resource, browser }
    }

    #[must_use = "did it succeed?"]
    pub(crate) fn connect(&self, more: &[&str], stdin: &str) -> Output {
        let origin = self.resource.origin();
        self.rig.connect(&[&[self.rig.name, "--base-url", &origin], more].concat(), stdin)
    }

    /// Everything that was called came with a token and to this path.
    #[track_caller]
    pub(crate) fn called_at(&self, path: &str) {
        let calls = self.resource.requests_of("tools/call");
        assert!(!calls.is_empty());
        for call in &calls {
            assert_eq!(call.target, path);
            let bearer = call.header("authorization").unwrap_or_default();
            assert!(bearer.starts_with("Bearer canary-at-"), "{call:?}");
        }
    }

    /// Nobody saw what was signed in with; at the end it is taken back, and nothing is left.
    #[track_caller]
    pub(crate) fn ends(&self) {
        self.rig.nothing_leaked(&["canary-code-"], &["canary-at-"]);
        let _ = self.rig.run(&["disconnect", self.rig.name, "--yes"], "").success();
        self.rig.nothing_leaked(&["canary-code-", "canary-at-", "canary-rt-"], &[]);
    }
}
