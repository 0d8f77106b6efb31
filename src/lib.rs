//! One local MCP server in front of many remote ones, with credentials in the OS keychain.
//!
//! # Layout
//!
//! Each room opens with what it owns, whom it may name and who calls it. From the ground up:
//!
//! * leaves, named by everybody: [`name`], [`kind`] (the closed sets of words), [`secret`],
//!   [`template`] (`${…}` texts), [`text`] (the one sanitizer), [`task`] (the one spawn),
//!   [`disk`] (atomic files, locks, shared logs), [`log`], [`wire`] (JSON-RPC as bytes)
//! * [`net`]: the one HTTP client factory · [`config`] · [`catalog`]: what a provider is · [`vault`]: keeps secrets · [`store`]:
//!   keeps facts
//! * [`auth`]: credentials, ready to be sent · [`upstream`]: one connection · [`connect`]: the
//!   one way to add one
//! * [`hub`]: many connections as one · [`serve`]: the client edge
//! * [`clients`]: other programs' configuration · [`demo`]: the servers of `allmcp demo`
//! * [`app`]: the composition root · [`ui`]: stdout is data, stderr is people · [`cli`]
//!
//! Who may name whom is a table in `tests/architecture.rs`, which also keeps the rooms free of
//! cycles. Three walls stand elsewhere than first drawn: `kind` and `template` are leaves of their
//! own, because configuration, sign-in and upstreams speak of the same words and neither may
//! name the other; `connect` may name `net`, because a trial session needs the shared clients and
//! nothing else hands them on; and `hub` may name `page`, because the page that asks for an approval
//! is answered by what the hub is about to do.
//!
//! # The three flows
//!
//! **A call.** A line on stdin is a [`wire::Frame`]; `serve` reads its envelope and nothing more;
//! [`hub::Hub::call`] looks the name up in the index of the moment, without a lock; the upstream
//! makes its session ready and sends the bytes on; the result comes back as the bytes it was,
//! one line goes to the access log, and the bytes go to stdout.
//!
//! **Connecting.** The store is tried by a write, what is missing is asked for, a trial session
//! fetches the lists, then the key, the lists and last the configuration entry are saved: an
//! interrupted run leaves nothing but an orphan secret, which `doctor` names.
//!
//! **The start.** Settings, cached lists, index: `initialize` and `tools/list` are answered with
//! no network and no keychain; connections begin after the first request.

pub mod app;
pub mod auth;
pub mod catalog;
pub mod cli;
pub mod clients;
pub mod config;
pub mod connect;
pub mod demo;
pub mod disk;
pub mod hub;
pub mod kind;
pub mod log;
pub mod name;
pub mod net;
pub mod page;
pub mod secret;
pub mod serve;
pub mod store;
pub mod task;
pub mod template;
pub mod text;
pub mod ui;
pub mod upstream;
pub mod vault;
pub mod wire;
