//! What the integration tests stand on; it knows the product only as a binary.
//!
//! * [`env::TestEnv`]: a cleared environment and a home of its own; runs commands in it.
//! * `cli` and `golden`: what tests of commands do again and again, a terminal, kept documents.
//! * [`client::Serve`]: an MCP client over the pipes of `allmcp serve`, line by line; [`talk`]
//!   has what tests say to it again and again.
//! * [`duo::Duo`]: a client of either era in front of an upstream of either era; [`duo::matrix`]
//!   runs all four.
//! * [`live::Live`]: any other command that is talked to while it runs.
//! * [`upstream::Upstream`]: an MCP server over real HTTP, of either era, made by a
//!   [`script::Script`], that can be broken by a [`fault::Fault`] and records what it was sent.
//! * [`authorization`]: a stand-in authorization server, MCP servers that it protects, and a
//!   browser that comes back.
//!
//! Nothing here names the library, so that a test binary links in a moment. `wire` is what both
//! sides need to speak raw JSON-RPC; `net`, `server`, `legacy`, `modern`, `run`, `sse` and `state` are the inside
//! of the upstream.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    reason = "each test binary uses a part of this, and it plays the other side: it has threads, \
              an environment and pipes of its own, and takes `json!` as it comes"
)]

mod ask;
pub mod authorization;
pub mod cli;
pub mod client;
pub mod duo;
pub mod env;
pub mod fault;
pub mod golden;
mod legacy;
pub mod live;
mod modern;
mod net;
pub mod offer;
pub mod record;
mod run;
pub mod script;
mod server;
mod sse;
mod state;
pub mod talk;
pub mod task;
pub mod tool;
pub mod upstream;
pub mod wire;
