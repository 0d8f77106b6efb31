//! A stand-in authorization server, the MCP servers it protects, and a browser.
//!
//! It plays the other side of a sign-in over real HTTP, from the standards and from what real
//! servers do; it knows nothing of the product. A strict and complete server is the default, and
//! [`Quirks`] and [`ResourceQuirks`] have a switch for each deviation.
//!
//! ```ignore
//! let server = AuthServer::start(Quirks { require_resource: true, ..Quirks::default() });
//! let resource = Resource::start(&server, Script::legacy());
//! let browser = TestBrowser::start(env.scratch(), Mode::Consent);
//! env.var("BROWSER", browser.command());
//! env.cmd(&["connect", "thing", "--url", &resource.url()]).success();
//! assert_eq!(browser.wait_tabs(1)[0].last().status, 200);
//! assert_eq!((server.counts().registrations, server.counts().consents), (1, 1));
//!
//! server.reject_access_tokens();
//! server.set(|quirks| quirks.refresh_fail.push_back(TokenFail::Html500));
//! // … calls …
//! assert_eq!(server.counts().refreshes_ok, 1);
//! assert!(server.refresh_sent().values().all(|times| *times == 1));
//! ```
//!
//! Every secret it makes starts with a canary: `canary-at-` access tokens, `canary-rt-` refresh
//! tokens, `canary-cs-` client secrets, `canary-code-` codes, `canary-dc-` device codes,
//! `canary-rat-` registration tokens.

mod answer;
mod authorize;
#[cfg(unix)]
pub mod browser;
mod client_auth;
pub mod codec;
mod device;
mod grants;
mod kinds;
mod metadata;
pub mod quirks;
pub mod record;
mod register;
mod resource;
mod server;
mod state;
mod token;

#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use self::{
    quirks::*,
    record::{Counts, Params, TokenRequest},
    resource::{Challenge, Prm, PrmResource, Resource, ResourceQuirks},
    server::AuthServer,
    state::Client,
};
#[cfg(unix)]
#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use browser::{Mode, Page, Tab, TestBrowser};
